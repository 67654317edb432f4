"""A lesson tells what to press, ends with what there is to do, and is ticked when it was walked to its end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.menu import MenuScreen
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.frontends.tui.walked import walked
from bpdebug.scenario import shipped

from .screen import MARKUP, app_of, lines_of, state_of, text_of

HINT = re.compile(r"press (\S+) to ([\w ]+?) *│")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing was walked before."""
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path))
    return tmp_path


async def test_the_first_stop_says_what_it_is_about_and_what_to_press() -> None:
    for size in ((80, 24), (120, 40)):
        app = app_of("transpose")
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            screen = text_of(app)
            assert "One matmul, Y = X @ W, first from left to right" in screen
            assert HINT.findall(screen) == [("s", "go on")]


async def test_the_keys_are_those_that_the_user_has() -> None:
    app = BpdebugApp(state_of("transpose"), preferences=Preferences({"step": "f8", "stepi": "f7", "lesson.menu": "f2"}))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert HINT.findall(text_of(app)) == [("F8", "go on")]
        app.run_text("seek Y@bwd")
        await pilot.pause()
        assert HINT.findall(text_of(app)) == [("F7", "turn it")]
        app.run_text("seek end")
        await pilot.pause()
        assert "F2 all lessons" in text_of(app)


@pytest.mark.parametrize("name", ["transpose", "bias", "two_layer", "broken_mean", "attention"])
async def test_who_presses_what_is_said_comes_to_the_end_and_it_is_ticked(name: str) -> None:
    app = app_of(name)
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.state is not None
        turned = False
        for _ in range(400):
            await pilot.pause(0)
            noted = any(note.stops.contains(app.state.cursor) for note in app.state.notes)
            said = HINT.findall(text_of(app))
            if app.state.event is None:
                break
            assert bool(said) == (noted or app.state.cursor == 0)
            turned |= ("i", "turn it") in said
            await pilot.press(said[0][0] if said else "s")
        assert app.state.event is None
        assert turned
        assert walked() == {name}


async def test_a_jump_to_the_end_and_a_fork_are_no_walk() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("end")
        app.run_text("seek begin ;; set W[0,0] = 3")
        await pilot.press("s", "s", "s", "s")
        assert walked() == frozenset()
        app.run_text("switch 0")
        await pilot.press("end", "S", "s")
        assert walked() == {"transpose"}
    app = app_of(MARKUP)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press(*"ssssssss")
        assert walked() == {"transpose"}


async def test_the_end_offers_what_there_is_to_do() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(200, 40)) as pilot:
        await pilot.press("end")
        await pilot.pause()
        assert "The end. R again · p practise · J next lesson · O all lessons" in text_of(app)
        await pilot.press("R")
        assert app.state is not None
        assert app.state.cursor == 0
        await pilot.press("end", "p")
        assert app.state.practice is not None
        assert app.state.event is not None
        assert app.state.event.name == "Y"
        await pilot.press("J")
        await pilot.pause()
        assert app.state.scenario.name == "transpose_left.toml"
        assert app.state.cursor == 0
        await pilot.press("O")
        await pilot.pause()
        assert "▶   The weights on the left" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.state.scenario.name == "transpose_left.toml"
        assert not isinstance(app.screen, MenuScreen)


async def test_the_same_by_mouse() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.state is not None
        for word, name in (("next lesson", "transpose_left.toml"), ("all lessons", "transpose_left.toml")):
            app.run_text("seek end")
            await pilot.pause()
            await pilot.click("#keys", offset=(lines_of(app)[-1].index(word), 0))
            await pilot.pause()
            assert app.state.scenario.name == name
        assert isinstance(app.screen, MenuScreen)


async def test_the_last_lesson_and_other_scenarios_have_no_next_one() -> None:
    for name in ("broken_broadcast", MARKUP):
        app = app_of(name)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("end")
            await pilot.pause()
            said = "next lesson" in text_of(app).split("The end.")[1].split("\n")[0]
            assert said == (name == "broken_broadcast")  # broken_shape, which does not open, is after it
            await pilot.press("J")
            await pilot.pause()
            assert ("no lesson comes after" in text_of(app)) == (name == MARKUP)


async def test_forks_are_not_left_without_a_word() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(100, 30)) as pilot:
        app.run_text("set W[0,0] = 3")
        for key in ("J", "O"):
            await pilot.press(key)
            await pilot.pause()
            assert f"would be lost: {key} again leaves" in text_of(app)
            app.run_text("when")
        await pilot.press("J", "J")
        await pilot.pause()
        assert app.state is not None
        assert app.state.scenario.name == "transpose_left.toml"


async def test_what_was_walked_is_ticked_in_the_menu(folder: Path) -> None:
    app = BpdebugApp(None, shipped(), state_of)
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.press("enter", *"ssss", "O")
        await pilot.pause()
        screen = text_of(app)
        assert "▶ ✓ Where Wᵀ comes from" in screen
        assert "Where the transpose comes from  1 of 3" in screen
        assert screen.count("✓") == 1


async def test_what_cannot_be_written_or_read_disturbs_nobody(folder: Path) -> None:
    (folder / "lessons").write_bytes(b"\xff")
    app = app_of("transpose")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press(*"ssss", "O")
        await pilot.pause()
        assert isinstance(app.screen, MenuScreen)
        assert walked() == frozenset()
    assert (folder / "lessons").read_bytes() == b"\xff"


async def test_nothing_of_a_lesson_is_left_in_the_next() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("n", "x", "J")
        await pilot.pause()
        state, event = app.state, app.stage.report.title
        await pilot.press("backspace", "enter")  # a report that was open, and a motion to repeat, would be another's
        await pilot.pause()
        assert (app.state, app.stage.report.title) == (state, event)
