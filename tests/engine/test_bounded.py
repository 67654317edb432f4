"""A pass within a budget: the same bits as one that keeps all, in any order, and counted work."""

from __future__ import annotations

import gc
import tracemalloc
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bpdebug.debugger import State, open_session, update
from bpdebug.engine import Event, Timeline, Training
from bpdebug.engine.bounded import BoundedPass
from bpdebug.engine.budget import ARRAY, Budget
from bpdebug.engine.edits import Override, RuleOverride
from bpdebug.engine.lifetimes import lifetimes_of
from bpdebug.engine.room import check_least, divisions_of
from bpdebug.engine.sizes import at_work, of_arrays, of_leaves
from bpdebug.errors import BpdebugError, InputError
from bpdebug.frontends.spill import SpillFile
from bpdebug.graph import Graph, Leaf, build
from bpdebug.limits import GIB, KIB
from bpdebug.scenario import load
from bpdebug.views import view
from tests.benchmarks.memory import NETS
from tests.graphs import DOUBLE, Random, bits, examples, graphs, make, step


def seen(event: Event) -> list[Any]:
    """Everything there is to see at an event, as plain data; an error's words where it fails."""
    made: list[Any] = []
    for ask in (
        lambda: bits(event.value),
        lambda: event.fault,
        lambda: [(c.formula, bits(c.value), bits(c.total)) for c in event.contributions],
        lambda: [[(p.text, p.why, bits(p.value)) for p in c.parts] for c in event.contributions],
    ):
        try:
            made.append(ask())
        except BpdebugError as error:
            made.append(str(error))
    return made


def gradients(timeline: Timeline, at: int) -> list[Any]:
    """Every gradient so far at a position."""
    found = (timeline.grad_at(t, at) for t in range(len(timeline.graph.names)))
    return [None if g is None else bits(g) for g in found]


class Walk(NamedTuple):
    """A random graph, how much of it fits, where to look (as shares), whether it is edited, and has a disk."""

    random: Random
    fits: float
    places: list[float]
    edited: bool
    spills: bool


def walks() -> st.SearchStrategy[Walk]:
    places = st.lists(st.floats(0, 1), min_size=1, max_size=12)
    return st.builds(Walk, graphs(), st.floats(0, 0.999), places, st.booleans(), st.booleans())


def part_of(graph: Graph, share: float) -> int:
    """A budget in which that part of all that a pass computes fits, with the leaves and what a rule computes."""
    return Timeline(graph).store.apart + int(of_arrays(graph) * share)


def walked(walk: Walk, ample: Timeline, bounded: Timeline) -> tuple[Timeline, Timeline]:
    """Both timelines, edited where the walk has an edit, after they were the same at all of its places."""
    graph = ample.graph
    if walk.edited:
        t = len(graph.names) // 2
        edit = Override(t, len(graph) % 2 == 0 and graph.is_float(t), (), np.asarray(1, graph.dtypes[t]))
        ample, bounded = ample.fork(edit), bounded.fork(edit)
    assume(len(ample) and isinstance(bounded.iteration(0), BoundedPass))
    for place in walk.places:
        at = min(int(place * len(ample)), len(ample) - 1)
        assert seen(bounded[at]) == seen(ample[at])
        assert gradients(bounded, at) == gradients(ample, at)
    assert gradients(bounded, len(ample)) == gradients(ample, len(ample))
    return ample, bounded


def there(run: BoundedPass) -> int:
    """The bytes of a pass's arrays, those of its leaves apart, each memory once."""
    birth, held = run._opened.lifetimes.birth, [*run.G, *(g for cut in run._cuts.values() for g in cut.values())]
    held += [x for t, x in enumerate(run.V) if birth[t] >= 0]
    leaves = {id(base(x)) for t, x in enumerate(run.V) if birth[t] < 0 and x is not None}
    memory = {id(base(x)): base(x).nbytes for x in held if x is not None}
    return sum(nbytes for which, nbytes in memory.items() if which not in leaves)


