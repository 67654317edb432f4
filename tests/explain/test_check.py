"""The check finds planted rules, tells what is wrong only because of them, and leaves healthy graphs alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import bpdebug
from bpdebug.engine import Timeline
from bpdebug.engine.fork import Override, fork, fork_rule
from bpdebug.explain.check import Checked, check
from bpdebug.symbolic import Plan
from tests.graphs import Random, examples, graphs, make, step


def verdicts(found: Checked) -> set[str]:
    return {r.verdict for r in found.rows}


def scaled(plan: Plan, position: int, factor: float) -> Any:
    """The rule that a plan has, and a factor too much."""
    gradient: Any = plan.gradients[position]
    return gradient * factor


@examples(60)
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
    assert [(r.node, r.operand) for r in healthy] == [
        (graph.nodes[j].id, graph.names[dict(graph.edges(j))[p]]) for j, p in edges
    ]
    before = healthy[at]
    assume(before.verdict == "pass" and before.numeric != 0)
    spoilt = fork_rule(timeline, k, position, lambda plan: scaled(plan, position, 1.5))
    found = check(spoilt, 0)
    assert found.first_wrong == graph.nodes[k].id
    assert [n for n, r in enumerate(found.rows) if r.where == "rule"] == [at]
    for row in found.rows:
        if row.where == "upstream":
            here = graph.index[row.node] - graph.first
            assert here < k


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
    spoilt = fork_rule(chain(), 2, 0, lambda plan: plan.g @ plan.operands[1])
    rows = {(r.node, r.operand): (r.verdict, r.where) for r in check(spoilt, 0).rows}
    assert rows == {
        ("L", "Q"): ("pass", None), ("Q", "Z"): ("pass", None),
        ("Z", "H"): ("fail", "rule"), ("Z", "V"): ("pass", None),
        ("H", "Y"): ("fail", "upstream"), ("Y", "X"): ("fail", "upstream"), ("Y", "W"): ("fail", "upstream"),
    }  # fmt: skip


def test_the_numeric_side_upstream_is_the_right_gradient() -> None:
    right = chain()
    spoilt = fork_rule(right, 2, 0, lambda plan: plan.g @ plan.operands[1])
    row = next(r for r in check(spoilt, 0).rows if (r.node, r.operand) == ("Y", "X"))
    gradients = [t.grad("X") for t in (spoilt, right)]
    assert gradients[0] is not None
    assert gradients[1] is not None
    assert (row.analytic, row.numeric) == pytest.approx((gradients[0][row.cell], gradients[1][row.cell]), rel=1e-8)


def test_one_node_is_checked_alone_and_still_knows_where_it_began() -> None:
    spoilt = fork_rule(chain(), 2, 0, lambda plan: plan.g @ plan.operands[1])
    found = check(spoilt, 0, {spoilt.graph.index["Y"]})
    assert [(r.node, r.where) for r in found.rows] == [("Y", "upstream")] * 2
    assert found.first_wrong == "Z"


def test_a_gradient_that_was_set_is_wrong_upstream_of_nothing_else() -> None:
    plain = chain()
    number = plain.graph.index["H"]
    found = check(fork(plain, Override(number, True, (), np.asarray(1.0)), 0), 0)
    assert {r.node for r in found.rows if r.where == "upstream"} == {"H", "Y"}
    assert found.first_wrong == "H"


@pytest.mark.parametrize("op", ["relu", "abs", "leaky_relu", "sqrt"])
def test_a_kink_wants_a_look(op: str) -> None:
    graph = make({"x": np.array([0.0, 1.0])}, step("y", op, "x"), step("L", "sum", "y"), loss="L")
    rows = {r.node: r for r in check(Timeline(graph), 0).rows}
    assert (rows["y"].verdict, rows["y"].cell, rows["y"].kink) == ("look", (0,), True)
    assert rows["L"].verdict == "pass"


def test_a_tie_wants_a_look_and_a_wrong_share_fails() -> None:
    graph = make({"x": np.array([2.0, 2.0, 1.0])}, step("L", "max", "x"), loss="L")
    timeline = Timeline(graph)
    assert verdicts(check(timeline, 0)) == {"look"}
    assert verdicts(check(fork_rule(timeline, 0, 0, lambda plan: scaled(plan, 0, 3)), 0)) == {"fail"}


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
