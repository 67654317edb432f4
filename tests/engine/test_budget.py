"""What timelines keep stays within their budget: counted by tracemalloc, with the garbage collector at rest."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import ref

import numpy as np
import pytest

from bpdebug.engine import Event, Timeline, Training
from bpdebug.engine.budget import Budget
from bpdebug.engine.edits import Override, RuleOverride
from bpdebug.engine.starting import NOTHING, State
from bpdebug.engine.store import Store
from bpdebug.frontends.recorder import record
from bpdebug.graph import Graph
from bpdebug.importers.trace import open_recording
from bpdebug.limits import KIB
from bpdebug.scenario import load, open_timeline
from tests.graphs import bits, make, step

SIDE = 128
ARRAY = SIDE * SIDE * 8
"""Bytes of each matrix here."""
BUDGET = 60 * ARRAY
STEPS = 16
SLACK = 3 * ARRAY + 200 * KIB
"""Beside what is kept: what one event or update computes on the way, and Python's own objects."""


def network() -> Graph:
    """L = sum(tanh(tanh(X W) V) + tanh(X W)): every matrix SIDE x SIDE, W and V to be trained."""
    rng = np.random.default_rng(0)
    return make(
        {name: rng.normal(size=(SIDE, SIDE)) / SIDE for name in "XWV"},
        step("A", "matmul", "X", "W"), step("H", "tanh", "A"), step("B", "matmul", "H", "V"), step("K", "tanh", "B"),
        step("S", "add", "K", "H"), step("L", "sum", "S"), loss="L", parameters=["W", "V"],
    )  # fmt: skip


def adam(steps: int, budget: int = BUDGET) -> Timeline:
    return Timeline(network(), training=Training("adam", steps, {"lr": 0.01}), budget=budget)


@contextmanager
def peak() -> Iterator[list[int]]:
    """The most bytes allocated inside at once, once that is over; what goes in circles is not freed meanwhile."""
    found: list[int] = []
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        yield found
        found.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
        gc.enable()


def look(event: Event) -> None:
    """Everything there is to see at an event."""
    assert event.value is not None
    assert event.fault is None
    for contribution in event.contributions:
        assert contribution.total.shape == contribution.value.shape
        assert all(part.value.shape == part.shape for part in contribution.parts)
    for line in event.assignments:
        assert all(part.value.shape == part.shape for part in line.parts)


def forwards(timeline: Timeline) -> None:
    for event in timeline:
        look(event)


def backwards(timeline: Timeline) -> None:
    for index in reversed(range(len(timeline))):
        look(timeline.event(index))


def jumping(timeline: Timeline) -> None:
    for index in np.random.default_rng(0).integers(0, len(timeline), 30).tolist():
        look(timeline.event(index))


@pytest.mark.parametrize("walk", [forwards, backwards, jumping])
def test_a_walk_through_a_training_stays_within_the_budget(walk: Callable[[Timeline], None]) -> None:
    with peak() as found:
        walk(adam(STEPS))
    assert found[0] <= BUDGET + SLACK


def test_without_a_budget_there_is_more() -> None:
    with peak() as found:
        adam(STEPS, budget=10**9).run()
    assert found[0] > 2 * (BUDGET + SLACK)


def test_forks_share_one_budget() -> None:
    with peak() as found:
        timeline = adam(4)
        lines = [timeline]
        for n in range(12):
            lines.append(lines[n % 3].fork(Override(timeline.number("A"), False, (), np.asarray(float(n)), n % 4)))
        for line in lines:
            forwards(line)
    assert found[0] <= BUDGET + SLACK + 12 * 64 * KIB  # a fork's own objects: traced update rules, what it touches


def test_what_is_dropped_is_freed_at_once() -> None:
    """Neither the events that were looked at nor the forks of a pass hold it in a circle."""
    timeline = Timeline(network())
    forked = timeline.fork(
        RuleOverride(0, 1, lambda plan: plan.xp.matmul(plan.xp.matrix_transpose(plan.operands[0]), plan.g))
    )
    gc.disable()
    try:
        for line in (forked, timeline):
            forwards(line)
        timeline.store.budget.recent = None
        alive = [ref(line.store._passes[0]) for line in (forked, timeline)]
        forked.store.drop(0)
        timeline.store.drop(0)
        assert [run() for run in alive] == [None, None]
    finally:
        gc.enable()


