"""Whatever is typed or read is carried out or refused: BpdebugError, and nothing else, for inputs made by chance.

BPDEBUG_FUZZ=1000000 puts so many of each kind (4,000 without, 5,000 in CI), BPDEBUG_FUZZ_SEED=7 others, and
`pytest -m fuzz` runs only these. A failure names its input by seed and number.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from itertools import chain
from pathlib import Path
from random import Random

import numpy as np
import pytest

import bpdebug
from bpdebug.cli import main
from bpdebug.debugger import State, open_session, update
from bpdebug.debugger.commands.expecting import KINDS
from bpdebug.debugger.commands.table import COMMANDS
from bpdebug.errors import BpdebugError
from bpdebug.frontends.prompt import debug_json
from bpdebug.frontends.scripts.replay import Run, Settings
from bpdebug.frontends.scripts.script import parse_script
from bpdebug.importers import open_any
from bpdebug.importers.aten.archive import checked
from bpdebug.importers.trace import open_recording
from bpdebug.limits import Limits
from bpdebug.scenario import load
from tests import fuzzing
from tests.fuzzing import command, damaged, expression, fuzz, request, reworded, spoilt
from tests.importers.aten.archives import GOOD, archive
from tests.recordings import recorded
from tests.sessions import fresh

pytestmark = pytest.mark.fuzz

LIMITS = Limits({"memory": 16 << 20, "calls": 2_000, "nodes": 1_000, "iterations": 10})
SCENARIO = """format = 1
title = "t"
[inputs]
X = [[1.0, -2.0, 3.0], [0.0, 5.0, 6.0]]
ids = { value = [1, 0], dtype = "int64" }
on = { value = [true, false], dtype = "bool" }
none = { shape = [0, 3], init = "zeros" }
s = 0.5
[parameters]
W = { shape = [3, 2], init = "normal" }
E = { shape = [2, 2], init = "ones" }
[graph]
loss = "L"
program = '''
def f(x):
    return tanh(x) + s
H = f(X @ W)
h = relu(H) * E
h = h * 2 + embedding(E, ids)
drop = dropout(h, p=0.5)
bad = log(X - 1)
Y = h.T @ H + drop
L = sum(Y * Y)
'''
[notes]
"Y@bwd" = "n"
[train]
optimizer = "momentum"
lr = 0.1
steps = 2
[derivation]
program = "dY = 2 * Y"
[expect]
loss = 1.5
"""


@pytest.fixture(scope="module")
def opened() -> State:
    return open_session(load(SCENARIO), budget=LIMITS["memory"])


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where the system has one: a file is written for each input."""
    if not os.path.isdir("/dev/shm"):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


PLACES = ("seek begin", "seek end", "seek #7", "seek Y@bwd", "seek W@upd", "seek #12 ;; stepi 2")


def test_expressions(opened: State) -> None:
    states = [update(opened, place) for place in PLACES]
    for state in states:
        state.timeline.run()
    words = (
        "print",
        "print/x",
        "print/s",
        "watch",
        "display",
        "break Y if",
        "expect 1 ~",
        "stats",
        "whatis",
        "set H =",
    )

    def make(chance: Random) -> tuple[int, str]:
        text = expression(chance)
        text = text if chance.random() < 0.6 else spoilt(chance, text)
        return chance.randrange(len(states)), f"{chance.choice(words)} {text}"

    refused = fuzz("expressions", make, lambda given: update(states[given[0]], given[1]))
    assert refused


