"""Lines of a report that lead on, and which one is marked; tables that are wider than the stage."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from bpdebug.arrays import cell_text
from bpdebug.frontends.tui.lines import Leading, reversed_
from bpdebug.frontends.tui.looking import Chosen, Looking
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.frontends.tui.plan import LinePlan
from bpdebug.frontends.tui.reports import Place


class LeadingLines(Looking):
    """The lines of a plan, from `top` on: the one that is marked of those that lead on is number `led`."""

    class Followed(Message):
        """The marked line was clicked again: on to what it leads to."""

    plan: LinePlan
    top = across = 0
    led: int | None = None

    def boxes(self) -> list[MatrixBox]:
        """The matrices between the lines."""
        raise NotImplementedError

    def clear(self) -> None:
        """The reader marks nothing any more."""
        raise NotImplementedError

    @property
    def length(self) -> int:
        return self.plan.length

    def scroll_by(self, lines: int) -> None:
        height = self.size.height
        self.plan.reach(self.top + lines + height)
        self.top = max(0, min(self.top + lines, self.plan.length - height))
        self.repaint()

    def to_end(self) -> None:
        """The last lines come into view."""
        self.scroll_by(2**31)

    def to(self, y: int | None) -> tuple[int, str] | None:
        """What a line leads to, and its number."""
        line = None if y is None else self.plan.line(y)
        return line.to if isinstance(line, Leading) else None

    def first_of(self, y: int) -> int:
        """The first of the lines that lead on together with this one."""
        while y > 0 and self.to(y - 1) == self.to(y):
            y -= 1
        return y

    def leads(self) -> list[int]:
        """The first line of each that leads on."""
        self.plan.reach(2**31)
        found = [None, *map(self.to, range(self.plan.length))]
        return [y for y, (before, here) in enumerate(pairwise(found)) if here is not None and here != before]

    @property
    def link_number(self) -> int | None:
        """Which is marked of the lines that lead on: it is, however they are wrapped."""
        leads = [] if self.led is None else self.leads()
        return leads.index(self.led) if self.led in leads else None

    @link_number.setter
    def link_number(self, at: int | None) -> None:
        leads = [] if at is None else self.leads()
        self.led = leads[at] if at is not None and at < len(leads) else None

    def action_across(self, step: int) -> None:
        if self.of_tables:
            self.go_across(step)
        else:
            super().action_across(step)

    @property
    def of_tables(self) -> bool:
        """Whether it is tables that go sideways: the reader marked no cell, and they can, or a line is marked."""
        wide = bool(self.across or self.plan.aside(1))
        return self.chosen is None and (wide or self.led is not None or self.target() is None)

    def go_across(self, step: int) -> None:
        """Other columns of the tables come into view, as far as there are any; what is marked stays."""
        if not (self.plan.aside(1) if step > 0 else self.across):
            return
        self.across += step
        self.replan()
        if self.led is not None:
            self.lead(self.led)
        self.repaint()

    @property
    def place(self) -> Place:
        """Where one is in the report."""
        return self.across, self.top, self.link_number

    def go_to(self, place: Place) -> None:
        """Where one was in it."""
        across, self.top, at = place
        if across != self.across:
            self.across = across
            self.replan()
        self.link_number = at
        self.scroll_by(0)

    @property
    def headers(self) -> Sequence[Strip]:
        """The headers that stay above the lines in view, of the table to which the first one belongs."""
        return self.plan.headers(self.top)

    def seen(self, y: int) -> Strip:
        """A line as it is drawn."""
        line = self.plan.line(y)
        if self.led is None or not isinstance(line, Leading) or self.first_of(y) != self.led:
            return line
        return reversed_(line)

    def next_link(self, y: int, step: int) -> int | None:
        """The first line of what leads on next, below (1) or above (-1) a line."""
        self.plan.reach(2**31)
        here, y = self.to(y), y + step
        while 0 <= y < self.plan.length:
            found = self.to(y)
            if found is not None and found != here:
                return self.first_of(y)
            here, y = found and here, y + step
        return None

    def next_place(self, chosen: Chosen | None, down: int) -> int | MatrixBox | None:
        """What the arrow keys come to, from a cell or a line that leads on: such a line, or else a matrix.

        None where it is a cell of the same matrix, or nothing leads on.
        """
        if chosen is not None:
            box, row, _ = chosen
            last = box.y + box.height - 1 if down > 0 else box.y
            return None if 0 <= row + down < box.rows else self.next_link(last, down)
        if self.led is None:
            return self.next_link(self.top - 1 if down > 0 else self.top + self.size.height, down)
        found = self.next_link(self.led, down)
        near = [box for box in self.boxes() if (box.y - self.led) * down > 0]
        near = [box for box in near if found is None or (found - box.y) * down > 0]
        return min(near, key=lambda box: box.y * down, default=found)

    def named(self) -> str:
        """The matrix in which the reader marked a cell, as it is typed."""
        matrix = None if self.chosen is None else self.chosen[0].matrix
        of = None if matrix is None else matrix.subject
        return "" if matrix is None or of is None or isinstance(of.tensor, str) or of.transposed else matrix.name

    def cell_text(self) -> str:
        """The cell that the reader marked, as it is typed: 'dH[1,1]'."""
        name = self.named()
        return cell_text(name, self.chosen[0].index(*self.chosen[1:])) if name and self.chosen else ""

    def lead(self, y: int) -> None:
        """The reader marks a line that leads on."""
        if self.chosen is not None:
            self.clear()
        self.led = y
        first = self.top + len(self.headers)
        self.scroll_by(min(y - first, 0) or max(y + 1 - self.top - self.size.height, 0))

    @property
    def link(self) -> str:
        """The command that leads on from the marked line, or from the marked cell to what it is made of."""
        to, cell = self.to(self.led), self.cell_text()
        return to[1] if to is not None else f"origin {cell}" if cell else ""

    def clicked_link(self, event: Click) -> int | None:
        """The first line of what was clicked, where that leads on."""
        offset = event.get_content_offset(self)
        y = None if offset is None or offset.y < len(self.headers) else offset.y + self.top
        return None if y is None or self.to(y) is None else self.first_of(y)
