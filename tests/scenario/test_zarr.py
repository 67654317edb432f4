"""Tensors in Zarr's folders: opened in parts or whole, and nothing unpickled, nothing unpacked that is too large."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpdebug.errors import BpdebugError, InputError
from bpdebug.limits import Limits
from bpdebug.scenario.zarr_arrays.grid import unpacked
from tests.scenario.test_parts import leaf

zarr = pytest.importorskip("zarr", reason="an extra")
numcodecs = pytest.importorskip("numcodecs", reason="comes with zarr")

ARRAY = np.arange(120.0).reshape(10, 12) / 7
FILE = '{ file = "v.zarr" }'


def written(folder: Path, array: Any = ARRAY, *, name: str = "v.zarr", **how: Any) -> Path:
    """An array as Zarr writes it, in chunks of 4 x 5."""
    how = {"chunks": (4, 5)[: np.ndim(array)], "zarr_format": 3, **how}
    made = zarr.create_array(str(folder / name), shape=array.shape, dtype=array.dtype, **how)
    made[...] = array
    return folder / name


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("how", [
    {}, {"compressors": None}, {"compressors": "blosc"}, {"chunks": (10, 12)}, {"order": "F"},
], ids=str)  # fmt: skip
def test_what_zarr_writes_is_read_whole_and_in_parts(zarr_format: int, how: dict[str, Any], tmp_path: Path) -> None:
    if how.get("compressors") == "blosc":
        packer = numcodecs.Blosc() if zarr_format == 2 else zarr.codecs.BloscCodec()
        how = {"compressors": packer}
    if "order" in how and zarr_format == 3:
        how = {"filters": [zarr.codecs.TransposeCodec(order=(1, 0))]}
    written(tmp_path, zarr_format=zarr_format, **how)
    found = leaf(tmp_path, FILE)
    assert (found.shape, found.dtype.name) == ((10, 12), "float64")
    np.testing.assert_array_equal(found.array, ARRAY)
    assert found.parts is not None
    assert found.parts.chunks == how.get("chunks", (4, 5))
    np.testing.assert_array_equal(found.parts((slice(3, 9), slice(4, 11))), ARRAY[3:9, 4:11])
    assert found.parts((slice(2, 2), slice(0, 3))).shape == (0, 3)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint16", "int64", "bool"])
def test_types_are_those_of_other_files(dtype: str, tmp_path: Path) -> None:
    array = (ARRAY > 9) if dtype == "bool" else np.arange(120).reshape(10, 12).astype(dtype)
    written(tmp_path, array)
    found = leaf(tmp_path, FILE)
    kept = np.dtype(dtype) if dtype == "bool" else np.dtype(np.float64 if dtype.startswith("f") else np.int64)
    assert found.dtype == kept
    np.testing.assert_array_equal(found.array, array.astype(kept))


def test_bits_of_a_narrow_float_are_widened(tmp_path: Path) -> None:
    written(tmp_path, np.full((4, 5), 0x3FC0, np.uint16))
    np.testing.assert_array_equal(
        leaf(tmp_path, '{ file = "v.zarr", stored = "bfloat16" }').array, np.full((4, 5), 1.5)
    )


def test_a_chunk_that_was_never_written_has_the_fill_value(tmp_path: Path) -> None:
    zarr.create_array(str(tmp_path / "v.zarr"), shape=(10, 12), chunks=(4, 5), dtype="f8", fill_value=2.5)
    np.testing.assert_array_equal(leaf(tmp_path, FILE).array, np.full((10, 12), 2.5))


def test_an_array_of_a_group_is_named(tmp_path: Path) -> None:
    zarr.create_group(str(tmp_path / "v.zarr"))
    written(tmp_path / "v.zarr", name="layer/W")
    np.testing.assert_array_equal(leaf(tmp_path, '{ file = "v.zarr", name = "layer/W" }').array, ARRAY)
    assert "no array" in refused(tmp_path, FILE).message
    assert "leaves the folder" in refused(tmp_path, '{ file = "v.zarr", name = "../v.zarr" }').message


def refused(folder: Path, tensor: str = FILE) -> BpdebugError:
    """The refusal of a tensor, where it is opened or at the latest where it is read."""
    with pytest.raises(BpdebugError) as caught:
        leaf(folder, tensor).read()
    assert caught.value.code in ("E_FILE", "E_LIMIT")
    assert caught.value.hint
    return caught.value


def change(file: Path, to: Callable[[dict[str, Any]], object]) -> None:
    """Metadata with something else in them."""
    said = json.loads(file.read_text())
    to(said)
    file.write_text(json.dumps(said))


def put(key: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda said: said.update({key: value})


BAD = {
    "a pickle": put("dtype", "|O"),
    "filters": put("filters", [{"id": "pickle"}]),
    "gzip": put("compressor", {"id": "gzip"}),
    "packed twice": put("filters", [{"id": "zstd"}]),
    "negative": put("shape", [-1, 12]),
    "no chunks": put("chunks", [0, 5]),
    "chunks of another rank": put("chunks", [4]),
    "text for sizes": put("shape", "10"),
    "a bomb": put("shape", [10**6, 10**6]),
    "a chunk that is one": put("chunks", [2**20, 2**20]),
    "no format": lambda said: said.clear(),
}


@pytest.mark.parametrize("name", BAD)
def test_metadata_that_ask_for_more_are_refused(name: str, tmp_path: Path) -> None:
    change(written(tmp_path, zarr_format=2) / ".zarray", BAD[name])
    refused(tmp_path)


@pytest.mark.parametrize(("key", "value"), [
    ("data_type", "string"), ("data_type", {"name": "numpy.datetime64"}), ("shape", [10, True]), ("codecs", [3]),
    ("chunk_grid", {"name": "rectangular"}), ("codecs", [{"name": "bytes"}, {"name": "numcodecs.pickle"}]),
    ("codecs", [{"name": "sharding_indexed"}]), ("fill_value", "x"),
])  # fmt: skip
def test_so_are_those_of_format_3(key: str, value: Any, tmp_path: Path) -> None:
    change(written(tmp_path) / "zarr.json", put(key, value))
    refused(tmp_path)


@pytest.mark.parametrize("how", ["text", "twice", "large", "deep"])
def test_metadata_that_are_none_are_refused(how: str, tmp_path: Path) -> None:
    at = written(tmp_path) / "zarr.json"
    raw = {"text": "no", "twice": '{"a":1,"a":2}', "large": " " * 200_000, "deep": "[" * 50_000}[how]
    at.write_text(raw)
    refused(tmp_path)


def test_what_is_no_folder_of_zarrs_is_refused(tmp_path: Path) -> None:
    assert "there is nothing" in refused(tmp_path).message
    (tmp_path / "v.zarr").mkdir()
    assert "neither zarr.json nor .zarray" in refused(tmp_path).message
    (tmp_path / "v.zarr").rmdir()
    (tmp_path / "v.zarr").write_text("")
    refused(tmp_path)


@pytest.mark.parametrize("what", ["the folder", "metadata", "a chunk", "a folder of chunks"])
def test_no_link_is_followed(what: str, tmp_path: Path) -> None:
    at = written(tmp_path)
    path = {"the folder": at, "metadata": at / "zarr.json", "a chunk": at / "c/0/0", "a folder of chunks": at / "c/1"}[
        what
    ]
    os.rename(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert "no links" in refused(tmp_path).hint


@pytest.mark.parametrize("packer", ["zstd", "blosc"])
def test_a_chunk_that_unpacks_to_more_than_it_is_is_refused(packer: str, tmp_path: Path) -> None:
    """What it says is believed before anything is allocated."""
    codec = numcodecs.Zstd() if packer == "zstd" else numcodecs.Blosc()
    at = written(tmp_path, zarr_format=2, compressors=codec)
    bomb = codec.encode(bytes(10_000_000))
    assert len(bomb) < 100_000
    assert unpacked(bytes(bomb), packer) == 10_000_000
    (at / "1.1").write_bytes(bomb)
    assert "10,000,000" in refused(tmp_path).message


@pytest.mark.parametrize("raw", [b"", b"x", b"\x28\xb5\x2f\xfd\x00", bytes(300_000)], ids=len)
def test_a_damaged_chunk_is_refused(raw: bytes, tmp_path: Path) -> None:
    (written(tmp_path) / "c/0/1").write_bytes(raw)
    refused(tmp_path)


def test_metadata_that_changed_are_refused_where_a_part_is_read(tmp_path: Path) -> None:
    at = written(tmp_path)
    read = leaf(tmp_path, FILE).parts
    assert read is not None
    change(at / "zarr.json", put("shape", [9, 12]))
    with pytest.raises(InputError, match="has changed"):
        read((slice(0, 1), slice(0, 1)))


def test_the_memory_bounds_it_as_other_files(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(InputError, match="memory"):
        leaf(tmp_path, FILE, Limits({"memory": 1500}))
    assert leaf(tmp_path, FILE, Limits({"memory": 1500}, arrays=("dask", None, None))).shape == (10, 12)
