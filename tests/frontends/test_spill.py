"""A folder for what memory has no room for: read back, not computed again; gone with the process; full at times."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.cli import main
from bpdebug.engine import Timeline
from bpdebug.engine.bounded import BoundedPass
from bpdebug.engine.budget import Budget
from bpdebug.engine.sizes import of_arrays
from bpdebug.errors import InputError, UsageError
from bpdebug.frontends.spill import SpillFile
from bpdebug.graph import Graph
from bpdebug.scenario import Scenario
from tests.graphs import bits, make, step

LAYERS = 12


def graph() -> Graph:
    """h = tanh(h @ W) + b: arrays of 128 KiB, which are mapped, and of 2 KiB, which are read."""
    rng = np.random.default_rng(0)
    leaves = {"X": (1024, 16)} | {f"W{i}": (16, 16) for i in range(LAYERS)}
    steps, h = [], "X"
    for i in range(LAYERS):
        steps += [step(f"A{i}", "matmul", h, f"W{i}"), step(f"T{i}", "tanh", f"A{i}"), step(f"M{i}", "mul", f"T{i}", 2)]
        h = f"M{i}"
    made = {name: rng.normal(size=shape) / 4 for name, shape in leaves.items()}
    return make(made, *steps, step("L", "sum", h), loss="L")


def tight(folder: Path) -> tuple[Timeline, BoundedPass]:
    """A timeline of which a third fits, with a folder for the rest."""
    net = graph()
    size = Timeline(net).store.apart + of_arrays(net) // 3
    timeline = Timeline(net, budget=Budget(size, partial(SpillFile, str(folder))))
    run = timeline.iteration(0)
    assert isinstance(run, BoundedPass)
    return timeline, run


def everything(timeline: Timeline) -> list[Any]:
    """All values and gradients, from the end to the beginning, twice."""
    names = [*timeline.graph.names] * 2
    found = [(timeline.value(n), timeline.grad(n)) for n in reversed(names)]
    return [bits(a) for pair in found for a in pair if a is not None]


def test_what_is_on_the_disk_is_not_computed_again(tmp_path: Path) -> None:
    timeline, run = tight(tmp_path)
    assert everything(timeline) == everything(Timeline(graph()))
    assert run.computed == [len(timeline.graph), len(timeline.graph)]
    assert run.spilled.nbytes > 2**20


def test_nothing_has_a_name_in_the_folder(tmp_path: Path) -> None:
    timeline, run = tight(tmp_path)
    timeline.run()
    assert run.spilled.nbytes
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "array",
    [
        np.arange(20000.0).reshape(100, 200), np.arange(20000.0).reshape(100, 200).T, np.float32(3) * np.ones(()),
        np.broadcast_to(np.arange(300.0), (100, 300)), np.zeros((0, 3)),
        np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
        np.array([True, False]), np.arange(20000, dtype=np.float32).reshape(10, 2000, 1),
    ],
    ids=lambda a: str(a.shape),
)  # fmt: skip
def test_arrays_come_back_as_they_lay(tmp_path: Path, array: Any) -> None:
    file = SpillFile(str(tmp_path))
    assert file.put(np.ones(3)) is not None
    place = file.put(array)
    assert place is not None
    found = file.get(place)
    assert bits(found) == bits(array)
    assert not found.flags.writeable
    assert not array.size or [s for s, n in zip(found.strides, found.shape, strict=True) if n > 1] == [
        s for s, n in zip(array.strides, array.shape, strict=True) if n > 1
    ]


def test_what_would_lie_differently_is_computed_again(tmp_path: Path) -> None:
    """A reduction over cells with gaps between them may differ in last bits from one without."""
    assert SpillFile(str(tmp_path)).put(np.ones((10, 10))[:, :5]) is None


class Full:
    """A file whose disk has no room."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, raw: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_said_once_and_the_session_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timeline, run = tight(tmp_path)
    put, times = SpillFile.put, iter(range(8))

    def filling(self: SpillFile, array: Any) -> Any:
        if next(times, None) is None and not isinstance(self._file, Full):
            monkeypatch.setattr(self, "_file", Full(self._file))
        return put(self, array)

    monkeypatch.setattr(SpillFile, "put", filling)
    with pytest.raises(InputError, match="No space left on device") as caught:
        timeline.run()
    assert (caught.value.code, caught.value.exit_code) == ("E_FILE", 3)
    assert everything(timeline) == everything(Timeline(graph()))
    assert run.computed[0] > len(timeline.graph)


TRAINED = """
format = 1
[inputs]
X = { shape = [16, 16], init = "normal" }
[parameters]
W = { shape = [16, 16], init = "normal" }
[graph]
loss = "L"
program = '''
H = X
for i in range(8):
    H = tanh(H @ W)
L = mean(H)
'''
[train]
optimizer = "sgd"
lr = 0.1
steps = 3
"""


