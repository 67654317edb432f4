"""Whatever one door opens, every door opens: the suffix alone decides who reads a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import bpdebug
from bpdebug.cli import main
from bpdebug.errors import UsageError
from bpdebug.importers import READERS, open_any, reader_of


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "run.bptrace"
    assert main(["run", "two_layer", "--record", str(path)]) == 0
    return path


def script(path: Path, *lines: str) -> Path:
    walk = path.with_suffix(".bpd")
    walk.write_text("\n".join([f"load {path.name}", *lines, ""]), encoding="utf-8")
    return walk


DOORS: dict[str, Callable[[Path], int]] = {
    "run": lambda path: main(["run", str(path)]),
    "test": lambda path: main(["test", str(path)]),
    "compare": lambda path: main(["compare", str(path), "two_layer"]),
    "replay": lambda path: main(["replay", str(script(path, "seek Y@bwd"))]),
    "test a script": lambda path: main(["test", str(script(path, "seek end", "expect dW2 ~ [[5.5], [0], [2], [3]]"))]),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_recording_is_opened_at_every_door(door: str, recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert DOORS[door](recording) == 0, capsys.readouterr()


def test_python_opens_it_too(recording: Path) -> None:
    scenario = bpdebug.load(recording)
    assert scenario.recording is not None
    assert bpdebug.run(scenario).loss == bpdebug.run(bpdebug.load("two_layer")).loss


def test_a_tensor_of_a_recording_is_not_replaced(recording: Path) -> None:
    with pytest.raises(UsageError, match="recording"):
        open_any(recording, replace={"X": "x.npy"})


@pytest.mark.parametrize("suffix", READERS)
def test_a_row_names_a_reader(suffix: str) -> None:
    assert callable(reader_of(f"a{suffix}"))
    assert reader_of(f"a{suffix}.toml") is None


def test_what_is_said_of_a_model_is_refused_elsewhere(recording: Path) -> None:
    for words in (["--loss", "L"], ["--dim", "batch=4"], ["--freeze", "w*"], ["--inputs", "x.npz"]):
        for file in ("two_layer", str(recording)):
            assert main(["run", file, *words]) == 2
            assert main(["compare", file, "--backend", "torch", *words]) == 2


@pytest.mark.parametrize("word", ["batch", "=4", "batch=", "batch=x", "batch=-1", f"batch={'9' * 30}"])
def test_an_axis_has_a_size(word: str) -> None:
    assert main(["run", "two_layer", "--dim", word]) == 2
