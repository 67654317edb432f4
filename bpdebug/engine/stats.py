"""Numbers about a tensor."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, kept


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
    kind = array.dtype.kind
    nans = int(np.count_nonzero(np.isnan(array))) if kind == "f" else 0
    infs = int(np.count_nonzero(np.isinf(array))) if kind == "f" else 0
    finite = array[np.isfinite(array)] if nans or infs else array
    zeros = int(array.size - np.count_nonzero(array))
    if not finite.size:
        return Stats(None, None, None, None, None, zeros, nans, infs)
    cells = finite.astype(np.float64, copy=False)
    with np.errstate(all="ignore"):
        low, high = float(cells.min()), float(cells.max())
        return Stats(low, high, *_mean_and_std(cells, low, high), two_norm(cells), zeros, nans, infs)


def _mean_and_std(cells: Array, low: float, high: float) -> tuple[float, float]:
    """NumPy's, unless a sum overflows or a square overflows or vanishes: then of the cells over the largest."""
    mean, std = float(cells.mean()), float(cells.std())
    if np.isfinite(mean + std) and (std > 0 or low == high):
        return mean, std
    top = max(abs(low), abs(high))
    return float((cells / top).mean()) * top, float((cells / top).std()) * top


@kept
def two_norm(cells: Array) -> float:
    """The 2-norm over all cells, scaled so that neither overflow nor underflow spoils it."""
    cells = np.asarray(cells, dtype=np.float64)
    top = float(np.abs(cells).max()) if cells.size else 0.0
    if top == 0.0 or not np.isfinite(top):
        return top
    return top * float(np.sqrt(np.square(cells / top).sum()))
