"""What comes about cell by cell: every picture says only what is so, the last one is the screen, and a key ends it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import bpdebug.frontends.tui as tui
from bpdebug.cli import main
from bpdebug.debugger import State, open_session, update
from bpdebug.frontends.tui import turning
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.turning import LONGEST, MOST, turn_of
from bpdebug.scenario import load
from bpdebug.views import stop
from tests.lessons import scenario

from .judge import SCROLLBARS, Known, matrices, wrong_cells
from .screen import Sized, app_of, lines_of, state_of

LESSONS = ("transpose", "two_layer", "attention", "mlp", "causal_attention")
LARGE = """
format = 1
title = "Larger than what is turned"
[parameters]
X = { shape = [3, 21], init = "normal" }
W = { shape = [21, 20], init = "normal" }
[graph]
loss = "L"
program = '''
Y = X @ W
L = mean(Y)
'''
"""


def parts_of(name: str) -> Iterator[State]:
    """A session at the parts of each matmul's backward, up to a dozen."""
    state, most = update(open_session(scenario(name)), "seek matmul@bwd"), 12
    while state.cursor < len(state.timeline) and most:
        if state.part and (state.event is not None and state.event.op == "matmul"):
            most -= 1
            yield state
        state = update(state, "stepi")


@pytest.mark.parametrize("size", [(48, 18), (76, 22), (120, 50)])
@pytest.mark.parametrize("name", LESSONS)
def test_every_picture_shows_true_numbers_and_more_and_more_of_them(name: str, size: tuple[int, int]) -> None:
    turned = 0
    for state in parts_of(name):
        stage = Sized(*size)
        stage.show(stop(state))
        stage.to_end()
        end, turn, known = stage.lines(), turn_of(stage.parts), Known(state.timeline)
        if turn is None:
            continue
        stage.turning, seen = turn, list[int]()
        for share in np.linspace(0, 1, 9):
            stage.picture(float(share))
            lines = [line.translate(SCROLLBARS) for line in stage.lines()]
            drawn = list(matrices(lines, known.named))
            assert [w for d in drawn for w in wrong_cells(d, known.named[d.name])] == []
            there = [d for d in drawn if d.name == turn.box.matrix.name and d.shape == turn.box.matrix.shape]
            seen.append(max((len(d.cells) for d in there), default=0))
        assert seen == sorted(seen)
        assert stage.turning is None
        assert stage.lines() == end
        turned += seen[0] < seen[-1]
    assert turned


def test_a_cell_of_a_transpose_comes_with_the_one_that_it_was() -> None:
    state = next(s for s in parts_of("transpose") if "axes swapped" in stop(s).to_text())
    stage = Sized(100, 30)
    stage.show(stop(state))
    stage.turning = turn_of(stage.parts)
    assert stage.turning is not None
    for n in range(len(stage.turning.arriving)):
        stage.picture(n / len(stage.turning.arriving))
        whole, turned = stage.rows[-1]
        (row, column) = whole.mark.single or (-1, -1)
        assert turned.mark.single == (column, row)
        assert (row, column) == divmod(n, whole.columns)
        assert (column, row) not in turned.absent


def test_a_picture_is_of_the_report_and_the_time_alone() -> None:
    for state in parts_of("transpose"):
        pictures = []
        for shares in ((0.2, 0.8, 0.5), (0.5,)):
            stage = Sized(100, 30)
            stage.show(stop(state))
            stage.turning = turn_of(stage.parts)
            for share in shares:
                stage.picture(share)
            pictures.append(stage.lines())
        assert pictures[0] == pictures[1]


def test_it_takes_no_longer_than_it_may_and_what_is_large_is_there_at_once() -> None:
    for name in LESSONS:
        for state in parts_of(name):
            stage = Sized(100, 30)
            stage.show(stop(state))
            turn = turn_of(stage.parts)
            assert turn is None or turn.seconds <= LONGEST
            assert turn is None or sum(map(len, turn.arriving)) == turn.box.matrix.shape[-1] * turn.box.rows <= MOST
    state = update(open_session(load(LARGE)), "seek Y@bwd")
    for _ in range(2):
        state = update(state, "stepi")
        stage = Sized(100, 30)
        stage.show(stop(state))
        assert turn_of(stage.parts) is None


@pytest.mark.parametrize("key", ["s", "i", "I", "right", "x", "question_mark"])
async def test_a_key_ends_it_and_is_carried_out(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turning, "EACH", 1e6)
    monkeypatch.setattr(turning, "LONGEST", 1e6)  # it would not end by itself
    screens = []
    for motion in (False, True):
        app = app_of("transpose")
        app.motion = motion
        async with app.run_test(size=(120, 40)) as pilot:
            app.run_text("seek Y@bwd")
            await pilot.press("i")
            assert (app.stage.turning is not None) is motion
            await pilot.press(key)
            app.stage.still()  # what the key itself began
            await pilot.pause()
            assert app.state is not None
            screens.append((lines_of(app), app.state.cursor, app.state.part))
    assert screens[0] == screens[1]


async def test_only_a_step_into_a_part_begins_it() -> None:
    app = app_of("transpose")
    app.motion = True
    async with app.run_test(size=(120, 40)) as pilot:
        for line, moves in (("seek Y@bwd", 0), ("stepi", 1), ("stepi", 1), ("reverse-stepi", 0), ("step", 0)):
            app.run_text(line)
            assert (app.stage.turning is not None) == bool(moves), line
        app.run_text("seek Y@bwd ;; stepi")
        assert app.stage.turning is not None
        await pilot.click("#stage", offset=(3, 3))
        assert app.stage.turning is None


@pytest.mark.parametrize(
    ("argv", "wanted", "motion"),
    [((), "full", True), (("--no-motion",), "full", False), ((), "none", False)],
)  # fmt: skip
def test_who_wants_nothing_to_move_says_so(
    argv: tuple[str, ...], wanted: str, motion: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr("textual.constants.TEXTUAL_ANIMATIONS", wanted)
    monkeypatch.setattr(BpdebugApp, "run", lambda app: seen.append(app.motion))
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    assert main(["show", "transpose", *argv]) == 0
    assert seen == [motion]
    assert not BpdebugApp(state_of("transpose")).motion
    assert tui.__doc__
