"""Ranges of numbers as people type them: `> 0.1`, `[-1, 1]`, `nan`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.errors import CommandError
from bpdebug.language.constants import COMPARISONS


class Range(Struct, frozen=True, eq=False):
    """Numbers between two ends, each of them included or not; or NaN, infinities or zeros; `text` is as typed.

    `holds` says of an array of floats which cells lie in the range.
    """

    text: str
    holds: Callable[[Array], Array]

    def mask(self, array: Array) -> Array:
        """Which cells lie in the range: booleans of the array's shape."""
        return np.asarray(self.holds(array.astype(np.float64, copy=False)))


_WORDS: dict[str, Callable[[Array], Array]] = {"nan": np.isnan, "inf": np.isinf, "zero": lambda cells: cells == 0}


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
    sign = next((sign for sign in ("<=", ">=", "<", ">") if text.startswith(sign)), "")
    at = _number(text[len(sign) :] if sign else "", text)
    return Range(text, lambda cells: COMPARISONS[sign](cells, at))


def _number(text: str, whole: str) -> float:
    found = typed_number(text)
    if found is None:
        raise CommandError(f"'{whole[:60]}' is no range", hint="> 0.1, <= 0, [-1, 1], nan, inf, zero")
    return found


def typed_number(text: str) -> float | None:
    """A number as it is typed, or copied from the screen; None where it is none, or NaN."""
    try:
        found = float(text.replace("−", "-")) if len(text) < 60 else np.nan
    except ValueError:
        return None
    return None if found != found else float(found)