@pytest.mark.parametrize(("skips", "fits"), [(True, 1 / 4), (True, 1 / 8), (False, 1 / 6)])
def test_parts_that_are_looked_into_in_any_order_take_no_more_than_there_is_room_for(skips: bool, fits: float) -> None:
    """One whose gradients all come from behind it is gone through again; of one segment's not all of them stay."""
    graph = chain(30, skips=skips)
    run = Timeline(graph, budget=Budget(part_of(graph, fits))).iteration(0)
    assert isinstance(run, BoundedPass)
    nodes = len(graph.nodes)
    for k in [*range(nodes - 1, -1, -7), *range(0, nodes, 5), *(n * 37 % nodes for n in range(nodes))]:
        run.contribution(k, max(p for p, operand in graph.edges(k) if graph.has_gradient(operand)))
        assert there(run) <= run.room.nbytes


def base(x: Any) -> Any:
    """The array whose memory an array is a view of, or itself."""
    while isinstance(x.base, np.ndarray):
        x = x.base
    return x


@examples(60)
@given(walks())
def test_every_value_gradient_and_part_has_the_same_bits(walk: Walk) -> None:
    """And no more is there than the pass has room for."""
    graph = walk.random.build()
    ample = Timeline(graph, seed=3)
    disk = partial(SpillFile, gettempdir()) if walk.spills else None
    bounded = Timeline(graph, seed=3, budget=Budget(part_of(graph, walk.fits), disk))
    ample, bounded = walked(walk, ample, bounded)
    run = bounded.iteration(0)
    assert isinstance(run, BoundedPass)
    assert there(run) <= run.room.nbytes
    assert [seen(e) for e in reversed(bounded)] == [seen(e) for e in reversed(ample)]
    assert there(run) <= run.room.nbytes


# --- what it costs


def chain(layers: int, side: int = 16, *, shared: bool = False, skips: bool = False) -> Graph:
    """h = tanh(h @ W), some times over: each with its own W, or one for all; or h = h + tanh(h @ W)."""
    rng = np.random.default_rng(0)
    weights = ["W"] if shared else [f"W{i}" for i in range(layers)]
    steps, h = [], "X"
    for i in range(layers):
        steps += [step(f"A{i}", "matmul", h, weights[i % len(weights)]), step(f"T{i}", "tanh", f"A{i}")]
        steps += [step(f"R{i}", "add", h, f"T{i}")] if skips else []
        h = f"{'R' if skips else 'T'}{i}"
    leaves = {name: rng.normal(size=(side * (8 if name == "X" else 1), side)) / side for name in ("X", *weights)}
    return make(leaves, *steps, step("L", "sum", h), loss="L", parameters=weights)


CHAINS = {"plain": chain(60), "shared": chain(60, shared=True), "residual": chain(60, skips=True)}


def bounded(graph: Graph, share: float) -> tuple[Timeline, BoundedPass]:
    timeline = Timeline(graph, budget=part_of(graph, share))
    run = timeline.iteration(0)
    assert isinstance(run, BoundedPass)
    return timeline, run


@pytest.mark.parametrize("share", [1 / 2, 1 / 4])
@pytest.mark.parametrize("name", CHAINS)
def test_both_passes_compute_each_node_at_most_twice_and_go_back_once(name: str, share: float) -> None:
    graph = CHAINS[name]
    timeline, run = bounded(graph, share)
    assert timeline.loss == Timeline(graph).loss
    assert all(timeline.grad(leaf.name) is not None for leaf in graph.leaves)
    forward, backward = run.computed
    assert forward <= 2 * len(graph)
    assert backward == len(graph.backward_nodes)
    assert len(run.room.whole.parts) > 1


