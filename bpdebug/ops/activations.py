"""Activations: the bends between the matmuls, in forms that do not overflow."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from bpdebug.ops.attributes import Attr
from bpdebug.ops.op import ROUTES, SCALES, Op, Sample, register


def sigmoid(xp: Any, x: Any) -> Any:
    """1 / (1 + exp(-x)), with only ever a negative number in the exponent."""
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, e) / (1 + e)


def softplus(xp: Any, x: Any) -> Any:
    """log(1 + exp(x)), with only ever a negative number in the exponent."""
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


_SLOPE, _CUBIC = 2 * math.sqrt(2 / math.pi), 0.044715


def _bend(xp: Any, x: Any) -> Any:
    return _SLOPE * (x + _CUBIC * x**3)


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


_ROWS = [[1.0, -2.0, 0.5], [-0.25, 3.0, -1.5]]
_activation = partial(Op, back=SCALES, samples=(Sample((_ROWS,)),))

register(
    _activation(
        "relu",
        "Negative cells set to 0.",
        forward=lambda xp, x: xp.maximum(x, 0),
        vjp=lambda xp, g, y, x: (xp.where(x <= 0, 0, g),),  # a NaN lets the gradient through
        back=ROUTES,
        kink="the derivative at 0 is taken to be 0",
    ),
    _activation(
        "leaky_relu",
        "Negative cells multiplied by a small slope.",
        forward=lambda xp, x, slope: xp.where(x > 0, x, slope * x),
        vjp=lambda xp, g, y, x, slope: (xp.where(x > 0, g, slope * g),),
        attrs={"slope": Attr("float", 0.01)},
        kink="the derivative at 0 is taken to be the slope",
        samples=(Sample((_ROWS,)), Sample((_ROWS,), {"slope": 0.25})),
    ),
    _activation(
        "elu",
        "Negative cells bent to alpha * (exp(x) - 1).",
        forward=lambda xp, x, alpha: xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0))),
        vjp=lambda xp, g, y, x, alpha: (xp.where(x > 0, g, g * alpha * xp.exp(xp.minimum(x, 0))),),
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
        "log(1 + exp(x)), a relu with its corner rounded.",
        forward=softplus,
        vjp=lambda xp, g, y, x: (g * xp.sigmoid(x),),
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
