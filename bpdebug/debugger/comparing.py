"""Numbers against numbers: arrays written in brackets, tolerances, and the cell that is furthest off."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import msgspec
import numpy as np

from bpdebug.arrays import Array, at_cell
from bpdebug.engine.closeness import EXPECTED, worst
from bpdebug.errors import CommandError
from bpdebug.language.tokens import refuse

LONGEST = 10_000
"""Characters of numbers in brackets."""


class ExpectationError(CommandError):
    """An expectation that does not hold; `expected` and `found` are for whoever shows them side by side."""

    def __init__(self, what: str, expected: str, found: str, more: str = "") -> None:
        self.expected, self.found = expected, found
        tail = f" ({more})" if more else ""
        super().__init__(f"{what}: expected {expected}, found {found}{tail}", code="E_SCRIPT")


def literal(text: str) -> Array:
    """Numbers in brackets, as they are printed, as float64: [[1, −2.5], [nan, 0]]; E_EXPR for anything else."""
    if len(text) > LONGEST:
        raise refuse(f"numbers of {len(text):,} characters", None, f"at most {LONGEST:,} are read")
    plain = text.replace("−", "-")
    plain = re.sub(r"(?<![\w.])-?(?:nan|inf)\b", lambda m: f'"{m[0]}"', plain)
    plain = re.sub(r"(?<![\w.])(-?)\+?(\d+)\.(?!\d)", r"\1\2.0", plain)
    try:
        decoded = msgspec.json.decode(plain)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise refuse(f"'{text[:60]}' are no numbers in brackets", None, "[[1, 2], [3, 4]]") from None
    return as_array(decoded, text)


def as_array(numbers: Any, text: str) -> Array:
    """Rows of one length as a float64 array; E_EXPR for anything else."""
    try:
        return np.array(numbers, dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        hint = "rows of one length: [[1, 2], [3, 4]]"
        raise refuse(f"'{text[:60]}' is no array of numbers", None, hint) from None


def tolerances(precisions: Collection[str]) -> tuple[float, float]:
    """rtol and atol for what is computed in these dtypes: those of the least precise one."""
    return next((EXPECTED[name] for name in reversed(EXPECTED) if name in precisions), EXPECTED["float64"])


def compare(what: str, found: Array, wanted: Array, rtol: float, atol: float) -> None:
    """ExpectationError with the worst cell, unless all cells agree; NaN agrees with NaN, infinity with itself."""
    if found.shape != wanted.shape and wanted.shape != () and found.shape != ():
        raise ExpectationError(what, f"shape {wanted.shape}", f"shape {found.shape}")
    off = worst(found, wanted, rtol, atol)
    if off is not None:
        cells = max(found.size, wanted.size)
        more = f"{off.off} of {cells} cells are off, " if cells > 1 else ""
        raise ExpectationError(
            what, f"{off.expected!r}{at_cell(off.cell)}", repr(off.found), f"{more}rtol {rtol:g}, atol {atol:g}"
        )
