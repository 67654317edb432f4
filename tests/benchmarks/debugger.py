"""The debugger's own speed, run by hand: `python -m tests.benchmarks.debugger`. Medians of interleaved runs."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import random
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import bpdebug
from bpdebug.debugger import State, open_session, parse, update
from tests.large import chain

STEPS = 10_000
PLACES = (10, 40, 60, 75, 90, 95)
"""Where steps are measured, in per cent of the events."""


def seconds(run: Callable[[], object], times: int = 5) -> float:
    """The median time of a call."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def walk(state: State, line: str) -> State:
    for _ in range(STEPS):
        state = update(state, line)
    return state


def cpu(run: Callable[[], object]) -> float:
    """The thread's CPU seconds of one call."""
    start = time.thread_time()
    run()
    return time.thread_time() - start


def by_size() -> Iterator[tuple[str, float, float]]:
    """What must not grow with the graph, or only by so much a node, as a user asks for it: steps in both directions at
    100,000 nodes beside 1,000, at the place where they are slowest; then catch nan, check and flow a node."""
    sessions = [bpdebug.Session(chain(n)) for n in (333, 33_333)]
    for line in ("step", "reverse-step"):
        worst = 0.0
        for place in PLACES:
            for session in sessions:
                session.do(f"seek {place}%")
            pairs = [[cpu(partial(s.do, line)) for s in sessions] for _ in range(60)]
            small, large = map(statistics.median, zip(*pairs, strict=True))  # the pairs' events differ, not all of them
            worst = max(worst, large / small)
        yield f"{line}, 100,000 nodes to 1,000, at its slowest", worst, 1.3
    found = {line: [_a_node(line, n) for n in (333, 3333)] for line in ("continue", "check", "flow")}
    small, large = found["continue"]
    yield "catch nan to the end, 10,000 nodes to 1,000, by node", large / small, 1.2
    yield "check, ms a node", found["check"][1] * 1e3, 0.3
    yield "flow, µs a node", found["flow"][1] * 1e6, 40.0


def _a_node(line: str, times: int) -> float:
    """The median CPU seconds of a line for each node of the chain, everything else being computed."""
    taken = []
    for _ in range(3):
        session = bpdebug.Session(chain(times))
        session.state.timeline.run()
        session.do("catch nan")
        taken.append(cpu(partial(session.do, line)) / (3 * times))
    return statistics.median(taken)


def main() -> None:
    state = open_session(chain(3333))
    state.timeline.run()
    middle = update(state, "seek end")
    rows = [
        ("a step, µs beyond the arithmetic", seconds(lambda: walk(state, "step")) / STEPS * 1e6, 30.0),
        ("a reverse-step, µs", seconds(lambda: walk(middle, "reverse-step")) / STEPS * 1e6, 30.0),
    ]
    wide = open_session(chain(16_666))
    wide.timeline.run()
    places = [random.Random(0).randrange(len(wide.timeline)) for _ in range(200)]
    slowest = max(seconds(lambda k=k: update(wide, f"seek {k}"), 3) for k in places)  # type: ignore[misc]
    rows.append((f"seek to any of {len(wide.timeline):,} events, ms", slowest * 1e3, 5.0))

    stops = state
    for k in range(10):
        stops = update(stops, f"break tanh@bwd if norm(grad) > {1000 + k}")
    ratios = []
    plain = state
    for _ in range(10):
        plain = update(plain, "break tanh@bwd")

    def every(start: State) -> State:
        """Through all stops to the end: without conditions each of them is a stop."""
        at = start
        while at.stopped != "end":
            at = update(at, "continue")
        return at

    for _ in range(3):
        without, conditional = seconds(lambda: every(plain), 1), seconds(lambda: update(stops, "continue"), 1)
        ratios.append(conditional / without)
    rows.append(("continue, ten conditional breakpoints to ten plain ones", statistics.median(ratios), 3.0))
    rows.append(("parsing a line, µs", seconds(lambda: [parse("step") for _ in range(1000)]) * 1e3, 30.0))
    rows += by_size()
    print("| what | measured | at most |\n|---|---|---|")
    for what, found, limit in rows:
        print(f"| {what} | {found:.3g} | {limit:g} |")


if __name__ == "__main__":
    main()
