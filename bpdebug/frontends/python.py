"""The debugger from Python: `Session(scenario).do("break Y@bwd")`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from bpdebug.debugger import State, open_session, placed
from bpdebug.engine import Timeline
from bpdebug.errors import UsageError
from bpdebug.frontends.loop import Answer, refuse, replies
from bpdebug.frontends.options import Folder, Name, Size, budget_of, said, warned
from bpdebug.importers import open_any
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario, open_timeline
from bpdebug.translation import english
from bpdebug.views import Report
from bpdebug.views.place import when_text


class Session:
    """A debugging session: `state` is its one variable, and `do` runs a line of the debugger's language."""

    def __init__(
        self, scenario: Scenario, *, memory: Size = None, spill: Folder = None, backend: Name = None,
        device: Name = None, scheduler: Name = None,
    ) -> None:  # fmt: skip
        given = _given(scenario, Scenario, "Session")
        limits = said(given.limits, memory, spill, backend, device, scheduler)
        self.state: State = open_session(given, budget=budget_of(limits))

    def __repr__(self) -> str:
        """Of what it is, and where it stands; nothing is computed."""
        scenario = self.state.scenario
        with english():
            place = when_text(replace(self.state, part=0))
        return f"<Session {scenario.name} {scenario.title[:60]!r}: {len(self.state.timeline.graph)} nodes, {place}>"

    def do(self, line: str) -> Report:
        """The report of a line; raises BpdebugError, and leaves the state alone, where it cannot be carried out.

        Its text begins with what a stop found, as at the prompt. Commands of a stop that was hit run, too: `answers`
        has everything that was said.
        """
        _given(line, str, "do", "a line of the debugger's language: session.do('step')")
        self.answers: list[Answer] = []
        for answer in replies(self.state, line, _to_file):
            self.answers.append(answer)
            self.state = answer.state
        own = [answer for answer in self.answers if not answer.pending]
        if not own:
            return Report("said", "")
        report, state = own[-1].report, own[-1].state
        found = state.detail or state.printed
        return replace(report, title=f"{own[-1].heading}\n{report.title}") if found else report


def _to_file(state: State, word: str, argument: str) -> Iterator[Answer]:
    """The answer to `record` and `save`, which write a file; what else touches one is the prompt's."""
    from bpdebug.frontends.scripts.requests import FileRequests  # start-up: few sessions write

    return (FileRequests().handle if word in ("record", "save") else refuse)(state, word, argument)


def load(
    path: str | os.PathLike[str], *, memory: Size = None, spill: Folder = None, backend: Name = None,
    device: Name = None, scheduler: Name = None,
) -> Scenario:  # fmt: skip
    """A scenario from a file of any format that can be read, or the name of a shipped one; its graph is checked.

    All that is said beside the path is for `run` and `Session`, which take it too. Raises BpdebugError where
    it is refused, or where no budget of that size could hold it; nothing is computed.
    """
    given = os.fspath(path) if isinstance(path, os.PathLike) else path
    _given(given, str, "load", "a path, or a shipped name: bpdebug.load('two_layer')")
    limits = said(None, memory, spill, backend, device, scheduler)
    if limits == Limits():
        return open_any(path)
    return replace(open_any(path, limits=limits), limits=limits)


def run(
    scenario: Scenario, *, memory: Size = None, spill: Folder = None, backend: Name = None, device: Name = None,
    scheduler: Name = None,
) -> Timeline:  # fmt: skip
    """The scenario's timeline; lazy: nothing is computed that is not asked for.

    `memory` bounds what is kept of it ("512M", or bytes): the rest is computed again when it is asked for, with the
    same bits, or with `spill`, a folder, read back from there. `backend` is whose arrays are computed on ("torch",
    "jax", "dask"); values stay on the `device` ("cuda:0"), or with the workers of dask's `scheduler`. Raises
    BpdebugError where the scenario is none, has a note at a place that is not there, or where less memory is given than
    the least that can be kept of it.
    """
    given = _given(scenario, Scenario, "run")
    options = memory, spill, backend, device, scheduler
    plain = options == (None,) * 5 and given.limits is None
    timeline = (
        open_timeline(given) if plain else open_timeline(given, budget=budget_of(said(given.limits, *options), warned))
    )
    if scenario.notes:
        tuple(placed(scenario, timeline))
    return timeline


def _given(value: Any, kind: Any, name: str, what: str = "") -> Any:
    """The value, or UsageError where it is of a wrong type; without `what` a scenario was asked for."""
    if not isinstance(value, kind):
        what = what or f"a scenario: bpdebug.load({value if isinstance(value, str) else 'two_layer'!r})"
        raise UsageError(f"{name} takes {what.partition(':')[0]}, not {value!r}", hint=what.partition(": ")[2])
    return value
