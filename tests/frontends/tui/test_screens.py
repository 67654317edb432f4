"""Too little room, one pane alone, and the way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from textual._compositor import LayoutUpdate
from textual.screen import Screen

from bpdebug.frontends.loop import replies
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.frontends.tui.screens import SmallScreen
from bpdebug.scenario import shipped
from bpdebug.views.blocks import Matrix

from .screen import app_of, lines_of, state_of, text_of


@pytest.mark.parametrize("size", [(59, 15), (60, 14), (20, 5), (1, 1)])
async def test_below_60x15_the_screen_says_what_it_needs(size: tuple[int, int]) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        said = " ".join(text_of(app).split())
        if size[0] >= 20:
            assert said.startswith(f"bpdebug needs 60 x 15 characters, and has {size[0]} x {size[1]}")
        await pilot.press("s", "colon", "question_mark", "ctrl+p", "s")
        assert isinstance(app.screen, SmallScreen)
        assert app.state is not None
        assert app.state.cursor == 0
        await pilot.resize_terminal(60, 15)
        await pilot.press("s")
        await pilot.pause()
        assert app.state.cursor == 1
        assert "event 1/13" in text_of(app)
        await pilot.resize_terminal(*size)
        await pilot.press("q")
    assert app.return_value == 0


async def test_the_menu_needs_room_too() -> None:
    app = BpdebugApp(None, shipped(), state_of)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        assert isinstance(app.screen, SmallScreen)
        await pilot.resize_terminal(100, 30)
        await pilot.press("enter", "s")
        assert app.state is not None
        assert app.state.cursor == 1


@pytest.mark.parametrize("pane", ["program", "stage", "inspector"])
async def test_a_pane_is_maximised_and_comes_back(pane: str) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause()
        before = lines_of(app)
        app.query_one(f"#{pane}").focus()
        await pilot.press("M")
        await pilot.pause()
        found = lines_of(app)
        assert app.query_one(f"#{pane}").region == (0, 1, 120, 26)
        assert (found[0], found[-2:]) == (before[0], [before[-2], lines_of(app)[-1]])
        await pilot.press("s", "colon", *"step", "enter")
        assert app.state is not None
        assert app.state.cursor == 2
        await pilot.press("M", "home")
        await pilot.pause()
        assert lines_of(app)[1:-3] == before[1:-3]


# --- the way out


async def test_q_asks_where_forks_would_be_lost() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        app.run_text("set W1 = 0")
        await pilot.press("q")
        assert app.is_running
        assert "the forks, which are kept nowhere would be lost: q again leaves" in app.message.left[0][0]
        await pilot.press("s", "q")
        assert app.return_value is None
        await pilot.press("q")
    assert app.return_value == 0


class Kept:
    """A conversation whose forks are kept."""

    trouble = ""

    def __init__(self) -> None:
        self.store = self

    def offer(self) -> str:
        return ""

    def complaint(self) -> str:
        return ""

    __call__ = staticmethod(replies)


async def test_q_does_not_ask_where_they_are_kept() -> None:
    talk = Kept()
    app = BpdebugApp(state_of("two_layer"), talks=lambda _: talk)  # type: ignore[arg-type, return-value]
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        app.run_text("set W1 = 0")
        assert app.lost() == ""
        talk.trouble = "no room on the disk"
        assert app.lost()
        talk.trouble = ""
        await pilot.press("ctrl+q")
    assert app.return_value == 0


async def test_ctrl_z_suspends(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(BpdebugApp, "action_suspend_process", lambda self: done.append("suspended"))
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        for keys in ((), ("question_mark",), ("escape", "colon"), ("escape", "ctrl+p")):
            await pilot.press(*keys, "ctrl+z")
    assert done == ["suspended"] * 4


BAR = dict.fromkeys(map(ord, "▁▂▃▄▅▆▇"), " ")
"""The end of a scroll bar, which Textual moves by less than a line when it has been painted."""


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_first_frame_is_the_whole_screen(size: tuple[int, int]) -> None:
    frames: list[list[str]] = []

    class Watched(BpdebugApp):
        def _display(self, screen: Screen[Any], renderable: Any) -> None:
            super()._display(screen, renderable)
            if isinstance(renderable, LayoutUpdate):
                lines = ("".join(s.text for strip in line for s in strip) for line in renderable.strips)
                frames.append([line.translate(BAR).rstrip() for line in lines])

    app = Watched(state_of("two_layer"))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert frames[0] == [line.translate(BAR).rstrip() for line in lines_of(app)], "it does not come bit by bit"


async def test_where_there_is_no_room_what_would_be_lost_is_said_there() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(40, 8)) as pilot:
        app.run_text("set W1 = 0")
        await pilot.press("q")
        await pilot.pause()
        assert app.is_running
        assert isinstance(app.screen, SmallScreen)
        assert "would be lost" in " ".join(text_of(app).split())
        await pilot.press("q")
        await pilot.pause()
        assert not app.is_running


def test_a_matrix_without_a_place_shows_no_column() -> None:
    assert MatrixBox(Matrix("X", np.ones((2, 3)), (2, 3))).count(0) == 0
