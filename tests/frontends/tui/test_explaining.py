"""Explanations on the screen: cells lit in matrices, followed by a key; practice; and what takes long."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from bpdebug.debugger import COMMANDS, State, update
from bpdebug.debugger.commands import explaining
from bpdebug.debugger.commands.explaining import EXPLANATIONS
from bpdebug.debugger.commands.table import Command
from bpdebug.engine import Timeline
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.frontends.tui import working
from bpdebug.frontends.tui.marks import Highlight
from bpdebug.frontends.tui.prompt import Prompt
from bpdebug.progress import Stopped, report, stoppable
from bpdebug.views import Report, stop, view
from bpdebug.views.numbers import number
from tests.lessons import scenario

from .screen import app_of, lines_of, text_of, typed_at_once


async def test_the_lens_lights_the_same_cells_in_an_operand_and_its_transpose() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(120, 50)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.press("x")
        views = {v.matrix.name: v for row in app.stage.rows for v in row}
        assert views["W"].mark == Highlight(cells=frozenset((1, c) for c in range(4)))
        assert views["Wᵀ"].mark == Highlight(cells=frozenset((c, 1) for c in range(4)))
        assert views["∂X"].mark == Highlight(cells=frozenset({(0, 1)}))
        assert "so W is turned" in " ".join(text_of(app).split())
        assert "[−1]" in text_of(app)


async def test_a_marked_cell_is_followed_by_a_key_and_by_another() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(120, 50)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.press("x", "down", "up")
        assert app.stage.cell_text() == "∂X[0,1]"
        await pilot.press("o")
        assert app.stage.report.title.startswith("∂X[0,1] = 7")
        await pilot.press("right", "full_stop", "right")
        cell = app.stage.cell_text()
        assert cell.startswith("∂Y[")
        await pilot.press("o")
        assert app.stage.report.title.startswith(cell)
        await pilot.press("escape", "o")
        assert app.stage.report.kind == "origin"  # without a mark: the largest cell of the event


@pytest.mark.parametrize("key", [row.key for row in EXPLANATIONS if row.key])
async def test_every_explanation_with_a_key_has_a_pane_that_escape_closes(key: str) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 50)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.press(key)
        assert "Esc closes" in app.stage.report.title
        await pilot.press("escape")
        assert "Esc closes" not in app.stage.report.title


async def test_what_is_typed_ahead_goes_into_the_command_line() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(120, 50)) as pilot:
        await pilot.press(":", *"practice", "enter")
        assert app.state is not None
        assert app.state.practice is not None
        assert "what is its shape" in text_of(app)


@pytest.mark.parametrize(
    ("keys", "value"), [("/max", "find max"), ("W0,1", "find at0,1"), (":n", "n"), ("L#1", "seek #1")]
)
async def test_every_key_that_asks_takes_what_is_typed_at_once(keys: str, value: str) -> None:
    app = app_of("transpose")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.pause()
        typed_at_once(app, keys)
        await pilot.pause()
        assert app.screen.query_one(Prompt).value.replace("at ", "at") == value
        await pilot.press("escape")
        assert app.state is not None
        assert app.state.cursor == 2


@pytest.mark.parametrize(
    ("keys", "cursor", "history"),
    [
        (":step\rss", 3, ["step"]),
        (":st\x1bs", 1, []),
        (":ste\t\r:step\rs", 3, ["step"]),
        (":where\r:when\r", 0, ["where", "when"]),
    ],
)
async def test_what_is_typed_at_once_behind_the_command_line_is_for_the_pane(
    keys: str, cursor: int, history: list[str]
) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(80, 24)) as pilot:
        for number in (1, 2):  # the line is there from the second time on
            typed_at_once(app, f"R{keys}" if number > 1 else keys)
            for _ in range(5):
                await pilot.pause()
            assert app.state is not None
            assert app.state.cursor == cursor
            assert app.screen.query_one(Prompt).history == history * number or len(history) == 1
        assert app.focused is app.stage


async def test_what_is_typed_at_once_behind_help_carries_out_nothing() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(80, 24)) as pilot:
        typed_at_once(app, "?nan")
        for _ in range(3):
            await pilot.pause()
        assert app.line == ""


async def test_what_is_typed_at_once_behind_the_esc_that_closes_help_is_for_the_pane() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(80, 24)) as pilot:
        for words, cursor in (("?\x1bs", 1), ("?nan\x1bss", 3)):
            typed_at_once(app, words)
            for _ in range(3):
                await pilot.pause()
            assert app.state is not None
            assert app.state.cursor == cursor


async def test_no_command_line_opens_where_there_is_no_room() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(20, 5)) as pilot:
        await pilot.pause()
        typed_at_once(app, ":step")
        await pilot.pause()
        assert app.prompt is None


async def test_what_opens_the_command_line_elsewhere_is_typed_into_a_filter() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(80, 24)) as pilot:
        app.program.focus()
        await pilot.pause()
        typed_at_once(app, "/Y = X:")
        await pilot.pause()
        assert app.program.list.words == "Y = X:"
        assert not app.screen.query(Prompt)


@pytest.mark.parametrize("keys", [("tab",), ("i", "i", "i")])
async def test_the_lens_begins_with_the_gradient_that_was_seen(keys: tuple[str, ...]) -> None:
    app = app_of("transpose")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.press(*keys, "x")
        await pilot.pause()
        assert "The sum runs over i (batch)" in text_of(app)
        assert "2 of 2: Tab" in text_of(app)
        await pilot.press("shift+tab")
        assert "the forward pass" in text_of(app)  # the report from its beginning
        assert "The sum runs over j (out)" in text_of(app)
        await pilot.press("down")
        assert app.stage.cell_text() == "∂X[1,1]"
        await pilot.press("tab")
        assert "The sum runs over i (batch)" in text_of(app)
        await pilot.press("escape")
        assert app.stage.report.kind == "event"


@pytest.mark.parametrize("keys", [("i",), ("tab", "i")])
async def test_what_is_turned_is_lit_from_the_start(keys: tuple[str, ...]) -> None:
    app = app_of("transpose")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.press(*keys)
        await pilot.pause()
        assert "transposed" in text_of(app)
        views = {v.matrix.name: v for row in app.stage.rows for v in row}
        before, turned = ("X", "Xᵀ") if "tab" in keys else ("W", "Wᵀ")  # it walks into what is seen
        row, column = (2, 1) if "tab" in keys else (3, 1)
        assert views[turned].mark.single == (row, column)
        assert views[before].mark.single == (column, row)
        await pilot.press("enter")
        assert app.state is not None
        assert app.state.part == (4 if "tab" in keys else 2)


async def test_in_practice_enter_answers_and_all_answered_it_begins_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path))  # who comes to the end has walked the lesson
    app = app_of("transpose")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("s", "p")
        assert "press = to answer" in text_of(app)
        for answer in ("2x3", "dY @ W.T", "3x4", "X.T @ dY"):
            await pilot.press("enter")
            assert app.screen.query_one(Prompt).value == "answer "
            app.screen.query_one(Prompt).value += answer
            await pilot.press("enter")
            await pilot.pause()
        assert "4 of 4 right" in text_of(app)
        assert "to answer" not in text_of(app)
        await pilot.press("enter")
        assert app.state is not None
        assert app.state.event is None
        await pilot.press("p")
        assert "0 of 0 right" in text_of(app)


async def test_practice_on_the_screen() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(120, 50)) as pilot:
        app.run_text("practice")
        await pilot.press("=")
        assert app.screen.query_one(Prompt).value == "answer "
        await pilot.press(*"2x3", "enter")
        await pilot.pause()
        assert "right: ∂X has the shape of X" in text_of(app)
        row = next(line for line in lines_of(app) if " ∂W " in line)
        assert "?" in row
        assert "the numbers come" in text_of(app)
        app.run_text("answer dY @ W")
        assert "inner sizes" in text_of(app)
        assert "press : for `practice off`, which ends it" in text_of(app)
        app.run_text("practice off")
        assert "∂X = ∂Y @ Wᵀ" in text_of(app)


class Slow:
    """A command in place of `check` that reports until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def run(self, state: State, argument: str) -> State:
        for n in range(1000):
            try:
                report(n, 1000, "rules")
            except BpdebugError:
                return state.show("said", "a stop was taken for an error")
            if self.go.wait(0.01):
                return state.show("said", "it is done")
        raise AssertionError("nobody let it go")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()
    monkeypatch.setitem(COMMANDS, "check", Command("check", made.run, "slowly", "check", family="explain", slow=True))
    monkeypatch.setattr(working, "AT_ONCE", 0.01)
    return made


