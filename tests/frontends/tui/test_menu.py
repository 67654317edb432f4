"""The menu for those who come without a file."""

from __future__ import annotations

from bpdebug.debugger import State
from bpdebug.errors import InputError
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.scenario import shipped

from .screen import state_of, text_of


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


async def test_an_empty_menu() -> None:
    app = BpdebugApp(None)
    async with app.run_test() as pilot:
        await pilot.press("down", "enter", "q")
    assert app.return_value == 0
