"""Arithmetic and functions of single cells; the engine sums gradients back over broadcast axes."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import refuse
from bpdebug.ops.conventions import AT_NAN, TIES, at_zero, shares, sided
from bpdebug.ops.op import ROUTES, ROWS, SCALES, Op, Sample, register
from bpdebug.translation import _


def _pow_vjp(xp: Any, g: Any, y: Any, a: Any, b: Any) -> tuple[Any, ...]:
    """A literal has no gradient, and the logarithm of a base that may be negative is then not taken."""
    if isinstance(b, (int, float)):
        return g * b if b in (0, 1) else g * b * (a if b == 2 else xp.pow(a, b - 1)), None
    at_zero = xp.where(b >= 0, 0, -y)  # 0 ** -1 is infinite, and its logarithm minus infinity
    if isinstance(a, (int, float)):
        return None, g * (y * math.log(a) if a > 0 else at_zero if a == 0 else math.nan)
    base = xp.where(b == 0, 0, g * b * a ** (b - 1))
    return base, g * xp.where(a == 0, at_zero, y * xp.log(a))


def _pow_kink(a: float, b: float) -> str:
    """What `a ** b` does where it has no derivative."""
    words = _("x ** {b:g} begins at 0, where its slope is 0")
    if a < 0 and not float(b).is_integer():
        words = _("a negative base has no power {b:g}")
    elif a < 0:
        words = _("a negative base has powers to whole exponents only")
    elif a > 0:
        words = _("{a:g} ** {b:g} is beyond the range of floats")
    elif b < 0:
        words = _("0 ** {b:g} is infinite")
    elif b == 0:
        words = _("0 ** b is infinite for b below 0; at base 0 an exponent 0 gives gradient 0")
    elif b < 1:
        words = _("x ** {b:g} begins at 0, where its slope is infinite")
    return words.format(a=a, b=b)


def _clip(xp: Any, x: Any, min: float | None, max: float | None) -> Any:
    if min is not None:
        x = xp.maximum(x, min)
    return x if max is None else xp.minimum(x, max)


def _check_clip(x: Shape, min: float | None, max: float | None) -> None:
    if min is None and max is None:
        raise refuse("clip has neither min nor max", hint="give at least one of the two a number")
    if min is not None and max is not None and min > max:
        raise refuse(f"min={min} is greater than max={max}", hint="swap the two")


def _clip_vjp(
    xp: Any, g: Any, y: Any, x: Any, min: float | None, max: float | None, at_bounds: Any = 1.0, at_nan: str = "pass"
) -> tuple[Any, ...]:  # fmt: skip
    into = xp.where(xp.same(y, x) if at_nan == "pass" else y == x, g, 0)
    for bound, share in zip((min, max), shares(at_bounds), strict=True):
        if bound is not None and share != 1:
            into = xp.where(x == bound, 0 if share == 0 else share * g, into)
    return (into,)


def _larger(xp: Any, g: Any, a: Any, b: Any, tied: float = 0.5) -> Any:
    """The share of `g` that goes to `a` in maximum(a, b), of which it gets `tied` where both are equal."""
    if tied != 0.5:
        return xp.where(a < b, 0, g) if tied else xp.where(a <= b, 0, g)
    return xp.where(a < b, 0, xp.where(a == b, g / 2, g))


_TIED = {"share": (0.5, 0.5), "first": (1, 0), "last": (0, 1), "all": (1, 1)}


def _maximum_vjp(xp: Any, g: Any, y: Any, a: Any, b: Any, ties: str = "share") -> tuple[Any, ...]:
    left, right = _TIED[ties]
    return _larger(xp, g, a, b, left), _larger(xp, g, b, a, right)


def _minimum_vjp(xp: Any, g: Any, y: Any, a: Any, b: Any, ties: str = "share") -> tuple[Any, ...]:
    left, right = _TIED[ties]
    return _larger(xp, g, b, a, left), _larger(xp, g, a, b, right)


def _abs_vjp(xp: Any, g: Any, y: Any, x: Any, at_zero: str = "zero") -> tuple[Any, ...]:
    return (g * xp.sign(x) if at_zero == "zero" else sided(xp, x, -g, g, at_zero),)


def _sqrt_vjp(xp: Any, g: Any, y: Any, x: Any, at_zero: str = "inf") -> tuple[Any, ...]:
    into = g / (2 * y)
    return (into if at_zero == "inf" else xp.where(g == 0, 0, into),)


_POSITIVE = [[1.0, 2.0, 0.5], [0.25, 3.0, 1.5]]
_function = partial(Op, back=SCALES, samples=(Sample((ROWS,)),))
_arithmetic = partial(Op, operands=("a", "b"), broadcasts="elementwise")
_extreme = partial(
    _arithmetic,
    back=ROUTES,
    kinds=("fi",),
    samples=(
        Sample((ROWS, [[2.0, 1.0, -3.0], [0.5, 0.25, 4.0]])),
        Sample((ROWS, [[0.75], [2.0]])),
        Sample((ROWS, 0)),
    ),
)

register(
    _arithmetic(
        "add",
        "The sum, cell by cell.",
        forward=lambda xp, a, b: a + b,
        vjp=lambda xp, g, y, a, b: (g, g),
        back="the identity: add distributes, each operand gets the gradient as it is",
        kinds=("fi",),
        linear_in=(0, 1),
        infix="+",
        samples=(Sample((ROWS, _POSITIVE)), Sample((ROWS, [4.0, 0.5, -1.0])), Sample((ROWS, 2.5))),
    ),
    _arithmetic(
        "sub",
        "The difference, cell by cell.",
        forward=lambda xp, a, b: a - b,
        vjp=lambda xp, g, y, a, b: (g, -g),
        back="the identity, with a minus for what is subtracted",
        kinds=("fi",),
        linear_in=(0, 1),
        infix="-",
        samples=(Sample((ROWS, _POSITIVE)), Sample(([[4.0], [0.5]], ROWS)), Sample((1, ROWS))),
    ),
    _arithmetic(
        "mul",
        "The product, cell by cell.",
        forward=lambda xp, a, b: a * b,
        vjp=lambda xp, g, y, a, b: (g * b, g * a),
        back="a product with the same factor: mul swaps, each operand gets the gradient times the other one",
        kinds=("fib",),
        linear_in=(0, 1),
        infix="*",
        samples=(
            Sample((ROWS, _POSITIVE)),
            Sample(([[4.0], [0.5]], ROWS)),
            Sample((ROWS, [True, False, True])),
            Sample((2, ROWS)),
        ),
    ),
    _arithmetic(
        "div",
        "The quotient, cell by cell.",
        forward=lambda xp, a, b: a / b,
        vjp=lambda xp, g, y, a, b: (g / b, -g * y / b),
        back="a quotient by the same divisor; the divisor itself gets the gradient by its slope, -a / b ** 2",
        linear_in=(0,),
        infix="/",
        samples=(Sample((ROWS, _POSITIVE)), Sample((ROWS, [[4.0], [-0.5]])), Sample((1, _POSITIVE))),
    ),
    _arithmetic(
        "pow",
        "The base `a` to the exponent `b`; where the exponent is a tensor, the base must be positive.",
        forward=lambda xp, a, b: xp.pow(a, b),
        vjp=_pow_vjp,
        back=SCALES,
        infix="**",
        kink="an exponent 0 gives gradient 0, also at base 0",
        kink_at=_pow_kink,
        samples=(
            Sample((ROWS, 3)),
            Sample((_POSITIVE, [2.0, -1.0, 0.5])),
            Sample((2, ROWS)),
            Sample((_POSITIVE, -0.5)),
        ),
    ),
    _function(
        "neg",
        "The negative.",
        forward=lambda xp, x: -x,
        vjp=lambda xp, g, y, x: (-g,),
        back="the minus sign again",
        kinds=("fi",),
        linear_in=(0,),
        infix="-",
    ),
    _function("exp", "e to the power x.", lambda xp, x: xp.exp(x), lambda xp, g, y, x: (g * y,)),
    _function(
        "log",
        "The natural logarithm.",
        lambda xp, x: xp.log(x),
        lambda xp, g, y, x: (g / x,),
        samples=(Sample((_POSITIVE,)),),
    ),
    _function(
        "sqrt",
        "The square root.",
        lambda xp, x: xp.sqrt(x),
        _sqrt_vjp,
        conventions=at_zero("inf", "no_nan"),
        kink="at 0 the slope is infinite",
        samples=(Sample((_POSITIVE,)),),
    ),
    _function("square", "x times itself.", lambda xp, x: xp.square(x), lambda xp, g, y, x: (g * 2 * x,), kinds=("fi",)),
    _function(
        "abs",
        "The magnitude, without the sign.",
        lambda xp, x: xp.abs(x),
        _abs_vjp,
        conventions=at_zero("zero", "left", "right"),
        kinds=("fi",),
        kink="the derivative at 0 is taken to be 0",
    ),
    _function("sin", "The sine of an angle in radians.", lambda xp, x: xp.sin(x), lambda xp, g, y, x: (g * xp.cos(x),)),
    _function(
        "cos", "The cosine of an angle in radians.", lambda xp, x: xp.cos(x), lambda xp, g, y, x: (-g * xp.sin(x),)
    ),
    _extreme(
        "maximum",
        "The larger of two, cell by cell.",
        forward=lambda xp, a, b: xp.maximum(a, b),
        vjp=_maximum_vjp,
        conventions=TIES,
        kink="the smaller operand gets 0; at an exact tie both operands get half",
    ),
    _extreme(
        "minimum",
        "The smaller of two, cell by cell.",
        forward=lambda xp, a, b: xp.minimum(a, b),
        vjp=_minimum_vjp,
        conventions=TIES,
        kink="the larger operand gets 0; at an exact tie both operands get half",
    ),
    Op(
        "clip",
        "x held between min and max; None leaves a side open.",
        back=ROUTES,
        forward=_clip,
        vjp=_clip_vjp,
        attrs={"min": Attr("number", positional=True), "max": Attr("number", positional=True)},
        check=_check_clip,
        conventions={"at_bounds": Attr("share", 1.0), **AT_NAN},
        kink="the gradient passes at the bounds themselves, and is 0 beyond",
        samples=(Sample((ROWS,), {"min": -1.0, "max": 1.25}), Sample((ROWS,), {"min": None, "max": 0.75})),
    ),
)
