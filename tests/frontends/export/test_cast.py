"""`bpdebug export cast`: a script on the screen, played by asciinema's player, with the colours of the screen."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bpdebug.cli import main
from bpdebug.frontends.export.cast import SECONDS
from tests.frontends.tui.painted import cells_of
from tests.frontends.tui.screen import app_of
from tests.node import CHROMIUM, answer, needs_chromium

SCRIPT = "load two_layer\nstep\nseek Y@bwd\nlens\nreverse-next\nprint dY\nseek end\n"
MARKS = {"Z@fwd": 0, "H@fwd": 1, "Y@bwd": 2, "sub1@bwd": 4, "end": 6}
"""The events that it comes to, each behind how many lines."""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "walk.bpd"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def made(script: Path, *words: str) -> list[Any]:
    """The lines of a cast, decoded."""
    out = script.with_suffix(".cast")
    assert main(["export", "cast", str(script), "-o", str(out), *words]) == 0
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_a_marker_stands_at_each_event_in_both_versions(script: Path) -> None:
    third, second = made(script), made(script, "--v2", "--size", "100x30")
    assert third[0] == {"version": 3, "term": {"cols": 120, "rows": 40, "type": "xterm-256color"}, "title": "walk"}
    assert second[0] == {"version": 2, "width": 100, "height": 30, "title": "walk"}
    assert third[-1] == [0.0, "x", "0"]
    times, passed = {}, 0.0
    for after, kind, said in third[1:]:
        passed += after
        if kind == "m":
            times[said] = passed
    assert times == {name: lines * SECONDS for name, lines in MARKS.items()}
    assert {said: at for at, kind, said in second[1:] if kind == "m"} == times
    assert second[-1][0] == passed == SCRIPT.count("\n") * SECONDS


def test_the_bytes_are_the_same_each_time_and_in_every_terminal(script: Path) -> None:
    command = [sys.executable, "-m", "bpdebug.cli", "export", "cast", str(script)]
    found = [
        subprocess.run(command, env=os.environ | more, capture_output=True, check=True, timeout=60).stdout
        for more in (
            {"PYTHONHASHSEED": "1", "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "50"},
            {"PYTHONHASHSEED": "2", "TERM": "xterm", "COLORTERM": "truecolor", "TZ": "Asia/Shanghai"},
        )
    ]
    assert found[0] == found[1]
    assert found[0].count(b'"m"') == len(MARKS)


@pytest.mark.parametrize("size", ["120", "12Ox40", "0x0", "120x40x2", "9999x9999", "-1x40"])
def test_a_size_that_cannot_be_is_refused(size: str, script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "cast", str(script), f"--size={size}"]) == 2
    assert "--size 120x40" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("load two_layer\nexpect dW2 ~ 0\nstep\n", 1, "walk.bpd:2"),
        ("load two_layer\nsteb\n", 1, "walk.bpd:2"),
        ("# nothing\n", 3, "loads no scenario"),
    ],
)
def test_a_script_that_fails_makes_no_film(
    text: str, code: int, said: str, script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.write_text(text, encoding="utf-8")
    assert main(["export", "cast", str(script), "-o", str(script.with_suffix(".cast"))]) == code
    assert said in capsys.readouterr().err
    assert not script.with_suffix(".cast").exists()


def seen(rows: list[list[list[str]]]) -> list[list[tuple[str, str]]]:
    """Of each row of the player its characters, with their colours."""
    return [[(c, colour) for text, colour in row for c in text] for row in rows]


def rgb(drawn: str) -> str:
    """The colour of a cell of ours as a browser says it; `drawn` is `#aabbcc on #ddeeff bold reverse`."""
    ink, _on, paper, *style = drawn.split()
    digits = (paper if "reverse" in style else ink).removeprefix("#")
    return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"


@needs_chromium
async def test_the_player_shows_the_screen_at_every_marker(script: Path) -> None:
    """Rows and colours are those of the program on Textual's own screen; only what is said below is the script's."""
    await asyncio.to_thread(made, script, "--v2")
    second = script.with_suffix(".cast").rename(script.with_suffix(".v2.cast"))
    await asyncio.to_thread(made, script)
    for found in answer("cast.js", str(CHROMIUM), script.with_suffix(".cast"), second):
        assert found["wrong"] == []
        assert found["duration"] == SCRIPT.count("\n") * SECONDS
        assert [at for at, _ in found["screens"]] == [lines * SECONDS for lines in MARKS.values()]
        assert {label for _, label in found["markers"]} >= {*MARKS} - {"Z@fwd"}  # it is passed before anybody listens
        for place, (_, rows) in zip(("#0", "#1", "Y@bwd", "sub1@bwd", "end"), found["screens"], strict=True):
            app = app_of("two_layer")
            async with app.run_test(size=(120, 40)) as pilot:
                app.run_text(f"seek {place}")
                await pilot.pause()
                cells = cells_of(app)
            for shown, meant in zip(seen(rows)[:36], cells[:36], strict=True):
                assert "".join(c for c, _ in shown) == "".join(c for c, _ in meant)
                assert [p for p in shown if p[0] != " "] == [(c, rgb(drawn)) for c, drawn in meant if c != " "]
