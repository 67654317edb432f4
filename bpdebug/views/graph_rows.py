"""The rows of a graph in lanes: what a tensor is in short, what a block comes to, and where each of them leads."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator

from bpdebug.debugger import State
from bpdebug.engine import BACKWARD, FORWARD
from bpdebug.translation import ngettext
from bpdebug.views.finite import event_of, fault_between
from bpdebug.views.lanes import Lanes
from bpdebug.views.program import (
    CURRENT,
    DONE,
    LATER,
    ProgramRow,
    ProgramRows,
    is_backward,
    short,
    since,
    statement,
    under,
)
from bpdebug.views.skeleton import Span

BLOCK, HEAD = "block", "head"
"""A block in one row; the line above the rows of one that is unfolded."""


class GraphRows:
    """The rows of a state in lanes, made when asked for; `current` is the row of the event under the cursor."""

    def __init__(self, state: State, lanes: Lanes, looks: Callable[[], bool] = lambda: True) -> None:
        self.state, self.lanes, self.graph = state, lanes, state.timeline.graph
        self.since = since(state.timeline, state.cursor)
        self.rows, self.backward = ProgramRows(state, looks), is_backward(state.timeline, state.cursor)
        self.iteration = state.timeline.schedule.iteration_at(state.cursor)
        here = under(state)
        row = -1 if here is None else int(lanes.row[here[1]])
        self.current = row if row >= 0 else None

    def span(self, r: int) -> Span | None:
        """The block whose row it is."""
        return self.lanes.skeleton.spans[~self.lanes.what[r]] if self.lanes.what[r] < 0 else None

    def __getitem__(self, r: int) -> ProgramRow:
        if (span := self.span(r)) is not None:
            return self._block(span, self.lanes.is_node(r))
        return self.rows.of(self.lanes.what[r], statement(self.graph, self.lanes.what[r]))

    def _block(self, span: Span, folded: bool) -> ProgramRow:
        name = short(span.name, span.name.rpartition(".")[0])
        name = f"{name} {self.graph.imported.classes.get(span.name, '')}".rstrip()
        if not folded:
            return ProgramRow(HEAD, span.name, f"▾ {name}", "", "", None, None)
        ranges, at = list(self._events(span)), self.state.cursor
        status = CURRENT if any(a <= at < b for a, b in ranges) else DONE if ranges[0][1] <= at else LATER
        stops = [b.stops.next_after for b in self.state.breakpoints if b.located and b.enabled]
        stop = any((i := after(a - 1)) is not None and i < b for a, b in ranges for after in stops)
        found = filter(None, (fault_between(self.state.timeline, a, min(b, at + 1)) for a, b in ranges))
        count = span.end - span.first
        nodes = ngettext("{count:,} node", "{count:,} nodes", count).format(count=count)
        return ProgramRow(BLOCK, span.name, f"▸ {name}  {nodes}", "", status, None, None, stop, next(found, ""))

    def _events(self, span: Span) -> Iterator[tuple[int, int]]:
        """The events of a block in the forward pass, and those in the backward pass, where there are any."""
        schedule, back = self.state.timeline.schedule, self.graph.backward_nodes
        start = schedule.start(FORWARD, self.iteration)
        yield start + span.first, start + span.end
        first, end = bisect_right(back, -span.end, key=_minus), bisect_right(back, -span.first, key=_minus)
        start = schedule.start(BACKWARD, self.iteration)
        if first < end:
            yield start + first, start + end

    def event(self, r: int) -> int | None:
        """The event of a tensor in the pass one is in, or else in the other one; None of a block, or without any."""
        tensor = self.lanes.what[r]
        if tensor < 0:
            return None
        timeline, graph, t = self.state.timeline, self.graph, self.iteration
        there = self.backward and graph.has_gradient(tensor)
        if there and not graph.is_leaf(tensor):
            return timeline.schedule.index_of(BACKWARD, tensor, t)
        return event_of(timeline, tensor, t, gradient=there)

    def around(self, r: int) -> int:
        """The block that a row is in, or is itself: the number of its span, or OUTSIDE."""
        what, skeleton = self.lanes.what[r], self.lanes.skeleton
        if what < 0:
            return ~what
        return skeleton.home[what] if self.graph.is_leaf(what) else skeleton.inside[what - self.graph.first]


def _minus(k: int) -> int:
    return -k
