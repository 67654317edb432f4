"""What [train] says, held against the table of optimizers, and the timeline that the engine runs of it."""

from __future__ import annotations

from msgspec import UNSET, structs

from bpdebug.engine import OPTIMIZERS, Timeline, Training
from bpdebug.engine.budget import Budget
from bpdebug.engine.passes import in_precision
from bpdebug.engine.sizes import is_ample
from bpdebug.limits import GIB
from bpdebug.scenario.scenario import Scenario
from bpdebug.scenario.schema import Train, Unfit


def training_of(train: Train) -> Training:
    """The training that the engine runs; Unfit (E_SCHEMA) for a setting that this optimizer has not, or cannot have."""
    said = structs.asdict(train).items()
    given = {name: value for name, value in said if value is not UNSET and name not in ("optimizer", "steps")}
    settings = OPTIMIZERS[train.optimizer].settings_of({})
    for name in given:
        if name not in settings:
            others = [o.name for o in OPTIMIZERS.values() if name in o.settings_of({})]
            raise _unfit(
                name, f"{train.optimizer} has no setting '{name}'",
                f"{train.optimizer} takes {', '.join(settings)}; {name} belongs to {', '.join(others)}",
            )  # fmt: skip
    settings |= given
    if settings.get("nesterov") and (not settings["momentum"] or settings["dampening"]):
        raise _unfit("nesterov", "nesterov needs a momentum, and no dampening", "add momentum = 0.9, or leave it out")
    rates = settings["lr"]
    if isinstance(rates, list):
        if len(rates) != train.steps:
            message = f"'train.lr' has {len(rates)} numbers for {train.steps} steps"
            raise _unfit("lr", message, "write one number, or one a step")
        settings["lr"] = tuple(rates)
    return Training(train.optimizer, train.steps, settings)


def _unfit(name: str, message: str, hint: str) -> Unfit:
    return Unfit(("train", name), message, hint)


def open_timeline(scenario: Scenario, *, budget: int | Budget = 4 * GIB) -> Timeline:
    """The timeline of both passes, and of every iteration where the file trains; nothing is computed yet.

    Of a recording, the timeline that was recorded. `budget` is how many bytes of iterations may be kept; what is
    dropped is recomputed with the same bits. E_LIMIT where that is less than any way to keep them takes, E_DTYPE where
    floats are in half precision, which the budget's arrays have not.
    """
    training = None if scenario.train is None else training_of(scenario.train)
    timeline = Timeline(
        in_precision(scenario.graph, budget, read=scenario.recording is not None), seed=scenario.seed,
        training=training, budget=budget, edits=scenario.edits, recording=scenario.recording,
    )  # fmt: skip
    size, elsewhere = (budget, False) if isinstance(budget, int) else (budget.size, budget.elsewhere)
    if scenario.recording is None and not elsewhere and not is_ample(timeline.graph, budget):
        from bpdebug.engine.room import check_least  # start-up: what there is room for need not be cut

        check_least(timeline.graph, size, scenario.name, trained=training is not None)
    return timeline
