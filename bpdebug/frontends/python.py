"""The debugger from Python: `Session(scenario).do("break Y@bwd")`."""

from __future__ import annotations

from bpdebug.debugger import State, open_session
from bpdebug.engine import Timeline
from bpdebug.frontends.loop import Answer, replies
from bpdebug.scenario import Scenario, open_timeline
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


def run(scenario: Scenario) -> Timeline:
    """The scenario's timeline; lazy: nothing is computed that is not asked for."""
    return open_timeline(scenario)
