"""A matrix on the screen: any tensor, of any size, of which only what is visible is ever formatted."""

from __future__ import annotations

from math import prod
from typing import Any
from weakref import ref

import numpy as np
from msgspec import Struct
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from bpdebug.arrays import Array
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.lines import clean, fit, strip
from bpdebug.views.blocks import Matrix
from bpdebug.views.numbers import Format, number_format, shape_text, short

ABSENT = "not computed yet"
Cell = list[Segment]
_cache: dict[int, tuple[ref[Array], Format, float]] = {}


def look(array: Array) -> tuple[Format, float]:
    """An array's number format and its largest finite size; any shape and dtype, worked out once while it lives."""
    found = _cache.get(id(array))
    if found is None or found[0]() is not array:
        if len(_cache) > 256:
            _cache.clear()
        found = _cache[id(array)] = (ref(array), number_format(array), _top(array))
    return found[1], found[2]


def _top(array: Array) -> float:
    if not array.size:
        return 0.0
    low, high = float(array.min()), float(array.max())
    if not np.isfinite(low) or not np.isfinite(high):
        cells = array[np.isfinite(array)]
        low, high = (float(cells.min()), float(cells.max())) if cells.size else (0.0, 0.0)
    return max(abs(low), abs(high))


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


class MatrixView(ScrollView, can_focus=False):
    """Name and shape, row and column numbers that stay in place, and the cells."""

    class Clicked(Message):
        """A cell was clicked, or (None) a place between them."""

        def __init__(self, view: MatrixView, cell: tuple[int, int] | None) -> None:
            super().__init__()
            self.view, self.cell = view, cell

    def __init__(self) -> None:
        super().__init__()
        self.matrix = Matrix("", None, ())
        self.lead, self.mark = "", Highlight()
        self.rows = self.columns = self.label = self.cell = self.indent = self.first = 0
        self.format, self.top = Format("i", 0, 1), 0.0
        self.natural, self._at = Size(1, 1), Offset(0, 0)

    # --- what is shown --------------------------------------------------------------------------------------------

    def show(self, matrix: Matrix, lead: str = "", mark: Highlight | None = None) -> None:
        """Another matrix in the same widget; `lead` is the sign before it, at the height of its first numbers."""
        same = (matrix.name, matrix.shape) == (self.matrix.name, self.matrix.shape)
        self.matrix, self.lead, self.mark = matrix, clean(lead), mark or Highlight()
        self.indent = cell_len(self.lead) + 1 if self.lead else 0
        self._measure()
        self.set_reactive(ScrollView.virtual_size, self.natural)
        if not same:
            view = ScrollView
            for place in (view.scroll_x, view.scroll_y, view.scroll_target_x, view.scroll_target_y):
                self.set_reactive(place, 0.0)
        self.refresh()

    def _measure(self) -> None:
        array, shape = self.matrix.array, self.matrix.shape
        self.rows, self.columns = prod(shape[:-1]), shape[-1] if shape else 1
        self.label = sum(len(str(max(n - 1, 0))) + 1 for n in shape[:-1]) + 1 if len(shape) > 1 else 0
        self.first = 2 if shape else 1  # where the cells begin: below the title and the column numbers
        title = self.indent + self._title().cell_length
        words = len(ABSENT)
        if array is None or not array.size:
            self.first, size = 1, Size(max(title, self.indent + words), 2)
        else:
            self.format, self.top = look(array)
            self.cell = max(self.format.width, len(str(self.columns - 1)) if shape else 0) + 2
            width = self.indent + self.label + self.columns * self.cell
            size = Size(max(title, width), self.first + self.rows)
        note = self.indent + cell_len(clean(self.matrix.note)) if self.matrix.note else 0
        self.natural = Size(max(size.width, note), size.height + bool(note))

    def _title(self) -> Strip:
        style = palette.NAME_STYLES.get(self.matrix.mark, palette.TITLE)
        return strip(
            (clean(short(self.matrix.name)), style),
            (f" {shape_text(self.matrix.shape)}", palette.DIM),
        )

    # --- the lines ------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Line `y` of what is visible; the sign stands beside the numbers, so that it is no part of their name."""
        size, sign = self.scrollable_content_region.size, self.lead if y == self.first else ""
        width, self._at = size.width, self._seen(size)  # once for a line: it is asked for again and again
        signed = strip((sign.ljust(self.indent), palette.SIGN))
        return fit(Strip.join([signed, self._beside(y, max(width - self.indent, 1))]), width)

    def _beside(self, y: int, width: int) -> Strip:
        """Line `y` to the right of the sign."""
        array = self.matrix.array
        if y == 0:
            return fit(self._title(), width)
        note_at = self.natural.height - 1 if self.matrix.note else -1
        row = y - self.first + self._at.y
        if y >= self.first - 1 and y + self._at.y == note_at:
            return fit(strip((clean(self.matrix.note), palette.NOTE)), width)
        if array is None or not array.size:
            words = ABSENT if array is None else "empty: no cells"
            return fit(strip((words, palette.DIM)), width) if y == 1 else Strip([])
        if y < self.first:
            return self._join(" " * self.label, palette.DIM, self._numbers(width), width)
        if not 0 <= row < self.rows:
            return Strip([])
        here = self.mark.row == row
        text = f"{'▸' if here else ' '}{self._row_name(row):>{self.label - 2}} " if self.label else ""
        return self._join(text, palette.HERE if here else palette.DIM, self._cells(array, row, width), width)

    def _join(self, label: str, style: Style, cells: list[Cell], width: int) -> Strip:
        """A line of cells: those that fit whole, and … in what would be seen of others."""
        start, room = self._at.x, max(width - self.label, 0)
        at, left = -(start % self.cell), int(start > 0)
        right = room - (self.columns * self.cell > start + room)
        segments = [Segment(label, style)]
        for cell in cells:
            end = at + self.cell
            if left <= at and end <= right:
                segments += cell
            elif (seen := min(end, room) - max(at, 0)) > 0:
                segments.append(Segment("…".ljust(seen) if at < left else "…".rjust(seen), palette.DIM))
            at = end
        return Strip(segments)

    def _window(self, width: int) -> range:
        start = self._at.x // self.cell
        return range(start, min(self.columns, start + width // self.cell + 2))

    def _row_name(self, row: int) -> str:
        leading = self.matrix.shape[:-1]
        return ",".join(str(int(i)) for i in np.unravel_index(row, leading)) if leading else ""

    def _numbers(self, width: int) -> list[Cell]:
        plain, here = palette.DIM, palette.HERE
        return [
            [Segment(f"{column:>{self.cell - 1}} ", here if column == self.mark.column else plain)]
            for column in self._window(width)
        ]

    def _cells(self, array: Array, row: int, width: int) -> list[Cell]:
        window, leading = self._window(width), self.matrix.shape[:-1]
        line: Any = array[np.unravel_index(row, leading)] if leading else array.reshape(-1)
        cells, cell, room = [], self.format.cell, self.cell - 2
        for column, value in zip(window, line[window.start : window.stop].tolist(), strict=True):
            style, text = palette.value_style(value, self.top), cell(value).rjust(room)
            if self.mark.has(row, column):
                cells.append([Segment(f"[{text.strip()}]".rjust(self.cell), style + palette.MARKED)])
            elif style is palette.WARNING:
                words = text.strip()
                before = Segment(f" {text[: -len(words)]}", palette.PLAIN)
                cells.append([before, Segment(words, style), Segment(" ", palette.PLAIN)])
            else:
                cells.append([Segment(f" {text} ", style)])
        return cells

    @property
    def seen(self) -> Offset:
        """How far it is scrolled."""
        return self._seen(self.scrollable_content_region.size)

    def _seen(self, room: Size) -> Offset:
        """No further than there is something to see, whatever stood here before."""
        (x, y), (width, high) = self.scroll_offset, room
        return Offset(min(x, max(self.natural.width - width, 0)), min(y, max(self.natural.height - high, 0)))

    # --- cells under the mouse and the keys -----------------------------------------------------------------------

    def cell_at(self, x: int, y: int) -> tuple[int, int] | None:
        """The cell at a place in the widget, or None between them."""
        row, column = y - self.first + self.seen.y, x - self.indent - self.label + self.seen.x
        if self.matrix.array is None or not self.matrix.array.size or y < self.first:
            return None
        column = column // self.cell if column >= 0 else -1
        return (row, column) if 0 <= row < self.rows and 0 <= column < self.columns else None

    def index(self, row: int, column: int) -> tuple[int, ...]:
        """A cell's index in the tensor, whose leading axes are laid out one below the other."""
        shape = self.matrix.shape
        return (*map(int, np.unravel_index(row, shape[:-1])), column) if len(shape) > 1 else (column,) * len(shape)

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

    def on_click(self, event: Click) -> None:
        self.post_message(self.Clicked(self, self.cell_at(event.x, event.y)))

    def set_mark(self, mark: Highlight) -> None:
        """Marks other cells, and brings a single one into view."""
        if mark == self.mark:
            return
        self.mark = mark
        if mark.row is not None and mark.column is not None and self.cell:
            self.show_cell(mark.row, mark.column)
        self.refresh()

    def show_cell(self, row: int, column: int) -> None:
        """Scrolls the least that brings a cell into view, and at a side where there are others the sign of them."""
        room = self.scrollable_content_region.size
        x, y, (left, top) = column * self.cell, row, self.seen
        wide, high = room.width - self.indent - self.label, room.height - self.first
        left = min(max(left, x + self.cell + (column + 1 < self.columns) - wide), x - (column > 0))
        top = min(max(top, y + 1 - high), y)
        self.scroll_to(left, top, animate=False)

    def place_in_stage(self, row: int) -> Region:
        """Where a row of cells is within the widget, for the stage to scroll to."""
        return Region(0, self.first + row - self.seen.y, 1, 1)
