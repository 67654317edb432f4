"""A matrix on the stage: any tensor, of any size, of which only what is visible is ever formatted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from msgspec import Struct
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from bpdebug.arrays import Array
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.lines import BLANK, clean, fit, strip
from bpdebug.views.blocks import Matrix
from bpdebug.views.numbers import DIGITS, Extent, Format, extent, shape_text, short

ABSENT, EMPTY = "not computed yet", "empty: no cells"
MORE = 2
"""Characters of the sign that there are more columns, at either side."""
LEAST = 1
"""Rows that are seen of a matrix that is cut, at least."""


def known(array: Array) -> Extent:
    """What an array's format depends on; that of a transpose on what it is the transpose of, which has its cells."""
    base: Any = array.base
    whole = isinstance(base, np.ndarray) and (base.size, base.dtype) == (array.size, array.dtype)
    return extent(base if whole else array)


class Highlight(Struct, frozen=True):
    """Which cells stand out: a row, a column, or where they meet; or `cells` one by one."""

    row: int | None = None
    column: int | None = None
    cells: frozenset[tuple[int, int]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.cells) or self.row is not None or self.column is not None

    def has(self, row: int, column: int) -> bool:
        if self.cells:
            return (row, column) in self.cells
        return bool(self) and self.row in (None, row) and self.column in (None, column)

    @property
    def single(self) -> tuple[int, int] | None:
        """The one cell that stands out; None where there are others, or none."""
        if len(self.cells) == 1:
            return next(iter(self.cells))
        return None if self.row is None or self.column is None else (self.row, self.column)


