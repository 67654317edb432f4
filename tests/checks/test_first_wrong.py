"""The check finds planted rules, tells what is wrong only because of them, and leaves healthy graphs alone."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import bpdebug
from bpdebug.checks.first_wrong import Checked, check
from bpdebug.debugger import State, update
from bpdebug.engine import Timeline
from bpdebug.engine.bounded import BoundedPass
from bpdebug.engine.edits import Override, RuleOverride
from bpdebug.explain.why import why
from bpdebug.expression import parse, target
from bpdebug.limits import KIB
from bpdebug.ops import OPS, Op
from bpdebug.progress import Stopped, listening
from bpdebug.symbolic import Plan
from bpdebug.views import view
from tests.engine.test_bounded import chain as deep
from tests.engine.test_bounded import part_of
from tests.graphs import FLAT, Random, examples, graphs, make, sample_call, step


def verdicts(found: Checked) -> set[str]:
    return {r.verdict for r in found.rows}


def scaled(plan: Plan, position: int, factor: float) -> Any:
    """The rule that a plan has, and a factor too much."""
    gradient: Any = plan.own_gradients[position]
    return gradient * factor


@examples(500)
@given(graphs(nodes=12))
def test_no_false_alarms_on_healthy_graphs(random: Random) -> None:
    found = check(random.timeline(), 0)
    assert found.first_wrong is None
    assert "fail" not in verdicts(found), [r for r in found.rows if r.verdict == "fail"]
    assert all(r.where is None for r in found.rows)


@examples(60)
@given(graphs(nodes=10), st.data())
def test_a_planted_rule_is_found_where_it_is(random: Random, data: st.DataObject) -> None:
    timeline = random.timeline()
    graph = timeline.graph
    edges = [
        (k, p) for k in graph.backward_nodes for p, t in graph.edges(k)
        if graph.has_gradient(t) and 0 not in graph.shapes[t]
    ]  # fmt: skip
    assume(edges)
    k, position = data.draw(st.sampled_from(edges))
    at = edges.index((k, position))
    healthy = check(timeline, 0).rows
    assert [(r.node, r.name) for r in healthy] == [
        (graph.nodes[j].id, graph.names[dict(graph.edges(j))[p]]) for j, p in edges
    ]
    before = healthy[at]
    assume(before.verdict == "pass" and before.numeric != 0)
    spoilt = timeline.fork(RuleOverride(k, position, lambda plan: scaled(plan, position, 1.5)))
    found = check(spoilt, 0)
    assert found.first_wrong == graph.nodes[k].id
    assert [n for n, r in enumerate(found.rows) if r.where == "rule"] == [at]
    for row in found.rows:
        if row.where == "upstream":
            here = graph.index[row.node] - graph.first
            assert here < k


FAULTS: dict[str, Callable[[Any], Any]] = {
    "half as much again": lambda gradient: gradient * 1.5,
    "the sign": lambda gradient: -gradient,
    "a tenth too much": lambda gradient: gradient * 1.1,
    "something added": lambda gradient: gradient + 0.25,
}


def planted() -> Iterator[tuple[Op, int, str]]:
    """Every operand of every op with a rule, each with another fault."""
    kinds = cycle(FAULTS)
    for op in (op for op in OPS.values() if op.name not in FLAT):
        call = sample_call(op, op.samples[0])
        for position in range(len(call.operands)):
            if position in call.plan.differentiable:
                yield op, position, next(kinds)


PLANTED = list(planted())


def between(op: Op) -> tuple[Timeline, int]:
    """The op's first sample between two healthy nodes, and its number among the nodes."""
    call = sample_call(op, op.samples[0])
    arrays, inputs, steps = {}, [], []
    given = call.operands[:-1] if op.draws else call.operands
    for i, operand in enumerate(given):
        if not isinstance(operand, np.ndarray):
            inputs.append(operand)
        elif operand.dtype.kind == "f":
            arrays[f"x{i}"] = operand
            steps.append(step(f"a{i}", "mul", f"x{i}", 1.0))
            inputs.append(f"a{i}")
        else:
            arrays[f"x{i}"] = operand
            inputs.append(f"x{i}")
    steps += [step("y", op.name, *inputs, **call.attrs), step("s", "sin", "y"), step("L", "sum", "s")]
    if op.infinite:  # a mask's infinities go into a softmax, as they are meant to
        steps[-2] = step("s", "softmax", "y", axis=-1)
        steps.insert(-1, step("q", "square", "s"))
        steps[-1] = step("L", "sum", "q")
    timeline = Timeline(make(arrays, *steps, loss="L"))
    return timeline, timeline.graph.index["y"] - timeline.graph.first


