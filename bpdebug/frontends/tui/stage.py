"""The stage: a report's blocks on lines, painted from the report; a step changes no layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, ClassVar

from msgspec.structs import replace
from textual.binding import BindingType
from textual.events import Click, MouseEvent
from textual.message import Message
from textual.strip import Strip

from bpdebug.engine.closeness import largest_cell
from bpdebug.frontends.terminal import apart
from bpdebug.frontends.tui import keys
from bpdebug.frontends.tui.flow import parts
from bpdebug.frontends.tui.links import partners
from bpdebug.frontends.tui.looking import Chosen
from bpdebug.frontends.tui.marks import Highlight
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.frontends.tui.plan import LinePlan
from bpdebug.frontends.tui.rows import MADE
from bpdebug.frontends.tui.turning import TurningLines
from bpdebug.graph import Subject
from bpdebug.views import OF_EVENTS
from bpdebug.views.report import Report

RIGHT = 3
"""The mouse's right button."""
SEARCHED = 4096
"""Cells of a result beyond which its first one is marked, not its largest."""


class Stage(TurningLines, can_focus=True):
    """Where a report is seen; the arrow keys walk over the cells, and what belongs to a cell is marked with it."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.STAGE)

    class Marked(Message):
        """A cell was marked, and with it single cells of other matrices: their indices."""

        def __init__(self, cells: Mapping[Subject, tuple[int, ...]]) -> None:
            super().__init__()
            self.cells = cells

    class Left(Message):
        """Esc was pressed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.plan = LinePlan((), 1, 1, 0, unfolded=False)
        self.top = 0
        self.unfolded, self.alone = False, True  # alone is a stage beside which no pane has room for more

    # --- the report -----------------------------------------------------------------------------------------------

    def show(self, report: Report) -> None:
        """Another report."""
        self.still()
        self.gate.forget(self)
        if report.title != self.report.title:
            self.top, self.across, self.section, self.unfolded = 0, 0, 0, False
        seen = {(box.matrix.name, box.matrix.shape): (box.top, box.left) for box in self.boxes()}
        self.report, self.parts, self.chosen, self.led = report, parts(report.blocks, self.make), None, None
        self.section = min(self.section, max((part.number or 0 for part in self.parts), default=0))  # a part has one
        self.look(self.every())
        for box in self.boxes():
            box.top, box.left = seen.get((box.matrix.name, box.matrix.shape), (0, 0))
        self._begin()
        self.replan()

    def _begin(self) -> None:
        """What is marked from the start, unless the report marks something itself."""
        if not any(box.mark for box in self.every()):
            self._mark(self.first())

    def replan(self) -> None:
        """Everything finds its place anew."""
        width, height = self.size
        if width > 1 and height > 0:
            at_start = self.top > 0 and self.top == self.plan.start(self.section)
            number = self.link_number
            self.plan = LinePlan(
                self.parts, width - 1, height, self.section, unfolded=self.unfolded,
                long=self.report.kind not in OF_EVENTS, across=self.across,
            )  # fmt: skip
            self.link_number = number
            if self.report.spare is not None and self.alone:
                self.plan.fill(self.report.spare)
            self.head(self.report.title, apart(*self.plan.said(), *self.looked.said()))
            self._show_marks()
            self.scroll_by(self.plan.start(self.section) - self.top if at_start else 0)

    def resized(self) -> None:
        self.replan()

    def drawn(self) -> Iterator[Strip]:
        width, height = self.size
        lines = (self.seen(self.top + y) for y in range(len(self.headers), height if width > 1 else 0))
        return self.beside_bar(chain(self.headers, lines), width - 1)

    # --- cells ----------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> list[list[MatrixBox]]:
        """The matrices on the stage, row by row, with those that are not drawn a second time."""
        return [row for part in self.parts for row in part.rows]

    def boxes(self) -> list[MatrixBox]:
        """The matrices with cells that are drawn."""
        shown = [part for part in self.parts if self.plan.shows(part)]
        return [box for part in shown for row in part.rows for box in row if box.filled and not box.hidden]

    def first(self) -> Chosen | None:
        """The cell that is marked from the start: one that the report marks, or the largest of what an event made."""
        here = [row for part in self.parts if part.number == self.section for row in part.rows]
        boxes = [box for row in here for box in row if box.filled and not box.hidden] or self.boxes()
        lit = [(box, cell) for box in boxes if (cell := box.mark.single)]
        if lit:
            box, (row, column) = next((found for found in lit if found[0].matrix.mark in MADE), lit[0])
            return box, row, column
        of_use = MADE if any(box.matrix.mark in MADE for box in boxes) else ("transpose",)
        made = [box for row in here for box in row if box.filled and box.matrix.mark in of_use]
        array = made[-1].matrix.array if made else None
        if array is None:
            return None
        searched = array.size <= SEARCHED and not made[-1].sheet.hidden
        return made[-1], *(made[-1].place(largest_cell(array)) if searched else (0, 0))

    def _mark(self, chosen: Chosen | None) -> None:
        """Marks a cell, and in the other matrices what it is made of or goes into."""
        links = None if self.gate.shut(self, self._mark_again) else self.report.links
        found = {} if chosen is None else partners(self.rows, *chosen, links)
        for box in self.every():
            box.mark = found.get(box, Highlight())
        self._show_marks()

    def _mark_again(self) -> None:
        """What belongs to the marked cell could not be asked for."""
        self.clear() if self.chosen is None else self._mark(self.chosen)
        self.repaint()

    def _show_marks(self) -> None:
        for box in self.plan.boxes():
            if box.filled:
                box.show_mark()

    def choose(self, box: MatrixBox, row: int, column: int) -> None:
        """The reader marks a cell."""
        self.chosen, self.led = (box, row, column), None
        self._mark(self.chosen)
        cells = {
            box.matrix.subject: box.index(*cell)
            for box in self.every()
            if box.matrix.subject is not None and (cell := box.mark.single)
        }
        line = box.y + box.line_of(row)
        self.scroll_by(min(line - self.top, 0) or max(line + 1 - self.top - self.size.height, 0))
        self.post_message(self.Marked(cells))

    def show_again(self, report: Report) -> None:
        """The same report about the marked cell: the mark stays, and with it the cells that the report marks."""
        at = None if self.chosen is None else (self.every().index(self.chosen[0]), *self.chosen[1:])
        top = self.top
        self.show(replace(report, title=self.report.title))
        if at is not None:
            box = self.every()[at[0]]
            self.chosen = box, *at[1:]
            if not box.mark.has(*at[1:]):
                box.mark = Highlight(*at[1:])
        self.scroll_by(top - self.top)

    def clear(self) -> None:
        """The reader marks no cell any more."""
        self.chosen = self.led = None
        for box in self.every():
            box.mark = box.own_mark()
        self._begin()
        self.repaint()

    def action_move(self, down: int, right: int) -> None:
        """One cell on from the one that is marked; the first press marks one, or scrolls where there is no matrix."""
        chosen, target = self.chosen or self.first(), self.target()
        if right and self.of_tables:
            self.go_across(right)
            return
        place = self.next_place(chosen, down) if down else None
        if isinstance(place, int):
            self.lead(place)
        elif place is not None:
            self.choose(place, 0 if down > 0 else place.rows - 1, 0)
        elif self.led is not None:
            self.scroll_by(down)
        elif chosen is not None:
            (box, row, column), (high, wide) = chosen, chosen[0].step
            row, column = row + down * high, column + right * wide
            self.choose(box, min(max(row, 0), box.rows - 1), min(max(column, 0), box.columns - 1))
        elif target is not None:
            self.choose(*target)
        else:
            self.scroll_by(down)

    def target(self) -> Chosen | None:
        """What the keys are about: the marked cell, or the one that would be marked first."""
        boxes = self.boxes()
        made = [box for box in boxes if box.matrix.mark] or boxes  # what is displayed is none
        return self.chosen or self.first() or ((made[-1], 0, 0) if made else None)

    def action_page(self, step: int) -> None:
        """A page of the marked matrix, or of the stage."""
        if self.chosen is None:
            height = self.size.height
            above = self.plan.headers(self.top + height) if step > 0 else self.headers
            self.scroll_by(step * (height - len(above)))
        else:
            self.action_move(step * max(self.chosen[0].high, 1), 0)

    def action_other(self, step: int) -> None:
        """The next matrix: its first cell."""
        if boxes := self.boxes():
            at = boxes.index(self.chosen[0]) if self.chosen else -1 if step > 0 else 0
            self.choose(boxes[(at + step) % len(boxes)], 0, 0)

    def turn_to(self, section: int) -> None:
        """A section by its number, as far as there are so many: the only one that is seen, or the first."""
        self.section, self.top = min(section, max(self.plan.sections - 1, 0)), 0
        self.clear()
        self.replan()
        self.scroll_by(self.plan.start(self.section))

    def action_section(self, step: int) -> None:
        """The next section, where not all of them are seen; behind the last one, the next pane."""
        if self.plan.turns and 0 <= self.section + step < self.plan.sections:
            self.turn_to(self.section + step)
        elif step > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()

    def action_unfold(self) -> None:
        """The whole note, or its first sentence."""
        self.unfolded = not self.unfolded
        self.top = 0
        self.replan()

    def action_leave(self) -> None:
        """Esc: what was asked for goes, or else the mark."""
        self.post_message(self.Left())

    # --- the mouse ------------------------------------------------------------------------------------------------

    def _under(self, event: MouseEvent) -> tuple[MatrixBox, int, int] | None:
        """The matrix under the mouse, and the place in it."""
        offset = event.get_content_offset(self)
        if offset is not None:
            x, y = offset.x, offset.y + self.top
            for box in self.plan.boxes():
                if 0 <= x - box.x < box.width and 0 <= y - box.y < box.height:
                    return box, x - box.x, y - box.y
        return None

    def on_click(self, event: Click) -> None:
        if self.on_bar(event):
            return
        under = self._under(event)
        if under is not None and (axis := under[0].axis_at(*under[1:])) is not None:
            self.leaf(under[0], axis, -1 if event.button == RIGHT else 1)
            return
        cell = None if under is None else under[0].cell_at(*under[1:])
        if (line := self.clicked_link(event)) is not None:
            if line == self.led:
                self.post_message(self.Followed())
            self.lead(line)
        elif under is None or cell is None:
            self.clear()
        else:
            self.choose(under[0], *cell)

    def wheel(self, event: MouseEvent, lines: int) -> None:
        """A matrix that is cut goes on, and the stage where it is none, or at its end; with Shift, sideways."""
        event.stop()
        under = self._under(event)
        if event.shift:
            self.wheel_across(event, 1 if lines > 0 else -1)
        elif under is None or not under[0].scroll(lines):
            self.scroll_by(lines)
        self.repaint()

    def wheel_across(self, event: MouseEvent, step: int) -> None:
        """A matrix that is cut goes on by a column, and tables where there is none."""
        event.stop()
        if (under := self._under(event)) is None:
            self.go_across(step)
        else:
            box, *_ = under
            box.left = max(box.left + step, 0)
            box.put(box.x, box.y, box.width, box.height)  # as far as there are any
            self.repaint()
