"""A loss of classes: a margin between the right one and the others."""

from __future__ import annotations

from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import refuse
from bpdebug.ops.classes import check_rows, classes_of
from bpdebug.ops.conventions import at_margin
from bpdebug.ops.loss import REDUCTION, reduced, spread
from bpdebug.ops.op import MIXES, Op, Sample, register


def _check_margin(x: Shape, target: Shape, *weight: Shape, p: int, margin: float, reduction: str) -> None:
    check_rows("scores", x, weight, -1, reduction)
    if p not in (1, 2):
        raise refuse(f"p={p} is neither 1 nor 2", hint="p=2 squares what is missing to the margin")
    if target != x[:-1]:
        raise ShapeError(
            f"target of shape {target} for scores of shape {x}",
            hint=f"a target is an integer class for each row: shape {x[:-1]}",
        )


def _missing(xp: Any, x: Any, target: Any, margin: float) -> tuple[Any, Any]:
    """How much each other class comes too near to the right one, 0 of the right one; and where the right one is."""
    hot = xp.one_hot(target, depth=x.shape[-1], dtype=x.dtype)
    right = xp.take_along_axis(x, xp.expand_dims(target, -1), axis=x.ndim - 1)
    return xp.where(hot == 1, 0, xp.maximum(margin - right + x, 0)), hot


def _multi_margin(xp: Any, x: Any, target: Any, *weight: Any, p: int, margin: float) -> Any:
    missing, _ = _missing(xp, x, target, margin)
    losses = xp.sum(xp.square(missing) if p == 2 else missing, axis=-1) / x.shape[-1]
    return losses * xp.take(weight[0], target, axis=0) if weight else losses


def _multi_margin_vjp(
    xp: Any, g: Any, x: Any, target: Any, *weight: Any, p: int, margin: float, at_margin: str = "zero"
) -> tuple[Any, ...]:
    """Crammer & Singer 2001 (JMLR 2, 265-292), with all classes for the nearest one."""
    missing, hot = _missing(xp, x, target, margin)
    each = g / x.shape[-1]
    if weight:
        each = each * xp.expand_dims(xp.take(weight[0], target, axis=0), -1)
    slope = 2 * missing * each if p == 2 else xp.where(missing > 0, each, 0)
    if p == 1 and at_margin == "slope":
        right = xp.take_along_axis(x, xp.expand_dims(target, -1), axis=x.ndim - 1)
        slope = xp.where(hot == 1, 0, xp.where(margin - right + x >= 0, each, 0))
    into = slope - hot * xp.sum(slope, axis=-1, keepdims=True)
    if not weight:
        return into, None
    losses = _multi_margin(xp, x, target, p=p, margin=margin)
    rows = xp.squeeze(g, -1) if g.ndim == x.ndim else g
    return into, None, xp.scatter_add(losses * rows, target, axis=0, size=x.shape[-1])


_SCORES = [[1.0, -2.0, 0.5], [-0.25, 3.0, 1.5], [2.0, 0.75, -1.0], [0.1, -0.5, 1.25]]

register(
    Op(
        "multi_margin",
        "How far the other classes come within the margin of the right one, over the number of classes.",
        back=MIXES,
        operands=("scores", "target", "weight?"),
        forward=reduced(_multi_margin),
        vjp=spread(_multi_margin_vjp, classes=1),
        attrs={"p": Attr("int", 1), "margin": Attr("float", 1.0), **REDUCTION},
        kinds=("f", "i", "f"),
        check=_check_margin,
        indexes=classes_of,
        conventions=at_margin("zero"),
        kink="the derivative at the margin is taken to be 0",
        samples=(
            Sample((_SCORES, [1, 0, 2, 1])),
            Sample((_SCORES, [1, 0, 2, 1], [0.5, 2.0, 1.25]), {"margin": 2.25, "reduction": "none"}),
            Sample((_SCORES, [1, 0, 2, 1]), {"p": 2}),
        ),
    ),
)  # fmt: skip
