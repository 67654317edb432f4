"""The debugger from Python: `Session(scenario).do("break Y@bwd")`."""

from __future__ import annotations

import os
from typing import Any

from bpdebug.debugger import State, open_session, placed
from bpdebug.engine import Timeline
from bpdebug.errors import UsageError
from bpdebug.frontends.loop import Answer, replies
from bpdebug.importers import open_any
from bpdebug.scenario import Scenario, open_timeline
from bpdebug.views import Report


class Session:
    """A debugging session: `state` is its one variable, and `do` runs a line of the debugger's language."""

    def __init__(self, scenario: Scenario) -> None:
        self.state: State = open_session(_given(scenario, Scenario, "Session"))

    def do(self, line: str) -> Report:
        """The report of a line; raises BpdebugError, and leaves the state alone, where it cannot be carried out.

        Commands of a stop that was hit run, too: `answers` has everything that was said.
        """
        _given(line, str, "do", "a line of the debugger's language: session.do('step')")
        self.answers: list[Answer] = []
        for answer in replies(self.state, line):
            self.answers.append(answer)
            self.state = answer.state
        own = [answer.report for answer in self.answers if not answer.pending]
        return own[-1] if own else Report("said", "")


def load(path: str | os.PathLike[str]) -> Scenario:
    """A scenario from a file of any format that can be read, or the name of a shipped one; its graph is checked.

    Raises BpdebugError where it is refused; nothing is computed.
    """
    given = os.fspath(path) if isinstance(path, os.PathLike) else path
    _given(given, str, "load", "a path, or a shipped name: bpdebug.load('two_layer')")
    return open_any(path)


def run(scenario: Scenario) -> Timeline:
    """The scenario's timeline; lazy: nothing is computed that is not asked for.

    Raises BpdebugError where the scenario is none, or has a note at a place that is not there.
    """
    timeline = open_timeline(_given(scenario, Scenario, "run"))
    if scenario.notes:
        tuple(placed(scenario, timeline))
    return timeline


def _given(value: Any, kind: Any, name: str, what: str = "a scenario: bpdebug.load('two_layer')") -> Any:
    """The value, or UsageError where it is of a wrong type."""
    if not isinstance(value, kind):
        raise UsageError(f"{name} takes {what.partition(':')[0]}, not {value!r}", hint=what.partition(": ")[2])
    return value
