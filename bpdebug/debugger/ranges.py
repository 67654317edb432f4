"""Ranges of numbers as people type them: `> 0.1`, `[-1, 1]`, `nan`, `max`; and places: `at 2,0`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.errors import CommandError
from bpdebug.far import as_array
from bpdebug.language.constants import COMPARISONS


class Range(Struct, frozen=True, eq=False):
    """Numbers between two ends, each of them included or not; NaN, infinities, zeros, the largest or the smallest.

    `text` is as typed; `holds` says of an array of floats which cells lie in the range. `single`: the cell of an index.
    """

    text: str
    holds: Callable[[Array], Array]
    single: bool = False

    def mask(self, array: Array) -> Array:
        """Which cells lie in the range: booleans of the array's shape."""
        found: Array = as_array(self.holds(array.astype(np.float64, copy=False)))
        return found


_WORDS: dict[str, Callable[[Array], Array]] = {
    "nan": np.isnan,
    "inf": np.isinf,
    "zero": lambda cells: cells == 0,
    "max": lambda cells: cells == np.where(np.isnan(cells), -np.inf, cells).max(initial=-np.inf),
    "min": lambda cells: cells == np.where(np.isnan(cells), np.inf, cells).min(initial=np.inf),
}
WORDS = "|".join(_WORDS)


def parse_range(text: str) -> Range:
    """A range; E_COMMAND says how one is written."""
    text = text.strip()
    if text in _WORDS:
        return Range(text, _WORDS[text])
    if text.startswith("[") and text.endswith("]") and text.count(",") == 1:
        low, high = (_number(t, text) for t in text[1:-1].split(","))
        if low > high:
            raise CommandError(f"the range {text[:60]} is empty", hint="the smaller number first")
        return Range(text, lambda cells: (low <= cells) & (cells <= high))
    if text.startswith("at "):
        return _place(text)
    sign = next((sign for sign in ("<=", ">=", "<", ">") if text.startswith(sign)), "")
    at = _number(text[len(sign) :] if sign else "", text)
    return Range(text, lambda cells: COMPARISONS[sign](cells, at))


def _place(text: str) -> Range:
    """The cell of an index: `at 2,0`, from the end where a number is negative."""
    try:
        index = tuple(int(part.replace("−", "-")) for part in text[3:80].split(","))
    except ValueError:
        raise CommandError(f"'{text[:60]}' is no cell", hint="its indices, with commas: at 2,0") from None

    def holds(cells: Array) -> Array:
        """One cell of an array of any shape; E_COMMAND where there is none."""
        if len(index) != cells.ndim or not all(-n <= i < n for i, n in zip(index, cells.shape, strict=True)):
            shape = ", ".join(map(str, cells.shape))
            raise CommandError(f"no cell {text[3:60]}: the shape is ({shape})", hint="an index for each axis: at 2,0")
        mask = np.zeros(cells.shape, bool)
        mask[index] = True
        return mask

    return Range(f"at {','.join(map(str, index))}", holds, single=True)


def _number(text: str, whole: str) -> float:
    found = typed_number(text)
    if found is None:
        raise CommandError(f"'{whole[:60]}' is no range", hint="> 0.1, <= 0, [-1, 1], nan, inf, zero, max, min")
    return found


def typed_number(text: str) -> float | None:
    """A number as it is typed, or copied from the screen; None where it is none, or NaN."""
    try:
        found = float(text.replace("−", "-")) if len(text) < 60 else np.nan
    except ValueError:
        return None
    return None if found != found else float(found)
