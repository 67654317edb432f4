"""What is taken by integers, and what is added where integers say."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from bpdebug.arrays import Array, Shape
from bpdebug.importers.aten.table import rule
from bpdebug.importers.lowering import Lowering, Operand, refuse
from bpdebug.importers.steps import permute


@rule("embedding.default")
def embedding(c: Lowering, table: Operand, ids: Operand, padding: int = -1, *how: Any) -> Operand:
    return c.emit("embedding", table, ids, padding_idx=None if padding == -1 else padding)


@rule("index_select.default")
def index_select(c: Lowering, x: Operand, dim: int, ids: Operand) -> Operand:
    return c.emit("gather", x, ids, axis=dim)


@rule("gather.default")
def gather(c: Lowering, x: Operand, dim: int, ids: Operand, **how: Any) -> Operand:
    """One cell for each of ids, which may be fewer than x's cells along the other axes: the first ones count."""
    part = _but(ids.shape, dim, x.shape)
    x = x if x.shape == part else c.emit("slice", x, key=tuple((0, n, 1) for n in part))
    return c.emit("take_along_axis", x, ids, axis=dim % x.rank)


class _Cells(NamedTuple):
    """What an index by integer tensors says: the tensor with these axes as one, `axis`, and the places along it.

    `order` is how the axes were permuted before, where the indexed ones are not beside one another.
    """

    x: Operand
    axis: int
    places: Array
    order: tuple[int, ...] | None


def _cells(c: Lowering, x: Operand, ids: list[Operand | None]) -> _Cells:
    """Integer tensors count through the axes they stand at as if these were one; a mask stands for its places."""
    given: list[tuple[int, Array]] = []
    at = 0
    for i in ids:
        known = None if i is None else c.known(i, "indices")
        masks = () if known is None or known.dtype.kind != "b" else known.nonzero()
        given += [] if known is None else list(enumerate(masks or (known,), at))
        at += len(masks) or 1
    axes = [n for n, _ in given]
    order = None
    if axes != list(range(axes[0], axes[0] + len(axes))):
        order = (*axes, *(n for n in range(x.rank) if n not in axes))
        x = c.emit("permute", x, axes=order)
    start = 0 if order else axes[0]
    sizes = x.shape[start : start + len(given)]
    arrays = np.broadcast_arrays(*(a for _, a in given))
    places = [np.where(a < 0, a + n, a) for a, n in zip(arrays, sizes, strict=True)]
    flat = np.ravel_multi_index(places, sizes) if places[0].size else np.zeros(places[0].shape, np.int64)
    merged = c.reshape(x, (*x.shape[:start], prod(sizes), *x.shape[start + len(given) :]))
    return _Cells(merged, start, flat, order)


@rule("index.Tensor", "_unsafe_index.Tensor")
def index(c: Lowering, x: Operand, ids: list[Operand | None]) -> Operand:
    found = _cells(c, x, ids)
    return c.emit("gather", found.x, c.constant("ids", found.places), name="index", axis=found.axis)


@rule("index_put.default")
def index_put(c: Lowering, x: Operand, ids: list[Operand | None], values: Operand, accumulate: bool = False) -> Operand:
    """Cells at an index replaced, or added to."""
    found = _cells(c, x, ids)
    shape, axis, many = found.x.shape, found.axis, found.places.size
    wanted = (*shape[:axis], *found.places.shape, *shape[axis + 1 :])
    values = values if values.shape == wanted else c.emit("broadcast_to", values, shape=wanted)
    row = c.reshape(values, (*shape[:axis], many, *shape[axis + 1 :]))
    places = found.places.reshape(-1)
    laid = c.emit("scatter_add", row, c.constant("ids", places), axis=axis, size=shape[axis])
    if accumulate:
        put = _onto(c, found.x, laid)
    else:
        mask = np.zeros(shape[axis], np.bool_)
        mask[places] = True
        put = _in_place(c, found.x, laid, mask.reshape(-1, *(1,) * (len(shape) - 1 - axis)), many)
    whole = c.reshape(put, x.shape if found.order is None else tuple(x.shape[n] for n in found.order))
    return whole if found.order is None else c.emit("permute", whole, axes=tuple(np.argsort(found.order).tolist()))


def _in_place(c: Lowering, x: Operand, laid: Operand, mask: Array, many: int) -> Operand:
    """Cells of a tensor replaced where a mask is true, by `many` of them; two in one place have no order."""
    refuse(int(mask.sum()) == many, "two cells for one place")
    return c.emit("where", c.constant("replaced", mask), laid, x)


