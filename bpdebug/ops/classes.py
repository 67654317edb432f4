"""Losses of classes: how little a prediction gives to the one that is right."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import axis_of, refuse
from bpdebug.ops.loss import REDUCTION, check_count, reduced
from bpdebug.ops.op import CUBE, MIXES, Op, Sample, register

Range = tuple[int, int, int]


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def check_rows(name: str, x: Shape, weights: tuple[Shape, ...], axis: int, reduction: str) -> int:
    """The axis of the classes, counted from the start; ShapeError where there are none, or weights are not theirs."""
    where = "a last axis" if axis == -1 else f"axis {axis}"
    if not x or x[axis_of(axis, x)] == 0:
        raise ShapeError(f"{name} of shape {x} have no classes along {where}", hint=f"{name} are (..., classes)")
    axis = axis_of(axis, x)
    for weight in weights:
        if weight != (x[axis],):
            raise ShapeError(
                f"a weight of shape {weight} for {x[axis]} classes", hint=f"one weight a class: shape {(x[axis],)}"
            )
    check_count(_without(x, axis), reduction)
    return axis


def _check_cross_entropy(
    logits: Shape, target: Shape, *weight: Shape,
    axis: int, ignore_index: int | None, label_smoothing: float, reduction: str,
) -> None:  # fmt: skip
    rows = _without(logits, check_rows("logits", logits, weight, axis, reduction))
    if not 0 <= label_smoothing <= 1:
        raise refuse(f"label_smoothing={label_smoothing:g} is no share", hint="the share that all classes get: 0.1")
    if target not in (logits, rows):
        raise ShapeError(
            f"target of shape {target} for logits of shape {logits}",
            hint=f"a target is integer classes {rows}, or a share for each class {logits}",
        )


def _check_nll(
    log_probs: Shape, target: Shape, *weight: Shape, axis: int, ignore_index: int | None, reduction: str
) -> None:
    rows = _without(log_probs, check_rows("log_probs", log_probs, weight, axis, reduction))
    if target != rows:
        raise ShapeError(
            f"target of shape {target} for log_probs of shape {log_probs}",
            hint=f"a target is an integer class for each row: shape {rows}",
        )


def _classes(x: Any, target: Any, ignore_index: int | None) -> bool:
    """Whether the target is integer classes, not a share for each class; E_DTYPE where it is neither."""
    integers, rows = bool(target.dtype.kind == "i"), bool(target.shape != x.shape)
    if integers != rows:
        raise ShapeError(
            f"target of shape {target.shape} is {target.dtype} for logits of shape {x.shape}",
            hint='classes must be integers: { value = [0, 2, 1], dtype = "int64" }'
            if rows
            else "a share for each class must be floats; integer classes have one axis less",
            code="E_DTYPE",
        )
    if ignore_index is not None and not integers:
        raise refuse(
            "ignore_index is for integer classes, and the target is shares", hint="a row of zeros costs nothing"
        )
    return integers


class _Rows(NamedTuple):
    """What one loss is of: the axis of the classes, each row's class, which rows count (None: all), their weights."""

    axis: int
    ids: Any
    kept: Any = None
    weights: Any = None

    def one_hot(self, xp: Any, x: Any) -> Any:
        """A one at each row's class, in the shape of x."""
        hot = xp.one_hot(self.ids, depth=x.shape[self.axis], dtype=x.dtype)
        rank = x.ndim - 1
        order = (*range(self.axis % x.ndim), rank, *range(self.axis % x.ndim, rank))
        return hot if self.axis == -1 else xp.permute_dims(hot, order)

    def picked(self, xp: Any, x: Any) -> Any:
        """The cell of each row at its class."""
        at = xp.take_along_axis(x, xp.expand_dims(self.ids, self.axis), axis=self.axis % x.ndim)
        return xp.squeeze(at, self.axis)

    def counted(self, xp: Any, rows: Any) -> Any:
        """A number a row, 0 of those that are passed over."""
        return rows if self.kept is None else xp.where(self.kept, rows, 0)

    def size(self, xp: Any, x: Any) -> Any:
        """What a mean is over: the weights of the rows that count, or how many there are."""
        if self.weights is not None:
            return xp.sum(self.counted(xp, self.weights))
        return prod(x.shape) // x.shape[self.axis] if self.kept is None else xp.sum(xp.astype(self.kept, x.dtype))


def _rows(xp: Any, x: Any, target: Any, weight: tuple[Any, ...], axis: int, ignore_index: int | None) -> _Rows:
    kept = None if ignore_index is None else target != ignore_index
    ids = target if kept is None else xp.where(kept, target, 0)
    axis = -1 if axis_of(axis, x.shape) == x.ndim - 1 else axis_of(axis, x.shape)
    return _Rows(axis, ids, kept, xp.take(weight[0], ids, axis=0) if weight else None)


