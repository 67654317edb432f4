"""The help: every key with its place, those of the pane one is in first, and a search."""

from __future__ import annotations

import pytest

from bpdebug.debugger import COMMANDS
from bpdebug.frontends.tui import keys
from bpdebug.frontends.tui.help import SIGNS, help_report, topic_meant
from bpdebug.views.blocks import Table, Text
from bpdebug.views.report import Report

from .screen import app_of, text_of


def rows_of(report: Report) -> list[tuple[str, ...]]:
    """The rows of its tables that are about keys."""
    return [row for b in report.blocks if isinstance(b, Table) and len(b.headers) == 4 for row in b.rows]


def test_every_key_is_there_once_with_its_place_and_what_it_does() -> None:
    for place in (keys.STAGE, keys.PROGRAM, keys.DEBUGGER, ""):
        rows = rows_of(help_report(keys.TABLE, place))
        table = [(row.caps, row.place, row.says, row.id) for row in keys.TABLE.values()]
        assert sorted(rows) == sorted(table)


def test_the_keys_of_the_pane_come_first() -> None:
    for place in (keys.STAGE, keys.PROGRAM, keys.INSPECTOR):
        report = help_report(keys.TABLE, place)
        assert report.blocks[0] == Text(f"Here, in the {place}", "title")
        rows = rows_of(report)
        own = sum(row.place == place for row in keys.TABLE.values())
        assert [row[1] == place for row in rows] == [True] * own + [False] * (len(rows) - own)


def test_signs_and_commands_are_there() -> None:
    text = help_report(keys.TABLE, keys.STAGE).to_text()
    assert all(c.name in text for c in COMMANDS.values())
    assert all(sign in text for sign, _ in SIGNS)


def test_the_search_keeps_lines_with_all_the_words() -> None:
    found = rows_of(help_report(keys.TABLE, keys.STAGE, "Matrix next"))
    assert [row[3] for row in found] == ["stage.next"]
    assert rows_of(help_report(keys.TABLE, keys.STAGE, "alt+←"))[0][3] == "back"
    assert "nothing" in help_report(keys.TABLE, keys.STAGE, "[nowhere]").to_text()


async def test_typing_searches_and_the_arrows_scroll() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 24)) as pilot:
        app.program.focus()
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Here, in the program" in text_of(app)
        await pilot.press("pagedown", "pagedown")
        await pilot.pause()
        assert "Here, in the program" not in text_of(app)
        await pilot.press(*"bookmark")
        await pilot.pause()
        screen = text_of(app)
        assert "a bookmark here" in screen
        assert "one event back" not in screen
        await pilot.press("escape")
        await pilot.pause()
        assert "[list]" in text_of(app)


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        ("keys", "keys"),
        ("first steps", "first-steps"),
        ("DAP Neovim", ""),
        ("safetensors shards", "scenarios"),
        ("", ""),
    ],
)
def test_a_page_of_the_manual_is_meant_by_its_name_or_by_what_it_alone_says(words: str, topic: str) -> None:
    assert topic_meant(words) == topic


async def test_enter_opens_a_page_and_typing_searches_again() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.press("question_mark", *"convent")
        await pilot.pause()
        assert "whose choices hold where there is no derivative" in text_of(app)
        await pilot.press(*"ions", "enter")
        await pilot.pause()
        assert "Where there is no derivative, a library has to choose" in text_of(app)
        await pilot.press("backspace")
        await pilot.pause()
        assert "The manual: type one of these and Enter" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        app.run_text("help conventions")
        await pilot.pause()
        assert "Where there is no derivative, a library has to choose" in text_of(app)


async def test_enter_behind_what_is_searched_for_carries_out_nothing() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 24)) as pilot:
        for words in ("step", "quit"):
            await pilot.press("question_mark", *words, "enter")
            await pilot.pause()
            assert app.state is not None
            assert (app.is_running, app.state.cursor, app.line) == (True, 0, "")
            await pilot.press("escape")
