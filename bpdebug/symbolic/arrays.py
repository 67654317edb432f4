"""What rules need beyond NumPy: adjoints of indexing, small powers, long products."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bpdebug.arrays import Array, Key, Shape, decode_key
from bpdebug.far import as_array
from bpdebug.ops.axes import Axis, axes_of
from bpdebug.progress import may_stop, part
from bpdebug.translation import N_

PRODUCTS: dict[float, Callable[[Array], Any]] = {3: lambda x: x * x * x, 4: lambda x: x * x * (x * x)}
"""Powers of floats that are computed as products, right to 2 units in the last place, in a hundredth of the time; a
square is one in NumPy, too."""


def is_product(x: Any, y: Any) -> bool:
    """Whether x ** y is computed as a product of x."""
    return type(y) in (int, float) and y in PRODUCTS and x.dtype.kind == "f"


def power(x: Any, y: Any) -> Any:
    """x ** y, of the shape to which they broadcast; small powers of floats as products."""
    return PRODUCTS[y](x) if is_product(x, y) else x**y


def same(a: Array, b: Array) -> Array:
    """a == b cell by cell, where a NaN is the same as another."""
    found: Array = as_array((a == b) | ((a != a) & (b != b)))
    return found


def place(x: Array, shape: Shape, key: Key) -> Array:
    """Zeros of `shape` with `x` at `key`: the adjoint of indexing."""
    out = np.zeros(shape, np.asarray(x).dtype)
    out[decode_key(key)] = x
    return out


def pad0(x: Array, widths: tuple[tuple[int, int], ...], fill: float = 0.0) -> Array:
    """Zeros (or a number) around `x`, `widths` before and after each axis."""
    out = np.full(tuple(n + a + b for n, (a, b) in zip(x.shape, widths, strict=True)), fill, x.dtype)
    out[tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, widths, strict=True))] = x
    return out


def scatter_add(x: Array, ids: Array, axis: int, size: int) -> Array:
    """Zeros with `size` rows along `axis`, to which the slices of `x` are added at `ids`: take's adjoint.

    Repeated ids add up, in the order in which they stand (`np.add.at`).
    """
    rank = np.ndim(ids)
    rows = np.moveaxis(x, tuple(range(axis, axis + rank)), tuple(range(rank)))
    out = np.zeros((size, *rows.shape[rank:]), x.dtype)
    np.add.at(out, ids, rows)
    return np.moveaxis(out, 0, axis)


def add_rows(total: Array | None, x: Array, ids: Array, axis: int, size: int) -> Array:
    """`total + scatter_add(x, ids, 0, size)`, bit for bit, without a table of zeros: other rows are added a 0."""
    if total is None:
        return scatter_add(x, ids, axis, size)
    at, place = np.unique(ids % size, return_inverse=True)
    out: Array = np.add(total, total.dtype.type(0))
    out[at] = total[at] + scatter_add(x, place.reshape(ids.shape), 0, len(at))
    return out


def scatter_along_axis(x: Array, ids: Array, axis: int, size: int) -> Array:
    """Zeros with `size` cells along `axis`, to which `x` is added at `ids`: take_along_axis's adjoint."""
    shape = list(np.broadcast_shapes(x.shape, ids.shape))
    ids = np.broadcast_to(ids, shape)
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in shape)])
    grid[axis] = ids
    shape[axis] = size
    out = np.zeros(shape, x.dtype)
    np.add.at(out, tuple(grid), x)
    return out


def argsort(x: Array, axis: int, descending: bool = False) -> Array:
    """Where the cells of the sorted array come from, of x's shape; tied cells keep their order, NaN is the largest."""
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    found: Array = x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    return found  # where the cells of -x come from would have NaN at the end


def argcummax(x: Array, axis: int, first: bool = False) -> Array:
    """Where the largest cell so far is, of x's shape (int64): of tied ones the last or the first; NaN is largest."""
    count = np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    top = np.maximum.accumulate(x, axis=axis)
    new = same(x, top)
    if first:
        inner = np.moveaxis(new, axis, 0)
        inner[1:] &= ~same(np.moveaxis(top, axis, 0)[1:], np.moveaxis(top, axis, 0)[:-1])
    return np.maximum.accumulate(np.where(new, count, 0), axis=axis)