def test_a_recording_that_is_read_stays_within_the_budget(tmp_path: Path) -> None:
    scenario = tmp_path / "a.toml"
    scenario.write_text(
        'format = 1\n[inputs]\nX = { shape = [128, 128], init = "normal" }\n[parameters]\n'
        'W = { shape = [128, 128], init = "normal" }\n[graph]\nloss = "L"\nprogram = "L = sum(tanh(X @ W))"\n'
        '[train]\noptimizer = "sgd"\nlr = 0.1\nsteps = 20\n'
    )
    loaded = load(scenario)
    record(tmp_path / "a.bptrace", loaded, open_timeline(loaded))
    opened = open_recording(tmp_path / "a.bptrace")
    with peak() as found:
        timeline = open_timeline(opened, budget=BUDGET)
        assert timeline.recording is not None
        forwards(timeline)
    assert found[0] <= BUDGET + SLACK


def test_a_recording_three_times_as_large_as_the_budget_is_walked_within_it(tmp_path: Path) -> None:
    """One iteration, of which no budget could drop another: what was looked at longest ago goes, and is read again."""
    scenario = tmp_path / "a.toml"
    scenario.write_text(
        'format = 1\n[inputs]\nX = { shape = [128, 128], init = "normal" }\n[parameters]\n'
        'W = { shape = [128, 128], init = "normal", scale = 0.1 }\n[graph]\nloss = "L"\nprogram = """\nh = X\n'
        'for t in range(60):\n    h = h + tanh(h @ W)\nL = sum(h)\n"""\n'
    )
    loaded = load(scenario)
    ample = open_timeline(loaded)
    record(tmp_path / "a.bptrace", loaded, ample)
    wanted = [bits(event.value) for event in ample]
    opened = open_recording(tmp_path / "a.bptrace")
    budget = (60 * 3 * 2 * ARRAY) // 3
    with peak() as found:
        timeline = open_timeline(opened, budget=budget)
        assert timeline.recording is not None
        forwards(timeline)
        backwards(timeline)
    beside = 12 * ARRAY + 1024 * KIB  # what one event adds, part by part, is read apart; lines of the index
    assert found[0] <= budget + SLACK + beside
    assert [bits(event.value) for event in timeline] == wanted


def test_the_iteration_at_hand_stays_with_the_state_it_leads_to() -> None:
    """Where nothing fits, one pass is there, the state it started from, and the next one's."""
    timeline = adam(6, budget=0)
    store = timeline.store
    for event in timeline:
        look(event)
        assert list(store._passes) == [event.iteration]
        assert set(store._states) <= {event.iteration, event.iteration + 1}
    assert not store._checkpoints


def test_a_pass_that_somebody_holds_is_found_again() -> None:
    timeline = adam(3, budget=0)
    run = timeline.iteration(0)
    assert timeline.iteration(1) is not run
    assert list(timeline.store._passes) == [1]
    assert timeline.iteration(0) is run


class Sized(Store):
    """A store of which every iteration takes 100 bytes; a checkpoint takes `each`."""

    apart = 0

    def __init__(self, budget: Budget, each: int = 0) -> None:
        self.each = each
        super().__init__(network(), 0, None, budget)

    @property
    def checkpoint_bytes(self) -> int:
        return self.each

    def start(self, t: int) -> State:
        return NOTHING

    def size(self, t: int) -> int:
        return 100


def test_what_was_used_least_recently_goes_first() -> None:
    budget = Budget(320)
    store, other = Sized(budget), Sized(budget)
    store.iteration(0)
    other.iteration(0)
    store.iteration(1)
    store.iteration(0)
    other.iteration(1)
    assert (list(store._passes), list(other._passes)) == ([0, 1], [1])
    other.iteration(0)
    assert (list(store._passes), list(other._passes)) == ([0], [1, 0])
    assert budget.used == 300


def test_leaves_and_checkpoints_count() -> None:
    budget = Budget(320)
    store = Sized(budget, each=50)
    for t in range(4):
        store.iteration(t)
    assert list(store._passes) == [2, 3]


def test_a_store_that_is_gone_holds_nothing() -> None:
    budget = Budget(250)
    gone = Sized(budget)
    gone.iteration(0)
    gone.iteration(1)
    del gone
    gc.collect()
    store = Sized(budget)
    store.iteration(0)
    store.iteration(1)
    assert list(store._passes) == [0, 1]
    assert budget.used <= 200
