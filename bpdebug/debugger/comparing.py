"""Numbers against numbers: arrays written in brackets, tolerances, and the cell that is furthest off."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from bpdebug.arrays import Array
from bpdebug.errors import CommandError

LONGEST = 10_000
"""Characters of numbers in brackets."""


class ExpectationError(CommandError):
    """An expectation that does not hold; `expected` and `found` are for whoever shows them side by side."""

    def __init__(self, what: str, expected: str, found: str, more: str = "") -> None:
        self.expected, self.found = expected, found
        tail = f" ({more})" if more else ""
        super().__init__(f"{what}: expected {expected}, found {found}{tail}", code="E_SCRIPT")


def literal(text: str) -> Array:
    """Numbers in brackets, as they are printed: [[1, −2.5], [nan, 0]]."""
    if len(text) > LONGEST:
        raise CommandError(f"numbers of {len(text):,} characters", code="E_EXPR", hint=f"at most {LONGEST:,} are read")
    plain = text.replace("−", "-")
    plain = re.sub(r"(?<![\w.])-?(?:nan|inf)\b", lambda m: f'"{m[0]}"', plain)
    plain = re.sub(r"(?<![\w.])(-?)\+?(\d+)\.(?!\d)", r"\1\2.0", plain)
    try:
        decoded = msgspec.json.decode(plain)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise CommandError(
            f"'{text[:60]}' are no numbers in brackets", code="E_EXPR", hint="[[1, 2], [3, 4]]"
        ) from None
    return as_array(decoded, text)


def as_array(numbers: Any, text: str) -> Array:
    try:
        return np.array(numbers, dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise CommandError(
            f"'{text[:60]}' is no array of numbers", code="E_EXPR", hint="rows of one length: [[1, 2], [3, 4]]"
        ) from None


@dataclass(frozen=True)
class Worst:
    """The cell that is furthest off: its index, both numbers, and how many cells are off at all."""

    cell: tuple[int, ...]
    expected: float
    found: float
    off: int


def compare(what: str, found: Array, wanted: Array, rtol: float, atol: float) -> None:
    """ExpectationError with the worst cell, unless all cells agree; NaN agrees with NaN, infinity with itself."""
    if found.shape != wanted.shape and wanted.shape != () and found.shape != ():
        raise ExpectationError(what, f"shape {wanted.shape}", f"shape {found.shape}")
    worst = worst_cell(found, wanted, rtol, atol)
    if worst is not None:
        at = f" at [{', '.join(map(str, worst.cell))}]" if worst.cell else ""
        cells = max(found.size, wanted.size)
        more = f"{worst.off} of {cells} cells are off, " if cells > 1 else ""
        raise ExpectationError(
            what, f"{worst.expected!r}{at}", repr(worst.found), f"{more}rtol {rtol:g}, atol {atol:g}"
        )


def worst_cell(found: Array, wanted: Array, rtol: float, atol: float) -> Worst | None:
    found, wanted = np.broadcast_arrays(found.astype(np.float64), wanted.astype(np.float64))
    with np.errstate(all="ignore"):
        excess = np.abs(found - wanted) - (atol + rtol * np.abs(wanted))
        same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    excess = np.where(same, -1.0, np.where(np.isfinite(excess), excess, np.inf))
    off = int((excess > 0).sum())
    if not off:
        return None
    cell = tuple(int(i) for i in np.unravel_index(int(excess.argmax()), excess.shape))
    return Worst(cell, float(wanted[cell]), float(found[cell]), off)
