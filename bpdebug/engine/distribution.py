"""How a tensor's cells are distributed: over bins of their values, and over blocks of their places.

Cells are looked at in pieces, so that an array of any size is neither copied nor looked at twice while it lives.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, kept, pieces
from bpdebug.engine.stats import Stats, stats
from bpdebug.far import Far

BINS = 10
"""What a column of a screen has room for."""
ROWS, COLUMNS = 12, 16
"""Blocks that a map has at most."""
ROWFUL = 2**18
"""Cells of whole rows that are looked at together."""


class Histogram(Struct, frozen=True):
    """How many cells that are finite and not 0 lie from each of the `edges` to the next; the last bin has its end, too.

    There is one edge more than `counts`, and none without finite cells. `below` and `above` count −inf and +inf.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    zeros: int
    nans: int
    below: int
    above: int


@kept
def histogram(array: Array) -> Histogram:
    """The histogram of an array of any shape: BINS bins of one width from its least to its largest finite cell.

    Fewer where there are not so many numbers between; of integers every bin has the same number of them.
    """
    s = stats(array)
    if isinstance(array, Far):
        edges = _edges(array, s.min, s.max) if s.min is not None and s.max is not None else []
        return _binned(edges, array.reached(edges[:-1]) if edges else [], s, array.summary.above)
    above = sum(int(np.count_nonzero(piece == np.inf)) for piece in pieces(array)) if s.infs else 0
    edges = _edges(array, s.min, s.max) if s.min is not None and s.max is not None else []
    over = [0] * len(edges)
    for piece in pieces(array):
        for n, edge in enumerate(edges[:-1]):
            over[n] += int(np.count_nonzero(piece >= edge))
    return _binned(edges, over[:-1], s, above)


def _binned(edges: list[float], over: list[int], s: Stats, above: int) -> Histogram:
    """The histogram, of how many cells are at least as large as each edge but the last."""
    counts = [a - b for a, b in zip(over, [*over[1:], above], strict=False)]
    if s.zeros and counts:
        counts[min(bisect_right(edges, 0), len(counts)) - 1] -= s.zeros
    return Histogram(tuple(edges), tuple(counts), s.zeros, s.nans, s.infs - above, above)


def _edges(array: Array, low: float, high: float) -> list[float]:
    """Where bins begin, and where the last one ends: numbers of the array's dtype, so that no comparison rounds."""
    if array.dtype.kind != "f":
        first, last = (array.summary.ends or (0, 0)) if isinstance(array, Far) else (int(array.min()), int(array.max()))
        wide = (last - first) // BINS + 1
        return [*range(first, last + 1 + wide, wide)]
    edges = np.linspace(low / 2, high / 2, BINS + 1) * 2  # the whole range may be no number
    inner = np.where(np.abs(edges[1:-1]) < 1e-12 * max(-low, high), 0.0, edges[1:-1]).astype(array.dtype)
    found: list[float] = np.unique(np.array([low, *inner.clip(low, high), high], array.dtype)).tolist()
    return found if len(found) > 1 else found * 2


class Peaks(Struct, frozen=True, eq=False):
    """The largest |x| of each block of cells, as a matrix of doubles.

    Leading axes are rows, one below the other. A block is `high` x `wide` cells; NaN is larger than any number.
    """

    sizes: Array
    high: int
    wide: int


@kept
def peaks(array: Array, most_rows: int = ROWS, most_columns: int = COLUMNS) -> Peaks:
    """Where an array's large cells are, whatever its shape: one that is not finite is seen among millions."""
    columns = array.shape[-1] if array.ndim else 1
    rows = array.size // max(columns, 1)
    high, wide = max(-(-rows // most_rows), 1), max(-(-columns // most_columns), 1)
    if isinstance(array, Far):
        return Peaks(array.peaks(high, wide), high, wide)
    starts = np.arange(0, columns, wide)
    found, row = np.zeros((-(-rows // high), len(starts))), 0
    for piece in _whole_rows(array):
        cells = np.atleast_1d(piece if piece.dtype.kind == "f" else piece.astype(np.float64))
        top, least = (f.reduceat(cells, starts, axis=-1) for f in (np.maximum, np.minimum))
        sizes = np.maximum(top, -least).reshape(-1, len(starts))
        blocks = np.arange(row, row := row + len(sizes)) // high
        first = np.flatnonzero(np.diff(blocks, prepend=-1))
        there = blocks[first]
        found[there] = np.maximum(found[there], np.maximum.reduceat(sizes, first))
    return Peaks(found, high, wide)


def _whole_rows(array: Array) -> Iterator[Array]:
    """An array in pieces of whole rows, in order; one row is a piece, however long it is."""
    if array.size and (array.ndim < 2 or array.size <= ROWFUL):
        yield array
    elif array.size > len(array) * ROWFUL:
        for part in array:
            yield from _whole_rows(part)
    elif array.size:
        step = max(ROWFUL * len(array) // array.size, 1)
        yield from (array[start : start + step] for start in range(0, len(array), step))
