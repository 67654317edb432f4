"""The gradient check that users run: it passes what is right, fails what is planted, and knows its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from msgspec import structs

from bpdebug.arrays import DType
from bpdebug.checks.differences import MOST_CELLS, Check, differences
from bpdebug.checks.one_rule import check_rule
from bpdebug.checks.rule import float64_graph
from bpdebug.checks.whole_graph import gradcheck
from bpdebug.engine import Timeline, Training
from bpdebug.engine.edits import RuleOverride
from bpdebug.ops import OPS, Op
from tests.graphs import DOUBLE, FLAT, SAMPLES, SINGLE, Random, examples, graph_of, graphs, make, sample_call, step

RNG = np.random.default_rng(0)


def verdicts(rows: list[Check]) -> dict[str, str]:
    return {row.name: row.verdict for row in rows}


def network(dtype: DType = DOUBLE) -> Timeline:
    leaves = {"X": RNG.normal(size=(4, 3)), "W": RNG.normal(size=(3, 3)), "b": RNG.normal(size=3)}
    graph = make(
        {n: a.astype(dtype) for n, a in leaves.items()} | {"t": np.array([0, 2, 1, 1])},
        step("Y", "matmul", "X", "W"), step("Z", "add", "Y", "b"), step("H", "gelu", "Z"), step("D", "dropout", "H"),
        step("L", "cross_entropy", "D", "t"), loss="L", parameters=["W", "b"],
    )  # fmt: skip
    return Timeline(graph)


@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE], ids=str)
def test_a_right_network_passes(dtype: DType) -> None:
    rows = gradcheck(network(dtype))
    assert verdicts(rows) == {"X": "pass", "W": "pass", "b": "pass"}
    assert [(r.checked, r.cells) for r in rows] == [(12, 12), (9, 9), (3, 3)]


def test_a_planted_rule_fails_end_to_end_and_at_its_event() -> None:
    """The transpose forgotten, on a square W where shapes do not tell."""
    timeline = network().fork(RuleOverride(0, 0, lambda plan: plan.g @ plan.operands[1]))
    assert verdicts(gradcheck(timeline)) == {"X": "fail", "W": "pass", "b": "pass"}
    event = next(e for e in timeline if (e.phase, e.name) == ("backward", "Y"))
    assert verdicts(check_rule(event)) == {"X": "fail", "W": "pass"}
    above = next(e for e in timeline if (e.phase, e.name) == ("backward", "Z"))
    assert set(verdicts(check_rule(above)).values()) == {"pass"}


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_every_rule_passes_at_its_samples(op: Op, i: int) -> None:
    call = sample_call(op, op.samples[i])
    if call.value.dtype.kind != "f":
        return
    timeline = Timeline(graph_of(call, np.ones(call.value.shape)))
    for event in timeline:
        for row in check_rule(event):
            assert row.verdict == "pass", row


STEEP = [(op, i) for op, i in SAMPLES if op.name not in FLAT]


@pytest.mark.parametrize(("op", "i"), STEEP, ids=[f"{op.name}-{i}" for op, i in STEEP])
def test_every_rule_that_is_off_by_a_thousandth_fails(op: Op, i: int) -> None:
    """One gradient scaled: nothing so small slips through, at any sample of any op."""
    call = sample_call(op, op.samples[i])
    if call.value.dtype.kind != "f":
        return
    timeline = Timeline(graph_of(call, np.ones(call.value.shape)))
    for position, _ in timeline.graph.edges(0):
        spoilt = timeline.fork(RuleOverride(0, position, lambda plan, p=position: plan.own_gradients[p] * 1.001))  # type: ignore[misc]
        rows = [row.verdict for e in spoilt for row in check_rule(e)]
        assert "fail" in rows


def test_a_check_of_a_rule_wants_a_backward_event() -> None:
    timeline = network()
    assert check_rule(timeline[0]) == []
    assert all(check_rule(e) == [] for e in timeline if e.phase == "seed")


def test_gradients_that_come_in_are_weighed() -> None:
    graph = make(
        {"x": np.array([1.0, 2.0])},
        step("y", "exp", "x"),
        step("z", "square", "y"),
        into={"y": np.array([3.0, -1.0]), "z": np.array([0.5, 2.0])},
    )
    assert verdicts(gradcheck(Timeline(graph))) == {"x": "pass"}


def test_a_leaf_without_a_path_has_no_row() -> None:
    graph = make(
        {"x": np.array([1.0, 2.0]), "u": np.array([1.0]), "n": np.array([1]), "e": np.zeros((0, 2))},
        step("y", "exp", "x"), step("z", "neg", "e"), step("s", "sum", "z"), step("q", "sum", "y"),
        step("L", "add", "s", "q"),
        loss="L",
    )  # fmt: skip
    assert verdicts(gradcheck(Timeline(graph))) == {"x": "pass"}


def test_a_large_leaf_is_sampled_and_deterministic() -> None:
    graph = make({"x": RNG.normal(size=(40, 40))}, step("y", "sin", "x"), step("L", "sum", "y"), loss="L")
    rows = gradcheck(Timeline(graph))
    assert [(r.checked, r.cells, r.verdict) for r in rows] == [(MOST_CELLS, 1600, "pass")]
    assert gradcheck(Timeline(graph)) == rows
    assert gradcheck(Timeline(graph), seed=1) != rows


def test_what_a_stop_gradient_cuts_off_is_held_still() -> None:
    """The derivative that the program asks for, with s as it is, and not that of x * x."""
    graph = make({"x": np.array(3.0)}, step("s", "stop_gradient", "x"), step("L", "mul", "x", "s"), loss="L")
    timeline = Timeline(graph)
    (row,) = gradcheck(timeline)
    assert (row.verdict, row.analytic) == ("pass", 3.0)
    wrong = timeline.fork(RuleOverride(1, 0, lambda plan: plan.g * plan.operands[1] * 2))
    assert verdicts(gradcheck(wrong)) == {"x": "fail"}


def test_a_kink_is_not_called_right() -> None:
    graph = make({"x": np.array([0.0, 1.0])}, step("y", "relu", "x"), step("L", "sum", "y"), loss="L")
    (row,) = gradcheck(Timeline(graph))
    assert row.verdict != "pass"
    assert (row.cell, row.analytic) == ((0,), 0.0)
    assert row.numeric == pytest.approx(0.5)


def test_numbers_that_are_not_finite_fail() -> None:
    graph = make({"x": np.array([0.0, 1.0])}, step("y", "sqrt", "x"), step("L", "sum", "y"), loss="L")
    assert verdicts(gradcheck(Timeline(graph))) == {"x": "fail"}


def test_the_first_iteration_is_checked() -> None:
    plain = network()
    trained = Timeline(plain.graph, training=Training("sgd", 3, {"lr": 10.0}))
    assert gradcheck(trained) == gradcheck(plain)


def test_differences_take_rounding_off_and_no_more() -> None:
    exact = list(differences(lambda x: 1e12 + 3 * x, 1.0, 3.0))
    assert min(error for _, error in exact) == 0.0
    wrong = list(differences(lambda x: 3 * x, 1.0, 3.01))
    assert min(error for _, error in wrong) > 1e-3
    for numeric, _ in wrong:
        assert numeric == pytest.approx(3, rel=1e-9)


def test_verdicts() -> None:
    row = Check("x", (), 0.0, 0.0, 0.0, 1, 1)
    errors = {0.0: "pass", 1e-7: "pass", 1.1e-7: "look", 1e-4: "look", 1.1e-4: "fail", np.inf: "fail", np.nan: "fail"}
    assert {e: structs.replace(row, error=e).verdict for e in errors} == errors


def test_the_same_graph_float64_graph_precision() -> None:
    single = network(SINGLE)
    wide = float64_graph(single.graph)
    assert [p.dtype for p in wide.plans] == list(wide.dtypes[wide.first :])
    assert {str(d) for d in wide.dtypes} == {"float64", "int64", "bool"}
    assert wide.names == single.graph.names
    assert [n.id for n in wide.nodes] == [n.id for n in single.graph.nodes]
    assert float64_graph(wide) is wide


@examples(40)
@given(graphs(smooth=True, nodes=10))
def test_random_graphs_pass_unless_they_bend_too_sharply(random: Random) -> None:
    if any(s.op == "stop_gradient" for s in random.steps):
        return
    for row in gradcheck(random.timeline()):
        assert row.verdict != "fail" or max(abs(row.analytic), abs(row.numeric)) < 1e-4, row


def test_every_op_says_how_it_is_differentiated() -> None:
    for op in OPS.values():
        assert op.samples, f"{op.name} has no sample, so no test walks over it"


def test_of_a_rule_that_costs_much_fewer_cells_are_moved_and_a_wrong_one_is_still_found() -> None:
    rng = np.random.default_rng(0)
    arrays = {"X": rng.normal(size=(400, 500)), "W": rng.normal(size=(500, 300))}
    steps = (step("Y", "matmul", "X", "W"), step("H", "exp", "Y"))
    timeline = Timeline(make(arrays, *steps, into={"H": np.ones((400, 300))}))
    y = next(e for e in timeline if (e.phase, e.name) == ("backward", "Y"))
    rows = {r.name: r for r in check_rule(y)}
    assert {r.verdict for r in rows.values()} == {"pass"}
    work = 400 * 500 * 300
    assert {r.checked for r in rows.values()} == {min(64, max(4, 2 * 10**10 // (2 * work)))}
    wrong = timeline.fork(RuleOverride(0, 1, lambda plan: plan.xp.matrix_transpose(plan.operands[0]) @ plan.g * 1.001))
    y = next(e for e in wrong if (e.phase, e.name) == ("backward", "Y"))
    assert {r.name: r.verdict for r in check_rule(y)} == {"X": "pass", "W": "fail"}
