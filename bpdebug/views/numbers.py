"""Numbers as text: one format per matrix, aligned on the point, four significant digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array
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
            mantissa, exponent = _scientific(number)
            return f"{mantissa}e{exponent[0]}{exponent[1:].zfill(self.exponent)}".replace("-", "−")
        text = f"{number:.{self.decimals}f}"
        if number != 0 and float(text) == 0:  # too small for this format, and yet not zero
            return TINY[number > 0] + " " * (self.decimals + 1 if self.decimals else 0)
        return text.replace("-", "−")


def _scientific(number: float) -> tuple[str, str]:
    """A number's mantissa to four digits, and its exponent with a sign."""
    mantissa, _, exponent = f"{number:.{DIGITS - 1}e}".partition("e")
    return mantissa, exponent


def number_format(array: Array) -> Format:
    """The format of a matrix, from its largest and smallest cells; costs a few passes over it."""
    if array.dtype.kind != "f":
        ends = (int(array.min()), int(array.max())) if array.size else (0,)
        return Format("i", 0, max(len(str(n)) for n in ends))
    finite = np.isfinite(array)
    all_finite = bool(finite.all())
    cells = array if all_finite else array[finite]
    special = 0 if all_finite else 4
    top = float(max(abs(float(cells.max())), abs(float(cells.min())))) if cells.size else 0.0
    if top == 0.0:
        return Format("f", 0, max(special, 2))
    magnitude = int(_scientific(top)[1])  # of the number as it is written: 9.9996 is 10.00
    negative = bool(cells.size and cells.min() < 0)
    if not -4 <= magnitude < 7:
        least = float(np.abs(cells[cells != 0]).min())
        exponent = max(len(_scientific(number)[1]) for number in (top, least)) - 1
        return Format("e", DIGITS - 1, max(DIGITS + 3 + exponent + negative, special), exponent)
    decimals = max(0, DIGITS - 1 - magnitude)
    if decimals and cells.size <= 4096:
        # A matrix of short numbers (0.5, 2) does not grow zeros it does not need.
        decimals = next(d for d in range(decimals + 1) if d == decimals or bool((cells == np.round(cells, d)).all()))
    whole = max(magnitude, 0) + 1
    tiny = bool(((cells != 0) & (np.abs(cells) <= 0.5 * 10.0**-decimals)).any())
    signed = negative or tiny
    return Format("f", decimals, max(whole + (decimals + 1 if decimals else 0) + signed, special, 2))


def number(value: float | None) -> str:
    """One number on its own, four significant digits."""
    return "–" if value is None else f"{value + 0.0:.{DIGITS}g}".replace("-", "−")


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
