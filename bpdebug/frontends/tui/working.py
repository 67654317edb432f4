"""A command that takes long, in a thread of its own, so that the screen stays awake and Esc can end it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from functools import lru_cache
from threading import Thread
from typing import Generic, TypeVar

from bpdebug.debugger import State, parse
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.frontends.bar import bar
from bpdebug.frontends.loop import Answer
from bpdebug.graph import Graph
from bpdebug.progress import Stopped, listening, stoppable
from bpdebug.views import Report, stop

Result = TypeVar("Result")
Outcome = tuple[State, Report | None, BpdebugError | None]
"""The state after a line, what was asked to be seen, and what was refused."""
AT_ONCE = 0.15
"""Seconds in which most are done; what is not gets a bar."""


LARGE, MANY = 2**20, 5000
"""Bytes of a node's result, and events, from which on any command may take long."""


def is_slow(line: str, graph: Graph, events: int) -> bool:
    """Whether a line holds a command that may take long; what cannot be parsed is refused at once."""
    try:
        return any(call.command.slow for call in parse(line)) or events >= MANY or _is_large(graph)
    except BpdebugError:
        return False


@lru_cache(maxsize=4)
def _is_large(graph: Graph) -> bool:
    return max((plan.nbytes for plan in graph.plans), default=0) >= LARGE


def carried_out(before: State, line: str, talk: Callable[[State, str], Iterator[Answer]]) -> Outcome:
    """What a line comes to."""
    state, report = before, None
    try:
        for answer in talk(state, line):
            state, report = answer.state, answer.report if answer.state.view.name != "event" else None
        if stoppable():
            stop(state)  # what the stage is going to show is worked out here, where Esc can end it
    except BpdebugError as error:
        return state, report, error
    except Stopped:
        return before, None, CommandError("stopped", hint="it changed nothing")
    return state, report, None


class Work(Generic[Result]):
    """A piece of work that has begun: how far it is, whether it is done, and what it came to."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self.far, self.ended = "", False
        self._work = work
        self._found: Future[Result] = Future()
        Thread(target=self._run, daemon=True).start()
        wait([self._found], AT_ONCE)

    def _run(self) -> None:
        try:
            with listening(self._heard, self._stop):
                self._found.set_result(self._work())
        except BaseException as error:
            self._found.set_exception(error)  # raised where the result is asked for, on the screen's thread

    def _heard(self, done: int, total: int) -> None:
        self._stop()
        self.far = bar(done, total)

    def _stop(self) -> None:
        if self.ended:
            raise Stopped

    @property
    def done(self) -> bool:
        return self._found.done()

    def end(self) -> None:
        """Asks it to stop, which it does at the next place where it may."""
        self.ended, self.far = True, "stopping …"

    def result(self) -> Result:
        """What it came to; raises what it raised."""
        return self._found.result()
