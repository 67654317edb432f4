"""A part that one walks onto comes about before one's eyes: a transpose is turned, a product is made, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from time import monotonic
from typing import Any

from msgspec import Struct
from textual.timer import Timer

from bpdebug.frontends.tui.flow import Band
from bpdebug.frontends.tui.leading import LeadingLines
from bpdebug.frontends.tui.links import partners
from bpdebug.frontends.tui.marks import Highlight
from bpdebug.frontends.tui.matrix import MatrixBox

MOST, FEW = 400, 48
"""Cells of what is turned at most; of more than a few, whole rows arrive."""
LONGEST, EACH, FRAME = 1.2, 0.15, 1 / 30
"""Seconds that it takes at most, that what arrives takes, and from picture to picture."""
Place = tuple[int, int]


class Turn(Struct, frozen=True, eq=False):
    """A matrix, and its cells (row, column) in the order in which they arrive, those together that do so at once."""

    box: MatrixBox
    arriving: tuple[tuple[Place, ...], ...]

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return min(LONGEST, EACH * len(self.arriving))

    def at(self, share: float) -> tuple[frozenset[Place], Place]:
        """After a share of the time, from 0 to 1: the cells that are still to come, and the one that came last."""
        count = min(int(share * len(self.arriving)) + 1, len(self.arriving))
        return frozenset(cell for cells in self.arriving[count:] for cell in cells), self.arriving[count - 1][-1]


def turn_of(parts: Sequence[Band]) -> Turn | None:
    """How the last part of a report comes about; None where it is neither turned nor a product, or too large."""
    row = next((part.rows[-1] for part in reversed(parts) if part.number is not None and part.rows), [])
    if not row or not all(box.filled and not box.sheet.hidden and box.rows * box.columns <= MOST for box in row):
        return None
    box = row[-1]
    turned = box.matrix.mark == "transpose"
    if not turned and box.matrix.product is None:
        return None
    return Turn(box, tuple(_arriving(box, turned=turned)))


def _arriving(box: MatrixBox, *, turned: bool) -> Iterator[tuple[Place, ...]]:
    """Row by row; of a transpose, column by column of each matrix in a stack, as they were rows before."""
    high = box.sheet.sizes[-1] if turned and box.sheet.sizes else box.rows
    few = box.rows * box.columns <= FEW

    def line(cell: Place) -> tuple[int, int]:
        return (cell[0] // high, cell[1]) if turned else (cell[0], 0)

    cells = sorted(((r, c) for r in range(box.rows) for c in range(box.columns)), key=lambda cell: (line(cell), cell))
    for _, together in groupby(cells, None if few else line):
        yield tuple(together)


class TurningLines(LeadingLines):
    """Lines in which the newest part comes about; the pictures are of the report and of the time alone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.turning: Turn | None = None
        self.clock: Timer | None = None

    def begin_turn(self) -> None:
        """Lets the newest part come about."""
        self.still()
        self.turning = turn_of(self.parts)
        if self.turning is not None:
            began, seconds = monotonic(), self.turning.seconds
            self.clock = self.set_interval(FRAME, lambda: self.picture((monotonic() - began) / seconds))
            self.picture(0)

    def picture(self, share: float) -> None:
        """What is seen after a share of the time, from 0 to 1."""
        if self.turning is None or share >= 1:
            self.still()
            return
        box = self.turning.box
        box.absent, came = self.turning.at(share)
        found = partners([row for part in self.parts for row in part.rows], box, *came, self.report.links)
        for other in self.every():
            other.mark = found.get(other, Highlight())
        self.repaint()

    def still(self) -> None:
        """At once all is there."""
        turning, self.turning = self.turning, None
        if self.clock is not None:
            self.clock.stop()
            self.clock = None
        if turning is not None:
            turning.box.absent = frozenset()
            self.clear()
