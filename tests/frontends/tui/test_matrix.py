"""Matrices on the screen: every kind of tensor, any size, what is marked, and what belongs together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import read_only
from bpdebug.debugger import open_session, update
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.marks import Highlight
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.frontends.tui.windows import known
from bpdebug.scenario import load
from bpdebug.views import stop
from bpdebug.views.blocks import Matrix
from tests.lessons import scenario

from .judge import Known, faults_of, matrices, reading, says, wrong_cells
from .screen import Sized, StageApp, lines_of, text_of


async def shown(*items: Any, size: tuple[int, int] = (80, 24), keys: str = "") -> list[str]:
    app = StageApp(*items)
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys.split())
        await pilot.pause()
        return [line[1:-1].strip() for line in lines_of(app)[1:-1]]


async def test_a_matrix_has_its_name_its_shape_and_indices() -> None:
    lines = await shown(("W", np.array([[0.5, -0.25], [10.0, 0.0]])))
    assert lines[:4] == ["W 2×2", "0       1", "0    0.50   −0.25", "1   10.00    0.00"]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array(2.5), ["x ()", "2.5"]),
        (np.array([1.0, -2.0]), ["x (2)", "0   1", "1  −2"]),
        (np.array([[True, False]]), ["x 1×2", "0  1", "0  1  0"]),
        (np.arange(-1, 3).reshape(2, 1, 2), ["x 2×1×2", "0   1", "0,0  −1   0", "1,0   1   2"]),
        (np.array([[np.nan, np.inf, -np.inf, 1.0]]), ["x 1×4", "0     1     2     3", "0   nan   inf  −inf   1"]),
        (np.zeros((0, 3)), ["x 0×3", "empty: no cells"]),
        (np.zeros((2, 0)), ["x 2×0", "empty: no cells"]),
        ((3, 2), ["x 3×2", "not computed yet"]),
        (np.array([[1e-12, 1.0]]), ["x 1×2", "0       1", "0     +ε  1.000"]),
    ],
)
async def test_every_kind_of_tensor(array: Any, expected: list[str]) -> None:
    lines = await shown(("x", array))
    assert lines[0] == expected[0]
    for found, wanted in zip(lines[1:], expected[1:], strict=False):
        assert found.split() == wanted.split()


async def test_a_cell_of_a_product_marks_its_row_and_its_column() -> None:
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
    lines = await shown(("A", a), "@", ("B", b), "=", ("C", a @ b), keys="down down right")
    assert [line.split() for line in lines[2:4]] == [
        ["0", "1", "2", "@", "0", "5", "[6]", "=", "0", "19", "22"],
        ["▸1", "[3]", "[4]", "1", "7", "[8]", "▸1", "43", "[50]"],
    ]


async def test_a_transpose_has_the_same_cells_marked() -> None:
    w = np.array([[1.0, 2.0], [3.0, 4.0]])
    lines = await shown(("W", w), "→", ("Wᵀ", w.T), keys="full_stop right")
    assert [line.split() for line in lines[2:4]] == [
        ["▸0", "1", "[2]", "→", "0", "1", "3"],
        ["1", "3", "4", "▸1", "[2]", "4"],
    ]


async def test_a_row_wraps_where_there_is_no_room() -> None:
    w = np.ones((2, 4))
    lines = await shown(("A", w), "+", ("B", w), "=", ("C", w), size=(34, 24))
    assert [line for line in lines if "2×4" in line] == ["A 2×4", "B 2×4", "C 2×4"]
    assert [line.split()[0] for line in lines if line.endswith("1   1   1   1")] == ["0", "1", "+", "1", "=", "1"]


async def test_only_what_is_seen_is_formatted(monkeypatch: pytest.MonkeyPatch) -> None:
    from bpdebug.views.numbers import Format

    counted, text = [0], Format.text

    def counting(self: Format, value: Any) -> str:
        counted[0] += 1
        return text(self, value)

    monkeypatch.setattr(Format, "text", counting)
    big, tall = np.random.default_rng(0).normal(size=(1000, 1000)), np.zeros((100_000, 50))
    app = StageApp(("A", big), "@", ("B", tall))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("full_stop", "pagedown", "pagedown", *["right"] * 30)
        await pilot.pause()
        counted[0] = 0
        await pilot.press("right")
        await pilot.pause()
        assert 0 < counted[0] < 120 * 40
        screen = text_of(app)
    assert "A 1000×1000" in screen
    assert "[" in screen


async def test_headers_stay_in_place_when_scrolling_both_ways() -> None:
    array = np.arange(10_000).reshape(100, 100)
    app = StageApp(("A", array))
    async with app.run_test(size=(60, 24)) as pilot:
        app.stage.choose(app.stage.rows[0][0], 50, 60)
        await pilot.pause()
        lines = [line[1:-1] for line in lines_of(app)[1:-1]]
    numbers = [int(n) for n in lines[1].replace("…", " ").split() if n.isdigit()]
    assert 60 in numbers
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    row = next(line for line in lines if line.split()[:1] == ["▸50"])
    assert "[5060]" in row
    assert lines[0].strip() == "A 100×100"


CASE = Path(__file__).parents[2] / "cases" / "scrolled_minus.toml"


@pytest.mark.parametrize("width", [119, 100, 80, 60])
async def test_cells_scrolled_sideways_are_drawn_whole_or_not_at_all(width: int) -> None:
    state = open_session(load(CASE))
    app = BpdebugApp(state)
    cells = state.timeline.value("X").reshape(-1, 8)
    async with app.run_test(size=(width, 30)) as pilot:
        await pilot.press("full_stop")
        for column in range(1, 8):
            await pilot.press("right")
            await pilot.pause()
            drawn = next(matrices(lines_of(app), ["X"]))
            assert wrong_cells(drawn, [state.timeline.value("X")]) == []
            assert says(drawn.cells[0, column], cells[0, column])


A = np.random.default_rng(1).normal(size=(2, 9)) * 100


@pytest.mark.parametrize("room", range(20, 201))
@pytest.mark.parametrize("gap", [1, 2])
def test_cells_are_whole_and_what_is_cut_says_so_at_every_width_and_place(room: int, gap: int) -> None:
    box = MatrixBox(Matrix("A", A, A.shape))
    wide, high = box.fit(gap)
    box.mark = Highlight(1, None)
    for first in range(9):
        box.left = first
        box.put(0, 0, min(room, wide), high)
        head, *lines = (box.line(y).text for y in range(1, high))
        assert max(map(len, (head, *lines))) <= min(room, wide)
        seen = [int(n) for n in head.replace("…", " ").split()]
        assert seen == list(range(box.left, box.left + len(seen)))
        for row, line in enumerate(lines):
            label, *cells = line.translate(str.maketrans("▸[]", "   ")).replace("…", " ").split()
            assert [label, *map(reading_of, cells)] == [str(row), *(round(A[row, c], 1) for c in seen)]
            assert line[: box.label + 2].count("…") == (box.left > 0)
            assert line.endswith("…") == (box.left + len(seen) < 9)
        assert ("…" in head) == (len(seen) < 9)
    box.left, box.top = 1000, 1000  # of a larger one that was seen there before
    box.put(0, 0, min(room, wide), high)
    assert box.line(2).text == lines[0]


def reading_of(text: str) -> float:
    return reading(text)[0]


@pytest.mark.parametrize("width", range(20, 201, 9))
async def test_every_row_of_an_event_is_drawn_whole_at_every_width(width: int) -> None:
    """The numbers of a row of matrices, parsed and judged, whatever of it is cut."""
    state = update(open_session(scenario("lstm")), "seek r2@bwd")
    known, stage = Known(state.timeline), Sized(width, 16)
    stage.show(stop(state))
    for section in range(2):
        if not stage.plan.tall.sections and section:
            stage.action_section(1)
        for _ in range(12):
            lines = stage.lines()
            assert max(map(len, lines)) <= width
            assert not faults_of(lines, state, known)
            stage.action_move(0, 1)


def test_marks() -> None:
    assert not Highlight()
    assert not Highlight().has(0, 0)
    assert Highlight(row=1).has(1, 5)
    assert not Highlight(1, 2).has(1, 3)


def test_what_is_known_of_a_view_is_kept_unless_it_may_be_written_into() -> None:
    own = np.arange(6.0).reshape(2, 3)
    leaf, changing = read_only(own.view()), own[:, :2]
    assert known(leaf) is known(leaf) is known(leaf.view())
    assert known(changing).top == 4.0
    own[0, 0] = 9.0
    assert known(changing).top == 9.0
