"""Names, notes and errors are data: never markup, never control characters."""

from __future__ import annotations

import numpy as np
import pytest
from rich.cells import cell_len

from bpdebug.errors import CommandError
from bpdebug.frontends.tui.lines import clean, wrap
from bpdebug.frontends.tui.paragraphs import block_lines
from bpdebug.symbolic.notation import words
from bpdebug.views.blocks import Formula, Listing, Table, Text
from bpdebug.views.report import Report

from .screen import MARKUP, StageApp, app_of, lines_of, text_of

HOSTILE = "[bold]x[/] [/ [@click=app.quit]y[/] \x1b]0;title\x07 \u202e"


async def test_markup_is_shown_as_it_is_written() -> None:
    app = app_of(MARKUP)
    async with app.run_test(size=(140, 40)) as pilot:
        screen = text_of(app)
        assert "[bold]not bold[/] [/ [@click=app.quit]x[/]" in screen
        assert "Read [bold]this[/] and [/ that, and [0] too." in screen
        for _ in range(6):
            await pilot.press("s")
        app.run_text("print [bold]")
        await pilot.pause()
        assert "E_" in lines_of(app)[-2]


async def test_hostile_text_everywhere() -> None:
    app = StageApp((HOSTILE, np.ones((2, 2))), HOSTILE, (HOSTILE, (2, 2)))
    async with app.run_test(size=(140, 40)) as pilot:
        blocks = (
            Text(HOSTILE),
            Formula(words(HOSTILE), HOSTILE),
            Table((HOSTILE,), ((HOSTILE,),)),
            Listing(((1, HOSTILE),)),
        )
        assert "\\x1b]0;title\\x07" in text_of(app)
        app.stage.show(Report("x", HOSTILE, blocks))
        await pilot.pause()
        screen = text_of(app)
    assert "\x1b" not in screen
    assert "\u202e" not in screen
    assert screen.count("[@click=app.quit]y[/]") >= 5


async def test_an_error_with_markup() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 30)) as pilot:
        app.complain(CommandError("no [tensor] '[/x'", code="E_EXPR", hint="[red]"))
        await pilot.pause()
        assert "E_EXPR no [tensor] '[/x'  help: [red]" in lines_of(app)[-2]


def test_clean_and_wrap() -> None:
    assert clean("a\nb\x1b") == "a⏎b\\x1b"
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("abcdefgh", 3) == ["abc", "def", "gh"]
    assert wrap("  a b\n\nc", 10) == ["  a b", "", "c"]
    assert wrap("", 0) == [""]
    assert [line.text.strip() for line in block_lines(Table((), ()), 10)] == ["(none)"]


WIDE = """
format = 1
title = "漢字"
[inputs]
"漢字" = [[1.0, 2.0], [3.0, 4.0]]
[parameters]
"ゑゑゑゑゑ" = [[1.0], [2.0]]
[graph]
loss = "L"
program = '''
क्षि = 漢字 @ ゑゑゑゑゑ
L = mean(क्षि)
'''
"""


@pytest.mark.parametrize("width", [60, 80, 119, 160])
async def test_lines_are_as_wide_as_the_screen_where_names_have_wide_and_joined_characters(width: int) -> None:
    app = app_of(WIDE)
    async with app.run_test(size=(width, 24)) as pilot:
        for key in ("i", "i", "i", "i", "i", "i", "i", "r", "r", "x", "y"):
            await pilot.press(key)
            await pilot.pause()
            assert {cell_len(line) for line in lines_of(app)} == {width}, key
