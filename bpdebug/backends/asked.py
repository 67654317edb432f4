"""What is asked of all cells of an array, in words that every library has: what comes over is a handful of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.far import Summary

TESTS: dict[np.ufunc, Callable[[Any], Any]] = {
    np.isnan: lambda x: x != x,
    np.isinf: lambda x: abs(x) == math.inf,
    np.isfinite: lambda x: abs(x) < math.inf,
}
"""NumPy's questions about cells that are floats."""


def size(x: Any) -> int:
    """How many cells there are."""
    return math.prod(map(int, x.shape))


DOUBLE = 8
"""Bytes of a number in double precision."""


def is_finite(xp: Any, x: Any) -> Any:
    """Whether no cell is NaN or infinite: the largest size says so, for NaN is handed on."""
    return _all(xp.max, xp.abs(x)) < math.inf


def first(xp: Any, x: Any, kind: str) -> Any:
    """The number of the first cell that is 'nan', 'inf', or of the 'largest' size; NaN is larger than any number."""
    sizes = xp.abs(x)
    inf = _number(xp, math.inf, x.dtype)
    if kind == "largest":
        return _all(xp.argmax, xp.where(sizes != sizes, inf, sizes))
    there = sizes == math.inf if kind == "inf" else sizes != sizes
    return _all(xp.argmax, xp.where(there, inf, _number(xp, 0, x.dtype)))


def reached(xp: Any, x: Any, edges: Sequence[float]) -> Any:
    """For each of these numbers, how many cells are at least as large."""
    return xp.stack(*(_count(xp, x >= edge) for edge in edges), axis=0)


def peaks(xp: Any, x: Any, high: int, wide: int) -> Any:
    """The largest size in each block of cells, as a matrix; the blocks at the ends are filled with zeros."""
    columns = x.shape[-1]
    rows = xp.reshape(xp.abs(x), shape=(size(x) // columns, columns))
    down, across = -(-rows.shape[0] // high), -(-columns // wide)
    widths = ((0, down * high - rows.shape[0]), (0, across * wide - columns))
    blocks = xp.reshape(xp.pad0(rows, widths=widths), shape=(down, high, across, wide))
    return xp.max(blocks, axis=(1, 3), keepdims=False)


def summary(xp: Any, x: Any, wide: Any, long: Any) -> list[Any]:
    """What `told` makes a Summary of, in one array of the dtype `wide`, or counts in one of integers before it.

    Sums are taken in double precision, where the device has it (else in single), over cells divided by a power of two
    near the largest: no square overflows or vanishes, and no cell is rounded.
    """
    cells = xp.astype(x, dtype=wide)
    finite = xp.abs(cells) < math.inf
    counts = [cells == 0, cells != cells, cells == -math.inf, cells == math.inf, finite]
    whole = [_count(xp, test) for test in counts]
    parts = _parts(xp, xp.where(finite, cells, _number(xp, 0, wide)), finite, whole[-1])
    if xp.numpy_dtype(x).kind != "f":
        x = xp.astype(x, dtype=long)
        whole += [_all(xp.min, x), _all(xp.max, x)]
    elif xp.numpy_dtype(cells).itemsize == DOUBLE:  # which has every count that there is
        return [xp.stack(*parts, *(xp.astype(n, dtype=wide) for n in whole), axis=0)]
    return [xp.stack(*parts, axis=0), xp.stack(*whole, axis=0)]


def told(found: Sequence[Array]) -> Summary:
    """What `summary` found, once it came over: arrays of one axis."""
    low, high, least, mean, std, norm, *counts = (n for array in found for n in array.tolist())
    zeros, nans, below, above, _, *ends = map(int, counts)
    return Summary(low, high, least, mean, std, norm, zeros, nans, below, above, (ends[0], ends[1]) if ends else None)


def _parts(xp: Any, cells: Any, finite: Any, count: Any) -> list[Any]:
    """Both ends, the smallest size that is not 0, mean, standard deviation and norm of the cells that are finite."""
    one, two, inf = (_number(xp, value, cells.dtype) for value in (1, 2, math.inf))
    sizes = xp.abs(cells)
    top = _all(xp.max, sizes)
    low, high = _all(xp.min, xp.where(finite, cells, inf)), _all(xp.max, xp.where(finite, cells, -inf))
    least = _all(xp.min, xp.where(sizes > 0, sizes, inf))
    scale = xp.where(top > 0, xp.pow(two, xp.floor(xp.log2(xp.where(top > 0, top, one)))), one)
    many = xp.maximum(xp.astype(count, dtype=cells.dtype), one)
    unit = cells / scale
    mean, square = _all(xp.sum, unit) / many, _all(xp.sum, xp.square(unit))
    apart = _all(xp.sum, xp.where(finite, xp.square(unit - mean), one * 0))
    return [low, high, least, mean * scale, xp.sqrt(apart / many) * scale, xp.sqrt(square) * scale]


def _number(xp: Any, value: float, dtype: Any) -> Any:
    return xp.full(shape=(), value=value, dtype=dtype)


def _all(word: Callable[..., Any], x: Any) -> Any:
    return word(x, axis=None, keepdims=False)


def _count(xp: Any, test: Any) -> Any:
    return _all(xp.sum, test)
