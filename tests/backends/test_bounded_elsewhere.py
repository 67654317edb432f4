"""A budget on other libraries' arrays: the same bits as without one, by their own functions, and counted work."""

from __future__ import annotations

import gc
from collections import OrderedDict
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from weakref import ref

import pytest
from hypothesis import given
from msgspec.structs import replace

import bpdebug
from bpdebug.engine import Timeline
from bpdebug.engine.bounded import BoundedPass
from bpdebug.engine.budget import Budget
from bpdebug.engine.placed import PlacedPass
from bpdebug.errors import InputError
from bpdebug.frontends.spill import SpillFile
from tests.backends.test_every_op import library, needs_arrays
from tests.engine.test_bounded import Walk, chain, part_of, walked, walks
from tests.frontends.test_spill import DEEP
from tests.graphs import bits, examples

HERE = [pytest.param(name, marks=needs_arrays[name]) for name in ("strict", "torch")]
PLANNED = pytest.param("dask", marks=needs_arrays["dask"])


@pytest.mark.parametrize("name", HERE)
@examples(20)
@given(walk=walks())
def test_every_value_gradient_and_part_has_the_same_bits(name: str, walk: Walk) -> None:
    graph, on = walk.random.build(), library(name)
    disk = partial(SpillFile, gettempdir()) if walk.spills else None
    ample = Timeline(graph, seed=3, budget=Budget(10**9, backend=on))
    bounded = Timeline(graph, seed=3, budget=Budget(part_of(graph, walk.fits), disk, on))
    walked(walk, ample, bounded)


@pytest.mark.parametrize("name", [*HERE, pytest.param("jax", marks=needs_arrays["jax"])])
@pytest.mark.parametrize("spills", [False, True])
def test_what_is_forgotten_there_is_computed_there_again(name: str, spills: bool, tmp_path: Path) -> None:
    """On arrays that NumPy cannot see, as a device's."""
    graph, on = chain(60, side=32, skips=True), replace(library(name), shares=False)
    disk = partial(SpillFile, str(tmp_path)) if spills else None
    timeline = Timeline(graph, budget=Budget(part_of(graph, 1 / 4), disk, on))
    run = timeline.iteration(0)
    assert isinstance(run, BoundedPass)
    found = [bits(timeline.grad(leaf.name)) for leaf in graph.leaves]
    assert all(type(x) is type(run.V[0]) for x in (*run.V, *run.G) if x is not None)
    assert sum(x is None for x in run.V) > len(graph) // 2
    assert len(graph) * (1 if spills else 1.2) <= run.computed[0] <= len(graph) * (1 if spills else 2)
    ample = Timeline(graph, budget=Budget(10**9, backend=on))
    assert found == [bits(ample.grad(leaf.name)) for leaf in graph.leaves]


class Forgetful(OrderedDict[int, Any]):
    """What is kept is let go at once, as by a thread that makes room meanwhile."""

    def __setitem__(self, key: int, kept: Any) -> None:
        pass


@needs_arrays["torch"]
def test_what_another_thread_lets_go_is_given_out_all_the_same() -> None:
    graph = chain(3)
    run, other = (Timeline(graph, budget=Budget(10**9, backend=library("torch"))).iteration(0) for _ in range(2))
    assert isinstance(run, PlacedPass)
    run._near = Forgetful()
    assert bits(run.value(graph.first)) == bits(other.value(graph.first))


@pytest.mark.parametrize("name", HERE)
def test_load_run_and_session_take_a_budget_of_them(name: str, tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(DEEP.format(layers=40))
    scenario = bpdebug.load(path)
    timeline = bpdebug.run(scenario, memory="2M", backend=name)
    assert isinstance(timeline.iteration(0), BoundedPass)
    assert bits(timeline.grad("W")) == bits(bpdebug.run(scenario, backend=name).grad("W"))
    session = bpdebug.Session(scenario, memory="2M", backend=name)
    session.do("seek end")
    assert "gradients of leaves; at" in session.do("info memory").to_text()
    with pytest.raises(InputError, match="this takes at least"):
        bpdebug.run(scenario, memory="300K", backend=name)


@pytest.mark.parametrize("name", [PLANNED])
def test_of_what_is_only_planned_the_library_says_what_is_kept(name: str, tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(DEEP.format(layers=4))
    session = bpdebug.Session(bpdebug.load(path), memory="100K", backend=name)
    session.do("seek end")
    assert "dask keeps what it has room for, here or at its workers" in " ".join(
        session.do("info memory").to_text().split()
    )


@pytest.mark.parametrize("part", [1, 1 / 4], ids=["whole", "cut"])
@pytest.mark.parametrize("name", HERE)
def test_what_was_computed_is_freed_with_its_timeline_at_once(name: str, part: float) -> None:
    """A pass that held itself would keep a device's memory until the garbage collector comes."""
    graph = chain(60, side=32, skips=True)
    gc.disable()
    try:
        timeline = Timeline(graph, budget=Budget(part_of(graph, part), backend=library(name)))
        assert timeline.run().grad("X") is not None
        run = ref(timeline.iteration(0))
        del timeline
        assert run() is None
    finally:
        gc.enable()
