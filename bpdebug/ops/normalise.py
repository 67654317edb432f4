"""Normalisation: cells brought to mean 0 and variance 1, then scaled by gamma and shifted by beta."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Axis, axes_of, cells, mean, refuse
from bpdebug.ops.op import CUBE, MIXES, ROWS, Op, Sample, register


def _check_eps(eps: float) -> None:
    if eps < 0:
        raise refuse(f"eps={eps} is negative", hint="eps keeps the square root from 0: 1e-5")


def _check_scales(x: Shape, scales: Sequence[Shape], fits: Sequence[Shape], one_for: str) -> None:
    for name, shape in zip(("gamma", "beta", "mean", "var"), scales, strict=False):
        if shape not in fits:
            raise ShapeError(f"{name} of shape {shape} for x of shape {x}", hint=f"one {name} {one_for}")


def _check_axes(x: Shape, *scales: Shape, axis: Axis, eps: float) -> None:
    _check_eps(eps)
    if not x or cells(axis, x) == 0:
        where = "a last axis" if axis == -1 else f"axis {axis}"
        raise ShapeError(f"shape {x} has no cells along {where} to normalise", hint="x is (..., features)")
    axes = axes_of(axis, x)
    features = tuple(n if a in axes else 1 for a, n in enumerate(x))[min(axes) :]
    one_for = "of the last axis" if axes == (len(x) - 1,) else "of these axes"
    _check_scales(x, scales, ((), features), f"a feature {one_for}: shape {features}")


def _check_batch(x: Shape, *scales: Shape, eps: float) -> None:
    _check_channels(x, scales, eps)
    if len(scales) == 3:
        raise refuse("a mean is given, and no var", hint="give both, or none for those of the batch")
    if len(scales) < 3 and x[0] * prod(x[2:]) == 0:
        raise ShapeError(f"shape {x} has no cells a channel to normalise", hint="the batch is empty")


def _check_channels(x: Shape, scales: Sequence[Shape], eps: float) -> None:
    _check_eps(eps)
    if len(x) < 2:
        raise ShapeError(f"shape {x} has no axis 1 of channels", hint="x is (batch, channels, ...)")
    _check_scales(x, scales, ((), x[1:2]), f"a channel, axis 1: shape {x[1:2]}")


def _check_groups(x: Shape, *scales: Shape, groups: int, eps: float) -> None:
    _check_channels(x, scales, eps)
    if groups < 1 or x[1] % groups:
        raise refuse(f"groups={groups} for {x[1]} channels", hint="the groups are equal: groups divides the channels")
    if prod(x[1:]) == 0:
        raise ShapeError(f"shape {x} has no cells a group to normalise", hint="x is (batch, channels, ...)")


def _check_instances(x: Shape, *scales: Shape, eps: float) -> None:
    _check_channels(x, scales, eps)
    if len(x) < 3 or prod(x[2:]) == 0:
        raise ShapeError(f"shape {x} has no cells behind axis 1 to normalise", hint="x is (batch, channels, ...)")


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


def _affine(unit: Any, gamma: Any = 1, beta: Any = 0) -> Any:
    scaled = unit * gamma
    return scaled if type(beta) is int and beta == 0 else scaled + beta


def _layer_norm(xp: Any, x: Any, *scales: Any, axis: Axis, eps: float) -> Any:
    unit, _ = _standard(xp, x, axis, eps)
    return _affine(unit, *scales)


def _layer_norm_vjp(xp: Any, g: Any, y: Any, x: Any, *scales: Any, axis: Axis, eps: float) -> tuple[Any, ...]:
    """Ba, Kiros & Hinton 2016 (arXiv:1607.06450)."""
    unit, deviation = _standard(xp, x, axis, eps)
    into = g * scales[0] if scales else g
    return (_unstandard(xp, into, unit, deviation, axis), g * unit, g)[: 1 + len(scales)]


def _rms(xp: Any, x: Any, axis: Axis, eps: float) -> Any:
    return xp.sqrt(mean(xp, xp.square(x), axis, True) + eps)


def _rms_norm_vjp(xp: Any, g: Any, y: Any, x: Any, *scales: Any, axis: Axis, eps: float) -> tuple[Any, ...]:
    """Zhang & Sennrich 2019 (arXiv:1910.07467): as in layer_norm, without the mean."""
    rms = _rms(xp, x, axis, eps)
    unit = x / rms
    into = g * scales[0] if scales else g
    return ((into - unit * mean(xp, into * unit, axis, True)) / rms, g * unit)[: 1 + len(scales)]


def _all_but_1(x: Any) -> int | tuple[int, ...]:
    return 0 if x.ndim == 2 else (0, *range(2, x.ndim))


def _per_channel(xp: Any, x: Any, *scales: Any) -> tuple[Any, ...]:
    """gamma, beta and the like shaped so that they broadcast along axis 1 of x; one for all is a number."""
    return tuple(
        s
        if x.ndim == 2 or isinstance(s, int | float) or not s.ndim
        else xp.reshape(s, (x.shape[1], *(1,) * (x.ndim - 2)))
        for s in scales
    )


def _into_channels(xp: Any, x: Any, gradient: Any, *scales: Any) -> tuple[Any, ...]:
    """A gradient of x's shape summed for each of the scales: over all but axis 1, over all where it is one for all."""
    return tuple(
        xp.sum(gradient, axis=None if isinstance(s, int | float) or not s.ndim else _all_but_1(x)) for s in scales
    )


