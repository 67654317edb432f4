"""Losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.importers.aten.lowering import Lowering, Operand
from bpdebug.importers.aten.shaping import permute
from bpdebug.importers.aten.table import REDUCTIONS, RULES, Rule, reduced, refuse, rule


def _plain(op: str) -> Rule:
    """A loss of a prediction and a target of its shape."""

    def apply(c: Lowering, x: Operand, target: Operand, reduction: int = 1) -> Operand:
        return c.emit(op, x, target, reduction=REDUCTIONS[reduction])

    return apply


RULES["mse_loss.default"] = _plain("mse")


@rule("binary_cross_entropy.default")
def bce(c: Lowering, x: Operand, target: Operand, w: Operand | None = None, reduction: int = 1) -> Operand:
    return _weighted(c, "bce", x, target, w, reduction)


def _weighted(c: Lowering, op: str, x: Operand, target: Operand, w: Operand | None, reduction: int) -> Operand:
    if w is None:
        return c.emit(op, x, target, reduction=REDUCTIONS[reduction])
    return reduced(c, c.emit("mul", c.emit(op, x, target, reduction="none"), w), reduction)


@rule("binary_cross_entropy_with_logits.default")
def bce_with_logits(
    c: Lowering,
    x: Operand,
    target: Operand,
    w: Operand | None = None,
    positive: Operand | None = None,
    reduction: int = 1,
) -> Operand:
    if positive is None:
        return _weighted(c, "bce_with_logits", x, target, w, reduction)
    # (1 - t) x + (1 + (positive - 1) t) softplus(-x), as PyTorch writes it
    slope = c.emit("add", c.emit("mul", c.emit("sub", positive, 1.0), target), 1.0)
    cost = c.emit("mul", slope, c.emit("softplus", c.emit("neg", x)))
    cost = c.emit("add", c.emit("mul", c.emit("sub", 1.0, target), x), cost)
    return reduced(c, cost if w is None else c.emit("mul", cost, w), reduction)


@rule("l1_loss.default")
def l1(c: Lowering, x: Operand, target: Operand, reduction: int = 1) -> Operand:
    return reduced(c, c.emit("abs", c.emit("sub", x, target)), reduction)


@rule("smooth_l1_loss.default")
def smooth_l1(c: Lowering, x: Operand, target: Operand, reduction: int = 1, beta: float = 1.0) -> Operand:
    """Half the square over beta where it is small, beyond beta the distance."""
    if beta == 0:
        return l1(c, x, target, reduction)
    off = c.emit("abs", c.emit("sub", x, target))
    near = c.emit("div", c.emit("square", off), 2 * beta)
    return reduced(c, c.emit("where", c.emit("less", off, beta), near, c.emit("sub", off, beta / 2)), reduction)


@rule("huber_loss.default")
def huber(c: Lowering, x: Operand, target: Operand, reduction: int = 1, delta: float = 1.0) -> Operand:
    off = c.emit("abs", c.emit("sub", x, target))
    near, far = c.emit("div", c.emit("square", off), 2.0), c.emit("mul", c.emit("sub", off, delta / 2), delta)
    return reduced(c, c.emit("where", c.emit("less", off, delta), near, far), reduction)


def _classes_last(c: Lowering, x: Operand) -> Operand:
    """Classes on the last axis: torch has them on axis 1."""
    return permute(c, x, (0, *range(2, x.rank), 1)) if x.rank > 2 else x


def _shares(
    c: Lowering, target: Operand, w: Operand | None, ignored: int, classes: int, dtype: Any
) -> tuple[Operand, Any]:
    """The target with a class for ignored rows too, and the weight of each row; None where all are 1."""
    ids = c.known(target, "classes")
    skipped = ids == ignored
    if w is None and not skipped.any():
        return target, None
    weights = np.ones(classes, dtype) if w is None else c.known(w, "weights")
    safe = np.where(skipped, 0, ids)
    return c.constant("target", safe), np.where(skipped, 0, weights[safe]).astype(dtype)


def _rows(c: Lowering, cost: Operand, weights: Any, reduction: int, name: str) -> Operand:
    """Costs of rows with their weights; a mean is over the weights."""
    cost = c.emit("mul", cost, c.constant("weights", weights))
    if reduction == 0:
        return cost
    total = c.emit("sum", cost)
    return total if reduction == 2 else c.emit("div", total, float(weights.sum()), name=name)


@rule("nll_loss_nd.default", "nll_loss.default")
def nll(
    c: Lowering, x: Operand, target: Operand, w: Operand | None = None, reduction: int = 1, ignored: int = -100
) -> Operand:
    x = _classes_last(c, x)
    target, weights = _shares(c, target, w, ignored, x.shape[-1], x.dtype)
    if weights is None:
        return c.emit("nll", x, target, reduction=REDUCTIONS[reduction])
    return _rows(c, c.emit("nll", x, target, reduction="none"), weights, reduction, "nll")


@rule("nll_loss_forward.default", "nll_loss2d_forward.default")
def nll_forward(c: Lowering, *given: Any) -> list[Operand | None]:
    return [nll(c, *given), None]


@rule("cross_entropy_loss.default")
def cross_entropy(
    c: Lowering, x: Operand, target: Operand, w: Operand | None = None, reduction: int = 1, ignored: int = -100,
    smoothing: float = 0.0,
) -> Operand:  # fmt: skip
    x = _classes_last(c, x)
    if target.dtype.kind == "f":
        refuse(w is None and smoothing == 0, "weights or smoothing of shares")
        return c.emit("cross_entropy", x, _classes_last(c, target), reduction=REDUCTIONS[reduction])
    target, weights = _shares(c, target, w, ignored, x.shape[-1], x.dtype)
    if weights is None and smoothing == 0:
        return c.emit("cross_entropy", x, target, reduction=REDUCTIONS[reduction])
    refuse(w is None or smoothing == 0, "weights and smoothing together")
    cost = c.emit("cross_entropy", x, target, reduction="none")
    if smoothing:
        even = c.emit("neg", c.emit("mean", c.emit("log_softmax", x), axis=(-1,)), name="even")
        cost = c.emit("add", c.emit("mul", cost, 1 - smoothing), c.emit("mul", even, smoothing), name="smoothed")
    return reduced(c, cost, reduction) if weights is None else _rows(c, cost, weights, reduction, "cross_entropy")
