"""Parts of tensor files: read alone, where the rest is not needed, and what NumPy says they are."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.arrays import Array, Parts
from bpdebug.errors import InputError
from bpdebug.graph import Leaf
from bpdebug.limits import Limits
from bpdebug.scenario import load, sources
from tests.graphs import examples
from tests.language.writing import text


def leaf(folder: Path, tensor: str, limits: Limits | None = None) -> Leaf:
    """The leaf V of a scenario in a folder, from a file there."""
    path = folder / "s.toml"
    path.write_text(text(parameters=f'W = {{ shape = [3, 2], init = "normal" }}\nV = {tensor}'), encoding="utf-8")
    return next(found for found in load(path, limits=limits).graph.leaves if found.name == "V")


def parts(folder: Path, tensor: str) -> Parts:
    found = leaf(folder, tensor).parts
    assert found is not None
    return found


@st.composite
def arrays_and_slices(draw: st.DrawFn) -> tuple[Array, tuple[slice, ...]]:
    shape = draw(st.lists(st.integers(0, 5), max_size=4).map(tuple))
    dtype = draw(st.sampled_from(["<f8", ">f4", "<i2", "|u1", "|b1"]))
    array = np.asarray(np.random.default_rng(0).integers(0, 100, shape)).astype(dtype)
    spans = [sorted((draw(st.integers(0, n)), draw(st.integers(0, n)))) for n in shape]
    return np.asarray(array, order=draw(st.sampled_from("CF"))), tuple(slice(a, b) for a, b in spans)


@examples(60)
@given(case=arrays_and_slices())
def test_a_part_is_what_numpy_has_there(
    case: tuple[Array, tuple[slice, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    (array, key), folder = case, tmp_path_factory.mktemp("parts")
    np.save(folder / "v.npy", array)
    read = parts(folder, '{ file = "v.npy" }')
    found, wanted = read(key), array[key]
    assert found.dtype.kind == {"f": "f", "i": "i", "u": "i", "b": "b"}[wanted.dtype.kind]
    np.testing.assert_array_equal(found, wanted)


def test_what_is_sent_to_read_parts_is_small_and_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker has another current folder."""
    np.save(tmp_path / "v.npy", np.zeros((100, 100)))
    monkeypatch.chdir(tmp_path)
    read = parts(Path(), '{ file = "v.npy" }')
    sent = pickle.dumps(read)
    assert len(sent) < 1000
    monkeypatch.chdir(tmp_path.parent)
    assert pickle.loads(sent)((slice(3, 4), slice(0, 2))).tolist() == [[0.0, 0.0]]


def test_a_file_that_is_packed_is_read_whole(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", V=np.zeros(3))
    assert leaf(tmp_path, '{ file = "v.npz" }').parts is None


@pytest.mark.parametrize("change", ["shorter", "another", "other cells", "gone", "a link"])
def test_a_file_that_changed_is_refused_where_a_part_is_read(change: str, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.zeros((4, 4)))
    read = parts(tmp_path, '{ file = "v.npy" }')
    raw = (tmp_path / "v.npy").read_bytes()
    (tmp_path / "v.npy").unlink()
    if change == "shorter":
        (tmp_path / "v.npy").write_bytes(raw[:-8])
    elif change == "another":
        np.save(tmp_path / "v.npy", np.zeros((2, 8)))
    elif change == "other cells":
        np.save(tmp_path / "v.npy", np.ones((4, 4)))
        os.utime(tmp_path / "v.npy", (1e9, 1e9))
    elif change == "a link":
        (tmp_path / "w.npy").write_bytes(raw)
        (tmp_path / "v.npy").symlink_to(tmp_path / "w.npy")
    with pytest.raises(InputError) as caught:
        read((slice(0, 1), slice(0, 1)))
    assert caught.value.code == "E_FILE"


def test_a_copy_of_the_file_on_another_machine_has_a_time_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "v.npy", np.zeros((4, 4)))
    read = parts(tmp_path, '{ file = "v.npy" }')
    os.utime(tmp_path / "v.npy", (1e9, 1e9))
    monkeypatch.setattr(sources, "_HOST", "another")
    np.testing.assert_array_equal(read((slice(0, 1), slice(0, 1))), [[0.0]])


def test_what_is_drawn_here_is_not_sent_where_it_is_large(tmp_path: Path) -> None:
    """NumPy's generator draws its numbers one after another: no worker could begin in the middle."""
    large = '{ shape = [20000, 10000], init = "normal" }'
    with pytest.raises(InputError, match="would go through the scheduler") as caught:
        leaf(tmp_path, large, Limits(arrays=("dask", None, "tcp://127.0.0.1:1")))
    assert caught.value.code == "E_LIMIT"
    assert leaf(tmp_path, large, Limits({"memory": 2**40})).shape == (20000, 10000)


def test_what_lies_in_a_file_need_not_fit_where_it_is_read_in_parts(tmp_path: Path) -> None:
    """Nothing of it is read to open it; what is packed, or written out, is held here and bounded as ever."""
    np.save(tmp_path / "v.npy", np.zeros((100, 100)))
    np.savez(tmp_path / "v.npz", V=np.zeros((100, 100)))
    small, planned = Limits({"memory": 10_000}), Limits({"memory": 10_000}, arrays=("dask", None, None))
    for tensor, limits, fits in [
        ('{ file = "v.npy" }', small, False), ('{ file = "v.npy" }', planned, True),
        ('{ file = "v.npz" }', planned, False), ('{ shape = [100, 100], init = "normal" }', planned, False),
    ]:  # fmt: skip
        if fits:
            found = leaf(tmp_path, tensor, limits)
            assert found.shape == (100, 100)
            assert "array" not in vars(found)
        else:
            with pytest.raises(InputError, match="memory"):
                leaf(tmp_path, tensor, limits)
