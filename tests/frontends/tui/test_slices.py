"""Slices of tensors: what is drawn is what NumPy's own indexing of the caption gives, at every width and offset."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from bpdebug.frontends.tui.marks import mark_of
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.frontends.tui.slices import MOST_LAID_OUT, Lines, Sheet, laid_out, sheet_of
from bpdebug.views.blocks import Matrix

from .judge import Drawn, matrices, says, wrong_cells
from .screen import StageApp, lines_of

RANDOM = np.random.default_rng(5)
Y = RANDOM.normal(size=(3, 4, 5, 6))
SMALL = RANDOM.normal(size=(2, 2, 3, 5))
BIG = RANDOM.normal(size=(4, 30, 7, 8)).astype(np.float32)


def sheets(shape: tuple[int, ...]) -> list[Sheet]:
    """All that the keys come to: every pair of axes, both ways round, and all axes laid out, both ways round."""
    found, sheet = [], laid_out(shape)
    while sheet not in found:
        found.append(sheet)
        sheet = sheet.other_axes(tuple(n - 1 for n in shape))
    return [*found, *(sheet.transposed() for sheet in found)]


def seen(sheet: Sheet, array: Any) -> Any:
    """The same by NumPy, from what the caption says: rows that are several axes are one axis, in the end."""
    text = "".join(sheet.pieces)
    part = eval(f"array{text}", {"array": array}) if text else array
    if sheet.turned:
        part = part.swapaxes(-1, -2)
    return part.reshape(-1, part.shape[-1])


@pytest.mark.parametrize("sheet", sheets(Y.shape), ids=lambda sheet: "".join(sheet.pieces) + "T" * sheet.turned)
def test_a_sheet_is_a_view_and_its_cells_are_the_tensors(sheet: Sheet) -> None:
    view, right = sheet.view(Y), seen(sheet, Y)
    assert np.shares_memory(view, Y)
    assert (sheet.rows, sheet.columns) == right.shape
    assert np.array_equal(view.reshape(right.shape), right)
    for row, column in np.ndindex(*right.shape):
        at = sheet.index(row, column)
        assert Y[at] == right[row, column]
        assert sheet.place(at) == (row, column)
        assert sheet.has(at)
        assert int(sheet.name(row).split(",")[-1]) == at[sheet.down[-1]]
    assert all(sheet.facing(at).has(at) for at in np.ndindex(*Y.shape))


@pytest.mark.parametrize("sheet", sheets((2, 3, 4)))
def test_a_mark_is_all_the_cells_at_a_place(sheet: Sheet) -> None:
    for at in np.ndindex(3, 4, 5):
        place = tuple(None if not i else i - 1 for i in at)
        there = sheet.facing(place)
        mark = mark_of(there, place)
        cells = {cell for cell in np.ndindex(there.rows, there.columns) if mark.has(*cell)}
        right = {
            cell
            for cell in np.ndindex(there.rows, there.columns)
            if all(i in (None, n) for i, n in zip(place, there.index(*cell), strict=True))
        }
        everything = len(right) == there.rows * there.columns
        assert cells == (set() if everything and not mark else right)
        if mark:
            row, column = mark.first
            assert ((row or 0), (column or 0)) == min(right)


def test_what_is_large_is_a_slice_and_what_is_small_is_laid_out() -> None:
    assert sheet_of((2, 4, 5)) == laid_out((2, 4, 5))
    assert sheet_of((MOST_LAID_OUT + 1, 5)) == laid_out((MOST_LAID_OUT + 1, 5))
    assert sheet_of((64, 128, 56, 56)).pieces == ["[", "0", ", ", "0", ", ", ":", ", ", ":", "]"]
    assert sheet_of((0, 3, 400)) == laid_out((0, 3, 400))


def test_leafing_comes_to_every_slice_and_begins_again() -> None:
    sheet = sheet_of(BIG.shape)
    for turns in (1, 0):
        assert sheet.turns == turns
        assert sheet.leaf(1).at == ((0, 1, 0, 0) if turns else (1, 0, 0, 0))
        assert sheet.leaf(-1).at == (3, 29, 0, 0)
        found, there = [], sheet
        for _ in range(4 * 30):
            found.append(there.at)
            there = there.leaf(1)
        assert there == sheet
        assert len(set(found)) == 4 * 30
        sheet = sheet.next_axis()
    assert sheet == sheet_of(BIG.shape)
    assert sheet.along(0, -1).at == (3, 0, 0, 0)
    assert sheet.along(0, -1).turns == 0


@pytest.mark.parametrize(("rows", "run"), [(1, 0), (12, 0), (12, 4), (12, 2), (3, 3), (24, 6)])
def test_the_lines_of_rows(rows: int, run: int) -> None:
    lines = Lines(rows, run)
    drawn: list[int | None] = []
    for row in range(rows):
        drawn += [None] * (bool(run) and row > 0 and row % run == 0) + [row]
    assert [lines.at(y) for y in range(lines.count)] == drawn
    assert [drawn[lines.of(row)] for row in range(rows)] == list(range(rows))
    for room in range(1, rows + 8):
        for row in range(rows):
            below = [r for r in drawn[lines.of(row) : lines.of(row) + room] if r is not None]
            assert lines.seen(row, room) == len(below)
            above = [r for r in drawn[max(lines.of(row) + 1 - room, 0) : lines.of(row) + 1] if r is not None]
            assert lines.first(row, room) == above[0]


def drawn(box: MatrixBox) -> Drawn:
    (found,) = matrices([*(box.line(y).text.ljust(200) for y in range(box.height)), "", ""], ["Y", "Yᵀ"])
    return found


@pytest.mark.parametrize("sheet", [sheets(SMALL.shape)[n] for n in (0, 2, 7, 10)])
def test_every_number_is_whole_and_true_at_every_width_and_offset(sheet: Sheet) -> None:
    box = MatrixBox(Matrix("Y", SMALL, SMALL.shape))
    box.turn(sheet)
    wide, _ = box.fit(gap=2)
    whole = SMALL.swapaxes(-1, -2) if sheet.turned and not sheet.hidden else SMALL
    for width in range(32, 201):
        for first in range(max(sheet.rows, sheet.columns)):
            box.top, box.left = first, min(first, sheet.columns - 1)
            box.put(0, 0, min(width, wide), 8)
            found = drawn(box)
            assert not wrong_cells(found, [whole])
            rows, columns = ({cell[n] for cell in found.cells} for n in (0, 1))
            assert len(found.cells) == len(rows) * len(columns)
            assert rows == set(range(box.top, box.top + box.high))
            assert columns == set(range(box.left, box.left + box.count(box.left)))
            lines = [box.line(y).text for y in range(box.height)]
            assert max(map(len, lines)) <= width
            cells = [line for line in lines[2 : 2 + box.high] if re.match(r"▸? *\d", line)]
            assert all(line.rstrip().endswith("…") == (max(columns) < sheet.columns - 1) for line in cells)
            assert ("rows" in "".join(lines)) == (len(rows) < sheet.rows)


async def stage_of(*items: Any, size: tuple[int, int] = (100, 30), keys: str = "") -> tuple[StageApp, list[str]]:
    app = StageApp(*items)
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys.split())
        await pilot.pause()
        return app, lines_of(app)[1:-1]


@pytest.mark.parametrize(
    ("keys", "caption", "right"),
    [
        ("", "Y[0, 0, :, :]", BIG[0, 0]),
        (">", "Y[0, 1, :, :]", BIG[0, 1]),
        ("<", "Y[3, 29, :, :]", BIG[3, 29]),
        ("A > >", "Y[2, 0, :, :]", BIG[2, 0]),
        ("X", "Y[0, :, 0, :]", BIG[0, :, 0]),
        ("> down right X", "Y[0, :, 1, :]", BIG[0, :, 1]),
        ("T", "Y[0, 0, :, :]ᵀ", BIG[0, 0].T),
        ("T >", "Y[0, 1, :, :]ᵀ", BIG[0, 1].T),
        ("X X X X X X T", "Y", BIG.swapaxes(-1, -2).reshape(-1, 7)),
        ("X X X X X X >", "Y[0, 0, :, :]", BIG[0, 0]),
    ],
)
async def test_the_keys_show_the_slice_that_the_header_says(keys: str, caption: str, right: Any) -> None:
    _, lines = await stage_of(("Y", BIG), keys=keys.replace("<", "less_than_sign").replace(">", "greater_than_sign"))
    shape = BIG.shape if "[" in caption else (4, 30, 8, 7)
    assert lines[0].strip("│ ") == f"{caption}{'ᵀ' * ('[' not in caption)} {'×'.join(map(str, shape))}"
    (found,) = matrices(lines, ["Y", "Yᵀ"])
    assert len(found.cells) > 40
    assert all(says(text, right[cell]) for cell, text in found.cells.items())


async def test_the_numbers_here_and_in_all_stand_below_a_slice() -> None:
    odd = BIG.copy()
    odd[2, 3, 4, 5], odd[1, 1, 1, 1], odd[0, 1, 0, 0] = np.nan, np.inf, 900.0
    for keys, here in ("", odd[0, 0]), ("greater_than_sign", odd[0, 1]):
        _, lines = await stage_of(("Y", odd), keys=keys)
        text = [line.strip("│ ") for line in lines]
        for start, cells in ("here ", here), ("all 1 nan, 1 inf, ", odd):
            (line,) = (line for line in text if line.startswith(start))
            low, high = line.removeprefix(start).split(" to ")
            finite = cells[np.isfinite(cells)]
            assert says(low, finite.min())
            assert says(high, finite.max())


async def test_between_slices_that_are_laid_out_there_is_a_gap() -> None:
    small = RANDOM.normal(size=(2, 3, 4))
    _, lines = await stage_of(("Y", small))
    assert [" ".join(line[1:-1].split()[:1]) for line in lines[2:9]] == [
        "0,0", "0,1", "0,2", "", "1,0", "1,1", "1,2",
    ]  # fmt: skip
    (found,) = matrices(lines, ["Y"])
    assert len(found.cells) == small.size
    assert not wrong_cells(found, [small])


async def test_a_click_on_an_index_in_the_header_leafs() -> None:
    app = StageApp(("Y", BIG))
    async with app.run_test(size=(100, 30)) as pilot:
        line = lines_of(app)[1]
        for button, axis, caption in (1, "Y[0", "Y[1, 0, "), (3, ", 0,", "Y[1, 29, "), (1, ":", "Y[1, 29, "):
            x = line.index(axis) + len(axis.rstrip(",")) - 1
            await pilot.click(offset=(x, 1), button=button)
            await pilot.pause()
            assert caption in lines_of(app)[1]


async def test_what_belongs_to_a_cell_comes_into_view_and_a_slice_stays_for_the_next_report() -> None:
    app = StageApp("tanh", ("Y", BIG), "=", ("tanh(Y)", np.tanh(BIG)))
    async with app.run_test(size=(180, 30)) as pilot:
        await pilot.press("greater_than_sign", "A", "greater_than_sign", "down", "right")
        await pilot.pause()
        assert "tanh(Y)[1, 1, :, :]" in lines_of(app)[1]
        assert " Y[1, 1, :, :]" in lines_of(app)[1]
        assert sum(line.count("[") for line in lines_of(app)[2:]) == 2
        app.stage.show(app.stage.report)
        await pilot.pause()
        assert "tanh(Y)[1, 1, :, :]" in lines_of(app)[1]


async def test_what_was_transposed_is_itself_when_it_is_turned() -> None:
    _, lines = await stage_of(("W", BIG[0, 0]), "→", ("Wᵀ", BIG[0, 0].T), keys="full_stop T", size=(140, 30))
    assert [line for line in lines if "7×8" in line] == []
    assert lines[0].strip("│ ").split()[:4] == ["Wᵀ", "8×7", "Wᵀ", "8×7"]
