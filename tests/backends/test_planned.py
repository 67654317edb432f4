"""Arrays that are planned: those in files are read in chunks, the small ones are kept, the large ones worked out in
parts, here and by the workers of a scheduler, which may be stopped, and may die."""

from __future__ import annotations

import gc
import logging
import math
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpdebug
from bpdebug import backends
from bpdebug.arrays import Array
from bpdebug.backends import backend, device
from bpdebug.engine import Timeline
from bpdebug.engine.budget import Budget
from bpdebug.engine.edits import Override
from bpdebug.engine.stats import stats
from bpdebug.errors import BpdebugError
from bpdebug.far import Far
from bpdebug.progress import Stopped, listening
from bpdebug.scenario import Scenario
from bpdebug.symbolic import PRIMS
from tests.backends.test_lessons import assert_near
from tests.engine.test_bounded import chain
from tests.graphs import examples

da = pytest.importorskip("dask.array", reason="dask: an extra")
distributed = pytest.importorskip("distributed", reason="comes with dask's extra")

from bpdebug.backends.planned import cluster, here, pieces  # noqa: E402 - after the extra

NET = """format = 1
dtype = "float64"
seed = 3
[inputs]
X = { shape = [4, 10], init = "normal" }
[parameters]
W1 = { file = "W1.npy" }
b1 = { shape = [12], init = "normal" }
W2 = { file = "W2.npy" }
[graph]
loss = "L"
program = \"\"\"
Z = X @ W1 + b1
H = tanh(Z)
Y = H @ W2
L = mean(Y ** 2)
\"\"\"
"""
NAMES = ["X", "W1", "b1", "W2", "Z", "H", "Y", "L"]


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A net whose weights lie in files, in chunks of 4 cells an axis."""
    monkeypatch.setattr(pieces, "AXIS", 4)
    rng = np.random.default_rng(1)
    np.save(tmp_path / "W1.npy", rng.normal(size=(10, 12)))
    np.save(tmp_path / "W2.npy", np.asfortranarray(rng.normal(size=(12, 7))))
    (tmp_path / "net.toml").write_text(NET, encoding="utf-8")
    return tmp_path / "net.toml"


@contextmanager
def local(workers: int = 2, **how: Any) -> Iterator[Any]:
    """Workers of this machine's; Dask leaves a socket of theirs to the garbage collector, which may say so here."""
    how = {"threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": logging.CRITICAL, **how}
    made = _quietly(lambda: distributed.LocalCluster(n_workers=workers, **how))
    try:
        yield made
    finally:
        client = cluster.KNOWN.pop(made.scheduler_address, None)
        if client is not None:
            client.client.close()  # or it would say that its scheduler has gone
        _quietly(made.close)