def first_of(hit: Array, axis: Axis) -> Array:
    """The first True along axes (None: all), and False elsewhere; of hit's shape (bool)."""
    axes = axes_of(axis, hit.shape)
    order = (*(a for a in range(hit.ndim) if a not in axes), *axes)
    turned = hit.transpose(order)
    line = turned.reshape(*turned.shape[: hit.ndim - len(axes)], -1)
    found = np.zeros_like(line)
    np.put_along_axis(found, line.argmax(axis=-1, keepdims=True), True, axis=-1)
    return (found & line).reshape(turned.shape).transpose(np.argsort(order))


def last_of(hit: Array, axis: Axis) -> Array:
    """The last True along axes (None: all), and False elsewhere; of hit's shape (bool)."""
    return np.flip(first_of(np.flip(hit), axis))


def before(x: Array, axis: int) -> Array:
    """For each cell the product of those before it along an axis, of x's shape: 1 for the first."""
    out = np.ones_like(x)
    rows, factors = np.moveaxis(out, axis, 0), np.moveaxis(x, axis, 0)
    np.cumprod(factors[:-1], axis=0, out=rows[1:])
    return out


def others(x: Array, axis: Axis) -> Array:
    """For each cell the product of the others along axes (None: all), of x's shape; right at zeros, too."""
    axes = axes_of(axis, x.shape)
    order = (*(a for a in range(x.ndim) if a not in axes), *axes)
    turned = x.transpose(order)
    line = turned.reshape(*turned.shape[: x.ndim - len(axes)], math.prod(turned.shape[x.ndim - len(axes) :]))
    found = before(line, line.ndim - 1) * np.flip(before(np.flip(line, -1), line.ndim - 1), -1)
    return found.reshape(turned.shape).transpose(np.argsort(order))


def between(x: Array, axis: int) -> Array:
    """The products of the cells behind cell i up to cell j, along `axis` and a new axis behind it; 0 where j < i."""
    rows = np.moveaxis(x, axis, 0)
    out = np.zeros((len(rows), *rows.shape), x.dtype)
    for i in range(len(rows)):
        out[i, i] = 1
        np.cumprod(rows[i + 1 :], axis=0, out=out[i, i + 1 :])
    return np.moveaxis(out, (0, 1), (axis, axis + 1))


def horner(g: Array, x: Array, axis: int) -> Array:
    """For each cell g[i] + x[i+1] (g[i+1] + x[i+2] (g[i+2] + ...)) along an axis, of g's shape: cumprod's adjoint."""
    rows, factors = np.moveaxis(g, axis, 0), np.moveaxis(x, axis, 0)
    out = np.array(rows)
    for i in range(len(out) - 2, -1, -1):
        out[i] += factors[i + 1] * out[i + 1]
    return np.moveaxis(out, 0, axis)


def one_hot(ids: Array, depth: int, dtype: Any) -> Array:
    """A row of zeros with a one at each id, along a new last axis."""
    return np.asarray(np.asarray(ids)[..., None] == np.arange(depth)).astype(dtype)


BAND = 2**32
"""Multiplications of a long product between two places where it may be stopped: a fifth of a second or so."""
LONG = 2 * BAND
"""Multiplications from which on a product is long."""


def is_long(a: Any, b: Any) -> bool:
    """Whether the product of two matrices, or of batches of them, is long."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) if max(a.ndim, b.ndim) > 2 else ()
    return bool(min(a.ndim, b.ndim) > 1 and math.prod((*batch, *a.shape[-2:], b.shape[-1])) > LONG)


def product(a: Array, b: Array) -> Array:
    """a @ b of shape (..., n, m); a long one is made some matrices or rows at a time, so that it may be stopped."""
    if not is_long(a, b):
        short: Array = np.matmul(a, b)
        return short
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    out = np.empty((*batch, a.shape[-2], b.shape[-1]), np.result_type(a, b))
    _fill(out, np.broadcast_to(a, (*batch, *a.shape[-2:])), np.broadcast_to(b, (*batch, *b.shape[-2:])))
    return out


def _fill(out: Array, a: Array, b: Array) -> None:
    """Makes a long product in its place, as many at a time of its first axis as are no more than BAND."""
    each = max(out[:1].size * a.shape[-1], 1)
    count = max(1, BAND // each)
    for start in range(0, len(out), count):
        some, right = slice(start, start + count), b if out.ndim == 2 else b[start : start + count]
        with part(start, len(out), N_("rows")):
            may_stop()
            if out.ndim > 2 and each > BAND:
                _fill(out[start], a[start], b[start])
            else:
                np.matmul(a[some], right, out=out[some])
