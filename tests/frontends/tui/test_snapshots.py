"""Every pane as it is drawn, in three sizes and two themes: text and styles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from textual.widgets import Input

from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.scenario import shipped

from .painted import Cells, cells_of, compare, painted
from .screen import TRAINED, app_of, state_of

SIZES = ((80, 24), (120, 40), (200, 60))
THEMES = ("bpdebug", "projector")
LARGE = """
format = 1
title = "More axes than two"
seed = 3
[parameters]
X = { shape = [4, 6, 30, 40], init = "normal", scale = 0.5 }
[graph]
loss = "L"
program = "L = sum(tanh(X))"
"""
SCENES: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "begin": ("two_layer", (), ()),
    "forward": ("two_layer", ("seek Y@fwd",), ()),
    "backward": ("two_layer", ("break Z@bwd", "seek Y@bwd"), ("down",)),
    "part": ("transpose", ("seek Y@bwd", "stepi"), ()),
    "end": ("transpose", ("seek end",), ()),
    "lens": ("transpose", ("seek Y@bwd", "lens"), ()),
    "table": ("two_layer", ("info gradients",), ("down",)),
    "refused": ("two_layer", ("print nope",), ()),
    "practice": ("two_layer", ("practice",), ()),
    "fork": ("two_layer", ("set W1 = 0", "seek Y@bwd"), ()),
    "training": (TRAINED, ("mark here", "step 6", "break Y@bwd"), ()),
    "fault": ("nan_sqrt", ("catch nan", "continue"), ()),
    "source": ("two_layer", ("seek Y@bwd",), ("r",)),
    "graph": ("attention", ("seek 60%",), ("r", "r")),
    "slices": (LARGE, (), ("greater_than_sign",)),
    "heat": (LARGE, (), ("H",)),
    "map": ("two_layer", ("seek Y@bwd",), ("v",)),
    "hist": ("two_layer", ("seek Y@bwd",), ("v", "v")),
    "displays": ("two_layer", ("display norm(dW1)", "watch norm(dH)", "seek Y@bwd"), ("v",) * 6),
    "help": ("two_layer", (), ("question_mark",)),
    "palette": ("two_layer", (), ("ctrl+p",)),
    "line": ("two_layer", (), ("colon", "s", "e")),
    "menu": ("", (), ("down",)),
    "tour": ("transpose", (), ("f2", "enter")),
}
"""Each with its scenario (none: the menu), the lines typed, and the keys pressed after them."""


@pytest.fixture(autouse=True)
def nobody_was_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lesson is ticked, no size of a pane is kept."""
    monkeypatch.setenv("BPDEBUG_STATE_DIR", str(tmp_path))


async def drawn(name: str, size: tuple[int, int], theme: str) -> Cells:
    """A scene, cell by cell."""
    scenario, lines, keys = SCENES[name]
    app = app_of(scenario) if scenario else BpdebugApp(None, shipped(), state_of)
    async with app.run_test(size=size) as pilot:
        app.theme = theme
        for line in lines:
            app.run_text(line)
        await pilot.press(*keys)
        await pilot.pause()
        for typed in app.screen.query(Input):
            typed.cursor_blink = False  # it does by the clock
        await pilot.pause()
        return cells_of(app)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
@pytest.mark.parametrize("scene", SCENES)
async def test_a_screen(scene: str, size: tuple[int, int]) -> None:
    screens = [await drawn(scene, size, theme) for theme in THEMES]
    compare(f"{scene}_{size[0]}x{size[1]}", painted(THEMES, screens))
