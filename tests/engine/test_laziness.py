"""Nothing is computed that is not asked for; and however it is asked for, the bits are the same."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.arrays import Array
from bpdebug.engine import SEED, Timeline, Training, faults
from bpdebug.engine.routes import SHORT
from bpdebug.engine.run import Pass
from bpdebug.engine.running_sums import KEEP
from tests.graphs import Random, assert_same, bits, examples, graphs, make, step


def branches(reads: list[str]) -> Timeline:
    """Two branches that meet in a sum; `unused` feeds a node nobody needs."""
    graph = make(
        {"x": np.array([1.0, 2.0]), "w": np.array([3.0, 4.0]), "unused": np.array([5.0, 6.0])},
        step("a", "exp", "x"), step("b", "mul", "a", "x"), step("c", "square", "w"), step("side", "neg", "unused"),
        step("s", "add", "b", "c"), step("L", "sum", "s"), loss="L", reads=reads,
    )  # fmt: skip
    return Timeline(graph)


def there(timeline: Timeline) -> tuple[str, str]:
    """The tensors that have a value, and those that have a gradient, in program order."""
    run, names = timeline.iteration(0), timeline.graph.names
    values = (n for n, v in zip(names, run.V, strict=True) if v is not None)
    gradients = (n for n, g in zip(names, run.G, strict=True) if g is not None)
    return " ".join(values), " ".join(gradients)


def test_opening_computes_nothing() -> None:
    reads: list[str] = []
    timeline = branches(reads)
    for event in timeline:
        assert event.name
        for contribution in event.contributions:
            assert contribution.formula
            assert [p.text for p in contribution.parts]
            assert contribution.shape is not None
    assert [timeline.schedule.grad_status(t, at) for t in range(9) for at in (0, 5, len(timeline))]
    assert reads == []
    assert there(timeline) == ("", "")


def test_a_value_computes_its_ancestors_and_nothing_else() -> None:
    reads: list[str] = []
    timeline = branches(reads)
    timeline.value("b")
    assert there(timeline) == ("x a b", "")
    assert reads == ["x"]
    timeline.value("c")
    assert there(timeline) == ("x w a b c", "")
    assert reads == ["x", "w"]


def test_a_leaf_is_read_once() -> None:
    reads: list[str] = []
    timeline = branches(reads)
    for _ in range(3):
        timeline.value("x")
        timeline.value("a")
    timeline.run()
    for event in timeline:
        assert event.fault is None
    assert sorted(reads) == ["unused", "w", "x"]


def test_one_gradient_does_not_compute_the_others() -> None:
    timeline = branches([])
    timeline.grad("w")
    values, gradients = there(timeline)
    assert gradients == "w c s L"
    assert "side" not in values
    timeline.grad("x")
    assert there(timeline)[1] == "x w a b c s L"


def test_the_gradient_of_an_output_needs_no_value() -> None:
    reads: list[str] = []
    timeline = branches(reads)
    assert timeline.grad("L") == 1.0
    assert there(timeline) == ("", "L")
    assert reads == []


def test_a_gradient_without_a_path_computes_nothing() -> None:
    timeline = branches([])
    assert timeline.grad("unused") is None
    assert timeline.grad("side") is None
    assert there(timeline) == ("", "")


def test_a_gradient_that_is_not_there_yet_is_not_computed() -> None:
    timeline = branches([])
    assert timeline.grad("x", at=7) is None
    assert there(timeline) == ("", "")


def test_one_part_computes_what_is_before_it() -> None:
    """The transpose of an operand needs that operand, and not the gradients further down."""
    graph = make(
        {"X": np.ones((2, 3)), "W": np.ones((3, 2))},
        step("Y", "matmul", "X", "W"), step("L", "sum", "Y"), loss="L",
    )  # fmt: skip
    timeline = Timeline(graph)
    transpose = timeline[-1].contributions[1].parts[0]
    assert transpose.value.shape == (3, 2)
    assert "X" not in there(timeline)[1].split()
    assert "W" not in there(timeline)[1].split()


def test_run_computes_everything_once() -> None:
    timeline = branches([]).run()
    values, gradients = there(timeline)
    assert values == "x w unused a b c side s L"
    assert gradients == "x w a b c s L"
    before = [timeline.iteration(0).V[i] for i in range(9)]
    timeline.run()
    assert all(v is w for v, w in zip(before, timeline.iteration(0).V, strict=True))


# --- the same bits, whichever way


def everything(timeline: Timeline) -> dict[tuple[str, str, int], Any]:
    """The bits of every value, gradient, contribution and total of every event and tensor."""
    found: dict[tuple[str, str, int], Any] = {}
    for event in timeline:
        found["event", event.phase, event.index] = bits(event.value)
        for n, contribution in enumerate(event.contributions):
            found["contribution", event.phase, 100 * event.index + n] = bits(contribution.value)
            found["total", event.phase, 100 * event.index + n] = bits(contribution.total)
    for tensor, name in enumerate(timeline.graph.names):
        gradient = timeline.grad_at(tensor, len(timeline))
        found["gradient", name, 0] = None if gradient is None else bits(gradient)
        found["value", name, 0] = bits(timeline.value(name))
    return found


def act(timeline: Timeline, action: tuple[str, int, int]) -> None:
    """One thing a person might ask, at random."""
    kind, i, j = action
    index, tensor = i % (len(timeline) + 1), j % len(timeline.graph.names)
    if kind == "run":
        timeline.run()
    elif kind == "value":
        timeline.value_at(tensor, index)
    elif kind == "grad":
        timeline.grad_at(tensor, index)
    elif kind == "whole":
        timeline.grad(timeline.graph.names[tensor])
    elif index < len(timeline):
        event = timeline[index]
        if kind == "event":
            assert event.value is not None
        elif kind == "totals":
            for contribution in reversed(event.contributions):
                assert contribution.total is not None
        elif kind == "parts":
            for _, part in event.parts:
                assert part.value.shape == part.shape
        else:
            assert event.fault is None or event.fault.cells


KINDS = ["value", "grad", "whole", "event", "totals", "parts", "fault", "run"]
ACTIONS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=12)


@examples(150)
@given(graphs(nodes=15), ACTIONS)
def test_any_mix_of_asking_and_running_gives_the_same_bits(random: Random, actions: list[tuple[str, int, int]]) -> None:
    timeline = random.timeline(seed=3)
    for action in actions:
        act(timeline, action)
    assert everything(timeline) == everything(random.timeline(seed=3).run())


@examples(40)
@given(graphs(nodes=10), ACTIONS, st.sampled_from(["sgd", "momentum", "adam"]), st.sampled_from([1, 3000, 10**9]))
def test_any_mix_gives_the_same_bits_in_training(
    random: Random, actions: list[tuple[str, int, int]], optimizer: str, budget: int
) -> None:
    training = Training(optimizer, 5, {"lr": 0.01})
    timeline = random.timeline(training=training, budget=budget)
    for action in actions:
        act(timeline, action)
    assert everything(timeline) == everything(random.timeline(training=training).run())


@examples(100)
@given(graphs(nodes=20))
def test_a_gradient_is_its_last_total(random: Random) -> None:
    timeline = random.timeline()
    last: dict[int, Any] = {t: timeline.iteration(0).seed(t) for t in timeline.graph.incoming}
    for event in timeline:
        for contribution in event.contributions:
            last[contribution.tensor] = contribution.total
            summed = contribution.parts[-1]
            wanted = contribution.total if summed.why == "accumulate" else contribution.value
            assert_same(summed.value, wanted, summed.text)
            assert_same(timeline.grad_at(contribution.tensor, event.index), _after(event, contribution.tensor))
    for tensor in range(len(timeline.graph.names)):
        gradient = timeline.grad_at(tensor, len(timeline))
        assert (gradient is None) == (tensor not in last)
        if gradient is not None:
            assert_same(gradient, last[tensor])


def _after(event: Any, tensor: int) -> Any:
    """What the event's last contribution to the tensor (there may be two) made of its gradient."""
    return [c.total for c in event.contributions if c.tensor == tensor][-1]


