"""The lens of an update: what its rule does, and its lines in numbers at one cell."""

from __future__ import annotations

import numpy as np
import pytest

from bpdebug.debugger import open_session, update
from bpdebug.engine import OPTIMIZERS, UPDATE, Timeline, Training
from bpdebug.engine.edits import UpdateOverride
from bpdebug.engine.optimizers import SAYS
from bpdebug.explain.update import update_lens
from bpdebug.scenario import load
from bpdebug.views import view
from tests.engine.optimizer_table import TABLE, regression
from tests.lessons import MOMENTUM


def first_update(timeline: Timeline, iteration: int = 0) -> int:
    index = timeline.schedule.index_of(UPDATE, timeline.graph.index["W"], iteration)
    assert index is not None
    return index


@pytest.mark.parametrize("name", TABLE)
def test_the_numbers_of_every_line_come_to_its_value(name: str) -> None:
    """The formula with numbers for names is Python's: what it evaluates to is the cell."""
    optimizer, settings = TABLE[name]
    timeline = Timeline(regression(), training=Training(optimizer, 50, settings))
    event = timeline.event(first_update(timeline, 3))
    found = update_lens(event)
    words = {"sqrt": np.sqrt, "square": np.square, "minimum": min, "maximum": max, "where": np.where}
    for line in event.assignments:
        text = line.in_numbers(found.cell, lambda x: repr(float(x)))
        assert (text is None) == (line.to == "norm")
        if text:
            # Our own formula, of numbers and the words above.
            assert eval(text, words) == pytest.approx(line.value[found.cell], rel=1e-12), text
    assert OPTIMIZERS[optimizer].says == found.says[0]
    moved = np.abs(event.value - timeline.value("W", event.index - 1))
    assert moved[found.cell] == moved.max()


def test_every_setting_that_is_on_is_explained() -> None:
    timeline = Timeline(regression(), training=Training("rmsprop", 1, {"centered": True, "weight_decay": 0.1}))
    says = update_lens(timeline.event(first_update(timeline))).says
    assert says[1:] == (SAYS["centered"], SAYS["weight_decay"])
    assert set(SAYS) <= {s for o in OPTIMIZERS.values() for s in o.settings_of({})}


def test_a_rule_by_hand_is_called_so_and_its_cells_are_not_taken_apart() -> None:
    timeline = Timeline(regression(), training=Training("momentum", 1))
    forked = timeline.fork(UpdateOverride(timeline.graph.index["W"], lambda u: u.w - u.xp.max(u.g) * u.g))
    event = forked.event(first_update(forked))
    found = update_lens(event)
    assert found.says == ("The rule of W was set by hand; the states go on as momentum has them",)
    assert [bool(a.in_numbers(found.cell, str)) for a in event.assignments] == [True, False]


def test_lens_as_a_command() -> None:
    state = update(open_session(load(MOMENTUM)), "seek w@upd")
    report = view(update(state, "lens"))
    text = report.to_text()
    assert "velocity = momentum * velocity + ∂w" in text
    assert "w.velocity[0] = 0.9 * 0 + (−2) = −2" in text
    assert "w[0] = 0 - 0.1 * (−2) = 0.2" in text
    data = report.to_data()
    assert data["kind"] == "lens"
    assert (data["node"], data["phase"], data["step"]) == ("w", "update", 1)
    assert data["settings"] == {"lr": 0.1, "momentum": 0.9}
    assert [line["to"] for line in data["lines"]] == ["w.velocity", "w"]