def test_there_are_as_many_faults_as_were_asked_for() -> None:
    assert len(PLANTED) >= 60
    assert {op.name for op, _, _ in PLANTED} == {op.name for op in OPS.values() if op.back} - {"stop_gradient"} - FLAT


@pytest.mark.parametrize(("op", "position", "kind"), PLANTED, ids=[f"{o.name}-{p}" for o, p, _ in PLANTED])
def test_a_wrong_rule_in_each_op_is_found_at_its_node(op: Op, position: int, kind: str) -> None:
    timeline, k = between(op)
    healthy = check(timeline, 0)
    assert healthy.first_wrong is None, healthy.rows
    assert "fail" not in verdicts(healthy)
    spoilt = timeline.fork(RuleOverride(k, position, lambda plan: FAULTS[kind](plan.own_gradients[position])))
    found = check(spoilt, 0)
    assert found.first_wrong == "y"
    wrong = [(r.node, r.name) for r in found.rows if r.where == "rule"]
    names = timeline.graph.operand_names(k)
    assert wrong == [("y", names[position])]
    assert all(r.where in (None, "upstream") for r in found.rows if (r.node, r.name) not in wrong)


def test_progress_is_told_and_can_stop_it() -> None:
    heard: list[tuple[float, int]] = []
    with listening(lambda done, total, unit: heard.append((done, total))):
        check(chain(), 0)
    assert set(range(5)) <= {done for done, _ in heard}
    assert heard == sorted(heard)
    assert {total for _, total in heard} == {5}
    assert len(heard) > 10  # within a rule, too

    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped), listening(lambda *far: None, stop):
        check(chain(), 0)


def test_a_large_operand_is_sampled_and_said_to_be() -> None:
    rng = np.random.default_rng(0)
    graph = make({"x": rng.normal(size=(20, 20))}, step("y", "tanh", "x"), step("L", "sum", "y"), loss="L")
    rows = {r.node: r for r in check(Timeline(graph), 0).rows}
    assert (rows["y"].checked, rows["y"].cells) == (64, 400)
    state = State(bpdebug.load("transpose"), Timeline(graph))
    assert "64 of the 400 cells of" in view(update(state, "check")).to_text()


def test_cells_at_infinity_have_no_slope_and_are_left_out() -> None:
    timeline, _ = between(OPS["causal_mask"])
    assert verdicts(check(timeline, 0)) == {"pass"}


def test_a_kink_is_named() -> None:
    graph = make({"x": np.array([0.0, 1.0])}, step("y", "relu", "x"), step("L", "sum", "y"), loss="L")
    text = view(update(State(bpdebug.load("transpose"), Timeline(graph)), "check")).to_text()
    assert f"a kink: {OPS['relu'].kink}" in text


def test_what_is_asked_about_and_is_right_has_no_first_wrong() -> None:
    spoilt = chain().fork(RuleOverride(2, 0, lambda plan: plan.g @ plan.operands[1]))
    assert check(spoilt, 0, {spoilt.graph.index["Q"]}).first_wrong is None


def test_zero_by_algebra_is_no_failure() -> None:
    """Batch norm under a cotangent of ones: the gradient is zero, and the rule is right."""
    x = np.random.default_rng(0).normal(size=(4, 3))
    graph = make({"x": x}, step("y", "batch_norm", "x", eps=1e-5), step("L", "sum", "y"), loss="L")
    timeline = Timeline(graph)
    assert verdicts(check(timeline, 0)) == {"pass"}
    found = why(timeline, target(parse("dx"), graph), 0)
    assert found.answer == "cancelled"


def chain() -> Timeline:
    rng = np.random.default_rng(5)
    arrays = {"X": rng.normal(size=(3, 3)), "W": rng.normal(size=(3, 3)), "V": rng.normal(size=(3, 3))}
    return Timeline(
        make(
            arrays, step("Y", "matmul", "X", "W"), step("H", "tanh", "Y"), step("Z", "matmul", "H", "V"),
            step("Q", "sin", "Z"), step("L", "sum", "Q"), loss="L",
        )
    )  # fmt: skip


