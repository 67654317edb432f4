"""Cells that belong together: a cell of a result and those of the operands, wherever a literal stands between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bpdebug.debugger import open_session
from bpdebug.engine import BACKWARD, FORWARD, NodeEvent
from bpdebug.explain.origin import origin
from bpdebug.expression import parse, target
from bpdebug.frontends.tui.links import partners
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.frontends.tui.rows import MADE
from bpdebug.graph import Graph, Subject
from bpdebug.views import stop
from tests.lessons import NAMES, scenario

from .screen import Sized, StageApp, app_of

H = np.arange(6.0).reshape(2, 3)
A, B = np.arange(12.0).reshape(2, 2, 3), np.arange(12.0).reshape(2, 3, 2)


async def linked(*items: Any, row: int, column: int, of: int = -1) -> dict[str, set[tuple[int, int]]]:
    """The cells that are marked in the other matrices when a cell of one of them is, of the last one."""
    app = StageApp(*items)
    async with app.run_test(size=(200, 40)):
        (boxes,) = app.stage.rows
        found = partners(app.stage.rows, boxes[of], row, column, app.stage.report.links)
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


def lit(stage: Sized, box: MatrixBox) -> set[int]:
    """The cells of a matrix that stand out, by number."""
    cells = np.ndindex(box.rows, box.columns)
    return {n for n, cell in enumerate(cells) if box.mark.has(*cell)}


@pytest.mark.parametrize("name", NAMES)
def test_on_the_stage_of_every_lesson_what_is_lit_is_what_origin_names(name: str) -> None:
    state = open_session(scenario(name))
    graph, count = state.timeline.graph, 0
    events = [e for e in state.timeline if isinstance(e, NodeEvent) and e.phase in (FORWARD, BACKWARD)]
    for event in events[:: max(len(events) // 12, 1)]:
        stage = Sized(197, 58)
        stage.show(stop(replace(state, cursor=event.index)))
        made = [b for row in stage.rows for b in row if b.filled and b.matrix.mark in MADE and not b.hidden]
        for box in (b for b in made if b.matrix.subject is not None and isinstance(b.matrix.subject.tensor, int)):
            stage.choose(box, box.rows - 1, box.columns // 2)
            of, cell = box.matrix.subject, box.index(box.rows - 1, box.columns // 2)
            assert of is not None
            found = origin(state.timeline, target(parse(named(graph, of, cell)), graph), event.iteration, way=False)
            for source in found.sources:
                for f in (f for t in source.terms for f in t.factors if source.node == event.name):
                    subject = source.subjects[id(f.expr)]
                    cells = set(np.ravel_multi_index(f.at, f.expr.shape).tolist()) if f.at else {0}
                    for other in (b for row in stage.rows for b in row if b.filled and b.matrix.subject == subject):
                        assert cells <= lit(stage, other), (event, other.matrix.name)
                        count += 1
    assert count


def named(graph: Graph, of: Subject, cell: tuple[int, ...]) -> str:
    """A cell as it is typed."""
    assert isinstance(of.tensor, int)
    return f"{'d' * of.gradient}{graph.names[of.tensor]}{list(cell) if cell else ''}"


async def test_in_the_pane_of_origin_the_arrows_move_the_light_of_all_matrices() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(120, 50)) as pilot:
        app.run_text("seek Y@bwd")
        app.run_text("origin dX[0,1]")
        for keys in ((), ("right",), ("left",), ("down",)):
            await pilot.press(*keys)
            boxes = {box.matrix.name: box for row in app.stage.rows for box in row}
            assert app.stage.chosen is None or app.stage.chosen[0] is boxes["∂X"]
            ((row, column),) = [c for c in np.ndindex(2, 3) if boxes["∂X"].mark.has(*c)]
            assert {c for c in np.ndindex(2, 4) if boxes["∂Y"].mark.has(*c)} == {(row, c) for c in range(4)}
            assert {c for c in np.ndindex(3, 4) if boxes["W"].mark.has(*c)} == {(column, c) for c in range(4)}