def _quietly(call: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        found = call()
        gc.collect()
    return found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A scheduler with two workers in this process."""
    with local(processes=False) as made:
        yield made.scheduler_address


def opened(path: Path, scheduler: str | None = None) -> tuple[Scenario, Timeline]:
    scenario = bpdebug.load(path, backend="dask", scheduler=scheduler)
    return scenario, bpdebug.run(scenario)


def assert_as_numpy(path: Path, there: Timeline) -> None:
    plain = bpdebug.run(bpdebug.load(path))
    for name in NAMES:
        assert_near(np.asarray(there.value(name)), plain.value(name), name)
        wanted, found = plain.grad(name), there.grad(name)
        assert wanted is not None
        assert found is not None
        assert_near(np.asarray(found), wanted, f"∂{name}")


# --- files


def test_weights_in_files_are_read_in_chunks_and_never_whole(net: Path) -> None:
    scenario, there = opened(net)
    assert_as_numpy(net, there)
    leaves = {leaf.name: leaf for leaf in scenario.graph.leaves}
    assert "array" not in vars(leaves["W1"]) | vars(leaves["W2"])
    assert there.iteration(0).V[scenario.graph.index["W1"]].numblocks == (3, 3)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[slice, ...]]:
    """The parts that are read from here on, of what is opened from here on."""
    found = list[tuple[slice, ...]]()

    def part(there: Any, key: tuple[slice, ...]) -> Any:
        found.append(key)
        return there.parts(key)

    monkeypatch.setattr(pieces, "_part", part)
    return found


def test_each_chunk_is_read_once_on_each_way_and_never_again(net: Path, read: list[tuple[slice, ...]]) -> None:
    """What is worked out is kept: to look at it again reads nothing."""
    _, there = opened(net)
    there.run()
    forward, backward = 3 * 3 + 3 * 2, 3 * 3 + 3 * 2  # ∂X and ∂H read the weights, ∂W1 and ∂W2 do not
    assert len(read) == forward + backward
    for name in ("Z", "H", "Y", "L"):
        there.value(name)
        there.grad(name)
    assert len(read) == forward + backward


def test_what_a_fork_computes_is_kept_too(
    net: Path, read: list[tuple[slice, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "SMALL", 0)  # nothing comes over whole, and is kept here
    _, there = opened(net)
    fork = there.fork(Override(there.graph.index["b1"], False, (0,), np.array(3.0)))
    np.asarray(fork.value("Y"))
    before = len(read)
    assert before
    np.asarray(fork.value("L"))  # Y's mean square
    assert len(read) == before


def test_what_there_is_no_room_for_stays_planned_on_what_was_kept(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_once", backends._made)  # what others keep of the shared one takes its room
    _, there = opened(net)
    run, index = there.run().iteration(0), there.graph.index
    every = {x.name: x.nbytes for x in (*run.V, *run.G) if x is not run.V[index["W1"]] and x is not run.V[index["W2"]]}
    monkeypatch.setattr(here.Here, "room", sum(every.values()) - 1)
    del there, run
    gc.collect()  # what they hold is kept so long
    _, there = opened(net)
    run = there.run().iteration(0)
    plan, kept = run.G[index["W1"]], [run.V[index["X"]], run.G[index["Z"]], run.G[index["b1"]]]
    assert {x.name for x in kept[:2]} < set(plan.dask.layers)
    assert all(len(x.dask.layers) == 1 for x in kept)
    assert not any(name.startswith("array") for name in set(plan.dask.layers) - {x.name for x in kept})
    assert_as_numpy(net, there)


# --- what is asked of all cells


CELLS = st.sampled_from([0.0, 1.0, -3.5, 1e-200, 1e200, -1e300, math.inf, -math.inf, math.nan, 5e-324])


@st.composite
def in_chunks(draw: st.DrawFn) -> tuple[Array, Far]:
    """A matrix of few rows and columns, and the same in chunks."""
    on = backend("dask")
    assert on is not None
    shape, sizes = (
        draw(st.tuples(st.integers(1, 9), st.integers(1, 9))),
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
    )
    dtype = np.dtype(draw(st.sampled_from(["float64", "float32", "int64", "bool"])))
    count = math.prod(shape)
    with np.errstate(all="ignore"):
        array = np.array(draw(st.lists(CELLS, min_size=count, max_size=count))).reshape(shape)
        array = (array if dtype.kind == "f" else np.nan_to_num(array).clip(-9, 9)).astype(dtype)
    return array, Far(da.from_array(array, chunks=draw(sizes)), array.dtype, on)


@examples(40)
@given(case=in_chunks(), size=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_what_is_asked_of_chunks_is_what_is_asked_of_all(case: tuple[Array, Far], size: tuple[int, int]) -> None:
    """Sums over chunks of very different sizes, NaN, infinities, cells so large that their squares overflow."""
    array, far = case
    wanted, found = stats(array), stats(far)  # type: ignore[arg-type]  # a far array stands for one
    for name in ("min", "max", "zeros", "nans", "infs"):
        assert getattr(found, name) == getattr(wanted, name)
    for name in ("mean", "std", "norm"):
        ours, own = getattr(found, name), getattr(wanted, name)
        assert (ours is None) == (own is None)
        assert own is None or abs(ours - own) <= 1e-12 * max(abs(own), (wanted.norm or 0) * 1e-3)
    (high, wide), peaks = size, far.peaks(*size)
    for row, column in np.ndindex(peaks.shape):
        block = array[row * high : (row + 1) * high, column * wide : (column + 1) * wide]
        np.testing.assert_array_equal(peaks[row, column], np.abs(block.astype(float)).max())


@pytest.mark.parametrize("word", ["logical_and", "logical_or", "maximum", "minimum", "hypot", "logaddexp", "atan2"])
def test_a_word_on_arrays_that_were_cut_otherwise_is_numpys(word: str) -> None:
    """Weights from two files are, and so is `why`'s mask beside a gradient in the chunks of files."""
    rng, on = np.random.default_rng(1), backend("dask")
    assert on is not None
    for shape, cuts in (((9, 6), ((4, 5), (3, 6))), ((1, 6), ((1, 2), (1, 6))), ((6,), (4, 6))):
        dtype = bool if word.startswith("logical") else float
        left, right = rng.integers(-1, 2, (9, 6)).astype(dtype), rng.integers(-1, 2, shape).astype(dtype)
        mine = getattr(on.words, word)(da.from_array(left, chunks=(2, 6)), da.from_array(right, chunks=cuts[0]))
        assert mine.dtype == PRIMS[word].run(left, right).dtype
        np.testing.assert_array_equal(mine.compute(), PRIMS[word].run(left, right))
        other = getattr(on.words, word)(left, da.from_array(right, chunks=cuts[1]))
        np.testing.assert_array_equal(other.compute(), PRIMS[word].run(left, right))


@pytest.mark.parametrize("shape", [(9, 6), (3, 9, 6), (0, 6)], ids=str)
def test_what_is_broadcast_has_chunks_of_its_own(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of a sum over a large matrix would be one piece."""
    monkeypatch.setattr(pieces, "AXIS", 4)
    for array in (np.array(2.0), np.arange(6.0), np.arange(6.0).reshape(1, 6)):
        found = pieces.spread(da.from_array(array, chunks=4), shape)
        assert max(map(max, found.chunks)) <= 4
        np.testing.assert_array_equal(found.compute(), np.broadcast_to(array, shape))


# --- a scheduler


@pytest.mark.parametrize("name", ["two_layer", "causal_attention", "conv_im2col"])
def test_a_lesson_on_a_scheduler_is_the_lesson(name: str, address: str) -> None:
    plain = bpdebug.run(bpdebug.load(name))
    there = bpdebug.run(bpdebug.load(name), backend="dask", scheduler=address)
    for at in range(len(plain)):
        assert_near(np.asarray(there[at].value), plain[at].value, f"event {at}")


def test_weights_in_files_are_read_by_workers(net: Path, address: str) -> None:
    scenario, there = opened(net, address)
    assert_as_numpy(net, there)
    assert not any("array" in vars(leaf) for leaf in scenario.graph.leaves if leaf.name in ("W1", "W2"))


@pytest.mark.parametrize("there", ["here", "workers"])
def test_so_are_those_in_folders_of_chunks(there: str, net: Path, address: str) -> None:
    """In their own chunks, which those of other arrays are cut like."""
    zarr = pytest.importorskip("zarr", reason="an extra")
    array = np.load(net.parent / "W1.npy")
    zarr.create_array(str(net.parent / "W1.zarr"), shape=array.shape, chunks=(3, 2), dtype=array.dtype)[...] = array
    net.write_text(NET.replace("W1.npy", "W1.zarr"), encoding="utf-8")
    scenario, timeline = opened(net, address if there == "workers" else None)
    assert timeline.run().iteration(0).V[scenario.graph.index["W1"]].chunksize == (3, 4)
    assert_as_numpy(net, timeline)


def test_a_run_that_is_stopped_is_cancelled_and_goes_on_when_asked(net: Path, address: str) -> None:
    _, there = opened(net, address)
    client = cluster.cluster(address).client

    def stop() -> None:
        if client.futures:  # the workers are at work
            raise Stopped

    with listening(lambda *far: None, stop), pytest.raises(Stopped):
        there.run()
    while any(future.status == "pending" for future in client.futures.values()):
        Event().wait(0.05)
    assert_as_numpy(net, there)


def test_progress_is_heard(net: Path, address: str) -> None:
    _, there = opened(net, address)
    heard = list[float]()
    with listening(lambda done, total, unit: heard.append(done / total)):
        there.run()
    assert heard
    assert max(heard) <= 1


def test_an_address_where_nothing_answers_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWERS", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense", "tcp://[", "ftp://127.0.0.1:9"):
        with pytest.raises(BpdebugError, match="no scheduler of dask's answers") as caught:
            bpdebug.run(bpdebug.load("transpose"), backend="dask", scheduler=address)
        assert caught.value.code == "E_FILE"


def test_workers_of_other_versions_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "KNOWN", {})
    real = distributed.Client.get_versions

    def told(self: Any, **how: Any) -> Any:
        found = real(self, **how)
        next(iter(found["workers"].values()))["packages"]["bpdebug"] = None
        return found

    monkeypatch.setattr(distributed.Client, "get_versions", told)
    with pytest.raises(BpdebugError, match="has no bpdebug, and this machine"):
        bpdebug.run(bpdebug.load("transpose"), backend="dask", scheduler=address)


# --- workers that die


def test_two_workers_are_killed_and_the_answer_comes(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with local(memory_limit="512MiB") as made:
        _, there = opened(net, made.scheduler_address)
        there.run()
        for worker in made.workers.values():
            os.kill(worker.pid, signal.SIGKILL)
        assert_as_numpy(net, there)
        monkeypatch.setattr(cluster, "PATIENCE", 0.5)
        made.scale(0)
        while made.workers or made.scheduler.workers:
            Event().wait(0.05)
        with pytest.raises(BpdebugError, match="no worker is left") as caught:
            opened(net, made.scheduler_address)[1].run()
        assert caught.value.code == "E_FILE"


def test_a_scheduler_that_is_gone_is_one_message(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWERS", 0.5)
    with local(1, processes=False) as made:
        _, there = opened(net, made.scheduler_address)
        there.run()
        _quietly(made.close)
        with pytest.raises(BpdebugError) as caught:
            assert_as_numpy(net, there)
        assert caught.value.code == "E_FILE"
        with pytest.raises(BpdebugError, match="no scheduler of dask's answers"):
            opened(net, made.scheduler_address)[1].run()


def test_what_lies_beside_an_array_comes_over_with_it(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to a cluster and back takes as long for one small array as for twenty."""
    graph, on = chain(40, side=4, skips=True), backends.backend("dask", None, address)
    there, own = (Timeline(graph, budget=Budget(10**9, backend=of)) for of in (on, None))
    there.run()
    asked, compute = list[int](), cluster.Cluster.compute

    def counted(self: Any, arrays: Any) -> Any:
        asked.append(len(arrays))
        return compute(self, arrays)

    monkeypatch.setattr(cluster.Cluster, "compute", counted)
    for tensor in range(len(graph.names)):
        for ask in ("value", "gradient"):
            wanted, found = (getattr(of.iteration(0), ask)(tensor) for of in (own, there))
            assert (found is None) == (wanted is None)
            if wanted is not None:
                np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
    assert len(asked) <= 2 * len(graph.names) // 10
    before = len(asked)
    assert there.value("R39").shape == (32, 4)
    assert len(asked) == before
