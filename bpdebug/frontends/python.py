"""The debugger from Python: `Session(scenario).do("break Y@bwd")`."""

from __future__ import annotations

from bpdebug.debugger import State, open_session, update
from bpdebug.engine import Timeline
from bpdebug.scenario import Scenario, open_timeline
from bpdebug.views import Report, view


class Session:
    """A debugging session: `state` is its one variable, and `do` runs a line of the debugger's language."""

    def __init__(self, scenario: Scenario) -> None:
        self.state: State = open_session(scenario)

    def do(self, line: str) -> Report:
        """The report of a line; raises BpdebugError, and leaves the state alone, where it cannot be carried out."""
        state = update(self.state, line)
        report = view(state)
        self.state = state
        return report


def run(scenario: Scenario) -> Timeline:
    """The scenario's timeline; lazy: nothing is computed that is not asked for."""
    return open_timeline(scenario)
