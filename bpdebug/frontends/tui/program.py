"""The program as a list: leaves, nodes and gradients, with marks; of any length, only what is visible is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.cells import cell_len, set_cell_size
from textual.binding import BindingType
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.keys import PROGRAM, bindings
from bpdebug.frontends.tui.lines import BLANK, clean, strip
from bpdebug.frontends.tui.pane import Pane
from bpdebug.views.program import ProgramRow, ProgramRows

SIGNS = {"done": ("✓", palette.GOOD), "current": ("✓", palette.HERE)}
ODD = {"nan": ("✗", palette.BAD, "NaN"), "inf": ("∞", palette.BAD, "infinite")}
"""In the place of ✓ where what is done is not finite."""
WORDS = {
    "not computed yet": ("not computed", "not yet"),
    "no path": ("no path",),
    "partial": ("partial: more is to be added", "partial"),
}


class Seek(Message):
    """The user wants to be at an event."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index


class ProgramPane(Pane):
    """The list, its current row in view; the arrow keys select, Enter and a click go there.

    A blank line and a heading stand before the gradients: places on the screen are `at`, rows of the view `row`.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(PROGRAM)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.rows: Sequence[ProgramRow] = ()
        self.heading, self.digits = 0, 2
        self.current: int | None = None
        self.selected: int | None = None
        self.border_title = Content("Program")

    def show(self, rows: ProgramRows) -> None:
        """Other rows; the current one comes into view, and nothing is selected any more."""
        self.rows, self.heading, self.selected = rows, rows.gradients_from, None
        last = rows[rows.gradients_from - 1] if rows.gradients_from else None
        self.digits = max(2, len(str(last.line or 0))) if last else 2
        self.current = None if rows.current is None else self._place(rows.current)
        self.measure(len(rows) + (2 if self.heading < len(rows) else 0))
        self.on_resize()

    def _place(self, row: int) -> int:
        return row if row < self.heading else row + 2

    def _row(self, at: int) -> ProgramRow | None:
        row = at if at < self.heading else at - 2
        blank = self.heading <= at < self.heading + 2
        return None if blank or not 0 <= row < len(self.rows) else self.rows[row]

    def on_resize(self) -> None:
        if self.current is not None:
            self.bring(self.current)
        self.repaint()

    def bring(self, at: int) -> None:
        """A place comes into view, with two rows around it where there is room."""
        around = max(min(2, (self.scrollable_content_region.height - 1) // 2), 0)
        self.reveal(at - around, at + around)

    def line(self, at: int, width: int) -> Strip:
        if at == self.heading + 1 and self.heading < len(self.rows):
            return strip(("Gradients", palette.TITLE))
        row = self._row(at)
        return BLANK if row is None else self._line(row, at, width)

    def _line(self, row: ProgramRow, at: int, width: int) -> Strip:
        here = at == self.current
        sign, style = SIGNS.get(row.status, ("·", palette.DIM))
        text, tail = clean(row.text), f" {clean(row.shape)} "
        number = f"{row.line or '':>{self.digits}} "
        room = width - 3 - len(number) - cell_len(tail)
        text = text if cell_len(text) <= room else set_cell_size(text, max(room - 1, 0)) + "…"
        room -= cell_len(text)
        said: Sequence[str] = WORDS.get(row.status, ())
        if row.odd:
            sign, style, *said = ODD[row.odd]
        words = next((w for w in said if cell_len(w) + 2 <= room), "")
        pieces = [
            ("▶" if here else " ", palette.HERE),
            ("●" if row.breakpoint else " ", palette.STOP),
            (number, palette.DIM),
            (text, palette.HERE if here else palette.PLAIN if row.status in SIGNS else palette.DIM),
            (" " * (room - len(words)), palette.DIM),
            (words, style if row.odd else palette.DIM),
            (tail, palette.DIM),
            (sign, style),
        ]
        if at == self.selected:
            pieces = [(words, style + palette.MARKED) for words, style in pieces]
        return strip(*pieces)

    def on_click(self, event: Click) -> None:
        at = self.clicked(event)
        if at is not None and self._row(at) is not None:
            self.selected = at
            self.action_go()

    def action_select(self, step: int) -> None:
        """Another row."""
        at, count = self.selected if self.selected is not None else self.current or 0, self.virtual_size.height
        at = min(max(at + step, 0), count - 1)
        while self.heading <= at < self.heading + 2 < count:
            at += 1 if step > 0 else -1
        self.selected = at
        self.bring(at)
        self.repaint()

    def action_go(self) -> None:
        """To the event of the selected row."""
        if self.event is not None:
            self.post_message(Seek(self.event))

    @property
    def event(self) -> int | None:
        """The event of the selected row."""
        row = None if self.selected is None else self._row(self.selected)
        return None if row is None else row.index