def _wide(xp: Any, x: Any, weight: tuple[Any, ...], axis: int) -> Any:
    """The weights of the classes, so that they broadcast along their axis of x; 1 where there are none."""
    behind = x.ndim - 1 - axis_of(axis, x.shape)
    return 1 if not weight else xp.reshape(weight[0], (x.shape[axis], *(1,) * behind)) if behind else weight[0]


def _reduced(xp: Any, x: Any, rows: _Rows, losses: Any, reduction: str) -> Any:
    losses = rows.counted(xp, losses)
    if reduction == "none":
        return losses
    return xp.sum(losses) / rows.size(xp, x) if reduction == "mean" else xp.sum(losses)


def _shared(xp: Any, x: Any, rows: _Rows, g: Any, y: Any, reduction: str, slope: Any, own: Any) -> tuple[Any, Any]:
    """The gradients of x and of the weights of rows, from the slope of a row's loss and the loss without its weight.

    A mean is over the weights, too: each moves it by how far its row's loss is from the mean.
    """
    size = rows.size(xp, x) if reduction == "mean" else 1
    wide = xp.expand_dims(g, rows.axis) if reduction == "none" else g
    into = slope * wide / size
    if rows.kept is not None:
        into = xp.where(xp.expand_dims(rows.kept, rows.axis), into, 0)
    if rows.weights is None:
        return into, None
    losses = rows.counted(xp, (own - y if reduction == "mean" else own) * g / size)
    return into, xp.scatter_add(losses, rows.ids, axis=0, size=x.shape[rows.axis])


# --- cross entropy


def _smoothed(share: float, classes: int, target: Any) -> Any:
    """A target of which a share goes to all classes alike."""
    return (1 - share) * target + share / classes if share else target


def _cross_entropy(
    xp: Any, x: Any, target: Any, *weight: Any,
    axis: int, ignore_index: int | None, label_smoothing: float, reduction: str,
) -> Any:  # fmt: skip
    log_probs, wide = xp.log_softmax(x, axis=axis), _wide(xp, x, weight, axis)
    if not _classes(x, target, ignore_index):
        shares = _smoothed(label_smoothing, x.shape[axis], target)
        return reduced(lambda xp, x: -xp.sum(shares * x * wide, axis=axis))(xp, log_probs, reduction=reduction)
    rows = _rows(xp, x, target, weight, axis, ignore_index)
    losses = -rows.picked(xp, log_probs)
    losses = losses if rows.weights is None else losses * rows.weights
    if label_smoothing:
        even = -xp.sum(log_probs * wide, axis=axis) / x.shape[axis]
        losses = (1 - label_smoothing) * losses + label_smoothing * even
    return _reduced(xp, x, rows, losses, reduction)


def _cross_entropy_vjp(
    xp: Any, g: Any, y: Any, x: Any, target: Any, *weight: Any,
    axis: int, ignore_index: int | None, label_smoothing: float, reduction: str,
) -> tuple[Any, ...]:  # fmt: skip
    """Bishop 2006, Pattern Recognition and Machine Learning, (4.109): prediction less target."""
    wide, probs, classes = _wide(xp, x, weight, axis), xp.softmax(x, axis=axis), x.shape[axis]
    if not _classes(x, target, ignore_index):
        return _of_shares(xp, g, x, target, *weight, axis=axis, share=label_smoothing, reduction=reduction)
    rows = _rows(xp, x, target, weight, axis, ignore_index)
    shares = _smoothed(label_smoothing, classes, rows.one_hot(xp, x))
    if weight and label_smoothing:
        slope = probs * xp.sum(shares * wide, axis=axis, keepdims=True) - shares * wide
    else:
        slope = (probs - shares) * (xp.expand_dims(rows.weights, rows.axis) if weight else 1)
    own = -rows.picked(xp, xp.log_softmax(x, axis=axis)) * (1 - label_smoothing if label_smoothing else 1)
    into, into_weight = _shared(xp, x, rows, g, y, reduction, slope, own)
    if weight and label_smoothing:
        size = rows.size(xp, x) if reduction == "mean" else 1
        even = xp.log_softmax(x, axis=axis) * (xp.expand_dims(g, rows.axis) if reduction == "none" else g) / size
        even = even if rows.kept is None else xp.where(xp.expand_dims(rows.kept, rows.axis), even, 0)
        into_weight = into_weight - xp.sum(even, axis=_others(x, axis)) * (label_smoothing / classes)
    return (into, None, into_weight)[: 2 + len(weight)]


