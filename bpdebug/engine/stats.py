"""Numbers about a tensor."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, isfinite, nan, sqrt

import numpy as np
from msgspec import Struct

from bpdebug.arrays import PIECE, Array, kept, pieces
from bpdebug.far import Far


class Stats(Struct, frozen=True):
    """min, max, mean, population std and 2-norm over the finite cells (None where there are none), and counts."""

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    norm: float | None
    zeros: int
    nans: int
    infs: int


@kept
def stats(array: Array) -> Stats:
    """Statistics of an array of any dtype and shape; computed in float64, so that float32 does not overflow."""
    if isinstance(array, Far):
        return _of_far(array)
    floats = array.dtype.kind == "f"
    zeros = int(array.size - np.count_nonzero(array))
    low, high, total, count, nans = np.inf, -np.inf, 0.0, 0, 0
    with np.errstate(all="ignore"):
        for piece in pieces(array):
            nans += int(np.count_nonzero(np.isnan(piece))) if floats else 0
            cells = _finite(piece)
            low, high = min(low, float(cells.min(initial=np.inf))), max(high, float(cells.max(initial=-np.inf)))
            total, count = total + float(cells.sum()), count + cells.size
        infs = array.size - count - nans
        if not count:
            return Stats(None, None, None, None, None, zeros, nans, infs)
        norm = _norm(map(_finite, pieces(array)), max(abs(low), abs(high)))
        return Stats(low, high, *_mean_and_std(array, low, high, total / count, count), norm, zeros, nans, infs)


def _of_far(array: Far) -> Stats:
    """Worked out where it lies: there is one answer for all of it."""
    n = array.summary
    if n.low > n.high:
        return Stats(None, None, None, None, None, n.zeros, n.nans, n.infs)
    return Stats(n.low, n.high, n.mean, n.std, n.norm, n.zeros, n.nans, n.infs)


def _finite(piece: Array) -> Array:
    """The finite cells of a flat piece, as float64."""
    there = np.isfinite(piece) if piece.dtype.kind == "f" else None
    return (piece if there is None or there.all() else piece[there]).astype(np.float64, copy=False)


def _mean_and_std(array: Array, low: float, high: float, mean: float, count: int) -> tuple[float, float]:
    """As NumPy finds them; where a sum overflows, or a square does or vanishes, of the cells over the largest."""
    for top in (1.0, max(abs(low), abs(high))):
        if top != 1.0:
            mean = sum(float((_finite(piece) / top).sum()) for piece in pieces(array)) / count
        scaled = (_finite(piece) / top if top != 1.0 else _finite(piece) for piece in pieces(array))
        std = sqrt(sum(float(np.square(cells - mean).sum()) for cells in scaled) / count)
        if isfinite(mean + std) and (std > 0 or low == high):
            break
    return mean * top, std * top


@kept
def two_norm(cells: Array) -> float:
    """The 2-norm over all cells, scaled so that neither overflow nor underflow spoils it."""
    if isinstance(cells, Far):
        n = cells.summary
        return nan if n.nans else inf if n.infs else n.norm
    if cells.size <= PIECE:
        return _norm_of_few(cells)
    top = float(np.max([np.abs(piece).max() for piece in pieces(cells)]))
    if top == 0.0 or not isfinite(top):
        return top
    return _norm((piece.astype(np.float64, copy=False) for piece in pieces(cells)), top)


def _norm_of_few(cells: Array) -> float:
    """The same of one piece, in the fewest calls: of 200,000 gradients most are small."""
    flat = np.abs(cells.ravel(order="K"))
    top = float(np.maximum.reduce(flat)) if flat.size else 0.0
    if top == 0.0 or not isfinite(top):
        return top
    return top * sqrt(float(np.add.reduce(np.square(flat.astype(np.float64, copy=False) / top))))


def _norm(found: Iterable[Array], top: float) -> float:
    """The 2-norm of flat pieces whose largest cell has this size."""
    return top * sqrt(sum(float(np.square(cells / top).sum()) for cells in found)) if top else 0.0
