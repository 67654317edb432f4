"""Both passes in one line, and what is marked on it: a click or a drag goes there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.events import MouseDown, MouseMove, MouseUp
from textual.strip import Strip

from bpdebug.debugger import State
from bpdebug.engine import FORWARD
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.framed import Framed
from bpdebug.frontends.tui.lines import BLANK, Light
from bpdebug.frontends.tui.program import Seek
from bpdebug.translation import _
from bpdebug.views.finite import faults
from bpdebug.views.seen import differing

TURN, ITERATION, FAULT, DIFFERENCE, BOOKMARK, STOP, CURSOR = "┿", "»", "✗", "≠", "◆", "┃", "●"
"""Where the backward pass begins, another iteration, what is not finite, or handed on wrongly, ...

Of two in a column the later one here.
"""
After = Callable[[int], int | None]
"""The first of some events that is not before another."""


class TimelineBar(Framed):
    """The events from left to right: of one iteration, or of as many as have a column for each of their events."""

    ALLOW_SELECT = False

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.state: State | None = None
        self.start, self.count, self.per, self.turn, self.cursor = 0, 1, 1, 0, 0
        self.head, self.tail, self.forward = f" {_('forward')} ", f" {_('backward')} ", True
        self._dragged = False

    def show(self, state: State) -> None:
        """The iteration that the cursor is in and those beside it, with the end behind the last one."""
        self.state, self.cursor = state, state.cursor
        timeline, schedule = state.timeline, state.timeline.schedule
        iteration, many = schedule.iteration_at(state.cursor), schedule.iterations
        self.tail = f" {_('backward')} "
        if many > 1:
            self.tail += f" {_('{at} of 0..{last}').format(at=iteration, last=many - 1)} "
        self.forward = schedule.place(state.cursor).phase == FORWARD
        self.per, self.turn = max(schedule.per_iteration, 1), len(timeline.graph.nodes)
        together = max((self.room - 1) // self.per, 1)
        first = iteration - iteration % together
        self.start, end = first * self.per, min((first + together) * self.per, len(timeline))
        self.count = max(end - self.start + (end == len(timeline)), 1)
        self.refresh()

    def on_resize(self) -> None:
        if self.state is not None:
            self.show(self.state)

    @property
    def room(self) -> int:
        return max(self.size.width - cell_len(self.head) - cell_len(self.tail), 1)

    def column(self, index: int) -> int:
        """Where on the line an event stands."""
        return round((index - self.start) * (self.room - 1) / max(self.count - 1, 1))

    def event_at(self, x: int) -> int:
        """The event nearest to a column of the widget."""
        x = min(max(x - cell_len(self.head), 0), self.room - 1)
        return self.start + round(x * (self.count - 1) / max(self.room - 1, 1))

    def marks(self) -> dict[int, tuple[str, Style]]:
        """The signs on the line, by their columns."""
        state, done, found = self.state, palette.DIM, dict[int, tuple[str, Style]]()
        if state is None:
            return found
        starts = range(self.start, self.start + self.count, self.per)
        turns, later = ([i + self.turn for i in starts if 0 < self.turn < self.per], starts[1:])
        signs: list[tuple[str, Style, list[After]]] = [
            (TURN, done, [_among(turns)]),
            (ITERATION, done, [_among([i for i in later if i < len(state.timeline)])]),
            (FAULT, palette.BAD, [_among(faults(state.timeline))]),
            (DIFFERENCE, palette.BAD, [_among(differing(state.timeline))]),
            (BOOKMARK, palette.GOOD, [_among(sorted(mark.cursor for mark in state.marks))]),
            (STOP, palette.STOP, [_behind(b.stops.next_after) for b in state.breakpoints if b.enabled and b.located]),
        ]
        for sign, style, several in signs:
            for after in several:
                found |= dict.fromkeys(self._columns(after), (sign, style))
        return found

    def _columns(self, after: After) -> Iterator[int]:
        """Where events stand: each column is asked for once, however many of them there are."""
        at = after(self.start)
        while at is not None and at < self.start + self.count:
            x = self.column(at)
            yield x
            next_one = self.start + int((x + 0.5) * (self.count - 1) / max(self.room - 1, 1))
            at = after(max(at + 1, next_one))

    def render_line(self, y: int) -> Strip:
        if y:
            return BLANK
        here, at, signs = self.column(self.cursor), 0, self.marks()
        signs[here] = CURSOR, palette.TITLE
        segments = [Segment(self.head, palette.HERE if self.forward else palette.DIM)]
        for x in (*sorted(signs), self.room):
            line, style = ("━", palette.HERE) if x <= here else ("┄", palette.DIM)
            sign, own = signs.get(x, ("", style))
            segments += Segment(line * (x - at), style), Segment(sign, style if own == palette.DIM else own)
            at = x + 1
        return Light([*filter(None, segments), Segment(self.tail, palette.DIM if self.forward else palette.HERE)])

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


def _among(events: Sequence[int]) -> After:
    def after(index: int) -> int | None:
        at = bisect_left(events, index)
        return events[at] if at < len(events) else None

    return after


def _behind(next_after: After) -> After:
    return lambda index: next_after(index - 1)
