"""Iterations and updates, against a training loop in plain NumPy; masks; and what a small budget must not change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import Array, DType
from bpdebug.engine import OPTIMIZERS, Timeline, Training
from bpdebug.engine.bounded import BoundedPass
from bpdebug.engine.cuts import Division
from bpdebug.engine.room import LEVELS
from bpdebug.engine.segments import Segment
from bpdebug.graph import Graph
from tests.counting import growth
from tests.graphs import DOUBLE, SINGLE, assert_same, bits, make, step

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))
W, B = RNG.normal(size=(3, 2)), RNG.normal(size=2)


def regression(dtype: DType = DOUBLE) -> Graph:
    """L = mean((X @ W + b - T) ** 2), W and b to be trained."""
    leaves = {n: a.astype(dtype) for n, a in {"X": X, "T": T, "W": W, "b": B}.items()}
    return make(
        leaves,
        step("Y", "matmul", "X", "W"), step("Z", "add", "Y", "b"), step("D", "sub", "Z", "T"), step("S", "square", "D"),
        step("L", "mean", "S"), loss="L", parameters=["W", "b"],
    )  # fmt: skip


Rule = Callable[[Array, Array, dict[str, Any], int], Array]


def sgd(w: Array, g: Array, state: dict[str, Any], t: int) -> Array:
    return w - 0.05 * g


def momentum(w: Array, g: Array, state: dict[str, Any], t: int) -> Array:
    state["v"] = 0.8 * state.get("v", 0.0) + g
    return np.asarray(w - 0.05 * state["v"])


def adam(w: Array, g: Array, state: dict[str, Any], t: int) -> Array:
    """Kingma and Ba 2015, algorithm 1, line by line."""
    state["m"] = 0.9 * state.get("m", 0.0) + (1 - 0.9) * g
    state["v"] = 0.99 * state.get("v", 0.0) + (1 - 0.99) * g**2
    m_hat, v_hat = state["m"] / (1 - 0.9**t), state["v"] / (1 - 0.99**t)
    return np.asarray(w - 0.05 * m_hat / (np.sqrt(v_hat) + 1e-8))


def adamw(w: Array, g: Array, state: dict[str, Any], t: int) -> Array:
    """Loshchilov and Hutter 2019, algorithm 2, with the rate of torch.optim.AdamW on the decay, too."""
    return adam((1 - 0.05 * 0.01) * w, g, state, t)


def rmsprop(w: Array, g: Array, state: dict[str, Any], t: int) -> Array:
    state["s"] = 0.99 * state.get("s", 0.0) + (1 - 0.99) * g**2
    return np.asarray(w - 0.05 * g / (np.sqrt(state["s"]) + 1e-8))


def adagrad(w: Array, g: Array, state: dict[str, Any], t: int) -> Array:
    state["s"] = state.get("s", 0.0) + g**2
    return np.asarray(w - 0.05 * g / (np.sqrt(state["s"]) + 1e-10))


LOOPS: dict[str, tuple[Rule, dict[str, float]]] = {
    "sgd": (sgd, {"lr": 0.05}),
    "momentum": (momentum, {"lr": 0.05, "momentum": 0.8}),
    "adam": (adam, {"lr": 0.05, "beta2": 0.99}),
    "adamw": (adamw, {"lr": 0.05, "beta2": 0.99}),
    "rmsprop": (rmsprop, {"lr": 0.05}),
    "adagrad": (adagrad, {"lr": 0.05}),
}


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("steps", [1, 4, 40])
def test_training_is_a_plain_loop(name: str, steps: int) -> None:
    rule, settings = LOOPS[name]
    timeline = Timeline(regression(), training=Training(name, steps, settings))
    w, b = W, B
    memory: list[dict[str, Any]] = [{}, {}]
    for t in range(steps):
        off = X @ w + b - T
        start = t * timeline.schedule.per_iteration
        assert timeline.loss_at(start + 4) == pytest.approx(np.mean(off**2), rel=1e-12)
        np.testing.assert_allclose(timeline.value("W", start), w, rtol=1e-12)
        g = 2 * off / off.size
        grads = X.T @ g, g.sum(axis=0)
        found = timeline.grad("W", start + timeline.schedule.per_iteration - 1)
        assert found is not None
        np.testing.assert_allclose(found, grads[0], rtol=1e-9, atol=1e-13)
        w, b = rule(w, grads[0], memory[0], t + 1), rule(b, grads[1], memory[1], t + 1)
    np.testing.assert_allclose(timeline.value("W"), w, rtol=1e-10)
    np.testing.assert_allclose(timeline.value("b"), b, rtol=1e-10)
    assert timeline.loss == pytest.approx(np.mean(off**2), rel=1e-12), "the loss of the last forward pass"


def test_every_optimizer_is_tested() -> None:
    assert LOOPS.keys() == OPTIMIZERS.keys()


def test_training_gets_better() -> None:
    timeline = Timeline(regression(), training=Training("sgd", 30, {"lr": 0.1}))
    losses = [timeline.loss_at(t * timeline.schedule.per_iteration + 4) or np.inf for t in range(30)]
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) == 30


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("sgd", "W - lr * ∂W"),
        ("momentum", "W - lr * velocity"),
        ("adam", "W - lr * (m / (1 - beta1 ** t)) / (sqrt(v / (1 - beta2 ** t)) + eps)"),
    ],
)
def test_the_rule_of_an_update_in_words(name: str, rule: str) -> None:
    timeline = Timeline(regression(), training=Training(name, 2, {"lr": 0.05}))
    updates = [e for e in timeline if e.phase == "update"]
    assert [e.name for e in updates] == ["W", "b", "W", "b"]
    assert updates[0].rule == rule
    assert updates[1].rule == rule.replace("W", "b")


def test_an_update_event_is_the_parameter_after_it() -> None:
    timeline = Timeline(regression(), training=Training("sgd", 2, {"lr": 0.05}))
    w, b = (e for e in timeline if e.phase == "update" and e.iteration == 0)
    before = timeline.value("W", w.index - 1)
    assert_same(before, W)
    gradient = timeline.grad("W", w.index)
    assert gradient is not None
    assert_same(w.value, W - 0.05 * gradient)
    assert_same(timeline.value("W", w.index), w.value)
    assert_same(timeline.value("b", w.index), B)
    assert_same(timeline.value("b", b.index), b.value)
    assert_same(timeline.value("W", b.index + 1), w.value)


def test_only_parameters_with_a_gradient_are_updated() -> None:
    graph = make(
        {"x": np.array([1.0, 2.0]), "w": np.array(2.0), "idle": np.array(3.0), "ids": np.array([1, 2])},
        step("y", "mul", "x", "w"), step("L", "sum", "y"), loss="L", parameters=["w", "idle", "ids"],
    )  # fmt: skip
    timeline = Timeline(graph, training=Training("sgd", 2, {"lr": 0.1}))
    assert [e.name for e in timeline if e.phase == "update"] == ["w", "w"]
    assert timeline.value("idle") == 3.0


def test_a_graph_without_parameters_trains_nothing_twice() -> None:
    graph = make({"x": np.array(2.0)}, step("L", "square", "x"), loss="L")
    timeline = Timeline(graph, training=Training("sgd", 2, {"lr": 0.1}))
    assert [e.phase for e in timeline] == ["forward", "seed", "backward"] * 2
    assert timeline.grad("x") == 4.0


@pytest.mark.parametrize("name", LOOPS)
def test_float32_trains_in_float32(name: str) -> None:
    timeline = Timeline(regression(SINGLE), training=Training(name, 30, {"lr": 0.05}))
    assert {str(e.value.dtype) for e in timeline} == {"float32"}


@pytest.mark.parametrize("w", [np.array(2.0), np.zeros((0, 3)), np.array(2.0, SINGLE)], ids=["0d", "empty", "f4"])
@pytest.mark.parametrize("name", LOOPS)
def test_parameters_of_any_shape(name: str, w: Array) -> None:
    graph = make({"w": w}, step("y", "square", "w"), step("L", "sum", "y"), loss="L", parameters=["w"])
    timeline = Timeline(graph, training=Training(name, 3, {"lr": 0.1}))
    for event in timeline:
        assert isinstance(event.value, np.ndarray)
        assert event.value.dtype == w.dtype
    assert timeline.value("w").shape == w.shape


def test_the_rate_may_be_written_as_an_integer() -> None:
    timeline = Timeline(regression(SINGLE), training=Training("momentum", 2, {"lr": 1, "momentum": 0}))
    assert timeline.value("W").dtype == SINGLE


# --- the store


def trace_of(timeline: Timeline) -> list[Any]:
    return [bits(e.value) for e in timeline]


@pytest.mark.parametrize("budget", [0, 1000, 5000, 20_000])
@pytest.mark.parametrize("name", LOOPS)
def test_what_is_recomputed_has_the_same_bits(name: str, budget: int) -> None:
    training = Training(name, 40, {"lr": 0.05})
    wanted = trace_of(Timeline(regression(), training=training))
    timeline = Timeline(regression(), training=training, budget=budget)
    assert trace_of(timeline) == wanted
    rng = np.random.default_rng(1)
    for index in rng.integers(0, len(timeline), 150):
        assert bits(timeline[index].value) == wanted[index]
    assert [bits(e.value) for e in reversed(timeline)] == wanted[::-1]


@pytest.mark.parametrize("steps", [4, 40])
def test_how_passes_are_cut_is_found_out_once(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each iteration anew, however many there are."""
    within, asked = Division.within, list[int]()

    def counted(self: Division, nbytes: int) -> Segment | None:
        asked.append(nbytes)
        return within(self, nbytes)

    monkeypatch.setattr(Division, "within", counted)
    Timeline(regression(), training=Training("adam", steps, {"lr": 0.05}), budget=1000).run()
    assert 1 <= len(asked) <= 2 * LEVELS + 1


