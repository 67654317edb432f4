"""`bpdebug export`: one step for paper, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpdebug.cli import main
from bpdebug.scenario import find


def exported(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command line prints, and nothing else."""
    assert main(["export", *words]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def test_a_step_is_written_to_a_file_as_it_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "step.md"
    out.write_text("what was there")
    printed = exported(capsys, "md", "two_layer", "--at", "H@bwd")
    assert exported(capsys, "md", "two_layer", "--at", "H@bwd", "-o", str(out)) == ""
    assert out.read_text(encoding="utf-8") == printed
    assert [path.name for path in tmp_path.iterdir()] == ["step.md"]


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("tex", r"\[ \partial H = \partial Y \, W_{2}^{\top} \qquad"),
        ("typst", "$ ∂H = ∂Y thin W_(2)^(⊤) quad"),
        ("md", "$$\n\\partial H = \\partial Y \\, W_{2}^{\\top} \\qquad"),
        ("mathml", '<math display="block">'),
        ("svg", "∂H = ∂Y @ W2ᵀ"),
    ],
)
def test_every_kind_of_one_step(capsys: pytest.CaptureFixture[str], kind: str, sign: str) -> None:
    whole = exported(capsys, kind, "two_layer", "--at", "Y@bwd")
    assert sign in whole
    part = exported(capsys, kind, "two_layer", "--at", "Y@bwd", "--part", "1")
    assert sign in part
    assert len(part) < len(whole)
    assert exported(capsys, kind, "two_layer", "--at", "end") == exported(capsys, kind, "two_layer", "--at", "100%")
    assert exported(capsys, kind, "two_layer") == exported(capsys, kind, "two_layer", "--at", "begin")


def test_bars_for_gradients(capsys: pytest.CaptureFixture[str]) -> None:
    assert r"\bar{H} = \bar{Y} \, W_{2}^{\top}" in exported(capsys, "tex", "two_layer", "--at", "Y@bwd", "--bar")


def test_of_a_recording(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    recording = tmp_path / "run.bptrace"
    assert main(["run", "two_layer", "--record", str(recording)]) == 0
    capsys.readouterr()
    found, wanted = (exported(capsys, "tex", name, "--at", "Y@bwd") for name in (str(recording), "two_layer"))
    assert found.split(r"\[")[1:] == wanted.split(r"\[")[1:]


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (["nowhere.toml"], "nowhere.toml"),
        (["two_layer", "--at", "Q@bwd"], "--at"),
        (["two_layer", "--at", "#9999"], "--at"),
        (["two_layer", "--at", "H@bwd\nquit"], "--at"),
        (["two_layer", "--at", "H@bwd", "--part", "0"], "--part"),
        (["two_layer", "--at", "H@bwd", "--part", "99"], "--part"),
        (["two_layer", "--part", "1"], "--part"),
        (["two_layer", "-o", "/nowhere/at/all.md"], "-o"),
    ],
    ids=str,
)
def test_what_is_not_there_is_refused(capsys: pytest.CaptureFixture[str], words: list[str], place: str) -> None:
    assert main(["export", "md", *words]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error[E_")
    assert f" {place}: " in said.err
    assert "\n  help: " in said.err


def test_a_file_is_not_written_over_by_what_is_made_of_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_bytes(find("transpose").read_bytes())
    (tmp_path / "other.toml").hardlink_to(mine)
    monkeypatch.chdir(tmp_path)
    for out in ("mine.toml", str(mine), "./mine.toml", "other.toml"):
        assert main(["export", "md", "mine.toml", "-o", out]) == 3
        assert "error[E_FILE] -o: " in capsys.readouterr().err
    assert mine.read_bytes() == find("transpose").read_bytes()
    assert exported(capsys, "md", "mine.toml", "-o", "mine.md") == ""
