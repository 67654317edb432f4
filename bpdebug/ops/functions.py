"""Functions of one number or two, beyond arithmetic: logarithms, angles, roundings."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from bpdebug.ops.op import ROWS, SCALES, Op, Sample, register

_POSITIVE = [[1.0, 2.0, 0.5], [0.25, 3.0, 1.5]]
_BETWEEN = [[1.25, -2.25, 0.625], [-0.25, 3.125, 1.75]]
_OTHERS = [[2.0, 1.25, -3.0], [0.5, -0.75, 4.0]]
_function = partial(Op, back=SCALES, samples=(Sample((ROWS,)),))
_of_positive = partial(_function, samples=(Sample((_POSITIVE,)),))
_step = partial(
    _function,
    samples=(Sample((_BETWEEN,)),),
    back="0 everywhere: a step has no slope",
    vjp=lambda xp, g, y, x: (0 * g,),
)
_pair = partial(
    Op,
    operands=("a", "b"),
    broadcasts="elementwise",
    back=SCALES,
    samples=(Sample((ROWS, _OTHERS)), Sample((ROWS, [[0.75], [2.0]])), Sample((ROWS, 2))),
)


def _unless(xp: Any, none: Any, slope: Any) -> Any:
    """A slope, and 0 where there is none."""
    return xp.where(none, 0, slope)


def _atan2_vjp(xp: Any, g: Any, y: Any, a: Any, b: Any) -> tuple[Any, ...]:
    """b / (a² + b²) and -a / (a² + b²), divided twice by the root, which neither overflows nor vanishes."""
    length = xp.hypot(a, b)
    return _unless(xp, length == 0, g * (b / length) / length), _unless(xp, length == 0, -g * (a / length) / length)


def _log(xp: Any, b: Any) -> Any:
    """The logarithm of an operand, or of a literal, which stays a number."""
    if not isinstance(b, (int, float)):
        return xp.log(b)
    return math.log(b) if b > 0 else -math.inf if b == 0 else math.nan


def _xlogy(xp: Any, a: Any, b: Any) -> Any:
    nothing = 0 if isinstance(b, (int, float)) else xp.where(b == b, 0, b)  # a NaN passes
    return xp.where(a == 0, nothing, a * _log(xp, b))


def _xlogy_vjp(xp: Any, g: Any, y: Any, a: Any, b: Any) -> tuple[Any, ...]:
    return xp.where(a == 0, xp.where(b <= 0, 0, g * _log(xp, b)), g * _log(xp, b)), _unless(xp, a == 0, g * a / b)


register(
    _function("expm1", "e to the power x, less 1.", lambda xp, x: xp.expm1(x), lambda xp, g, y, x: (g * xp.exp(x),)),
    _of_positive(
        "log1p", "The natural logarithm of 1 + x.", lambda xp, x: xp.log1p(x), lambda xp, g, y, x: (g / (1 + x),)
    ),
    _of_positive(
        "log2",
        "The logarithm to base 2.",
        lambda xp, x: xp.log2(x),
        lambda xp, g, y, x: (g / (x * math.log(2)),),
    ),
    _of_positive(
        "log10",
        "The logarithm to base 10.",
        lambda xp, x: xp.log10(x),
        lambda xp, g, y, x: (g / (x * math.log(10)),),
    ),
    _of_positive(
        "rsqrt",
        "1 over the square root.",
        lambda xp, x: 1 / xp.sqrt(x),
        lambda xp, g, y, x: (-g * y / (2 * x),),
    ),
    _function("reciprocal", "1 over x.", lambda xp, x: 1 / x, lambda xp, g, y, x: (-g * y**2,)),
    _function(
        "tan", "The tangent of an angle in radians.", lambda xp, x: xp.tan(x), lambda xp, g, y, x: (g * (1 + y**2),)
    ),
    _function("sinh", "The hyperbolic sine.", lambda xp, x: xp.sinh(x), lambda xp, g, y, x: (g * xp.cosh(x),)),
    _function("cosh", "The hyperbolic cosine.", lambda xp, x: xp.cosh(x), lambda xp, g, y, x: (g * xp.sinh(x),)),
    _function(
        "erf",
        "The error function: the chance that a normal number of variance 1/2 is within x of 0, with x's sign.",
        lambda xp, x: xp.erf(x),
        lambda xp, g, y, x: (g * (2 / math.sqrt(math.pi)) * xp.exp(-xp.square(x)),),
    ),
    _function(
        "erfc",
        "1 less the error function, with its digits also where that is nearly 1.",
        lambda xp, x: 2 * xp.normal_cdf(-math.sqrt(2) * x),
        lambda xp, g, y, x: (g * (-2 / math.sqrt(math.pi)) * xp.exp(-xp.square(x)),),
    ),
    _step(
        "sign",
        "-1, 0 or 1: on which side of 0.",
        forward=lambda xp, x: xp.sign(x),
        kinds=("fi",),
        kink="the derivative at 0 is taken to be 0",
    ),
    _step(
        "floor",
        "The largest whole number that is not above x.",
        forward=lambda xp, x: xp.floor(x),
        kink="the derivative at whole numbers is taken to be 0",
    ),
    _step(
        "round",
        "The nearest whole number; of two as near, the even one.",
        forward=lambda xp, x: xp.round(x),
        kink="the derivative between two whole numbers is taken to be 0",
    ),
    _pair(
        "mod",
        "What is left of a when b is taken from it a whole number of times; it has the sign of b.",
        forward=lambda xp, a, b: xp.remainder(a, b),
        vjp=lambda xp, g, y, a, b: (g, -g * (a - y) / b),  # floor(a / b) is off by 1 where a / b is rounded up to it
        kink="the derivative where a is a multiple of b is that to the right",
        samples=(Sample((_BETWEEN, _OTHERS)), Sample((_BETWEEN, [[0.8], [2.0]])), Sample((_BETWEEN, 2))),
    ),
    _pair(
        "atan2",
        "The angle of the point (b, a), in radians from -π to π.",
        forward=lambda xp, a, b: xp.atan2(a, b),
        vjp=_atan2_vjp,
        kink="at a = b = 0 there is no angle, and both gradients are 0",
    ),
    _pair(
        "hypot",
        "The length of the vector (a, b).",
        forward=lambda xp, a, b: xp.hypot(a, b),
        vjp=lambda xp, g, y, a, b: (_unless(xp, y == 0, g * (a / y)), _unless(xp, y == 0, g * (b / y))),
        kink="at a = b = 0 both gradients are 0",
    ),
    _pair(
        "logaddexp",
        "The logarithm of exp(a) + exp(b).",
        forward=lambda xp, a, b: xp.logaddexp(a, b),
        vjp=lambda xp, g, y, a, b: (g * xp.sigmoid(a - b), g * xp.sigmoid(b - a)),
    ),
    _pair(
        "xlogy",
        "a times the logarithm of b, and 0 where a is 0.",
        forward=_xlogy,
        vjp=_xlogy_vjp,
        kink="at a = 0 the gradient for b is 0; that for a is 0 where b is not positive",
        samples=(Sample((ROWS, _POSITIVE)), Sample((ROWS, [[0.75], [2.0]])), Sample((ROWS, 2))),
    ),
)
