"""A training script that is run with one of its backward passes watched, and what is kept of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import bpdebug
from bpdebug.cli import main
from bpdebug.debugger import open_session
from bpdebug.errors import BpdebugError
from bpdebug.frontends.tracing import own_words
from bpdebug.frontends.tui import session_of
from bpdebug.frontends.tui.laned import GraphTab
from bpdebug.frontends.tui.sourced import SourceTab
from bpdebug.views.seen import differing
from tests.debugger.commands.test_watched import seen

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
nn = torch.nn

TRAIN = """
import sys
import torch
from torch import nn

class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return RULE, x.T @ g

if __name__ == "__main__":
    torch.manual_seed(0)
    layer, w = nn.Linear(4, 4), torch.randn(4, 4, requires_grad=True)
    optimizer = torch.optim.SGD([*layer.parameters(), w], lr=float(sys.argv[1]))
    for step in range(3):
        optimizer.zero_grad()
        loss = Product.apply(torch.relu(layer(torch.randn(5, 4))), w).square().mean()
        loss.backward()
        optimizer.step()
        print("loss", loss.item())
"""


def script(tmp_path: Path, rule: str) -> str:
    path = tmp_path / "train.py"
    path.write_text(TRAIN.replace("RULE", rule))
    return str(path)


def test_a_script_is_run_to_the_pass_that_is_watched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, before = tmp_path / "run.bptrace", sys.argv
    assert main(["trace", script(tmp_path, "g @ w"), "0.1", "--step", "1", "-o", str(kept)]) == 0
    said = capsys.readouterr().out
    assert said.count("loss") == 1
    assert "the first is of ProductBackward (train.py:23)" in said
    assert sys.argv is before
    assert main(["compare", str(kept)]) == 1
    assert main(["compare", str(kept), "--json"]) == 1
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(row["node"], row["operand"], row["line"]) for row in found["rows"]] == [("matmul", "relu", "train.py:23")]
    assert found["first"] == found["rows"][0]


def test_of_a_right_script_nothing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "run.bptrace"
    assert main(["trace", script(tmp_path, "g @ w.T"), "--", "0.1"]) == 0
    assert main(["trace", script(tmp_path, "g @ w.T"), "-o", str(kept), "0.1"]) == 0
    assert main(["compare", str(kept)]) == 0
    assert "is what our rule gives" in capsys.readouterr().out


def test_what_is_kept_is_what_was_seen(tmp_path: Path) -> None:
    x = torch.randn(3, 4, requires_grad=True)
    with bpdebug.watch() as w:
        y = torch.lgamma(x.clamp(0.5, float("inf")) + 1) * torch.where(x > 0, x, -2.0)
        y.register_hook(lambda g: 3 * g)
        y.backward(torch.full((3, 4), 2.0))
    path = tmp_path / "step.bptrace"
    assert w.save(path) == len(w.timeline)
    scenario = bpdebug.load(path)
    opened = bpdebug.run(scenario)
    assert scenario.remarks == w.scenario.remarks
    assert scenario.lines == w.scenario.lines
    assert [node.attrs for node in scenario.graph.nodes] == [node.attrs for node in w.scenario.graph.nodes]
    for here, there in zip(w.timeline, opened, strict=True):
        np.testing.assert_array_equal(here.value, there.value)
    np.testing.assert_array_equal(opened.grad("x"), x.grad.numpy())


def test_what_is_kept_opens_with_the_users_lines_and_calls_folded(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh())
    with bpdebug.watch(model) as w:
        model(torch.randn(2, 4)).square().mean().backward()
    path = tmp_path / "step.bptrace"
    w.save(path)
    state = open_session(bpdebug.load(path))
    source, graph = SourceTab(), GraphTab()
    for tab in (source, graph):
        tab.show(state)
    lines, rows = ([tab.line(at, 100, False).text for at in range(tab.count)] for tab in (source, graph))
    said = [at for at, text in enumerate(lines) if "# test_tracing.py:" in text]
    assert "model(torch.randn(2, 4)).square().mean().backward()" in lines[said[0]]
    assert "0.transpose = transpose(0.weight)" in lines[said[0] + 1]
    assert any("▾ 0 Linear" in row for row in rows)
    assert any("▸ addmm" in row for row in rows)
    assert not any("matmul =" in row for row in rows)


@pytest.mark.parametrize(
    ("change", "to"),
    [
        (b'"op":"square"', b'"op":"sqare"'), (b'"first":0', b'"first":99'), (b'"id":"square"', b'"id":"squa re"'),
        (b'"loss":"mean"', b'"loss":"mea"'), (b'"inputs":["x"]', b'"inputs":[["x"]]'),
        (b'"attrs":{}', b'"attrs":{"axis":{"float":"1"}}'), (b'"incoming":[]', b'"incoming":["x","x"]'),
        (b'"aliases":{}', b'"aliases":{"y":"z"}'), (b'["test_tracing.py:', b'["test_tracing.py:z'),
    ],
)  # fmt: skip
def test_a_damaged_program_is_refused(tmp_path: Path, change: bytes, to: bytes) -> None:
    x = torch.randn(3, requires_grad=True)
    with bpdebug.watch() as w:
        x.square().mean().backward()
    path = tmp_path / "step.bptrace"
    w.save(path)
    assert change in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(change, to, 1))
    with pytest.raises(BpdebugError):
        bpdebug.load(path)


@pytest.mark.parametrize(
    ("text", "argv", "said"),
    [
        ("x = 1", ["--step", "2"], "ended, before backward pass 2"),
        ("raise ValueError('no data')", [], "ended with ValueError: no data (train.py:1), before"),
        ("raise SystemExit(3)", [], "ended with exit code 3, before"),
        ("raise SystemExit('no data')", [], "ended: no data, before"),
        ("def f(:", [], "ended with SyntaxError: invalid syntax (train.py, line 1), before"),
        ("", ["--step", "two"], "--step two"),
    ],
)
def test_a_script_that_ends_early_is_told(tmp_path: Path, text: str, argv: list[str], said: str) -> None:
    path = tmp_path / "train.py"
    path.write_text(text)
    code, error = _run(["trace", str(path), *argv])
    assert code != 0
    assert said in error


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("run.toml", "does not end in .bptrace"),
        ("train.py", "does not end in .bptrace"),
        ("there.bptrace", "is there already"),
        ("half.bptrace", "is there already"),
        ("none/run.bptrace", "No such file or directory"),
    ],
)
def test_what_cannot_be_kept_is_told_before_the_script_runs(tmp_path: Path, kept: str, said: str) -> None:
    for name in ("there.bptrace", "half.bptrace.data"):
        (tmp_path / name).touch()
    path = tmp_path / "train.py"
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    before = {p.name for p in tmp_path.iterdir()}
    code, error = _run(["trace", str(path), "-o", str(tmp_path / kept)])
    assert code == 3
    assert said in error
    assert {p.name for p in tmp_path.iterdir()} == before


def test_a_script_that_is_not_there_is_told() -> None:
    assert "no file" in _run(["trace", "nowhere.py"])[1]


def _run(argv: list[str]) -> tuple[int, str]:
    import contextlib
    import io

    with contextlib.redirect_stderr(io.StringIO()) as error:
        code = main(argv)
    return code, error.getvalue()


@pytest.mark.parametrize(
    ("words", "mine", "given"),
    [
        (["t.py", "--lr", "1", "--step", "2"], ["--step", "2", "t.py"], ["--lr", "1"]),
        (["-o", "r.bptrace", "t.py", "--", "--step", "2"], ["-o", "r.bptrace", "t.py"], ["--step", "2"]),
        (["--step=1", "t.py", "-x"], ["--step=1", "t.py"], ["-x"]),
        (["--help"], ["--help"], []),
    ],
)
def test_words_are_ours_or_the_scripts(words: list[str], mine: list[str], given: list[str]) -> None:
    assert own_words(words) == (mine, given)


def test_on_the_screen_what_differs_is_marked_from_the_start() -> None:
    for wrong in (True, False):
        state = session_of(seen(wrong), 2**30)
        assert len(differing(state.timeline)) == 2 * wrong
