"""What the line of time shows: the positions of one iteration, and the stops among them."""

from __future__ import annotations

from functools import lru_cache

from bpdebug.debugger import State
from bpdebug.debugger.state import Breakpoint

MANY = 5_000
Track = tuple[int, int, int, int, frozenset[int], tuple[int, int]]


def track(state: State) -> Track:
    """Start, number of positions, number of forward ones, cursor, breakpoints, and iteration n of m."""
    timeline = state.timeline
    iteration = timeline.schedule.iteration_at(state.cursor)
    start, count = iteration * timeline.schedule.per_iteration, timeline.schedule.per_iteration
    count += iteration == timeline.schedule.iterations - 1
    stops = _stops(state.breakpoints, start, start + count)
    return start, count, len(timeline.graph.nodes), state.cursor, stops, (iteration, timeline.schedule.iterations)


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