@pytest.mark.parametrize("count", [1, 31, 32, 33, 100])
def test_running_sums_of_many_consumers_in_any_order(count: int) -> None:
    rng = np.random.default_rng(count)
    steps = [step(f"y{i}", "mul", "x", float(rng.normal())) for i in range(count)]
    outputs = {f"y{i}": rng.normal(size=3) for i in range(count)}
    graph = make({"x": rng.normal(size=3)}, *steps, into=outputs)
    forwards = [e.contributions[0].total for e in Timeline(graph) if e.contributions]
    timeline = Timeline(graph)
    events = [e for e in timeline if e.contributions]
    for i in rng.permutation(count):
        assert_same(events[i].contributions[0].total, forwards[i])
    assert_same(timeline.grad("x"), forwards[-1])
    assert_same(Timeline(graph).run().grad("x"), forwards[-1])


@pytest.mark.parametrize(("way", "most"), [(1, 5), (-1, KEEP)])
def test_along_many_consumers_an_event_costs_what_it_does_along_few(
    way: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contributions computed for each event with its accumulation, which shows the sums before and after it."""
    computed, contribution = list[int](), Pass._contribution

    def counted(run: Pass, k: int, position: int, total: Array | None = None) -> Any:
        computed.append(k)
        return contribution(run, k, position, total)

    monkeypatch.setattr(Pass, "_contribution", counted)
    for count in (10, 400):
        steps = [step(f"y{i}", "mul", "x", float(i)) for i in range(count)]
        graph = make({"x": np.ones(3)}, *steps, into={f"y{i}": np.ones(3) for i in range(count)})
        events = [e for e in Timeline(graph) if e.contributions][::way]
        assert events[0].contributions[0].total is not None
        del computed[:]
        for event in events:
            for part in event.contributions[0].parts:
                assert part.value.shape == (3,)
                assert all(term.read().shape == (3,) for term in part.terms if term.read)
        assert len(computed) <= most * count
        assert len(events[0].run._running[0]) <= count // KEEP + 3


def test_one_gradient_more_leaves_the_table_of_all_where_it_is() -> None:
    """A step on asks for one; a copy of 100,000 places for it took longer than the step."""
    steps = [step(f"h{n}", "tanh", f"h{n - 1}" if n else "x") for n in range(4 * SHORT)]
    graph = make({"x": np.ones(2)}, *steps, step("L", "sum", f"h{4 * SHORT - 1}"), loss="L")
    timeline, whole = Timeline(graph), Timeline(graph).run()
    run = timeline.iteration(0)
    assert timeline.loss == whole.loss
    table = run.G
    for name in (f"h{n}" for n in reversed(range(3 * SHORT, 4 * SHORT))):
        assert_same(timeline.grad(name), whole.grad(name))
        assert run.G is table
    assert_same(timeline.grad("x"), whole.grad("x"))
    assert run.G is not table


@given(graphs())
@examples(10)
def test_whoever_walks_again_adds_nothing_and_looks_for_no_fault(random: Random) -> None:
    """What nothing is added to is the gradient that is known; and a fault, or none, is remembered."""
    timeline = random.timeline().run()
    assert [event.index for event in timeline if event.fault] == [e.index for e in random.timeline() if e.fault]
    graph = timeline.graph
    with pytest.MonkeyPatch.context() as patch:
        computed = Mock(side_effect=Pass._contribution)
        patch.setattr(Pass, "_contribution", lambda *args: computed(*args))
        patch.setattr(faults, "finite", Mock(side_effect=AssertionError))
        for event in (e for e in timeline if e.phase != SEED):
            assert event.fault is timeline[event.index].fault
            for c in event.contributions:
                assert c.value.shape == c.shape
        asked = [graph.operand(*call.args[1:3]) for call in computed.call_args_list]
    assert all(len(graph.edges_from(t)) > 1 or t in graph.incoming for t in asked)
