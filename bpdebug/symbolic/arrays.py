"""What rules need beyond NumPy's own names: the adjoints of indexing and windows, and erf."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bpdebug.symbolic.expr import Key, Shape, decode_key

Array = np.ndarray[Any, Any]

_erf = np.frompyfunc(math.erf, 1, 1)


def erf(x: Array) -> Array:
    """The error function, from the C library by way of `math.erf`, in the operand's dtype."""
    x = np.asarray(x)
    return np.asarray(_erf(x), dtype=np.float64).astype(x.dtype, copy=False)


def place(x: Array, shape: Shape, key: Key) -> Array:
    """Zeros of `shape` with `x` at `key`: the adjoint of indexing."""
    out = np.zeros(shape, np.asarray(x).dtype)
    out[decode_key(key)] = x
    return out


def pad0(x: Array, widths: tuple[tuple[int, int], ...]) -> Array:
    """Zeros around `x`, `widths` before and after each axis."""
    shape = tuple(n + a + b for n, (a, b) in zip(x.shape, widths, strict=True))
    return place(x, shape, tuple((a, a + n, None) for n, (a, _) in zip(x.shape, widths, strict=True)))


def take(x: Array, ids: Array, axis: int) -> Array:
    return np.take(x, ids, axis=axis)


def scatter_add(x: Array, ids: Array, axis: int, size: int) -> Array:
    """Zeros with `size` rows along `axis`, to which the slices of `x` are added at `ids`: take's adjoint.

    Repeated ids add up, in the order in which they stand (`np.add.at`).
    """
    rank = np.ndim(ids)
    rows = np.moveaxis(x, tuple(range(axis, axis + rank)), tuple(range(rank)))
    out = np.zeros((size, *rows.shape[rank:]), x.dtype)
    np.add.at(out, ids, rows)
    return np.moveaxis(out, 0, axis)


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


def one_hot(ids: Array, depth: int, dtype: Any) -> Array:
    """A row of zeros with a one at each id, along a new last axis."""
    return np.asarray(np.asarray(ids)[..., None] == np.arange(depth)).astype(dtype)


def tri(rows: int, columns: int) -> Array:
    """The lower triangle, as booleans: True where column <= row."""
    return np.tri(rows, columns, dtype=bool)


Sizes = tuple[int, ...]


def windows(space: Shape, size: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Shape:
    """How many windows fit along each spatial axis."""
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(space, size, stride, padding, dilation, strict=True)
    )


def unfold(x: Array, size: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, fill: float = 0.0) -> Array:
    """Every window of (N, C, *space) as a row: (N, windows, C * prod(size)); im2col."""
    out = windows(x.shape[2:], size, stride, padding, dilation)
    if any(padding):
        inner = tuple(slice(p, p + n) for p, n in zip(padding, x.shape[2:], strict=True))
        padded = np.full((*x.shape[:2], *(n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True))), fill, x.dtype)
        padded[(slice(None), slice(None), *inner)] = x
        x = padded
    # A step that is never taken may be of any size: NumPy's are of 64 bits.
    strides = x.strides[:2] + tuple(a * s * (n > 1) for a, s, n in zip(x.strides[2:], stride, out, strict=True))
    strides += tuple(a * d * (k > 1) for a, d, k in zip(x.strides[2:], dilation, size, strict=True))
    view = np.lib.stride_tricks.as_strided(x, (*x.shape[:2], *out, *size), strides, writeable=False)
    rank = len(size)
    axes = (0, *range(2, 2 + rank), 1, *range(2 + rank, 2 + 2 * rank))
    return view.transpose(axes).reshape(x.shape[0], math.prod(out), x.shape[1] * math.prod(size))


def fold(x: Array, shape: Shape, size: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Array:
    """Rows of windows added back where they came from, into (N, C, *space): unfold's adjoint, col2im."""
    out = windows(shape[2:], size, stride, padding, dilation)
    rank = len(size)
    cols = x.reshape(shape[0], *out, shape[1], *size)
    cols = cols.transpose(0, 1 + rank, *range(1, 1 + rank), *range(2 + rank, 2 + 2 * rank))
    total = np.zeros((*shape[:2], *(n + 2 * p for n, p in zip(shape[2:], padding, strict=True))), x.dtype)
    for offset in np.ndindex(*size):
        here = tuple(slice(o * d, o * d + s * n, s) for o, d, s, n in zip(offset, dilation, stride, out, strict=True))
        total[(slice(None), slice(None), *here)] += cols[(Ellipsis, *offset)]
    return total[(slice(None), slice(None), *(slice(p, p + n) for p, n in zip(padding, shape[2:], strict=True)))]