class MatrixBox:
    """Name and shape, row and column numbers that stay in place, and whole cells; at (x, y) once it has a place.

    `hidden` stands for one that is drawn elsewhere, and is there for what belongs together.
    """

    def __init__(self, matrix: Matrix, *, hidden: bool = False) -> None:
        self.matrix, self.hidden, self.mark = matrix, hidden, Highlight(cells=matrix.marked)
        shape = matrix.shape
        self.rows, self.columns = prod(shape[:-1]), shape[-1] if shape else 1
        self.filled = matrix.array is not None and bool(matrix.array.size)
        self.first = 1 + bool(shape) * self.filled  # where the cells begin: below the title and the column numbers
        self.left = self.top = self.x = self.y = self.width = self.height = self.gap = self.cell = self.label = 0
        self.format, self.largest, self.rounded = Format("i", 0, 1), 0.0, False

    # --- how large it is, and where -------------------------------------------------------------------------------

    def fit(self, gap: int = 2, digits: int = DIGITS) -> tuple[int, int]:
        """Draws cells `gap` apart, with so many significant digits; the size that the whole then has."""
        self.gap, title, leading = gap, self._title().cell_length, self.matrix.shape[:-1]
        self.label = sum(len(str(max(n - 1, 0))) + 1 for n in leading) + (gap == 1) if leading else 0
        if self.filled:
            found = self.extent
            self.format, self.largest = found.format(digits), found.top
            self.rounded = self.format.decimals < found.format().decimals
            self.cell = max(self.format.width, len(str(self.columns - 1)) if self.matrix.shape else 0) + gap
            size = self.label + self.columns * self.cell + 1, self.first + self.rows
        else:
            size = len(ABSENT), 2
        note = cell_len(self._note)
        return max(title, note, size[0]), size[1] + bool(note)

    @cached_property
    def extent(self) -> Extent:
        """What its format depends on."""
        assert self.matrix.array is not None
        return known(self.matrix.array)

    @property
    def least(self) -> tuple[int, int]:
        """The least size in which it says something: one column, LEAST rows."""
        width = self.label + self.cell * min(self.columns, 1) + 1 + 2 * MORE * (self.columns > 1)
        return width if self.filled else len(EMPTY), self.first + min(self.rows, LEAST) + 1

    def put(self, x: int, y: int, width: int, height: int) -> None:
        """Gives it a place; what was seen of it stays in view, as far as there is something to see."""
        self.x, self.y, self.width, self.height = x, y, width, height
        self.top = max(0, min(self.top, self.rows - self.high))
        while self.left > 0 and self.left - 1 + self._count(self.left - 1) >= self.columns:
            self.left -= 1
        self.left = max(0, min(self.left, self.columns - 1))

    @property
    def high(self) -> int:
        """How many rows of cells are seen."""
        room = self.height - self.first
        return self.rows if room >= self.rows + bool(self._note) else max(min(room - 1, self.rows), 0)

    def _count(self, left: int) -> int:
        """How many columns are seen whole, from a first one on."""
        room = self.width - self.label - 1 - MORE * (left > 0)
        if room >= (self.columns - left) * self.cell:
            return self.columns - left
        return max((room - MORE) // self.cell, 0)

    @property
    def cut(self) -> bool:
        """Whether there is more of it than is seen."""
        return self.filled and (self.high < self.rows or self._count(self.left) < self.columns)

    def show_mark(self) -> None:
        """Scrolls the least that brings the row, the column or the first cell that is marked into view."""
        row, column = min(self.mark.cells, default=(self.mark.row, self.mark.column))
        if row is not None:
            self.top = min(max(self.top, row + 1 - self.high), row)
        if column is not None:
            self.left = min(self.left, column)
            while self.left < column and column >= self.left + self._count(self.left):
                self.left += 1

    def scroll(self, rows: int) -> bool:
        """Rows further down, or up; whether there were any."""
        before = self.top
        self.top = max(0, min(self.top + rows, self.rows - self.high))
        return self.top != before

    # --- the lines ------------------------------------------------------------------------------------------------

    @property
    def _note(self) -> str:
        """What stands below; in narrow columns, of a transpose, its name and its arrow must do."""
        return "" if self.gap < 2 and self.matrix.mark == "transpose" else clean(self.matrix.note)

    def _title(self) -> Strip:
        style = palette.NAME_STYLES.get(self.matrix.mark, palette.TITLE)
        return strip((clean(short(self.matrix.name)), style), (f" {shape_text(self.matrix.shape)}", palette.DIM))

    def line(self, y: int) -> Strip:
        """Line `y` of it, counted from its title: no wider than its place."""
        array, row, high = self.matrix.array, y - self.first + self.top, self.high if self.filled else 1
        if y == 0:
            return fit(self._title(), self.width)
        if y == self.first + high and y < self.height:
            return fit(strip((self._below(high), palette.NOTE)), self.width)
        if array is None or not array.size:
            return fit(strip((ABSENT if array is None else EMPTY, palette.DIM)), self.width) if y == 1 else BLANK
        if y < self.first:
            return Strip([Segment(" " * self.label, palette.DIM), *self._numbers()])
        if not self.top <= row < self.top + high:
            return BLANK
        here = self.mark.row == row
        name = self._row_name(row).rjust(self.label - 1 - (self.gap == 1))
        text = f"{'▸' if here else ' '}{name}".ljust(self.label) if self.label else ""
        return Strip([Segment(text, palette.HERE if here else palette.DIM), *self._cells(array, row)])

    def _below(self, high: int) -> str:
        """The note, and which rows are seen where not all are."""
        last = f"–{self.top + high - 1}" if high > 1 else ""
        seen = f"row{'s' * bool(last)} {self.top}{last} of {self.rows:,}" if high < self.rows else ""
        return " · ".join(filter(None, (seen, self._note)))

    def _row_name(self, row: int) -> str:
        leading = self.matrix.shape[:-1]
        return ",".join(str(int(i)) for i in np.unravel_index(row, leading)) if leading else ""

    def _numbers(self) -> Iterator[Segment]:
        plain, count = palette.DIM, self._count(self.left)
        yield from self._sign(self.left > 0)
        for column in range(self.left, self.left + count):
            yield Segment(f"{column:>{self.cell}}", palette.HERE if column == self.mark.column else plain)
        yield from self._sign(self.left + count < self.columns)

    def _sign(self, more: bool) -> Iterator[Segment]:
        if more:
            yield Segment(" …", palette.DIM)

    def _cells(self, array: Array, row: int) -> Iterator[Segment]:
        """Cells right-aligned, those that are marked between brackets, for which the blanks around them have room."""
        leading, count = self.matrix.shape[:-1], self._count(self.left)
        line: Any = array[np.unravel_index(row, leading)] if leading else array.reshape(-1)
        yield from self._sign(self.left > 0)
        before, behind = palette.PLAIN, False
        for column, value in enumerate(line[self.left : self.left + count].tolist(), self.left):
            text, style = self.format.cell(value), palette.value_style(value, self.largest)
            body, marked = text.lstrip(), self.mark.has(row, column)
            gap = " " * (self.cell - len(body))
            if behind and marked and self.gap == 1:  # no room for two brackets: the cells stand together
                yield Segment(gap, style + palette.MARKED)
            else:
                yield from _between(gap, behind, marked, before, style)
            yield Segment(body, style + palette.MARKED if marked else style)
            before, behind = style, marked
        yield from _between(" ", behind, False, before, palette.PLAIN)
        yield from self._sign(self.left + count < self.columns)

    # --- cells under the mouse and the keys -----------------------------------------------------------------------

    def cell_at(self, x: int, y: int) -> tuple[int, int] | None:
        """The cell at a place in the box, or None between them."""
        row, across = y - self.first + self.top, x - self.label - MORE * (self.left > 0)
        if not self.filled or not 0 <= y - self.first < self.high or across < 0:
            return None
        column = self.left + across // self.cell
        return (row, column) if column < self.left + self._count(self.left) else None

    def index(self, row: int, column: int) -> tuple[int, ...]:
        """A cell's index in the tensor, whose leading axes are laid out one below the other."""
        shape = self.matrix.shape
        return (*map(int, np.unravel_index(row, shape[:-1])), column) if len(shape) > 1 else (column,) * len(shape)

    def place(self, at: tuple[int, ...]) -> tuple[int, int]:
        """The row and the column of a cell by its index."""
        shape = self.matrix.shape
        row = int(np.ravel_multi_index(at[:-1], shape[:-1])) if len(shape) > 1 else 0
        return row, at[-1] if at else 0

    def mark_at(self, at: tuple[int | None, ...]) -> Highlight:
        """The mark of a place along each axis (None: of all along it)."""
        *lead, column = at or (0,)
        if at and not any(i is not None for i in at):
            return Highlight()  # every cell belongs to it: none stands out
        if lead and not any(i is not None for i in lead):
            return Highlight(None, column)
        leading = self.matrix.shape[:-1]
        places = np.ix_(*(range(n) if i is None else [i] for i, n in zip(lead, leading, strict=True)))
        rows = np.ravel_multi_index(places, leading).reshape(-1).tolist() if lead else [0]
        if len(rows) == 1:
            return Highlight(rows[0], column)
        columns = range(self.columns) if column is None else [column]
        return Highlight(cells=frozenset((r, c) for r in rows for c in columns))


def _between(gap: str, closes: bool, opens: bool, before: Style, after: Style) -> Iterator[Segment]:
    """The blanks between two cells, with the bracket that closes the one and the bracket that opens the other."""
    if closes:
        yield Segment("]", before + palette.MARKED)
    yield Segment(gap[closes : len(gap) - opens], palette.PLAIN)
    if opens:
        yield Segment("[", after + palette.MARKED)
