"""How numbers are written and how bright they are: in every format they are the array's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.frontends.tui.looks import KINDS, LOG, MOST_DIGITS, Look
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.frontends.tui.palette import POSITIVE, value_style
from bpdebug.views.blocks import Matrix
from bpdebug.views.numbers import extent

from .judge import matrices, reading, says
from .screen import StageApp, lines_of, text_of

RANDOM = np.random.default_rng(2)
CASES: dict[str, Any] = {
    "normal": RANDOM.normal(size=(6, 7)), "large": RANDOM.normal(size=(6, 7)) * 1e9,
    "tiny": RANDOM.normal(size=(6, 7)) * 1e-7, "huge": RANDOM.normal(size=(6, 7)) * 1e300,
    "wide": 10.0 ** RANDOM.uniform(-200, 200, (6, 7)), "short": np.arange(42.0).reshape(6, 7) / 4,
    "odd": np.where(RANDOM.random((6, 7)) < 0.2, [[np.nan], [np.inf], [-np.inf], [0.0], [-1.5], [2e-310]], 3.25),
    "single": RANDOM.normal(size=(6, 7)).astype(np.float32), "zeros": np.zeros((2, 3)),
    "whole": RANDOM.integers(-9999, 9999, (6, 7)), "truth": RANDOM.random((3, 4)) < 0.5,
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_says_every_cell_at_every_precision(name: str, kind: str) -> None:
    array = CASES[name]
    for digits in range(1, MOST_DIGITS + 1):
        form = extent(array).format(digits, kind)
        for value in array.reshape(-1).tolist():
            text = form.cell(value)
            assert len(text) == form.width, (digits, text)
            assert says(text.strip(), value), (digits, text, value)


@pytest.mark.parametrize("name", ["normal", "large", "tiny", "wide", "single"])
def test_so_many_digits_are_there(name: str) -> None:
    array = CASES[name]
    top = np.abs(array).max()
    for digits in range(2, MOST_DIGITS + 1):
        for kind in ("e", "f") if name != "wide" else ("e",):
            text = extent(array).format(digits, kind).text(top)
            _, half = reading(text)
            assert 0.5 * 10.0 ** (np.floor(np.log10(top)) - digits + 1) == pytest.approx(half) or half == 0.05
            assert ("e" in text) == (kind == "e")


def test_more_digits_are_more_and_stop_at_both_ends() -> None:
    look = Look()
    for _ in range(30):
        look = look.finer(1)
    assert look.digits(4) == MOST_DIGITS
    for _ in range(30):
        look = look.finer(-1)
    assert look.digits(4) == look.digits(2) == 1


def test_a_shade_is_a_quarter_or_a_decade() -> None:
    found = [POSITIVE.index(value_style(v, 1000.0, log=True)) for v in (1000.0, 101.0, 99.0, 11.0, 9.0, 1e-9)]
    assert found == [3, 3, 2, 2, 1, 0]
    assert [POSITIVE.index(value_style(v, 1000.0)) for v in (1000.0, 751.0, 501.0, 251.0, 9.0)] == [3, 3, 2, 1, 0]
    box = MatrixBox(Matrix("A", CASES["normal"], (6, 7)))
    box.look = Look(scale=LOG)
    box.fit()
    assert box.largest == np.abs(CASES["normal"]).max()


async def test_the_keys_write_numbers_otherwise_and_the_border_says_so() -> None:
    array = CASES["normal"]
    app = StageApp(("A", array), "+", ("B", array * 1000), "=", ("C", array * 1001))
    async with app.run_test(size=(200, 30)) as pilot:
        for keys, said in (
            ("U U", "6 digits"), ("E", "fixed point"), ("E", "scientific"), ("Z Z Z", "3 digits"), ("E", "hexadecimal"),
            ("E B", "one scale for all"), ("B", "a shade a decade"), ("B", "3 digits"),
        ):  # fmt: skip
            await pilot.press(*keys.split())
            await pilot.pause()
            assert said in lines_of(app)[-1]
            found = {drawn.name: drawn for drawn in matrices(lines_of(app), ["A", "B", "C"])}
            for name, right in ("A", array), ("B", array * 1000), ("C", array * 1001):
                assert len(found[name].cells) > 6
                assert all(says(text, right[cell]) for cell, text in found[name].cells.items())
        assert "scale" not in text_of(app)


async def test_on_one_scale_the_same_number_is_as_bright_in_every_matrix() -> None:
    small, large = np.array([[1.0, 0.5]]), np.array([[1000.0, 1.0]])
    app = StageApp(("A", small), "+", ("B", large))
    async with app.run_test(size=(80, 20)) as pilot:
        boxes = app.stage.every()
        assert [box.largest for box in boxes] == [1.0, 1000.0]
        await pilot.press("B")
        assert [box.largest for box in app.stage.every()] == [1000.0, 1000.0]