def test_the_budget_bounds_what_is_kept() -> None:
    timeline = Timeline(regression(), training=Training("adam", 200, {"lr": 0.01}), budget=10_000).run()
    store = timeline.store
    assert len(store._passes) == 2
    assert len(store._checkpoints) <= 4
    ample = Timeline(regression(), training=Training("adam", 200, {"lr": 0.01})).run()
    assert len(ample.store._passes) == 200


def test_a_small_budget_does_not_make_running_quadratic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forwards through 600 iterations with room for a handful: each is computed a few times, not 100 times."""
    run, backward = BoundedPass.run_backward, list[int]()

    def counted(self: BoundedPass) -> None:
        backward.append(0)
        run(self)

    monkeypatch.setattr(BoundedPass, "run_backward", counted)
    timeline = Timeline(regression(), training=Training("sgd", 600, {"lr": 0.01}), budget=0).run()
    assert timeline.value("W") is not None
    assert 600 <= len(backward) <= 3 * 600
    for event in timeline:
        assert event.value is not None
    assert len(backward) <= 8 * 600


def test_the_work_is_in_proportion_to_the_iterations() -> None:
    def train(steps: int) -> None:
        timeline = Timeline(regression(), training=Training("sgd", steps, {"lr": 0.01})).run()
        assert timeline.loss is not None

    train(2000)
    assert growth(train, 200) < 2.5


# --- masks


def dropped(
    seed: int = 0, training: Training | None = None, p: float = 0.5, names: tuple[str, str] = ("d", "e")
) -> Timeline:
    a, b = names
    graph = make(
        {"x": np.ones((20, 20)), "w": np.array(1.0)},
        step("y", "mul", "x", "w"), step(a, "dropout", "y", p=p), step(b, "dropout", "y", p=p), step("s", "add", a, b),
        step("L", "sum", "s"), loss="L", parameters=["w"],
    )  # fmt: skip
    return Timeline(graph, seed=seed, training=training)


def test_a_mask_is_the_same_in_both_passes() -> None:
    timeline = dropped()
    value, mask = timeline.value("d"), timeline.value("d.mask")
    assert mask.dtype == bool
    assert_same(value, np.where(mask, 2.0, 0.0))
    contribution = next(c for e in timeline if e.name == "d" for c in e.contributions)
    assert_same(contribution.value, np.where(mask, 2.0, 0.0))


def test_masks_differ_from_node_to_node_seed_to_seed_and_iteration_to_iteration() -> None:
    timeline = dropped(training=Training("sgd", 3, {"lr": 0.0}))
    masks = [
        bits(timeline.value(name, t * timeline.schedule.per_iteration + 5))
        for name in ("d.mask", "e.mask")
        for t in range(3)
    ]
    masks.append(bits(dropped(seed=1).value("d.mask")))
    assert len(set(masks)) == len(masks)


def test_a_mask_depends_on_seed_name_and_iteration_alone() -> None:
    """Pinned: the same file must give the same bytes tomorrow, whatever else is in it."""
    assert_same(dropped().value("d.mask"), dropped(names=("e", "d")).value("d.mask"))
    assert_same(dropped().value("d.mask"), dropped(training=Training("sgd", 3)).value("d.mask", 0))
    assert np.packbits(dropped().value("d.mask")[0]).tobytes().hex() == PINNED


PINNED = "4326c0"


@pytest.mark.parametrize("p", [0.0, 0.1, 0.9])
def test_the_share_that_is_dropped(p: float) -> None:
    kept = dropped(p=p).value("d.mask").mean()
    assert kept == 1 if p == 0 else abs(kept - (1 - p)) < 4 * np.sqrt(p * (1 - p) / 400)


def test_dropping_nothing_keeps_every_bit() -> None:
    timeline = dropped(p=0.0)
    assert_same(timeline.value("d"), timeline.value("y"))
