"""Tensor files: what NumPy and safetensors write is read, what could hurt is refused before it is allocated."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bpdebug.arrays import Array
from bpdebug.errors import BpdebugError
from bpdebug.graph import Leaf
from bpdebug.scenario import Scenario, load
from tests.language.writing import text

GOOD = np.arange(6.0).reshape(3, 2) / 7


def scenario(folder: Path, tensor: str, *, top: str = "") -> Scenario:
    """A scenario whose parameter V comes from a file of this folder."""
    path = folder / "s.toml"
    parameters = f'W = {{ shape = [3, 2], init = "normal" }}\nV = {tensor}'
    path.write_text(text(top=top, parameters=parameters), encoding="utf-8")
    return load(path)


def leaf(made: Scenario) -> Leaf:
    return next(found for found in made.graph.leaves if found.name == "V")


def refusal(folder: Path, tensor: str) -> BpdebugError:
    with pytest.raises(BpdebugError) as caught:
        scenario(folder, tensor)
    assert caught.value.where == "s.toml:9"
    assert caught.value.hint
    return caught.value


def safetensors(tensors: dict[str, tuple[str, tuple[int, ...], bytes]], **more: object) -> bytes:
    head: dict[str, object] = dict(more)
    data = b""
    for name, (dtype, shape, raw) in tensors.items():
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    raw_head = json.dumps(head).encode()
    return struct.pack("<Q", len(raw_head)) + raw_head + data


# --- what is read


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (GOOD, "float64"),
        (np.asfortranarray(GOOD), "float64"),
        (GOOD.astype(">f8"), "float64"),
        (GOOD.astype("f4"), "float64"),
        (GOOD.astype("f2"), "float64"),
        (np.array(0.5), "float64"),
        (np.zeros((0, 3)), "float64"),
        (np.array([np.nan, np.inf, -np.inf]), "float64"),
        (np.arange(5, dtype="i4"), "int64"),
        (np.arange(5, dtype="u1"), "int64"),
        (np.arange(5, dtype=">i2"), "int64"),
        (np.array([True, False]), "bool"),
    ],
)
def test_npy(array: Array, dtype: str, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", array)
    found = leaf(scenario(tmp_path, '{ file = "v.npy" }'))
    assert (found.shape, found.dtype) == (array.shape, np.dtype(dtype))
    cells = found.read()
    assert np.array_equal(cells, array.astype(dtype), equal_nan=dtype == "float64")
    assert cells.dtype == np.dtype(dtype)
    assert cells.dtype.isnative
    assert not cells.flags.writeable
    assert cells.flags.f_contiguous == array.flags.f_contiguous


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_npy(version: tuple[int, int], tmp_path: Path) -> None:
    with (tmp_path / "v.npy").open("wb") as file:
        np.lib.format.write_array(file, GOOD, version=version)
    assert np.array_equal(leaf(scenario(tmp_path, '{ file = "v.npy" }')).read(), GOOD)


def test_headers_of_other_writers(tmp_path: Path) -> None:
    for head in (
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3L, 2L), }",
        '{"shape":(3,2),"descr":"<f8","fortran_order":False}',
        "{'fortran_order': False, 'shape': (3, 2), 'descr': '<f8'}\n",
    ):
        raw = head.encode()
        (tmp_path / "v.npy").write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(raw)) + raw + GOOD.tobytes())
        assert np.array_equal(leaf(scenario(tmp_path, '{ file = "v.npy" }')).read(), GOOD)


def test_floats_get_the_dtype_of_the_scenario(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", GOOD)
    cells = leaf(scenario(tmp_path, '{ file = "v.npy" }', top='dtype = "float32"')).read()
    assert cells.dtype == np.float32
    assert np.array_equal(cells, GOOD.astype(np.float32))


@pytest.mark.parametrize(
    ("array", "said", "code"),
    [
        (np.arange(3), "float64", None), (np.array([True]), "int64", None), (np.array([True]), "float64", None),
        (GOOD, "int64", "E_DTYPE"), (np.arange(3), "bool", "E_DTYPE"), (GOOD, "float32", "E_DTYPE"),
    ],
)  # fmt: skip
def test_a_dtype_that_is_said_must_fit_the_file(
    array: Array, said: str, code: str | None, tmp_path: Path
) -> None:  # fmt: skip
    np.save(tmp_path / "v.npy", array)
    tensor = f'{{ file = "v.npy", dtype = "{said}" }}'
    if code:
        assert refusal(tmp_path, tensor).code == code
    else:
        assert leaf(scenario(tmp_path, tensor)).read().dtype == np.dtype(said)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(save: Callable[..., None], tmp_path: Path) -> None:
    save(tmp_path / "v.npz", V=GOOD, other=np.arange(3))
    assert np.array_equal(leaf(scenario(tmp_path, '{ file = "v.npz", name = "V" }')).read(), GOOD)
    assert leaf(scenario(tmp_path, '{ file = "v.npz", name = "other.npy" }')).dtype == np.int64
    assert "there are: V, other" in refusal(tmp_path, '{ file = "v.npz" }').hint
    assert "did you mean other" in refusal(tmp_path, '{ file = "v.npz", name = "othr" }').hint


def test_the_only_tensor_of_a_file_needs_no_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", anything=GOOD)
    assert np.array_equal(leaf(scenario(tmp_path, '{ file = "v.npz" }')).read(), GOOD)


@pytest.mark.parametrize(
    ("kind", "raw", "values"),
    [
        ("F64", struct.pack("<2d", 0.5, -2), [0.5, -2.0]),
        ("F32", struct.pack("<2f", 0.5, -2), [0.5, -2.0]),
        ("F16", struct.pack("<2e", 0.5, -2), [0.5, -2.0]),
        ("BF16", b"\x00\x3f\x00\xc0", [0.5, -2.0]),
        ("I64", struct.pack("<2q", 7, -2), [7, -2]),
        ("I32", struct.pack("<2i", 7, -2), [7, -2]),
        ("U8", b"\x07\xff", [7, 255]),
        ("BOOL", b"\x01\x00", [True, False]),
    ],
)
def test_safetensors(kind: str, raw: bytes, values: list[object], tmp_path: Path) -> None:
    content = safetensors({"a": ("F64", (1,), bytes(8)), "v": (kind, (2,), raw)}, __metadata__={"format": "np"})
    (tmp_path / "v.safetensors").write_bytes(content)
    cells = leaf(scenario(tmp_path, '{ file = "v.safetensors", name = "v" }')).read()
    assert cells.tolist() == values
    assert cells.dtype == {float: np.float64, int: np.int64, bool: np.bool_}[type(values[0])]


def test_files_may_lie_in_folders_below(tmp_path: Path) -> None:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    np.save(tmp_path / "data" / "deep" / "v.npy", GOOD)
    for file in ("data/deep/v.npy", "./data/./deep/v.npy"):
        assert np.array_equal(leaf(scenario(tmp_path, f'{{ file = "{file}" }}')).read(), GOOD)


def test_cells_are_read_when_they_are_needed(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", GOOD)
    found = leaf(scenario(tmp_path, '{ file = "v.npy" }'))
    opened = (tmp_path / "v.npy").stat().st_mtime_ns
    np.save(tmp_path / "v.npy", GOOD * 2)
    os.utime(tmp_path / "v.npy", ns=(opened, opened))  # of a later time it would be another file
    assert np.array_equal(found.read(), GOOD * 2)


# --- what is refused


@pytest.mark.parametrize(
    "array",
    [GOOD.T, np.zeros((3, 2), np.float32), np.zeros((6,)), np.asfortranarray(GOOD), np.array([None], object)],
    ids=["shape", "dtype", "rank", "order", "object"],
)
def test_a_file_that_changes_after_it_was_opened(array: Array, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", GOOD)
    found = leaf(scenario(tmp_path, '{ file = "v.npy" }'))
    np.save(tmp_path / "v.npy", np.ascontiguousarray(array) if array is GOOD.T else array)
    with pytest.raises(BpdebugError) as caught:
        found.read()
    assert caught.value.code == "E_FILE"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_is_put_in_the_place_of_a_file_after_it_was_checked(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    for folder in (tmp_path, tmp_path / "inside"):
        np.save(folder / "v.npy", GOOD)
    found = leaf(scenario(tmp_path / "inside", '{ file = "v.npy" }'))
    (tmp_path / "inside" / "v.npy").unlink()
    (tmp_path / "inside" / "v.npy").symlink_to("../v.npy")
    with pytest.raises(BpdebugError) as caught:
        found.read()
    assert caught.value.code == "E_FILE"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("what", ["file", "folder", "folder_above", "loop", "nothing", "inside"])
def test_links_are_not_followed(what: str, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        np.save(folder / "good.npy", GOOD)
    targets: dict[str, str | Path] = {
        "file": outside / "good.npy", "folder": outside, "folder_above": tmp_path, "loop": "link", "nothing": "no.npy",
        "inside": inside / "good.npy",
    }  # fmt: skip
    name = {"folder": "link/good.npy", "folder_above": "link/outside/good.npy"}.get(what, "link.npy")
    (inside / name.split("/")[0]).symlink_to("link.npy" if what == "loop" else targets[what])
    error = refusal(inside, f'{{ file = "{name}" }}')
    assert error.code == "E_FILE"
    assert "links" in error.hint


@pytest.mark.parametrize(
    "file",
    [
        "", ".", "/v.npy", "//v.npy", "../v.npy", "a/../v.npy", "a/../../v.npy", "C:v.npy", "C:/v.npy", "a\\\\v.npy",
        "v.npy/", "a//v.npy", "~/v.npy", "v.pkl", "v", "v.npy\\u0000.npy", "\\u202ev.npy", "x\\ny.npy", "missing.npy",
        "file:///v.npy",
    ],
)  # fmt: skip
def test_paths_that_are_refused(file: str, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", GOOD)
    (tmp_path / "inside").mkdir()
    error = refusal(tmp_path / "inside", f'{{ file = "{file}" }}')
    assert error.code == "E_FILE"
    assert "\n" not in error.message


def test_a_text_has_no_folder_to_look_in() -> None:
    with pytest.raises(BpdebugError) as caught:
        load(text(parameters='W = { file = "v.npy" }'))
    assert caught.value.code == "E_FILE"


def test_an_archive_is_read_to_its_end_before_it_is_believed(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", V=GOOD)
    raw = bytearray((tmp_path / "v.npz").read_bytes())
    raw[raw.index(GOOD.tobytes()) + 3] ^= 1
    (tmp_path / "v.npz").write_bytes(raw)
    assert refusal(tmp_path, '{ file = "v.npz", name = "V" }').code == "E_FILE"


@pytest.mark.parametrize("other", ["V.npy", "V", "../x.npy", "/x", "a\\x"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_that_could_be_read_in_two_ways(other: str, tmp_path: Path) -> None:
    member = io.BytesIO()
    np.save(member, GOOD)
    with zipfile.ZipFile(tmp_path / "v.npz", "w") as archive:
        for name in ("V.npy", other):
            archive.writestr(name, member.getvalue())
    assert refusal(tmp_path, '{ file = "v.npz", name = "V" }').code == "E_FILE"


@pytest.mark.parametrize(
    "content",
    [
        safetensors({"v": ("F64", (2,), bytes(8))}),
        safetensors({"v": ("F64", (1,), bytes(8))}) + b"x",
        safetensors({"v": ("F4", (2,), bytes(8))}),
        safetensors({"v": ("F64", (1,), bytes(8))}, w=[1]),
        safetensors({"v": ("F64", (1,), bytes(8))}, w={"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}),
        safetensors({"v": ("F64", (1,), bytes(8))}, w={"dtype": "F64", "shape": [1], "data_offsets": ["0", 8]}),
        b"\xff" * 20,
    ],
    ids=["short", "long", "type", "entry", "overlap", "offsets", "noise"],
)
def test_safetensors_that_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "v.safetensors").write_bytes(content)
    assert refusal(tmp_path, '{ file = "v.safetensors", name = "v" }').code == "E_FILE"


def outcome(folder: Path, name: str) -> str:
    """The code with which a file is refused; '' where it is read."""
    try:
        leaf(scenario(folder, f'{{ file = "{name}" }}')).read()
    except BpdebugError as error:
        return error.code
    return ""


@pytest.mark.parametrize("name", ["v.npy", "v.npz", "v.safetensors"])
def test_no_byte_can_be_changed_so_that_something_else_than_a_refusal_comes_out(name: str, tmp_path: Path) -> None:
    """Every byte of a small file, one at a time; and every length that the file could be cut to."""
    np.save(tmp_path / "v.npy", GOOD)
    np.savez(tmp_path / "v.npz", v=GOOD)
    (tmp_path / "v.safetensors").write_bytes(safetensors({"v": ("F64", (3, 2), GOOD.tobytes())}))
    whole = (tmp_path / name).read_bytes()
    spoilt = [whole[:i] for i in range(len(whole))]
    spoilt += [whole[:i] + bytes([whole[i] ^ 1 << i % 8]) + whole[i + 1 :] for i in range(len(whole))]
    codes = set()
    for content in spoilt:
        (tmp_path / name).write_bytes(content)
        codes.add(outcome(tmp_path, name))
    assert codes <= {"", "E_FILE", "E_LIMIT", "E_DTYPE", "E_SHAPE"}


# --- --set


def test_a_tensor_is_replaced_by_a_file_from_anywhere(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.arange(9).reshape(3, 3))
    made = load(text(), replace={"W": tmp_path / "w.npy"})
    (found,) = (leaf for leaf in made.graph.leaves if leaf.name == "W")
    assert found.dtype == np.float64
    assert np.array_equal(found.read(), np.arange(9.0).reshape(3, 3))
    assert made.graph.shapes[made.graph.index["Y"]] == (2, 3)


@pytest.mark.parametrize(
    ("name", "file", "code", "says"),
    [
        ("V", "w.npy", "E_NAME", "'V'"), ("W", "no.npy", "E_FILE", "no.npy"), ("W", "w.txt", "E_FILE", "w.txt"),
        ("W", "wrong.npy", "E_SHAPE", "inner sizes"), ("W", ".", "E_FILE", ""), ("ids", "w.npy", "E_DTYPE", "float64"),
    ],
)  # fmt: skip
def test_replacements_that_do_not_fit(name: str, file: str, code: str, says: str, tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.zeros((3, 2)))
    np.save(tmp_path / "wrong.npy", np.zeros((2, 2)))
    inputs = 'X = [[1, 2, 3], [4, 5, 6]]\nids = { value = [0], dtype = "int64" }'
    with pytest.raises(BpdebugError) as caught:
        load(text(inputs=inputs), replace={name: os.path.join(tmp_path, file)})
    assert caught.value.code == code
    assert says in caught.value.message
