"""Losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.importers.aten.table import RULES, rule
from bpdebug.importers.lowering import Lowering, Operand, Rule

REDUCTIONS = {0: "none", 1: "mean", 2: "sum"}
"""What aten's number says."""


def _plain(op: str, attr: str = "") -> Rule:
    """A loss of a prediction and a target of its shape; behind the reduction may stand one attribute."""

    def apply(c: Lowering, x: Operand, target: Operand, reduction: int = 1, *more: float) -> Operand:
        given: dict[str, Any] = {attr: float(more[0])} if more else {}
        return c.emit(op, x, target, **given, reduction=REDUCTIONS[reduction])

    return apply


RULES |= {
    "mse_loss.default": _plain("mse"),
    "l1_loss.default": _plain("l1"),
    "smooth_l1_loss.default": _plain("smooth_l1", "beta"),
    "huber_loss.default": _plain("huber", "delta"),
}


RULES |= {
    "kl_div.default": lambda c, x, target, reduction=1, log_target=False: c.emit(
        "kl_div", x, target, log_target=log_target, reduction=REDUCTIONS[reduction]
    ),
    "hinge_embedding_loss.default": lambda c, x, target, margin=1.0, reduction=1: c.emit(
        "hinge_embedding", x, target, margin=float(margin), reduction=REDUCTIONS[reduction]
    ),
    "cosine_embedding_loss.default": lambda c, a, b, target, margin=0.0, reduction=1: c.emit(
        "cosine_embedding", a, b, target, margin=float(margin), reduction=REDUCTIONS[reduction]
    ),
}


@rule("triplet_margin_loss.default")
def triplet_margin(
    c: Lowering, anchor: Operand, positive: Operand, negative: Operand, margin: float = 1.0, p: float = 2.0,
    eps: float = 1e-6, swap: bool = False, reduction: int = 1,
) -> Operand:  # fmt: skip
    return c.emit(
        "triplet_margin", anchor, positive, negative, margin=float(margin), p=float(p), eps=eps, swap=swap,
        reduction=REDUCTIONS[reduction],
    )  # fmt: skip


@rule("multi_margin_loss.default")
def multi_margin(
    c: Lowering, x: Operand, target: Operand, p: int = 1, margin: float = 1.0, w: Operand | None = None,
    reduction: int = 1,
) -> Operand:  # fmt: skip
    weights = () if w is None else (w,)
    return c.emit("multi_margin", x, target, *weights, p=int(p), margin=float(margin), reduction=REDUCTIONS[reduction])


@rule("multilabel_margin_loss.default")
def multilabel_margin(c: Lowering, x: Operand, target: Operand, reduction: int = 1) -> Operand:
    """How far each class of a row's own is less than 1 above each other one: own ones stand before the first -1.

    One that stands there twice counts twice.
    """
    ids = c.known(target, "targets").reshape(-1, x.shape[-1])
    named = (row[: (row < 0).argmax() if (row < 0).any() else None] for row in ids)
    own = [np.bincount(row, minlength=x.shape[-1]) for row in named]
    pairs = np.array([np.outer(row, row == 0) for row in own], c.dtype) / x.shape[-1]
    rows = c.reshape(x, ids.shape)
    apart = c.emit("sub", c.emit("expand_dims", rows, axis=2), c.emit("expand_dims", rows, axis=1))
    short = c.emit("relu", c.emit("sub", 1.0, apart))
    found = c.emit("sum", c.emit("mul", short, c.constant("pairs", pairs)), name="multilabel_margin", axis=(1, 2))
    if reduction == 0:
        return c.reshape(found, c.shape)
    return c.emit(REDUCTIONS[reduction], found, name="multilabel_margin")


@rule("binary_cross_entropy.default")
def bce(c: Lowering, p: Operand, target: Operand, w: Operand | None = None, reduction: int = 1) -> Operand:
    return c.emit("bce", p, target, *(() if w is None else (w,)), reduction=REDUCTIONS[reduction])


@rule("binary_cross_entropy_with_logits.default")
def bce_with_logits(
    c: Lowering, z: Operand, target: Operand, w: Operand | None = None, positive: Operand | None = None,
    reduction: int = 1,
) -> Operand:  # fmt: skip
    weights = (1.0 if w is None else w, positive) if positive is not None else () if w is None else (w,)
    return c.emit("bce_with_logits", z, target, *weights, reduction=REDUCTIONS[reduction])


def _classes(
    c: Lowering, op: str, x: Operand, target: Operand, w: Operand | None, reduction: int, ignored: int, **more: Any
) -> Operand:
    """A loss over classes, which stand on axis 1, or on the only one."""
    axis = 1 if x.rank > 2 else -1
    skipped = None if target.dtype.kind == "f" or not _has(target, ignored) else ignored
    operands = (x, target) if w is None else (x, target, w)
    return c.emit(op, *operands, axis=axis, ignore_index=skipped, reduction=REDUCTIONS[reduction], **more)


def _has(target: Operand, ignored: int) -> bool:
    """Whether rows may be passed over: where the classes are known, it is seen."""
    return target.known is None or bool((target.known == ignored).any())


@rule("nll_loss_nd.default", "nll_loss.default")
def nll(
    c: Lowering, x: Operand, target: Operand, w: Operand | None = None, reduction: int = 1, ignored: int = -100
) -> Operand:
    return _classes(c, "nll", x, target, w, reduction, ignored)


@rule("nll_loss_forward.default", "nll_loss2d_forward.default")
def nll_forward(c: Lowering, *given: Any) -> list[Operand | None]:
    return [nll(c, *given), None]


@rule("cross_entropy_loss.default")
def cross_entropy(
    c: Lowering, x: Operand, target: Operand, w: Operand | None = None, reduction: int = 1, ignored: int = -100,
    smoothing: float = 0.0,
) -> Operand:  # fmt: skip
    return _classes(c, "cross_entropy", x, target, w, reduction, ignored, label_smoothing=float(smoothing))
