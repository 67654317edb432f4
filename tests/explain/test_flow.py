"""Norms and gains of backward events."""

from __future__ import annotations

import numpy as np
import pytest

import bpdebug
from bpdebug.explain.flow import flow
from tests.lessons import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_norms_are_those_of_the_gradients(name: str) -> None:
    timeline = bpdebug.run(bpdebug.load(name))
    rows = flow(timeline, 0)
    assert [r.event for r in rows] == [e.index for e in timeline if e.phase == "backward" and e.iteration == 0]
    for row in rows:
        event = timeline.event(row.event)
        assert row.norm == pytest.approx(float(np.sqrt((event.value**2).sum())))
        given = float(np.sqrt(sum((c.value**2).sum() for c in event.contributions)))
        assert row.gain == (pytest.approx(given / row.norm) if row.norm else None)


def test_at_the_prompt() -> None:
    report = bpdebug.Session(bpdebug.load("mlp")).do("flow")
    assert [set(r) for r in report.to_data()["rows"]] == [{"event", "node", "norm", "gain"}] * 6
