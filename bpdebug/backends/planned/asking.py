"""What is asked of all cells of a planned array: of each chunk alone, so that none waits for what another one says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import hypot, prod, sqrt
from types import SimpleNamespace
from typing import Any

import dask.array as da
import numpy as np

from bpdebug.arrays import Array, pieces, read_only
from bpdebug.backends import asked
from bpdebug.backends.backend import Backend
from bpdebug.far import Summary
from bpdebug.symbolic import PRIMS

Counted = tuple[int, Summary]
"""How many cells are finite, and a summary of all."""
_WORDS = SimpleNamespace(**{name: row.run for name, row in PRIMS.items()}, numpy_dtype=lambda x: x.dtype)


class PlannedBackend(Backend, frozen=True, eq=False, kw_only=True):
    """Dask's arrays. In words over the whole, chunks would be kept until the largest cell of all is known.

    `at_once` brings over an array, and those of others that are kept; None where each comes as quickly alone.
    """

    at_once: Callable[[Any, Sequence[Any]], list[tuple[Any, Array]]] | None = None

    def brought(self, there: Any, beside: Callable[[], Sequence[Any]]) -> list[tuple[Any, Any]]:
        if self.at_once is None or not self.is_small(there):
            return super().brought(there, beside)
        found = self.at_once(there, [x for x in beside() if self.is_small(x)])
        return [(x, read_only(cells)) for x, cells in found]

    def summary(self, there: Any) -> Summary:
        return _together(self._each(there, _summary))[1]

    def peaks(self, there: Any, high: int, wide: int) -> Array:
        """The largest size in each block of cells, a matrix."""
        if there.ndim != 2:
            return super().peaks(there, high, wide)
        rows, columns = there.shape
        found = np.zeros((-(-rows // high), -(-columns // wide)))
        for row, column, part in self._each(there, _peaks, high, wide):
            blocks = found[row : row + part.shape[0], column : column + part.shape[1]]
            np.maximum(blocks, part, out=blocks)
        return found

    def _each(self, there: Any, make: Callable[..., Array], *more: int) -> list[Any]:
        """What is made of each chunk."""
        chunks, meta = tuple((1,) * n for n in there.numblocks), np.empty((0,) * there.ndim, object)
        found = self.near(da.map_blocks(make, there, *more, dtype=object, chunks=chunks, meta=meta))
        return list(found.flat)


def _alone(found: Any, rank: int) -> Array:
    """An array of one cell, with any object in it, which stands for a chunk of this rank."""
    made = np.empty((1,) * rank, object)
    made[(0,) * rank] = found
    return made


def _summary(chunk: Array) -> Array:
    """How many of its cells are finite, and the summary of a chunk of any shape, in pieces that a cache holds."""
    found = []
    with np.errstate(all="ignore"):
        for piece in pieces(chunk):
            told = asked.told(asked.summary(_WORDS, piece, np.float64, np.int64))
            found.append((piece.size - told.nans - told.infs, told))
    return _alone(_together(found), chunk.ndim)


def _together(chunks: Sequence[Counted]) -> Counted:
    """One of several."""
    told = [found for _, found in chunks]
    total = sum(count for count, _ in chunks)
    shares = [count / max(total, 1) for count, _ in chunks]
    mean = sum(share * found.mean for share, found in zip(shares, told, strict=True))
    apart = (sqrt(share) * off for share, s in zip(shares, told, strict=True) for off in (s.std, s.mean - mean))
    ends = [found.ends for found in told if found.ends is not None]
    made = Summary(
        min(s.low for s in told), max(s.high for s in told), min(s.least for s in told),
        mean, hypot(*apart), hypot(*(s.norm for s in told)),
        sum(s.zeros for s in told), sum(s.nans for s in told), sum(s.below for s in told), sum(s.above for s in told),
        (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None,
    )  # fmt: skip
    return total, made


def _peaks(chunk: Array, high: int, wide: int, block_info: Any = None) -> Array:
    """The first block of cells that a chunk reaches, and the largest size that it has in each: a matrix."""
    (top, below), (left, right) = block_info[0]["array-location"]
    sizes, first = np.abs(chunk.astype(np.float64)), (top // high, left // wide)
    if prod(chunk.shape):
        rows = [max(n * high - top, 0) for n in range(first[0], -(-below // high))]
        columns = [max(n * wide - left, 0) for n in range(first[1], -(-right // wide))]
        sizes = np.maximum.reduceat(np.maximum.reduceat(sizes, rows, axis=0), columns, axis=1)
    return _alone((*first, sizes), chunk.ndim)
