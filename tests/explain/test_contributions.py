"""The terms of a gradient: they add up to it bit for bit, in event order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

import bpdebug
from bpdebug.debugger import open_session, update
from bpdebug.engine import Timeline
from bpdebug.engine.sizes import of_arrays
from bpdebug.engine.stats import two_norm
from bpdebug.errors import BpdebugError
from bpdebug.explain.contributions import contributions
from bpdebug.expression import parse, target
from bpdebug.views import view
from tests.graphs import Random, assert_same, examples, graphs, make, step
from tests.lessons import WALK, scenario


@examples(60)
@given(graphs(nodes=12))
def test_the_terms_add_up(random: Random) -> None:
    timeline = random.timeline()
    for name in timeline.graph.names:
        if name.endswith(".mask"):
            continue
        found = contributions(timeline, target(parse(f"∂{name}"), timeline.graph), len(timeline), name)
        gradient = timeline.grad(name)
        if gradient is None:
            assert found.sum is None
            continue
        assert found.sum is not None
        assert_same(found.sum, gradient)
        total = found.rows[0].value
        for row in found.rows[1:]:
            total = total + row.value
        assert_same(total, gradient)
        assert_same(found.rows[-1].total, gradient)
        assert [r.event for r in found.rows] == sorted(r.event for r in found.rows)
        norms = [two_norm(r.value) for r in found.rows]
        assert [r.norm for r in found.rows] == norms
        if np.isfinite(norms).all() and np.any(norms):
            assert sum(r.share for r in found.rows) == pytest.approx(1)


def test_within_a_budget_they_are_the_same() -> None:
    leaves = {"X": np.ones((4, 4)), "W": np.eye(4) / 2}
    steps = [step(f"h{i + 1}", "matmul" if i % 2 else "tanh", f"h{i}", *("W",) * (i % 2)) for i in range(40)]
    graph = make(leaves, step("h0", "matmul", "X", "W"), *steps, step("L", "sum", "h40"), loss="L")
    ample = Timeline(graph)
    tight = Timeline(graph, budget=ample.store.apart + of_arrays(graph) // 4)
    for timeline in (ample, tight):
        assert timeline.grad("X") is not None
    for t in filter(graph.has_gradient, range(len(graph.names))):
        goal = target(parse(f"∂{graph.names[t]}"), graph)
        there, here = (contributions(timeline, goal, len(ample), "") for timeline in (ample, tight))
        for a, b in zip(there.rows, here.rows, strict=True):
            assert_same(a.value, b.value)
            assert_same(a.total, b.total)


def test_at_the_prompt() -> None:
    session = bpdebug.Session(bpdebug.load("residual"))
    session.do("seek end")
    data = session.do("contributions dX").to_data()
    assert len(data["rows"]) >= 2
    assert {"from", "norm", "share", "value"} <= set(data["rows"][0])
    assert np.sum([r["value"] for r in data["rows"]], axis=0) == pytest.approx(np.array(data["sum"]))
    cell = session.do("contributions dX[0, 1]").to_data()
    assert cell["sum"] == data["sum"][0][1]
    with pytest.raises(BpdebugError, match="is a value"):
        session.do("contributions X")


def test_axes_that_are_summed_are_named() -> None:
    session = bpdebug.Session(bpdebug.load("mlp"))
    session.do("seek end")
    data = session.do("contributions db1").to_data()
    assert [r["axes"] for r in data["rows"]] == [[0]]


@pytest.mark.parametrize(
    "name", ["residual", "fan_out", "attention", WALK], ids=["residual", "fan_out", "attention", "walk"]
)
def test_no_event_shows_terms_that_are_still_to_come(name: str) -> None:
    """At every event, what `print` has: the terms so far, their sum, and the others as not computed yet."""
    state = open_session(scenario(name))
    for index in range(len(state.timeline) + 1):
        state = update(state, f"seek {index if index < len(state.timeline) else 'end'}")
        for tensor in state.timeline.graph.names:
            printed = view(update(state, f"print ∂{tensor}")).to_data()
            report = view(update(state, f"contributions ∂{tensor}"))
            data = report.to_data()
            assert data["status"] == printed["status"]
            assert [r["event"] for r in data["rows"]] == [r["event"] for r in data["rows"] if r["event"] <= index]
            assert (data["sum"] is None) == (printed["status"] in ("not-computed", "no-path"))
            if data["sum"] is not None:
                assert_same(np.asarray(data["sum"]), np.asarray(printed["value"]))
                assert_same(np.asarray(data["rows"][-1]["total"]), np.asarray(printed["value"]))
            assert ("not computed yet" in report.to_text()) == (printed["status"] in ("not-computed", "partial"))
            assert bool(data["later"]) == (printed["status"] in ("not-computed", "partial"))
            assert all(r["event"] > index for r in data["later"])
