"""Both passes in one line: where the cursor stands, where breakpoints are; a click or a drag goes there."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from textual.events import MouseDown, MouseMove, MouseUp
from textual.strip import Strip
from textual.widget import Widget

from bpdebug.debugger import Breakpoint, State
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.lines import BLANK
from bpdebug.frontends.tui.program import Seek

LEFT = " forward "
MANY = 5_000
"""Stops, more than which no line of the screen could show apart."""


class TimelineBar(Widget):
    """The events of one iteration, from left to right."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.start, self.count, self.turn, self.cursor = 0, 1, 0, 0
        self.stops: frozenset[int] = frozenset()
        self.tail = " backward "
        self._dragged = False

    def show(self, state: State) -> None:
        """The iteration that the cursor is in, with the end behind the last one."""
        timeline, schedule = state.timeline, state.timeline.schedule
        iteration, many = schedule.iteration_at(state.cursor), schedule.iterations
        self.start, self.cursor, self.turn = iteration * schedule.per_iteration, state.cursor, len(timeline.graph.nodes)
        self.count = schedule.per_iteration + (iteration == many - 1)
        self.stops = _stops(state.breakpoints, self.start, self.start + self.count)
        self.tail = " backward " if many < 2 else f" backward  {iteration + 1}/{many} "
        self.refresh()

    @property
    def room(self) -> int:
        return max(self.size.width - len(LEFT) - len(self.tail), 1)

    def column(self, index: int) -> int:
        """Where on the line an event stands."""
        return round((index - self.start) * (self.room - 1) / max(self.count - 1, 1))

    def event_at(self, x: int) -> int:
        """The event nearest to a column of the widget."""
        x = min(max(x - len(LEFT), 0), self.room - 1)
        return self.start + round(x * (self.count - 1) / max(self.room - 1, 1))

    def render_line(self, y: int) -> Strip:
        if y:
            return BLANK
        room, here = self.room, self.column(self.cursor)
        stops = {self.column(i) for i in self.stops}
        turn = self.column(self.start + self.turn) if 0 < self.turn < self.count else -1
        forward = self.cursor - self.start < self.turn
        segments = [Segment(LEFT, palette.HERE if forward else palette.DIM)]
        for x in range(room):
            style = palette.HERE if x <= here else palette.DIM
            if x == here:
                segments.append(Segment("●", palette.TITLE))
            elif x in stops:
                segments.append(Segment("┃", palette.STOP))
            elif x == turn:
                segments.append(Segment("┿", style))
            else:
                segments.append(Segment("━" if x < here else "┄", style))
        return Strip([*segments, Segment(self.tail, palette.DIM if forward else palette.HERE)])

    def _seek(self, x: int) -> None:
        index = self.event_at(x)
        if index != self.cursor:
            self.post_message(Seek(index))

    def on_mouse_down(self, event: MouseDown) -> None:
        self.capture_mouse()
        self._dragged = True
        self._seek(event.x)

    def on_mouse_move(self, event: MouseMove) -> None:
        if self._dragged:
            self._seek(event.x)

    def on_mouse_up(self, event: MouseUp) -> None:
        self._dragged = False
        self.release_mouse()


@lru_cache(maxsize=16)
def _stops(breakpoints: tuple[Breakpoint, ...], start: int, end: int) -> frozenset[int]:
    """Where breakpoints stand; catches and watches may stop anywhere, and are no places."""
    found: set[int] = set()
    for b in breakpoints:
        if b.enabled and b.located:
            at = b.stops.next_after(start - 1)
            while at is not None and at < end and len(found) < MANY:
                found.add(at)
                at = b.stops.next_after(at)
    return frozenset(found)
