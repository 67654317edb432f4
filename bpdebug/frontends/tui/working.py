"""A command that takes long, in a thread of its own, so that the screen stays awake and Esc can end it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from functools import lru_cache
from threading import Thread
from time import monotonic
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from bpdebug.debugger import State, parse
from bpdebug.engine import Timeline
from bpdebug.errors import BpdebugError
from bpdebug.frontends.bar import LONG, STOPPED, duration, far
from bpdebug.frontends.loop import Answer
from bpdebug.frontends.tui.windows import known
from bpdebug.graph import Graph
from bpdebug.progress import Stopped, listening, may_stop, stoppable
from bpdebug.translation import N_, _
from bpdebug.views import OF_EVENTS, ProgramRows, Report, inspector, stop
from bpdebug.views.blocks import Matrix, Row, flat
from bpdebug.views.inspector import TABS

Result = TypeVar("Result")
AT_ONCE = 0.04
"""Seconds that the screen waits for what is mostly done by then; what is not runs on beside it."""
PATIENCE = 0.15
"""Seconds after which it is said that something runs."""
LARGE, MANY = 2**20, 5000
"""Bytes of a node's result, and events, from which on any command may take long."""


def is_slow(line: str, timeline: Timeline) -> bool:
    """Whether a line holds a command that may take long; what cannot be parsed is refused at once."""
    try:
        return any(call.command.slow for call in parse(line)) or is_heavy(timeline)
    except BpdebugError:
        return False


def is_heavy(timeline: Timeline) -> bool:
    """Whether anything that is asked of it may take long."""
    return len(timeline) >= MANY or begins_slowly(timeline)


def begins_slowly(timeline: Timeline) -> bool:
    """Whether its first event may take long, as a large one does, and any that is planned, and carried out far away."""
    return timeline.store.budget.elsewhere or is_large(timeline.graph)


@lru_cache(maxsize=4)
def is_large(graph: Graph) -> bool:
    """Whether a node's result has so many bytes that it may take long."""
    return max((plan.nbytes for plan in graph.plans), default=0) >= LARGE


class Inspected(Struct, frozen=True, eq=False):
    """What the inspector says in one of its tabs."""

    tab: str
    report: Report


class Outcome(Struct, frozen=True, eq=False):
    """What a line comes to: the state after it, the report to be seen, what is said, and what was refused.

    Without a report what is seen stays as it is; with one, and nothing that is said, the place says it.
    """

    state: State
    report: Report | None = None
    said: str = ""
    error: BpdebugError | None = None
    beside: Inspected | None = None


def carried_out(
    before: State, line: str, talk: Callable[[State, str], Iterator[Answer]], tab: str = TABS[0]
) -> Outcome:
    """What a line comes to; all that is seen of it is made here, once, where Esc can end it.

    `tab` is the inspector's that is seen.
    """
    state, last, error = before, None, None
    try:
        try:
            for last in talk(before, line):
                state = last.state
        except BpdebugError as refused:
            error = refused
        report, said = (None, "") if last is None else seen(last)
        if report is None or not stoppable() or not is_heavy(state.timeline):
            return Outcome(state, report, said, error)
        return Outcome(state, prepared(state, report), said, error, Inspected(tab, inspector(state, tab)))
    except Stopped:
        return Outcome(before, said=_(STOPPED))


def seen(answer: Answer) -> tuple[Report, str]:
    """The report that is seen after an answer, which has a title, and what is said beside it."""
    state, report = answer.state, answer.report
    if state.view.name == "displays":  # a new one stands at every stop from now on: at this one, too
        return stop(state), _("shown at every stop")
    if report.kind in OF_EVENTS and state.view.name == "event":
        return stop(state, report, answer.displays), ""
    if report.blocks and state.view.name != "event":
        return replace(report, title=report.title or answer.command), report.title
    return stop(state), report.title if state.view.name != "event" else ""


def prepared(state: State, report: Report) -> Report:
    """The report: what it takes to draw it, and the rows of the program that are about it, is known by then."""
    for block in flat(report.blocks):
        for item in block.items if isinstance(block, Row) else ():
            if isinstance(item, Matrix) and item.array is not None:
                may_stop()
                known(item.array)
    may_stop()
    rows = ProgramRows(state)
    for row in rows.at(state.cursor):
        rows[row]
    return report


class Work(Generic[Result]):
    """A piece of work that has begun: how far it is, whether it is done, and what it came to."""

    def __init__(
        self, work: Callable[[], Result], clock: Callable[[], float] = monotonic, doing: str = N_("working"),
        instead: str = "",
    ) -> None:  # fmt: skip
        self.ended, self.doing, self._instead = False, doing, instead
        self._work, self._clock, self._began = work, clock, clock()
        self._reported: tuple[float, int, str] | None = None
        self._anew = False
        self._found: Future[Result] = Future()
        Thread(target=self._run, daemon=True).start()
        wait([self._found], AT_ONCE)

    def _run(self) -> None:
        try:
            with listening(self._heard, self._stop):
                self._found.set_result(self._work())
        except BaseException as error:
            self._found.set_exception(error)  # raised where the result is asked for, on the screen's thread

    def _heard(self, done: float, total: int, unit: str) -> None:
        self._stop()
        if self._reported is None or done * self._reported[1] >= self._reported[0] * total:
            self._reported = done, total, unit
        else:
            self._anew = True  # there is more to it than was said: the bar waits where it is, and nobody knows how long

    def _stop(self) -> None:
        if self.ended:
            raise Stopped

    @property
    def far(self) -> str:
        """How far it is, and how long it may still take; '' while it may be done in no time."""
        seconds = self._clock() - self._began
        if self.ended:
            return _("stopping …")
        if self._reported is not None:
            return far(*self._reported, seconds, known=not self._anew)
        return f"{_(self.doing)}, {duration(seconds)}" if seconds >= PATIENCE else ""

    @property
    def instead(self) -> str:
        """What could be asked instead; '' where that is nothing, and while it may not take long."""
        return self._instead if self._clock() - self._began > LONG and not self.ended else ""

    def wait(self, seconds: float) -> None:
        """Waits until it is done, but no longer than so many seconds."""
        wait([self._found], seconds)

    @property
    def done(self) -> bool:
        return self._found.done()

    def then(self, told: Callable[[], object]) -> None:
        """Tells somebody, from its own thread, when it is done."""
        self._found.add_done_callback(lambda _: told())

    def end(self) -> None:
        """Asks it to stop, which it does at the next place where it may."""
        self.ended = True

    def result(self) -> Result:
        """What it came to; raises what it raised."""
        return self._found.result()
