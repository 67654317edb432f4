"""Cells that belong together, for every op, both ways: those that `origin` names, and all that have a say."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import Array, Cell, Shape
from bpdebug.cells import links
from bpdebug.cells.links import linked, linked_each
from bpdebug.cells.marks import Marks, lit_in
from bpdebug.cells.reads import READS
from bpdebug.cells.recipes import of_event
from bpdebug.cells.sets import fed
from bpdebug.cells.table import MOST_TERMS
from bpdebug.cells.trace import CellSource
from bpdebug.engine import BACKWARD, FORWARD, NodeEvent, Timeline
from bpdebug.engine.parts import Recipe
from bpdebug.explain.origin import origin
from bpdebug.expression import parse, target
from bpdebug.graph import Subject
from bpdebug.ops import OPS, Op
from bpdebug.symbolic import PRIMS, Expr, evaluate, walk
from tests.graphs import SAMPLES, Call, graph_of, sample_call

MOST = 5
"""Cells looked at of a result."""


def timeline_of(op: Op, i: int) -> Timeline | None:
    """One call of an op, with a cotangent; None where its result has none."""
    call = sample_call(op, op.samples[i])
    if call.value.dtype.kind != "f":
        return None
    g = np.asarray(np.random.default_rng(1).normal(size=call.value.shape))
    return Timeline(graph_of(call, g))


def events(timeline: Timeline) -> Iterator[NodeEvent]:
    yield from (e for e in timeline if isinstance(e, NodeEvent) and e.phase in (FORWARD, BACKWARD))


def named(source: CellSource, recipe: Recipe) -> dict[Subject, set[int]]:
    """The cells of tensors that a source's factors are, or are computed from: those followed as sets, by `why`."""
    found: dict[Subject, set[int]] = {}
    for f in (f for t in source.terms for f in t.factors if len(f.values)):
        cells = np.zeros(f.expr.shape, bool)
        cells[f.at] = True
        for leaf, mine in leaves_of(f.expr, cells, recipe):
            of = recipe.subject(leaf)
            if mine.any():
                found.setdefault(of, set()).update(np.flatnonzero(mine).tolist())
    return found


def leaves_of(root: Expr, cells: Array, recipe: Recipe) -> Iterator[tuple[Expr, Array]]:
    at = {id(root): cells}
    for e in reversed(walk(root)):
        if id(e) in at and e.prim is None:
            yield e, at[id(e)]
        elif id(e) in at:
            for a, mine in fed(e, at[id(e)], recipe.value):
                at[id(a)] = at[id(a)] | mine if id(a) in at else mine


def tensors(marks: Marks) -> dict[Subject, set[int]]:
    """The cells of tensors and their gradients among marks."""
    return {s: set(m.cells.tolist()) for s, m in marks.items() if isinstance(s.tensor, int) and not s.transposed}


def results(event: NodeEvent) -> Iterator[tuple[Subject, Recipe, Cell]]:
    """What an event makes, at some cells."""
    for recipe in of_event(event):
        for cell in list(np.ndindex(recipe.expr.shape))[:MOST]:
            yield recipe.of, recipe, cell


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_the_cells_that_are_lit_with_a_result_are_those_that_origin_names(op: Op, i: int) -> None:
    timeline = timeline_of(op, i)
    for event in events(timeline) if timeline is not None else ():
        assert timeline is not None
        for of, recipe, cell in results(event):
            name = f"{'d' * of.gradient}{timeline.graph.names[of.tensor]}{list(cell) if cell else ''}"  # type: ignore[index]
            sources = origin(timeline, target(parse(name), timeline.graph), 0, way=False).sources
            mine = [s for s in sources if s.node == event.name]
            recipes = [r for r in of_event(event) if r.of == of]
            wanted: dict[Subject, set[int]] = {}
            for source, one in zip(mine, recipes, strict=True):
                for subject, cells in named(source, one).items():
                    wanted.setdefault(subject, set()).update(cells)
            found = tensors(linked(recipes, of, cell, recipe.expr.shape))
            del found[of]
            assert found == {s: c for s, c in wanted.items() if s != of}, (name, event.phase)


