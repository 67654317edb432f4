"""What `compare` prints: two recordings or scenarios, side by side."""

from __future__ import annotations

from bpdebug.debugger import open_session
from bpdebug.errors import EXIT_FAILED, EXIT_GOOD, printable
from bpdebug.scenario import Scenario
from bpdebug.views import to_json
from bpdebug.views.compare import compared


def compare(left: Scenario, right: Scenario, names: tuple[str, str], *, json: bool, budget: int) -> int:
    """The first event where they differ, and by how much; 1 where they do."""
    said = (printable(names[0]), printable(names[1]))
    ours, theirs = (open_session(scenario, budget=budget).timeline for scenario in (left, right))
    report = compared(ours, theirs, said)
    print(to_json(report.to_data()) if json else report.to_text(100))
    return EXIT_GOOD if report.to_data()["equal"] else EXIT_FAILED
