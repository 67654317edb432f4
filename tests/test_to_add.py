"""The table "to add" is true: in a copy, through the files that it names and no other, five things are added."""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
AS_IT_WAS = shutil.ignore_patterns("__pycache__")

OP = """register(
    Op(
        "cube", "x three times itself.", back=SCALES, forward=lambda xp, x: x * x * x,
        vjp=lambda xp, g, y, x: (g * 3 * x * x,), samples=(Sample((ROWS,)),),
    ),
"""
COMMAND = """@command("tally", "how many events there are", "tally", family="looking")
def tally(state: State) -> State:
    return state.show("said", f"{len(state.timeline)} events in all")


@command(
    "print",
"""
VIEW = """from bpdebug.debugger import State
from bpdebug.views.report import Report


def ranks(state: State) -> Report:
    axes = [len(shape) for shape in state.timeline.graph.shapes]
    return Report("ranks", f"{max(axes)} axes at most", (), {"axes": axes})
"""
VIEW_ROW = """VIEWS = {
    "ranks": "ranks:ranks",
"""
IMPORTER = r'''from pathlib import Path

from bpdebug.scenario import Scenario, load


def open_rows(path, *, limits=None, replace=None) -> Scenario:
    rows = [[float(cell) for cell in row.split()] for row in Path(path).read_text().splitlines()]
    text = f"""format = 1
[inputs]
X = {rows}
[graph]
loss = "L"
program = "Y = cube(X)\\nL = sum(Y)"
"""
    return load(text, limits=limits, replace=replace)
'''
EXPLANATION = """from msgspec import Struct


class Extent(Struct, frozen=True):
    of: str
    cells: int


def extent(event) -> Extent:
    return Extent(event.name, event.value.size)
"""
ITS_VIEW = """from bpdebug.views.report import Report


def extent(state, found) -> Report:
    return Report("extent", f"{found.of} has {found.cells} cells", (), {"of": found.of, "cells": found.cells})
"""
ITS_ROW = """@command(
    "extent", "how many cells the tensor of this event has", "extent", family="explain",
    verdicts=lambda found: [str(found.cells)],
)
def extent_(state: State) -> State:
    from bpdebug.explain.extent import extent

    return state.show("extent", extent(state.event))


EXPLANATIONS = """

Edit = tuple[str, str, str]
ADDED: dict[str, dict[str, Edit]] = {
    "an op": {"ops/FAMILY.py": ("elementwise", "register(\n", OP)},
    "a command": {"debugger/commands/FAMILY.py": ("looking", '@command(\n    "print",', COMMAND)},
    "a view": {
        "views/NAME.py": ("ranks", "", VIEW),
        "views/__init__.py": ("", "VIEWS = {\n", VIEW_ROW),
    },
    "an importer": {
        "importers/FORMAT.py": ("rows", "", IMPORTER),
        "importers/__init__.py": ("", "READERS = {", 'READERS = {".rows": "rows:open_rows", '),
    },
    "an explanation": {
        "explain/NAME.py": ("extent", "", EXPLANATION),
        "views/NAME.py": ("extent", "", ITS_VIEW),
        "debugger/commands/explaining.py": ("", "EXPLANATIONS = ", ITS_ROW),
    },
}
"""What is added -> a file as the table names it -> its own name, what is replaced (in a new file nothing), by what."""

WALK = """load numbers.rows
expect extent 4
! expect extent 7
seek begin
expect status dX not-computed
seek end
expect dX ~ 3 * X * X
"""

CHILD = """
import io, json
from contextlib import redirect_stderr, redirect_stdout
import bpdebug
from bpdebug.cli import main
from bpdebug.views import view

def run(*words):
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        code = main(list(words))
    return {"code": code, "said": out.getvalue()}

session = bpdebug.Session(bpdebug.load("numbers.rows"))
say = lambda line: session.do(line).to_text()
timeline = session.state.timeline
print(json.dumps({
    "file": bpdebug.__file__,
    "ops": run("ops"), "op": run("ops", "cube"), "run": run("run", "numbers.rows"), "test": run("test", "walk.bpd"),
    "Y": timeline.value("Y").tolist(), "dX": timeline.grad("X").tolist(), "check": say("check"),
    "tally": say("tally"), "help": say("help"), "help tally": say("help tally"),
    "ranks": [view(session.state.show("ranks")).to_text(), view(session.state.show("ranks")).to_data()],
    "extent": [say("extent"), say("help extent"), session.do("extent").to_data()],
}))
"""


def named(what: str) -> set[str]:
    """The files that the table names for this."""
    page = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = page.partition("| to add | touch |")[2].partition("\n\n")[0]
    (touch,) = re.findall(rf"^\| {what} \| ([^|]*) \|", table, re.MULTILINE)
    return set(re.findall(r"`([\w/]+\.py)`", touch))


@pytest.mark.parametrize("what", ADDED)
def test_the_table_names_what_is_touched(what: str) -> None:
    assert named(what) == ADDED[what].keys()


def differing(ours: filecmp.dircmp[str]) -> Iterator[str]:
    yield from (f"{ours.right}/{name}" for name in ours.diff_files + ours.right_only)
    for below in ours.subdirs.values():
        yield from differing(below)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a process says that runs the copy."""
    folder = tmp_path_factory.mktemp("copy")
    copy = folder / "bpdebug"
    shutil.copytree(ROOT / "bpdebug", copy, ignore=AS_IT_WAS)
    touched = set()
    for files in ADDED.values():
        for file, (name, old, new) in files.items():
            path = copy / re.sub("NAME|FAMILY|FORMAT", name, file)
            text = path.read_text(encoding="utf-8") if old else ""
            assert text.count(old) == 1 if old else not path.exists(), path
            path.write_text(text.replace(old, new) if old else new, encoding="utf-8")
            touched.add(str(path))
    assert set(differing(filecmp.dircmp(ROOT / "bpdebug", copy, ignore=["__pycache__"]))) == touched
    (folder / "numbers.rows").write_text("1 2\n3 -4\n")
    (folder / "walk.bpd").write_text(WALK)
    done = subprocess.run(
        [sys.executable, "-c", CHILD], cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["file"] == str(copy / "__init__.py")
    return said


def test_the_op_runs_forward_and_backward_and_is_listed(found: Any) -> None:
    assert found["Y"] == [[1, 8], [27, -64]]
    assert found["dX"] == [[3, 12], [27, 48]]
    assert found["check"].startswith("check: 2 of 2 pass")
    assert re.search(r"^\s*cube\(x\) +x three times itself\.", found["ops"]["said"], re.MULTILINE)
    assert "∂x = " in found["op"]["said"]


def test_the_command_is_in_help_and_works(found: Any) -> None:
    assert found["tally"] == "5 events in all"
    assert "tally" in found["help"]
    assert "how many events there are" in found["help tally"]


def test_the_view_is_text_and_json(found: Any) -> None:
    assert found["ranks"] == ["2 axes at most", {"kind": "ranks", "axes": [2, 2, 0]}]


def test_the_explanation_shows_and_can_be_expected(found: Any) -> None:
    text, told, data = found["extent"]
    assert text == "Y has 4 cells"
    assert "how many cells" in told
    assert data == {"kind": "extent", "of": "Y", "cells": 4}
    assert found["test"] == {"code": 0, "said": "1 passed\n"}


def test_the_importer_opens_at_every_door(found: Any) -> None:
    """`bpdebug.load` opened it, and the script that passed; the program prints its events."""
    assert found["run"]["code"] == 0
    assert "backward" in found["run"]["said"]
