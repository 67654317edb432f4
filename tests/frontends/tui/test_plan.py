"""What is in view: a matmul's backward at every size, what shrinks for it, and what says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from msgspec.structs import replace
from textual.events import MouseScrollDown
from textual.geometry import Size

from bpdebug.debugger import State, open_session
from bpdebug.engine import BACKWARD, NodeEvent
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.inspector import InspectorPane
from bpdebug.frontends.tui.layout import places
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.frontends.tui.rows import MADE, cut
from bpdebug.scenario import load
from bpdebug.views import stop
from bpdebug.views.inspector import inspector
from tests.lessons import NAMES, scenario

from .judge import SCROLLBARS, Drawn, matrices, wrong_cells
from .screen import Sized, StageApp, app_of, lines_of, text_of

SIZES = ((80, 24), (120, 40), (200, 60))
LARGE = """
format = 1
title = "Larger than any stage"
seed = 3
[parameters]
X = { shape = [300, 200], init = "normal" }
W = { shape = [200, 100], init = "normal" }
[graph]
loss = "L"
program = '''
Y = X @ W
L = mean(Y ** 2)
'''
"""


def matmuls(name: str) -> Iterator[State]:
    """A session at each backward event of a matmul."""
    state = open_session(scenario(name) if "\n" not in name else load(name))
    for event in state.timeline:
        if isinstance(event, NodeEvent) and event.phase == BACKWARD and event.node.op.name == "matmul":
            yield replace(state, cursor=event.index)


def staged(state: State, size: tuple[int, int]) -> Sized:
    """The stage of a screen of a size."""
    region = places(Size(*size))["stage"]
    stage = Sized(region.width - 3, region.height - 2)  # the border, and the blank at its left
    stage.show(stop(state))
    return stage


def drawn(stage: Sized, box: MatrixBox) -> Drawn:
    """A matrix as it is seen; where its caption is cut, by the caption that it would have."""
    lines = [line.translate(SCROLLBARS) for line in stage.lines()]
    found = [d for d in matrices(lines, [box.matrix.name]) if d.shape == box.matrix.shape]
    assert len(found) == 1
    return found[0]


def first_result(stage: Sized) -> MatrixBox:
    """What the first contribution's product makes; else what its rule does."""
    rows = next(part.rows for part in stage.parts if part.number == 0)
    made = [box for row in rows for box in row if box.matrix.mark in MADE and not box.hidden]
    return next((box for box in made if box.matrix.product is not None), made[-1])


@pytest.mark.parametrize("size", SIZES)
def test_in_every_matmul_backwards_every_cell_of_the_first_result_is_in_view(size: tuple[int, int]) -> None:
    seen, count = 0, 0
    for state in (state for name in NAMES for state in matmuls(name)):
        stage = staged(state, size)
        box = first_result(stage)
        found = drawn(stage, box)
        assert box.matrix.array is not None
        seen += len(found.cells) == box.matrix.array.size and not wrong_cells(found, [box.matrix.array])
        count += 1
    assert count > 100
    assert seen == count


@pytest.mark.parametrize("size", SIZES)
def test_of_a_large_result_the_marked_cell_is_in_view_and_what_is_cut_says_so(size: tuple[int, int]) -> None:
    (state,) = matmuls(LARGE)
    stage = staged(state, size)
    box = first_result(stage)
    for moves in ((0, 0), (150, 90), (-3, 60)):
        stage.action_move(*moves)
        assert stage.chosen is not None
        assert stage.chosen[0] is box
        found = drawn(stage, box)
        assert stage.chosen[1:] in found.cells
        assert box.matrix.array is not None
        assert not wrong_cells(found, [box.matrix.array])
        assert "of 300" in "\n".join(stage.lines())
        assert any(line.count("…") > 1 for line in stage.lines())


