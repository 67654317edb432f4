"""A training script of PyTorch's, traced: the editor shows its own lines, and stops at breakpoints in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.frontends.dap.client import Client, connected

pytest.importorskip("torch", reason="a script that is traced uses it")

MODEL = """import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(3, 4)
        self.two = nn.Linear(4, 1)

    def forward(self, x):
        h = torch.relu(self.one(x))
        return self.two(h)
"""
SCRIPT = """import torch
from net.model import Net

torch.manual_seed(0)
net, x, t = Net(), torch.randn(5, 3), torch.randn(5, 1)
y = net(x)
loss = ((y - t) ** 2).mean()
loss.backward()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a recording of its script."""
    path = tmp_path_factory.mktemp("project")
    (path / "net").mkdir()
    (path / "net" / "model.py").write_text(MODEL)
    (path / "train.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "bpdebug.cli", "trace", "-o", "run.bptrace", "train.py"]
    subprocess.run(command, cwd=path, check=True, capture_output=True, timeout=120, env=os.environ)
    return path


def line(text: str, begins: str) -> int:
    return next(n for n, one in enumerate(text.split("\n"), 1) if one.strip().startswith(begins))


def where(client: Client) -> tuple[str, int]:
    """The file and the line that the editor shows."""
    frame = client.top()
    return frame["source"].get("path", ""), frame["line"]


def test_every_step_stands_in_the_users_own_source(folder: Path) -> None:
    model, train = str(folder / "net" / "model.py"), str(folder / "train.py")
    seen: list[tuple[str, int]] = []
    with connected() as client:
        client.start(str(folder / "run.bptrace"))
        while True:
            seen += [here for here in [where(client)] if here not in seen[-1:]]
            if client.go("stepIn").get("description"):
                break
        relu, two, loss = line(MODEL, "h = "), line(MODEL, "return"), line(SCRIPT, "loss = ")
        forth = [(model, relu), (model, two), (train, loss)]
        assert seen == [*forth, *reversed(forth[:2])]  # the seed and the first step back are of the loss's line, too
        client.go("reverseContinue")
        sources = client.ask("loadedSources")["sources"]
        assert [s.get("path") for s in sources] == [None, model, train]


def test_breakpoints_stand_in_the_users_own_source(folder: Path) -> None:
    model, train = {"path": str(folder / "net" / "model.py")}, {"path": str(folder / "train.py")}
    relu, loss = line(MODEL, "h = "), line(SCRIPT, "loss = ")
    made: list[list[dict[str, Any]]] = []

    def before() -> None:
        for source, lines in ((model, (relu, 1)), (train, (loss,))):
            breakpoints = [{"line": n} for n in lines]
            made.append(client.ask("setBreakpoints", source=source, breakpoints=breakpoints)["breakpoints"])

    with connected() as client:
        client.start(str(folder / "run.bptrace"), before)
        assert [[one["verified"] for one in some] for some in made] == [[True, False], [True]]
        assert "lines beside it that do" in made[0][1]["message"] or "computes nothing" in made[0][1]["message"]
        stops = []
        for command in ("continue", "continue", "continue", "reverseContinue", "reverseContinue"):
            stop = client.go(command)
            stops.append((where(client), client.top()["name"].split("@")[1][:4].strip(), stop["reason"]))
        forth, seed, back = (
            ((train["path"], loss), "fwd", "breakpoint"), ((train["path"], loss), "seed", "breakpoint"),
            ((model["path"], relu), "bwd", "breakpoint"),
        )  # fmt: skip
        assert stops == [forth, seed, back, seed, forth]
        (none,) = client.ask("setBreakpoints", source=model, breakpoints=[{"line": 2}])["breakpoints"]
        assert not none["verified"]
        assert client.go("reverseContinue")["description"] == "the beginning of the timeline"  # train.py's are kept
        assert client.go("continue")["reason"] == "breakpoint"
        lines = client.ask("breakpointLocations", source=model, line=1, endLine=99)["breakpoints"]
        assert lines == [{"line": relu}, {"line": line(MODEL, "return")}]
        targets = client.ask("gotoTargets", source=train, line=loss)["targets"]
        assert targets[-1]["label"].endswith(f"@bwd (event {targets[-1]['id'] - 1})")


def test_a_source_that_has_changed_is_not_shown(folder: Path, tmp_path: Path) -> None:
    for file in folder.glob("run.bptrace*"):
        shutil.copy(file, tmp_path)
    changed = tmp_path / "train.py"
    changed.write_text("# new\n" + SCRIPT)
    with connected() as client:
        client.start(str(tmp_path / "run.bptrace"))
        assert "sourceReference" in client.top()["source"]
        (made,) = client.ask("setBreakpoints", source={"path": str(changed)}, breakpoints=[{"line": 8}])["breakpoints"]
        assert (made["verified"], made["message"]) == (False, "train.py is another than was recorded")
