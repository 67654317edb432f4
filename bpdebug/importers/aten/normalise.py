"""Normalisation and softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.importers.aten.table import rule
from bpdebug.importers.lowering import Lowering, Operand


def _scales(w: Operand | None, b: Operand | None) -> tuple[Any, ...]:
    """Scale and shift as operands; a scale that is left out before a shift is 1."""
    return (() if w is None else (w,)) if b is None else (1.0 if w is None else w, b)


@rule("layer_norm.default")
def layer_norm(
    c: Lowering, x: Operand, sizes: Any, w: Operand | None = None, b: Operand | None = None, eps: float = 1e-5,
    *how: Any,
) -> Operand:  # fmt: skip
    return c.emit("layer_norm", x, *_scales(w, b), axis=_last(sizes), eps=eps)


def _last(sizes: Any) -> int | tuple[int, ...]:
    """The last axes, as many as there are sizes."""
    return -1 if len(sizes) == 1 else tuple(range(-len(sizes), 0))


@rule("native_layer_norm.default")
def native_layer_norm(c: Lowering, *given: Any) -> list[Operand | None]:
    return [layer_norm(c, *given), None, None]


@rule("rms_norm.default", "_fused_rms_norm.default")
def rms_norm(c: Lowering, x: Operand, sizes: Any, w: Operand | None = None, eps: float | None = None) -> Operand:
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    return c.emit("rms_norm", x, *_scales(w, None), axis=_last(sizes), eps=eps)


@rule("group_norm.default")
def group_norm(
    c: Lowering, x: Operand, groups: int, w: Operand | None = None, b: Operand | None = None, eps: float = 1e-5,
    *how: Any,
) -> Operand:  # fmt: skip
    return c.emit("group_norm", x, *_scales(w, b), groups=groups, eps=eps)


@rule("native_group_norm.default")
def native_group_norm(
    c: Lowering, x: Operand, w: Operand | None, b: Operand | None, n: int, channels: int, cells: int, groups: int,
    eps: float,
) -> list[Operand | None]:  # fmt: skip
    return [group_norm(c, x, groups, w, b, eps), None, None]


@rule("instance_norm.default")
def instance_norm(
    c: Lowering, x: Operand, w: Operand | None, b: Operand | None, mean: Operand | None, var: Operand | None,
    own: bool, momentum: float, eps: float, *how: Any,
) -> Operand:  # fmt: skip
    if own:
        return c.emit("instance_norm", x, *_scales(w, b), eps=eps)
    return batch_norm(c, x, w, b, mean, var, False, momentum, eps)


@rule("batch_norm.default")
def batch_norm(
    c: Lowering, x: Operand, w: Operand | None, b: Operand | None, mean: Operand | None, var: Operand | None, own: bool,
    momentum: float, eps: float, *how: Any,
) -> Operand:  # fmt: skip
    """With the batch's own statistics, or with those that are given."""
    if own or mean is None or var is None:
        return c.emit("batch_norm", x, *_scales(w, b), eps=eps)
    return c.emit("batch_norm", x, 1.0 if w is None else w, 0.0 if b is None else b, mean, var, eps=eps)


@rule("native_batch_norm.default", "_native_batch_norm_legit_functional.default")
def native_batch_norm(c: Lowering, *given: Any) -> list[Operand | None]:
    return [batch_norm(c, *given), None, None, None, None]


@rule("_native_batch_norm_legit_no_training.default")
def batch_norm_given(
    c: Lowering, x: Operand, w: Operand | None, b: Operand | None, mean: Operand, var: Operand, momentum: float,
    eps: float,
) -> list[Operand | None]:  # fmt: skip
    return [batch_norm(c, x, w, b, mean, var, False, momentum, eps), None, None]


@rule("softmax.int", "_softmax.default")
def softmax(c: Lowering, x: Operand, dim: int, *how: Any, **more: Any) -> Operand:
    return c.emit("softmax", x, axis=dim)


@rule("_safe_softmax.default")
def safe_softmax(c: Lowering, x: Operand, dim: int, dtype: Any = None) -> Operand:
    """Softmax, and zeros where a row holds -inf alone, as torch has found it: what attends to nothing."""
    nothing = (c.result(0) == 0).all(axis=dim, keepdims=True)
    if not nothing.any():
        return c.emit("softmax", x, axis=dim)
    mask = c.constant("nothing", nothing)
    shares = c.emit("softmax", c.emit("masked_fill", x, mask, value=0.0), axis=dim)
    return c.emit("masked_fill", shares, mask, name="softmax", value=0.0)


@rule("log_softmax.int", "_log_softmax.default")
def log_softmax(c: Lowering, x: Operand, dim: int, *how: Any, **more: Any) -> Operand:
    return c.emit("log_softmax", x, axis=dim)