def test_at_the_smallest_size_the_marked_cell_of_every_first_result_is_in_view() -> None:
    """Words give way before it does."""
    for state in (state for name in NAMES for state in matmuls(name)):
        stage = staged(state, (60, 15))
        stage.action_move(0, 0)
        assert stage.chosen is not None
        assert stage.chosen[0] is first_result(stage), state.event
        assert stage.chosen[1:] in drawn(stage, stage.chosen[0]).cells, state.event


@pytest.mark.parametrize("name", ["transpose", "attention", "lstm", "transformer_block"])
def test_what_the_marks_link_is_in_view(name: str) -> None:
    for state in matmuls(name):
        stage = staged(state, (80, 24))
        stage.action_move(0, 0)
        text = "".join(stage.lines())
        for box in stage.plan.boxes():
            if box.y + box.height <= stage.top + stage.room.height and box.mark.row is not None:
                assert box.top <= box.mark.row < box.top + box.high
        assert "[" in text


async def test_at_80_columns_there_is_one_contribution_and_tab_shows_the_next() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.pause()
        screen = text_of(app)
        assert "1 of 2" in screen
        assert "∂W =" not in screen
        assert screen.count("Wᵀ 4×3") == 1  # once beside W, from then on by its name
        assert "@ Wᵀ =" in screen
        await pilot.press("tab")
        assert "2 of 2" in text_of(app)
        assert "∂W = Xᵀ @ ∂Y" in text_of(app)
        assert app.focused is app.stage
        await pilot.press("shift+tab")
        assert "1 of 2" in text_of(app)
        await pilot.press("tab", "tab")
        assert app.focused is not app.stage


async def test_where_there_is_room_there_are_both_contributions() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(200, 60)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.press("tab")
        assert "∂X = ∂Y @ Wᵀ" in text_of(app)
        assert "∂W = Xᵀ @ ∂Y" in text_of(app)
        assert "of 2" not in text_of(app)
        assert app.focused is not app.stage


async def test_a_note_is_folded_and_a_key_unfolds_it() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.pause()
        assert "(2, 3). …" in " ".join(text_of(app).replace("│", " ").split())
        assert "so W is turned" not in text_of(app)
        assert "the whole note: z" in text_of(app)
        await pilot.press("z")
        assert "W is turned." in text_of(app)
        assert "the whole note" not in text_of(app)
        await pilot.press("z")
        assert "W is turned." not in text_of(app)


def sums(app: BpdebugApp) -> list[str]:
    """The sums below products."""
    x, width = app.stage.content_region.x, app.stage.size.width - 1
    lines = [line[x : x + width].strip() for line in lines_of(app)]
    return [line for line in lines if re.match(r"\S*\[[\d,]+\] = [^ ▸]", line)]


@pytest.mark.parametrize("call", ["Y@fwd", "Y@bwd"])
async def test_a_cell_is_marked_from_the_start_and_its_sum_follows_the_arrows(call: str) -> None:
    app = app_of("transpose")
    async with app.run_test(size=(120, 40)) as pilot:
        app.run_text(f"seek {call}")
        await pilot.pause()
        assert app.state is not None
        of = "∂X" if call == "Y@bwd" else "Y"
        run = app.state.timeline.iteration(0)
        array = run.gradient(0) if call == "Y@bwd" else run.value(2)
        assert app.stage.chosen is None
        assert "[" in text_of(app)
        for keys in ((), ("right",), ("down", "left"), ("down", "left", "left")):
            await pilot.press(*keys)
            await pilot.pause()
            (line,) = (line for line in sums(app)[-1:])
            box, row, column = app.stage.chosen or app.stage.first() or (None, 0, 0)
            assert box is not None
            assert box.matrix.name == of
            assert array is not None
            assert line.startswith(f"{of}[{row},{column}] = ")
            assert float(line.rpartition(" = ")[2].replace("−", "-")) == array[row, column]
            terms = line.partition(" = ")[2].rpartition(" = ")[0].split(" + ")
            made = sum(np.prod([float(f.strip("()").replace("−", "-")) for f in t.split("·")]) for t in terms)
            assert made == array[row, column]


