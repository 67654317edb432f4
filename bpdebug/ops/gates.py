"""Activations with an operand or a half of their own: prelu and glu."""

from __future__ import annotations

from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import axis_of
from bpdebug.ops.conventions import at_zero, sided
from bpdebug.ops.op import CUBE, MIXES, ROWS, SCALES, Op, Sample, register


def _check_prelu(x: Shape, slope: Shape) -> None:
    fits = [(), (1,), x[1:2]] if len(x) > 1 else [(), (1,)]
    if slope not in fits:
        hint = (
            f"one slope for all, or one for a channel, axis 1: shape {x[1:2]}" if len(x) > 1 else "one slope: shape ()"
        )
        raise ShapeError(f"a slope of shape {slope} for x of shape {x}", hint=hint)


def _wide(xp: Any, x: Any, slope: Any) -> Any:
    """The slopes shaped so that they broadcast along axis 1 of x."""
    if x.ndim == 0 and not isinstance(slope, (int, float)):
        return xp.reshape(slope, ())
    one = isinstance(slope, (int, float)) or slope.ndim == 0 or slope.shape == (1,) or x.ndim <= 2
    return slope if one else xp.reshape(slope, (x.shape[1], *(1,) * (x.ndim - 2)))


def _prelu_vjp(xp: Any, g: Any, y: Any, x: Any, slope: Any, at_zero: str = "left") -> tuple[Any, ...]:
    """He et al. 2015 (arXiv:1502.01852), section 2.1."""
    into = sided(xp, x, _wide(xp, x, slope) * g, g, at_zero)
    if isinstance(slope, (int, float)):
        return into, None
    axes = tuple(range(x.ndim)) if slope.shape in ((), (1,)) else tuple(a for a in range(x.ndim) if a != 1)
    total = xp.sum(xp.where(x > 0, 0, x * g), axis=axes)
    return into, xp.reshape(total, (1,)) if slope.shape == (1,) else total


def _check_glu(x: Shape, axis: int) -> None:
    size = x[axis_of(axis, x)]
    if size % 2:
        raise ShapeError(
            f"axis {axis} of {x} has size {size}, which has no two halves",
            hint="one half gates the other: make it even",
        )


def _halves(x: Any, axis: int) -> tuple[Any, Any]:
    here = axis_of(axis, x.shape)
    before, half = (slice(None),) * here, x.shape[here] // 2
    return x[(*before, slice(0, half))], x[(*before, slice(half, 2 * half))]


def _glu(xp: Any, x: Any, axis: int) -> Any:
    kept, gate = _halves(x, axis)
    return kept * xp.sigmoid(gate)


def _glu_vjp(xp: Any, g: Any, y: Any, x: Any, axis: int) -> tuple[Any, ...]:
    """Dauphin et al. 2017 (arXiv:1612.08083), section 2."""
    kept, gate = _halves(x, axis)
    passed = g * xp.sigmoid(gate)
    return (xp.concat([passed, passed * kept * xp.sigmoid(-gate)], axis=axis_of(axis, x.shape)),)


register(
    Op(
        "prelu",
        "Negative cells multiplied by a slope that is learnt: one for all, or one a channel (axis 1).",
        operands=("x", "slope"),
        forward=lambda xp, x, slope: xp.where(x > 0, x, _wide(xp, x, slope) * x),
        vjp=_prelu_vjp,
        back=SCALES,
        check=_check_prelu,
        conventions=at_zero("left"),
        kink="the derivative at 0 is taken to be the slope",
        samples=(Sample((ROWS, [0.25])), Sample((ROWS, [0.25, 0.5, -1.0])), Sample((CUBE, [0.25, 0.5, -1.0]))),
    ),
    Op(
        "glu",
        "One half of an axis times the sigmoid of the other half.",
        forward=_glu,
        vjp=_glu_vjp,
        back=MIXES,
        attrs={"axis": Attr("int", -1, positional=True)},
        check=_check_glu,
        samples=(Sample((CUBE,)), Sample((ROWS,), {"axis": 0})),
    ),
)
