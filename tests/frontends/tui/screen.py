"""What the tests of the screen share: scenarios, an app on them, and the screen as lines of text."""

from __future__ import annotations

from typing import Any

import numpy as np
from textual.app import App, ComposeResult
from textual.events import Key
from textual.geometry import Size
from textual.keys import _character_to_key

from bpdebug.cells.recipes import Links, laid
from bpdebug.debugger import State, open_session
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.stage import Stage
from bpdebug.graph import Subject
from bpdebug.scenario import find, load
from bpdebug.symbolic import PRIMS, Trace
from bpdebug.views.blocks import Matrix, Row
from bpdebug.views.report import Report

TRAINED = """
format = 1
title = "Three steps"
[inputs]
X = [[1.0, 2.0], [3.0, 4.0]]
[parameters]
W = [[0.5], [-0.5]]
[graph]
loss = "L"
program = '''
Y = X @ W
L = mean(Y ** 2)
'''
[train]
optimizer = "sgd"
lr = 0.1
steps = 3
"""

MARKUP = """
format = 1
title = "[bold]not bold[/] [/ [@click=app.quit]x[/]"
[inputs]
X = [[1.0, 2.0]]
[parameters]
W = [[0.5], [-0.5]]
[graph]
loss = "L"
program = '''
Y = X @ W
with block("b"):
    L = mean(Y)
'''
[notes]
"Y@fwd" = "Read [bold]this[/] and [/ that, and [0] too."
"""


def state_of(name: str) -> State:
    """A session of a shipped scenario, or of a text."""
    return open_session(load(name if "\n" in name else find(name)))


def app_of(name: str) -> BpdebugApp:
    """The app on a shipped scenario, or on a text."""
    return BpdebugApp(state_of(name))


def lines_of(app: Any) -> list[str]:
    """The screen as it stands, a text for each line."""
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


def text_of(app: Any) -> str:
    return "\n".join(lines_of(app))


class StageApp(App[int]):
    """Only a stage, with one report."""

    CSS = palette.CSS

    def __init__(self, *items: Any) -> None:
        super().__init__()
        self.stage = Stage(id="stage", classes="panel")
        self.stage.show(report_of(*items))

    def compose(self) -> ComposeResult:
        yield self.stage

    def on_mount(self) -> None:
        self.stage.focus()


class Sized(Stage):
    """A stage of a size, without an app."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.room = Size(width, height)

    @property
    def size(self) -> Size:
        return self.room

    def lines(self) -> list[str]:
        """What is seen."""
        return [line.text for line in self.drawn()]


PRIM = {"@": "matmul", "+": "add", "**": "pow", "/": "divide", "→": "matrix_transpose", "tanh": "tanh"}


def report_of(*items: Any) -> Report:
    """A row of matrices and signs, whose cells belong together by the operation between them, as it is traced."""
    found = [matrix(i) for i in items]
    signs = [PRIM[i] for i in found if isinstance(i, str) and i in PRIM]
    if not signs or found[-2] not in ("=", "→"):
        return Report("test", "", (Row(tuple(found)),))
    trace, drawn = Trace(PRIMS), [i for i in found if isinstance(i, Matrix)]
    leaves = [trace.leaf(i.name, i.shape, np.dtype(float)) for i in drawn[:-1]]
    known = {leaf: Subject(leaf.name) for leaf in leaves}
    made = trace.make(signs[0], *leaves, *(int(i) for i in found if isinstance(i, str) and i.isdigit()))
    recipe = laid(Subject(drawn[-1].name), made, known)
    return Report("test", "", (Row(tuple(found)),), links=Links(lambda: [recipe]))


def matrix(item: Any) -> Matrix | str:
    """('W', array) as a Matrix, a sign as it is; a shape instead of an array is not computed yet."""
    if isinstance(item, str):
        return item
    name, array = item
    there = isinstance(array, np.ndarray)
    return Matrix(name, array if there else None, array.shape if there else array, subject=Subject(name))


__all__ = ["MARKUP", "TRAINED", "Sized", "Stage", "StageApp", "app_of", "lines_of", "matrix", "state_of", "text_of"]


AS_SENT = {"\r": "enter", "\x1b": "escape", "\t": "tab"}


def typed_at_once(app: App[Any], text: str) -> None:
    """Characters as a terminal sends them that are typed faster than they are read."""
    for character in text:
        app.post_message(Key(AS_SENT.get(character) or _character_to_key(character), character))
