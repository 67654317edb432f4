"""How far two arrays are apart, where they are furthest, and which differences are rounding.

Every tolerance that two arrays are judged by stands here. n operations in a row, or a sum of n terms, lose at most n
half units in the last place of the sum of their sizes (Higham 2002, Accuracy and Stability of Numerical Algorithms,
section 3.1 and equation 4.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, Cell
from bpdebug.far import Far

if TYPE_CHECKING:
    from fractions import Fraction

RIGHT = {"float64": 1e-9, "float32": 1e-4, "bfloat16": 3e-2, "float16": 3e-2}
"""Errors at which a gradient is right: what sums of 10**6 terms lose in double precision, of 10**3 in single; in half
precision some eight roundings to eight bits."""
ALIKE = 1e-4
"""Error at which numbers are taken for the same where a mistake is looked for: one is off by far more."""
SAME_SUM = 1e-12
"""Error of two inner products that are the same: what sums of some 4,000 terms lose."""
EXPECTED = {"float64": (1e-9, 1e-12), "float32": (1e-5, 1e-6), "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5)}
"""rtol and atol where an expectation gives none: nine digits of a double are written down, five of a float; of half
precision what torch.testing.assert_close takes. The loosest come last."""
LARGEST_DENOMINATOR = 4096
"""Of a factor that is said as a fraction: a batch, or a sequence."""
RULE = 64
"""Operations in a row of a rule: units in the last place that it may lose."""


def gaps(a: Array, b: Array) -> Array:
    """Each cell's difference: 0 where both are the same or NaN, infinite where one of them alone is not finite."""
    with np.errstate(all="ignore"):
        found = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    return np.where(np.isnan(found), np.inf, found)


def top(*arrays: Array) -> float:
    """The size of the largest finite cell; 0 where there is none."""
    return max(float(np.abs(a).max(initial=0.0, where=np.isfinite(a))) for a in arrays)


def error(made: Array, right: Array, noise: float | Array = 0.0, scale: float | None = None) -> float:
    """The largest difference beyond `noise` as a part of `scale`, by default the right one's largest cell.

    Of arrays of one shape; infinite beside NaN.
    """
    gap = gaps(made, right)
    largest = float(np.where((gap <= noise) & (gap < np.inf), 0.0, gap).max(initial=0.0))
    size = (top(right) or top(made)) if scale is None else scale
    return largest if np.isinf(largest) else largest / size if size else 0.0


def relative(a: Array, b: Array, floor: float = 0.0) -> Array:
    """Each cell's difference as a part of the larger of the two (or of `floor`); infinite where one is not finite."""
    with np.errstate(all="ignore"):
        gap, scale = gaps(a, b), np.maximum(np.maximum(np.abs(a), np.abs(b)), floor)
        found = np.where(gap == 0, 0.0, gap / scale)
    return np.where(np.isnan(found), np.inf, found)


def rounding(size: Any, operations: int = RULE, dtype: Any = np.float64) -> Any:
    """What rounding makes of so many operations on numbers whose sizes add up to `size` (a number or an array)."""
    return operations * float(np.finfo(dtype).eps) * size


def index_of(array: Array) -> Cell:
    """The index of the largest cell; () of an array without axes or without cells."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(array)), array.shape)) if array.size else ()


def largest_cell(array: Array) -> Cell:
    """The cell of the largest size; NaN is larger than any number."""
    if isinstance(array, Far):
        return array.largest()
    return index_of(np.nan_to_num(np.abs(array.astype(np.float64)), nan=np.inf))


def factor(x: Array, y: Array, near: float) -> float | None:
    """The number that makes `y` into `x`, float64 of one shape, as near as `near`; a fraction where one is; or None."""
    if not (np.isfinite(x).all() and np.isfinite(y).all() and y.any()):
        return None
    size = top(y)
    unit = y / size
    found = float((x * unit).sum() / (unit * unit).sum()) / size
    for k in (float(fraction(found)), found):
        if k and float(gaps(x, k * y).max()) <= near * max(top(x), abs(k) * size):
            return k
    return None


def fraction(value: float) -> Fraction:
    """The nearest fraction that a batch or a sequence may have made."""
    from fractions import Fraction  # start-up: it brings decimal numbers

    return Fraction(value).limit_denominator(LARGEST_DENOMINATOR)


class Worst(Struct, frozen=True):
    """The cell that is furthest off: its index, both numbers, and how many cells are off at all."""

    cell: Cell
    expected: float
    found: float
    off: int


def worst(found: Array, wanted: Array, rtol: float, atol: float) -> Worst | None:
    """The cell furthest beyond atol + rtol * |wanted| (NumPy's `isclose`); None where all are within.

    Shapes broadcast; NaN agrees with NaN, infinity with itself.
    """
    found, wanted = np.broadcast_arrays(found.astype(np.float64), wanted.astype(np.float64))
    with np.errstate(all="ignore"):
        gap = gaps(found, wanted)
        excess = np.where(gap == 0, -1.0, gap - (atol + rtol * np.abs(wanted)))
    excess = np.where(np.isnan(excess), np.inf, excess)
    off = int((excess > 0).sum())
    cell = index_of(excess)
    return Worst(cell, float(wanted[cell]), float(found[cell]), off) if off else None
