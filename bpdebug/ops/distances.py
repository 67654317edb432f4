"""Losses of pairs and triplets: how far apart rows are."""

from __future__ import annotations

from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops import conventions
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import refuse
from bpdebug.ops.loss import REDUCTION, check_count, reduced, spread
from bpdebug.ops.op import MIXES, ROWS, Op, Sample, register
from bpdebug.ops.reduce import p_norm_vjp

TINY = 1e-12
"""What PyTorch adds to the squared length of a row before it divides by it."""


def _check_rows(*rows: Shape, reduction: str) -> None:
    if not rows[0] or any(shape != rows[0] for shape in rows):
        raise ShapeError(
            f"rows of shapes {' and '.join(map(str, rows))} do not belong together", hint="all are (..., features)"
        )
    check_count(rows[0][:-1], reduction)


def _check_cosine(a: Shape, b: Shape, target: Shape, *, margin: float, reduction: str) -> None:
    _check_rows(a, b, reduction=reduction)
    if target != a[:-1]:
        raise ShapeError(
            f"target of shape {target} for rows of shape {a}", hint=f"a target is 1 or -1 for each row: shape {a[:-1]}"
        )


def _check_triplet(*rows: Shape, p: float, eps: float, margin: float, swap: bool, reduction: str) -> None:
    _check_rows(*rows, reduction=reduction)
    if not p >= 1:
        raise refuse(f"p={p:g} is no norm", hint="p is 2 (the length), 1, inf, or another number above 1")


def _unit(xp: Any, x: Any) -> tuple[Any, Any]:
    """Rows of length 1, and the length they had."""
    length = xp.sqrt(xp.sum(xp.square(x), axis=-1, keepdims=True) + TINY)
    return x / length, length


def _cosine_embedding(xp: Any, a: Any, b: Any, target: Any, margin: float) -> Any:
    cosine = xp.sum(_unit(xp, a)[0] * _unit(xp, b)[0], axis=-1)
    return xp.where(target == 1, 1 - cosine, xp.maximum(cosine - margin, 0))


def _cosine_embedding_vjp(xp: Any, g: Any, a: Any, b: Any, target: Any, margin: float) -> tuple[Any, ...]:
    """Each row is drawn to the other's direction, less what of it is its own."""
    (a, long), (b, wide) = _unit(xp, a), _unit(xp, b)
    cosine = xp.sum(a * b, axis=-1, keepdims=True)
    near = xp.expand_dims(target, -1) == 1
    into = xp.where(near, -g, xp.where(cosine >= margin, g, 0))
    return into * (b - cosine * a) / long, into * (a - cosine * b) / wide, None


def _triplet(
    xp: Any, anchor: Any, positive: Any, negative: Any, margin: float, p: float, eps: float, swap: bool
) -> Any:
    """Balntas et al. 2016 (BMVC 119): with `swap` the negative's distance from the nearer of the two counts."""
    near, far = (xp.norm(anchor - x + eps, axis=-1, p=p) for x in (positive, negative))
    if swap:
        far = xp.minimum(far, xp.norm(positive - negative + eps, axis=-1, p=p))
    return xp.maximum(margin + near - far, 0)


def _along(xp: Any, g: Any, length: Any, row: Any, p: float) -> Any:
    """A length's rule: the gradient along its row."""
    return g * xp.unit(row, axis=-1) if p == 2 else p_norm_vjp(xp, g, length, row, -1, True, p)[0]


def _triplet_vjp(
    xp: Any, g: Any, anchor: Any, positive: Any, negative: Any, margin: float, p: float, eps: float, swap: bool,
    at_margin: str = "slope",
) -> tuple[Any, ...]:  # fmt: skip
    rows = (anchor - positive + eps, anchor - negative + eps, positive - negative + eps)
    near, far, cross = (xp.norm(row, axis=-1, keepdims=True, p=p) for row in rows)
    least = xp.minimum(far, cross) if swap else far
    short = margin + near - least
    into = xp.where(short > 0 if at_margin == "zero" else short >= 0, g, 0)
    own = xp.where(far < cross, into, xp.where(far == cross, into / 2, 0)) if swap else into
    to, away = _along(xp, into, near, rows[0], p), _along(xp, own, far, rows[1], p)
    if not swap:
        return to - away, -to, away
    apart = _along(xp, into - own, cross, rows[2], p)
    return to - away, -to - apart, away + apart


_OTHERS = [[0.25, 1.5, -1.0], [2.0, -0.75, 1.25]]
_THIRD = [[1.25, -1.0, 0.75], [0.5, 2.0, -0.5]]
_NONE = {"reduction": "none"}

register(
    Op(
        "cosine_embedding",
        "One less the cosine of two rows where target is 1; where it is -1, by how much it is above the margin.",
        operands=("a", "b", "target"),
        forward=reduced(_cosine_embedding),
        vjp=spread(_cosine_embedding_vjp, classes=1),
        attrs={"margin": Attr("float", 0.0), **REDUCTION},
        kinds=("f", "f", "fi"),
        back=MIXES,
        check=_check_cosine,
        kink="the derivative at the margin is taken from above",
        samples=(
            Sample((ROWS, _OTHERS, [1, 1])), Sample((ROWS, _OTHERS, [1.0, -1.0]), {"margin": -0.95, **_NONE}),
        ),
    ),
    Op(
        "triplet_margin",
        "By how much the anchor is not nearer, by a margin, to the positive than to the negative.",
        operands=("anchor", "positive", "negative"),
        forward=reduced(_triplet),
        vjp=spread(_triplet_vjp, classes=1),
        attrs={
            "margin": Attr("float", 1.0), "p": Attr("float", 2.0), "eps": Attr("float", 1e-6),
            "swap": Attr("bool", False), **REDUCTION,
        },
        back=MIXES,
        conventions=conventions.at_margin("slope"),
        check=_check_triplet,
        kink="the derivative at the margin is taken from where it is not kept",
        samples=(
            Sample((ROWS, _OTHERS, _THIRD), {"margin": 5.0}), Sample((ROWS, _OTHERS, _THIRD), {"p": 1.0, **_NONE}),
            Sample((ROWS, _OTHERS, _THIRD), {"margin": 3.0, "swap": True}),
        ),
    ),
)  # fmt: skip
