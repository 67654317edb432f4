"""The stops of a page: every event of a session and the parts of its rule, or the lines of a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from bpdebug.debugger import State, update
from bpdebug.engine import BACKWARD, FORWARD, UPDATE
from bpdebug.errors import CommandError, InputError
from bpdebug.frontends.loop import PROMPT, QUIET, Answer
from bpdebug.frontends.scripts.replay import Run
from bpdebug.views import view
from bpdebug.views.blocks import Block, Section, Text
from bpdebug.views.report import Link, Report

EXPLAINED = ("lens", "check", "flow")
"""Explanations that a page can hold: the first at every event, the others of the whole run, at its last stop."""
EXPLAINS = (FORWARD, BACKWARD, UPDATE)
"""Phases whose events a lens explains."""


class PageEvent(Struct, frozen=True, eq=False):
    """An event as a whole and by its parts, or a line of a script: reports that share a title and what is linked.

    `next` and `back` are the numbers of the events that whole blocks lead to, forth and back; `said` are explanations.
    """

    number: int
    phase: str
    line: int | None
    reports: tuple[Report, ...]
    next: int
    back: int
    said: tuple[Report, ...] = ()

    @property
    def title(self) -> str:
        return self.reports[0].title

    @property
    def links(self) -> Link | None:
        return self.reports[0].links


def walk(state: State, first: str | None, last: str | None, explained: Sequence[str]) -> Iterator[PageEvent]:
    """A session's events between two locations, all of them without; InputError (E_EXPR) where there is none such.

    The end of the timeline is the last stop where no other is said.
    """
    begins = _place(state, "begin" if first is None else first, "--from")
    ends = _place(state, "end" if last is None else last, "--to")
    if begins > ends:
        raise InputError(
            f"--to {last or 'end'} lies before --from {first}", code="E_EXPR", hint="time goes from left to right"
        )
    for number in range(begins, ends + 1):
        yield _event(state, number, explained, is_last=number == ends)


def _place(state: State, location: str, option: str) -> int:
    try:
        return update(state, f"seek {location}").cursor
    except CommandError as error:
        raise InputError(error.message, code=error.code, where=option, hint=error.hint) from None


def _event(state: State, number: int, explained: Sequence[str], is_last: bool) -> PageEvent:
    here = update(state, "seek end" if number == len(state.timeline) else f"seek {number}")
    event, place = here.event, here.timeline.schedule.place(number)
    states = [here]
    for _part in () if event is None else event.parts:
        states.append(update(states[-1], "stepi"))
    names = ["lens"] if "lens" in explained and place.phase in EXPLAINS else []
    names += [name for name in explained if name != "lens"] if is_last else []
    line = None if event is None else event.line or None
    ahead, behind = (update(here, motion).cursor for motion in ("next", "reverse-next"))
    said = tuple(view(update(here, name)) for name in names)
    return PageEvent(number, place.phase, line, tuple(map(view, states)), ahead, behind, said)


def played(run: Run) -> Iterator[PageEvent]:
    """What the lines of a script say; raises what a line fails with."""
    number = 0
    for step in run.steps():
        if step.error is not None:
            raise step.error
        for answer in step.answers:
            if report := _answered(answer):
                state = answer.state
                event, phase = state.event, state.timeline.schedule.place(state.cursor).phase
                line = None if event is None else event.line or None
                yield PageEvent(number, phase, line, (report,), number + 1, max(number - 1, 0))
                number += 1


def _answered(answer: Answer) -> Report | None:
    """An answer as one report, its command for a title; None where nothing was said."""
    state, blocks = answer.state, list[Block | Section]()
    stop = [] if state.stopped in QUIET else [f"{state.stopped}  {state.detail}"]
    blocks += [Text(line) for line in (*state.printed, *stop)]
    for report in (answer.report, answer.displays):
        if report is not None and (report.title or report.blocks):
            blocks += [Text(report.title, "title"), *report.blocks]
    if not blocks:
        return None
    return Report("event", f"{PROMPT}{answer.command}", tuple(blocks), links=answer.report.links)
