"""Losses: how far a prediction is from its target."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.op import MIXES, SCALES, Op, Sample, register

Range = tuple[int, int, int]


def _reduced(xp: Any, losses: Any, reduction: str) -> Any:
    if reduction == "none":
        return losses
    total = xp.sum(losses)
    return total / prod(losses.shape) if reduction == "mean" else total


def _times(slope: Any, g: Any, count: int, reduction: str) -> Any:
    """The slope of each cell times the cotangent, over the count where the loss is a mean."""
    return slope * g / count if reduction == "mean" else slope * g


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


def _cross_entropy(xp: Any, x: Any, target: Any, reduction: str) -> Any:
    log_probs = xp.log_softmax(x)
    if _classes(x, target):
        return _reduced(xp, -_picked(xp, log_probs, target), reduction)
    return _reduced(xp, -xp.sum(target * log_probs, axis=-1), reduction)


def _rowwise(xp: Any, g: Any, reduction: str) -> Any:
    return xp.expand_dims(g, -1) if reduction == "none" else g


def _cross_entropy_vjp(xp: Any, g: Any, y: Any, x: Any, target: Any, reduction: str) -> tuple[Any, ...]:
    """Bishop 2006, Pattern Recognition and Machine Learning, (4.109): prediction less target."""
    g, rows = _rowwise(xp, g, reduction), prod(x.shape[:-1])
    if _classes(x, target):
        error = xp.softmax(x) - xp.one_hot(target, depth=x.shape[-1], dtype=x.dtype)
        return _times(error, g, rows, reduction), None
    error = xp.softmax(x) * xp.sum(target, axis=-1, keepdims=True) - target
    return _times(error, g, rows, reduction), _times(-xp.log_softmax(x), g, rows, reduction)


def _nll_vjp(xp: Any, g: Any, y: Any, x: Any, target: Any, reduction: str) -> tuple[Any, ...]:
    hot = -xp.one_hot(target, depth=x.shape[-1], dtype=x.dtype)
    return _times(hot, _rowwise(xp, g, reduction), prod(x.shape[:-1]), reduction), None


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


def _bce(xp: Any, p: Any, t: Any, reduction: str) -> Any:
    """0 log 0 is 0, its limit: a certain and right prediction costs nothing."""
    right = xp.where(xp.abs(t) + xp.abs(p) == 0, 0, t * xp.log(p))
    wrong = xp.where(xp.abs(1 - t) + xp.abs(1 - p) == 0, 0, (1 - t) * xp.log1p(-p))
    return _reduced(xp, -(right + wrong), reduction)


def _bce_vjp(xp: Any, g: Any, y: Any, p: Any, t: Any, reduction: str) -> tuple[Any, ...]:
    count = prod(p.shape)
    return (
        _times(xp.where(p == t, 0, (p - t) / (p * (1 - p))), g, count, reduction),
        _times(xp.log1p(-p) - xp.log(p), g, count, reduction),
    )


def _bce_with_logits(xp: Any, z: Any, t: Any, reduction: str) -> Any:
    """t softplus(-z) + (1 - t) softplus(z): written so that no two large terms cancel."""
    losses = (1 - t) * xp.maximum(z, 0) + t * xp.maximum(-z, 0) + xp.log1p(xp.exp(-xp.abs(z)))
    return _reduced(xp, losses, reduction)


def _bce_with_logits_vjp(xp: Any, g: Any, y: Any, z: Any, t: Any, reduction: str) -> tuple[Any, ...]:
    count = prod(z.shape)
    return _times(xp.sigmoid(z) - t, g, count, reduction), _times(-z, g, count, reduction)


def _mse_vjp(xp: Any, g: Any, y: Any, x: Any, t: Any, reduction: str) -> tuple[Any, ...]:
    count = prod(x.shape)
    return _times(2 * (x - t), g, count, reduction), _times(-2 * (x - t), g, count, reduction)


_REDUCTION = {"reduction": Attr("str", "mean", choices=("mean", "sum", "none"))}
_LOGITS = [[1.0, -2.0, 0.5], [-0.25, 3.0, 1.5], [2.0, 0.75, -1.0], [0.1, -0.5, 1.25]]
_LOG_PROBS = [[-0.5, -2.0, -1.25], [-3.0, -0.25, -2.5]]
_SHARES = [[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8], [0.25, 0.5, 0.75]]
_CUBE = [[[1.0, -2.0, 0.5, 4.0], [-0.25, 3.0, 1.5, 0.75], [2.5, -1.0, 0.25, -3.0]],
         [[0.1, 1.2, -0.6, 2.2], [1.75, -0.5, 3.5, -1.5], [-2.25, 2.75, 5.0, 0.3]]]  # fmt: skip
_ROWS = [[1.0, -2.0, 0.5], [-0.25, 3.0, 1.5]]
_CHANCES = [[0.2, 0.5, 0.75], [0.9, 0.4, 0.05]]
_TARGETS = [[0.0, 1.0, 1.0], [0.75, 0.1, 0.3]]

register(
    Op(
        "cross_entropy",
        "Minus the logarithm of the probability that softmax gives to the target class.",
        back=MIXES,
        operands=("logits", "target"),
        forward=_cross_entropy,
        vjp=_cross_entropy_vjp,
        attrs=_REDUCTION,
        kinds=("f", "fi"),
        check=_check_cross_entropy,
        indexes=_classes_of,
        samples=(
            Sample((_LOGITS, [1, 0, 2, 1])),
            Sample((_LOGITS, _SHARES)),
            Sample((_CUBE, [[1, 0, 3], [2, 2, 1]]), {"reduction": "none"}),
            Sample((_LOGITS, _SHARES), {"reduction": "sum"}),
        ),
    ),
    Op(
        "nll",
        "Minus the log probability of the target class.",
        back="minus the gradient (of a mean over rows, its share) at the target class, 0 at the others",
        operands=("log_probs", "target"),
        forward=lambda xp, x, target, reduction: _reduced(xp, -_picked(xp, x, target), reduction),
        vjp=_nll_vjp,
        attrs=_REDUCTION,
        kinds=("f", "i"),
        check=_check_nll,
        linear_in=(0,),
        indexes=_classes_of,
        samples=(
            Sample((_LOG_PROBS, [1, 2])),
            Sample((_CUBE, [[1, 0, 3], [2, 2, 1]]), {"reduction": "none"}),
        ),
    ),
    Op(
        "bce",
        "Binary cross entropy of probabilities p and targets t.",
        back=SCALES,
        operands=("p", "t"),
        forward=_bce,
        vjp=_bce_vjp,
        attrs=_REDUCTION,
        check=_check_same,
        kink="a p of 0 or 1 gives 0 where t is the same, and is infinite where not: bce_with_logits has no such cells",
        samples=(Sample((_CHANCES, _TARGETS)), Sample((_CHANCES, _TARGETS), {"reduction": "none"})),
    ),
    Op(
        "bce_with_logits",
        "Binary cross entropy of sigmoid(z) and targets t, without the sigmoid's rounding.",
        back=SCALES,
        operands=("z", "t"),
        forward=_bce_with_logits,
        vjp=_bce_with_logits_vjp,
        attrs=_REDUCTION,
        check=_check_same,
        samples=(Sample((_ROWS, _TARGETS)), Sample((_ROWS, _TARGETS), {"reduction": "sum"})),
    ),
    Op(
        "mse",
        "The mean squared difference of prediction y and target t.",
        back=SCALES,
        operands=("y", "t"),
        forward=lambda xp, x, t, reduction: _reduced(xp, xp.square(x - t), reduction),
        vjp=_mse_vjp,
        attrs=_REDUCTION,
        check=_check_same,
        samples=(Sample((_ROWS, _TARGETS)), Sample((_ROWS, _TARGETS), {"reduction": "none"})),
    ),
)
