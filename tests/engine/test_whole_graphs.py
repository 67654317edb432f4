"""Gradients of whole graphs, drawn at random, against finite differences of the raw rules; and graphs of great size."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given

from bpdebug.engine import Timeline, Training
from bpdebug.graph import Graph, Leaf, Step, build
from tests.counting import growth, work
from tests.graphs import DOUBLE, FAR, H, Random, assert_same, differences, examples, graphs, make, step


def graph_faults(random: Random) -> list[str]:
    """The float leaves whose gradient is not what differences say.

    A graph may bend more sharply than its ops do, so the differences are taken at two widths: where they disagree
    among themselves by more than a thousandth they say nothing, and else by ten times their own disagreement.
    """
    timeline, found = random.timeline(), []
    for name, x in random.leaves.items():
        if x.dtype.kind != "f":
            continue
        wide, slope = (differences(lambda y, n=name: random.objective(**{n: y}), x, h) for h in (H, H / 2))  # type: ignore[misc]
        scale, doubt = max(1.0, np.abs(slope).max(initial=0.0)), np.abs(wide - slope).max(initial=0.0)
        assume(doubt < 1e-3 * scale)
        gradient = timeline.grad(name)
        got = np.zeros(x.shape) if gradient is None else gradient
        if not np.abs(got - slope).max(initial=0.0) <= FAR * scale + 10 * doubt:
            found.append(f"{name}: gradient\n{gradient}\ndifferences\n{slope}")
    return found


@examples(120)
@given(graphs(smooth=True, dtype=DOUBLE, nodes=15))
def test_gradients_of_whole_graphs(random: Random) -> None:
    assume(not any(s.op == "stop_gradient" for s in random.steps))
    assert graph_faults(random) == []


def test_the_engine_runs_the_raw_rules() -> None:
    @examples(150)
    @given(graphs(smooth=True))
    def check(random: Random) -> None:
        graph = random.build()
        timeline = Timeline(graph)
        total = 0.0
        for number in graph.incoming:
            seed, value = timeline.iteration(0).seed(number), timeline.value(graph.names[number])
            total += float(np.sum(seed * value))
        wanted = random.objective()
        assert total == wanted or np.isclose(total, wanted, rtol=1e-12)

    check()


def test_a_wrong_engine_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sum only the first contribution of each tensor, and the differences must object."""
    guilty = []

    @examples(60)
    @given(graphs(smooth=True, dtype=DOUBLE, nodes=15))
    def check(random: Random) -> None:
        graph = random.build()
        kept = {(k, p) for t in range(len(graph.names)) for k, p in graph.edges_from(t)[:1]}
        broken, edges = Timeline(random.build()), Graph.edges
        with monkeypatch.context() as patch:
            patch.setattr(Graph, "edges", lambda graph, k: [e for e in edges(graph, k) if (k, e[0]) in kept])
            found = {name: broken.grad(name) for name in random.leaves}
        for name, x in random.leaves.items():
            gradient = found[name]
            if x.dtype.kind == "f" and gradient is not None:
                slope = differences(lambda y, n=name: random.objective(**{n: y}), x)  # type: ignore[misc]
                guilty.append(bool(np.abs(gradient - slope).max(initial=0.0) > 1e-2))

    check()
    assert sum(guilty) > 10


# --- size


def chain(nodes: int) -> Graph:
    """y = tanh(tanh(... x)): one node after the other."""
    x = Leaf("x", "parameter", (2,), DOUBLE, lambda: np.array([0.5, -1.0]))
    steps = [Step(f"y{k}", "tanh", (f"y{k - 1}" if k else "x",), {}, "", k + 1) for k in range(nodes)]
    return build([x], [*steps, step("L", "sum", f"y{nodes - 1}")], loss="L", where="chain.toml")


def test_a_chain_of_100_000_nodes() -> None:
    timeline = Timeline(chain(100_000))
    assert len(timeline) == 200_003
    assert timeline.schedule.grad_status(timeline.number("x"), 150_000) == "not-computed"
    lazily, value = timeline.grad("x"), timeline.value("L")
    assert timeline[149_999].contributions[0].value is not None  # the rule's function is made once
    middle = work(lambda: timeline[150_000].contributions[0].value)
    assert middle.lines < 1000, "one event in the middle is at hand once the gradients are there"
    ran = Timeline(timeline.graph).run()
    assert_same(ran.grad("x"), lazily)
    assert_same(ran.value("L"), value)


@pytest.mark.parametrize("way", ["build", "open", "ask", "run"])
def test_the_work_is_in_proportion_to_the_nodes(way: str) -> None:
    ways: dict[str, Callable[[Graph, int], object]] = {
        "build": lambda _, n: chain(n),
        "open": lambda graph, _: Timeline(graph)[len(graph)],
        "ask": lambda graph, _: Timeline(graph).grad("x"),
        "run": lambda graph, _: Timeline(graph).run(),
    }
    graphs = {n: chain(n) for n in (1000, 2000)}
    assert growth(lambda n: ways[way](graphs[n], n), 1000) < 2.2


def consumers(count: int) -> Graph:
    """A tensor that so many others use."""
    rng, steps = np.random.default_rng(0), [step("s", "neg", "x")]
    for i, w in enumerate(rng.normal(size=count)):
        steps += [step(f"y{i}", "mul", "x", float(w)), step(f"s{i}", "add", steps[-1].id, f"y{i}")]
    return make({"x": np.array([1.0, 2.0])}, *steps, step("L", "sum", steps[-1].id), loss="L")


def totals(graph: Graph) -> list[Any]:
    """The first contribution's total at each multiplication, and the gradient after all of them last."""
    timeline = Timeline(graph)
    found = [e.contributions[0].total for e in timeline if e.op == "mul" and e.phase == "backward"]
    assert_same(Timeline(graph).run().grad("x"), found[-1] - timeline.grad("s"))
    assert_same(timeline.grad("x"), found[-1] - timeline.grad("s"))
    return found


def test_a_tensor_with_3_000_consumers() -> None:
    assert len(totals(consumers(3_000))) == 3_000
    graphs = {n: consumers(n) for n in (250, 500)}
    assert growth(lambda n: totals(graphs[n]), 250) < 2.2


def test_an_op_of_1_000_operands() -> None:
    names = [f"x{i}" for i in range(1000)]
    leaves = {name: np.array([float(i), 1.0]) for i, name in enumerate(names)}
    graph = make(leaves, step("S", "stack", *names), step("Q", "square", "S"), step("L", "sum", "Q"), loss="L")
    timeline = Timeline(graph)
    for i in (0, 500, 999):
        assert_same(timeline.grad(f"x{i}"), np.array([2.0 * i, 2.0]))
    event = timeline[-1]
    assert [c.to for c in event.contributions] == names
    assert all(c.value.shape == (2,) for c in event.contributions)
    assert_same(Timeline(graph).run().grad("x7"), np.array([14.0, 2.0]))


def test_memory_of_a_long_graph_stays_small() -> None:
    """Opening 20,000 nodes keeps numbers and pointers, not objects for every event: under 2 kB a node."""
    tracemalloc.start()
    timeline = Timeline(chain(20_000))
    assert timeline[30_000].name
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2000 * 20_000


def test_training_a_long_graph_runs_generated_code() -> None:
    """No function of Python's is entered for a node: 20 iterations more are 20,000 nodes, each with its rule."""
    graph = chain(500)
    few, many = (work(Timeline(graph, training=Training("sgd", n, {"lr": 0.1})).run) for n in (20, 40))
    assert many.calls - few.calls < 20 * 500 / 10
