"""The program as a list: leaves, nodes and gradients, of any length; or those rows of it in which words stand."""

from __future__ import annotations

from bisect import bisect_left

from textual.strip import Strip

from bpdebug.debugger import State
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.gate import Gate
from bpdebug.frontends.tui.lines import BLANK, strip
from bpdebug.frontends.tui.tab import Changed, Tab, fits, row_line
from bpdebug.translation import _
from bpdebug.views.program import ProgramRows, matching

MOST_LINES = 1000
"""Rows that are kept as they are drawn."""


class ListTab(Tab):
    """Before the gradients stand a blank line and a heading: places on the screen are `at`, rows of the view `row`."""

    name = "list"

    def __init__(self, gate: Gate | None = None, changed: Changed = lambda _: None) -> None:
        super().__init__(gate, changed)
        self.rows: ProgramRows | None = None
        self.heading, self.digits = 0, 2
        self.words = ""
        self.kept: list[int] | None = None
        """The rows that have the words in them; None: all of them."""
        self._lines: dict[int, Strip] = {}
        """Rows as they are drawn, of a width."""
        self._width = 0

    def show(self, state: State) -> None:
        before, self.rows = self.rows, ProgramRows(state, self.gate.looks)
        others = None if before is None else self.rows.others(before)
        for row in [*self._lines] if others is None or len(self._lines) > MOST_LINES else others:
            self._lines.pop(row, None)
        if before is None or before.state.timeline.graph is not state.timeline.graph:
            last = self.rows[self.rows.gradients_from - 1] if self.rows.gradients_from else None
            self.digits = max(2, len(str(last.line or 0))) if last else 2
            self._keep(None)
            self.filter(self.words)
        self.current = None if self.rows.current is None else self._place(self.rows.current)

    def forget(self) -> None:
        self._lines.clear()

    def filter(self, words: str) -> None:
        """Only the rows that have these words in them; without words, all."""
        self.words = words
        if self.rows is not None and words:
            graph = self.rows.state.timeline.graph
            self.gate.ask(self, lambda: matching(graph, words), self._found, pure=True)
        elif self.rows is not None:
            self.gate.forget(self)
            self._keep(None)

    def _found(self, kept: list[int]) -> None:
        self._keep(kept)
        self.changed(None)

    def _keep(self, kept: list[int] | None) -> None:
        """Only these rows, or all."""
        assert self.rows is not None
        self.kept = kept
        first, rows = self.rows.gradients_from, len(self.rows)
        self.heading, rows = (first, rows) if self.kept is None else (bisect_left(self.kept, first), len(self.kept))
        self.count = rows + (2 if self.heading < rows else 0)
        self.current = None if self.rows.current is None else self._place(self.rows.current)

    def _place(self, row: int) -> int | None:
        if self.kept is not None:
            at = bisect_left(self.kept, row)
            if self.kept[at : at + 1] != [row]:
                return None
            row = at
        return row if row < self.heading else row + 2

    def _row(self, at: int) -> int | None:
        row = at if at < self.heading else at - 2
        if self.is_blank(at) or not 0 <= at < self.count:
            return None
        return row if self.kept is None else self.kept[row]

    def is_blank(self, at: int) -> bool:
        return self.heading <= at < self.heading + 2

    def line(self, at: int, width: int, chosen: bool) -> Strip:
        if at == self.heading + 1 and at < self.count:
            return strip((_("Gradients"), palette.TITLE))
        row = self._row(at)
        if row is None or self.rows is None:
            return BLANK
        if width != self._width:
            self._lines.clear()
            self._width = width
        line = None if chosen else self._lines.get(row)
        if line is None:
            line = self._drawn(self.rows, row, at == self.current, chosen)
            if not chosen:
                self._lines[row] = line
        return line

    def _drawn(self, rows: ProgramRows, row: int, here: bool, chosen: bool) -> Strip:
        found = rows[row]
        number = (f"{found.line or '':>{self.digits}} ", palette.DIM)
        if not fits(found, (number,), self._width):
            found = rows.brief(row)
        return row_line(found, (number,), self._width, here, chosen)

    def event(self, at: int) -> int | None:
        row = self._row(at)
        return None if row is None or self.rows is None else self.rows[row].index
