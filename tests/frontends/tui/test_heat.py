"""Maps of max |x|: every block is as NumPy says, nothing is cut, and one bad cell is seen among millions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import read_only
from bpdebug.frontends.tui.heat import APART, HIGH, BesideBox, HeatBox
from bpdebug.frontends.tui.looks import LOG, Look
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.frontends.tui.slices import sheet_of
from bpdebug.views.blocks import Matrix
from bpdebug.views.heat import LEVELS

from .screen import StageApp, lines_of, text_of

RANDOM = np.random.default_rng(8)
A = RANDOM.normal(size=(70, 150))
SIGNS = f"·✗∞{LEVELS}"


def box_of(array: Any, width: int = 80, height: int = 24, kind: type[MatrixBox] = HeatBox, **look: Any) -> MatrixBox:
    box = kind(Matrix("A", read_only(array.view()), array.shape))
    box.look = Look(**look)
    wide, high = box.fit()
    box.put(0, 0, min(width, wide), min(height, high))
    return box


def rows_of(box: MatrixBox) -> list[str]:
    """The signs of each row of a map, one a block."""
    lines = [box.line(y) for y in range(box.first, box.height)]
    texts = ["".join(segment.text for segment in line if set(segment.text) <= set(SIGNS)) for line in lines]
    times = box.times if isinstance(box, HeatBox) else 1
    return [text[::times] for text in texts if text]


def blocks_of(array: Any, high: int, wide: int) -> Any:
    """max |x| of each block, by NumPy alone; NaN where there is one."""
    rows = [array[r : r + high] for r in range(0, len(array), high)]
    return np.array([[np.abs(row[:, c : c + wide]).max() for c in range(0, array.shape[1], wide)] for row in rows])


def signs_of(sizes: Any, top: float) -> list[str]:
    steps = np.minimum(np.floor(sizes / top * 8), 7)
    return ["".join(LEVELS[int(n)] for n in row) for row in steps]


@pytest.mark.parametrize("width", range(20, 201))
def test_a_map_has_all_blocks_at_every_width(width: int) -> None:
    box = box_of(A, width)
    assert all(len(box.line(y).text) <= width for y in range(box.height))
    high, wide = box.step
    assert rows_of(box) == signs_of(blocks_of(A, high, wide), np.abs(A).max())
    assert len(rows_of(box)) <= min(HIGH, 24)
    labels = [box.line(box.first + n).text.split()[0] for n in range(len(rows_of(box)))]
    assert labels == [str(row) for row in range(0, 70, high)]


@pytest.mark.parametrize("kind", [HeatBox, BesideBox])
@pytest.mark.parametrize(("value", "sign"), [(np.nan, "✗"), (np.inf, "∞"), (-np.inf, "∞"), (-1e9, "█")])
def test_one_bad_cell_is_seen(kind: type[MatrixBox], value: float, sign: str) -> None:
    for row, column in RANDOM.integers((0, 0), A.shape, (6, 2)).tolist():
        bad = A.copy()
        bad[row, column] = value
        found = rows_of(box_of(bad, kind=kind))
        assert "".join(found).count(sign) == 1 or sign == "█"
        if sign == "█":
            assert "".join(found).count("█") == 1


def test_one_bad_cell_is_seen_in_sixteen_million() -> None:
    big = np.ones((4096, 4096), np.float32)
    big[3000, 1234] = np.nan
    big.flags.writeable = False
    rows = rows_of(box_of(big))
    assert "".join(rows).count("✗") == 1
    assert set("".join(rows)) == {"✗", "█"}


def test_by_decades_small_blocks_differ() -> None:
    array = np.array([[1000.0, 100.0], [1.0, 0.0]])
    assert rows_of(box_of(array, scale=LOG)) == ["█▇", "▅·"]
    assert rows_of(box_of(array)) == ["█▁", "▁·"]


def test_slices_and_what_is_laid_out_have_maps_too() -> None:
    array = RANDOM.normal(size=(3, 40, 6, 9))
    box = box_of(array)
    assert rows_of(box) == signs_of(np.abs(array[0, 0]), np.abs(array).max())
    box.turn(sheet_of(array.shape).other_axes((0, 0, 0, 0)).transposed())
    wide, high = box.fit()
    box.put(0, 0, wide, high)
    block, _ = box.step
    assert rows_of(box) == signs_of(blocks_of(array[0, :, 0].T, block, 1), np.abs(array).max())
    small = RANDOM.normal(size=(2, 3, 4))
    assert rows_of(box_of(small)) == signs_of(np.abs(small).reshape(6, 4), np.abs(small).max())
    counts = RANDOM.integers(-9, 9, (4, 5))
    assert [len(row) for row in rows_of(box_of(counts))] == [5] * 4


def test_a_click_on_a_block_is_its_largest_cell() -> None:
    bad = A.copy()
    bad[30, 40] = np.nan
    for kind in (HeatBox, BesideBox):
        box = box_of(bad, 40, kind=kind)
        high = -(-70 // len(rows_of(box)))
        wide = -(-150 // len(rows_of(box)[0]))
        sizes = np.nan_to_num(np.abs(bad), nan=np.inf)
        start, times = (box.label, box.times) if isinstance(box, HeatBox) else (box.width - box.aside + APART, 1)
        for n, r in enumerate(range(0, 70, high)):
            for m, c in enumerate(range(0, 150, wide)):
                block = sizes[r : r + high, c : c + wide]
                at = np.unravel_index(block.argmax(), block.shape)
                assert box.cell_at(start + m * times, box.first + n) == (r + int(at[0]), c + int(at[1]))


async def test_the_key_shows_the_map_beside_the_numbers_and_instead_of_them() -> None:
    app = StageApp(("A", A))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("down", "right")
        plain = text_of(app)
        await pilot.press("H")
        await pilot.pause()
        assert any(sign in text_of(app) for sign in LEVELS)
        assert "[" in text_of(app)
        await pilot.press("H")
        await pilot.pause()
        assert "columns 0–149" in text_of(app)
        assert "max |x| of " in text_of(app)
        assert not any("[" in line for line in lines_of(app))
        box = app.stage.every()[0]
        before = app.stage.chosen
        await pilot.press("down", "right")
        assert before is not None
        assert app.stage.chosen == (box, before[1] + box.step[0], before[2] + box.step[1])
        await pilot.press("up", "left", "H")
        await pilot.pause()
        assert text_of(app) == plain
