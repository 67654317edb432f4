"""Matrices on the screen: every kind of tensor, any size, what is marked, and what belongs together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.geometry import Offset, Region

from bpdebug.debugger import open_session
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.matrix import Highlight, MatrixView
from bpdebug.scenario import load
from bpdebug.views.blocks import Matrix

from .judge import matrices, reading, says, wrong_cells
from .screen import StageApp, lines_of, text_of


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
        view = app.stage._matrices[0]
        view.show_cell(50, 60)
        await pilot.pause()
        lines = [line[1:-1] for line in lines_of(app)[1:-1]]
    numbers = [int(n) for n in lines[1].replace("…", " ").split() if n.isdigit()]
    assert 60 in numbers
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    row = next(line.split() for line in lines if line.split()[:1] == ["50"])
    assert "5060" in row
    assert lines[0].strip() == "A 100×100"


CASE = Path(__file__).parents[2] / "cases" / "scrolled_minus.toml"


@pytest.mark.parametrize("width", [119, 100, 80, 60])
async def test_cells_scrolled_sideways_are_drawn_whole_or_not_at_all(width: int) -> None:
    state = open_session(load(CASE))
    app = BpdebugApp(state)
    cells = state.timeline.value("X").reshape(-1, 8)
    async with app.run_test(size=(width, 30)) as pilot:
        await pilot.press("full_stop" if width != 119 else "down")
        for column in range(1, 8):
            await pilot.press("right")
            await pilot.pause()
            drawn = next(matrices(lines_of(app), ["X"]))
            assert wrong_cells(drawn, [state.timeline.value("X")]) == []
            assert says(drawn.cells[0, column], cells[0, column])
        assert "…" in text_of(app)
        assert len({column for _, column in drawn.cells}) < 8


@pytest.mark.parametrize("room", range(12, 60))
def test_what_is_cut_says_so_at_every_width_and_place(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    array = np.random.default_rng(1).normal(size=(1, 9)) * 100
    view = MatrixView()
    monkeypatch.setattr(MatrixView, "scrollable_content_region", Region(0, 0, room, 3))
    view.show(Matrix("A", array, array.shape))
    for x in range(max(view.natural.width - room, 0) + 1):
        monkeypatch.setattr(MatrixView, "scroll_offset", Offset(x, 0))
        head, line = view.render_line(1).text, view.render_line(2).text
        assert max(len(head), len(line)) <= room
        seen = [int(n) for n in head.replace("…", " ").split()]
        assert [reading(t)[0] for t in line.split()[1:] if t != "…"] == [round(array[0, c], 1) for c in seen]
        assert ("…" in line[: len(line) // 2 + 1]) == (x > 0)
        assert line.endswith("…") == (x + room < view.label + 9 * view.cell)
    monkeypatch.setattr(MatrixView, "scroll_offset", Offset(1000, 1000))  # of a larger one that stood here before
    assert view.render_line(2).text == line


def test_marks() -> None:
    assert not Highlight()
    assert not Highlight().has(0, 0)
    assert Highlight(row=1).has(1, 5)
    assert not Highlight(1, 2).has(1, 3)
