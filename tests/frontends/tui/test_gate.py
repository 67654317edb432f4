"""While work runs in its thread, the screen's thread asks the engine nothing: panes answer with what they know."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.events import Paste
from textual.pilot import Pilot

from bpdebug.debugger import State
from bpdebug.engine import Timeline
from bpdebug.engine.run import Pass
from bpdebug.engine.store import Store
from bpdebug.frontends.loop import Answer, replies
from bpdebug.frontends.tui import laned, listed, sourced, working
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.keys import TABLE
from bpdebug.frontends.tui.laned import LAYING
from bpdebug.frontends.tui.sourced import READING
from bpdebug.progress import may_stop
from bpdebug.views import Report, inspector
from bpdebug.views.lanes import Lanes
from bpdebug.views.program import matching
from bpdebug.views.source import SourceLines

from .screen import app_of, lines_of, text_of
from .walker import Walker

ENGINE = {
    Timeline: ("event", "iteration", "value_at", "grad_at", "loss_at", "end"),
    Store: ("iteration", "result", "leaf", "parameter", "updated", "start", "computed", "made"),
    Pass: ("value", "gradient", "cotangent", "contribution", "partial", "seed", "run_forward", "run_backward"),
}
"""Whatever leads to a number that may still have to be worked out."""
ENDS = {"escape", "q", "ctrl+c", "ctrl+q", "ctrl+z", "ctrl+p"}
"""What ends the work, or the program; and a list of Textual's, which is there when it likes."""
SIZES = ((80, 24), (200, 60), (61, 16), (40, 10), (120, 40))


class Held:
    """The commands of a session, held up for as long as one wants; and who asks the engine in the meantime."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.asked, self.lines, self.counts = threading.Event(), list[str](), list[str](), False
        self.go.set()
        for cls, names in ENGINE.items():
            for name in names:
                monkeypatch.setattr(cls, name, self.counted(cls, name))
        monkeypatch.setattr("bpdebug.frontends.tui.app.replies", self.replies)
        monkeypatch.setattr(working, "LARGE", 0)

    def counted(self, cls: type, name: str) -> Callable[..., Any]:
        function = getattr(cls, name)

        def call(*args: Any, **named: Any) -> Any:
            if self.counts and threading.current_thread() is threading.main_thread():
                stack = traceback.extract_stack()
                self.asked.append(f"{cls.__name__}.{name}: " + " < ".join(f.name for f in stack[-2:-9:-1]))
            return function(*args, **named)

        return call

    def replies(self, state: State, line: str) -> Iterator[Answer]:
        self.lines.append(line)
        while not self.go.wait(0.002):
            may_stop()
        yield from replies(state, line)

    async def begin(self, app: BpdebugApp, line: str) -> None:
        """A line that is being carried out."""
        self.go.clear()
        app.run_text(line)
        assert app.work is not None
        self.counts = True

    async def end(self, app: BpdebugApp, pilot: Pilot[Any]) -> None:
        """It is done, and with it all that waited for it."""
        self.counts = False
        self.go.set()
        await idle(app, pilot)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(monkeypatch)


async def idle(app: BpdebugApp, pilot: Pilot[Any]) -> None:
    for _ in range(3):
        await pilot.pause()
        while app.work is not None:
            await asyncio.sleep(0.002)


async def touched(app: BpdebugApp, walker: Walker, kind: str) -> None:
    """Everything of a kind that a reader can do to the panes."""
    if kind == "sizes":
        for size in SIZES:
            await walker.act(size)
    elif kind == "mouse":
        for y in range(0, 38, 5):  # below are the keys, one of which ends it
            for x in (2, 50, 70, 96):
                await walker.act(f"{'wheel' if x == 70 else 'click'} {x},{y}")
        await walker.act("drag 33,9 60,9")
    else:
        pane = app.main.query_one(f"#{kind}")
        for key in sorted({row.names[0] for row in TABLE.values()} - ENDS):
            app.main.set_focus(pane)
            await walker.act(key)
            if app.prompt is not None:
                app.prompt.display = False
            while len(app.screen_stack) > 1:
                app.pop_screen()


class Awake(Walker):
    """Something runs all the while: what settles is what is drawn."""

    async def settle(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("kind", "seen"),
    [(kind, "event") for kind in ("sizes", "mouse", "stage", "program", "inspector")]
    + [(kind, "lens") for kind in ("sizes", "stage")],  # which has the room of all panes
)
async def test_nothing_is_asked_while_something_runs(held: Held, kind: str, seen: str) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        for before in ("watch norm(W1)", "display norm(W1)", "seek 60%", seen.replace("event", "when")):
            app.run_text(before)
            await idle(app, pilot)
        await held.begin(app, "step")
        await touched(app, Awake(app, pilot), kind)
        assert held.asked == []
        assert app.work is not None
        assert app.is_running
        await held.end(app, pilot)
        app.call_later(app.main.look)
        await idle(app, pilot)
        shown = lines_of(app)
        app.main.inspector.turn_to(app.main.inspector.tab)
        app.program.look(app.program.tab.name)
        await idle(app, pilot)
        assert shown == lines_of(app)  # nothing is left that waited


async def test_panes_answer_while_something_runs_and_the_rest_comes_after(held: Held) -> None:
    app = app_of("nan_sqrt")
    async with app.run_test(size=(120, 40)) as pilot:
        await idle(app, pilot)
        await held.begin(app, "seek end")
        await pilot.press("v")
        assert "not worked out yet" in text_of(app)
        app.program.focus()
        at = app.program.tab.current or 0
        await pilot.press("down", "down")
        assert app.program.selected == at + 2
        await pilot.press("r", "r")
        assert LAYING in text_of(app)
        assert held.asked == []
        await held.end(app, pilot)
        shown = text_of(app)
        assert "not worked out yet" not in shown
        assert "everything is done" in shown


@pytest.mark.parametrize(("tab", "said"), [("source", READING), ("graph", LAYING), ("list", "sqF")])
async def test_of_a_large_graph_rows_are_found_beside_the_screen(
    held: Held, monkeypatch: pytest.MonkeyPatch, tab: str, said: str
) -> None:
    threads = set[bool]()

    def slowly(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            threads.add(threading.current_thread() is threading.main_thread())
            return function(*args)

        return call

    app = app_of("nan_sqrt")
    async with app.run_test(size=(120, 40)) as pilot:
        await idle(app, pilot)
        monkeypatch.setattr(sourced, "SourceLines", slowly(SourceLines))
        monkeypatch.setattr(laned, "Lanes", slowly(Lanes))
        monkeypatch.setattr(listed, "matching", slowly(matching))
        app.program.focus()
        await held.begin(app, "when")
        app.program.look(tab)
        if tab == "list":
            await pilot.press("slash", "s", "q")
        await pilot.pause()
        assert said in text_of(app)
        assert not threads
        await held.end(app, pilot)
        assert False in threads
        assert READING not in text_of(app)
        assert LAYING not in text_of(app)
        assert app.state is not None
        if tab == "list":
            assert app.program.list.kept == matching(app.state.timeline.graph, "sq")


async def test_lanes_far_below_those_that_are_laid_are_laid_beside_the_screen(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are there at once, and are drawn again with their lanes."""
    on_screen, lay = list[bool](), Lanes._lay

    def counted(lanes: Lanes, r: int) -> None:
        on_screen.append(threading.current_thread() is threading.main_thread())
        lay(lanes, r)

    monkeypatch.setattr(laned, "NEAR", 0)
    monkeypatch.setattr(Lanes, "_lay", counted)
    app = app_of("nan_sqrt")
    async with app.run_test(size=(120, 40)) as pilot:
        await idle(app, pilot)
        app.program.focus()
        app.program.look("graph")
        await idle(app, pilot)
        tab = app.program.tab
        assert on_screen == [False] * tab.count
        assert "◉" in text_of(app)
        assert all("…" not in tab.line(at, 60, chosen=False).text for at in range(tab.count))


