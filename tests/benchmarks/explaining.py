"""What explanations cost when asked, run by hand: `python -m tests.benchmarks.explaining`. Command, view and text."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time
from collections.abc import Iterator

from bpdebug.debugger import State, open_session, update
from bpdebug.engine import BACKWARD
from bpdebug.errors import BpdebugError
from bpdebug.scenario import expected_error, find, load, shipped
from bpdebug.views import view

BIG = """format = 1
[inputs]
X = { shape = [4096, 4096], init = "normal" }
[parameters]
W = { shape = [4096, 4096], init = "normal" }
[graph]
incoming = { Y = "ones" }
program = '''
Y = X @ W
'''
"""
ANYWHERE = ("flow", "derivation", "why", "contributions")
AT_AN_EVENT = ("lens", "origin", "origin -p", "candidates", "adjoint", "why", "contributions")
WIDTH = 100


def taken(state: State, line: str, times: int = 3) -> float | None:
    """The median time of a command with its report as text, in ms; None where it is refused."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        try:
            view(update(state, line)).to_text(WIDTH)
        except BpdebugError:
            return None
        found.append(time.perf_counter() - start)
    return statistics.median(found) * 1e3


def on_the_lessons() -> Iterator[tuple[str, float, str]]:
    """Each explanation with its time, at every backward event of every shipped scenario and at its end."""
    for name in (s.name for s in shipped()):
        if expected_error(find(name)) is not None:
            continue
        state = open_session(load(name))
        state.timeline.run()
        for index in range(len(state.timeline) + 1):
            here = update(state, f"seek {index}")
            last = index == len(state.timeline)
            if last or state.timeline.schedule.place(index).phase == BACKWARD:
                for line in ANYWHERE if last else AT_AN_EVENT:
                    found = taken(here, line)
                    if found is not None:
                        yield line, found, f"{name}, event {index}"
        found = taken(state, "check", 1)
        assert found is not None
        yield "check", found, name


def main() -> None:
    for line in (*ANYWHERE, *AT_AN_EVENT, "check"):  # once, so that what is imported on the way is not counted
        taken(update(open_session(load("two_layer")), "seek Y@bwd"), line, 1)
    rows: dict[str, list[tuple[float, str]]] = {}
    for line, found, where in on_the_lessons():
        rows.setdefault(line, []).append((found, where))
    print("| on the shipped scenarios | median ms | worst ms | at | at most |\n|---|---|---|---|---|")
    for line, every in rows.items():
        worst, where = max(every)
        limit = 10_000 if line == "check" else 50
        print(f"| {line} | {statistics.median(t for t, _ in every):.2f} | {worst:.1f} | {where} | {limit} |")
    big = open_session(load(BIG))
    big.timeline.run()
    print("\n| 4096 x 4096 product | ms | at most |\n|---|---|---|")
    for line in ("origin Y[7,9]", "origin dX[7,9]", "origin dW[7,9]", "origin dY[7,9]"):
        print(f"| {line} | {taken(update(big, 'seek Y@bwd'), line):.1f} | 20 |")


if __name__ == "__main__":
    main()
