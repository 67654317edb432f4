"""Update rules: values stored from torch.optim, formulas, parts, states, and what float32 must not lose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import Array, DType
from bpdebug.engine import OPTIMIZERS, UPDATE, Timeline, Training
from bpdebug.engine.edits import Override, UpdateOverride
from bpdebug.graph import Graph
from tests.engine.optimizer_table import TABLE, regression, trained
from tests.graphs import DOUBLE, SINGLE, assert_same, bits, make, step

STORED: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("optimizers.json").read_text())
"""W and b after 50 steps of torch.optim 2.13 in float64, by rows of the table."""

EPS = float(np.finfo(np.float32).eps)


def state_by_name(timeline: Timeline, parameter: str) -> dict[str, Array]:
    graph = timeline.graph
    names = [graph.names[t] for t in graph.states.get(graph.index[parameter], ())]
    return {name.removeprefix(f"{parameter}."): timeline.value(name) for name in names}


@pytest.mark.parametrize("name", TABLE)
def test_values_stored_from_torch(name: str) -> None:
    timeline = trained(name)
    for parameter in ("W", "b"):
        np.testing.assert_allclose(timeline.value(parameter), STORED[name][parameter], rtol=1e-12, atol=1e-12)


def test_the_table_has_every_optimizer_and_every_setting() -> None:
    assert {o for o, _ in TABLE.values()} == OPTIMIZERS.keys()
    used = {(o, s) for o, settings in TABLE.values() for s in settings} | {("momentum", "dampening")}
    assert {s for _, s in used} == {s for o in OPTIMIZERS.values() for s in o.settings_of({})}


# --- float32


def linear(dtype: DType) -> Graph:
    """L = sum(w * c): the gradient is c, the same in either precision."""
    c = np.array([2.0, -300.0, 0.01], SINGLE).astype(dtype)
    return make({"w": np.ones(3, dtype), "c": c}, step("y", "mul", "w", "c"), step("L", "sum", "y"),
                loss="L", parameters=["w"])  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_single_precision_is_double_precision_rounded(name: str) -> None:
    """One step from the same numbers. A constant formed after the cast, 1 - 0.999, would be off by 6.8e-6 of itself.

    A state is some four operations, each off by at most half of EPS of its result; an update is some ten, whose
    results (the lr is 0.5) are at most as large as the step and the parameter, twice that where they cancel.
    """
    optimizer, settings = TABLE[name]
    training = Training(optimizer, 1, {**settings, "lr": 0.5})
    single, double = (Timeline(linear(dtype), training=training) for dtype in (SINGLE, DOUBLE))
    for state, wanted in state_by_name(double, "w").items():
        np.testing.assert_allclose(single.value(f"w.{state}"), wanted, rtol=4 * EPS, err_msg=state)
    w = double.value("w")
    assert single.value("w").dtype == SINGLE
    assert (np.abs(single.value("w") - w) <= 10 * EPS * (1 + np.abs(w - 1))).all()


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
def test_adams_first_step_is_the_rate(dtype: DType) -> None:
    """Whatever the gradient g is: m / (1 - beta1) = g, v / (1 - beta2) = g ** 2, and the step is lr g / (|g| + eps)."""
    found = Timeline(linear(dtype), training=Training("adam", 1, {"lr": 0.5})).value("w")
    c = np.array([2.0, -300.0, 0.01], SINGLE).astype(DOUBLE)
    np.testing.assert_allclose(found, 1 - 0.5 * c / (np.abs(c) + 1e-8), rtol=4 * float(np.finfo(dtype).eps), atol=0)


# --- lines, formulas, parts


def update_of(timeline: Timeline, parameter: str = "W", iteration: int = 0) -> Any:
    index = timeline.schedule.index_of(UPDATE, timeline.graph.index[parameter], iteration)
    assert index is not None
    return timeline.event(index)


LINES = [
    ("sgd", {}, ["W = W - lr * ∂W"]),
    ("momentum", {}, ["velocity = momentum * velocity + ∂W", "W = W - lr * velocity"]),
    (
        "momentum", {"nesterov": True},
        ["velocity = momentum * velocity + ∂W", "W = W - lr * (∂W + momentum * velocity)"],
    ),
    (
        "sgd", {"momentum": 0.5, "dampening": 0.1, "weight_decay": 0.1},
        [
            "g = ∂W + weight_decay * W", "velocity = momentum * velocity + where(t == 1, 1.0, 1 - dampening) * g",
            "W = W - lr * velocity",
        ],
    ),
    (
        "sgd", {"clip_norm": 1.0},
        [
            "norm = sqrt(sum(stack(sum(square(∂W)), sum(square(∂b)), axis=0)))",
            "g = ∂W * minimum(clip_norm / (norm + 1e-06), 1.0)", "W = W - lr * g",
        ],
    ),
    ("sgd", {"clip_value": 1.0}, ["g = minimum(maximum(∂W, -clip_value), clip_value)", "W = W - lr * g"]),
    (
        "adam", {},
        [
            "m = beta1 * m + (1 - beta1) * ∂W", "v = beta2 * v + (1 - beta2) * square(∂W)",
            "W = W - lr * (m / (1 - beta1 ** t)) / (sqrt(v / (1 - beta2 ** t)) + eps)",
        ],
    ),
    (
        "adamw", {},
        [
            "m = beta1 * m + (1 - beta1) * ∂W", "v = beta2 * v + (1 - beta2) * square(∂W)",
            "W = W * (1 - lr * weight_decay) - lr * (m / (1 - beta1 ** t)) / (sqrt(v / (1 - beta2 ** t)) + eps)",
        ],
    ),
    (
        "rmsprop", {"centered": True},
        [
            "square = alpha * square + (1 - alpha) * square(∂W)", "average = alpha * average + (1 - alpha) * ∂W",
            "W = W - lr * (∂W / (sqrt(square - square(average)) + eps))",
        ],
    ),
    (
        "adagrad", {"lr_decay": 0.1},
        [
            "sum = sum + square(∂W)",
            "W = W - lr / (1 + (t - 1) * lr_decay) * ∂W / (sqrt(sum) + eps)",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "lines"), LINES)
def test_the_lines_of_an_update(name: str, settings: dict[str, float], lines: list[str]) -> None:
    event = update_of(Timeline(regression(), training=Training(name, 2, settings)))
    assert [f"{a.name} = {a.formula}" for a in event.assignments] == lines
    assert event.rule == lines[-1].removeprefix("W = ")
    last = [a.parts[-1].text for a in event.assignments]
    assert last == lines, "the last part of a line is the line"


@pytest.mark.parametrize("name", TABLE)
def test_parts_are_what_is_computed(name: str) -> None:
    timeline = trained(name)
    for parameter in ("W", "b"):
        event = update_of(timeline, parameter, 3)
        for line in event.assignments:
            assert_same(line.parts[-1].value, line.value)
            assert line.shape == line.value.shape
            for part in line.parts:
                assert part.shape == part.value.shape
                assert not part.value.flags.writeable
        assert_same(event.assignments[-1].value, event.value)
        kept = [line for line in event.assignments if line.before is not None]
        for line in kept:
            assert_same(line.before, timeline.value(line.to, event.index - 1))
            assert_same(line.value, timeline.value(line.to, event.index))
        assert [line.to for line in kept] == [
            *(f"{parameter}.{s}" for s in state_by_name(timeline, parameter)),
            parameter,
        ]


def test_names_that_mean_something_else_in_the_program_are_written_in_full() -> None:
    graph = make({"m": np.array([1.0, 2.0]), "t": np.array(3.0)}, step("y", "mul", "m", "t"), step("L", "sum", "y"),
                 loss="L", parameters=["m"])  # fmt: skip
    event = update_of(Timeline(graph, training=Training("adam", 1)), "m")
    assert [f"{a.name} = {a.formula}" for a in event.assignments] == [
        "m.m = beta1 * m.m + (1 - beta1) * ∂m", "v = beta2 * v + (1 - beta2) * square(∂m)",
        "m = m - lr * (m.m / (1 - beta1 ** train.t)) / (sqrt(v / (1 - beta2 ** train.t)) + eps)",
    ]  # fmt: skip


def test_of_many_gradients_the_norm_names_a_few() -> None:
    names = [f"w{k}" for k in range(9)]
    steps, last = [], "w0"
    for k, name in enumerate(names[1:]):
        steps.append(step(f"s{k}", "mul", last, name))
        last = f"s{k}"
    leaves = {name: np.array(1.5) for name in names}
    graph = make(leaves, *steps, loss=last, parameters=names)
    timeline = Timeline(graph, training=Training("sgd", 1, {"clip_norm": 1.0}))
    line = update_of(timeline, "w3").assignments[0]
    assert line.formula == (
        "sqrt(sum(stack(sum(square(∂w0)), sum(square(∂w1)), sum(square(…)), sum(square(∂w8)), axis=0)))"
    )
    assert line.value == pytest.approx(np.sqrt(9 * (1.5**8) ** 2), rel=1e-15)


# --- states


def test_states_are_tensors_of_the_timeline() -> None:
    timeline = Timeline(regression(), training=Training("momentum", 3, {"lr": 0.1, "momentum": 0.5}))
    velocity = np.zeros((3, 2))
    for t in range(3):
        event = update_of(timeline, "W", t)
        assert_same(timeline.value("W.velocity", event.index - 1), velocity)
        velocity = 0.5 * velocity + np.asarray(timeline.grad("W", event.index))
        assert_same(timeline.value("W.velocity", event.index), velocity)
    assert timeline.grad("W.velocity") is None


def test_a_tensor_of_the_program_has_its_name_first() -> None:
    graph = make({"w": np.array(2.0)}, step("w.velocity", "square", "w"), loss="w.velocity", parameters=["w"])
    timeline = Timeline(graph, training=Training("momentum", 1))
    assert timeline.value("w.velocity", 0) == 4.0


def test_a_parameter_without_a_path_has_no_states() -> None:
    graph = make(
        {"w": np.array(2.0), "idle": np.array(1.0)}, step("L", "square", "w"), loss="L", parameters=["w", "idle"]
    )
    assert [n for n in Timeline(graph, training=Training("adam", 1)).graph.index if "." in n] == ["w.m", "w.v"]


@pytest.mark.parametrize("budget", [0, 1000])
def test_states_are_recomputed_with_the_same_bits(budget: int) -> None:
    training = Training("adam", 12, {"lr": 0.05, "clip_norm": 0.3})
    ample = Timeline(regression(), training=training)
    tight = Timeline(regression(), training=training, budget=budget)
    for at in (len(ample), 3, 40, 7, 90):
        for name in ("W.m", "b.v", "W"):
            assert bits(tight.value(name, at)) == bits(ample.value(name, at))


def test_an_infinity_in_a_state_is_a_fault_of_the_update() -> None:
    graph = make({"w": np.array([1.0, 2.0], SINGLE)}, step("y", "mul", "w", 1e30), step("L", "sum", "y"),
                 loss="L", parameters=["w"])  # fmt: skip
    fault = update_of(Timeline(graph, training=Training("adam", 1)), "w").fault
    assert (fault.kind, fault.tensor, fault.cells) == ("inf", "w.v", 2)


# --- forks


def test_a_state_set_by_hand_is_where_its_iteration_starts_from() -> None:
    parent = Timeline(regression(), training=Training("momentum", 4, {"lr": 0.1, "momentum": 0.5}))
    number = parent.graph.index["W.velocity"]
    forked = parent.fork(Override(number, False, (), np.array(7.0), 2))
    event = update_of(forked, "W", 2)
    before = update_of(parent, "W", 1).index
    assert_same(forked.value("W.velocity", before), parent.value("W.velocity", before))
    assert_same(forked.value("W.velocity", event.index - 1), np.full((3, 2), 7.0))
    gradient = np.asarray(parent.grad("W", event.index))
    assert_same(forked.grad("W", event.index), gradient)
    assert_same(forked.value("W.velocity", event.index), 3.5 + gradient)
    assert_same(event.value, parent.value("W", event.index - 1) - 0.1 * (3.5 + gradient))
    assert_same(forked.value("b", event.index + 1), parent.value("b", event.index + 1))


def test_an_update_rule_by_hand_holds_in_every_iteration_and_in_forks_of_it() -> None:
    parent = Timeline(regression(), training=Training("adam", 4, {"lr": 0.1}))
    forked = parent.fork(UpdateOverride(parent.graph.index["W"], lambda u: u.w - u.scalars["lr"] * u.g))
    assert update_of(forked).rule == "W - lr * ∂W"
    assert update_of(forked, "b").rule == update_of(parent, "b").rule
    again = forked.fork(Override(parent.graph.index["b"], False, (), np.array(0.0), 2))
    for timeline in (forked, again):
        for t in range(4):
            event = update_of(timeline, "W", t)
            before, gradient = timeline.value("W", event.index - 1), np.asarray(timeline.grad("W", event.index))
            assert_same(event.value, before - 0.1 * gradient)
            assert len(event.assignments) == 3, "the states go on"
    assert bits(forked.value("b")) != bits(again.value("b"))
    assert bits(parent.value("W", 20)) != bits(forked.value("W", 20))


def test_forks_of_forks_keep_what_was_set_in_later_iterations() -> None:
    """W set in iteration 2, then b set in iteration 0, and then a rule: W is as it was set, in iteration 2."""
    parent = Timeline(regression(), training=Training("sgd", 4, {"lr": 0.1}))
    index = parent.graph.index
    later = parent.fork(Override(index["W"], False, (), np.array(0.5), 2))
    earlier = later.fork(Override(index["b"], False, (), np.array(0.0)))
    ruled = earlier.fork(UpdateOverride(index["b"], lambda u: u.w - 2 * u.scalars["lr"] * u.g))
    at = 2 * parent.schedule.per_iteration
    for timeline in (later, earlier, ruled):
        assert_same(timeline.value("W", at), np.full((3, 2), 0.5))
    assert_same(earlier.value("b", 0), np.zeros(2))
    assert_same(ruled.value("b", 0), np.zeros(2))
