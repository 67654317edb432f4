"""A scenario's timeline: the one place where what a file says of training becomes what the engine runs."""

from __future__ import annotations

from bpdebug.engine import Timeline
from bpdebug.engine.budget import Budget
from bpdebug.limits import GIB
from bpdebug.scenario.scenario import Scenario
from bpdebug.scenario.training import training_of


def open_timeline(scenario: Scenario, *, budget: int | Budget = 4 * GIB) -> Timeline:
    """The timeline of both passes, and of every iteration where the file trains; nothing is computed yet.
    Of a recording, the timeline that was recorded.

    `budget` is how many bytes of iterations may be kept; what is dropped is recomputed with the same bits.
    """
    training = None if scenario.train is None else training_of(scenario.train)
    return Timeline(
        scenario.graph, seed=scenario.seed, training=training, budget=budget, edits=scenario.edits,
        recording=scenario.recording,
    )  # fmt: skip
