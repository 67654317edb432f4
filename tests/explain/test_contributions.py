"""The terms of a gradient: they add up to it bit for bit, in event order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

import bpdebug
from bpdebug.engine.stats import two_norm
from bpdebug.errors import BpdebugError
from bpdebug.explain.contributions import contributions
from bpdebug.expression import parse, target
from tests.graphs import Random, assert_same, examples, graphs


@examples(60)
@given(graphs(nodes=12))
def test_the_terms_add_up(random: Random) -> None:
    timeline = random.timeline()
    for name in timeline.graph.names:
        if name.endswith(".mask"):
            continue
        found = contributions(timeline, target(parse(f"∂{name}"), timeline.graph), 0, name)
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
    data = bpdebug.Session(bpdebug.load("mlp")).do("contributions db1").to_data()
    assert [r["axes"] for r in data["rows"]] == [[0]]
