"""The menu for those who come without a file."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest
from textual.widgets import Input

from bpdebug.debugger import State
from bpdebug.errors import InputError
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.keybar import KeyBar
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.scenario import shipped
from bpdebug.scenario.lessons import TOPICS

from .screen import lines_of, state_of, text_of, typed_at_once


async def test_a_scenario_is_chosen() -> None:
    app = BpdebugApp(None, shipped(), state_of)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        screen = text_of(app)
        assert all(entry.title in screen for entry in shipped()[:8])
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.state is not None
        assert app.state.scenario.title == shipped()[1].title
        assert "forward" in text_of(app)
        await pilot.press("s")
        assert app.state.cursor == 1


async def test_a_scenario_that_is_refused_leaves_the_menu_open() -> None:
    def refuse(name: str) -> State:
        raise InputError("no [file] " + "of that name " * 8, code="E_FILE", hint="try " * 9 + "another")

    app = BpdebugApp(None, shipped(), refuse)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        assert app.state is None
        said = " ".join(text_of(app).split())
        assert "E_FILE no [file] of that name" in said
        assert "help: try" in said
        assert "try another" in said
        await pilot.press("q")
    assert app.return_value == 0


async def test_words_that_are_typed_at_once_go_into_the_filter() -> None:
    app = BpdebugApp(None, shipped(), state_of)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        typed_at_once(app, "/qtrap")
        await pilot.pause()
        assert app.screen.query_one(Input).value == "qtrap"


async def test_what_is_typed_at_once_behind_the_esc_that_closes_the_filter_is_for_the_list() -> None:
    app = BpdebugApp(None, shipped(), state_of)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        typed_at_once(app, "/trap\x1bjj\r")
        for _ in range(4):
            await pilot.pause()
        assert app.state is not None
        first = next(n for n, entry in enumerate(shipped()) if "trap" in " ".join(entry).lower())
        assert app.state.scenario.title == shipped()[first + 2].title


async def test_an_empty_menu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpdebug.frontends.tui.lessons.shipped", list)
    app = BpdebugApp(None)
    async with app.run_test() as pilot:
        await pilot.press("down", "enter", "q")
    assert app.return_value == 0


def titles(app: BpdebugApp) -> list[str]:
    """The topics that are seen, and the titles of lessons."""
    return [line[1:-1].strip() for line in lines_of(app)]


async def test_lessons_stand_below_their_topics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path))  # or what other tests walked through is ticked
    app = BpdebugApp(None, shipped(), state_of)
    async with app.run_test(size=(100, 90)) as pilot:
        await pilot.pause()
        lines = titles(app)
        places = [lines.index(topic) for topic in TOPICS]
        assert places == sorted(places)
        for topic, entries in groupby(shipped(), lambda entry: entry.topic):
            after = lines[lines.index(topic) :]
            assert all(any(f"{entry.title}  {entry.name}" in line for line in after) for entry in entries)


async def test_typing_after_a_slash_searches() -> None:
    app = BpdebugApp(None, shipped(), state_of)
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.press("slash", *"attention q")  # q is a letter here
        await pilot.pause()
        screen = text_of(app)
        assert "no lesson has these words" in screen or "attention" in screen
        await pilot.press("escape", "slash", *"causal")
        await pilot.pause()
        assert "Causal attention" in text_of(app)
        assert "Where Wᵀ comes from" not in text_of(app)
        await pilot.press("down", "up", "enter")
        await pilot.pause()
        assert app.state is not None
        assert app.state.scenario.name == "causal_attention.toml"


async def test_escape_shows_all_again_and_then_leaves() -> None:
    app = BpdebugApp(None, shipped(), state_of)
    async with app.run_test(size=(100, 90)) as pilot:
        await pilot.press("slash", *"causal", "escape")
        await pilot.pause()
        assert "Where Wᵀ comes from" in text_of(app)
        await pilot.press("escape")
    assert app.return_value == 0


async def test_the_keys_of_the_menu_are_helped_and_clicked() -> None:
    app = BpdebugApp(None, shipped(), state_of, preferences=Preferences({"menu.open": "f4"}))
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        assert "F4 open" in lines_of(app)[-1]
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Here, in the menu" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        await pilot.click(KeyBar, offset=(lines_of(app)[-1].index("open"), 0))
        await pilot.pause()
        assert app.state is not None
