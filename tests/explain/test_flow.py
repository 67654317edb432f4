"""Norms and gains of backward events and of blocks, against norms computed apart; where they vanish and explode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.debugger.commands import within
from bpdebug.engine import Timeline
from bpdebug.engine.run import Pass
from bpdebug.explain.flow import EXPLODED, VANISHED, flow
from bpdebug.explain.flow import Flowing as Found
from tests.counting import Clock, over_after
from tests.graphs import make, step
from tests.lessons import NAMES, said


@pytest.mark.parametrize("name", NAMES)
def test_norms_are_those_of_the_gradients(name: str) -> None:
    timeline = bpdebug.run(bpdebug.load(name))
    rows = flow(timeline, 0).rows
    assert [r.event for r in rows] == [e.index for e in timeline if e.phase == "backward" and e.iteration == 0]
    for row in rows:
        event = timeline.event(row.event)
        assert row.norm == pytest.approx(float(np.sqrt((event.value**2).sum())), nan_ok=True)
        given = float(np.sqrt(sum((c.value**2).sum() for c in event.contributions)))
        fine = row.norm and np.isfinite([row.norm, given]).all()
        assert row.gain == (pytest.approx(given / row.norm) if fine else None)


def chain(factor: float) -> Found:
    steps = [step(f"h{n}", "mul", f"h{n - 1}" if n else "x", "w") for n in range(6)]
    graph = make({"x": np.ones(2), "w": np.full(2, factor)}, *steps, step("L", "sum", "h5"), loss="L")
    return flow(Timeline(graph), 0)


@pytest.mark.parametrize(("factor", "verdict"), [(0.1, "vanishes"), (10.0, "explodes"), (1.0, "steady")])
def test_where_it_vanishes_and_where_it_explodes(factor: float, verdict: str) -> None:
    found = chain(factor)
    assert found.verdict == verdict
    first = found.rows[0].norm
    at = found.vanished if verdict == "vanishes" else found.exploded
    beyond = [r.event for r in found.rows if r.norm < VANISHED * first or r.norm > EXPLODED * first]
    assert at == (beyond[0] if beyond else None)
    assert (found.vanished is None) == (verdict != "vanishes")
    assert (found.exploded is None) == (verdict != "explodes")


BRANCHES = """format = 1
[inputs]
x = [{x}]
[parameters]
w = [1.0, 1.0]
[graph]
loss = "L"
program = '''
a = sqrt(w * x)
b = 0.00001 * w
L = sum(where(x > 0, a, 1)) + sum({small} * b)
'''
"""


@pytest.mark.parametrize(
    ("x", "small", "verdict"),
    [
        ("0.0, 1.0", "1e-9", "nan"),
        ("0.0, 1.0", "1", "nan"),
        ("1.0, 1.0", "1e-9", "vanishes"),
        ("1.0, 2.0", "1", "steady"),
    ],
)
def test_where_a_norm_is_nan_nothing_else_is_said(x: str, small: str, verdict: str) -> None:
    """One branch vanishes before the other becomes NaN (sqrt's slope at 0 times the 0 of where)."""
    found = flow(bpdebug.run(bpdebug.load(BRANCHES.format(x=x, small=small))), 0)
    assert found.verdict == verdict
    assert (found.undefined is not None) == any(np.isnan(r.norm) for r in found.rows)
    if verdict == "nan":
        assert found.turn == (next(r.event for r in found.rows if np.isnan(r.norm)), "nan")
    session = bpdebug.Session(bpdebug.load(BRANCHES.format(x=x, small=small)))
    title = session.do("flow").title
    assert ("NaN" in title, "it vanishes" in title) == (verdict == "nan", verdict == "vanishes")
    session.do(f"expect flow {verdict}")


def test_an_infinite_gradient_has_exploded_wherever_it_begins() -> None:
    graph = make({"x": np.ones(2)}, step("y", "square", "x"), into={"y": np.full(2, np.inf)})
    found = flow(Timeline(graph), 0)
    assert np.isinf(found.rows[0].norm)
    assert found.verdict == "explodes"


TEXT = """format = 1
[inputs]
X = [[1, 2], [3, 4]]
[parameters]
W = [[0.5, -1], [1, 0.5]]
[graph]
loss = "L"
program = '''
def inner(a, W):
    return tanh(a @ W)
def above(a, W):
    q = inner(a, W)
    return q @ W + a
H = above(X, W)
L = sum(H ** 2)
'''
"""


def test_a_block_is_what_comes_in_against_what_it_hands_on() -> None:
    timeline = bpdebug.run(bpdebug.load(TEXT))
    through = {t.block: t for t in flow(timeline, 0).blocks}
    assert set(through) == {"above1", "above1.inner1"}

    def norm(*arrays: object) -> float:
        return float(np.sqrt(sum((np.asarray(a) ** 2).sum() for a in arrays)))

    W, H = timeline.value("W"), timeline.grad("H")
    Q, pre = timeline.grad("above1.q"), timeline.grad("above1.inner1.matmul1")
    assert H is not None
    assert Q is not None
    assert pre is not None
    inner, above = through["above1.inner1"], through["above1"]
    assert (inner.entering, inner.leaving) == pytest.approx((norm(Q), norm(pre @ W.T)))
    assert (above.entering, above.leaving) == pytest.approx((norm(H), norm(H, pre @ W.T)))
    assert above.gain == pytest.approx(above.leaving / above.entering)


def test_at_the_prompt() -> None:
    session = bpdebug.Session(bpdebug.load("mlp"))
    report = session.do("flow")
    assert [set(r) for r in report.to_data()["rows"]] == [{"event", "node", "norm", "gain"}] * 6
    assert "█" in report.to_text()
    session.do("expect flow steady")


def test_one_event_is_no_events() -> None:
    assert said("transpose", "flow").startswith("gradient flow, 1 event: ")


def test_each_contribution_is_computed_once_and_no_record_of_it_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formulas and parts of contributions were half of what flow took."""
    timeline = bpdebug.run(bpdebug.load("fan_out")).run()
    graph = timeline.graph
    added = [c for event in timeline for c in event.contributions if len(graph.edges_from(c.tensor)) > 1]
    computed, contribution = list[int](), Pass._contribution

    def counted(run: Pass, k: int, position: int) -> Any:
        computed.append(k)
        return contribution(run, k, position)

    monkeypatch.setattr(Pass, "_contribution", counted)
    monkeypatch.setattr("bpdebug.engine.timeline.contributions", None)
    assert flow(timeline, 0).rows
    assert len(computed) == len(added) > 0  # one that nothing is added to is the gradient, which is there


@pytest.mark.parametrize("name", ["transformer_block", "residual", "broken_softmax"])
def test_what_is_looked_at_in_time_is_the_beginning_of_the_whole(name: str) -> None:
    """The time is over at each place where it may stop, one after another: rows are never wrong, only fewer."""
    scenario, seen = bpdebug.load(name), set[int]()
    whole = flow(bpdebug.run(scenario), 0)
    assert whole.looked_at == whole.of == len(whole.rows)
    for count in range(10**6):
        found = flow(bpdebug.run(scenario), 0, over_after(count))
        assert (found.looked_at, found.of) == (len(found.rows), whole.of)
        assert found.rows == whole.rows[: len(found.rows)]
        assert set(found.blocks) <= set(whole.blocks)  # one of which a part is looked at is left out
        assert found.verdict in ("unknown", whole.verdict)
        seen.add(found.looked_at)
        if found == whole:
            break
    assert seen == set(range(whole.of + 1))  # no event waits for the whole pass


def test_a_pass_that_the_time_ends_is_gone_on_with() -> None:
    timeline = bpdebug.run(bpdebug.load("transformer_block"))
    flow(timeline, 0, over_after(40))
    assert flow(timeline, 0) == flow(bpdebug.run(bpdebug.load("transformer_block")), 0)


def test_a_report_says_how_much_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(within, "monotonic", Clock())
    session = bpdebug.Session(bpdebug.load("mlp"))
    report = session.do("flow for 15s")
    looked_at, of = report.to_data()["looked_at"], report.to_data()["of"]
    assert 0 < looked_at < of == 6
    assert f"neither vanished nor exploded so far; {looked_at} of 6 events were looked at in 15 s" in report.title
    session = bpdebug.Session(bpdebug.load("mlp"))
    session.do("expect flow for 15s unknown")
    assert "; 6 of 6 events were looked at in 3600 s" in session.do("flow for 1h").title
    with pytest.raises(bpdebug.BpdebugError, match="nothing but a time"):
        session.do("flow W for 3s")
