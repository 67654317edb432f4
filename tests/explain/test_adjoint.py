"""⟨g, A x⟩ = ⟨Aᵀ g, x⟩ for every linear op of the table, and not for a rule that is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpdebug
from bpdebug.debugger import update
from bpdebug.engine import Timeline
from bpdebug.engine.edits import RuleOverride
from bpdebug.errors import BpdebugError
from bpdebug.explain.adjoint import adjoint
from bpdebug.ops import OPS, Op
from bpdebug.views import view
from tests.graphs import DOUBLE, SAMPLES, Call, calls, examples, graph_of, make, sample_call, step
from tests.lessons import session

LINEAR = [(op, i) for op, i in SAMPLES if op.linear_in]


def judged(call: Call) -> int:
    """How many linear operands a call has whose gradient is given, after asserting that each is adjoint."""
    if call.value.dtype.kind != "f":
        return 0
    g = np.asarray(np.random.default_rng(1).normal(size=call.value.shape))
    timeline = Timeline(graph_of(call, g))
    every = call.op.operands[-1].startswith("*")
    edges = [(p, t) for p, t in timeline.graph.edges(0) if timeline.graph.has_gradient(t)]
    linear = [timeline.graph.names[t] for p, t in edges if every or p in call.op.linear_in]
    for name in linear:
        found = adjoint(timeline[len(timeline) - 1], name)
        assert found.holds, (call, found)
    return len(linear)


@pytest.mark.parametrize(("op", "i"), LINEAR, ids=[f"{op.name}-{i}" for op, i in LINEAR])
def test_it_holds_at_every_sample_of_a_linear_op(op: Op, i: int) -> None:
    call = sample_call(op, op.samples[i])
    floats = [p for p, x in enumerate(call.operands) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    assert judged(call) >= len({*floats} & {*op.linear_in}) * (call.value.dtype.kind == "f")


@examples(150)
@given(st.data())
def test_it_holds_on_random_calls(data: st.DataObject) -> None:
    op = data.draw(st.sampled_from([o for o in OPS.values() if o.linear_in and o.name != "one_hot"]))
    judged(data.draw(calls(op)))


def test_both_sides_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    x, w, b, g = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(2, 4))
    t = Timeline(
        make({"X": x, "W": w, "b": b}, step("Y", "matmul", "X", "W"), step("Z", "add", "Y", "b"), into={"Z": g})
    )
    z, y = (next(e for e in t if (e.phase, e.name) == ("backward", n)) for n in "ZY")
    found = adjoint(y, "W")
    assert (found.left, found.right) == pytest.approx(((g * (x @ w)).sum(), ((x.T @ g) * w).sum()))
    found = adjoint(z, "b")
    assert found.affine
    assert (found.left, found.right) == pytest.approx(((g * b).sum(), (g.sum(axis=0) * b).sum()))


def test_a_wrong_rule_is_no_transpose() -> None:
    rng = np.random.default_rng(0)
    arrays = {"X": rng.normal(size=(3, 3)).astype(DOUBLE), "W": rng.normal(size=(3, 3))}
    t = Timeline(make(arrays, step("Y", "matmul", "X", "W"), into={"Y": rng.normal(size=(3, 3))}))
    wrong = t.fork(RuleOverride(0, 0, lambda plan: plan.g @ plan.operands[1]))
    event = wrong[len(wrong) - 1]
    assert not adjoint(event).holds
    assert adjoint(event, "W").holds


def test_at_the_prompt_and_where_it_is_refused() -> None:
    session = bpdebug.Session(bpdebug.load("mlp"))
    data = session.do("seek Z1@bwd ;; adjoint").to_data()
    assert (data["node"], data["operand"]) == ("Z1", "X")
    assert data["difference"] <= 1e-12 * max(1.0, abs(data["left"]))
    with pytest.raises(BpdebugError, match="no operand 'Q'"):
        session.do("adjoint Q")
    with pytest.raises(BpdebugError, match="tanh is not linear"):
        session.do("seek H@bwd ;; adjoint")
    with pytest.raises(BpdebugError, match="backward pass"):
        session.do("seek begin ;; adjoint")


def test_the_two_products_have_the_screens_minus() -> None:
    state = update(session("transformer_block"), "seek attention1.q@bwd ;; adjoint N1")
    lines = view(state).to_text().splitlines()
    assert sum("⟨" in line and "−0.03148" in line for line in lines) == 2
    assert not any("⟨" in line and "-0" in line for line in lines)
