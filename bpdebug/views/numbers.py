"""Numbers as text: one format per matrix, aligned on the point, four significant digits."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array, kept, number_text, pieces
from bpdebug.far import SMALL, Far, Summary
from bpdebug.symbolic.notation import Negative, Notation, bracketed, numeral
from bpdebug.translation import _

DIGITS = 4
"""Significant digits: `print/f` has them all."""
LONGEST = 15
"""Powers of ten that a number may be written out in full."""
TINY = ("−ε", "+ε")
"""What stands for a number below and above zero that is too small for its matrix's format."""


def shape_text(shape: tuple[int, ...]) -> str:
    """'4×3' as on the screen; '()' for a single number, '(5)' for a vector."""
    return "×".join(map(str, shape)) if len(shape) > 1 else f"({', '.join(map(str, shape))})"


def short(text: str, most: int = 44) -> str:
    """A name or a formula where there is little room: its beginning, and a sign that there is more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


class Format(Struct, frozen=True):
    """How every cell of one matrix is written; all cells are `width` wide, exponents have `exponent` digits."""

    kind: str
    decimals: int
    width: int
    exponent: int = 2

    def cell(self, value: Any) -> str:
        """One cell, right-aligned to the width."""
        return self.text(value).rjust(self.width)

    def text(self, value: Any) -> str:
        if self.kind == "i":
            return str(int(value)).replace("-", "−")
        number = float(value) + 0.0  # a zero has no sign here: print/x shows it
        if not isfinite(number):
            return f"{number}".replace("-", "−")
        if self.kind == "x":
            return number.hex().replace("-", "−")
        if self.kind == "e":
            mantissa, exponent = _scientific(number, self.decimals)
            return f"{mantissa}e{exponent[0]}{exponent[1:].zfill(self.exponent)}".replace("-", "−")
        text = f"{number:.{self.decimals}f}"
        if number != 0 and float(text) == 0:  # too small for this format, and yet not zero
            return TINY[number > 0] + " " * (self.decimals + 1 if self.decimals else 0)
        return text.replace("-", "−")


def _scientific(number: float, decimals: int = DIGITS - 1) -> tuple[str, str]:
    """A number's mantissa, to four digits unless told, and its exponent with a sign."""
    mantissa, _, exponent = f"{number:.{decimals}e}".partition("e")
    return mantissa, exponent


class Extent(Struct, frozen=True):
    """What a matrix's format depends on, whatever the order of its cells.

    `top` is its largest finite size, `least` the smallest that is not 0 (0 where there is none), `decimals` are those
    that its finite cells need. Of integers, `width` is all there is to know. What is finite lies between `low` and
    `high`; there are `nans` and `infs` besides.
    """

    top: float
    least: float = 0.0
    negative: bool = False
    decimals: int = 0
    width: int = 0
    nans: int = 0
    infs: int = 0
    low: float = np.inf
    high: float = -np.inf

    @lru_cache(maxsize=1024)  # noqa: B019 - what is kept is small
    def format(self, digits: int = DIGITS, kind: str = "") -> Format:
        """How the cells are written, with so many significant digits of the largest, and one decimal at least.

        `kind` is 'f' for fixed point, where numbers do not become too long, 'e' for powers of ten, and 'x' for
        hexadecimal, of floats.
        """
        if self.width:
            return Format("i", 0, self.width)
        special = 4 if self.nans or self.infs else 0
        if kind == "x":
            return Format("x", 0, max(len(self.top.hex()), len(self.least.hex())) + self.negative)
        if self.top == 0.0:
            return Format("f", 0, max(special, 2))
        if kind == "e" or (self.scientific and (kind != "f" or abs(self.magnitude) > LONGEST)):
            decimals = max(digits - 1, 1)
            exponent = max(len(_scientific(number, decimals)[1]) for number in (self.top, self.least)) - 1
            return Format("e", decimals, max(decimals + 4 + exponent + self.negative, special), exponent)
        wanted = max(digits - 1 - self.magnitude, 1)
        short = digits <= DIGITS or self.decimals < DIGITS - 1 - self.magnitude
        decimals = min(self.decimals, wanted) if short and not self.scientific else wanted
        signed = self.negative or self.least <= 0.5 * 10.0**-decimals
        return Format("f", decimals, max(len(f"{self.top:.{decimals}f}") + signed, special, 2))

    @property
    def magnitude(self) -> int:
        """The largest one's exponent, as it is written: 9.9996 is 10.00."""
        return int(_scientific(self.top)[1])

    @property
    def scientific(self) -> bool:
        return not -4 <= self.magnitude < 7


