"""The debugger from Python: `Session(scenario).do("break Y@bwd")`."""

from __future__ import annotations

import os

from bpdebug.debugger import State, open_session
from bpdebug.engine import Timeline
from bpdebug.frontends.loop import Answer, replies
from bpdebug.importers.trace import open_recording
from bpdebug.scenario import Scenario, open_timeline
from bpdebug.scenario import load as load_scenario
from bpdebug.views import Report


class Session:
    """A debugging session: `state` is its one variable, and `do` runs a line of the debugger's language."""

    def __init__(self, scenario: Scenario) -> None:
        self.state: State = open_session(scenario)

    def do(self, line: str) -> Report:
        """The report of a line; raises BpdebugError, and leaves the state alone, where it cannot be carried out.

        Commands of a stop that was hit run, too: `answers` has everything that was said.
        """
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
    if os.fspath(path).endswith(".bptrace"):
        return open_recording(path)
    return load_scenario(path)


def run(scenario: Scenario) -> Timeline:
    """The scenario's timeline; lazy: nothing is computed that is not asked for."""
    return open_timeline(scenario)
