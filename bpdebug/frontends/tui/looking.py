"""How the matrices on a stage are looked at: which slices of them, and with which axes as rows and columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from bpdebug.arrays import Cell, Shape
from bpdebug.frontends.tui.flow import Band
from bpdebug.frontends.tui.lined import Scrolled
from bpdebug.frontends.tui.looks import HEATS, KINDS, LOOK, SCALES, SHARED, Look, after
from bpdebug.frontends.tui.marks import mark_of
from bpdebug.frontends.tui.matrix import Boxes, MatrixBox
from bpdebug.frontends.tui.slices import Sheet, laid_out
from bpdebug.views.blocks import Matrix
from bpdebug.views.report import Report

Chosen = tuple[MatrixBox, int, int]
"""A matrix, and a cell of it by its row and its column."""


class Looking(Scrolled):
    """A stage's keys for it; what was chosen for a matrix holds wherever one of its name and shape is shown."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.report = Report("", "")
        self.parts: list[Band] = []
        self.section = 0
        self.chosen: Chosen | None = None
        self.sheets: dict[tuple[str, Shape], Sheet] = {}
        self.looked = LOOK

    def target(self) -> Chosen | None:
        """What the keys are about: a cell, and its matrix."""
        raise NotImplementedError

    def choose(self, box: MatrixBox, row: int, column: int) -> None:
        """The reader marks a cell."""
        raise NotImplementedError

    def replan(self) -> None:
        """Everything finds its place anew."""
        raise NotImplementedError

    def show(self, report: Report) -> None:
        """Another report."""
        raise NotImplementedError

    @property
    def make(self) -> Boxes:
        """How matrices are drawn."""
        if not self.looked.heat:
            return MatrixBox
        from bpdebug.frontends.tui.heat import boxes  # start-up: maps are drawn when asked for

        return boxes(self.looked.heat)

    def look(self, boxes: Sequence[MatrixBox]) -> None:
        """Boxes as the reader wants to see them."""
        shared = self.looked.scale == SHARED
        scale = max((box.extent.top for box in boxes if box.filled), default=0.0) if shared else 0.0
        for box in boxes:
            box.look, box.scale = self.looked, scale
            if sheet := self.sheets.get((box.matrix.name, box.matrix.shape)):
                box.turn(sheet)
                box.mark = box.own_mark()

    def look_as(self, look: Look) -> None:
        """Everything looks otherwise; what is marked stays."""
        at = None if self.chosen is None else (self.every().index(self.chosen[0]), *self.chosen[1:])
        self.looked = look
        self.show(self.report)
        if at is not None:
            self.choose(self.every()[at[0]], *at[1:])

    def every(self) -> list[MatrixBox]:
        """All matrices, with those that are not drawn a second time."""
        return [box for part in self.parts for row in part.rows for box in row]

    def action_format(self) -> None:
        """Numbers are written in another way."""
        self.look_as(replace(self.looked, kind=after(self.looked.kind, list(KINDS))))

    def action_digits(self, step: int) -> None:
        """More significant digits, or fewer."""
        self.look_as(self.looked.finer(step))

    def action_scale(self) -> None:
        """Other cells are bright."""
        self.look_as(replace(self.looked, scale=after(self.looked.scale, list(SCALES))))

    def action_heat(self) -> None:
        """A map of where it is large stands beside the numbers, then instead of them, then nowhere."""
        self.look_as(replace(self.looked, heat=after(self.looked.heat, HEATS)))

    def turn(self, box: MatrixBox, sheet: Sheet, at: Cell) -> None:
        """Other axes of a matrix are seen, or another slice, and a cell of that is marked."""
        self.sheets[box.matrix.name, box.matrix.shape] = sheet
        box.turn(sheet)
        box.mark = mark_of(sheet, at)
        self.replan()
        self.choose(box, *sheet.place(at))

    def action_slice(self, step: int) -> None:
        """The next slice of the marked matrix; of one that is laid out, first the slice that the cell is in."""
        if (chosen := self.target()) and len(chosen[0].matrix.shape) > 2:
            box, *cell = chosen
            at = box.index(*cell)
            sheet = box.sheet.leaf(step) if box.sheet.hidden else laid_out(box.matrix.shape).other_axes(at)
            self.turn(box, sheet, at)

    def action_axis(self) -> None:
        """Another axis is leafed along."""
        if chosen := self.target():
            self.turn(chosen[0], chosen[0].sheet.next_axis(), chosen[0].index(*chosen[1:]))

    def action_axes(self) -> None:
        """Other axes of the marked matrix are rows and columns."""
        if (chosen := self.target()) and len(chosen[0].matrix.shape) > 2:
            at = chosen[0].index(*chosen[1:])
            self.turn(chosen[0], chosen[0].sheet.other_axes(at), at)

    def action_transpose(self) -> None:
        """Rows as columns; again, and rows are rows."""
        if chosen := self.target():
            self.turn(chosen[0], chosen[0].sheet.transposed(), chosen[0].index(*chosen[1:]))

    def find(self, among: Callable[[Matrix], bool], at: Cell) -> None:
        """Marks a cell of the first matrix that it is among, and what is seen of that has it."""
        boxes = ((part, box) for part in self.parts for row in part.rows for box in row if not box.hidden)
        for part, box in boxes:
            if among(box.matrix):
                self.section = self.section if part.number is None else part.number
                self.turn(box, box.sheet.facing(at), at)
                return

    def leaf(self, box: MatrixBox, axis: int, step: int) -> None:
        """The next slice along an axis: its index in the title was clicked."""
        sheet = box.sheet.along(axis, step)
        self.turn(box, sheet, sheet.index(0, 0))

    def action_across(self, step: int) -> None:
        """A page of columns on, or back."""
        if chosen := self.target():
            box, row, column = chosen
            wide = step * max(box.count(box.left), 1)
            self.choose(box, row, min(max(column + wide, 0), box.columns - 1))
