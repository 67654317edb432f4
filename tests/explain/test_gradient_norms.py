"""The norms of all gradients, against those of the arrays; in a given time, those nearest to the loss."""

from __future__ import annotations

import numpy as np
import pytest

import bpdebug
from bpdebug.debugger.commands import within
from bpdebug.errors import CommandError
from bpdebug.explain.gradient_norms import gradient_norms
from tests.counting import Clock, over_after
from tests.lessons import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_norms_are_those_of_the_arrays(name: str) -> None:
    timeline = bpdebug.run(bpdebug.load(name))
    for at in (len(timeline) // 2, len(timeline)):
        found = gradient_norms(timeline, at)
        assert found.looked_at == found.of > 0
        for tensor, norm in found.norms.items():
            array = timeline.grad_at(tensor, at)
            if array is None:
                assert norm is None
            else:
                assert norm == pytest.approx(float(np.sqrt(np.square(array).sum())), nan_ok=True)


@pytest.mark.parametrize("name", ["transformer_block", "residual"])
def test_what_is_left_out_is_furthest_from_the_loss(name: str) -> None:
    """The time is over at each place where it may stop, one after another: norms are never wrong, only fewer."""
    scenario, seen = bpdebug.load(name), set[int]()
    whole = gradient_norms(timeline := bpdebug.run(scenario), len(timeline))
    for count in range(10**6):
        found = gradient_norms(bpdebug.run(scenario), len(timeline), over_after(count))
        assert found.norms == {t: whole.norms[t] for t in sorted(whole.norms, reverse=True)[: found.looked_at]}
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
    assert [row["name"] for row in session.do("info gradients W1 for 1h").to_data()["rows"]] == ["∂W1"]
    with pytest.raises(CommandError, match="is no time"):
        session.do("info gradients for long")