def _batch_norm(xp: Any, x: Any, gamma: Any = 1, beta: Any = 0, *given: Any, eps: float) -> Any:
    """With the batch's statistics, or with those that are given, as in evaluation.

    The running ones that PyTorch keeps in training are no part of it: (1 - momentum) * running + momentum * mean(x,
    axis=0) can be written beside it, and nothing carries what a program computes into the next step but an optimizer.
    """
    scales = _per_channel(xp, x, gamma, beta)
    if given:
        centre, var = _per_channel(xp, x, *given)
        return _affine((x - centre) / xp.sqrt(var + eps), *scales)
    return _affine(_standard(xp, x, _all_but_1(x), eps)[0], *scales)


def _batch_norm_vjp(xp: Any, g: Any, y: Any, x: Any, *scales: Any, eps: float) -> tuple[Any, ...]:
    axes, wide = _all_but_1(x), _per_channel(xp, x, *scales)
    into = g * wide[0] if scales else g
    if len(scales) < 4:
        unit, deviation = _standard(xp, x, axes, eps)
        return _unstandard(xp, into, unit, deviation, axes), *_of_scales(xp, g, unit, x, *scales)
    deviation = xp.sqrt(wide[3] + eps)
    unit = (x - wide[2]) / deviation
    (centre,) = _into_channels(xp, x, -into / deviation, scales[2])
    (var,) = _into_channels(xp, x, -into * unit / (2 * (wide[3] + eps)), scales[3])
    return into / deviation, *_of_scales(xp, g, unit, x, *scales[:2]), centre, var


def _of_scales(xp: Any, g: Any, unit: Any, x: Any, *scales: Any) -> tuple[Any, ...]:
    """The gradients of gamma and beta."""
    return tuple(_into_channels(xp, x, by, s)[0] for s, by in zip(scales, (g * unit, g), strict=False))


def _grouped(x: Any, groups: int) -> Shape:
    return x.shape[0], groups, prod(x.shape[1:]) // groups


def _group_norm(xp: Any, x: Any, *scales: Any, groups: int, eps: float) -> Any:
    """Wu & He 2018 (arXiv:1803.08494)."""
    unit, _ = _standard(xp, xp.reshape(x, _grouped(x, groups)), -1, eps)
    return _affine(xp.reshape(unit, x.shape), *_per_channel(xp, x, *scales))


def _group_norm_vjp(xp: Any, g: Any, y: Any, x: Any, *scales: Any, groups: int, eps: float) -> tuple[Any, ...]:
    rows = _grouped(x, groups)
    unit, deviation = _standard(xp, xp.reshape(x, rows), -1, eps)
    into = xp.reshape(g * _per_channel(xp, x, scales[0])[0] if scales else g, rows)
    into = xp.reshape(_unstandard(xp, into, unit, deviation, -1), x.shape)
    return into, *_of_scales(xp, g, xp.reshape(unit, x.shape), x, *scales)


def _instance_norm(xp: Any, x: Any, *scales: Any, eps: float) -> Any:
    """Ulyanov, Vedaldi & Lempitsky 2016 (arXiv:1607.08022)."""
    unit, _ = _standard(xp, x, tuple(range(2, x.ndim)), eps)
    return _affine(unit, *_per_channel(xp, x, *scales))