async def test_a_step_changes_no_layout() -> None:
    app = app_of("mlp")
    async with app.run_test(size=(120, 40)) as pilot:
        assert not app.stage.children
        await pilot.pause()
        before = app.screen._layout_updates
        for _ in range(12):
            await pilot.press("s")
            await pilot.pause()
        assert app.screen._layout_updates == before


async def test_the_wheel_goes_on_in_a_matrix_that_is_cut_and_then_on_the_stage() -> None:
    app = StageApp(("A", np.arange(3000.0).reshape(1000, 3)))
    async with app.run_test(size=(60, 24)) as pilot:
        box = app.stage.rows[0][0]
        await pilot._post_mouse_events([MouseScrollDown], "#stage", offset=(5, 5), button=0)
        assert box.top > 0
        await pilot.press("pagedown")


def test_what_is_to_be_whole_is_cut_last() -> None:
    assert cut([(True, 10, 2), (False, 8, 3)], 30) == [10, 8]
    assert cut([(True, 10, 2), (False, 8, 3)], 15) == [10, 5]
    assert cut([(True, 10, 2), (False, 8, 3)], 12) == [6, 6]
    assert cut([(True, 10, 2), (False, 8, 3)], 1) == [2, 3]


@pytest.mark.parametrize("size", SIZES)
def test_where_there_is_room_it_is_said_why_an_operand_is_turned_whole_or_not_at_all(size: tuple[int, int]) -> None:
    """On a stage with nothing beside it."""
    said = 0
    for state in (state for name in NAMES for state in matmuls(name)):
        stage = staged(state, size)
        event, lines = state.event, " ".join(" ".join(stage.lines()).split())
        assert isinstance(event, NodeEvent)
        own = [c.position for c in event.contributions if c.position not in event.plan.replaced]
        others = [event.operands[1 - position] for position in own]
        if "The sum runs over" in lines:
            assert all(f"so {name} is turned" in lines for name in others), (others, lines)
            assert stage.plan.length <= stage.size.height
            said += 1
    assert said or size != SIZES[-1]


class SizedInspector(InspectorPane):
    """The inspector of a screen of a size, without an app."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__("inspector")
        region = places(Size(*size))["inspector"]
        self.own = Size(region.width - 3, region.height - 2)

    @property
    def size(self) -> Size:
        return self.own


def test_on_a_large_screen_both_gradients_of_a_matmul_are_seen_and_beside_them_why_an_operand_is_turned() -> None:
    size, count, beside = (200, 60), 0, SizedInspector((200, 60))
    for state in (state for name in NAMES for state in matmuls(name)):
        stage, event = staged(state, size), state.event
        assert isinstance(event, NodeEvent)
        assert not stage.plan.turns
        assert stage.plan.length <= stage.size.height
        made = [box for part in stage.parts if part.number is not None for row in part.rows for box in row]
        results = [box.matrix for box in made if box.matrix.mark in MADE and not box.hidden]
        found = [*matrices([line.translate(SCROLLBARS) for line in stage.lines()], [m.name for m in results])]
        for name, array in ((m.name, m.array) for m in results):
            assert array is not None
            whole = [d for d in found if d.name == name and len(d.cells) == array.size and d.shape == array.shape]
            assert any(not wrong_cells(d, [array]) for d in whole), name
        beside.show(inspector(state))
        words = " ".join(" ".join(line.text for line in beside.drawn()).split())
        for c in event.contributions:
            if c.position not in event.plan.replaced:
                other = event.operands[1 - c.position]
                assert re.search(rf"The sum runs over \w \([^)]*\), \w+ the \w+ of {re.escape(other)}\.", words), words
                assert f"so {other} is turned" in words
                count += 1
    assert count > 200


async def test_where_the_inspector_is_hidden_the_stage_says_why_an_operand_is_turned() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(200, 60)) as pilot:
        app.run_text("seek Y@bwd")
        for key in ("0", "V", "V"):
            await pilot.press(key)
            await pilot.pause()
            assert text_of(app).count("so W is turned") == 1, key
