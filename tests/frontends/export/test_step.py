"""`bpdebug export`: one step for paper, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpdebug.cli import main


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