def test_a_full_disk_is_said_once_and_not_again_at_each_iteration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each iteration and each fork has a pass of its own; one that found the disk full speaks for all."""
    source = tmp_path / "net.toml"
    source.write_text(TRAINED)

    made = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **how: Full(made(**how)))
    session = bpdebug.Session(bpdebug.load(source), memory="46K", spill=str(tmp_path))
    with pytest.raises(InputError, match="No space left on device"):
        session.do("seek end")
    own = bpdebug.Session(bpdebug.load(source))
    for line in ("seek end", "print/f W", "set W[0,0] = 2", "seek end", "print/f W"):
        assert session.do(line).to_text() == own.do(line).to_text()


@pytest.mark.parametrize("words", [["run"], ["run", "--json"], ["export", "md", "--at", "end"], ["test"]])
def test_what_has_no_session_goes_on_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """Nobody can ask a second time there."""
    source, script = tmp_path / "net.toml", tmp_path / "walk.bpd"
    source.write_text(TRAINED)
    script.write_text("load net.toml\nseek end\nprint W\n")
    command = [*words, str(script if words == ["test"] else source)]
    assert main(command) == 0
    whole = capsys.readouterr().out
    made = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **how: Full(made(**how)))
    assert main([*command, "--memory", "46K", "--spill", str(tmp_path)]) == 0
    found = capsys.readouterr()
    assert re.sub(r"\d+ ms|[\d.]+ s", "", found.out) == re.sub(r"\d+ ms|[\d.]+ s", "", whole)
    assert found.err.count("warning: cannot write to") == 1
    assert "No space left on device\n  help: make room; from here on it is computed again instead" in found.err


def test_a_run_in_python_goes_on_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "net.toml"
    source.write_text(TRAINED)
    made = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **how: Full(made(**how)))
    timeline = bpdebug.run(bpdebug.load(source), memory="46K", spill=tmp_path)
    timeline.run()
    assert bits(timeline.grad("W")) == bits(bpdebug.run(bpdebug.load(source)).grad("W"))
    assert capsys.readouterr().err.count("warning: cannot write to") == 1


def test_a_folder_that_is_gone_is_a_disk_that_is_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each iteration has a file of its own."""
    source, folder = tmp_path / "net.toml", tmp_path / "spill"
    source.write_text(TRAINED)
    folder.mkdir()
    timeline = bpdebug.run(bpdebug.load(source), memory="46K", spill=folder)
    folder.rmdir()
    assert bits(timeline.grad("W")) == bits(bpdebug.run(bpdebug.load(source)).grad("W"))
    timeline.run()
    assert "No such file or directory\n  help: make room" in capsys.readouterr().err


KILLED = """
import sys
import tempfile
from tests.frontends.test_spill import tight
from pathlib import Path
timeline, run = tight(Path(sys.argv[1]))
timeline.run()
print(run.spilled.nbytes, flush=True)
while True:
    timeline.store.drop(0)
    timeline.run()
"""


def test_of_a_process_that_is_killed_nothing_is_left(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 2**20
        process.send_signal(signal.SIGKILL)
    assert not list(tmp_path.iterdir())
    timeline, _ = tight(tmp_path)
    assert everything(timeline) == everything(Timeline(graph()))


# --- how it is said

DEEP = """format = 1
[inputs]
X = {{ shape = [256, 16], init = "normal" }}
[parameters]
W = {{ shape = [16, 16], init = "normal" }}
[graph]
loss = "L"
program = '''
h = X
for t in range({layers}):
    h = tanh(h @ W)
L = mean(h ** 2)
'''
"""


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    path = tmp_path / "deep.toml"
    path.write_text(DEEP.format(layers=40))
    return path


def kept(timeline: Timeline) -> BoundedPass:
    run = timeline.iteration(0)
    assert isinstance(run, BoundedPass)
    return run


def test_load_run_and_session_take_a_budget(deep: Path, tmp_path: Path) -> None:
    ample = bpdebug.run(bpdebug.load(deep))
    scenarios: list[Scenario] = [bpdebug.load(deep), bpdebug.load(deep, memory="2M", spill=tmp_path)]
    plain, told = scenarios
    for timeline in (
        bpdebug.run(plain, memory="2M"), bpdebug.run(told), bpdebug.run(plain, memory=2 * 10**6, spill=str(tmp_path)),
        bpdebug.Session(plain, memory="2M").state.timeline, bpdebug.Session(told).state.timeline,
    ):  # fmt: skip
        assert kept(timeline).room.nbytes <= 2**21
        assert bits(timeline.grad("W")) == bits(ample.grad("W"))
    assert kept(bpdebug.run(told)).spilled.nbytes == 0
    assert not isinstance(bpdebug.run(told, memory="1G").iteration(0), BoundedPass)


@pytest.mark.parametrize("memory", ["much", -1, 1.5, True, "1.5"])
def test_what_is_no_size_is_refused(deep: Path, memory: Any) -> None:
    with pytest.raises(UsageError):
        bpdebug.run(bpdebug.load(deep), memory=memory)


def test_less_than_the_least_is_refused_by_name(deep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(deep), "--memory", "300K"]) == 3
    said = capsys.readouterr().err
    assert "error[E_LIMIT] deep.toml: this takes at least" in said
    least = said.partition("memory=")[2].partition(":")[0]
    assert main(["run", str(deep), "--memory", least]) == 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "given"), [("deep", "1"), ("deep", "40K"), ("trained", "1"), ("trained", "1K"), ("two_layer", "1")]
)
def test_one_refusal_says_what_is_enough(
    deep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, given: str
) -> None:
    """Not the first tensor that does not fit, then the next one, and so on."""
    (tmp_path / "trained.toml").write_text(TRAINED)
    file = name if name == "two_layer" else str(tmp_path / f"{name}.toml")
    assert main(["run", file, "--memory", given]) == 3
    said = capsys.readouterr().err
    assert "this takes at least" in said
    assert "1 bytes" not in said
    assert main(["run", file, "--memory", said.partition("memory=")[2].partition(":")[0]]) == 0


def test_the_command_line_takes_a_folder(deep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(deep), "--json"]) == 0
    whole = capsys.readouterr().out
    assert main(["run", str(deep), "--json", "--memory", "2M", "--spill", str(tmp_path)]) == 0
    assert capsys.readouterr().out == whole
    assert main(["run", str(deep), "--memory", "2M", "--spill", str(tmp_path / "none")]) == 3
    assert "error[E_FILE]: cannot write to" in capsys.readouterr().err
