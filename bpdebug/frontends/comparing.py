"""What `compare` prints: two recordings or scenarios, side by side."""

from __future__ import annotations

from bpdebug.debugger import open_session
from bpdebug.engine.budget import Budget
from bpdebug.errors import EXIT_FAILED, EXIT_GOOD, printable
from bpdebug.frontends.output import print_json, print_lines
from bpdebug.scenario import Scenario
from bpdebug.views.compare import compared


def compare(left: Scenario, right: Scenario, names: tuple[str, str], *, json: bool, budget: int) -> int:
    """The first event where they differ, and by how much; 1 where they do."""
    said = (printable(names[0]), printable(names[1]))
    shared = Budget(budget)
    ours, theirs = (open_session(scenario, budget=shared).timeline for scenario in (left, right))
    report = compared(ours, theirs, said)
    if json:
        print_json(report.to_parts())
    else:
        print_lines(report.lines())
    return EXIT_GOOD if report.to_data()["equal"] else EXIT_FAILED
