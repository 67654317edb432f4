"""Activations: the bends between the matmuls, in forms that do not overflow."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import refuse
from bpdebug.ops.conventions import AT_NAN, at_zero, sided
from bpdebug.ops.op import ROUTES, SCALES, Op, Sample, register


def sigmoid(xp: Any, x: Any) -> Any:
    """1 / (1 + exp(-x)), with only ever a negative number in the exponent."""
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, e) / (1 + e)


def softplus(xp: Any, x: Any) -> Any:
    """log(1 + exp(x)), with only ever a negative number in the exponent."""
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


def _relu_vjp(
    xp: Any, g: Any, y: Any, x: Any, at_zero: str = "left", at_nan: str = "pass"
) -> tuple[Any, ...]:  # fmt: skip
    """A NaN lets the gradient through, but where that is chosen otherwise."""
    if at_zero in ("right", "sum"):
        return (xp.where(x >= 0, g, 0) if at_nan == "stop" else xp.where(x < 0, 0, g),)
    into = xp.where(x > 0, g, 0) if at_nan == "stop" else xp.where(x <= 0, 0, g)
    return (xp.where(x == 0, g / 2, into) if at_zero == "mean" else into,)


def _softplus(xp: Any, x: Any, beta: float, threshold: float | None) -> Any:
    if beta == 1 and threshold is None:
        return softplus(xp, x)
    bent = softplus(xp, beta * x) / beta
    return bent if threshold is None else xp.where(beta * x > threshold, x, bent)


def _softplus_vjp(xp: Any, g: Any, y: Any, x: Any, beta: float, threshold: float | None) -> tuple[Any, ...]:
    into = g * xp.sigmoid(x if beta == 1 else beta * x)
    return (into if threshold is None else xp.where(beta * x > threshold, g, into),)


def _check_beta(x: Shape, beta: float, threshold: float | None) -> None:
    if beta <= 0:
        raise refuse(f"beta={beta} is not positive", hint="beta says how sharp the corner is: 1.0")


def _check_alpha(x: Shape, alpha: float) -> None:
    if alpha == 0:
        raise refuse("alpha=0 leaves nothing to divide by", hint="alpha is what negative cells come near: 1.0")


def _mish_vjp(xp: Any, g: Any, y: Any, x: Any) -> tuple[Any, ...]:
    """Misra 2019 (arXiv:1908.08681): by the product rule, with the slope of tanh(softplus(x)).

    1 - tanh(softplus(x))² is written (2 s / (1 + s²))² with s = sigmoid(-x), which keeps its digits where it is small.
    """
    off = xp.sigmoid(-x)
    return (g * (xp.tanh(softplus(xp, x)) + x * xp.square(2 * off / (1 + off**2)) * xp.sigmoid(x)),)


_SLOPE, _CUBIC = 2 * math.sqrt(2 / math.pi), 0.044715


def _bend(xp: Any, x: Any) -> Any:
    return _SLOPE * (x + _CUBIC * xp.pow(x, 3))


def _gelu(xp: Any, x: Any, approximate: str) -> Any:
    if approximate == "tanh":
        return x * xp.sigmoid(_bend(xp, x))
    return x * xp.normal_cdf(x)


def _gelu_vjp(xp: Any, g: Any, y: Any, x: Any, approximate: str) -> tuple[Any, ...]:
    """Hendrycks & Gimpel 2016 (arXiv:1606.08415): x Φ(x), or its approximation by a tanh.

    (1 + tanh(u)) / 2 is written sigmoid(2u), which keeps its digits where the tanh comes near -1.
    """
    if approximate == "tanh":
        bend = _bend(xp, x)
        return (g * xp.sigmoid(bend) * (1 + x * xp.sigmoid(-bend) * _SLOPE * (1 + 3 * _CUBIC * x**2)),)
    return (g * (xp.normal_cdf(x) + x * xp.normal_pdf(x)),)


_SELU, _SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
"""Klambauer et al. 2017 (arXiv:1706.02515), appendix A.1: what keeps mean 0 and variance 1."""
_ROWS = [[1.0, -2.0, 0.5], [-0.25, 3.0, -1.5]]
_activation = partial(Op, back=SCALES, samples=(Sample((_ROWS,)),))

register(
    _activation(
        "relu",
        "Negative cells set to 0.",
        forward=lambda xp, x: xp.maximum(x, 0),
        vjp=_relu_vjp,
        conventions={**at_zero("left"), **AT_NAN},
        back=ROUTES,
        kink="the derivative at 0 is taken to be 0",
    ),
    _activation(
        "leaky_relu",
        "Negative cells multiplied by a small slope.",
        forward=lambda xp, x, slope: xp.where(x > 0, x, slope * x),
        vjp=lambda xp, g, y, x, slope, at_zero="left": (sided(xp, x, slope * g, g, at_zero),),
        conventions=at_zero("left"),
        attrs={"slope": Attr("float", 0.01)},
        kink="the derivative at 0 is taken to be the slope",
        samples=(Sample((_ROWS,)), Sample((_ROWS,), {"slope": 0.25})),
    ),
    _activation(
        "elu",
        "Negative cells bent to alpha * (exp(x) - 1).",
        forward=lambda xp, x, alpha: xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0))),
        vjp=lambda xp, g, y, x, alpha, at_zero="left": (
            sided(xp, x, g * alpha * xp.exp(xp.minimum(x, 0)), g, at_zero),
        ),
        conventions=at_zero("left"),
        attrs={"alpha": Attr("float", 1.0)},
        kink="the derivative at 0 is taken to be alpha",
        samples=(Sample((_ROWS,)), Sample((_ROWS,), {"alpha": 0.5})),
    ),
    _activation(
        "gelu",
        "x times the chance that a standard normal number is below it; approximate='tanh' comes near it.",
        forward=_gelu,
        vjp=_gelu_vjp,
        attrs={"approximate": Attr("str", "none", choices=("none", "tanh"))},
        samples=(Sample((_ROWS,)), Sample((_ROWS,), {"approximate": "tanh"})),
    ),
    _activation(
        "silu",
        "x times its sigmoid, also called swish.",
        forward=lambda xp, x: x * xp.sigmoid(x),
        vjp=lambda xp, g, y, x: (g * xp.sigmoid(x) * (1 + x * xp.sigmoid(-x)),),
    ),
    _activation(
        "softplus",
        "log(1 + exp(beta x)) / beta, a relu with its corner rounded; x itself where beta x is beyond a threshold.",
        forward=_softplus,
        vjp=_softplus_vjp,
        attrs={"beta": Attr("float", 1.0), "threshold": Attr("number", None)},
        check=_check_beta,
        samples=(Sample((_ROWS,)), Sample((_ROWS,), {"beta": 2.0, "threshold": 4.0})),
    ),
    _activation(
        "mish",
        "x times the tanh of its softplus.",
        forward=lambda xp, x: x * xp.tanh(softplus(xp, x)),
        vjp=_mish_vjp,
    ),
    _activation(
        "softsign",
        "x / (1 + |x|), between -1 and 1.",
        forward=lambda xp, x: x / (1 + xp.abs(x)),
        vjp=lambda xp, g, y, x: (g / xp.square(1 + xp.abs(x)),),
    ),
    _activation(
        "celu",
        "Negative cells bent to alpha * (exp(x / alpha) - 1), without a corner.",
        forward=lambda xp, x, alpha: xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0) / alpha)),
        vjp=lambda xp, g, y, x, alpha: (xp.where(x > 0, g, g * xp.exp(xp.minimum(x, 0) / alpha)),),
        attrs={"alpha": Attr("float", 1.0)},
        check=_check_alpha,
        samples=(Sample((_ROWS,)), Sample((_ROWS,), {"alpha": 0.5})),
    ),
    _activation(
        "selu",
        "An elu whose scale keeps mean 0 and variance 1.",
        forward=lambda xp, x: _SELU * xp.where(x > 0, x, _SELU_ALPHA * xp.expm1(xp.minimum(x, 0))),
        vjp=lambda xp, g, y, x, at_zero="left": (
            g * _SELU * sided(xp, x, _SELU_ALPHA * xp.exp(xp.minimum(x, 0)), 1, at_zero),
        ),
        conventions=at_zero("left"),
        kink="the derivative at 0 is taken to be that to the left, 1.7581",
    ),
    _activation(
        "sigmoid",
        "1 / (1 + exp(-x)), between 0 and 1.",
        forward=sigmoid,
        vjp=lambda xp, g, y, x: (g * y * xp.sigmoid(-x),),  # 1 - y, which is 0 long before the slope is
    ),
    _activation(
        "tanh",
        "The hyperbolic tangent, between -1 and 1.",
        forward=lambda xp, x: xp.tanh(x),
        vjp=lambda xp, g, y, x: (g * (1 - y**2),),
    ),
)
