"""Ranges of numbers as people type them: `> 0.1`, `[-1, 1]`, `nan`."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.errors import CommandError


class Range(Struct, frozen=True):
    """Numbers between two ends, each of them included or not; or NaN, or infinities; `text` is as typed."""

    text: str
    low: float = -np.inf
    high: float = np.inf
    low_in: bool = True
    high_in: bool = True
    kind: str = ""

    def mask(self, array: Array) -> Array:
        """Which cells lie in the range."""
        cells = array.astype(np.float64, copy=False)
        if self.kind:
            return np.asarray({"nan": np.isnan(cells), "inf": np.isinf(cells), "zero": cells == 0}[self.kind])
        above = cells >= self.low if self.low_in else cells > self.low
        below = cells <= self.high if self.high_in else cells < self.high
        return np.asarray(above & below)


def parse_range(text: str) -> Range:
    """A range; E_COMMAND says how one is written."""
    text = text.strip()
    if text in ("nan", "inf", "zero"):
        return Range(text, kind=text)
    if text.startswith("[") and text.endswith("]") and text.count(",") == 1:
        low, high = (_number(t, text) for t in text[1:-1].split(","))
        if low > high:
            raise CommandError(f"the range {text[:60]} is empty", hint="the smaller number first")
        return Range(text, low, high)
    if text[:1] in ("<", ">"):
        sign = text[:2] if text[1:2] == "=" else text[:1]
        at = _number(text[len(sign) :], text)
        closed = sign.endswith("=")
        return Range(text, low=at, low_in=closed) if text[0] == ">" else Range(text, high=at, high_in=closed)
    raise CommandError(f"'{text[:60]}' is no range", hint="> 0.1, <= 0, [-1, 1], nan, inf, zero")


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
