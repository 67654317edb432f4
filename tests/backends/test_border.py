"""What comes over from where arrays lie, counted: what is shown of them, and never a large one whole."""

from __future__ import annotations

from inspect import unwrap
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

import bpdebug
from bpdebug import backends
from bpdebug.arrays import Array
from bpdebug.backends import Backend
from bpdebug.far import SMALL
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.views.blocks import Matrix, Row, flat
from bpdebug.views.report import Report
from bpdebug.views.text import MOST_COLUMNS, MOST_ROWS
from tests.backends.test_every_op import LIBRARIES
from tests.frontends.tui.screen import lines_of

WIDE = """
format = 1
title = "Larger than what is shown"
[inputs]
X = { shape = [300, 400], init = "normal" }
T = { shape = [300, 350], init = "normal" }
[parameters]
W = { shape = [400, 350], init = "normal", scale = 0.05 }
b = { shape = [350], init = "normal" }
V = { shape = [350, 350], init = "normal", scale = 0.05 }
[graph]
loss = "L"
program = '''
Z = X @ W + b
H = relu(Z)
Y = H @ V
R = H + Y
L = mean((R - T) ** 2)
'''
"""
SCREEN = 120 * 40 // 4
"""Cells that a screen has room for, at most."""
OFTEN = 20
"""How often something comes over for a key."""
SUMMARY = 16
"""Numbers that a matrix's format and its statistics depend on, and whether it is finite."""


class Border:
    """A library whose arrays NumPy cannot see: how many cells came over, how often, and the most at once."""

    def __init__(self, name: str) -> None:
        self.cells = self.times = self.most = 0
        on: Backend | None = unwrap(backends.backend)(
            name
        )  # one of its own: what an app still holds counts against Dask's room
        assert on is not None

        def near(x: Any) -> Array:
            found = on.near(x)
            self.cells, self.times, self.most = self.cells + found.size, self.times + 1, max(self.most, found.size)
            return found

        self.library: Backend = replace(on, near=near, shares=False)

    def count(self) -> tuple[int, int]:
        """What came over since the last time, and how often."""
        found, self.cells, self.times = (self.cells, self.times), 0, 0
        return found


@pytest.fixture
def border(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Border:
    found = Border(request.param)
    monkeypatch.setattr(backends, "backend", lambda name, *where: None if name == "numpy" else found.library)
    return found


on_each = pytest.mark.parametrize("border", LIBRARIES, indirect=True)


def shown(report: Report) -> tuple[int, int]:
    """The most cells that a report has any use for, and how often they may be asked for."""
    rows = (block for block in flat(report.blocks) if isinstance(block, Row))
    sizes = [int(np.prod(m.shape)) for row in rows for m in row.items if isinstance(m, Matrix)]
    return sum(n if n <= SMALL else MOST_ROWS * MOST_COLUMNS + SUMMARY for n in sizes) + 2 * SUMMARY, 2 * len(sizes) + 4


@on_each
def test_a_walk_there_and_back_brings_over_what_is_shown(border: Border) -> None:
    there, here = (bpdebug.Session(bpdebug.load(WIDE), backend=on) for on in ("elsewhere", "numpy"))
    count = len(here.state.timeline)
    for line in [*["step"] * count, *["reverse-step"] * count]:
        report = there.do(line)
        assert report.to_text() == here.do(line).to_text()
        (cells, times), (most, often) = border.count(), shown(report)
        assert cells <= most, f"event {there.state.cursor}"
        assert times <= often, f"event {there.state.cursor}"
    assert border.most <= SMALL


LINES = [
    "step", "lens", "print W[3, :5]", "print W", "print/s W", "watch norm(dW)", "info tensors", "info gradients",
    "seek H@bwd", "lens", "seek Y@bwd", "lens", "stepi", "stepi", "reverse-stepi", "contributions dH",
    "origin dV[3,4]", "flow", "continue",
    "find W > 0.2", "next", "whatis W", "display norm(Z)", "display Z", "step", "print norm(W, axis=1)", "print X @ W",
    "print any(W > 3)", "print zeros(dH)", "print max(W)", "print W.T", "set W[0,0] = 3", "set dY = 0", "seek end",
    "info displays", "print dV",
]  # fmt: skip


LINE = 400 + 350
"""Cells of a row and of a column: what one cell of a product is made of."""
not_jax = pytest.mark.parametrize("border", [p for p in LIBRARIES if p.values[0] != "jax"], indirect=True)
"""JAX compiles each function for each shape."""


@not_jax
def test_what_is_asked_brings_over_what_is_answered(border: Border) -> None:
    there, here = (bpdebug.Session(bpdebug.load(WIDE), backend=on) for on in ("elsewhere", "numpy"))
    for line in LINES:
        assert there.do(line).to_text() == here.do(line).to_text(), line
        most = sum(shown(answer.report)[0] for answer in there.answers)
        assert border.count()[0] <= most + 2 * LINE, line
    assert border.most <= SMALL


MIDDLE = """
format = 1
title = "Larger than what comes over whole, and small enough to ask where a gradient's cell goes"
[inputs]
X = { shape = [80, 60], init = "normal" }
[graph]
loss = "L"
program = '''
Z = relu(X)
S = softmax(Z)
L = mean(S ** 2)
'''
"""


@not_jax
def test_where_a_cell_of_a_gradient_goes_is_numpys(border: Border) -> None:
    there, here = (bpdebug.Session(bpdebug.load(MIDDLE), backend=on) for on in ("elsewhere", "numpy"))
    for line in ("origin dS[3,4]", "origin dZ[3,4]"):
        assert there.do(line).to_text() == here.do(line).to_text(), line


@not_jax
async def test_the_screen_asks_for_what_it_shows(border: Border) -> None:
    async def seen(on: str) -> list[list[str]]:
        app, found = BpdebugApp(bpdebug.Session(bpdebug.load(WIDE), backend=on).state), []
        async with app.run_test(size=(120, 40)) as pilot:
            for key in ("", "n", "n", "H", "H", "n", "down", "right", "x", "escape", "H", "p", "]", "]", "i"):
                await pilot.press(*[key] * bool(key))
                while app.work is not None:
                    await pilot.pause(0.01)
                await pilot.pause()
                found.append(lines_of(app))
                if on != "numpy":
                    cells, times = border.count()
                    assert cells <= 3 * SCREEN, key
                    assert times <= OFTEN, key
        return found

    assert await seen("elsewhere") == await seen("numpy")
    assert border.most <= SMALL
