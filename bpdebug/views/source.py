"""A scenario's file as lines, each with what is known of the nodes that it makes, all of a loop's."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

from bpdebug.debugger import Breakpoint, State
from bpdebug.engine import BACKWARD, FORWARD
from bpdebug.engine.schedule import Schedule
from bpdebug.graph import Graph
from bpdebug.views.finite import odd
from bpdebug.views.program import is_backward, since, under

MOST_STOPS = 1000
"""Events of a breakpoint whose lines are marked: one at `*` has as many as the graph."""
NONE: tuple[list[int], list[int]] = ([], [])
LOOKED_AT = 8
"""Of a line's nodes the newest ones are looked at for NaN: a step does not go through all turns of a loop."""


class SourceLine(Struct, frozen=True):
    """A line; of its nodes `done` are computed, or in the backward pass have handed their gradients on, out of `of`.

    `backward` says which of the two. `odd` is 'nan' or 'inf' where one of the newest of them is not finite.
    """

    number: int
    text: str
    current: bool
    stop: bool
    backward: bool
    done: int
    of: int
    odd: str


@lru_cache(maxsize=4)
def _nodes(graph: Graph) -> dict[int, tuple[list[int], list[int]]]:
    """The nodes of each line in program order, and those of them with a backward event."""
    found: dict[int, tuple[list[int], list[int]]] = {}
    for k, node in enumerate(graph.nodes):
        own, back = found.setdefault(node.line, ([], []))
        own.append(k)
        if graph.has_gradient(graph.first + k):
            back.append(k)
    return found


@lru_cache(maxsize=4)
def stop_lines(breakpoints: tuple[Breakpoint, ...], schedule: Schedule) -> frozenset[int]:
    """The lines at whose events breakpoints stand."""
    offsets = (i for b in breakpoints if b.located and b.enabled for i in b.stops.offsets[:MOST_STOPS])
    nodes = (schedule.graph.node(schedule.tensor_at(i)) for i in offsets)
    return frozenset(node.line for node in nodes if node is not None)


class SourceLines:
    """The lines of a state's file, made when asked for; `current` is the one of the event under the cursor."""

    def __init__(self, state: State, looks: Callable[[], bool] = lambda: True) -> None:
        self.state, self.looks, self.lines, self.graph = state, looks, state.scenario.lines, state.timeline.graph
        self.here = under(state)
        node = None if self.here is None else self.graph.node(self.here[1])
        self.current = None if node is None else node.line
        self.since = since(state.timeline, state.cursor)
        self.backward = is_backward(state.timeline, state.cursor)
        self._nodes = _nodes(self.graph)

    def __len__(self) -> int:
        return len(self.lines)

    def of(self, number: int) -> SourceLine:
        """The line of a number, from 1."""
        timeline, cursor = self.state.timeline, self.state.cursor
        schedule, (nodes, back) = timeline.schedule, self._nodes.get(number, NONE)
        start = schedule.start(FORWARD, schedule.iteration_at(cursor))
        computed, first = bisect_right(nodes, cursor - start), bisect_left(back, self.since)
        newest = [(k, False) for k in nodes[max(computed - LOOKED_AT, 0) : computed]]
        newest += [(k, True) for k in back[first : first + LOOKED_AT]] if self.backward else []
        looks = self.looks()
        found = (odd(timeline, self.graph.tensor(k), cursor, gradient=g, looks=looks) for k, g in newest)
        return SourceLine(
            number, self.lines[number - 1], number == self.current,
            number in stop_lines(self.state.breakpoints, schedule), self.backward and bool(back),
            *((len(back) - first, len(back)) if self.backward and back else (computed, len(nodes))),
            next(filter(None, found), ""),
        )  # fmt: skip

    def event(self, number: int) -> int | None:
        """The first event of a line in the pass one is in, the next where the cursor is at one; None without any."""
        schedule, (now, tensor) = self.state.timeline.schedule, self.here or ("", 0)
        t, (nodes, back) = schedule.iteration_at(self.state.cursor), self._nodes.get(number, NONE)
        phase, order = (BACKWARD, [-k for k in reversed(back)]) if self.backward and back else (FORWARD, nodes)
        if not order:
            return None
        k = self.graph.k(tensor) if now == phase else None
        at = 0 if k is None else bisect_right(order, -k if phase == BACKWARD else k)
        here = k is not None and number == self.current and at < len(order)
        return schedule.index_of(phase, self.graph.tensor(abs(order[at if here else 0])), t)