def _instance_norm_vjp(xp: Any, g: Any, y: Any, x: Any, *scales: Any, eps: float) -> tuple[Any, ...]:
    axes = tuple(range(2, x.ndim))
    unit, deviation = _standard(xp, x, axes, eps)
    into = g * _per_channel(xp, x, scales[0])[0] if scales else g
    return _unstandard(xp, into, unit, deviation, axes), *_of_scales(xp, g, unit, x, *scales)


_EPS = {"eps": Attr("float", 1e-5)}
_AXIS = {"axis": Attr("axis", -1), **_EPS}
_LEFT_OUT = {"gamma": 1, "beta": 0}
_GAMMA, _BETA = [1.5, 0.5, -2.0], [0.25, -1.0, 0.75]
_GAMMA4, _BETA4 = [1.5, 0.5, -2.0, 1.25], [0.25, -1.0, 0.75, 2.0]
_GAMMA34 = [[1.5, 0.5, -2.0, 1.25], [0.75, -1.0, 2.0, 0.5], [1.0, 0.25, -0.5, 1.75]]
_channels = partial(Op, back=MIXES, instead=_LEFT_OUT)

register(
    Op(
        "layer_norm",
        "Each row of the last axis brought to mean 0 and variance 1, then scaled and shifted.",
        back=MIXES,
        operands=("x", "gamma?", "beta?"),
        forward=_layer_norm,
        vjp=_layer_norm_vjp,
        attrs=_AXIS,
        check=_check_axes,
        broadcasts="elementwise",
        instead=_LEFT_OUT,
        samples=(
            Sample((ROWS, _GAMMA, _BETA)),
            Sample((CUBE, _GAMMA4)),
            Sample((ROWS,), {"eps": 0.5}),
            Sample((CUBE, 1, _GAMMA34), {"axis": (-2, -1)}),
        ),
    ),
    Op(
        "rms_norm",
        "Each row of the last axis divided by its root mean square, then scaled.",
        back=MIXES,
        operands=("x", "gamma?"),
        forward=lambda xp, x, *scales, axis, eps: _affine(x / _rms(xp, x, axis, eps), *scales),
        vjp=_rms_norm_vjp,
        attrs=_AXIS,
        check=_check_axes,
        broadcasts="elementwise",
        samples=(
            Sample((ROWS, _GAMMA)),
            Sample((CUBE, _GAMMA4)),
            Sample((ROWS,), {"eps": 0.5}),
            Sample((CUBE, _GAMMA34), {"axis": (1, 2)}),
        ),
    ),
    _channels(
        "batch_norm",
        "Each channel (axis 1) brought to mean 0 and variance 1 over the batch, or by a mean and var that are given, "
        "then scaled and shifted.",
        operands=("x", "gamma?", "beta?", "mean?", "var?"),
        forward=_batch_norm,
        vjp=_batch_norm_vjp,
        attrs=_EPS,
        check=_check_batch,
        samples=(
            Sample(([*ROWS, [2.0, 0.75, -1.0], [4.0, -0.5, 0.1]], _GAMMA, _BETA)),
            Sample((CUBE, _GAMMA, _BETA)),
            Sample((CUBE,), {"eps": 0.5}),
            Sample((CUBE, _GAMMA, _BETA, [0.5, 0.25, -1.0], [1.5, 0.5, 2.0])),
            Sample((ROWS, 1, 0, [0.5, 0.25, -1.0], [1.5, 0.5, 2.0])),
        ),
    ),
    _channels(
        "group_norm",
        "Each group of channels (axis 1) of each example brought to mean 0 and variance 1, then scaled and shifted.",
        operands=("x", "gamma?", "beta?"),
        forward=_group_norm,
        vjp=_group_norm_vjp,
        attrs={"groups": Attr("int", positional=True), **_EPS},
        check=_check_groups,
        samples=(
            Sample((CUBE, _GAMMA, _BETA), {"groups": 1}),
            Sample(([[[1.0, -2.0], [0.5, 3.0]]] * 2, 1, [0.5, -1.0]), {"groups": 2, "eps": 0.5}),
        ),
    ),
    _channels(
        "instance_norm",
        "Each channel (axis 1) of each example brought to mean 0 and variance 1, then scaled and shifted.",
        operands=("x", "gamma?", "beta?"),
        forward=_instance_norm,
        vjp=_instance_norm_vjp,
        attrs=_EPS,
        check=_check_instances,
        samples=(Sample((CUBE, _GAMMA, _BETA)), Sample((CUBE,), {"eps": 0.5})),
    ),
)
