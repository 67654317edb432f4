"""A matrix on the stage: any tensor, of any size, of which only what is visible is ever formatted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import accumulate

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from bpdebug.arrays import Array, Cell
from bpdebug.frontends.terminal import apart
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.lines import BLANK, Light, clean, fit, strip
from bpdebug.frontends.tui.looks import LOG, LOOK
from bpdebug.frontends.tui.marks import Highlight, between, mark_of
from bpdebug.frontends.tui.slices import MOST_LAID_OUT, Along, Lines, Sheet, laid_out, sheet_of
from bpdebug.frontends.tui.windows import Window, known
from bpdebug.translation import N_, _
from bpdebug.views.blocks import Matrix
from bpdebug.views.numbers import DIGITS, Extent, Format, range_text, shape_text, short

ABSENT, EMPTY = N_("not computed yet"), N_("empty: no cells")
MORE = 2
"""Characters of the sign that there are more columns, at either side."""
AXES = 2
"""Behind a name and a bracket the axes begin."""
LEAST = 1
"""Rows that are seen of a matrix that is cut, at least."""


class MatrixBox:
    """Name and shape, row and column numbers that stay in place, and whole cells; at (x, y) once it has a place.

    `hidden` stands for one that is drawn elsewhere, and is there for what belongs together. `sheet` says which of a
    tensor's axes are rows and columns, and `seen` is the view of the array that those are of. The brightest
    cell is its largest, or as large as `scale` says; `aside` are columns at the right for what else is drawn.
    """

    def __init__(self, matrix: Matrix, *, hidden: bool = False) -> None:
        self.matrix, self.hidden, shape = matrix, hidden, matrix.shape
        self.filled = matrix.array is not None and bool(matrix.array.size)
        self.first = 1 + bool(shape) * self.filled  # where the cells begin: below the title and the column numbers
        self.left = self.top = self.x = self.y = self.width = self.height = self.gap = self.cell = self.label = 0
        self.format, self.digits, self.rounded = Format("i", 0, 1), DIGITS, False
        self.window = Window()
        self.look, self.largest, self.scale, self.aside = LOOK, 0.0, 0.0, 0
        self.turn(sheet_of(shape))
        self.mark, self.absent = self.own_mark(), frozenset[tuple[int, int]]()  # cells that are still to come

    def turn(self, sheet: Sheet) -> None:
        """Other axes are rows and columns, or another slice is seen."""
        self.sheet, self.rows, self.columns, self.sliced = sheet, sheet.rows, sheet.columns, bool(sheet.hidden)
        self.lines = Lines(self.rows)
        vars(self).pop("title", None)
        self.seen = None if self.matrix.array is None else sheet.view(self.matrix.array)

    def own_mark(self) -> Highlight:
        """The cells that it says itself stand out, the first of whose slices comes into view."""
        whole, marked = laid_out(self.matrix.shape), sorted(self.matrix.marked)
        if self.sheet == whole or not marked:
            return Highlight(cells=self.matrix.marked)
        at = [whole.index(*cell) for cell in marked]
        self.turn(self.sheet.facing(at[0]))
        return Highlight(cells=frozenset(self.sheet.place(cell) for cell in at if self.sheet.has(cell)))

    # --- how large it is, and where -------------------------------------------------------------------------------

    def fit(self, gap: int = 2, digits: int = DIGITS) -> tuple[int, int]:
        """Draws cells `gap` apart, with so many significant digits; the size that the whole then has."""
        self.gap, sizes = gap, self.sheet.sizes
        apart = len(sizes) > 1 and sizes[-1] > 1 and (gap > 1 or self.rows > MOST_LAID_OUT)
        self.lines = Lines(self.rows, sizes[-1] if apart else 0)
        self.label = sum(len(str(max(n - 1, 0))) + 1 for n in sizes) + (gap == 1) if sizes else 0
        if self.filled:
            found = self.extent
            usual = found.format(self.look.digits(DIGITS), self.look.kind)
            self.digits = self.look.digits(digits)
            self.format, self.largest = found.format(self.digits, self.look.kind), self.scale or found.top
            self.rounded = self.format.decimals < usual.decimals
            self.cell = max(self.format.width, len(str(self.columns - 1)) if self.matrix.shape else 0) + gap
            size = self.label + self.columns * self.cell + 1, self.first + self.lines.count
        else:
            size = len(ABSENT), 2
        below = [*self.facts(), *filter(None, (self._note,))]
        return max(self.title.cell_length, size[0], *map(cell_len, below)), size[1] + len(below)

    @cached_property
    def extent(self) -> Extent:
        """What its format depends on: the whole, so that all slices have the same."""
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
        self.scroll(0)
        while self.left > 0 and self.left - 1 + self.count(self.left - 1) >= self.columns:
            self.left -= 1
        self.left = max(0, min(self.left, self.columns - 1))

    @property
    def below(self) -> int:
        """How many lines of facts there is room for."""
        return max(min(2 * self.sliced * self.filled, self.height - self.first - LEAST - 1), 0)

    @property
    def room(self) -> int:
        """The lines that there are for cells."""
        room = self.height - self.first - self.below
        return room if room >= self.lines.count + bool(self._note) else max(room - 1, 0)

    @property
    def high(self) -> int:
        """How many rows of cells are seen."""
        return self.lines.seen(self.top, self.room)

    def count(self, left: int) -> int:
        """How many columns are seen whole, from a first one on."""
        room = self.width - self.aside - self.label - 1 - MORE * (left > 0)
        if room >= (self.columns - left) * self.cell:
            return self.columns - left
        return max((room - MORE) // max(self.cell, 1), 0)

    @property
    def cut(self) -> bool:
        """Whether there is more of it than is seen."""
        return self.filled and (self.high < self.rows or self.count(self.left) < self.columns)

    def show_mark(self) -> None:
        """Scrolls the least that brings the row, the column or the first cell that is marked into view."""
        row, column = self.mark.first
        if row is not None:
            self.top = min(self.top, row)
            if row >= self.top + self.high:
                self.top = self.lines.first(row, self.room)
        if column is not None:
            self.left = min(self.left, column)
            while self.left < column and column >= self.left + self.count(self.left):
                self.left += 1

    def scroll(self, rows: int) -> bool:
        """Rows further down, or up; whether there were any."""
        before = self.top
        self.top = max(0, min(self.top + rows, self.lines.first(self.rows - 1, self.room)))
        return self.top != before

    # --- the lines ------------------------------------------------------------------------------------------------

    def facts(self) -> list[str]:
        """Of a slice, between which ends its cells lie, and those of the whole."""
        if self.seen is None or not self.filled or not self.sliced:
            return []
        here, whole = range_text(known(self.seen)), range_text(self.extent)
        return [_("here {range}").format(range=here), _("all {range}").format(range=whole)]

    @property
    def _note(self) -> str:
        """What stands below; in narrow columns, of a transpose, its name and its arrow must do."""
        return "" if self.gap < 2 and self.matrix.mark == "transpose" else clean(self.matrix.note)

    @cached_property
    def title(self) -> Strip:
        """The name, the slice, and the shape of what is seen, or of which it is a slice."""
        style, sheet = palette.NAME_STYLES.get(self.matrix.mark, palette.TITLE), self.sheet
        axis = None if sheet.turns is None else AXES + 2 * sheet.turns
        texts = [(text, style + palette.TURNS if n == axis else style) for n, text in enumerate(self._texts())]
        return strip(*texts, (f" {shape_text(sheet.seen_shape)}", palette.DIM))

    def _texts(self) -> list[str]:
        """The name, and the pieces of the slice: those of the axes are every second one from AXES on."""
        name, pieces = clean(short(self.matrix.name)), self.sheet.pieces
        if self.sheet.turned and self.matrix.subject is not None and self.matrix.subject.transposed:
            return [name.removesuffix("ᵀ"), *pieces]
        return [name, *pieces, *["ᵀ"] * self.sheet.turned]

    def axis_at(self, x: int, y: int) -> int | None:
        """The axis whose index stands at a place in the title, if it can be another."""
        found = sum(end <= x for end in accumulate(map(cell_len, self._texts()))) - AXES
        return found // 2 if y == 0 and not found % 2 and found // 2 in self.sheet.hidden else None

    def line(self, y: int) -> Strip:
        """Line `y` of it, counted from its title: no wider than its place."""
        if y == 0:
            return fit(self.title, self.width)
        if self.seen is None or not self.filled:
            absent = (_(ABSENT if self.seen is None else EMPTY), palette.DIM), (self._note, palette.NOTE)
            return fit(strip(absent[y - 1]), self.width) if y < 3 else BLANK
        if y < self.first:
            return Light([Segment(" " * self.label, palette.DIM), *self._numbers()], self._wide)
        high, start = self.high, self.lines.of(self.top)
        end = self.first + self.lines.of(self.top + high - 1) - start + 1 if high else self.first
        if y >= end:
            below = [text for text in (self._below(high), *self.facts()[: self.below]) if text]
            text = below[y - end] if y < min(end + len(below), self.height) else ""
            return fit(strip((text, palette.NOTE)), self.width)
        row = self.lines.at(start + y - self.first)
        return BLANK if row is None else self._row(self.seen, row)

    def _row(self, seen: Array, row: int) -> Strip:
        here = self.mark.row == row
        name = self.sheet.name(row).rjust(self.label - 1 - (self.gap == 1))
        text = f"{'▸' if here else ' '}{name}".ljust(self.label) if self.label else ""
        return Light([Segment(text, palette.HERE if here else palette.DIM), *self._cells(seen, row)], self._wide + 1)

    def _below(self, high: int) -> str:
        """The note, and which rows are seen where not all are."""
        return apart(self.sheet.part(self.top, high) if high < self.rows else "", self._note)

    @property
    def _wide(self) -> int:
        """How wide the row of numbers above the cells is."""
        left, count = self.left, self.count(self.left)
        return self.label + count * self.cell + MORE * ((left > 0) + (left + count < self.columns))

    def _numbers(self) -> Iterator[Segment]:
        plain, count = palette.DIM, self.count(self.left)
        yield from self._sign(self.left > 0)
        for column in range(self.left, self.left + count):
            yield Segment(f"{column:>{self.cell}}", palette.HERE if column == self.mark.column else plain)
        yield from self._sign(self.left + count < self.columns)

    def _sign(self, more: bool) -> Iterator[Segment]:
        if more:
            yield Segment(" …", palette.DIM)

    def _cells(self, array: Array, row: int) -> Iterator[Segment]:
        """Cells right-aligned, those that are marked between brackets, for which the blanks around them have room."""
        count, rows = self.count(self.left), range(self.top, self.top + max(self.high, row - self.top + 1))
        line = self.window.row(array, self.sheet.sizes, row, rows, slice(self.left, self.left + count))
        yield from self._sign(self.left > 0)
        before, behind, log = palette.PLAIN, False, self.look.scale == LOG
        for column, value in enumerate(line, self.left):
            body = "" if (row, column) in self.absent else self.format.text(value)
            style, marked = palette.value_style(value, self.largest, log=log), self.mark.has(row, column)
            gap = " " * (self.cell - len(body))
            if not behind and not marked:
                yield Segment(gap + body, style)
            else:
                if behind and marked and self.gap == 1:  # no room for two brackets: the cells stand together
                    yield Segment(gap, style + palette.MARKED)
                else:
                    yield from between(gap, behind, marked, before, style)
                yield Segment(body, style + palette.MARKED if marked else style)
            before, behind = style, marked
        yield from between(" ", behind, False, before, palette.PLAIN)
        yield from self._sign(self.left + count < self.columns)

    # --- cells under the mouse and the keys -----------------------------------------------------------------------

    @property
    def step(self) -> tuple[int, int]:
        """How many rows and columns the arrow keys go on."""
        return 1, 1

    def cell_at(self, x: int, y: int) -> tuple[int, int] | None:
        """The cell at a place in the box, or None between them."""
        row, across = self.lines.at(self.lines.of(self.top) + y - self.first), x - self.label - MORE * (self.left > 0)
        if not self.filled or y < self.first or row is None or row >= self.top + self.high or across < 0:
            return None
        column = self.left + across // self.cell
        return (row, column) if column < self.left + self.count(self.left) else None

    def line_of(self, row: int) -> int:
        """The line of a row, counted from the title."""
        return self.first + self.lines.of(row) - self.lines.of(self.top)

    def index(self, row: int, column: int) -> Cell:
        """A cell's index in the tensor."""
        return self.sheet.index(row, column)

    def place(self, at: Cell) -> tuple[int, int]:
        """The row and the column of a cell by its index."""
        return self.sheet.place(at)

    def mark_at(self, at: Along) -> Highlight:
        """The mark of a place along each axis (None: of all along it), whose slice comes into view."""
        if not self.sheet.has(at):
            self.turn(self.sheet.facing(at))
        return mark_of(self.sheet, at)


Boxes = Callable[..., MatrixBox]
"""What makes a box of a matrix, `hidden` or not."""
