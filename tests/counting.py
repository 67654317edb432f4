"""How much work a call is, counted: a busy machine changes a time, and no count."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple


class Work(NamedTuple):
    """Functions of Python entered, and lines of Python carried out (a loop's line counts in each round)."""

    calls: int
    lines: int


def work(run: Callable[[], object]) -> Work:
    """What a call does in Python, in this thread; what C does inside one of its functions is not seen."""
    calls = lines = 0

    def seen(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal calls, lines
        if event == "line":
            lines += 1
        elif event == "call":
            calls += 1
        return seen

    before = sys.gettrace()
    sys.settrace(seen)
    try:
        run()
    finally:
        sys.settrace(before)
    return Work(calls, lines)


def over_after(count: int) -> Callable[[], bool]:
    """A clock by which the time is over after it was read so many times."""
    ticks = iter(range(count))
    return lambda: next(ticks, None) is None


class Clock:
    """It goes on by a second each time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def growth(run: Callable[[int], object], size: int) -> float:
    """How many times as much twice the size is: 2 where the work is in proportion to it, 4 where it is squared.

    Each size runs once before, so that what is remembered between runs counts for neither.
    """
    run(size)
    run(2 * size)
    return work(lambda: run(2 * size)).lines / work(lambda: run(size)).lines
