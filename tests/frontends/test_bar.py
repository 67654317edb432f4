"""The bar on a terminal's error stream, while something takes its time."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from bpdebug.frontends import bar
from bpdebug.progress import report


def slow() -> Iterator[str]:
    """Two lines, of which the second says how far it is."""
    yield "at once"
    report(1, 4)
    yield "later"


@pytest.mark.parametrize("terminal", [False, True])
def test_a_bar_is_drawn_between_lines_and_gone_when_the_next_one_comes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    monkeypatch.setattr(bar, "PATIENCE", -1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert list(bar.watched(slow())) == ["at once", "later"]
    drawn = capsys.readouterr().err
    assert drawn == ("\r\x1b[K[#######.......................] 1/4\r\x1b[K" if terminal else "")
    assert list(bar.watched(slow(), drawn=False)) == ["at once", "later"]
    assert capsys.readouterr().err == ""