def _others(x: Any, axis: int) -> tuple[int, ...]:
    return tuple(a for a in range(x.ndim) if a != axis_of(axis, x.shape))


def _of_shares(
    xp: Any, g: Any, x: Any, target: Any, *weight: Any, axis: int, share: float, reduction: str
) -> tuple[Any, ...]:
    """The gradients for logits, shares of the classes and weights of the classes."""
    shares = _smoothed(share, x.shape[axis], target)
    count = prod(x.shape) // x.shape[axis] if reduction == "mean" else 1
    g = xp.expand_dims(g, axis) if reduction == "none" else g
    wide, low = _wide(xp, x, weight, axis), xp.log_softmax(x, axis=axis)
    weighed = shares * wide
    into = (xp.softmax(x, axis=axis) * xp.sum(weighed, axis=axis, keepdims=True) - weighed) * g / count
    into_target = -low * wide * (1 - share if share else 1) * g / count
    into_weight = xp.sum(-shares * low * g / count, axis=_others(x, axis)) if weight else None
    return (into, into_target, into_weight)[: 2 + len(weight)]


# --- nll


def _nll(xp: Any, x: Any, target: Any, *weight: Any, axis: int, ignore_index: int | None, reduction: str) -> Any:
    rows = _rows(xp, x, target, weight, axis, ignore_index)
    losses = -rows.picked(xp, x)
    return _reduced(xp, x, rows, losses if rows.weights is None else losses * rows.weights, reduction)


def _nll_vjp(
    xp: Any, g: Any, y: Any, x: Any, target: Any, *weight: Any, axis: int, ignore_index: int | None, reduction: str
) -> tuple[Any, ...]:
    rows = _rows(xp, x, target, weight, axis, ignore_index)
    slope = -rows.one_hot(xp, x) * (xp.expand_dims(rows.weights, rows.axis) if weight else 1)
    into, into_weight = _shared(xp, x, rows, g, y, reduction, slope, -rows.picked(xp, x))
    return (into, None, into_weight)[: 2 + len(weight)]


def classes_of(shapes: tuple[Shape, ...], attrs: Mapping[str, Any]) -> Range:
    """That the integers of operand 1 are classes along an axis of operand 0; see `Op.indexes`."""
    return 1, 0, shapes[0][attrs.get("axis", -1)]


_LOGITS = [[1.0, -2.0, 0.5], [-0.25, 3.0, 1.5], [2.0, 0.75, -1.0], [0.1, -0.5, 1.25]]
_LOG_PROBS = [[-0.5, -2.0, -1.25], [-3.0, -0.25, -2.5]]
_SHARES = [[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8], [0.25, 0.5, 0.75]]
_WEIGHT = [0.5, 2.0, 1.25]
_NONE = {"reduction": "none"}
_ROWS_OF = {"axis": Attr("int", -1), "ignore_index": Attr("int", None)}
_ONE_EACH = Sample((CUBE, [[1, 0, 3], [2, 2, 1]]), _NONE)

register(
    Op(
        "cross_entropy",
        "Minus the logarithm of the probability that softmax gives to the target class.",
        back=MIXES,
        operands=("logits", "target", "weight?"),
        forward=_cross_entropy,
        vjp=_cross_entropy_vjp,
        attrs={**REDUCTION, **_ROWS_OF, "label_smoothing": Attr("float", 0.0)},
        kinds=("f", "fi", "f"),
        check=_check_cross_entropy,
        indexes=classes_of,
        samples=(
            Sample((_LOGITS, [1, 0, 2, 1])), Sample((_LOGITS, _SHARES)), _ONE_EACH,
            Sample((_LOGITS, _SHARES), {"reduction": "sum"}),
            Sample((_LOGITS, [1, -1, 2, 1], _WEIGHT), {"ignore_index": -1, "label_smoothing": 0.1}),
            Sample((CUBE, [[1, 0, 2, 2], [2, 0, 1, 0]], _WEIGHT), {"axis": 1}),
        ),
    ),
    Op(
        "nll",
        "Minus the log probability of the target class.",
        back="minus the gradient (of a mean over rows, its share) at the target class, 0 at the others",
        operands=("log_probs", "target", "weight?"),
        forward=_nll,
        vjp=_nll_vjp,
        attrs={**REDUCTION, **_ROWS_OF},
        kinds=("f", "i", "f"),
        check=_check_nll,
        linear_in=(0,),
        indexes=classes_of,
        samples=(
            Sample((_LOG_PROBS, [1, 2])), _ONE_EACH,
            Sample((_LOG_PROBS, [1, 2], _WEIGHT)), Sample((_LOG_PROBS, [-100, 2]), {"ignore_index": -100}),
        ),
    ),
)  # fmt: skip
