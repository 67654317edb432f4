"""What stands over a matrix is what it holds: every caption of every lesson, read and evaluated, and as it is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from bpdebug.debugger import State, open_session, update
from bpdebug.ops import OPS
from bpdebug.symbolic import NUMPY
from bpdebug.symbolic.arrays import one_hot
from bpdebug.views import Report
from bpdebug.views.blocks import Matrix, Row, flat
from bpdebug.views.numbers import shape_text, short
from bpdebug.views.stage import stage
from tests.lessons import NAMES, PLAIN, WALK, scenario

from .screen import StageApp, app_of, lines_of

_WORD = re.compile(r"∂?[^\W\d][\w.]*")


def rows(name: str) -> Iterator[tuple[State, Row]]:
    """The rows of matrices of every event and every part of a scenario."""
    state = open_session(scenario(name))
    while state.cursor < len(state.timeline):
        for block in flat(stage(state).blocks):
            if isinstance(block, Row):
                yield state, block
        state = update(state, "stepi")


def sums(state: State, tensor: int, *, before: bool) -> list[Any]:
    """What is there of a gradient before, or after, each of the terms that this event adds to it."""
    event = state.event
    assert event is not None
    run = state.timeline.iteration(event.iteration)
    edges = state.timeline.graph.edges_from(tensor)
    terms = [run.contribution(*edge) for edge in edges]
    here = [n for n, (k, _) in enumerate(edges) if state.timeline.graph.first + k == event.tensor]
    start = [run.seed(tensor)] if tensor in state.timeline.graph.incoming else []
    return [sum([*start, *terms[: n + (not before)]]) for n in here] or [run.gradient(tensor)]


def in_update(caption: str, state: State, at: int) -> Any:
    """A caption of an update event as NumPy, with parameters and states as they are at a position."""
    timeline, event = state.timeline, state.event
    assert event is not None
    graph, rule = timeline.graph, timeline.store.updates.rule(event.tensor)
    scope: dict[str, Any] = {**vars(NUMPY), **rule.numbers(event.iteration + 1), "t": event.iteration + 1}

    def known(word: re.Match[str]) -> str:
        name = word[0].removeprefix("∂")
        tensor = graph.index.get(name, graph.index.get(f"{event.name}.{name}"))
        if tensor is None:
            return word[0]
        run = timeline.iteration(event.iteration)
        scope[f"n{len(scope)}"] = run.gradient(tensor) if "∂" in word[0] else timeline.value_at(tensor, at)
        return f"n{len(scope) - 1}"

    return eval(_WORD.sub(known, caption), scope)


def meanings(matrix: Matrix, state: State) -> Iterator[Any]:
    """A caption as NumPy."""
    timeline, event = state.timeline, state.event
    assert event is not None
    run, graph = timeline.iteration(event.iteration), timeline.graph
    if event.phase == "update":
        yield from (in_update(matrix.name, state, at) for at in (event.index - 1, event.index))
        return
    if matrix.name.startswith("∂") and matrix.name[1:] in graph.index:
        yield from sums(state, graph.index[matrix.name[1:]], before=matrix.mark == "operand")
        return
    hot = lambda ids, depth: one_hot(ids, depth, float)  # noqa: E731 - a formula leaves dtypes out
    cast = lambda x, dtype: OPS["cast"].forward(NUMPY, x, dtype=dtype)  # noqa: E731 - to bfloat16 too: NumPy has none
    scope: dict[str, Any] = {**vars(NUMPY), "inf": np.inf, "nan": np.nan, "one_hot": hot, "cast": cast}

    def known(word: re.Match[str]) -> str:
        name = word[0].removeprefix("∂").rstrip("ᵀ")
        turned = ".mT" * word[0].endswith("ᵀ")
        if name not in graph.index:
            return word[0].replace("ᵀ", ".mT")
        scope[f"n{len(scope)}"] = run.gradient(graph.index[name]) if "∂" in word[0] else run.value(graph.index[name])
        return f"n{len(scope) - 1}{turned}"

    with np.errstate(all="ignore"):
        yield eval(_WORD.sub(known, matrix.name).replace("ᵀ", ".mT"), scope)


@pytest.mark.parametrize("name", [*NAMES, WALK, PLAIN], ids=[*NAMES, "walk", "plain"])
def test_a_caption_evaluated_gives_the_numbers_under_it(name: str) -> None:
    count = 0
    for state, row in rows(name):
        for matrix in row.items:
            if isinstance(matrix, Matrix) and matrix.array is not None:
                found = list(meanings(matrix, state))
                assert any(
                    np.shape(f) == matrix.array.shape and np.allclose(f, matrix.array, 1e-9, 1e-12, equal_nan=True)
                    for f in found
                ), (state.cursor, state.part, matrix)
                count += 1
    assert count > 5


async def test_a_caption_is_drawn_without_the_sign_before_its_matrix() -> None:
    """`1 -` and `H ** 2` are not the caption `1 - H ** 2`: one row for each way in which signs stand in the lessons."""
    kinds: dict[tuple[str, ...], Row] = {}
    for name in NAMES:
        for _, row in rows(name):
            kinds.setdefault(tuple("" if isinstance(i, Matrix) else i for i in row.items), row)
    app = StageApp()
    async with app.run_test(size=(200, 60)) as pilot:
        for row in kinds.values():
            app.stage.show(Report("test", "", (row,)))
            await pilot.pause()
            lines, corner = lines_of(app), app.stage.content_region.offset
            for item in (i for p in app.stage.plan.pieces if p.line for i in p.line.items):
                if (box := item.box) is not None:
                    x, y = corner.x + box.x, corner.y + box.y
                    drawn = lines[y][x - item.before : x + box.width].strip()
                    assert drawn == f"{short(box.matrix.name)} {shape_text(box.matrix.shape)}"
                    assert lines[y + box.first][x - item.before : x].strip() == item.sign
    assert len(kinds) > 20


async def test_under_1_minus_h_squared_stand_its_numbers() -> None:
    app = app_of("mlp")
    async with app.run_test(size=(200, 70)) as pilot:
        app.run_text("seek H@bwd")
        await pilot.pause()
        lines = lines_of(app)
        assert app.state is not None
        first = 1 - app.state.timeline.value("H")[0] ** 2
    caption = "1 - H ** 2 5×4"
    found = [(y, line.index(caption)) for y, line in enumerate(lines) if caption in line]
    assert len(found) == 2  # once as it is made, once as a factor
    for y, x in found:
        numbers = re.findall(r"\d\.\d+", lines[y + 2][x:])[:4]
        assert numbers == [f"{cell:.3f}" for cell in first]