@kept
def extent(array: Array) -> Extent:
    """What there is to know of an array of any shape and dtype to write it; goes over it once, and copies nothing."""
    if isinstance(array, Far):
        return _extent_far(array.summary)
    if array.dtype.kind != "f":
        return _of_integers((int(array.min()), int(array.max())) if array.size else (0, 0))
    low, high, least, nans, infs, cells = np.inf, -np.inf, np.inf, 0, 0, array
    for cells in pieces(array) if array.size else ():
        first, last = float(cells.min()), float(cells.max())
        if not isfinite(first) or not isfinite(last):
            nans, infs = nans + int(np.isnan(cells).sum()), infs + int(np.isinf(cells).sum())
            cells = cells[np.isfinite(cells)]
            first, last = float(cells.min(initial=np.inf)), float(cells.max(initial=-np.inf))
        low, high, least = min(low, first), max(high, last), min(least, _least(cells, first, last))
    found = _extent(low, high, least, nans, infs)
    if found.decimals and not found.scientific and array.size <= SMALL:
        # A matrix of short numbers (0.5, 2) does not grow zeros it does not need.
        most = found.decimals
        decimals = next(d for d in range(most + 1) if d == most or bool((cells == np.round(cells, d)).all()))
        return replace(found, decimals=decimals)
    return found


def _of_integers(ends: tuple[int, int]) -> Extent:
    width = max(len(str(n)) for n in ends)
    return Extent(float(max(map(abs, ends))), width=width, low=float(ends[0]), high=float(ends[1]))


def _extent_far(n: Summary) -> Extent:
    """What lies elsewhere has many cells, which are said with all decimals."""
    return _extent(n.low, n.high, n.least, n.nans, n.infs) if n.ends is None else _of_integers(n.ends)


def _extent(low: float, high: float, least: float, nans: int, infs: int) -> Extent:
    """Of floats of any number."""
    if low > high:
        return Extent(0.0, nans=nans, infs=infs)
    found = Extent(max(abs(low), abs(high)), nans=nans, infs=infs, low=low, high=high)
    if found.top == 0.0:
        return found
    found = replace(found, least=least, negative=low < 0, decimals=DIGITS - 1)
    if found.scientific:
        return found
    return replace(found, decimals=max(0, DIGITS - 1 - found.magnitude))


def _least(cells: Array, low: float, high: float) -> float:
    """The smallest size that is not 0, of a flat piece of finite cells between two; infinite where there is none."""
    if low > 0 or high < 0:
        return max(low, -high)
    sizes = np.abs(cells)
    return float(sizes.min(initial=np.inf)) or float(sizes.min(initial=np.inf, where=sizes > 0))


def range_text(found: Extent) -> str:
    """'1 nan, −1.2 to 3.4': how many cells are not finite, and between which ends the others lie."""
    odd = [f"{count:,} {what}" for count, what in ((found.nans, "nan"), (found.infs, "inf")) if count]
    return ", ".join([*odd, *[span_text(number(found.low), number(found.high))] * (found.low <= found.high)])


def event_text(index: int) -> str:
    """'event 17'."""
    return _("event {event}").format(event=index)


def span_text(low: str, high: str) -> str:
    """'−1.2 to 3.4': both ends of what lies between."""
    return _("{low} to {high}").format(low=low, high=high)


def number_format(array: Array) -> Format:
    """The format of a matrix, from its largest and smallest cells."""
    return extent(array).format()


def number(value: float | None) -> str:
    """One number on its own, four significant digits."""
    return "–" if value is None else number_text(value, DIGITS)


def as_factor(value: float) -> Notation:
    """A number as a factor: one with a sign in brackets."""
    found = numeral(number(value))
    return bracketed(found) if isinstance(found, Negative) else found


def in_time(words: str, looked_at: int, of: int, seconds: float | None) -> str:
    """How much of what was asked about was looked at in the time that was given, in these words; '' where none was."""
    return "" if seconds is None else words.format(looked_at=looked_at, of=of, seconds=seconds)


def exact(value: float) -> str:
    """A number that somebody wrote, with every digit that tells it from its neighbours."""
    return repr(float(value)).removesuffix(".0").replace("-", "−")


def percent(share: float, decimals: int = 0) -> str:
    """A share of 1 in per cent; one that is not zero does not read as zero."""
    text = f"{100 * share:.{decimals}f}"
    return f"{TINY[share > 0] if share and float(text) == 0 else text} %".replace("-", "−")
