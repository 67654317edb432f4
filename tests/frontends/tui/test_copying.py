"""Copying: cell, row, slice, tensor and report by a program, the terminal or a file; and selected text."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot

from bpdebug.frontends import clipboard
from bpdebug.frontends.folders import state_folder
from bpdebug.frontends.tui import copying
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.keys import COPIES
from bpdebug.frontends.tui.offers import offers

from .screen import app_of, lines_of, state_of, text_of

DEEP = """
format = 1
title = "Three axes"
seed = 1
[parameters]
X = { shape = [3, 4, 5], init = "normal" }
[graph]
loss = "L"
program = "L = sum(tanh(X))"
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No program of this machine's, and a folder of one's own."""
    monkeypatch.setattr(clipboard, "TOOLS", ())
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path / "state"))


def read(text: str) -> Any:
    return eval(text, {"np": np})


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


def value(app: BpdebugApp, text: str) -> Any:
    assert app.state is not None
    return app.state.value(text).array


async def test_the_key_copies_more_each_time() -> None:
    app = app_of(DEEP)
    async with app.run_test(size=(120, 40)) as pilot:
        app.run_text("print X")
        await press(pilot, "down", "down", "right", "Y")
        assert app.stage.cell_text() == "X[0,1,1]"
        for text in ("X[0, 1, 1]", "X[0, 1]", "X[0]", "X"):
            assert np.array_equal(read(app.clipboard), value(app, text)), text
            assert "by OSC 52" in text_of(app)
            await press(pilot, "Y")
        assert app.clipboard.startswith("import numpy")
        assert "copied the report" in text_of(app)
        await press(pilot, "Y")
        assert read(app.clipboard) == value(app, "X[0, 1, 1]")
        await press(pilot, "Y", "right", "Y")  # elsewhere it begins anew
        assert read(app.clipboard) == value(app, "X[0, 1, 2]")


async def test_what_is_seen_of_other_axes_is_copied() -> None:
    app = app_of(DEEP)
    async with app.run_test(size=(120, 40)) as pilot:
        app.run_text("print X")
        await press(pilot, "down", "right", "T")
        app.action_copy("row")
        assert app.stage.chosen is not None
        row = read(app.clipboard)
        at = app.stage.chosen[0].index(*app.stage.chosen[1:])
        assert np.array_equal(row, value(app, f"X[{at[0]}, :, {at[2]}]"))


@pytest.mark.parametrize("what", COPIES)
async def test_the_palette_copies_each_into_a_file_too(what: str) -> None:
    app = app_of("two_layer")
    actions = {o.title: o.action for o in offers(app.keys, (), "stage", True)}
    async with app.run_test(size=(120, 40)) as pilot:
        await app.run_action(actions[f"copy {what}"])
        text = app.clipboard
        assert text
        await app.run_action(actions[f"copy {what} into a file"])
        await pilot.pause()
        path = state_folder() / "copied.py"
        assert path.read_text() == text
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "bytes) into" in text_of(app)


async def test_what_is_long_goes_into_a_file_and_what_is_longer_into_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)):
        monkeypatch.setattr(clipboard, "MOST_BY_TERMINAL", 10)
        app.action_copy("tensor")
        assert app.clipboard == ""
        assert app.stage.chosen is None
        found = app.stage.target()
        assert found is not None
        array = found[0].matrix.array
        assert array is not None
        assert np.array_equal(read((state_folder() / "copied.py").read_text()), array)
        monkeypatch.setattr(copying, "MOST_AS_TEXT", 2)
        app.action_copy("tensor")
        assert np.array_equal(np.load(state_folder() / "copied.npy"), array)


async def test_a_program_of_the_system_is_asked_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, body in (
        ("wl-copy", "exit 1"),
        ("xsel", f'test "$1 $2" = "--clipboard --input" && cat > {tmp_path}/got'),
    ):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    monkeypatch.undo()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.setenv(name, ":0")
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "Y")
        assert "by xsel" in text_of(app)
        assert (tmp_path / "got").read_text() == app.clipboard
        assert read(app.clipboard) is not None
    monkeypatch.setenv("SSH_TTY", "/dev/pts/0")
    assert clipboard.by_tool("x") == ""  # it would be copied on another machine than the user sits at


async def test_text_is_selected_and_copied_and_the_click_behind_it_marks_nothing() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        lines = lines_of(app)
        y = next(y for y, line in enumerate(lines) if "−" in line[35:90] and line[35:].count("−") > 1)
        x = lines[y].index("−", 35)
        before = app.stage.chosen
        await pilot.mouse_down(offset=(x, y))
        await pilot.hover(offset=(x + 8, y))
        await pilot.mouse_up(offset=(x + 8, y))
        await pilot.pause()
        assert app.screen.get_selected_text() == lines[y][x : x + 9].replace("−", "-").rstrip()
        assert app.stage.chosen is before
        await press(pilot, "ctrl+c")
        assert app.clipboard == app.screen.get_selected_text()
        assert "copied what is selected" in text_of(app)
        await press(pilot, "s")
        assert not app.screen.selections


async def test_several_lines_and_panes_are_selected_as_they_are_seen() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        lines = lines_of(app)
        await pilot.mouse_down(offset=(4, 4))
        await pilot.hover(offset=(12, 6))
        await pilot.mouse_up(offset=(12, 6))
        await pilot.pause()
        right = app.program.content_region.right
        rows = [lines[4][4:right].rstrip(), lines[5][1:right].rstrip(), lines[6][1:13].rstrip()]
        assert app.screen.get_selected_text() == "\n".join(rows)
        assert app.state is not None
        assert app.state.cursor == 0  # the click that ends it seeks nothing
        await pilot.mouse_down(offset=(50, 4))
        await pilot.hover(offset=(110, 8))
        await pilot.mouse_up(offset=(110, 8))
        text = app.screen.get_selected_text()
        assert text
        assert "KeyBar" not in text


@pytest.mark.parametrize("key", ["question_mark", "O", "G"])
async def test_text_is_selected_and_copied_in_the_help_the_menu_and_a_report(key: str) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, key)
        await pilot.pause()
        screen, lines = app.screen, lines_of(app)
        await pilot.mouse_down(offset=(4, 6))
        await pilot.hover(offset=(40, 7))
        await pilot.mouse_up(offset=(40, 7))
        await pilot.pause()
        assert app.screen is screen
        found = screen.get_selected_text()
        assert found is not None
        first, second = found.split("\n")
        assert first in lines[6].replace("−", "-")
        assert second in lines[7].replace("−", "-")
        assert second
        await press(pilot, "ctrl+c")
        assert app.clipboard == found
        said = [text_of(app), *(each.message for each in app._notifications)]
        assert any("copied what is selected" in text for text in said)


async def test_where_no_numbers_are_the_report_is_copied() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "G", "Y")
        assert "# gradient flow" in app.clipboard
        assert "Esc" not in app.clipboard
        app.action_copy("row")
        await pilot.pause()
        assert "no numbers are here" in text_of(app)
        assert state_of("two_layer").cursor == 0
