"""How the cells of matrices are drawn: as which numbers, how brightly, and whether as a map of where they are large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from bpdebug.translation import N_, _
from bpdebug.views.numbers import DIGITS

KINDS = {"": "", "f": N_("fixed point"), "e": N_("scientific"), "x": N_("hexadecimal")}
"""How numbers are written: as their matrix asks for, or all alike."""
OWN, SHARED, LOG = "own", "shared", "log"
SCALES = {OWN: "", SHARED: N_("one scale for all"), LOG: N_("a shade a decade")}
"""What the brightest is: the largest of the matrix, or of all that are there; or a decade is a shade."""
BESIDE, INSTEAD = "beside", "instead"
HEATS = ("", BESIDE, INSTEAD)
MOST_DIGITS = 17
"""Significant digits that tell a double from every other."""
One = TypeVar("One")


class Look(Struct, frozen=True):
    """A row of KINDS, how many digits `more` than there are otherwise, a scale, and where a map of heat stands."""

    kind: str = ""
    more: int = 0
    scale: str = OWN
    heat: str = ""

    def digits(self, most: int) -> int:
        """How many significant digits there are, where there would be so many."""
        return min(max(most + self.more, 1), MOST_DIGITS)

    def finer(self, step: int) -> Look:
        """More digits, or fewer."""
        return replace(self, more=self.digits(DIGITS + step) - DIGITS)

    def said(self) -> Iterator[str]:
        """What is other than usual."""
        yield from map(_, filter(None, (KINDS[self.kind], SCALES[self.scale])))


LOOK = Look()


def after(one: One, all_: Sequence[One]) -> One:
    """The next one of all; behind the last, the first."""
    return all_[(all_.index(one) + 1) % len(all_)]
