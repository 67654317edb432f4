"""Where NaN and infinity first appear, and where they are only passed on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.engine import Event, Fault, Timeline, Training
from bpdebug.graph import Step
from tests.graphs import Random, examples, graphs, make, step

NAN, INF = np.nan, np.inf


def faults(timeline: Timeline) -> dict[str, Fault]:
    """Every fault, by `phase name`."""
    return {f"{e.phase} {e.name}": e.fault for e in timeline if e.fault is not None}


def of(leaves: dict[str, Any], *steps: Step, **given: Any) -> dict[str, Fault]:
    if not given:
        last = steps[-1].id
        steps = (*steps, step("L", "sum", last))
        given = {"loss": "L"}
    arrays = {n: np.asarray(a, float) if not isinstance(a, np.ndarray) else a for n, a in leaves.items()}
    return faults(Timeline(make(arrays, *steps, **given)))


def test_nothing_is_wrong() -> None:
    assert of({"x": [1.0, -2.0]}, step("y", "exp", "x")) == {}


# --- a -inf that a softmax is to pass over

S, KEEP = [[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]], np.array([[True, False, True], [True, True, False]])
MASK = np.where(KEEP, 0.0, -INF)
NO_ROW = np.where([[True], [False]], MASK, -INF)
SELECTED, ADDED = step("z", "where", "keep", "s", -INF), step("z", "add", "s", "m")
SCALED = (step("h", "mul", "s", "m1"), step("h1", "reshape", "m", shape=(3, 2)), step("h2", "transpose", "h1"))


@pytest.mark.parametrize(
    ("steps", "mask"),
    [
        ([SELECTED, step("y", "softmax", "z")], MASK),
        ([SELECTED, step("y", "log_softmax", "z"), step("v", "where", "keep", "y", 0.0)], MASK),
        ([SELECTED, step("y", "logsumexp", "z", axis=1)], MASK),
        ([SELECTED, step("b", "greater", "z", -5.0), step("y", "softmax", "z")], MASK),
        ([ADDED, step("y", "softmax", "z")], MASK),
        ([step("m1", "where", "keep", 0.0, -INF), step("z", "add", "m1", "s"), step("y", "softmax", "z")], MASK),
        ([step("k", "where", "keep", "one", 0.0), step("m1", "log", "k"), step("c", "stop_gradient", "m1"),
          step("z", "add", "s", "c"), step("y", "softmax", "z")], MASK),
        ([ADDED, step("h", "div", "z", 1.41), step("e", "expand_dims", "h", axis=0), step("y", "softmax", "e")], MASK),
        ([ADDED, step("t", "transpose", "z"), step("y", "softmax", "t", axis=0)], MASK),
        ([ADDED, step("z1", "add", "z", "m"), step("y", "softmax", "z"), step("y1", "softmax", "z1")], MASK),
        ([ADDED, step("a", "slice", "z", key=(0,)), step("y", "softmax", "a")], MASK),
    ],
)  # fmt: skip
def test_a_mask_is_no_fault_wherever_it_came_from(steps: list[Step], mask: Any) -> None:
    found = of({"s": S, "keep": KEEP, "m": mask, "one": np.ones((2, 3))}, *steps)
    assert found == {}


@pytest.mark.parametrize(
    ("steps", "mask", "born"),
    [
        ([ADDED, step("y", "softmax", "z")], NO_ROW, "z"),
        ([ADDED, step("y", "softmax", "z", axis=0)], [[0, -INF, 0], [0, -INF, 0]], "z"),
        ([ADDED, step("y", "softmax", "z")], -MASK, "z"),
        ([ADDED, step("y", "softmax", "z")], np.where(KEEP, MASK, NAN), "z"),
        ([ADDED, step("y", "softmax", "z"), step("v", "sum", "z")], MASK, "z"),
        ([ADDED, step("y", "exp", "z")], MASK, "z"),
        ([ADDED, step("n", "neg", "z"), step("y", "softmax", "n")], MASK, "z"),
        ([ADDED, step("y", "softmax", "z"), step("v", "max", "m")], MASK, "z"),
        ([SELECTED, step("n", "mul", "z", 0.0), step("y", "softmax", "n")], MASK, "z"),
        ([SELECTED], MASK, "z"),
    ],
)  # fmt: skip
def test_what_is_more_than_a_mask_is_a_fault_where_it_came_in(steps: list[Step], mask: Any, born: str) -> None:
    found = of({"s": S, "keep": KEEP, "m": mask}, *steps)
    assert next(iter(found)) == f"forward {born}"


def test_the_target_of_a_loss_must_not_be_masked() -> None:
    leaves = {"s": S, "m": MASK, "t": np.array([0, 2]), "r": np.array([0, 1])}
    lost = of(leaves, ADDED, step("y", "cross_entropy", "z", "t"), loss="y")
    assert lost["forward z"] == Fault("inf", "m", 2, (0, 1))
    assert of(leaves, ADDED, step("y", "cross_entropy", "z", "r"), loss="y") == {}


def test_a_chain_of_masks_is_no_recursion() -> None:
    steps = [step(f"z{i + 1}", "add", f"z{i}", "m") for i in range(2000)]
    found = of({"z0": S, "m": MASK}, *steps, step("y", "softmax", "z2000"))
    assert found == {}


# --- born in the forward pass


def test_zero_over_zero() -> None:
    found = of({"a": [[0.0, 1.0], [0.0, 0.0]], "b": [[1.0, 2.0], [0.0, 0.0]]}, step("y", "div", "a", "b"))
    assert found["forward y"] == Fault("nan", "y", 2, (1, 0))


def test_the_logarithm_of_a_negative_number() -> None:
    assert of({"x": [1.0, -1.0, -2.0]}, step("y", "log", "x"))["forward y"] == Fault("nan", "y", 2, (1,))


def test_the_logarithm_of_zero_and_one_over_zero() -> None:
    assert of({"x": [1.0, 0.0]}, step("y", "log", "x"))["forward y"] == Fault("inf", "y", 1, (1,))
    assert of({"x": [-0.0]}, step("y", "div", 1, "x"))["forward y"] == Fault("inf", "y", 1, (0,))


def test_an_overflow() -> None:
    assert of({"x": [1.0, 1000.0]}, step("y", "exp", "x"))["forward y"] == Fault("inf", "y", 1, (1,))
    single = {"x": np.array([[1e30]], np.float32)}
    assert of(single, step("y", "matmul", "x", "x"))["forward y"] == Fault("inf", "y", 1, (0, 0))


def test_a_number_has_no_index() -> None:
    assert of({"x": -1.0}, step("y", "log", "x"), loss="y")["forward y"] == Fault("nan", "y", 1, ())


def test_nan_goes_before_infinity() -> None:
    found = of({"a": [1.0, 0.0], "b": [0.0, 0.0]}, step("y", "div", "a", "b"))
    assert found["forward y"] == Fault("nan", "y", 1, (1,))


def test_infinity_minus_infinity_is_a_fault_of_its_own() -> None:
    found = of({"x": [1000.0]}, step("a", "exp", "x"), step("y", "sub", "a", "a"))
    assert found["forward a"].kind == "inf"
    assert found["forward y"] == Fault("nan", "y", 1, (0,))


def test_what_is_passed_on_is_no_fault() -> None:
    found = of(
        {"x": [1.0, -1.0], "w": [1.0, 2.0]},
        step("y", "log", "x"), step("z", "mul", "y", "w"), step("u", "exp", "z"), step("m", "add", "u", "w"),
    )  # fmt: skip
    assert [k for k in found if k.startswith("forward")] == ["forward y"]


def test_an_infinity_born_beside_a_nan_that_is_passed_on() -> None:
    found = of({"x": [-1.0, 0.5]}, step("a", "log", "x"), step("b", "add", "a", 800.0), step("y", "exp", "b"))
    assert found["forward a"].kind == "nan"
    assert found["forward y"] == Fault("inf", "y", 1, (1,))


def test_a_second_fault_downstream_is_reported_too() -> None:
    found = of(
        {"x": [-1.0, 1.0], "w": [0.0, 0.0]},
        step("a", "log", "x"),
        step("b", "div", "w", "w"),
        step("y", "add", "a", "b"),
    )
    assert [k for k in found if k.startswith("forward")] == ["forward a", "forward b"]


# --- leaves


def test_a_leaf_that_came_with_nan_is_a_fault_of_the_first_event_that_uses_it() -> None:
    found = of(
        {"w": [1.0, 2.0], "x": [1.0, NAN]},
        step("a", "exp", "w"), step("b", "mul", "a", "x"), step("c", "add", "x", "b"),
    )  # fmt: skip
    assert {k: f for k, f in found.items() if k.startswith("forward")} == {"forward b": Fault("nan", "x", 1, (1,))}


def test_a_leaf_with_infinity_and_one_that_nobody_uses() -> None:
    found = of({"x": [INF, 1.0], "idle": [NAN]}, step("y", "tanh", "x"))
    assert found["forward y"] == Fault("inf", "x", 1, (0,))
    assert len([f for f in found.values() if f.tensor == "idle"]) == 0


def test_a_leaf_is_reported_once_over_all_iterations() -> None:
    graph = make(
        {"x": np.array([1.0, NAN]), "w": np.array([1.0, 1.0])},
        step("y", "mul", "x", "w"), step("L", "sum", "y"), loss="L", parameters=["w"],
    )  # fmt: skip
    timeline = Timeline(graph, training=Training("sgd", 2, {"lr": 0.1}))
    assert [(e.iteration, e.fault.tensor) for e in timeline if e.fault and e.phase == "forward"] == [(0, "x")]


# --- causal_mask


def test_the_infinities_of_a_causal_mask_are_its_meaning() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = of({"x": x}, step("m", "causal_mask", "x"), step("p", "softmax", "m"), step("y", "square", "p"))
    assert found == {}


def test_a_nan_that_reaches_a_causal_mask_is_reported_where_it_was_born() -> None:
    x = np.array([[1.0, 2.0], [-3.0, 4.0]])
    found = of({"x": x}, step("l", "log", "x"), step("m", "causal_mask", "l"), step("p", "softmax", "m"))
    assert [k for k in found if k.startswith("forward")] == ["forward l"]


# --- born in the backward pass


def test_the_slope_of_a_root_at_zero() -> None:
    found = of({"x": [0.0, 4.0]}, step("y", "sqrt", "x"))
    assert found == {"backward y": Fault("inf", "∂x", 1, (0,))}


def test_zero_times_infinity() -> None:
    """y = 0 * sqrt(x): the slope 1 / 0 meets a gradient of 0."""
    found = of({"x": [0.0, 4.0], "w": [0.0, 1.0]}, step("r", "sqrt", "x"), step("y", "mul", "r", "w"))
    assert found == {"backward r": Fault("nan", "∂x", 1, (0,))}


def test_infinity_minus_infinity_where_gradients_meet() -> None:
    found = of({"x": [0.0, 4.0]}, step("a", "sqrt", "x"), step("b", "sqrt", "x"), step("y", "sub", "a", "b"))
    assert found == {"backward b": Fault("inf", "∂x", 1, (0,)), "backward a": Fault("nan", "∂x", 1, (0,))}


def test_infinities_of_both_operands_of_one_event() -> None:
    """x / x at 0 contributes twice to ∂x in one event; the first that goes wrong is told."""
    found = of({"x": [0.0, 1.0]}, step("y", "div", "x", "x"))
    assert found["forward y"] == Fault("nan", "y", 1, (0,))
    assert [k for k in found if k.startswith("backward")] in ([], ["backward y"])


def test_gradients_that_are_passed_on_are_no_faults() -> None:
    found = of({"x": [-1.0, 4.0]}, step("l", "log", "x"), step("s", "square", "l"), step("y", "exp", "s"))
    assert found.keys() == {"forward l"}
    back = of({"x": [0.0, 4.0]}, step("a", "square", "x"), step("r", "sqrt", "a"), step("y", "neg", "r"))
    assert back == {"backward r": Fault("inf", "∂a", 1, (0,)), "backward a": Fault("nan", "∂x", 1, (0,))}


def test_a_gradient_that_comes_in_bad_is_a_fault_of_its_seed() -> None:
    found = of({"x": np.array([1.0, 2.0])}, step("y", "exp", "x"), into={"y": np.array([NAN, 1.0])})
    assert found == {"seed y": Fault("nan", "∂y", 1, (0,))}


def test_relu_lets_no_nan_through_where_it_is_off() -> None:
    found = of({"x": np.array([-1.0, 2.0])}, step("y", "relu", "x"), into={"y": np.array([INF, 1.0])})
    assert found == {"seed y": Fault("inf", "∂y", 1, (0,))}


# --- updates


def test_an_update_that_overflows() -> None:
    graph = make(
        {"w": np.array([1e200, 1.0])}, step("y", "square", "w"), step("L", "sum", "y"), loss="L", parameters=["w"]
    )
    timeline = Timeline(graph, training=Training("sgd", 2, {"lr": 1e200}))
    update = next(e for e in timeline if e.phase == "update")
    assert update.fault == Fault("inf", "w", 1, (0,))
    assert faults(timeline).keys() == {"forward y", "update w"}


def test_an_update_that_passes_nan_on_is_no_fault() -> None:
    graph = make({"w": np.array([-1.0, 1.0])}, step("y", "log", "w"), step("L", "sum", "y"), loss="L", parameters=["w"])
    timeline = Timeline(graph, training=Training("sgd", 1, {"lr": 0.1}))
    assert faults(timeline).keys() == {"forward y"}


# --- all of them


def test_the_first_fault_is_found_in_event_order() -> None:
    graph = make(
        {"x": np.array([0.0, 4.0])}, step("r", "sqrt", "x"), step("l", "log", "r"), step("L", "sum", "l"), loss="L"
    )
    timeline = Timeline(graph)
    first = timeline.first_fault()
    assert first is not None
    assert (first.phase, first.name) == ("forward", "l")
    assert Timeline(make({"x": np.array(1.0)}, step("y", "exp", "x"), loss="y")).first_fault() is None


def test_no_warning_reaches_the_user() -> None:
    """Warnings are errors in these tests: every path must be silent about what a fault tells."""
    leaves = {"x": np.array([0.0, -1.0, 1e308]), "w": np.array([INF, NAN, 2.0])}
    for name in ("div", "pow", "mul", "sub", "maximum"):
        graph = make(leaves, step("y", name, "x", "w"), step("L", "sum", "y"), loss="L", parameters=["x"])
        for timeline in (Timeline(graph), Timeline(graph).run(), Timeline(graph, training=Training("adam", 2))):
            for event in timeline:
                assert event.fault is None or event.fault.cells
                for _, part in event.parts:
                    assert part.value is not None


def shown(event: Event) -> str:
    return f"{event.phase} {event.name}"


DROPPED = (step("n", "dropout", "y", p=0.999),)
COMPARED = (step("c", "less", "y", 0.0), step("n", "where", "c", "z", 1.0))


@pytest.mark.parametrize("steps", [DROPPED, COMPARED], ids=["dropped", "compared"])
def test_an_infinity_that_no_softmax_reads_is_no_mask(steps: tuple[Step, ...]) -> None:
    """Dropped, or compared: what is made of it is finite, and it is a fault where it is."""
    found = of({"x": [-INF, 1.0], "z": [1.0, 2.0]}, step("y", "mul", "x", 2.0), *steps)
    assert found["forward y"] == Fault("inf", "x", 1, (0,))


@examples(60)
@given(graphs(nodes=10), st.data())
def test_a_graph_is_clean_exactly_when_every_number_is_finite(random: Random, data: st.DataObject) -> None:
    """Spoil some cells of some leaves at random: bad numbers appear in an event only after some fault was told."""
    spoilt = {}
    for name, array in random.leaves.items():
        if array.dtype.kind == "f" and array.size and data.draw(st.integers(0, 3)) == 0:
            copy = array.copy()
            copy.flat[data.draw(st.integers(0, array.size - 1))] = data.draw(
                st.sampled_from([NAN, INF, -INF, 0.0, 1e38])
            )
            spoilt[name] = copy
    timeline = Timeline(random.build(**spoilt))
    told = False
    for event in timeline:
        masked = event.node is not None and event.node.op.infinite
        told = told or event.fault is not None
        made = [event.value, *(c.total for c in event.contributions)]
        if not all(a.dtype.kind != "f" or np.isfinite(a).all() for a in made):
            assert told or masked, shown(event)
        if event.fault is not None:
            assert event.fault.kind in ("nan", "inf")
            assert event.fault.cells >= 1


@pytest.mark.parametrize(("target", "told"), [(0, False), (2, True)])
def test_the_logarithm_of_a_weight_that_is_masked_is_a_fault_where_it_is_read(target: int, told: bool) -> None:
    """A loss of the class that a mask rules out is infinite, and somebody must have said so."""
    leaves = {"x": np.array([[1.0, 2.0, -INF]]), "t": np.array([target])}
    found = of(leaves, step("p", "log_softmax", "x"), step("L", "nll", "p", "t"), loss="L")
    assert any(fault is not None for fault in found.values()) == told


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_faults_of_either_dtype(dtype: Any) -> None:
    found = of({"x": np.array([-1.0], dtype)}, step("y", "sqrt", "x"))
    assert found["forward y"] == Fault("nan", "y", 1, (0,))
