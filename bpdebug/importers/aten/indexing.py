"""What is taken by integers, and what is added where integers say."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bpdebug.importers.aten.table import rule
from bpdebug.importers.lowering import Lowering, Operand, refuse


@rule("embedding.default")
def embedding(c: Lowering, table: Operand, ids: Operand, padding: int = -1, *how: Any) -> Operand:
    return c.emit("embedding", table, ids, padding_idx=None if padding == -1 else padding)


@rule("index_select.default")
def index_select(c: Lowering, x: Operand, dim: int, ids: Operand) -> Operand:
    return c.emit("gather", x, ids, axis=dim)


@rule("gather.default")
def gather(c: Lowering, x: Operand, dim: int, ids: Operand, **how: Any) -> Operand:
    return c.emit("take_along_axis", x, ids, axis=dim)


@rule("index.Tensor", "_unsafe_index.Tensor")
def index(c: Lowering, x: Operand, ids: list[Operand | None]) -> Operand:
    """Cells by integer tensors, which count through the axes they stand at as if these were one."""
    given = [c.known(i, "indices") for i in ids if i is not None]
    start = next(n for n, i in enumerate(ids) if i is not None)
    if given[0].dtype.kind == "b":
        given = list(given[0].nonzero())
    places = [n for n, i in enumerate(ids) if i is not None]
    if places != list(range(start, start + len(places))):
        order = [*places, *(n for n in range(x.rank) if n not in places)]
        x, start = c.emit("permute", x, axes=tuple(order)), 0
    sizes = x.shape[start : start + len(given)]
    given = [np.where(i < 0, i + n, i) for i, n in zip(np.broadcast_arrays(*given), sizes, strict=True)]
    flat = np.ravel_multi_index(given, sizes) if given[0].size else np.zeros(given[0].shape, np.int64)
    merged = c.reshape(x, (*x.shape[:start], prod(sizes), *x.shape[start + len(given) :]))
    return c.emit("gather", merged, c.constant("ids", flat), name="index", axis=start)


@rule("index_add.default")
def index_add(c: Lowering, x: Operand, dim: int, ids: Operand, source: Operand, alpha: float = 1) -> Operand:
    source = source if alpha == 1 else c.emit("mul", source, alpha)
    return _onto(c, x, c.emit("scatter_add", source, ids, axis=dim % x.rank, size=x.shape[dim]))


@rule("scatter_add.default")
def scatter_add(c: Lowering, x: Operand, dim: int, ids: Operand, source: Operand) -> Operand:
    return _onto(c, x, c.emit("scatter_along_axis", source, ids, axis=dim % x.rank, size=x.shape[dim]))


def _onto(c: Lowering, x: Operand, added: Operand) -> Operand:
    """What is added to a tensor; alone where that holds only zeros."""
    return added if x.known is not None and not x.known.any() else c.emit("add", x, added)


@rule("scatter.src")
def scatter(c: Lowering, x: Operand, dim: int, ids: Operand, source: Operand) -> Operand:
    """Cells put in the places of others, which are cleared before; two in one place are not covered."""
    places = c.known(ids, "places")
    free = np.ones(x.shape, x.dtype)
    np.put_along_axis(free, places, 0, dim)
    cleared = x if x.known is not None and not x.known.any() else c.emit("mul", x, c.constant("kept", free))
    return _onto(c, cleared, c.emit("scatter_along_axis", source, ids, axis=dim % x.rank, size=x.shape[dim]))


@rule("_embedding_bag.default", "_embedding_bag_forward_only.default")
def embedding_bag(
    c: Lowering, table: Operand, ids: Operand, offsets: Operand, by_frequency: bool = False, mode: int = 0,
    sparse: bool = False, weights: Operand | None = None, last: bool = False, padding: int = -1,
) -> list[Operand | None]:  # fmt: skip
    """Rows summed by bag, or their mean: each bag's rows times a matrix of shares."""
    refuse(mode in (0, 1) and weights is None and padding < 0, "max, weights or a padding row")
    rows, starts = c.known(ids, "ids"), c.known(offsets, "offsets")
    bag = np.searchsorted(starts, np.arange(rows.size), side="right") - 1
    shares = (bag == np.arange(starts.size)[:, None]).astype(c.dtype)
    if mode == 1:
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1)
    found = c.emit("matmul", c.constant("shares", shares), c.emit("embedding", table, ids), name="embedding_bag")
    return [found, None, None, None]
