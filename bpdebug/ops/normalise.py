"""Normalisation: cells brought to mean 0 and variance 1, then scaled by gamma and shifted by beta."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Axis, mean, refuse
from bpdebug.ops.op import CUBE, MIXES, ROWS, Op, Sample, register


def _check_eps(eps: float) -> None:
    if eps < 0:
        raise refuse(f"eps={eps} is negative", hint="eps keeps the square root from 0: 1e-5")


def _check_scales(x: Shape, scales: Sequence[Shape], fits: Sequence[Shape], one_for: str) -> None:
    for name, shape in zip(("gamma", "beta"), scales, strict=False):
        if shape not in fits:
            raise ShapeError(f"{name} of shape {shape} for x of shape {x}", hint=f"one {name} {one_for}")


def _check_last(x: Shape, *scales: Shape, eps: float) -> None:
    _check_eps(eps)
    if not x or x[-1] == 0:
        raise ShapeError(f"shape {x} has no cells along a last axis to normalise", hint="x is (..., features)")
    _check_scales(x, scales, ((), x[-1:]), f"a feature of the last axis: shape {x[-1:]}")


def _check_batch(x: Shape, *scales: Shape, eps: float) -> None:
    _check_eps(eps)
    if len(x) < 2:
        raise ShapeError(f"shape {x} has no axis 1 of channels", hint="x is (batch, channels, ...)")
    if x[0] * prod(x[2:]) == 0:
        raise ShapeError(f"shape {x} has no cells a channel to normalise", hint="the batch is empty")
    _check_scales(x, scales, (x[1:2],), f"a channel, axis 1: shape {x[1:2]}")


def _standard(xp: Any, x: Any, axis: Axis, eps: float) -> tuple[Any, Any]:
    """x with mean 0 and variance 1 over `axis`, and the deviation it was divided by."""
    off = x - mean(xp, x, axis, True)
    deviation = xp.sqrt(mean(xp, xp.square(off), axis, True) + eps)
    return off / deviation, deviation


def _unstandard(xp: Any, g: Any, unit: Any, deviation: Any, axis: Axis) -> Any:
    """The derivative of `_standard`: the cotangent less its mean and less its share along the result itself.

    Ioffe & Szegedy 2015 (arXiv:1502.03167), section 3, with the sums over mean and variance worked out.
    """
    return (g - mean(xp, g, axis, True) - unit * mean(xp, g * unit, axis, True)) / deviation


def _affine(unit: Any, gamma: Any = 1, beta: Any = None) -> Any:
    scaled = unit * gamma
    return scaled if beta is None else scaled + beta


def _layer_norm(xp: Any, x: Any, *scales: Any, eps: float) -> Any:
    unit, _ = _standard(xp, x, -1, eps)
    return _affine(unit, *scales)


def _layer_norm_vjp(xp: Any, g: Any, y: Any, x: Any, *scales: Any, eps: float) -> tuple[Any, ...]:
    """Ba, Kiros & Hinton 2016 (arXiv:1607.06450)."""
    unit, deviation = _standard(xp, x, -1, eps)
    into = g * scales[0] if scales else g
    return (_unstandard(xp, into, unit, deviation, -1), g * unit, g)[: 1 + len(scales)]


def _rms(xp: Any, x: Any, eps: float) -> Any:
    return xp.sqrt(mean(xp, xp.square(x), -1, True) + eps)


def _rms_norm_vjp(xp: Any, g: Any, y: Any, x: Any, *scales: Any, eps: float) -> tuple[Any, ...]:
    """Zhang & Sennrich 2019 (arXiv:1910.07467): as in layer_norm, without the mean."""
    rms = _rms(xp, x, eps)
    unit = x / rms
    into = g * scales[0] if scales else g
    return ((into - unit * mean(xp, into * unit, -1, True)) / rms, g * unit)[: 1 + len(scales)]


def _all_but_1(x: Any) -> int | tuple[int, ...]:
    return 0 if x.ndim == 2 else (0, *range(2, x.ndim))


def _per_channel(xp: Any, x: Any, *scales: Any) -> tuple[Any, ...]:
    """gamma and beta shaped so that they broadcast along axis 1 of x."""
    return tuple(s if x.ndim == 2 else xp.reshape(s, (x.shape[1], *(1,) * (x.ndim - 2))) for s in scales)


def _batch_norm(xp: Any, x: Any, *scales: Any, eps: float) -> Any:
    unit, _ = _standard(xp, x, _all_but_1(x), eps)
    return _affine(unit, *_per_channel(xp, x, *scales))


def _batch_norm_vjp(xp: Any, g: Any, y: Any, x: Any, *scales: Any, eps: float) -> tuple[Any, ...]:
    axes = _all_but_1(x)
    unit, deviation = _standard(xp, x, axes, eps)
    into = g * _per_channel(xp, x, scales[0])[0] if scales else g
    gamma, beta = xp.sum(g * unit, axis=axes), xp.sum(g, axis=axes)
    return (_unstandard(xp, into, unit, deviation, axes), gamma, beta)[: 1 + len(scales)]


_EPS = {"eps": Attr("float", 1e-5)}
_GAMMA, _BETA = [1.5, 0.5, -2.0], [0.25, -1.0, 0.75]
_GAMMA4, _BETA4 = [1.5, 0.5, -2.0, 1.25], [0.25, -1.0, 0.75, 2.0]

register(
    Op(
        "layer_norm",
        "Each row of the last axis brought to mean 0 and variance 1, then scaled and shifted.",
        back=MIXES,
        operands=("x", "gamma?", "beta?"),
        forward=_layer_norm,
        vjp=_layer_norm_vjp,
        attrs=_EPS,
        check=_check_last,
        broadcasts="elementwise",
        samples=(Sample((ROWS, _GAMMA, _BETA)), Sample((CUBE, _GAMMA4)), Sample((ROWS,), {"eps": 0.5})),
    ),
    Op(
        "rms_norm",
        "Each row of the last axis divided by its root mean square, then scaled.",
        back=MIXES,
        operands=("x", "gamma?"),
        forward=lambda xp, x, *scales, eps: _affine(x / _rms(xp, x, eps), *scales),
        vjp=_rms_norm_vjp,
        attrs=_EPS,
        check=_check_last,
        broadcasts="elementwise",
        samples=(Sample((ROWS, _GAMMA)), Sample((CUBE, _GAMMA4)), Sample((ROWS,), {"eps": 0.5})),
    ),
    Op(
        "batch_norm",
        "Each channel (axis 1) brought to mean 0 and variance 1 over the batch, then scaled and shifted.",
        back=MIXES,
        operands=("x", "gamma?", "beta?"),
        forward=_batch_norm,
        vjp=_batch_norm_vjp,
        attrs=_EPS,
        check=_check_batch,
        samples=(
            Sample(([*ROWS, [2.0, 0.75, -1.0], [4.0, -0.5, 0.1]], _GAMMA, _BETA)),
            Sample((CUBE, _GAMMA, _BETA)),
            Sample((CUBE,), {"eps": 0.5}),
        ),
    ),
)
