"""One by one, along routes or by generated code: the same bits; and what is worked out once for a graph."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpdebug
from bpdebug.engine import Timeline, Training, chunks, routes
from bpdebug.engine.edits import Override
from bpdebug.engine.run import Pass
from bpdebug.errors import ShapeError
from bpdebug.graph import Graph
from bpdebug.progress import Stopped, listening
from bpdebug.scenario import open_timeline
from tests.graphs import Random, assert_same, bits, examples, graphs, make, step
from tests.lessons import NAMES, scenario

Asks = Sequence[tuple[int, bool]]
WAYS = ("alone", "loops", "chunks")


def ways(opened: Callable[[], Timeline], asks: Asks, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The bits of what is asked for, and then of everything in the last iteration, computed in each of three ways."""
    found = {}
    for way in WAYS:
        with monkeypatch.context() as patch:
            patch.setattr(routes, "LOOPS", 0 if way == "chunks" else 10**9)
            if way == "alone":
                patch.setattr(Pass, "_went", lambda *ask: False)
            found[way] = everything(opened(), asks)
    return found


def everything(timeline: Timeline, asks: Asks) -> list[Any]:
    graph, end = timeline.graph, len(timeline)
    found = []
    for number, gradient in (*asks, *((t, g) for g in (False, True) for t in range(len(graph.names)))):
        tensor = number % len(graph.names)
        array = timeline.grad_at(tensor, end) if gradient else timeline.value_at(tensor, end)
        found.append(None if array is None else (bits(array), array.strides))
    return found


ASKS = st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), max_size=8)


@pytest.mark.parametrize("size", [1, 7, 500])
def test_however_it_is_computed_the_bits_are_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "SIZE", size)

    @examples(60)
    @given(graphs(nodes=25), ASKS, st.sampled_from([None, "sgd", "adam"]))
    def check(random: Random, asks: Asks, optimizer: str | None) -> None:
        training = None if optimizer is None else Training(optimizer, 4, {"lr": 0.01})
        alone, loops, generated = ways(lambda: random.timeline(training=training), asks, monkeypatch).values()
        assert alone == loops
        assert alone == generated

    check()


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_has_the_same_bits_however_it_is_computed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = scenario(name).graph
    asks = [*((t, False) for t in graph.incoming), *((t, True) for t in range(graph.first))]
    alone, loops, generated = ways(lambda: open_timeline(bpdebug.load(name)), asks, monkeypatch).values()
    assert alone == loops
    assert alone == generated


def test_a_route_is_worked_out_once_for_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third run of a graph generates code, which later ones take, of other timelines and trainings too."""
    made: list[int] = []
    generate = chunks.forward_chunks

    def counted(graph: Graph, tensors: Sequence[int], *library: Any) -> Any:
        made.append(len(tensors))
        return generate(graph, tensors, *library)

    monkeypatch.setattr(routes, "forward_chunks", counted)
    graph = chain()
    for _ in range(5):
        timeline = Timeline(graph)
        assert timeline.loss is not None
        assert timeline.grad("x") is not None
        assert timeline.grad("w") is not None
    assert made == [10, 0, 0]


def chain() -> Graph:
    """h = tanh(h * w), three times; every value is one of the loss's ancestors."""
    steps = []
    for i in range(3):
        steps += [step(f"a{i}", "mul", f"h{i - 1}" if i else "x", "w"), step(f"t{i}", "tanh", f"a{i}")]
        steps += [step(f"h{i}", "neg", f"t{i}")]
    return make({"x": [0.5, 1.0], "w": [1.5, -0.5]}, *steps, step("L", "sum", "h2"), loss="L")