def pairs_of(recipe: Recipe) -> Iterator[tuple[Expr, set[tuple[int, int]]]]:
    """Of every tensor that a recipe reads: (cell of the result, cell of it) for all that are lit with a result."""
    every = [linked([recipe], recipe.of, cell, recipe.expr.shape) for cell in np.ndindex(recipe.expr.shape)]
    for leaf in (e for e in walk(recipe.expr) if e.prim is None and recipe.subject(e) != recipe.of):
        lit = [lit_in(marks, recipe.subject(leaf), leaf.shape) for marks in every]
        yield leaf, {(n, c) for n, mine in enumerate(lit) for c in (mine.cells.tolist() if mine else ())}


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_an_operand_lights_the_results_that_light_it_and_all_that_it_moves(op: Op, i: int) -> None:
    timeline = timeline_of(op, i)
    for recipe in (r for e in events(timeline) for r in of_event(e)) if timeline is not None else ():
        for leaf, pairs in pairs_of(recipe) if prod(recipe.expr.shape) <= 40 else ():
            of = recipe.subject(leaf)
            for c, cell in list(enumerate(np.ndindex(leaf.shape)))[:MOST]:
                lit = linked([recipe], of, cell, leaf.shape)
                found = set(lit[recipe.of].cells.tolist()) if recipe.of in lit else set()
                assert found == {n for n, there in pairs if there == c}, (of, cell)
                assert leaf.dtype.kind != "f" or moved(recipe, leaf, c) <= found, (of, cell)


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_cells_that_are_asked_about_together_light_what_each_lights_alone(op: Op, i: int) -> None:
    timeline = timeline_of(op, i)
    for recipe in (r for e in events(timeline) for r in of_event(e)) if timeline is not None else ():
        shapes = {recipe.subject(e): e.shape for e in walk(recipe.expr) if e.prim is None}
        shapes[recipe.of] = recipe.expr.shape
        for of, shape in shapes.items():
            cells = list(np.ndindex(shape))[-3:]
            alone = [linked([recipe], of, cell, shape) for cell in cells]
            assert list(map(plain, linked_each([recipe], of, cells, shape))) == list(map(plain, alone)), of


def plain(marks: Marks) -> dict[Subject, tuple[list[int], Shape]]:
    return {of: (lit.cells.tolist(), lit.shape) for of, lit in marks.items()}


@pytest.mark.parametrize(("most", "walks"), [(MOST_TERMS, [24]), (2 * 72, [2] * 12), (1, [1] * 24)])
def test_cells_are_asked_about_together_as_far_as_their_sums_stay_short(
    most: int, walks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a product of 6×4 and 4×3 all cells are sums of 72 terms."""
    together, asked = links._together, list[int]()

    def counted(recipes: Any, of: Subject, cells: Array, shape: Shape) -> Iterator[Marks]:
        asked.append(len(cells))
        return together(recipes, of, cells, shape)

    monkeypatch.setattr(links, "MOST_TERMS", most)
    monkeypatch.setattr(links, "_together", counted)
    call = Call(OPS["matmul"], (np.ones((6, 4)), np.ones((4, 3))), {})
    event = next(events(Timeline(graph_of(call, np.ones((6, 3))))))
    of = Subject(event.node.tensors[0])
    assert len([*linked_each(of_event(event), of, [*np.ndindex(6, 4)], (6, 4))]) == 24
    assert asked == walks


def moved(recipe: Recipe, leaf: Expr, cell: int) -> set[int]:
    """The cells of a result that change with a cell of a leaf; what was decided stays so."""
    known = {id(e): recipe.value(e) for e in walk(recipe.expr) if e.prim is None or e.dtype.kind == "b"}
    with np.errstate(all="ignore"):
        before = evaluate(recipe.expr, dict(known))[id(recipe.expr)]
        known[id(leaf)] = np.array(known[id(leaf)])
        known[id(leaf)].reshape(-1)[cell] *= 1 + 1e-7
        after = evaluate(recipe.expr, known)[id(recipe.expr)]
    return set(np.flatnonzero(~np.equal(before, after) & ~np.isnan(before)).tolist())


def test_what_has_no_row_works_cell_by_cell() -> None:
    """A new word that does not would light the wrong cells; and a cast has a dtype, but cells as they were."""
    assert {p.name for p in PRIMS.values() if p.attrs} <= set(READS)
