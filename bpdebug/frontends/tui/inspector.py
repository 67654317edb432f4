"""A report as scrolling text: the help, and the inspector beside the stage, which has tabs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from rich.style import Style
from textual.binding import BindingType
from textual.events import Click
from textual.strip import Strip

from bpdebug.debugger import State
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.gate import Gate
from bpdebug.frontends.tui.keys import INSPECTOR, bindings
from bpdebug.frontends.tui.lines import BLANK, fit, strip
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.frontends.tui.pane import Pane
from bpdebug.frontends.tui.paragraphs import block_lines
from bpdebug.frontends.tui.working import Inspected
from bpdebug.translation import N_, _
from bpdebug.views import inspector
from bpdebug.views.blocks import Formula, Matrix, Row, Text, flat
from bpdebug.views.inspector import TABS
from bpdebug.views.report import Report
from bpdebug.wrapping import display_width

LATER = N_("not worked out yet")
SAID = {
    "facts": N_("facts"), "map": N_("map"), "hist": N_("hist"), "uses": N_("uses"), "stack": N_("stack"),
    "stops": N_("stops"), "displays": N_("displays"),
}  # fmt: skip
"""What stands on the tabs."""
MOST_ROWS = 16
"""Lines of a matrix among others."""
READABLE = 30
"""Columns without which sentences that are not asked for would be too long."""


class ReportPane(Pane):
    """A report's words, wrapped to the width, scrolled when they are many."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.report = Report("", "")
        self._lines: list[Strip] = []

    def show(self, report: Report) -> None:
        """Another report."""
        self.report = report
        self.head(report.title)
        self.resized()

    def resized(self) -> None:
        """The lines anew, at the width that there is."""
        for _again in range(2):  # where they are many, there is a bar beside them
            width = self.room
            self._lines = list(_drawn(self.report, width)) if width > 0 else []
            self.measure(len(self._lines))
            if self.room == width:
                break
        if self.report.spare is not None and width >= READABLE:
            more = list[Strip]()
            for block in self.report.spare():
                more += [*[BLANK] * isinstance(block, Formula), *block_lines(block, width)]
            if self.count + len(more) <= self.size.height:
                self._lines += more
                self.measure(len(self._lines))
        self.repaint()

    def line(self, at: int, width: int) -> Strip:
        return self._lines[at] if at < len(self._lines) else BLANK


def _drawn(report: Report, width: int) -> Iterator[Strip]:
    """A report's lines, one block under the other, with as many cells of its matrices as there is room for."""
    for block in flat(report.blocks):
        if isinstance(block, Row):
            for matrix in (item for item in block.items if isinstance(item, Matrix)):
                box = MatrixBox(matrix)
                high = min(box.fit(1)[1], MOST_ROWS)
                box.put(0, 0, width, high)
                yield from map(box.line, range(high))
        else:
            yield from block_lines(block, width)


class InspectorPane(ReportPane):
    """One tab of what there is to know of a state, worked out once it is seen; the others stand above it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(INSPECTOR)

    def __init__(self, id: str, gate: Gate | None = None) -> None:
        super().__init__(id=id, gate=gate)
        self.tab = TABS[0]
        self.state: State | None = None
        self.stale = False

    def stand(self, state: State, beside: Inspected | None = None) -> None:
        """Another state, and what there is to say of it, where that is known."""
        self.state, self.stale = state, True
        if self.is_on_screen and beside is not None and beside.tab == self.tab:
            self.stale = False
            self.gate.forget(self)
            self.show(beside.report)
        elif self.is_on_screen:
            self.renew()

    def renew(self) -> None:
        """What there is to say of the state, unless it is said already."""
        if self.state is not None and self.stale:
            self.stale, state, tab = False, self.state, self.tab
            self.gate.ask(self, lambda: inspector(state, tab), self.show)

    def resized(self) -> None:
        if self.stale:
            self.renew()
        else:
            super().resized()

    def turn_to(self, tab: str) -> None:
        """Another tab, from its beginning."""
        self.tab, self.stale = tab, False
        self.top = 0
        self.show(Report("inspector", "", (Text(_(LATER), "dim"),)))
        self.stale = True
        self.renew()

    def action_turn(self, step: int) -> None:
        """The next tab, or the one before."""
        self.turn_to(TABS[(TABS.index(self.tab) + step) % len(TABS)])

    # --- the tabs stand above what is scrolled

    def places(self, width: int) -> Iterator[tuple[int, int, str]]:
        """The column and the line of each tab, and its name."""
        x = y = 0
        for tab in TABS:
            wide = self._wide(tab)
            if x and x + wide > width:
                x, y = 0, y + 1
            yield x, y, tab
            x += wide + 1

    def _wide(self, tab: str) -> int:
        return display_width(_(SAID[tab])) + 2 * (tab == self.tab)

    def measure(self, count: int) -> None:
        super().measure(count + self.over)

    @property
    def over(self) -> int:
        """Lines that the tabs take."""
        *_, (_, y, _) = self.places(self.room)
        return y + 1

    def drawn(self) -> Iterator[Strip]:
        width, high, top = self.room, self.size.height, self.top
        rows: list[list[tuple[str, Style]]] = [[] for _y in range(self.over)]
        for _x, y, tab in self.places(width):
            here = tab == self.tab
            apart = [(" ", palette.PLAIN)] if rows[y] else []
            rows[y] += [*apart, (f"[{_(SAID[tab])}]" if here else _(SAID[tab]), palette.HERE if here else palette.DIM)]
        lines = [strip(*row) for row in rows]
        yield from (fit(line, width) for line in lines[:high])
        yield from (fit(self.line(top + y, width), width) for y in range(high - len(lines)))

    def on_click(self, event: Click) -> None:
        if (offset := event.get_content_offset(self)) is not None:
            for x, y, tab in self.places(self.room):
                if y == offset.y and x <= offset.x < x + self._wide(tab):
                    self.turn_to(tab)
