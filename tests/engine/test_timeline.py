"""Events: which there are, in what order, with what numbers; and what each backward event contributes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.engine import BACKWARD, SEED, UPDATE, Event, Timeline, Training
from bpdebug.errors import CommandError
from tests.graphs import SINGLE, assert_same, make, step

X = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]])
W = np.array([[0.5, -1.0], [2.0, 0.75], [-0.25, 1.5]])
B = np.array([0.5, -0.5])
ONES = np.ones((2, 2))


def layer(**given: Any) -> Timeline:
    """Y = X @ W; Z = Y + b; H = relu(Z); L = sum(H)."""
    graph = make(
        {"X": X, "W": W, "b": B},
        step("Y", "matmul", "X", "W", line=3), step("Z", "add", "Y", "b", line=4), step("H", "relu", "Z", line=5),
        step("L", "sum", "H", line=6), loss="L", parameters=["W", "b"],
    )  # fmt: skip
    return Timeline(graph, **given)


def told(timeline: Timeline) -> list[str]:
    """The events, as `phase name`."""
    return [f"{e.phase} {e.name}" for e in timeline]


FIRST = [
    "forward Y",
    "forward Z",
    "forward H",
    "forward L",
    "seed L",
    "backward L",
    "backward H",
    "backward Z",
    "backward Y",
]


def test_forward_then_seeds_then_backward_in_reverse() -> None:
    timeline = layer()
    assert told(timeline) == FIRST
    assert [e.index for e in timeline] == list(range(9))
    assert len(timeline) == len(timeline.events) == 9
    assert {e.iteration for e in timeline} == {0}


def test_an_event_knows_its_node() -> None:
    event = layer()[7]
    assert (event.name, event.op, event.line, event.block) == ("Z", "add", 4, "")
    assert event.node is not None
    assert event.node.id == "Z"


def test_training_adds_updates_and_repeats() -> None:
    timeline = layer(training=Training("sgd", 2, {"lr": 0.1}))
    assert told(timeline) == [*FIRST, "update W", "update b"] * 2
    assert [e.index for e in timeline] == list(range(22))
    assert [e.iteration for e in timeline] == [0] * 11 + [1] * 11
    update = timeline[20]
    assert (update.phase, update.name, update.node, update.op, update.line, update.block) == (
        UPDATE,
        "W",
        None,
        None,
        None,
        "",
    )


def test_it_is_a_sequence() -> None:
    timeline = layer()
    assert timeline[-1].index == 8
    assert [e.index for e in timeline[2:5]] == [2, 3, 4]
    assert [e.index for e in timeline[::-4]] == [8, 4, 0]
    assert [e.index for e in reversed(timeline)] == list(range(8, -1, -1))
    for index in (9, -10):
        with pytest.raises(IndexError):
            timeline[index]


@pytest.mark.parametrize("one", [True, np.int64(1)])
def test_what_counts_as_an_integer_becomes_one(one: int) -> None:
    """The event is kept, and its number is written in JSON: `true` is none."""
    timeline = layer()
    for event in (timeline.event(one), timeline.event(1)):
        assert [type(event.index), type(event.iteration), type(event.tensor)] == [int, int, int]


# --- who takes part in the backward pass


def test_only_nodes_between_a_float_leaf_and_an_output_have_backward_events() -> None:
    graph = make(
        {"X": X, "ids": np.array([0, 1, 1]), "unused": X},
        step("hot", "one_hot", "ids", depth=2),  # from no float leaf
        step("Y", "matmul", "X", "hot"),
        step("side", "exp", "Y"),  # leads to no output
        step("test", "greater", "Y", 0.0),  # takes no gradient
        step("Z", "where", "test", "Y", 0),
        step("after", "sum", "Z"),  # downstream of the output
        into={"Z": ONES},
    )
    timeline = Timeline(graph)
    assert told(timeline)[-3:] == ["seed Z", "backward Z", "backward Y"]
    assert timeline.grad("unused") is None
    for name in ("hot", "side", "test", "ids", "unused", "after"):
        assert timeline.schedule.grad_status(timeline.number(name), len(timeline)) == "no-path", name
    (contribution,) = timeline[-1].contributions
    assert (contribution.to, contribution.operand) == ("X", 0)


def test_nothing_goes_through_stop_gradient() -> None:
    graph = make(
        {"x": np.array([1.0, 2.0]), "w": np.array([3.0, 4.0])},
        step("a", "square", "x"), step("s", "stop_gradient", "a"), step("y", "mul", "s", "w"), step("L", "sum", "y"),
        loss="L",
    )  # fmt: skip
    timeline = Timeline(graph)
    assert told(timeline)[4:] == ["seed L", "backward L", "backward y"]
    assert [c.to for c in timeline[-1].contributions] == ["w"]
    assert timeline.grad("w") is not None
    for name in ("x", "a", "s"):
        assert timeline.grad(name) is None
    timeline.run()
    for name in ("x", "a", "s"):
        assert timeline.grad(name) is None


def test_a_stopped_branch_beside_an_open_one() -> None:
    graph = make(
        {"x": np.array(3.0)},
        step("s", "stop_gradient", "x"), step("y", "mul", "x", "s"), loss="y",
    )  # fmt: skip
    timeline = Timeline(graph)
    assert timeline.grad("x") == 3.0
    assert timeline.run().grad("x") == 3.0


def test_one_node() -> None:
    timeline = Timeline(make({"x": np.array(2.0)}, step("y", "square", "x"), loss="y"))
    assert told(timeline) == ["forward y", "seed y", "backward y"]
    assert timeline.loss == 4.0
    assert timeline.grad("x") == 4.0
    assert timeline.grad("y") == 1.0


def test_no_float_leaf_at_all() -> None:
    """The seed is an event, since a gradient comes in; but it has nowhere to go."""
    graph = make({"ids": np.array([0, 2])}, step("h", "one_hot", "ids", depth=3), step("L", "sum", "h"), loss="L")
    timeline = Timeline(graph)
    assert told(timeline) == ["forward h", "forward L", "seed L"]
    assert timeline.loss == 2.0
    assert timeline.grad("L") == 1.0
    assert timeline.grad("h") is None
    assert timeline.run().grad("h") is None


def test_a_number_and_nothing() -> None:
    graph = make(
        {"x": np.zeros((0, 3)), "s": np.array(2.0)}, step("y", "mul", "x", "s"), step("L", "sum", "y"), loss="L"
    )
    timeline = Timeline(graph).run()
    assert timeline.loss == 0.0
    for name in ("x", "s", "y", "L"):
        grad, value = timeline.grad(name), timeline.value(name)
        assert grad is not None
        assert (grad.shape, grad.dtype) == (value.shape, value.dtype)
    assert timeline.grad("s") == 0.0


# --- several outputs


def test_gradients_come_in_at_several_outputs_in_program_order() -> None:
    graph = make(
        {"x": np.array([1.0, 2.0])},
        step("a", "exp", "x"), step("b", "square", "x"), step("c", "sin", "x"),
        into={"c": np.array([1.0, 10.0]), "a": np.array([2.0, 20.0])},
    )  # fmt: skip
    timeline = Timeline(graph)
    assert told(timeline)[3:] == ["seed a", "seed c", "backward c", "backward a"]
    x = timeline.value("x")
    np.testing.assert_allclose(timeline.grad("x"), np.cos(x) * [1.0, 10.0] + np.exp(x) * [2.0, 20.0], rtol=1e-15)  # type: ignore[arg-type]
    assert timeline.loss is None


def test_an_output_upstream_of_another_gets_its_seed_first_and_then_a_share() -> None:
    graph = make(
        {"x": np.array([1.0, 2.0])},
        step("a", "square", "x"), step("b", "exp", "a"), into={"a": np.array([5.0, 7.0]), "b": np.array([1.0, 1.0])},
    )  # fmt: skip
    timeline = Timeline(graph)
    assert told(timeline)[2:] == ["seed a", "seed b", "backward b", "backward a"]
    (contribution,) = timeline[4].contributions
    a = timeline.value("a")
    assert_same(contribution.value, np.exp(a))
    assert_same(contribution.total, np.array([5.0, 7.0]) + np.exp(a))
    assert [p.why for p in contribution.parts][-1] == "accumulate"
    assert contribution.parts[-1].text == "∂a + ∂b * b"
    assert_same(contribution.parts[-1].value, contribution.total)
    statuses = [timeline.schedule.grad_status(timeline.number("a"), at) for at in range(7)]
    assert statuses == ["not-computed", "not-computed", "partial", "partial", "value", "value", "value"]


def test_an_output_from_no_float_leaf_keeps_its_seed_alone() -> None:
    """h depends on integers only, so it has no backward event and nothing is added to its seed."""
    graph = make(
        {"ids": np.array([0, 1]), "W": np.array([[1.0, 2.0], [3.0, 4.0]])},
        step("h", "one_hot", "ids", depth=2), step("y", "mul", "h", "W"),
        into={"h": 2 * ONES, "y": 3 * ONES},
    )  # fmt: skip
    for timeline in (Timeline(graph), Timeline(graph).run()):
        assert told(timeline)[2:] == ["seed h", "seed y", "backward y"]
        assert_same(timeline.grad("h"), 2 * ONES)
        assert [c.to for c in timeline[-1].contributions] == ["W"]
        assert_same(timeline.grad("W"), 3 * np.eye(2))


def test_the_seed_of_a_loss_is_one_and_read_only() -> None:
    seed = layer()[4]
    assert seed.phase == SEED
    assert_same(seed.value, np.ones(()))
    assert not seed.value.flags.writeable


# --- contributions


def find(timeline: Timeline, phase: str, name: str) -> Event:
    return next(e for e in timeline if (e.phase, e.name) == (phase, name))


def test_a_matmul_contributes_to_both_operands() -> None:
    timeline = Timeline(make({"X": X, "W": W}, step("Y", "matmul", "X", "W"), into={"Y": ONES}))
    event = timeline[2]
    x, w = event.contributions
    assert (x.to, x.operand, x.formula, x.shape) == ("X", 0, "∂Y @ Wᵀ", (2, 3))
    assert (w.to, w.operand, w.formula, w.shape) == ("W", 1, "Xᵀ @ ∂Y", (3, 2))
    assert [(p.text, p.shape, p.why) for p in x.parts] == [
        ("Wᵀ", (2, 3), "transpose"), ("∂Y @ Wᵀ", (2, 3), "product"),
    ]  # fmt: skip
    assert [(p.text, p.shape, p.why) for p in w.parts] == [
        ("Xᵀ", (3, 2), "transpose"), ("Xᵀ @ ∂Y", (3, 2), "product"),
    ]  # fmt: skip
    assert_same(x.value, ONES @ W.T)
    assert_same(w.value, X.T @ ONES)
    assert event.parts == tuple((c, p) for c in (x, w) for p in c.parts)


def test_a_bias_is_summed_over_the_rows_in_a_part_of_its_own() -> None:
    event = find(layer(), BACKWARD, "Z")
    y, b = event.contributions
    assert [(p.text, p.why) for p in y.parts] == [("∂Z", "operand")]
    assert [(p.text, p.shape, p.why) for p in b.parts] == [
        ("∂Z", (2, 2), "operand"), ("sum(∂Z, axis=0)", (2,), "unbroadcast"),
    ]  # fmt: skip
    assert b.formula == "∂Z"
    assert_same(b.value, event.value.sum(axis=0))


def test_forward_seed_and_update_events_contribute_nothing() -> None:
    for event in layer(training=Training("sgd", 1, {"lr": 0.1})):
        assert (event.phase == BACKWARD) == bool(event.contributions)
        assert (event.phase == UPDATE) == (event.rule is not None)


def test_the_same_operand_twice_contributes_twice() -> None:
    timeline = Timeline(
        make({"x": np.array([3.0, -2.0])}, step("y", "mul", "x", "x"), into={"y": np.array([1.0, 10.0])})
    )
    first, second = timeline[2].contributions
    assert (first.to, first.operand, second.to, second.operand) == ("x", 0, "x", 1)
    assert first.value.tolist() == first.total.tolist() == [3.0, -20.0]
    assert second.value.tolist() == [3.0, -20.0]
    assert second.total.tolist() == [6.0, -40.0]
    assert [p.why for p in first.parts] == ["elementwise"]
    assert [p.why for p in second.parts] == ["elementwise", "accumulate"]
    assert second.parts[-1].text == "∂x + ∂y * x"
    assert_same(timeline.grad("x"), second.total)
    assert_same(timeline.run().grad("x"), second.total)


def test_a_square_matrix_times_itself() -> None:
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    timeline = Timeline(make({"A": a}, step("P", "matmul", "A", "A"), into={"P": ONES}))
    assert_same(timeline.grad("A"), ONES @ a.T + a.T @ ONES)


def test_fan_out_adds_up_in_the_order_of_the_backward_pass() -> None:
    """Floating-point sums depend on their order; the first to contribute is the last consumer."""
    x = np.array([1.0, 1e16, -3.0])
    graph = make(
        {"x": x, "p": np.array([1.0, 1.0, 1.0]), "q": np.array([0.1, 2.0, 1e17])},
        step("a", "mul", "x", "p"), step("b", "mul", "x", "q"), step("c", "mul", "x", 7.0),
        step("s", "add", "a", "b"), step("t", "add", "s", "c"), step("L", "sum", "t"), loss="L",
    )  # fmt: skip
    timeline = Timeline(graph)
    given = [(e.name, c.value, c.total) for e in timeline for c in e.contributions if c.to == "x"]
    assert [name for name, _, _ in given] == ["c", "b", "a"]
    total = given[0][1]
    for _, value, after in given[1:]:
        total = total + value
        assert_same(after, total)
    assert_same(timeline.grad("x"), total)
    assert_same(Timeline(graph).grad("x"), total)
    assert_same(Timeline(graph).run().grad("x"), total)


def test_what_is_added_stands_in_brackets_where_it_is_a_sum_itself() -> None:
    """`∂x + (a - b)` is what is computed; `∂x + a - b` is another sum, with other bits."""
    graph = make(
        {"x": np.array([1.0, 2.0])},
        step("y", "log_softmax", "x"), step("z", "exp", "x"), step("s", "add", "y", "z"), step("L", "sum", "s"),
        loss="L",
    )  # fmt: skip
    contribution = find(Timeline(graph), BACKWARD, "y").contributions[0]
    assert contribution.formula == "∂y - exp(y) * sum(∂y, axis=-1, keepdims=True)"
    assert contribution.parts[-1].why == "accumulate"
    assert contribution.parts[-1].text == f"∂x + ({contribution.formula})"


def test_literals_are_no_operands() -> None:
    graph = make(
        {"x": np.array([1.0, 2.0]), "c": np.array([True, False])},
        step("y", "sub", 1, "x"), step("z", "where", "c", 0.0, "y"), step("L", "sum", "z"), loss="L",
    )  # fmt: skip
    timeline = Timeline(graph)
    assert [(c.to, c.operand) for c in find(timeline, BACKWARD, "z").contributions] == [("y", 1)]
    assert [(c.to, c.operand, c.formula) for c in find(timeline, BACKWARD, "y").contributions] == [("x", 0, "-∂y")]
    assert timeline.graph.operand_names(0) == ["1", "x"]


def test_terms_are_the_operands_of_a_part() -> None:
    timeline = Timeline(make({"X": X, "W": W}, step("Y", "matmul", "X", "W"), into={"Y": ONES}))
    transpose, product = timeline[2].contributions[0].parts
    assert (transpose.sign, [t.text for t in transpose.terms]) == ("matrix_transpose", ["W"])
    assert (product.sign, [(t.text, t.shape) for t in product.terms]) == ("@", [("∂Y", (2, 2)), ("Wᵀ", (2, 3))])
    values = [t.read() for t in product.terms if t.read is not None]
    assert_same(values[0] @ values[1], product.value)


def test_forward_calls_are_written_as_in_the_program() -> None:
    graph = make(
        {"X": X, "W": W, "b": B},
        step("Y", "matmul", "X", "W"), step("Z", "add", "Y", "b"), step("P", "pow", "Z", 2), step("R", "relu", "P"),
        step("T", "transpose", "R"), step("M", "mean", "T", axis=(0,)), step("S", "slice", "M", key=((0, 1, None),)),
        step("L", "sum", "S"), loss="L",
    )  # fmt: skip
    timeline = Timeline(graph)
    assert [timeline.graph.call_text(k) for k in range(8)] == [
        "X @ W", "Y + b", "Z ** 2", "relu(P)", "Rᵀ", "mean(T, axis=(0,))", "M[0:1]", "sum(S)",
    ]  # fmt: skip


# --- asking by name


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(CommandError, match="no tensor 'Yy'") as caught:
        layer().value("Yy")
    assert caught.value.code == "E_NAME"
    assert caught.value.hint == "did you mean Y?"
    with pytest.raises(CommandError):
        layer().grad("nothing")


def test_a_value_that_is_not_there_yet_is_said_to_be_so() -> None:
    timeline = layer()
    assert timeline.value("Y", 0).shape == (2, 2)
    with pytest.raises(CommandError, match="'Z' is not computed yet at event 0"):
        timeline.value("Z", 0)
    assert timeline.value("X", 0) is not None
    assert [timeline.loss_at(at) for at in (0, 2)] == [None, None]
    assert timeline.loss_at(3) == timeline.loss


# --- where a gradient stands


def statuses(timeline: Timeline, name: str) -> str:
    """One letter a position: . not computed, p partial, v value, - no path."""
    letters = {"not-computed": ".", "partial": "p", "value": "v", "no-path": "-"}
    tensor = timeline.number(name)
    found = ""
    for at in range(len(timeline) + 1):
        status = timeline.schedule.grad_status(tensor, at)
        assert (timeline.grad_at(tensor, at) is not None) == (status in ("value", "partial"))
        found += letters[status]
    return found


def test_gradients_from_position_to_position() -> None:
    timeline = layer()
    assert {n: statuses(timeline, n) for n in ("X", "W", "b", "Y", "Z", "H", "L")} == {
        "X": "........vv", "W": "........vv", "b": ".......vvv", "Y": ".......vvv", "Z": "......vvvv",
        "H": ".....vvvvv", "L": "....vvvvvv",
    }  # fmt: skip


def test_gradients_of_a_shared_tensor_are_partial_in_between() -> None:
    graph = make(
        {"x": np.array([1.0, 2.0]), "u": np.array([1.0, 2.0])},
        step("a", "exp", "x"), step("b", "square", "x"), step("s", "add", "a", "b"), step("L", "sum", "s"), loss="L",
    )  # fmt: skip
    timeline = Timeline(graph)
    assert told(timeline)[4:] == ["seed L", "backward L", "backward s", "backward b", "backward a"]
    assert statuses(timeline, "x") == ".......pvv"
    assert statuses(timeline, "u") == "-" * 10
    b, a = (find(timeline, BACKWARD, n).contributions[0] for n in "ba")
    assert_same(timeline.grad("x", 7), b.value)
    assert_same(timeline.grad("x", 8), b.value + a.value)


def test_gradients_begin_anew_in_each_iteration() -> None:
    timeline = layer(training=Training("sgd", 2, {"lr": 0.1}))
    assert statuses(timeline, "W") == ("........vvv" * 2) + "v"
    before, after = timeline.grad("L", 10), timeline.grad("L", 11)
    assert before is not None
    assert after is None


def test_completed_by_is_the_last_contribution_or_the_seed() -> None:
    timeline = layer()
    assert {n: timeline.schedule.completed_by(timeline.number(n)) for n in ("X", "b", "Z", "L")} == {
        "X": 8,
        "b": 7,
        "Z": 6,
        "L": 4,
    }


# --- what is handed out


def test_every_array_handed_out_is_read_only() -> None:
    graph = make(
        {"x": np.array([1.0, 2.0]), "c": np.array([True, False]), "w": np.array([[1.0, 2.0], [3.0, 4.0]])},
        step("a", "exp", "x"), step("r", "reshape", "w", shape=(4,)), step("m", "sum", "r"), step("p", "mul", "a", "m"),
        step("q", "mul", "p", "a"), step("k", "where", "c", "q", "x"), step("d", "dropout", "k"), step("L", "sum", "d"),
        loss="L", parameters=["w"],
    )  # fmt: skip
    for training in (None, Training("adam", 2)):
        timeline = Timeline(graph, training=training)
        arrays: list[Any] = []
        for event in timeline:
            arrays.append(event.value)
            for contribution in event.contributions:
                arrays += [contribution.value, contribution.total, *(p.value for p in contribution.parts)]
                arrays += [t.read() for p in contribution.parts for t in p.terms if t.read is not None]
        for at in range(len(timeline) + 1):
            for tensor in range(len(graph.names)):
                arrays += [timeline.value_at(tensor, at), timeline.grad_at(tensor, at)]
        for array in arrays:
            assert array is None or isinstance(array, np.ndarray)
            assert array is None or not array.flags.writeable


def test_float32_stays_float32() -> None:
    graph = make(
        {"x": np.array([[1.0, -2.0, 0.5]], SINGLE), "w": np.ones((3, 2), SINGLE), "b": np.array(0.5, SINGLE),
         "t": np.array([1])},
        step("y", "matmul", "x", "w"), step("z", "add", "y", "b"), step("h", "gelu", "z"), step("n", "layer_norm", "h"),
        step("u", "mul", "n", 0.1), step("v", "div", "u", 3), step("p", "pow", "v", 3), step("d", "dropout", "p"),
        step("c", "cross_entropy", "d", "t"), step("k", "mean", "z"), step("L", "add", "c", "k"),
        loss="L", parameters=["w", "b"],
    )  # fmt: skip
    for name in ("sgd", "momentum", "adam"):
        timeline = Timeline(graph, training=Training(name, 3, {"lr": 0.05}))
        for event in timeline:
            if event.value.dtype.kind == "f":
                assert event.value.dtype == SINGLE, event
            for contribution in event.contributions:
                found = [contribution.value, contribution.total, *(p.value for p in contribution.parts)]
                assert {a.dtype for a in found if a.dtype.kind == "f"} == {SINGLE}
        for tensor in range(len(graph.names)):
            gradient = timeline.grad_at(tensor, len(timeline))
            assert gradient is None or gradient.dtype == SINGLE
