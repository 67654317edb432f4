"""The bar on a terminal's error stream, while something takes its time."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from bpdebug.frontends import bar
from bpdebug.progress import part, report, waiting
from bpdebug.translation import speaking


def slow() -> Iterator[str]:
    """Two lines, of which the second says how far it is."""
    yield "at once"
    report(1, 4, "events")
    yield "later"


@pytest.mark.parametrize("terminal", [False, True])
def test_a_bar_is_drawn_between_lines_and_gone_when_the_next_one_comes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    monkeypatch.setattr(bar, "PATIENCE", -1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert list(bar.watched(slow())) == ["at once", "later"]
    drawn = capsys.readouterr().err
    assert drawn == ("\r\x1b[K[#######.......................] 1/4 events\r\x1b[K" if terminal else "")
    assert list(bar.watched(slow(), drawn=False)) == ["at once", "later"]
    assert capsys.readouterr().err == ""


def test_what_is_counted_is_said_and_what_has_no_name_is_a_share() -> None:
    assert bar.bar(3, 8, unit="norms").endswith("] 3/8 norms")
    assert bar.bar(3, 8).endswith("] 37 %")
    assert bar.bar(4, 8, 10, "cells").endswith("] 4/8 cells, 10 s left")
    with speaking("zh"):
        assert bar.bar(3, 8, unit="norms").endswith("] 3/8 范数")


def test_what_is_waited_for_is_said_whatever_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bar, "PATIENCE", -1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    def work() -> str:
        with part(1, 2, "rules"), part(0, 3, "cells"):
            waiting("waiting for workers at tcp://host:8786")
        return "done"

    assert bar.awaited(work) == "done"
    assert "waiting for workers at tcp://host:8786, 0 s" in capsys.readouterr().err


def test_what_could_be_asked_instead_is_said_once_it_takes_long_and_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(bar, "PATIENCE", -1)
    for long, columns, said in ((bar.LONG, "120", False), (-1, "120", True), (-1, "60", False)):
        monkeypatch.setattr(bar, "LONG", long)
        monkeypatch.setenv("COLUMNS", columns)
        list(bar.watched(slow(), instead="or check for 30s"))
        assert ("/4 events · or check for 30s" in capsys.readouterr().err) == said