@pytest.mark.parametrize("part", [2, 4, 8])
@pytest.mark.parametrize("name", NETS)
def test_an_eighth_takes_two_forwards_at_most(name: str, part: int, tmp_path: Path) -> None:
    """120 dense layers, 48 convolutions, 6 blocks of a Transformer; in a half of it nothing is computed twice."""
    (tmp_path / "net.toml").write_text(NETS[name])
    graph = load(tmp_path / "net.toml").graph
    timeline = Timeline(graph, budget=of_leaves(graph) + of_arrays(graph) // part)
    run = timeline.iteration(0)
    assert isinstance(run, BoundedPass)
    run.run_backward()
    assert run.computed == [len(graph), len(graph.backward_nodes)] if part == 2 else run.computed[0] <= 2 * len(graph)
    assert run.computed[1] == len(graph.backward_nodes)


def test_what_the_way_back_does_not_read_goes_first() -> None:
    """Of permute(h @ W * 0.5) no rule reads anything, and tanh's reads what it gives; they are computed alone again."""
    leaves = {"X": np.ones((64, 64)), **{f"W{i}": np.eye(64) for i in range(8)}}
    steps, h = [], "X"
    for i in range(8):
        steps += [step(f"S{i}", "matmul", h, f"W{i}"), step(f"C{i}", "mul", f"S{i}", 0.5)]
        steps += [step(f"V{i}", "permute", f"C{i}", axes=(1, 0)), step(f"T{i}", "tanh", f"V{i}")]
        h = f"T{i}"
    graph = make(leaves, *steps, step("L", "sum", h), loss="L")
    read = {name for name, back in zip(graph.names, lifetimes_of(graph).read_back, strict=True) if back}
    assert read - leaves.keys() == {f"T{i}" for i in range(8)}
    one = graph.nbytes(graph.first) + ARRAY
    budget = of_leaves(graph) + at_work(graph) + lifetimes_of(graph).fixed + 26 * one
    timeline, ample = (Timeline(graph, budget=b) for b in (budget, 10**9))
    run = timeline.iteration(0)
    assert isinstance(run, BoundedPass)
    run.run_backward()
    assert run.computed == [len(graph), len(graph.backward_nodes)]
    assert bits(timeline.value("V3")) == bits(ample.value("V3"))
    assert len(graph) < run.computed[0] <= len(graph) + 3
    assert there(run) <= run.room.nbytes


@pytest.mark.parametrize("name", CHAINS)
def test_a_seek_opens_one_segment(name: str) -> None:
    """Wherever one goes once both passes are done: what an event shows is one segment forward and one back."""
    graph = CHAINS[name]
    timeline, run = bounded(graph, 1 / 4)
    timeline.run()
    longest = run.room.whole.longest
    for at in np.random.default_rng(0).integers(0, len(timeline), 60).tolist():
        before = list(run.computed)
        assert timeline[at].value is not None
        assert all(c.total.shape == c.shape for c in timeline[at].contributions)
        assert run.computed[0] - before[0] <= longest
        assert run.computed[1] - before[1] <= longest


def test_what_is_little_is_cut_twice() -> None:
    """Below about 4 sqrt(l) of the 2 l arrays of a chain: cuts between cuts, at most three forwards."""
    graph = chain(200)
    share = 3 * len(graph) ** 0.5 / (2 * len(graph))
    timeline, run = bounded(graph, share)
    assert timeline.grad("W0") is not None
    assert any(part.parts for part in run.room.whole.parts)
    assert run.computed[0] <= 3 * len(graph)
    assert run.computed[1] <= 2 * len(graph)


def in_few(graph: Graph, arrays: int) -> int:
    """A budget with room for so many arrays of a chain, beside what is there wherever a pass is cut."""
    return of_leaves(graph) + at_work(graph) + lifetimes_of(graph).fixed + arrays * (graph.nbytes(graph.first) + ARRAY)


def test_what_is_very_little_is_cut_three_times() -> None:
    """4,001 nodes in 60 arrays, where two levels take 74: the same bits, forwards at most four; also after an edit."""
    graph = chain(2000, side=4)
    ample, tight = (Timeline(graph, budget=b) for b in (10**9, in_few(graph, 60)))
    edit = Override(graph.index["T990"], False, (3,), np.asarray(0.5, DOUBLE))
    rng = np.random.default_rng(0)
    for whole, cut in ((ample, tight), (ample.fork(edit), tight.fork(edit))):
        run = cut.iteration(0)
        assert isinstance(run, BoundedPass)
        assert any(inner.parts for part in run.room.whole.parts for inner in part.parts)
        assert [bits(cut.grad(leaf.name)) for leaf in graph.leaves] == [
            bits(whole.grad(leaf.name)) for leaf in graph.leaves
        ]
        assert run.computed[0] <= 4 * len(graph)
        assert run.computed[1] <= 3 * len(graph)
        for at in rng.integers(0, len(whole), 6).tolist():
            assert seen(cut[at]) == seen(whole[at])


def test_a_training_in_very_little_goes_the_same_way() -> None:
    graph = chain(300, side=4)
    training = Training("sgd", 3, {"lr": 0.1, "momentum": 0.9})
    states = 6 * sum(map(graph.nbytes, graph.trainable))
    ample, tight = (Timeline(graph, training=training, budget=b).run() for b in (10**9, states + in_few(graph, 1)))
    run = tight.iteration(2)
    assert isinstance(run, BoundedPass)
    assert any(inner.parts for part in run.room.whole.parts for inner in part.parts)
    assert [bits(tight.value(graph.names[t])) for t in graph.trainable] == [
        bits(ample.value(graph.names[t])) for t in graph.trainable
    ]


def test_cuts_are_made_where_little_lives() -> None:
    """Of h + tanh(tanh(h) @ W) only h is read behind the sum; anywhere before it, two arrays are."""
    graph = chain(100, skips=True)
    parts = divisions_of(graph)[0].tightest.parts
    assert len(parts) > 4
    assert all(graph.nodes[part.stop - 1].op.name == "add" for part in parts[:-1])


def fans(layers: int, *, joined: bool) -> Graph:
    """Thin columns made at the beginning and joined to h layer by layer; or thin slices of h that the end reads."""
    rng = np.random.default_rng(0)
    leaves = {"X": rng.normal(size=(256, 31))} | ({"Z": rng.normal(size=(256, 1))} if joined else {})
    steps, h, thin = [step(f"Z{i}", "mul", "Z", i + 1) for i in range(layers)] if joined else [], "X", []
    for i in range(layers):
        leaves[f"W{i}"] = rng.normal(size=(32 if joined else 31, 31)) / 31
        steps += [step(f"C{i}", "concat", h, f"Z{i}", axis=1)] if joined else []
        steps += [step(f"A{i}", "matmul", f"C{i}" if joined else h, f"W{i}"), step(f"T{i}", "tanh", f"A{i}")]
        h = f"T{i}"
        steps += [] if joined else [step(f"S{i}", "slice", h, key=((None, None, None), 0))]
        thin += [] if joined else [f"S{i}"]
    steps += [step(f"L{i}", "sum", name) for i, name in enumerate([h, *thin])]
    steps += [step("L", "stack", *(f"L{i}" for i in range(1 + len(thin))), axis=0), step("loss", "sum", "L")]
    return make(leaves, *steps, loss="loss", parameters=[name for name in leaves if name[0] == "W"])


GRAPHS = {"chain": chain(120, side=32), "joined": fans(60, joined=True), "sliced": fans(60, joined=False)}


@pytest.mark.parametrize("share", [1 / 2, 1 / 4, 1 / 8])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_pass_takes_no_more_than_it_is_given(name: str, share: float) -> None:
    graph = GRAPHS[name]
    assert all(leaf.array is not None for leaf in graph.leaves)
    budget = part_of(graph, share)
    gc.collect()
    tracemalloc.start()
    timeline = Timeline(graph, budget=budget)
    assert all(timeline.grad(leaf.name) is not None for leaf in graph.leaves)
    for at in (0, 50, -1, -80, 130):
        assert seen(timeline[at])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    least = of_leaves(graph) + at_work(graph) + timeline.iteration(0).room.nbytes
    assert peak <= max(budget, least) + 600 * KIB  # Python's own objects: functions, segments, lists


def test_what_no_cut_makes_small_is_refused_from_its_shapes() -> None:
    huge = 10**6
    leaf = Leaf("a", "input", (huge, 300), DOUBLE, lambda: pytest.fail("read"))
    graph = build([leaf], [step("y", "slice", "a", key=(0, 0)), step("L", "exp", "y")], loss="L")
    with pytest.raises(InputError, match=r"this takes at least 4.47 GiB, and the limit 'memory' is 4 GiB") as caught:
        check_least(graph, 4 * GIB, "f.toml", trained=False)
    assert (caught.value.code, caught.value.where) == ("E_LIMIT", "f.toml")


def test_the_least_that_is_named_is_enough() -> None:
    graph = chain(40)
    with pytest.raises(InputError) as caught:
        check_least(graph, 1, "", trained=False)
    least = int(caught.value.hint.partition("memory=")[2].partition(":")[0])
    timeline = Timeline(graph, budget=least)
    check_least(graph, least, "", trained=False)
    assert [bits(timeline.grad(leaf.name)) for leaf in graph.leaves] == [
        bits(Timeline(graph).grad(leaf.name)) for leaf in graph.leaves
    ]
    with pytest.raises(InputError):
        check_least(graph, least - 1, "", trained=False)


def test_a_rule_set_by_hand_may_read_what_lies_behind_a_cut() -> None:
    graph = CHAINS["plain"]
    edit = RuleOverride(3, 0, lambda p: p.g * p.tensor(graph.index["T50"], "T50", (128, 16), DOUBLE))
    ample, tight = (Timeline(graph, budget=b).fork(edit) for b in (10**9, part_of(graph, 1 / 4)))
    assert isinstance(tight.iteration(0), BoundedPass)
    assert bits(tight.grad("X")) == bits(ample.grad("X"))
    assert bits(tight.grad("X")) != bits(Timeline(graph).grad("X"))


# --- what is built on it


def test_a_training_within_a_budget_goes_the_same_way() -> None:
    """Parameters after some steps have the same bits; a pass, what it starts from and what it leads to fit together."""
    graph = chain(60, side=32)
    training = Training("adam", 4, {"lr": 0.01})
    ample = Timeline(graph, training=training).run()
    budget = (
        Timeline(graph, training=training).store.apart
        + 4 * sum(map(graph.nbytes, graph.trainable)) * 3
        + of_arrays(graph) // 3
    )
    gc.collect()
    tracemalloc.start()
    timeline = Timeline(graph, training=training, budget=budget).run()
    assert isinstance(timeline.iteration(3), BoundedPass)
    found = [bits(timeline.value(graph.names[t])) for t in graph.trainable]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [bits(ample.value(graph.names[t])) for t in graph.trainable]
    assert peak <= budget + 1024 * KIB  # update rules, events, functions


ASKED = (
    "lens", "contributions d{0}", "why d{0}", "why {1}", "check", "flow", "candidates", "adjoint", "origin {1}",
    "inputs", "info gradients", "set {0} = 1 ;; seek end ;; print d{0}", "compare",
)  # fmt: skip


@pytest.mark.parametrize("name", ["two_layer", "tied_autoencoder", "batch_norm", "causal_attention", "residual"])
def test_what_is_explained_is_the_same(name: str) -> None:
    """The lessons in the least that they can be kept in, as at a prompt: every report is that of an ample session."""
    scenario = load(name)
    with pytest.raises(InputError) as caught:
        open_session(scenario, budget=1)
    least = int(caught.value.hint.partition("memory=")[2].partition(":")[0])
    sessions = [open_session(scenario, budget=budget) for budget in (4 * GIB, least)]
    assert isinstance(sessions[1].timeline.iteration(0), BoundedPass)
    graph = scenario.graph
    leaf, last = graph.names[graph.trainable[0]], graph.names[-1]
    for at in np.linspace(0, len(sessions[0].timeline) - 1, 4).astype(int).tolist():
        for line in (f"seek {at}", *ASKED):
            said = [answered(state, f"seek {at} ;; {line.format(leaf, last)}") for state in sessions]
            assert said[0] == said[1], f"{line} at {at}"


def answered(state: State, line: str) -> str:
    """A report as text, or what refuses it."""
    try:
        return view(update(state, line)).to_text()
    except BpdebugError as error:
        return str(error)
