"""Losses: how far a prediction is from its target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.op import CUBE, MIXES, ROWS, SCALES, Op, Sample, register

Range = tuple[int, int, int]


def _reduced(losses: Callable[..., Any]) -> Callable[..., Any]:
    """The forward rule of a loss, from the loss of each cell or row."""

    def forward(xp: Any, x: Any, target: Any, reduction: str) -> Any:
        each = losses(xp, x, target)
        if reduction == "none":
            return each
        return xp.sum(each) / prod(each.shape) if reduction == "mean" else xp.sum(each)

    return forward


def _spread(slopes: Callable[..., tuple[Any, ...]], classes: int = 0) -> Callable[..., tuple[Any, ...]]:
    """The rule of a loss, from its slope by each operand: times the cotangent, over the count where it is a mean.

    `classes` counts the last axes that one loss is of.
    """

    def vjp(xp: Any, g: Any, y: Any, x: Any, target: Any, reduction: str) -> tuple[Any, ...]:
        count = prod(x.shape[: x.ndim - classes])
        g = xp.expand_dims(g, -1) if classes and reduction == "none" else g
        spread = (None if slope is None else slope * g for slope in slopes(xp, x, target))
        return tuple(each / count if reduction == "mean" and each is not None else each for each in spread)

    return vjp


def _check_count(shape: Shape, reduction: str) -> None:
    if reduction == "mean" and prod(shape) == 0:
        raise ShapeError(f"a mean over shape {shape} is over no cells", hint='reduction="sum" gives 0')


# --- classes


def _check_rows(name: str, x: Shape, target: Shape, reduction: str) -> None:
    if not x or x[-1] == 0:
        raise ShapeError(f"{name} of shape {x} have no classes along a last axis", hint=f"{name} are (..., classes)")
    _check_count(x[:-1], reduction)


def _check_cross_entropy(logits: Shape, target: Shape, reduction: str) -> None:
    _check_rows("logits", logits, target, reduction)
    if target not in (logits, logits[:-1]):
        raise ShapeError(
            f"target of shape {target} for logits of shape {logits}",
            hint=f"a target is integer classes {logits[:-1]}, or a share for each class {logits}",
        )


def _check_nll(log_probs: Shape, target: Shape, reduction: str) -> None:
    _check_rows("log_probs", log_probs, target, reduction)
    if target != log_probs[:-1]:
        raise ShapeError(
            f"target of shape {target} for log_probs of shape {log_probs}",
            hint=f"a target is an integer class for each row: shape {log_probs[:-1]}",
        )


def _classes(x: Any, target: Any) -> bool:
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
    return integers


def _picked(xp: Any, log_probs: Any, target: Any) -> Any:
    """The cell of each row at its class."""
    last = len(log_probs.shape) - 1
    at = xp.take_along_axis(log_probs, xp.expand_dims(target, -1), axis=last)
    return xp.squeeze(at, -1)


def _cross_entropy(xp: Any, x: Any, target: Any) -> Any:
    log_probs = xp.log_softmax(x)
    return -_picked(xp, log_probs, target) if _classes(x, target) else -xp.sum(target * log_probs, axis=-1)


def _cross_entropy_slopes(xp: Any, x: Any, target: Any) -> tuple[Any, Any]:
    """Bishop 2006, Pattern Recognition and Machine Learning, (4.109): prediction less target."""
    if _classes(x, target):
        return xp.softmax(x) - xp.one_hot(target, depth=x.shape[-1], dtype=x.dtype), None
    return xp.softmax(x) * xp.sum(target, axis=-1, keepdims=True) - target, -xp.log_softmax(x)


def _classes_of(shapes: tuple[Shape, ...], attrs: Mapping[str, Any]) -> Range:
    return 1, 0, shapes[0][-1]


# --- cell by cell


def _check_same(x: Shape, target: Shape, reduction: str) -> None:
    if x != target:
        raise ShapeError(
            f"prediction of shape {x} and target of shape {target} differ",
            hint="they would broadcast to every pair of cells; make them one shape with reshape or squeeze",
        )
    _check_count(x, reduction)


def _bce(xp: Any, p: Any, t: Any) -> Any:
    """0 log 0 is 0, its limit: a certain and right prediction costs nothing."""
    right = xp.where(xp.abs(t) + xp.abs(p) == 0, 0, t * xp.log(p))
    wrong = xp.where(xp.abs(1 - t) + xp.abs(1 - p) == 0, 0, (1 - t) * xp.log1p(-p))
    return -(right + wrong)


def _bce_slopes(xp: Any, p: Any, t: Any) -> tuple[Any, Any]:
    return xp.where(p == t, 0, (p - t) / (p * (1 - p))), xp.log1p(-p) - xp.log(p)


def _bce_with_logits(xp: Any, z: Any, t: Any) -> Any:
    """t softplus(-z) + (1 - t) softplus(z): written so that no two large terms cancel."""
    return (1 - t) * xp.maximum(z, 0) + t * xp.maximum(-z, 0) + xp.log1p(xp.exp(-xp.abs(z)))


_LOGITS = [[1.0, -2.0, 0.5], [-0.25, 3.0, 1.5], [2.0, 0.75, -1.0], [0.1, -0.5, 1.25]]
_LOG_PROBS = [[-0.5, -2.0, -1.25], [-3.0, -0.25, -2.5]]
_SHARES = [[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8], [0.25, 0.5, 0.75]]
_CHANCES = [[0.2, 0.5, 0.75], [0.9, 0.4, 0.05]]
_TARGETS = [[0.0, 1.0, 1.0], [0.75, 0.1, 0.3]]
_loss = partial(Op, attrs={"reduction": Attr("str", "mean", choices=("mean", "sum", "none"))})

register(
    _loss(
        "cross_entropy",
        "Minus the logarithm of the probability that softmax gives to the target class.",
        back=MIXES,
        operands=("logits", "target"),
        forward=_reduced(_cross_entropy),
        vjp=_spread(_cross_entropy_slopes, classes=1),
        kinds=("f", "fi"),
        check=_check_cross_entropy,
        indexes=_classes_of,
        samples=(
            Sample((_LOGITS, [1, 0, 2, 1])),
            Sample((_LOGITS, _SHARES)),
            Sample((CUBE, [[1, 0, 3], [2, 2, 1]]), {"reduction": "none"}),
            Sample((_LOGITS, _SHARES), {"reduction": "sum"}),
        ),
    ),
    _loss(
        "nll",
        "Minus the log probability of the target class.",
        back="minus the gradient (of a mean over rows, its share) at the target class, 0 at the others",
        operands=("log_probs", "target"),
        forward=_reduced(lambda xp, x, target: -_picked(xp, x, target)),
        vjp=_spread(lambda xp, x, target: (-xp.one_hot(target, depth=x.shape[-1], dtype=x.dtype), None), classes=1),
        kinds=("f", "i"),
        check=_check_nll,
        linear_in=(0,),
        indexes=_classes_of,
        samples=(
            Sample((_LOG_PROBS, [1, 2])),
            Sample((CUBE, [[1, 0, 3], [2, 2, 1]]), {"reduction": "none"}),
        ),
    ),
    _loss(
        "bce",
        "Binary cross entropy of probabilities p and targets t.",
        back=SCALES,
        operands=("p", "t"),
        forward=_reduced(_bce),
        vjp=_spread(_bce_slopes),
        check=_check_same,
        kink="a p of 0 or 1 gives 0 where t is the same, and is infinite where not: bce_with_logits has no such cells",
        samples=(Sample((_CHANCES, _TARGETS)), Sample((_CHANCES, _TARGETS), {"reduction": "none"})),
    ),
    _loss(
        "bce_with_logits",
        "Binary cross entropy of sigmoid(z) and targets t, without the sigmoid's rounding.",
        back=SCALES,
        operands=("z", "t"),
        forward=_reduced(_bce_with_logits),
        vjp=_spread(lambda xp, z, t: (xp.sigmoid(z) - t, -z)),
        check=_check_same,
        samples=(Sample((ROWS, _TARGETS)), Sample((ROWS, _TARGETS), {"reduction": "sum"})),
    ),
    _loss(
        "mse",
        "The mean squared difference of prediction y and target t.",
        back=SCALES,
        operands=("y", "t"),
        forward=_reduced(lambda xp, x, t: xp.square(x - t)),
        vjp=_spread(lambda xp, x, t: (2 * (x - t), -2 * (x - t))),
        check=_check_same,
        samples=(Sample((ROWS, _TARGETS)), Sample((ROWS, _TARGETS), {"reduction": "none"})),
    ),
)
