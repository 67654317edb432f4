"""What takes long: how far it is and how long it may still take, and what is seen is made once."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from bpdebug.debugger import State
from bpdebug.debugger.commands.within import in_a_time
from bpdebug.errors import CommandError
from bpdebug.frontends.bar import STOPPED, bar, duration
from bpdebug.frontends.loop import Answer, replies
from bpdebug.frontends.tui import working
from bpdebug.progress import Stopped, listening, may_stop, part, report, waiting
from bpdebug.views import Report

from .screen import app_of, state_of, text_of


class Held:
    """A piece of work that goes on when it is told to."""

    def __init__(self) -> None:
        self.go, self.there = threading.Event(), threading.Event()

    def __call__(self) -> str:
        with part(2, 10, "norms"):
            report(1, 2, "cells")
            self.there.set()
            while not self.go.wait(0.005):
                may_stop()
        return "done"


def test_time_left_is_guessed_from_what_is_done_a_part_of_a_part_too() -> None:
    now = [100.0]
    held = Held()
    work = working.Work(held, clock=lambda: now[0])
    assert held.there.wait(5)
    assert work.far == bar(2.5, 10, 0, "norms")
    assert "left" not in work.far
    now[0] += 50
    assert work.far.endswith("2/10 norms, 2 min left")
    work.end()
    assert work.far == "stopping …"
    with pytest.raises(Stopped):
        work.result()


def test_of_a_check_that_takes_long_it_is_said_that_it_may_be_given_a_time() -> None:
    assert in_a_time("check") == "or check for 30s"
    assert in_a_time("check Y@bwd") == "or check Y@bwd for 30s"
    for line in ("check for 5s", "! check", "step", "check ;; flow", "info gradients", "nosuch", "", "print ("):
        assert in_a_time(line) == ""
    now, held = [0.0], Held()
    work = working.Work(held, clock=lambda: now[0], instead=in_a_time("flow"))
    assert work.instead == ""
    now[0] = 3
    assert work.instead == "or flow for 30s"
    work.end()
    assert work.instead == ""


def test_what_is_waited_for_is_said_until_something_is_done() -> None:
    go, there = threading.Event(), threading.Event()

    def waits() -> None:
        waiting("waiting for workers at tcp://host:8786")
        there.set()
        go.wait(5)
        report(1, 5, "tasks")

    work = working.Work(waits, clock=lambda: 0.0)
    assert there.wait(5)
    assert work.far == "waiting for workers at tcp://host:8786, 0 s"
    go.set()
    work.result()
    assert work.far == bar(1, 5, 0, "tasks")


def test_of_what_begins_anew_the_bar_does_not_go_back() -> None:
    now, go, there = [0.0], threading.Event(), threading.Event()

    def twice() -> None:
        report(8, 10)
        report(1, 5)
        there.set()
        go.wait(5)
        report(95, 100)

    work = working.Work(twice, clock=lambda: now[0])
    assert there.wait(5)
    now[0] = 9
    assert work.far == f"{bar(8, 10)}, 9 s so far"
    go.set()
    work.result()
    assert work.far == f"{bar(95, 100)}, 9 s so far"


def test_of_several_commands_each_is_a_part() -> None:
    heard: list[float] = []
    with listening(lambda done, total, unit: heard.append(done / total)):
        working.carried_out(state_of("two_layer"), "check ;; check ;; seek end", replies)
    assert heard == sorted(heard)
    assert sum(share < 1 / 3 for share in heard) > 2
    assert sum(1 / 3 <= share < 2 / 3 for share in heard) > 2


def test_what_reports_nothing_says_how_long_it_runs() -> None:
    now, go = [0.0], threading.Event()
    work = working.Work(lambda: go.wait(5), clock=lambda: now[0])
    assert work.far == ""  # it may be done before anybody reads it
    now[0] = 7.2
    assert work.far == "working, 7 s"
    told = threading.Event()
    work.then(told.set)
    go.set()
    assert told.wait(5)
    assert work.done


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (99, "99 s"), (150, "2 min"), (7200, "2 h")])
def test_a_duration_is_said_in_few_characters(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the event and the displays are drawn."""
    counts: Counter[str] = Counter()

    def counted(name: str, module: str, attribute: str) -> None:
        function = getattr(sys.modules[module], attribute)

        def call(*args: object) -> object:
            counts[name] += 1
            return function(*args)

        monkeypatch.setattr(sys.modules[module], attribute, call)

    counted("event", "bpdebug.views.stage", "event_blocks")
    counted("displays", "bpdebug.views", "displayed")
    counted("displays", "bpdebug.frontends.loop", "displayed")
    return counts


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("line", ["step", "seek Y@bwd ;; stepi", "finish", "break L"])
async def test_an_events_report_is_made_once_a_line(
    line: str, slow: bool, made: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "LARGE", 0 if slow else 2**30)
    monkeypatch.setattr(working, "AT_ONCE", 5)
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        app.run_text("display norm(W1)")
        app.run_text("step")
        await pilot.pause()
        made.clear()
        app.run_text(line)
        await pilot.pause()
        assert app.work is None
        assert made["event"] == line.count(";;") + 1
        assert made["displays"] == line.count(";;") + 1


async def test_ctrl_c_ends_what_runs_and_else_says_how_to_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: object) -> Iterator[Answer]:
        while not stop.wait(0.005):
            may_stop()
        yield from ()

    stop = threading.Event()
    monkeypatch.setattr(working, "LARGE", 0)
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        before = app.state
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert "Ctrl+Q leaves" in text_of(app)
        monkeypatch.setattr("bpdebug.frontends.tui.app.replies", endless)
        app.run_text("step")
        assert app.work is not None
        await pilot.press("s", "ctrl+c")
        for _ in range(250):
            await pilot.pause(0.02)
            if app.work is None:
                break
        stop.set()
        assert app.work is None
        assert app.state is before
        assert "stopped" in text_of(app)
        assert app.is_running


def test_a_stop_while_what_was_refused_is_still_to_be_seen_takes_the_line_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(state: State, line: str) -> Iterator[Answer]:
        yield from replies(state, line)
        raise CommandError("no")

    def stopped(*_: object) -> Report:
        raise Stopped

    monkeypatch.setattr(working, "stop", stopped)
    state = state_of("two_layer")
    found = working.carried_out(state, "step", refused)
    assert found.state is state
    assert found.error is None
    assert found.said == STOPPED
