"""Floats of 8 and 16 bits: every bit pattern against ml_dtypes, and the files in which they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpdebug import Session
from bpdebug.arrays import Array
from bpdebug.errors import BpdebugError
from bpdebug.scenario import load
from bpdebug.scenario.narrow import WIDENED, widened
from tests.language.writing import text
from tests.scenario.test_files import leaf, refusal, safetensors, scenario

CELLS = np.array([[0.5, -2.0, 3.0], [1.5, 0.0, -0.25]], np.float32)
"""Numbers that all of these types have."""
BITS: dict[str, Array] = {
    "float16": np.array([0x3800, 0xC000, 0x4200, 0x3E00, 0, 0xB400], np.uint16),
    "bfloat16": np.array([0x3F00, 0xC000, 0x4040, 0x3FC0, 0, 0xBE80], np.uint16),
    "float8_e4m3fn": np.array([0x30, 0xC0, 0x44, 0x3C, 0, 0xA8], np.uint8),
    "float8_e5m2": np.array([0x38, 0xC0, 0x42, 0x3E, 0, 0xB4], np.uint8),
}
SAID = {"F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}


@pytest.mark.parametrize("name", WIDENED)
def test_every_bit_pattern_is_the_number_that_ml_dtypes_has(name: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes comes with onnx and jax, the optional oracles")
    size = WIDENED[name][0]
    bits = np.arange(256**size, dtype=f"u{size}")
    theirs = bits.view(np.dtype(getattr(ml_dtypes, name, name))).astype(np.float32)
    mine = widened(bits, name)
    assert mine.dtype == np.float32
    assert np.array_equal(mine, theirs, equal_nan=True)
    assert np.array_equal(np.signbit(mine), np.signbit(theirs))


@pytest.mark.parametrize("kind", SAID)
def test_safetensors_that_hold_them(kind: str, tmp_path: Path) -> None:
    raw = safetensors({"v": (kind, (2, 3), BITS[SAID[kind]].tobytes())})
    (tmp_path / "v.safetensors").write_bytes(raw)
    found = leaf(scenario(tmp_path, '{ file = "v.safetensors" }'))
    assert np.array_equal(found.read(), CELLS)
    assert found.stored == SAID[kind]


def npy(folder: Path, descr: str, name: str) -> None:
    """A file as ml_dtypes' arrays are saved: the type's name is lost."""
    np.save(folder / "v.npy", BITS[name].reshape(2, 3))
    raw = (folder / "v.npy").read_bytes()
    (folder / "v.npy").write_bytes(raw.replace(f"'{BITS[name].dtype.str}'".encode(), f"'{descr}'".encode()))


@pytest.mark.parametrize(
    ("descr", "name", "said"),
    [
        ("<V2", "bfloat16", 'stored = "bfloat16"'), ("<V2", "float16", 'stored = "float16"'),
        ("<f1", "float8_e5m2", ""),
        ("|V1", "float8_e4m3fn", 'stored = "float8_e4m3fn"'), ("<V1", "float8_e5m2", 'stored = "float8_e5m2"'),
        ("<u2", "bfloat16", 'stored = "bfloat16"'), ("|u1", "float8_e4m3fn", 'stored = "float8_e4m3fn"'),
        ("<f2", "float16", ""), ("<f2", "float16", 'stored = "float16"'),
    ],
)  # fmt: skip
def test_npy_that_hold_them(descr: str, name: str, said: str, tmp_path: Path) -> None:
    npy(tmp_path, descr, name)
    found = leaf(scenario(tmp_path, f'{{ file = "v.npy"{said and ", " + said} }}'))
    assert np.array_equal(found.read(), CELLS)
    assert found.stored == name


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
@pytest.mark.parametrize("save", [np.save, lambda path, array: np.savez(path.with_suffix(".npz"), v=array)])
def test_what_ml_dtypes_saves_is_read(name: str, save: Callable[..., None], tmp_path: Path) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes comes with onnx and jax, the optional oracles")
    save(tmp_path / "v.npy", CELLS.astype(getattr(ml_dtypes, name)))
    (file,) = tmp_path.iterdir()
    found = leaf(scenario(tmp_path, f'{{ file = "{file.name}", stored = "{name}" }}'))
    assert np.array_equal(found.read(), CELLS)


@pytest.mark.parametrize(
    ("descr", "name", "said", "hint"),
    [
        ("<V2", "bfloat16", "", 'stored = "float16" or stored = "bfloat16"'),
        ("<V1", "float8_e5m2", "", "float8_e4m3fn"),
        ("<V2", "bfloat16", "float8_e5m2", "leave out stored"), ("<f2", "float16", "bfloat16", "leave out stored"),
    ],
)  # fmt: skip
def test_what_says_no_type_is_asked_for_it(descr: str, name: str, said: str, hint: str, tmp_path: Path) -> None:
    npy(tmp_path, descr, name)
    stored = f', stored = "{said}"' if said else ""
    assert hint in refusal(tmp_path, f'{{ file = "v.npy"{stored} }}').hint


def test_what_the_file_held_is_said(tmp_path: Path) -> None:
    (tmp_path / "v.safetensors").write_bytes(safetensors({"v": ("BF16", (2, 3), BITS["bfloat16"].tobytes())}))
    session = Session(scenario(tmp_path, '{ file = "v.safetensors" }'))
    for line in ("info tensors V", "info parameters V", "whatis V"):
        assert "float64, given as bfloat16" in session.do(line).to_text()


# --- shards


def sharded(folder: Path, weight_map: Any, **more: Any) -> None:
    """Two files of tensors in `model/`, and an index beside them."""
    (folder / "model").mkdir(exist_ok=True)
    for name, key in (("a", "model.x.weight"), ("b", "model.V")):
        raw = safetensors({key: ("F32", (2, 3), CELLS.tobytes()), f"{key}.more": ("F32", (1,), bytes(4))})
        (folder / "model" / f"{name}.safetensors").write_bytes(raw)
    index = {"metadata": {"total_size": 56}, "weight_map": weight_map, **more}
    (folder / "model" / "m.safetensors.index.json").write_text(json.dumps(index))


MAP = {"model.x.weight": "a.safetensors", "model.V": "b.safetensors"}
INDEX = 'file = "model/m.safetensors.index.json"'


@pytest.mark.parametrize(
    "said", ['name = "model.x.weight"', 'prefix = "model.", name = "x.weight"', 'prefix = "model."']
)
def test_a_tensor_is_found_in_its_shard(said: str, tmp_path: Path) -> None:
    sharded(tmp_path, MAP)
    assert np.array_equal(leaf(scenario(tmp_path, f"{{ {INDEX}, {said} }}")).read(), CELLS)


@pytest.mark.parametrize(
    ("weight_map", "says"),
    [
        ({"model.V": "../w.safetensors"}, "leaves the folder"), ({"model.V": "/etc/w.safetensors"}, "is absolute"),
        ({"model.V": "no.safetensors"}, "cannot open"), ({"model.V": "m.safetensors.index.json"}, "is in"),
        ({"model.V": "a.safetensors"}, "no tensor"), ({}, "no tensor"), ({"model.V": 1}, "weight_map"),
        ([], "weight_map"), (None, "weight_map"), ({"model.V": "b.safetensors\0"}, ""), ({"model.V": "b.npy"}, "is in"),
        ({"model.V": "C:\\w.safetensors"}, "holds the character"), ({"model.V": "link.safetensors"}, "cannot open"),
    ],
)  # fmt: skip
def test_an_index_that_leads_astray_is_refused(weight_map: Any, says: str, tmp_path: Path) -> None:
    sharded(tmp_path, weight_map)
    (tmp_path / "w.safetensors").write_bytes((tmp_path / "model" / "b.safetensors").read_bytes())
    (tmp_path / "model" / "link.safetensors").symlink_to("../w.safetensors")
    error = refusal(tmp_path, f'{{ {INDEX}, name = "model.V" }}')
    assert error.code == "E_FILE"
    assert says in error.message


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"{", b'{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}', b"[" * 100_000, b"\xff",
        b'{"weight_map": ' + b" " * (17 << 20) + b"{}}",
    ],
    ids=["empty", "list", "open", "twice", "deep", "utf8", "huge"],
)  # fmt: skip
def test_what_is_no_index_is_refused(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.safetensors.index.json").write_bytes(raw)
    assert refusal(tmp_path, '{ file = "m.safetensors.index.json", name = "a" }').code == "E_FILE"


def test_a_shard_from_anywhere_replaces_a_tensor(tmp_path: Path) -> None:
    sharded(tmp_path, {"V": "c.safetensors"})
    raw = safetensors({"V": ("BF16", (3, 2), BITS["bfloat16"].tobytes())})
    (tmp_path / "model" / "c.safetensors").write_bytes(raw)
    made = load(text(), replace={"W": tmp_path / "model" / "m.safetensors.index.json"})
    assert next(found for found in made.graph.leaves if found.name == "W").read().shape == (3, 2)


@pytest.mark.parametrize(
    "said", ['value = 1, stored = "float16"', 'value = 1, prefix = "a."', 'shape = [1], stored = "f"']
)
def test_what_belongs_to_a_file(said: str, tmp_path: Path) -> None:
    with pytest.raises(BpdebugError) as caught:
        scenario(tmp_path, f"{{ {said} }}")
    assert caught.value.code == "E_SCHEMA"
