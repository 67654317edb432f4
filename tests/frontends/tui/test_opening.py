"""Opening what is long: the screen is there at once and says so, keys answer, Esc ends it, errors reach the shell."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from bpdebug.debugger import State
from bpdebug.errors import EXIT_GOOD, BpdebugError, InputError
from bpdebug.frontends import tui
from bpdebug.frontends.tui import keys, working
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.working import Work
from bpdebug.progress import may_stop
from bpdebug.scenario import find, load
from bpdebug.views import Report, stop

from .screen import app_of, state_of, text_of


class Gate:
    """What comes through when it is told to."""

    def __init__(self, then: Callable[[], Any]) -> None:
        self.open, self.then = threading.Event(), then

    def __call__(self, *_: object) -> Any:
        while not self.open.wait(0.005):
            may_stop()
        return self.then()


async def until(pilot: Pilot[int], holds: Callable[[], bool]) -> None:
    for _ in range(250):
        if holds():
            return
        await pilot.pause(0.02)
    raise AssertionError("it did not happen")


def waiting(gate: Gate) -> BpdebugApp:
    return BpdebugApp(None, reading=Work(gate, doing="reading two_layer.toml"))


async def test_the_screen_says_that_a_file_is_being_read_until_it_is() -> None:
    gate = Gate(lambda: state_of("two_layer"))
    app = waiting(gate)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "reading two_layer.toml" in text_of(app))
        assert "Esc stops" in text_of(app)
        assert app.state is None
        gate.open.set()
        await until(pilot, lambda: app.state is not None)
        await pilot.pause()
        assert "event 0" in text_of(app)
        assert "reading" not in text_of(app)
        await pilot.press("s")
        assert app.state is not None
        assert app.state.cursor == 1


async def test_every_key_answers_while_there_is_nothing_to_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BpdebugApp, "action_suspend_process", lambda *_: None)
    gate = Gate(lambda: state_of("two_layer"))
    app = waiting(gate)
    async with app.run_test(size=(100, 30)) as pilot:
        for row in keys.TABLE.values():
            ends = {"q", "escape", "f1"}.intersection(row.names)
            if row.place in (keys.DEBUGGER, keys.STAGE, keys.PROGRAM, keys.INSPECTOR) and not ends:
                await pilot.press(*row.names)
                assert app.is_running, row.id
        await pilot.click("#timeline", offset=(20, 0))
        await pilot.press("question_mark", "a", "escape")
        assert app.is_running
        assert app.state is None
        gate.open.set()
        await until(pilot, lambda: app.state is not None)
        assert app.state is not None
        assert app.state.cursor == 0


@pytest.mark.parametrize("key", ["escape", "ctrl+c", "q"])
async def test_esc_ends_the_reading_and_with_it_the_program(key: str) -> None:
    app = waiting(Gate(lambda: state_of("two_layer")))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press(key)
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == EXIT_GOOD
    assert app.refused is None


async def test_what_is_wrong_with_the_file_is_handed_on() -> None:
    def wrong() -> State:
        raise InputError("no such thing", code="E_FILE", hint="look", where="x.toml")

    gate = Gate(wrong)
    app = waiting(gate)
    async with app.run_test(size=(100, 30)) as pilot:
        gate.open.set()
        await until(pilot, lambda: not app.is_running)
    assert app.refused is not None
    assert app.refused.message == "no such thing"


@pytest.mark.parametrize("ended", [False, True])
async def test_a_long_first_event_is_worked_out_beside_the_screen(ended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what it takes to draw it: on the screen's own thread no array is computed or measured."""
    monkeypatch.setattr(working, "LARGE", 0)
    working.is_large.cache_clear()
    made: list[threading.Thread] = []
    gate = Gate(lambda: None)

    def seen(state: State) -> Report:
        gate()
        made.append(threading.current_thread())
        return stop(state)

    monkeypatch.setattr("bpdebug.frontends.tui.opening.stop", seen)
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "computing the first event" in text_of(app))
        await pilot.press("s", "G")  # nothing to be stepped yet
        if ended:
            await pilot.press("escape")
            await until(pilot, lambda: not app.is_running)
        else:
            gate.open.set()
            await until(pilot, lambda: "event 0" in text_of(app))
            assert app.state is not None
            assert app.state.cursor == 0
            assert len(made) == 1
            assert made[0] is not threading.main_thread()
    working.is_large.cache_clear()


def test_a_file_that_is_read_at_once_needs_no_screen_to_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    apps: list[BpdebugApp] = []
    monkeypatch.setattr(BpdebugApp, "run", lambda self: apps.append(self))
    monkeypatch.setattr(tui, "BEFORE_THE_SCREEN", 30)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    def wrong() -> Any:
        raise InputError("no such thing", code="E_FILE", hint="look", where="x.toml")

    with pytest.raises(BpdebugError, match="no such thing"):
        tui.run_app(wrong, "x.toml")
    assert apps == []
    assert tui.run_app(lambda: load(find("two_layer")), "two_layer.toml") == EXIT_GOOD
    assert apps[0].state is not None
    assert apps[0].opening is None
    assert tui.run_app(None) == EXIT_GOOD
    assert apps[1].state is None
    assert apps[1].entries