def test_scripts(opened: State, quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(quick)
    (quick / "s.toml").write_text(SCENARIO)
    script, count = quick / "a.bpd", [0]
    words = (
        "load s.toml", "load nope.toml", "load", "require bpdebug >= 0.1", "require bpdebug < 99999999", "! load x",
        "source b.bpd", "snapshot a", "transcript t.bpd", "save breakpoints p.bpd", "record r.bptrace",
        "save forks q.bpd", "expect error E_FILE", "-- b.bpd --", "-- s.toml --", "-- ../x --", "# a", "end",
        "commands 1",
    )  # fmt: skip

    def make(chance: Random) -> str:
        lines = [
            chance.choice(words) if chance.random() < 0.15 else command(chance) for _ in range(chance.randrange(1, 3))
        ]
        text = "\n".join(lines)
        text = text if chance.random() < 0.7 else spoilt(chance, text)
        return text.encode("utf-8", "replace").decode()  # as a file is read

    def put(text: str) -> None:
        count[0] += 1
        if count[0] % 500 == 0:  # the whole way, as a command line
            script.write_text(text, encoding="utf-8")
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                assert main(["replay", str(script), "--memory", "16M"]) in (0, 1, 3)
            return
        run = Run(parse_script("a.bpd", text, path=script), Settings(LIMITS, keep_going=True), opened)
        for step in run.steps():
            for answer in step.answers:
                answer.to_text(80)
            if step.error is not None:
                str(step.error)

    fuzz("scripts", make, put)


def test_lines_of_json(opened: State) -> None:
    waiting: list[str] = []
    count = [0]

    def put(line: str) -> None:
        waiting.append(line)
        if len(waiting) < 20:
            return
        lines, said = iter(waiting.copy()), io.StringIO()
        waiting.clear()
        while (ahead := next(lines, None)) is not None:  # after `quit` another conversation takes the rest
            with redirect_stdout(said):
                assert debug_json(*fresh(opened), chain([ahead], lines)) == 0
        for reply in map(json.loads, said.getvalue().splitlines()):
            assert set(reply) >= {"id", "ok", "at"}
            assert reply["ok"] or reply["error"]["code"].startswith("E_")
            count[0] += 1

    fuzz("lines of JSON", request, put)
    assert count[0] > fuzzing.INPUTS // 2  # the rest are empty lines, comments and lines inside `commands`


SMALL = '''format = 1
[inputs]
X = [[1, -2, 3]]
[parameters]
W = {W}
[graph]
loss = "L"
program = """
Y = X @ W
L = sum(relu(Y))
"""
'''


def test_recordings(quick: Path) -> None:
    path = recorded(quick, load(SMALL.replace("{W}", "[[1, 2], [0, 1], [-1, 0.5]]")))
    data = path.with_name(path.name + ".data")
    index, cells = path.read_bytes(), data.read_bytes()

    def make(chance: Random) -> tuple[bytes, bytes]:
        which = chance.random()
        return damaged(chance, index) if which < 0.8 else index, damaged(chance, cells) if which > 0.7 else cells

    def put(given: tuple[bytes, bytes]) -> None:
        path.write_bytes(given[0])
        data.write_bytes(given[1])
        timeline = open_session(open_recording(path, limits=LIMITS), budget=LIMITS["memory"]).timeline
        with suppress(BpdebugError):
            for name in timeline.graph.names:
                timeline.value(name)
                timeline.grad(name)

    fuzz("recordings", make, put)


def tensor_files() -> dict[str, bytes]:
    """One small good file of each kind; the text is the scenario that reads one of the others."""
    one, two = io.BytesIO(), io.BytesIO()
    np.save(one, np.ones((3, 2)))
    with zipfile.ZipFile(two, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("W.npy", one.getvalue())
    head = json.dumps({"W": {"dtype": "F64", "shape": [3, 2], "data_offsets": [0, 48]}}).encode()
    cells = np.ones(6).tobytes()
    return {"npy": one.getvalue(), "npz": two.getvalue(), "safetensors": struct.pack("<Q", len(head)) + head + cells}


def test_exported_programs(quick: Path) -> None:
    whole, path = archive(GOOD), quick / "m.pt2"

    def make(chance: Random) -> bytes:
        name = chance.choice(list(GOOD))
        said = GOOD[name]
        inside = damaged(chance, said if isinstance(said, bytes) else said.encode()) if said else b"x"
        return damaged(chance, whole) if chance.random() < 0.5 else archive({**GOOD, name: inside})

    def put(given: bytes) -> None:
        path.write_bytes(given)
        checked(path, LIMITS)

    fuzz("exported programs", make, put)


MORE = """
[notes]
"Y@bwd" = "n"
[train]
optimizer = "adam"
lr = 0.1
steps = 2
[rules]
relu1 = { Y = "drelu1 * (Y > 0)" }
[derivation]
program = "dW = X.T @ dY"
[expect]
values.Y = [[1]]
check = { first_wrong = "none" }
"""
TOML = SMALL.replace("{W}", '{ shape = [3, 2], init = "normal" }').replace("X @ W", "f(X, W)[0:1]").replace(
    "Y =", "def f(x, w):\n    return x @ w * 2 + sum(x[:, ::2], axis=1, keepdims=True)\nY =") + MORE  # fmt: skip
WRONG = (
    '"', "'''", "[", "]", "{", "}", "=", ".", "nan", "1e400", "-", "[a]", "9" * 30, "\0", "\u202e", "∂", "\\u0000",
    "lambda: 0", "for t in range(9):", "shape", "init", "file", "reshape(X, (99999, 99999))", "stride=2**60", "\ud800",
)  # fmt: skip


def test_files(quick: Path) -> None:
    files = tensor_files()
    for ending in files:
        name = "" if ending == "npy" else ', name = "W"'
        (quick / f"{ending}.toml").write_text(SMALL.replace("{W}", f'{{ file = "w.{ending}"{name} }}'))

    def make(chance: Random) -> tuple[str, bytes]:
        kind = chance.choice(("toml", *files))
        if kind == "toml":
            change = chance.choice((spoilt, reworded, reworded, reworded))
            return kind, change(chance, TOML, WRONG).encode("utf-8", "surrogatepass")
        return kind, damaged(chance, files[kind])

    def put(given: tuple[str, bytes]) -> None:
        kind, raw = given
        path = quick / ("s.toml" if kind == "toml" else f"w.{kind}")
        path.write_bytes(raw)
        found = load(path if kind == "toml" else quick / f"{kind}.toml", limits=LIMITS)
        timeline = open_session(found, budget=LIMITS["memory"]).timeline
        if "L" in timeline.graph.index:
            timeline.value("L")

    fuzz("files", make, put)


def test_models(quick: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is an optional oracle")
    from tests.importers.onnx_graph.models import small  # where onnx is there

    path, good = quick / "m.onnx", small()

    def put(raw: bytes) -> None:
        path.write_bytes(raw)
        timeline = open_session(open_any(path, limits=LIMITS), budget=LIMITS["memory"]).timeline
        with suppress(BpdebugError):  # indices that are computed may be out of range
            for name in timeline.graph.names:
                timeline.value(name)

    put(good)
    fuzz("models", lambda chance: damaged(chance, good), put)


def test_indices(quick: Path) -> None:
    (quick / "a.safetensors").write_bytes(tensor_files()["safetensors"])
    index = json.dumps({"metadata": {"total_size": 48}, "weight_map": {"W": "a.safetensors", "V": "a.safetensors"}})
    path, scenario = quick / "m.safetensors.index.json", quick / "index.toml"
    scenario.write_text(SMALL.replace("{W}", f'{{ file = "{path.name}", name = "W" }}'))

    def put(text: str) -> None:
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        open_session(load(scenario, limits=LIMITS), budget=LIMITS["memory"]).timeline.value("L")

    put(index)
    fuzz("indices", lambda chance: reworded(chance, index, WRONG), put)


@pytest.mark.parametrize("text", [SCENARIO, TOML], ids=["SCENARIO", "TOML"])
def test_the_scenarios_that_are_spoilt_are_good(text: str) -> None:
    assert len(bpdebug.run(load(text))) > 10


NEARLY_NOTHING = ('""', '" "', "''", '"', "-", "@", "#", "[]", "=", "~", "if ", "in ", ",", "\u202e", "1 2 3", "a b c")


@pytest.mark.parametrize("head", [*COMMANDS, *(f"expect {kind}" for kind in KINDS), "set rule", "break Y if"])
def test_next_to_nothing_is_refused_or_carried_out(opened: State, head: str) -> None:
    for nothing in NEARLY_NOTHING:
        with suppress(BpdebugError):
            update(opened, f"{head} {nothing}")


@pytest.mark.parametrize("kind", KINDS)
def test_an_expectation_of_nothing_does_not_hold(opened: State, kind: str) -> None:
    for nothing in ("", '""', "' '"):
        with pytest.raises(BpdebugError):
            update(opened, f"expect {kind} {nothing}")