async def until(pilot: Any, holds: Any) -> None:
    """Waits for what another thread does, at most five seconds."""
    for _ in range(250):
        if holds():
            return
        await pilot.pause(0.02)
    raise AssertionError("it did not happen")


async def test_what_takes_long_shows_a_bar_and_the_screen_stays_awake(slow: Slow) -> None:
    app = app_of("transpose")
    async with app.run_test(size=(120, 50)) as pilot:
        app.run_text("check")
        await until(pilot, lambda: "/1000 rules" in text_of(app))
        assert "Esc stops" in text_of(app)
        app.run_text("step")  # one thing at a time
        assert app.state is not None
        assert app.state.cursor == 0
        slow.go.set()
        await until(pilot, lambda: app.work is None)
        assert "it is done" in text_of(app)
        app.run_text("step")
        assert app.state.cursor == 1


async def test_escape_stops_what_takes_long_and_nothing_has_changed(slow: Slow) -> None:
    app = app_of("transpose")
    async with app.run_test(size=(120, 50)) as pilot:
        before = app.state
        app.run_text("check")
        await until(pilot, lambda: "/1000 rules" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.work is None)
        assert "stopped" in text_of(app)
        assert app.state is before


@pytest.mark.parametrize(
    "lines", [("seek L", "set W1 = 0"), ("seek end", "set X = 1"), ("seek H", "set X = 0", "seek end", "switch 0")]
)
async def test_what_the_stage_shows_is_worked_out_where_escape_can_end_it(
    lines: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    monkeypatch.setattr("bpdebug.engine.run.may_stop", lambda: threads.append(threading.current_thread()))
    monkeypatch.setattr(working, "LARGE", 0)
    app = app_of("two_layer")
    async with app.run_test(size=(120, 50)) as pilot:
        threads.clear()
        for line in lines:
            app.run_text(line)
            await until(pilot, lambda: app.work is None)
            await pilot.pause()
    assert threads
    assert threading.main_thread() not in threads


async def test_a_stop_while_the_stage_is_worked_out_takes_the_line_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(state: State) -> Report:
        if stoppable() and state.fork:
            raise Stopped
        return stop(state)

    monkeypatch.setattr(working, "stop", stopped)
    monkeypatch.setattr(working, "LARGE", 0)
    app = app_of("two_layer")
    async with app.run_test(size=(120, 50)) as pilot:
        before = app.state
        app.run_text("set W1 = 0")
        await until(pilot, lambda: app.work is None)
        assert "stopped" in text_of(app)
        assert app.state is before


def test_work_raises_what_it_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise CommandError("no", code="E_COMMAND")

    work = working.Work(broken)
    assert work.done
    with pytest.raises(CommandError):
        work.result()
    timeline = Timeline(scenario("transpose").graph)
    assert working.is_slow("step ;; check", timeline)
    assert not working.is_slow("step ;; nonsense", timeline)
    assert not working.is_slow("step", timeline)
    monkeypatch.setattr(working, "MANY", len(timeline))
    assert working.is_slow("step", timeline)
    assert explaining.check_.__doc__


@pytest.mark.parametrize(("scenario", "place"), [("transpose", "Y"), ("mlp", "A"), ("layer_norm", "F")])
async def test_the_sum_of_the_lens_follows_the_marked_cell(scenario: str, place: str) -> None:
    app = app_of(scenario)
    async with app.run_test(size=(160, 120)) as pilot:
        for phase in ("fwd", "bwd"):
            app.run_text(f"seek {place}@{phase}")
            app.run_text("lens")
            await pilot.press("right")  # down, from the last row, is on to a line that leads on
            for keys in ((), ("right",), ("left", "left")):
                await pilot.press(*keys)
                await pilot.pause()
                cell = app.stage.cell_text()
                assert app.state is not None
                value = view(update(app.state, f"print {cell}")).to_data()["value"]
                words = " ".join(text_of(app).replace("│", " ").split())
                assert f"{cell} = " in words or f"{cell} is a sum of" in words
                (lines,) = sums(app.stage.report, cell)
                assert number(value) in "".join(lines)
                assert app.stage.chosen is not None
                chosen, row, column = app.stage.chosen
                assert chosen.mark.has(row, column)


def sums(report: Report, cell: str) -> list[list[str]]:
    """For each place where a cell is taken apart: its lines."""
    texts = report.to_text(160).split("\n")
    at = [i for i, t in enumerate(texts) if t.strip().startswith((f"{cell} = ", f"{cell} is a sum of"))]
    return [texts[i : i + (2 if "is a sum of" not in texts[i] else 15)] for i in at]
