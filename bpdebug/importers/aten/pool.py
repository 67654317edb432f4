"""Windows: pooling, and images made larger."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.importers.aten.table import RULES, rule
from bpdebug.importers.lowering import Lowering, Operand, refuse
from bpdebug.importers.steps import pair


@rule("max_pool2d.default")
def max_pool2d(
    c: Lowering, x: Operand, size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil: bool = False
) -> Operand:
    refuse(not ceil and set(pair(dilation)) == {1}, "ceil_mode or a dilation")
    return c.emit("max_pool2d", x, size=pair(size), stride=pair(stride or size), padding=pair(padding))


RULES["max_pool2d_with_indices.default"] = lambda c, *given: [max_pool2d(c, *given), None]


@rule("avg_pool2d.default")
def avg_pool2d(
    c: Lowering, x: Operand, size: Any, stride: Any = (), padding: Any = 0, ceil: bool = False, padded: bool = True,
    divisor: int | None = None,
) -> Operand:  # fmt: skip
    refuse(not ceil and divisor is None and (padded or set(pair(padding)) == {0}), "ceil_mode or another divisor")
    return c.emit("avg_pool2d", x, size=pair(size), stride=pair(stride or size), padding=pair(padding))


@rule("max_pool1d.default")
def max_pool1d(
    c: Lowering, x: Operand, size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil: bool = False
) -> Operand:
    return _flat(c, x, "max_pool2d", size, stride, padding, ceil, set(pair(dilation, 1)) == {1})


@rule("avg_pool1d.default")
def avg_pool1d(
    c: Lowering, x: Operand, size: Any, stride: Any = (), padding: Any = 0, ceil: bool = False, padded: bool = True
) -> Operand:
    return _flat(c, x, "avg_pool2d", size, stride, padding, ceil, padded or set(pair(padding, 1)) == {0})


def _flat(c: Lowering, x: Operand, op: str, size: Any, stride: Any, padding: Any, ceil: bool, plain: bool) -> Operand:
    """A pool along one axis: of an image of one row."""
    refuse(plain and not ceil, "ceil_mode, a dilation or another divisor")
    (k,), (s,), (p,) = pair(size, 1), pair(stride or size, 1), pair(padding, 1)
    tall = c.emit("expand_dims", x, axis=x.rank - 1)
    return c.reshape(c.emit(op, tall, size=(1, k), stride=(1, s), padding=(0, p)), c.shape)


@rule("adaptive_avg_pool2d.default", "_adaptive_avg_pool2d.default")
def adaptive_avg_pool2d(c: Lowering, x: Operand, size: Any) -> Operand:
    """A mean of all, or of windows of one size; else a product with each axis's shares."""
    (high, wide), (rows, columns) = x.shape[-2:], c.shape[-2:]
    if (rows, columns) == (1, 1):
        return c.emit("mean", x, name="adaptive_avg_pool2d", axis=(-2, -1), keepdims=True)
    if high % rows == 0 and wide % columns == 0:
        window = high // rows, wide // columns
        return c.emit("avg_pool2d", x, name="adaptive_avg_pool2d", size=window, stride=window)
    left, right = c.constant("rows", _share(high, rows, x.dtype)), c.constant("columns", _share(wide, columns, x.dtype))
    right = c.emit("transpose", right)
    return c.emit("matmul", c.emit("matmul", left, x), right, name="adaptive_avg_pool2d")


def _share(size: int, count: int, dtype: Any) -> Any:
    """The share of each of `size` cells in each of `count` windows, which overlap where they do not divide."""
    found = np.zeros((count, size), dtype)
    for i in range(count):
        start, end = i * size // count, -(-(i + 1) * size // count)
        found[i, start:end] = 1 / (end - start)
    return found


RULES["adaptive_avg_pool1d.default"] = lambda c, x, size: c.reshape(
    c.emit("matmul", x, c.constant("shares", _share(x.shape[-1], c.shape[-1], x.dtype).T)), c.shape
)


@rule("upsample_nearest2d.vec", "upsample_nearest2d.default", "upsample_nearest1d.vec", "upsample_nearest1d.default")
def upsample_nearest(c: Lowering, x: Operand, *size: Any) -> Operand:
    """Each cell, as often along each axis as it is larger."""
    sizes, wanted = x.shape[2:], c.shape[2:]
    refuse(all(w % n == 0 for w, n in zip(wanted, sizes, strict=True)), "a size that is no multiple")
    apart = c.reshape(x, (*x.shape[:2], *(v for n in sizes for v in (n, 1))))
    blown = tuple(v for n, w in zip(sizes, wanted, strict=True) for v in (n, w // n))
    return c.reshape(c.emit("broadcast_to", apart, shape=(*x.shape[:2], *blown)), c.shape, "upsample_nearest")