@rule("index_add.default")
def index_add(c: Lowering, x: Operand, dim: int, ids: Operand, source: Operand, alpha: float = 1) -> Operand:
    source = source if alpha == 1 else c.emit("mul", source, alpha)
    return _onto(c, x, c.emit("scatter_add", source, ids, axis=dim % x.rank, size=x.shape[dim]))


@rule("scatter_add.default")
def scatter_add(c: Lowering, x: Operand, dim: int, ids: Operand, source: Operand) -> Operand:
    return _onto(c, x, _laid(c, x, dim, ids, source))


def _laid(c: Lowering, x: Operand, dim: int, ids: Operand, source: Operand) -> Operand:
    """Zeros of x's shape with the first cells of a source, as many as there are ids, added in their places."""
    if source.shape != ids.shape:
        source = c.emit("slice", source, key=tuple((0, n, 1) for n in ids.shape))
    laid = c.emit("scatter_along_axis", source, ids, axis=dim % x.rank, size=x.shape[dim])
    behind = tuple((0, n - m) for n, m in zip(x.shape, laid.shape, strict=True))
    return c.emit("pad", laid, widths=behind) if any(n for _, n in behind) else laid


def _onto(c: Lowering, x: Operand, added: Operand) -> Operand:
    """What is added to a tensor; alone where that holds only zeros."""
    return added if x.known is not None and not x.known.any() else c.emit("add", x, added)


def _mask(c: Lowering, x: Operand, dim: int, ids: Operand) -> Array:
    """Where along an axis something is put, of x's shape; booleans."""
    found = np.zeros(x.shape, np.bool_)
    np.put_along_axis(found[tuple(map(slice, _but(ids.shape, dim, x.shape)))], c.known(ids, "places"), True, dim)
    return found


def _but(shape: Shape, dim: int, other: Shape) -> Shape:
    """A shape but for one axis, whose size is another's."""
    return tuple(other[d] if d == dim % len(shape) else n for d, n in enumerate(shape))


@rule("scatter_reduce.two")
def scatter_reduce(
    c: Lowering, x: Operand, dim: int, ids: Operand, source: Operand, kind: str, *, include_self: bool = True,
) -> Operand:  # fmt: skip
    refuse(kind == "sum" and include_self, f"{kind} of what comes together")
    return scatter_add(c, x, dim, ids, source)


@rule("masked_select.default")
def masked_select(c: Lowering, x: Operand, mask: Operand) -> Operand:
    """The cells where a mask is true, in a row."""
    known = c.known(mask, "a mask")
    shape = np.broadcast_shapes(x.shape, known.shape)
    wide = x if x.shape == shape else c.emit("broadcast_to", x, shape=shape)
    places = np.flatnonzero(np.broadcast_to(known, shape))
    return c.emit("gather", c.reshape(wide, (-1,)), c.constant("ids", places), name="masked_select", axis=0)


@rule("masked_scatter.default")
def masked_scatter(c: Lowering, x: Operand, mask: Operand, source: Operand) -> Operand:
    """The first cells of a source, as many as a mask is true at, in its places."""
    places = np.flatnonzero(np.broadcast_to(c.known(mask, "a mask"), x.shape))
    row = c.emit("slice", c.reshape(source, (-1,)), key=((0, places.size, 1),))
    laid = c.emit("scatter_add", row, c.constant("ids", places), axis=0, size=prod(x.shape))
    return c.emit("where", mask, c.reshape(laid, x.shape), x, name="masked_scatter")


@rule("unfold.default")
def unfold(c: Lowering, x: Operand, dim: int, size: int, step: int) -> Operand:
    """Windows of an axis, whose cells are a new last one."""
    dim %= x.rank
    ids = np.arange(c.shape[dim])[:, None] * step + np.arange(size)
    found = c.emit("gather", x, c.constant("windows", ids), axis=dim)
    order = [n for n in range(found.rank) if n != dim + 1]
    return permute(c, found, (*order, dim + 1), "unfold")


@rule("scatter.src")
def scatter(c: Lowering, x: Operand, dim: int, ids: Operand, source: Operand) -> Operand:
    """Cells put in the places of others."""
    return _in_place(c, x, _laid(c, x, dim, ids, source), _mask(c, x, dim, ids), prod(ids.shape))


@rule("scatter.value")
def scatter_value(c: Lowering, x: Operand, dim: int, ids: Operand, value: float) -> Operand:
    return c.emit("masked_fill", x, c.constant("replaced", _mask(c, x, dim, ids)), value=float(value))


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
