"""Where a matrix is large, as a map of it that is never cut: one bad cell is seen among millions."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
from msgspec import Struct
from rich.segment import Segment
from textual.strip import Strip

from bpdebug.arrays import Array
from bpdebug.engine.closeness import largest_cell
from bpdebug.engine.distribution import Peaks, peaks
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.lines import BLANK, Light, fit, strip
from bpdebug.frontends.tui.looks import BESIDE, INSTEAD, LOG
from bpdebug.frontends.tui.matrix import Boxes, MatrixBox
from bpdebug.frontends.tui.windows import block
from bpdebug.translation import _
from bpdebug.views.blocks import Matrix
from bpdebug.views.heat import INFINITE, LEVELS, NOT_A_NUMBER, level
from bpdebug.views.numbers import DIGITS, number

HIGH, WIDE = 24, 64
"""Rows of a map, and its columns, at most."""
MOST_BESIDE = 16
"""Columns of a map that stands beside the numbers, at most."""
APART, LEAST = 2, 4
"""Blanks before it, and its columns, at least."""
ODD = (NOT_A_NUMBER, "NaN", 0), (INFINITE, "infinity", 1)
LEGEND = 20
"""Columns for what a sign stands for."""


class HeatMap(Struct, frozen=True, eq=False):
    """A map of an array, its leading axes one below the other, in so many rows and columns at most."""

    array: Array
    rows: int
    columns: int
    largest: float
    log: bool

    @property
    def found(self) -> Peaks:
        return peaks(self.array, max(self.rows, 1), max(self.columns, 1))

    def signs(self, row: int, mark: tuple[int | None, int | None], times: int = 1) -> Iterator[Segment]:
        """The signs of a row, each so many times; that of the block in which a marked cell lies is turned."""
        found = self.found
        at = tuple(None if i is None else i // n for i, n in zip(mark, (found.high, found.wide), strict=True))
        for column, size in enumerate(found.sizes[row].tolist()):
            sign = level(size, self.largest, log=self.log)
            style = palette.WARNING if sign in (NOT_A_NUMBER, INFINITE) else palette.PLAIN
            yield Segment(sign * times, style + palette.MARKED if at == (row, column) else style)

    def cell(self, row: int, column: int) -> tuple[int, int]:
        """The largest cell of a block; NaN is larger than any number."""
        found, sizes = self.found, self.array.shape[:-1]
        rows = np.arange(row * found.high, min((row + 1) * found.high, prod(sizes)))
        columns = slice(column * found.wide, (column + 1) * found.wide)
        best, across = largest_cell(block(self.array, sizes, rows, columns))
        return row * found.high + best, column * found.wide + across


def _map_of(box: MatrixBox, rows: int, columns: int) -> HeatMap:
    assert box.seen is not None
    return HeatMap(box.seen, rows, columns, box.largest, box.look.scale == LOG)


class BesideBox(MatrixBox):
    """Numbers, and at the right of them a map of the whole."""

    def fit(self, gap: int = 2, digits: int = DIGITS) -> tuple[int, int]:
        self.aside = APART + min(self.columns, MOST_BESIDE)
        width, height = super().fit(gap, digits)
        return width + self.aside, height

    def put(self, x: int, y: int, width: int, height: int) -> None:
        self.aside = min(self.aside, width - self.least[0])
        if self.aside < APART + LEAST:
            self.aside = 0
        super().put(x, y, width, height)

    @property
    def map(self) -> HeatMap:
        """The map, as high as the numbers are."""
        return _map_of(self, min(self.room, self.lines.count), self.aside - APART)

    def line(self, y: int) -> Strip:
        line, row = super().line(y), y - self.first
        if not self.aside or not 0 <= row < len(self.map.found.sizes):
            return line
        map_ = Light([Segment(" " * APART, palette.PLAIN), *self.map.signs(row, self.mark.first)])
        return Light.join([line.adjust_cell_length(self.width - self.aside, palette.PLAIN), map_])

    def cell_at(self, x: int, y: int) -> tuple[int, int] | None:
        row, column = y - self.first, x - (self.width - self.aside) - APART
        if self.aside and column >= 0:
            sizes = self.map.found.sizes
            return self.map.cell(row, column) if 0 <= row < len(sizes) and column < sizes.shape[1] else None
        return super().cell_at(x, y)


class HeatBox(MatrixBox):
    """A map in place of the numbers; the arrow keys go from block to block."""

    def fit(self, gap: int = 2, digits: int = DIGITS) -> tuple[int, int]:
        super().fit(gap, digits)
        self.label += 1
        most, notes = self.label + 2 * min(self.columns, WIDE) + 1, self.notes()
        words = [self.title.cell_length, LEGEND + len(notes[0]), *map(len, notes[1:])]
        return max(most, *words), self.first + min(self.rows, HIGH) + len(notes)

    @property
    def least(self) -> tuple[int, int]:
        return self.label + 2 * min(self.columns, LEAST), self.first + 3

    @property
    def times(self) -> int:
        """How often each sign stands."""
        return 2 if self.label + 2 * min(self.columns, WIDE) < self.width else 1

    @property
    def map(self) -> HeatMap:
        """The map, as large as there is room for."""
        rows = self.height - self.first - (3 if self.sheet.hidden else 1)
        return _map_of(self, rows, min((self.width - self.label - 1) // self.times, WIDE))

    def notes(self) -> list[str]:
        """What the signs stand for, and the numbers that are in a slice."""
        extent = self.extent
        odd = [f"{sign} {what}" for sign, what, n in ODD if (extent.nans, extent.infs)[n]]
        return [", ".join([f"{LEVELS[-1]} {number(self.largest)}", *odd]), *self.facts()]

    def line(self, y: int) -> Strip:
        if y == 0:
            return super().line(y)
        found, row = self.map.found, y - self.first
        if y < self.first:
            text = _("columns 0–{last}").format(last=self.columns - 1)
            return fit(strip((" " * self.label + text, palette.DIM)), self.width)
        if row < len(found.sizes):
            name = self.sheet.name(row * found.high)
            label = f" {name}".rjust(self.label - 1).ljust(self.label) if self.label else ""
            return Light([Segment(label, palette.DIM), *self.map.signs(row, self.mark.first, self.times)])
        notes = self.notes()
        blocks = found.high * found.wide > 1
        size = f"{found.high}×{found.wide}"
        notes[0] = _("max |x| of {size}, {note}").format(size=size, note=notes[0]) if blocks else f"|x|, {notes[0]}"
        row -= len(found.sizes)
        return fit(strip((notes[row], palette.NOTE)), self.width) if row < len(notes) and y < self.height else BLANK

    def cell_at(self, x: int, y: int) -> tuple[int, int] | None:
        (rows, columns), row, across = self.map.found.sizes.shape, y - self.first, x - self.label
        there = 0 <= row < rows and 0 <= across < columns * self.times
        return self.map.cell(row, across // self.times) if there else None

    @property
    def step(self) -> tuple[int, int]:
        found = self.map.found
        return found.high, found.wide

    @property
    def high(self) -> int:
        return self.rows

    def count(self, left: int) -> int:
        return self.columns

    def scroll(self, rows: int) -> bool:
        self.top = self.left = 0
        return False

    def show_mark(self) -> None:
        """All of it is in view."""

    def line_of(self, row: int) -> int:
        return self.first + row // self.step[0]


def boxes(heat: str) -> Boxes:
    """What draws matrices where their map stands there; of a single cell there is none."""

    def box(matrix: Matrix, *, hidden: bool = False) -> MatrixBox:
        kind = KINDS[heat] if matrix.array is not None and matrix.array.size > 1 else MatrixBox
        return kind(matrix, hidden=hidden)

    return box


KINDS = {BESIDE: BesideBox, INSTEAD: HeatBox}
