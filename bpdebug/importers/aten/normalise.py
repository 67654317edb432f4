"""Normalisation and softmax."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bpdebug.importers.aten.lowering import Lowering, Operand
from bpdebug.importers.aten.table import rule


def _flat(c: Lowering, x: Operand | None, count: int) -> Operand | None:
    """A tensor whose last so many axes are one."""
    return None if x is None else c.reshape(x, (*x.shape[: x.rank - count], prod(x.shape[x.rank - count :])))


def _last(c: Lowering, op: str, x: Operand, sizes: Any, scales: list[Operand | None], eps: float) -> Operand:
    """An op over the last axis, of several as one."""
    count, shape = len(sizes), x.shape
    x, *scales = (_flat(c, t, count) for t in (x, *scales))  # type: ignore[assignment]  # x is no None
    if scales and scales[0] is None and any(s is not None for s in scales):
        return c.reshape(c.emit("add", c.emit(op, x, eps=eps), scales[1]), shape)
    return c.reshape(c.emit(op, x, *(s for s in scales if s is not None), eps=eps), shape)


@rule("layer_norm.default")
def layer_norm(
    c: Lowering,
    x: Operand,
    sizes: Any,
    w: Operand | None = None,
    b: Operand | None = None,
    eps: float = 1e-5,
    *how: Any,
) -> Operand:
    return _last(c, "layer_norm", x, sizes, [w, b], eps)


@rule("native_layer_norm.default")
def native_layer_norm(c: Lowering, *given: Any) -> list[Operand | None]:
    return [layer_norm(c, *given), None, None]


@rule("rms_norm.default", "_fused_rms_norm.default")
def rms_norm(c: Lowering, x: Operand, sizes: Any, w: Operand | None = None, eps: float | None = None) -> Operand:
    return _last(c, "rms_norm", x, sizes, [w], float(np.finfo(x.dtype).eps) if eps is None else eps)


def _channels(c: Lowering, v: Operand, x: Operand) -> Operand:
    """One number a channel, so that it lies along axis 1 of x."""
    return c.reshape(v, (-1, *(1,) * (x.rank - 2))) if x.rank > 2 else v


def _scaled(c: Lowering, y: Operand, w: Operand | None, b: Operand | None, name: str) -> Operand:
    """y times w plus b, one number a channel."""
    y = y if w is None else c.emit("mul", y, _channels(c, w, y))
    return y if b is None else c.emit("add", y, _channels(c, b, y), name=name)


@rule("group_norm.default")
def group_norm(
    c: Lowering,
    x: Operand,
    groups: int,
    w: Operand | None = None,
    b: Operand | None = None,
    eps: float = 1e-5,
    *how: Any,
) -> Operand:
    apart = c.reshape(x, (x.shape[0], groups, prod(x.shape[1:]) // groups))
    return _scaled(c, c.reshape(c.emit("layer_norm", apart, eps=eps), x.shape), w, b, "group_norm")


@rule("native_group_norm.default")
def native_group_norm(
    c: Lowering,
    x: Operand,
    w: Operand | None,
    b: Operand | None,
    n: int,
    channels: int,
    cells: int,
    groups: int,
    eps: float,
) -> list[Operand | None]:
    return [group_norm(c, x, groups, w, b, eps), None, None]


@rule("instance_norm.default")
def instance_norm(
    c: Lowering, x: Operand, w: Operand | None, b: Operand | None, mean: Operand | None, var: Operand | None, own: bool,
    momentum: float, eps: float, *how: Any,
) -> Operand:  # fmt: skip
    if own:
        return group_norm(c, x, x.shape[1], w, b, eps)
    return batch_norm(c, x, w, b, mean, var, False, momentum, eps)


@rule("batch_norm.default")
def batch_norm(
    c: Lowering, x: Operand, w: Operand | None, b: Operand | None, mean: Operand | None, var: Operand | None, own: bool,
    momentum: float, eps: float, *how: Any,
) -> Operand:  # fmt: skip
    """With the batch's own statistics, or with those that are given."""
    if own or mean is None or var is None:
        if w is None and b is not None:
            return _scaled(c, c.emit("batch_norm", x, eps=eps), w, b, "shifted")
        return c.emit("batch_norm", x, *(t for t in (w, b) if t is not None), eps=eps)
    deviation = c.emit("sqrt", c.emit("add", _channels(c, var, x), eps), name="deviation")
    return _scaled(c, c.emit("div", c.emit("sub", x, _channels(c, mean, x)), deviation), w, b, "batch_norm")


@rule("native_batch_norm.default", "_native_batch_norm_legit_functional.default")
def native_batch_norm(c: Lowering, *given: Any) -> list[Operand | None]:
    return [batch_norm(c, *given), None, None, None, None]


@rule("_native_batch_norm_legit_no_training.default")
def batch_norm_given(
    c: Lowering,
    x: Operand,
    w: Operand | None,
    b: Operand | None,
    mean: Operand,
    var: Operand,
    momentum: float,
    eps: float,
) -> list[Operand | None]:
    return [batch_norm(c, x, w, b, mean, var, False, momentum, eps), None, None]


@rule("softmax.int", "_softmax.default", "_safe_softmax.default")
def softmax(c: Lowering, x: Operand, dim: int, *how: Any, **more: Any) -> Operand:
    return c.emit("softmax", x, axis=dim)


@rule("log_softmax.int", "_log_softmax.default")
def log_softmax(c: Lowering, x: Operand, dim: int, *how: Any, **more: Any) -> Operand:
    return c.emit("log_softmax", x, axis=dim)
