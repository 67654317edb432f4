"""Small scenarios that were wrong once keep the values that were right."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpdebug.cli import main

CASES = sorted((Path(__file__).parent / "cases").glob("*.toml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_keeps_what_it_expects(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(path)]) == 0, capsys.readouterr().out