async def test_rows_for_which_no_number_is_asked_are_there_while_something_runs(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "LARGE", 2**20)
    app = app_of("nan_sqrt")
    async with app.run_test(size=(120, 40)) as pilot:
        await idle(app, pilot)
        await held.begin(app, "check")  # it may take long whatever the graph
        app.program.focus()
        await pilot.press("r")
        assert "[graph]" in text_of(app) or "program = " in text_of(app)
        await pilot.press("r")
        assert "◉" in text_of(app)
        await pilot.press("slash", "s", "q")
        await pilot.pause()
        assert app.program.list.kept
        assert held.asked == []
        await held.end(app, pilot)


async def test_what_is_typed_while_something_runs_is_carried_out_then_and_a_key_is_said_not_to_be(held: Held) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        await held.begin(app, "step")
        await asyncio.sleep(working.PATIENCE)
        app.look_after()
        for line in ("break Y@bwd", "print W1"):
            await pilot.press(":")
            app.post_message(Paste(line))
            await pilot.press("enter")
        await pilot.press("n")
        await pilot.pause()
        assert "Esc stops · then break Y@bwd · then print W1 · next does not wait for it" in " ".join(
            text_of(app).split()
        )
        await held.end(app, pilot)
        assert held.lines == ["step", "break Y@bwd", "print W1"]
        assert app.state is not None
        assert app.state.breakpoints
        assert app.reports.open


async def test_esc_ends_what_runs_and_with_it_what_was_to_come(held: Held) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        await held.begin(app, "step")
        app.entered("step")
        await pilot.press("escape")
        await idle(app, pilot)
        assert held.lines == ["step"]
        assert app.state is not None
        assert app.state.cursor == 0


async def test_what_takes_long_of_a_large_graph_is_asked_beside_the_screen_and_gives_way_to_a_line(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, go, asked = app_of("two_layer"), threading.Event(), list[str]()

    def slowly(state: State, tab: str) -> Report:
        asked.append(f"{tab} {threading.current_thread() is threading.main_thread()} {state.cursor}")
        while not go.wait(0.002):
            may_stop()
        return inspector(state, tab)

    async with app.run_test(size=(120, 40)) as pilot:
        monkeypatch.setattr("bpdebug.frontends.tui.inspector.inspector", slowly)
        app.run_text("step")
        await idle(app, pilot)
        assert not asked
        app.main.inspector.turn_to("hist")
        assert app.asking
        await pilot.press("s")
        go.set()
        await idle(app, pilot)
        assert app.state is not None
        assert app.state.cursor == 2
        assert asked == ["hist False 1"]
        assert "bins" in text_of(app)