def test_what_there_is_at_the_end_takes_no_numbering_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss and gradients are those of the last event, which nobody has to count."""
    timeline = Timeline(chain())
    with monkeypatch.context() as patch:
        patch.setattr("bpdebug.engine.computed.Schedule", None)
        found = timeline.loss, bits(timeline.grad("x"))
    last = len(timeline) - 1
    assert found == (timeline.loss_at(last), bits(timeline.grad("x", last)))


def test_what_a_timeline_computed_is_freed_with_it_at_once() -> None:
    """Arrays that wait for the garbage collector are memory that the next run has to ask the system for."""
    gc.disable()
    try:
        for training in (None, Training("adam", 3, {"lr": 0.01})):
            timeline = Timeline(chain(), training=training)
            assert timeline.grad("x") is not None
            run = ref(timeline.iteration(0))
            del timeline
            assert run() is None
    finally:
        gc.enable()


def test_leaves_are_read_once_for_a_graph(tmp_path: Path) -> None:
    reads: list[str] = []
    graph = make({"x": np.ones(2)}, step("y", "exp", "x"), into={"y": np.ones(2)}, reads=reads)
    for _ in range(3):
        assert Timeline(graph).grad("x") is not None
    assert reads == ["x"]
    file = tmp_path / "a.toml"
    file.write_text('format = 1\n[inputs]\nx = { file = "x.npy" }\n[graph]\nloss = "L"\nprogram = "L = sum(x)"\n')
    for value in (1.0, 2.0):  # what is opened anew reads anew
        np.save(tmp_path / "x.npy", np.full(3, value))
        assert bpdebug.run(bpdebug.load(file)).loss == 3 * value


def test_no_more_routes_are_remembered_than_their_limit() -> None:
    graph = make({"x": np.ones(2)}, *(step(f"y{i}", "mul", "x", float(i)) for i in range(300)), into={"y0": np.ones(2)})
    timeline = Timeline(graph)
    for i in range(300):
        assert timeline.value(f"y{i}")[0] == i
    depth, route = 0, routes.Route.start(graph)
    while route.onward:
        (route,) = route.onward.values()
        depth += 1
    assert depth == 2 * routes.ROUTES


@pytest.mark.parametrize("loops", [0, 10])
def test_what_is_stopped_on_the_way_shows_no_half_sums(loops: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "LOOPS", loops)
    monkeypatch.setattr(chunks, "SIZE", 2)
    graph = chain()
    wanted = [bits(Timeline(graph).grad(name)) for name in ("x", "w", "h0")]
    for count in range(1, 40):
        timeline, left = Timeline(graph), [count]

        def stop(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Stopped

        with suppress(Stopped), listening(lambda *far: None, stop):
            timeline.grad("w")
        assert [bits(timeline.grad(name)) for name in ("x", "w", "h0")] == wanted, count


@pytest.mark.parametrize("loops", [0, 10])
def test_a_short_way_back_through_a_large_graph(loops: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its gradients stand beside those of all tensors while they are made, in generated code as well."""
    monkeypatch.setattr(routes, "LOOPS", loops)
    steps = [step(f"h{n}", "tanh", f"h{n - 1}" if n else "x") for n in range(5 * routes.SHORT)]
    graph = make({"x": [0.5, 1.0]}, *steps, step("L", "sum", steps[-1].id), loss="L")
    timeline, whole = Timeline(graph), Timeline(graph).run()
    for name in ("L", steps[-4].id, steps[-5].id, "x"):
        assert_same(timeline.grad(name), whole.grad(name), name)


@pytest.mark.parametrize("loops", [0, 10])
def test_no_half_sum_is_seen_while_a_gradient_is_computed(loops: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By another thread, that is, such as the screen's: here by whoever is asked whether to stop."""
    monkeypatch.setattr(routes, "LOOPS", loops)
    monkeypatch.setattr(chunks, "SIZE", 2)
    graph = chain()
    whole, timeline = Timeline(graph).run(), Timeline(graph)
    run, seen = timeline.iteration(0), set[int]()

    def look() -> None:
        for tensor, found in enumerate(run.G):
            if found is not None:
                seen.add(tensor)
                assert_same(found, whole.iteration(0).G[tensor], graph.names[tensor])

    with listening(lambda *far: None, look):
        assert_same(timeline.grad("w"), whole.grad("w"))
    assert bool(seen) == (loops == 0)


@pytest.mark.parametrize("loops", [0, 10])
def test_indices_that_do_not_fit_are_named_on_every_route(loops: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "LOOPS", loops)
    ids = np.array([0, 1])
    graph = make(
        {"x": np.ones(3), "ids": ids}, step("far", "mul", "ids", 7, line=4),
        step("y", "gather", "x", "far", axis=0, line=5), step("L", "sum", "y"), loss="L",
    )  # fmt: skip
    for _ in range(2):
        with pytest.raises(ShapeError, match="gather 'y' \\(line 5\\)"):
            assert Timeline(graph).loss is not None


def test_a_fork_takes_no_route_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an edit reaches is computed with it, in a graph whose code is generated; the rest is the parent's."""
    monkeypatch.setattr(routes, "LOOPS", 0)
    graph = chain()
    timeline = Timeline(graph).run()
    fork = timeline.fork(Override(timeline.number("h0"), False, (0,), np.asarray(0.25)))
    assert fork.value("h0")[0] == 0.25
    assert fork.value("t0") is not None
    assert_same(fork.value("a1"), fork.value("h0") * timeline.value("w"))
    fresh = Timeline(graph, edits=fork.edits)
    for name in graph.names:
        assert_same(fork.run().grad(name), fresh.grad(name), name)
