"""Cells that belong together: a cell of a result and those of the operands, wherever a literal stands between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.frontends.tui.links import partners

from .screen import StageApp

H = np.arange(6.0).reshape(2, 3)
A, B = np.arange(12.0).reshape(2, 2, 3), np.arange(12.0).reshape(2, 3, 2)


async def linked(*items: Any, row: int, column: int, of: int = -1) -> dict[str, set[tuple[int, int]]]:
    """The cells that are marked in the other matrices when a cell of one of them is, of the last one."""
    app = StageApp(*items)
    async with app.run_test(size=(200, 40)):
        (boxes,) = app.stage.rows
        found = partners(app.stage.rows, boxes[of], row, column)
        return {
            box.matrix.name: {cell for cell in np.ndindex(box.rows, box.columns) if mark.has(*cell)}
            for box, mark in found.items()
            if box is not boxes[of]
        }


async def test_a_function_and_a_product() -> None:
    assert await linked("tanh", ("H", H), "=", ("tanh(H)", np.tanh(H)), row=1, column=2) == {"H": {(1, 2)}}
    found = await linked(("H", H), "@", ("W", H.T), "=", ("Y", H @ H.T), row=1, column=0)
    assert found == {"H": {(1, 0), (1, 1), (1, 2)}, "W": {(0, 0), (1, 0), (2, 0)}}


@pytest.mark.parametrize(("sign", "value"), [("**", H**2), ("/", H / 2)])
async def test_a_literal_behind_a_sign(sign: str, value: Any) -> None:
    name = f"H {sign} 2"
    assert await linked(("H", H), sign, "2", "=", (name, value), row=1, column=2) == {"H": {(1, 2)}}
    assert await linked(("H", H), sign, "2", "=", (name, value), row=1, column=2, of=0) == {name: {(1, 2)}}


async def test_a_stack_of_products() -> None:
    """C[1, 0, 1] is a row of A[1] against a column of B[1]; leading axes are laid out one below the other."""
    found = await linked(("A", A), "@", ("B", B), "=", ("C", A @ B), row=2, column=1)
    assert found == {"A": {(2, 0), (2, 1), (2, 2)}, "B": {(3, 1), (4, 1), (5, 1)}}
