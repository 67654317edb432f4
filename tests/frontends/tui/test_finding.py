"""A cell that is looked for is marked where it is: on the event, in its slice, in the other section, or alone."""

from __future__ import annotations

import numpy as np
import pytest

from bpdebug.frontends.tui.app import BpdebugApp

from .judge import says
from .screen import app_of, lines_of, text_of

DEEP = """
format = 1
title = "One cell in 20,160"
seed = 3
[parameters]
X = { shape = [7, 6, 20, 24], init = "normal" }
[graph]
loss = "L"
program = '''
Y = X / X[:1]
L = mean(Y ** 2)
'''
"""


def chosen(app: BpdebugApp) -> tuple[str, tuple[int, ...]]:
    assert app.stage.chosen is not None
    box, *cell = app.stage.chosen
    return box.matrix.name, box.index(*cell)


async def test_find_marks_the_cell_in_its_slice_and_enter_goes_on() -> None:
    app = app_of(DEEP)
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.state is not None
        await pilot.press("s")
        array = app.state.timeline.value("Y")
        cells = [tuple(map(int, at)) for at in np.argwhere(array > 500)]
        assert len(cells) > 1
        await pilot.press("slash", *"> 500", "enter")
        for cell in (*cells, cells[0]):
            await pilot.pause()
            assert chosen(app) == ("Y", cell)
            assert f"Y[{cell[0]}, {cell[1]}, :, :]" in text_of(app)
            box, row, _ = app.stage.chosen or pytest.fail("no cell")
            line = next(line for line in lines_of(app) if f"▸{row:>{box.label - 2}}" in line)
            text = line.rpartition("[")[2].partition("]")[0]
            assert says(text, array[cell])
            assert f"of {len(cells)} in > 500" in text_of(app)
            assert app.state.view.name == "event"
            await pilot.press("slash", "enter")


async def test_the_matrix_that_is_marked_is_searched_and_a_cell_is_gone_to() -> None:
    app = app_of(DEEP)
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.state is not None
        await pilot.press("s", "full_stop", "slash")
        assert app.prompt is not None
        assert app.prompt.value == "find X "
        await pilot.press(*"min", "enter")
        await pilot.pause()
        array = app.state.timeline.value("X")
        assert chosen(app) == ("X", tuple(map(int, np.unravel_index(array.argmin(), array.shape))))
        await pilot.press("W")
        assert app.prompt.value == "find at "
        await pilot.press(*"6,5,19,-1", "enter")
        await pilot.pause()
        assert chosen(app) == ("X", (6, 5, 19, 23))
        await pilot.press("W", *"7,0,0,0", "enter")
        await pilot.pause()
        assert "no cell 7,0,0,0" in text_of(app)


async def test_what_lies_in_another_section_or_not_on_the_stage_comes_into_view() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.state is not None
        app.run_text("seek Y@bwd")
        await pilot.pause()
        assert "1 of 2" in text_of(app)
        app.run_text("find dW2 max")
        await pilot.pause()
        assert "2 of 2" in text_of(app)
        assert chosen(app)[0] == "∂W2"
        app.run_text("find L min")
        await pilot.pause()
        assert app.state.view.name == "cells"
        assert "Esc closes" in text_of(app)
        assert chosen(app) == ("L", ())
        app.run_text("find X * 2 max")
        await pilot.pause()
        assert app.stage.chosen is not None
        assert app.stage.chosen[0].matrix.name == "X * 2"
        await pilot.press("escape", "escape")
        assert app.state.view.name == "event"


async def test_slash_and_enter_go_on_from_a_gradient_however_it_was_typed() -> None:
    for typed in ("dW2", "∂W2"):
        app = app_of("two_layer")
        async with app.run_test(size=(120, 40)) as pilot:
            app.run_text(f"seek end ;; find {typed} > 2")
            await pilot.pause()
            assert app.prompt is None
            first = chosen(app)
            await pilot.press("slash")
            assert app.prompt is not None
            assert app.prompt.value == "find "
            await pilot.press("enter")
            await pilot.pause()
            assert chosen(app)[0] == first[0] == "∂W2"
            assert chosen(app) != first


async def test_what_is_not_found_is_said() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("find X > 1e9")
        await pilot.pause()
        assert "0 cells of X in > 1e9" in text_of(app)
