"""Numbers as text: one format per matrix, aligned on the point, four significant digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array, kept
from bpdebug.engine.stats import two_norm

DIGITS = 4
"""Significant digits: `print/f` has them all."""
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
        if not np.isfinite(number):
            return f"{number}".replace("-", "−")
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
    that its finite cells need. Of integers, `width` is all there is to know.
    """

    top: float
    least: float = 0.0
    negative: bool = False
    finite: bool = True
    decimals: int = 0
    width: int = 0

    def format(self, digits: int = DIGITS) -> Format:
        """How the cells are written, with so many significant digits of the largest, and one decimal at least."""
        if self.width:
            return Format("i", 0, self.width)
        special = 0 if self.finite else 4
        if self.top == 0.0:
            return Format("f", 0, max(special, 2))
        decimals = min(self.decimals, max(digits - 1 - (0 if self.scientific else self.magnitude), 1))
        if self.scientific:
            exponent = max(len(_scientific(number)[1]) for number in (self.top, self.least)) - 1
            return Format("e", decimals, max(decimals + 4 + exponent + self.negative, special), exponent)
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
    """What there is to know of an array of any shape and dtype to write it; costs a few passes over it."""
    if array.dtype.kind != "f":
        ends = (int(array.min()), int(array.max())) if array.size else (0,)
        return Extent(float(max(map(abs, ends))), width=max(len(str(n)) for n in ends))
    cells = array.ravel(order="K")  # of a transpose no copy
    low, high = (float(cells.min()), float(cells.max())) if cells.size else (0.0, 0.0)
    all_finite = bool(np.isfinite([low, high]).all())
    if not all_finite:
        cells = cells[np.isfinite(cells)]
        low, high = (float(cells.min()), float(cells.max())) if cells.size else (0.0, 0.0)
    top = max(abs(low), abs(high))
    if top == 0.0:
        return Extent(0.0, finite=all_finite)
    found = Extent(top, _least(cells), low < 0, all_finite, DIGITS - 1)
    if found.scientific:
        return found
    decimals = max(0, DIGITS - 1 - found.magnitude)
    if decimals and cells.size <= 4096:
        # A matrix of short numbers (0.5, 2) does not grow zeros it does not need.
        decimals = next(d for d in range(decimals + 1) if d == decimals or bool((cells == np.round(cells, d)).all()))
    return replace(found, decimals=decimals)


PIECE = 2**16
"""Cells that are looked at together, so that what is made of them stays in the processor's cache."""


def _least(cells: Array) -> float:
    """The smallest size that is not 0, of a flat array that has one."""
    found = np.inf
    for start in range(0, len(cells), PIECE):
        sizes = np.abs(cells[start : start + PIECE])
        least = float(sizes.min())
        found = min(found, least or float(sizes.min(initial=np.inf, where=sizes > 0)))
    return found


def number_format(array: Array) -> Format:
    """The format of a matrix, from its largest and smallest cells."""
    return extent(array).format()


def number(value: float | None) -> str:
    """One number on its own, four significant digits."""
    return "–" if value is None else f"{value + 0.0:.{DIGITS}g}".replace("-", "−")


def bracketed(value: float) -> str:
    """A number as a factor: one with a sign in brackets."""
    text = number(value)
    return f"({text})" if text.startswith("−") else text


def norm_text(array: Array | None) -> str:
    """The 2-norm of all its cells; '' where there is no array."""
    return "" if array is None else number(two_norm(array))


def exact(value: float) -> str:
    """A number that somebody wrote, with every digit that tells it from its neighbours."""
    return repr(float(value)).removesuffix(".0").replace("-", "−")


def percent(share: float, decimals: int = 0) -> str:
    """A share of 1 in per cent; one that is not zero does not read as zero."""
    text = f"{100 * share:.{decimals}f}"
    return f"{TINY[share > 0] if share and float(text) == 0 else text} %".replace("-", "−")
