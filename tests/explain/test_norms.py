"""The norms of all gradients, against those of the arrays; in a given time, those nearest to the loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import bpdebug
from bpdebug.debugger.commands import within
from bpdebug.engine import Timeline
from bpdebug.errors import CommandError
from bpdebug.explain.norms import Norms, gradient_norms
from tests.counting import Clock, over_after
from tests.lessons import NAMES


def worked_out(timeline: Timeline, at: int, over: Callable[[], bool] | None = None) -> Norms:
    """Those of all tensors that take a gradient."""
    norms = gradient_norms(timeline, at, over)
    norms.work_out(np.flatnonzero(timeline.graph.taking_gradients).tolist())
    return norms


@pytest.mark.parametrize("name", NAMES)
def test_norms_are_those_of_the_arrays(name: str) -> None:
    timeline = bpdebug.run(bpdebug.load(name))
    for at in (len(timeline) // 2, len(timeline)):
        found = worked_out(timeline, at)
        assert found.looked_at == found.of > 0
        for tensor, norm in found.known.items():
            array = timeline.grad_at(tensor, at)
            if array is None:
                assert norm is None
            else:
                assert norm == pytest.approx(float(np.sqrt(np.square(array).sum())), nan_ok=True)


@pytest.mark.parametrize("name", ["transformer_block", "residual"])
def test_what_is_left_out_is_furthest_from_the_loss(name: str) -> None:
    """The time is over at each place where it may stop, one after another: norms are never wrong, only fewer."""
    scenario, seen = bpdebug.load(name), set[int]()
    whole = worked_out(timeline := bpdebug.run(scenario), len(timeline))
    for count in range(10**6):
        found = worked_out(bpdebug.run(scenario), len(timeline), over_after(count))
        assert found.known == {t: whole.known[t] for t in sorted(whole.known, reverse=True)[: found.looked_at]}
        assert found.of == whole.of
        seen.add(found.looked_at)
        if found.looked_at == found.of:
            break
    assert seen == set(range(whole.of + 1))


def test_a_report_says_how_many_were_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(within, "monotonic", Clock())
    report = bpdebug.Session(bpdebug.load("mlp")).do("seek end ;; info gradients for 7s")
    data = report.to_data()
    left = [row for row in data["rows"] if row["norm"] == "left out"]
    assert 0 < data["looked_at"] == data["of"] - len(left) < data["of"] == len(data["rows"])
    assert report.title == f"{data['looked_at']} of {data['of']} norms were worked out in 7 s"
    session = bpdebug.Session(bpdebug.load("mlp"))
    whole = session.do("seek end ;; info gradients")
    assert whole.title == ""
    assert session.do("info gradients for 1h").to_data() == whole.to_data()
    data = session.do("info gradients W1 for 1h").to_data()
    assert ([row["name"] for row in data["rows"]], data["looked_at"], data["of"]) == (["∂W1"], 1, 1)
    with pytest.raises(CommandError, match="is no time"):
        session.do("info gradients for long")