def test_wrong_here_and_wrong_already_upstream() -> None:
    spoilt = chain().fork(RuleOverride(2, 0, lambda plan: plan.g @ plan.operands[1]))
    rows = {(r.node, r.name): (r.verdict, r.where) for r in check(spoilt, 0).rows}
    assert rows == {
        ("L", "Q"): ("pass", None), ("Q", "Z"): ("pass", None),
        ("Z", "H"): ("fail", "rule"), ("Z", "V"): ("pass", None),
        ("H", "Y"): ("fail", "upstream"), ("Y", "X"): ("fail", "upstream"), ("Y", "W"): ("fail", "upstream"),
    }  # fmt: skip


def test_the_numeric_side_upstream_is_the_right_gradient() -> None:
    right = chain()
    spoilt = right.fork(RuleOverride(2, 0, lambda plan: plan.g @ plan.operands[1]))
    row = next(r for r in check(spoilt, 0).rows if (r.node, r.name) == ("Y", "X"))
    gradients = [t.grad("X") for t in (spoilt, right)]
    assert gradients[0] is not None
    assert gradients[1] is not None
    assert (row.analytic, row.numeric) == pytest.approx((gradients[0][row.cell], gradients[1][row.cell]), rel=1e-8)


def test_one_node_is_checked_alone_and_still_knows_where_it_began() -> None:
    spoilt = chain().fork(RuleOverride(2, 0, lambda plan: plan.g @ plan.operands[1]))
    found = check(spoilt, 0, {spoilt.graph.index["Y"]})
    assert [(r.node, r.where) for r in found.rows] == [("Y", "upstream")] * 2
    assert found.first_wrong == "Z"


def test_a_gradient_that_was_set_is_wrong_upstream_of_nothing_else() -> None:
    plain = chain()
    number = plain.graph.index["H"]
    found = check(plain.fork(Override(number, True, (), np.asarray(1.0))), 0)
    assert {r.node for r in found.rows if r.where == "upstream"} == {"H", "Y"}
    assert found.first_wrong == "H"


@pytest.mark.parametrize("op", ["relu", "abs", "leaky_relu", "sqrt"])
def test_a_kink_wants_a_look(op: str) -> None:
    graph = make({"x": np.array([0.0, 1.0])}, step("y", op, "x"), step("L", "sum", "y"), loss="L")
    rows = {r.node: r for r in check(Timeline(graph), 0).rows}
    assert (rows["y"].verdict, rows["y"].cell, rows["y"].reason) == ("look", (0,), "kink")
    assert rows["L"].verdict == "pass"


def test_a_tie_wants_a_look_and_a_wrong_share_fails() -> None:
    graph = make({"x": np.array([2.0, 2.0, 1.0])}, step("L", "max", "x"), loss="L")
    timeline = Timeline(graph)
    assert verdicts(check(timeline, 0)) == {"look"}
    assert verdicts(check(timeline.fork(RuleOverride(0, 0, lambda plan: scaled(plan, 0, 3))), 0)) == {"fail"}


def test_at_the_prompt() -> None:
    session = bpdebug.Session(bpdebug.load("square_trap"))
    data = session.do("check").to_data()
    assert data["first_wrong"] is None
    keys = {"node", "operand", "verdict", "error", "cell", "analytic", "numeric", "where"}
    assert all(keys <= set(r) for r in data["rows"])
    session.do("set rule Y@bwd W = dY.T @ X")
    report = session.do("check Y")
    assert report.to_data()["first_wrong"] == "Y"
    assert "this rule is wrong" in report.to_text()


def test_within_a_budget_the_mended_pass_keeps_little() -> None:
    """A wrong rule near the end, in a quarter: three passes, of which one at a time has what it may take."""
    graph = deep(16, side=48, skips=True)
    edit = RuleOverride(graph.k(graph.index["T12"]) or 0, 0, lambda p: p.g * 0.5)
    budget = part_of(graph, 1 / 4)
    gc.collect()
    tracemalloc.start()
    timeline = Timeline(graph, budget=budget).fork(edit)
    found = check(timeline, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(timeline.iteration(0), BoundedPass)
    assert found.first_wrong == "T12"
    assert peak <= budget + 1024 * KIB  # plans in double precision, functions, rows
