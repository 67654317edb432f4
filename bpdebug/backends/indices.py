"""Cells by their indices, and their adjoints, of words that every library has.

Where only shapes and attributes say what is meant, NumPy works out which cells go where, and no cell of an operand
leaves its device.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bpdebug.arrays import Array, Key, Shape, is_list


def numbers(shape: Shape) -> Array:
    """Every cell's number in an array of this shape."""
    return np.arange(math.prod(shape)).reshape(shape)


def wrapped(xp: Any, ids: Any, size: int) -> Any:
    """Indices counted from the beginning."""
    return xp.where(ids < 0, ids + size, ids)


def take_cells(xp: Any, x: Any, cells: Any) -> Any:
    """The cells of these numbers, in the shape of the numbers (NumPy's, or the library's)."""
    ids = xp.asarray(np.asarray(cells)) if isinstance(cells, np.ndarray | np.generic) else cells
    return xp.reshape(xp.take(xp.reshape(x, (-1,)), xp.reshape(ids, (-1,)), axis=0), shape=tuple(cells.shape))


def add_cells(xp: Any, x: Any, cells: Any, shape: Shape) -> Any:
    """Zeros of a shape, to which x is added at the cells of these numbers."""
    ids = xp.asarray(np.asarray(cells)) if isinstance(cells, np.ndarray | np.generic) else cells
    flat = xp.scatter_add(xp.reshape(x, (-1,)), xp.reshape(ids, (-1,)), axis=0, size=math.prod(shape))
    return xp.reshape(flat, shape=shape)


def hits(xp: Any, ids: Any, size: int) -> Any:
    """Along a new last axis, where each index is."""
    return xp.expand_dims(wrapped(xp, ids, size), axis=-1) == xp.asarray(np.arange(size))


def zero(xp: Any, x: Any) -> Any:
    """A 0 of x's dtype, without axes."""
    return xp.full(shape=(), value=0, dtype=x.dtype)


def one_hot(xp: Any, ids: Any, depth: int, dtype: Any) -> Any:
    return xp.astype(xp.expand_dims(ids, axis=-1) == xp.asarray(np.arange(depth)), dtype=dtype)


def turned(xp: Any, x: Any, start: int, end: int) -> Any:
    """`np.moveaxis` of one axis."""
    order = [a for a in range(x.ndim) if a != start % x.ndim]
    order.insert(end % x.ndim, start % x.ndim)
    return xp.permute_dims(x, axes=tuple(order))


def take(xp: Any, x: Any, ids: Any, axis: int) -> Any:
    flat = xp.reshape(wrapped(xp, ids, x.shape[axis]), (-1,))
    return xp.reshape(xp.take_rows(x, flat, axis), shape=(*x.shape[:axis], *ids.shape, *x.shape[axis + 1 :]))


def scatter_add(xp: Any, x: Any, ids: Any, axis: int, size: int) -> Any:
    """By choosing, not by a product: what is not finite stays where it is."""
    lead, rest = tuple(x.shape[:axis]), tuple(x.shape[axis + ids.ndim :])
    flat = xp.reshape(ids, (-1,))
    rows = xp.reshape(x, (math.prod(lead), flat.shape[0], 1, math.prod(rest)))
    chosen = xp.where(xp.expand_dims(hits(xp, flat, size), axis=-1), rows, xp.zero(x))
    return xp.reshape(xp.sum(chosen, axis=1, keepdims=False), shape=(*lead, size, *rest))


def take_along_axis(xp: Any, x: Any, ids: Any, axis: int) -> Any:
    x, ids = turned(xp, x, axis, -1), turned(xp, ids, axis, -1)
    chosen = xp.where(hits(xp, ids, x.shape[-1]), xp.expand_dims(x, axis=-2), xp.zero(x))
    return turned(xp, xp.sum(chosen, axis=-1, keepdims=False), -1, axis)


def scatter_along_axis(xp: Any, x: Any, ids: Any, axis: int, size: int) -> Any:
    x, ids = turned(xp, x, axis, -1), turned(xp, ids, axis, -1)
    chosen = xp.where(hits(xp, ids, size), xp.expand_dims(x, axis=-1), xp.zero(x))
    return turned(xp, xp.sum(chosen, axis=-2, keepdims=False), -1, axis)


def picked(xp: Any, shape: Shape, key: Key, ids: tuple[Any, ...]) -> Any:
    """The numbers of the cells that an index with arrays picks, as NumPy lays them out."""
    given = list(key or (None,) * len(ids))
    if "..." in given or ... in given:
        at = next(n for n, k in enumerate(given) if k in ("...", ...))
        given[at : at + 1] = [(None, None, None)] * (len(shape) - len(given) + 1)
    given += [(None, None, None)] * (len(shape) - len(given))
    arrays, sizes, order = iter(ids), [math.prod(shape[a + 1 :]) for a in range(len(shape))], list[int]()
    total: Any = None
    base = []
    for axis, k in enumerate(given):
        if k is None or is_list(k) or isinstance(k, int):
            one = next(arrays) if k is None else xp.asarray(np.array(k[0] if is_list(k) else k, np.int64))
            more = wrapped(xp, one, shape[axis]) * sizes[axis]
            total = more if total is None else total + more
            order.append(axis)
        else:
            base.append((axis, np.arange(shape[axis])[slice(*k)] * sizes[axis]))
    together = order[-1] - order[0] == len(order) - 1
    before = len([axis for axis, _ in base if axis < order[0]]) if together else 0
    rank = total.ndim
    for n, (_, line) in enumerate(base):
        after = len(base) - 1 - n + (rank if n < before else 0)
        total = _grown(xp, total, n, before, len(base)) if n == 0 else total
        total = total + xp.asarray(line.reshape(-1, *(1,) * after))
    return total


def _grown(xp: Any, total: Any, n: int, before: int, count: int) -> Any:
    """The arrays' own axes with one behind them for each slice that follows."""
    return xp.reshape(total, (*total.shape, *(1,) * (count - before)))


def take_at(xp: Any, x: Any, *ids: Any, key: Key = ()) -> Any:
    return take_cells(xp, x, picked(xp, tuple(x.shape), key, ids))


def add_at(xp: Any, x: Any, *ids: Any, shape: Shape, key: Key = ()) -> Any:
    cells = picked(xp, shape, key, ids)
    return add_cells(xp, xp.broadcast_to(x, shape=tuple(cells.shape)), cells, shape)
