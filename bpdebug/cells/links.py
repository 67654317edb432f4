"""Which cells belong together: those that a cell is made of, and those that it goes into with others.

Both are read off the table that sums of products are read off, so what is lit is what `origin` names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import prod

import numpy as np

from bpdebug.arrays import Array, Cell, Shape, ascending
from bpdebug.cells.marks import CellSet, Marks
from bpdebug.cells.reads import READS, nothing, reads
from bpdebug.cells.table import MOST_TERMS, ROWS, SETTLED, Summand, aligned, flat_index, unflat
from bpdebug.cells.terms import At
from bpdebug.engine.parts import Recipe
from bpdebug.graph import Subject
from bpdebug.ops.axes import axes_of
from bpdebug.symbolic import Expr, walk

Cells = dict[Expr, Array]
"""Cells of expressions by their numbers, each once."""


def linked(recipes: Iterable[Recipe], of: Subject, cell: Cell, shape: Shape) -> Marks:
    """The cells of each array that belong to a cell of one of them, which has this shape."""
    one = flat_index(shape, tuple(np.array([i]) for i in cell))
    found: dict[Subject, list[CellSet]] = defaultdict(list)
    for recipe in recipes:
        for e, cells in _linked(recipe, of, one).items():
            for subject in {recipe.subject(e), *([recipe.of] if e is recipe.expr else [])}:
                found[subject].append(CellSet(cells, e.shape))
    marks = {s: CellSet(ascending(np.concatenate([p.cells for p in lit])), lit[0].shape) for s, lit in found.items()}
    return marks | {of: CellSet(one, shape)}


def _linked(recipe: Recipe, of: Subject, one: Array) -> Cells:
    if of == recipe.of:
        return made_of({recipe.expr: one}, recipe)
    start = dict(_standing(recipe, of, one))
    return goes_on(start, recipe) if start else {}


def _standing(recipe: Recipe, of: Subject, one: Array) -> Iterator[tuple[Expr, Array]]:
    """Where an array, or its transpose, stands in a recipe, with its cell."""
    for e in walk(recipe.expr):
        subject = recipe.subject(e)
        if subject == of:
            yield e, one
        elif subject == of.transpose and e.ndim > 1:
            yield e, CellSet(one, (*e.shape[:-2], e.shape[-1], e.shape[-2])).transposed().cells


def made_of(start: Cells, recipe: Recipe) -> Cells:
    """Those cells, and all that they are made of."""
    found = dict(start)
    for e in reversed(walk(*start)):
        if e in found and e.prim is not None:
            for summand in _read(e, unflat(e.shape, found[e]), recipe):
                for x, at, _ in summand.reads:
                    if isinstance(x, Expr):
                        _add(found, x, flat_index(x.shape, at))
    return found


def _read(e: Expr, at: At, recipe: Recipe) -> Iterator[Summand]:
    """What cells are made from: without products of which a factor is not there, as next to what was padded."""
    for summand in reads(e, at, recipe.value):
        if len(summand.reads) > 1 and recipe.opens(e):
            there = np.flatnonzero(_factors(summand, recipe))
            read = tuple(r._replace(at=tuple(i[there] for i in r.at)) for r in summand.reads)
            summand = summand._replace(of=summand.of[there], reads=read)
        if len(summand.of):
            yield summand
            for x, at_x, _ in summand.reads:
                if isinstance(x, Expr) and not any(x is a for a in e.args):  # a factor that stands in no expression
                    yield from (s._replace(of=summand.of[s.of]) for s in reads(x, at_x, recipe.value) if len(s.of))


def _factors(summand: Summand, recipe: Recipe) -> Array:
    """Of which products (bool) every factor is there."""
    found = np.ones(len(summand.of), bool)
    for x, at, under in summand.reads:
        if isinstance(x, Expr) and not under:
            found &= _there(x, at, recipe)
    return found


def _there(e: Expr, at: At, recipe: Recipe) -> Array:
    """Which cells (bool) are a sum of products at all, or are not taken apart."""
    row = ROWS.get(e.applies)
    summands = row(e, at, recipe.value) if row and recipe.opens(e) else None
    found = np.full(len(at[0]) if at else 1, summands is None)
    for summand in summands or ():
        found[summand.of[_factors(summand, recipe)]] = True
    return found


def goes_on(start: Cells, recipe: Recipe) -> Cells:
    """Those cells and what they are made of, the cells that they go into, and those that they meet on the way."""
    onward, beside = dict(start), Cells()
    for e in walk(recipe.expr):
        for n, x in enumerate(e.args):
            if isinstance(x, Expr) and x in onward:
                at = unflat(x.shape, onward[x])
                cells, others = _onward(e, n, at, recipe)
                gaps = [o for o in others if recipe.opens(e) and not _there(*o, recipe).all()]
                cells = _reading(e, x, at, cells, recipe) if gaps else cells
                if len(cells):
                    _add(onward, e, cells)
                    for other, met in others:
                        _add(beside, other, flat_index(other.shape, met))
    there = {e: ascending(np.concatenate((c, start.get(e, c)))) for e, c in beside.items()}
    found = made_of({**start, **there}, recipe)
    for e, cells in onward.items():
        _add(found, e, cells)
    return found


def _add(found: Cells, e: Expr, cells: Array) -> None:
    found[e] = ascending(np.concatenate((found[e], cells)) if e in found else cells)


Places = list[Array | None]
"""Along each axis of a result where the cells of an operand go; None: to all along it."""


def _onward(e: Expr, n: int, at: At, recipe: Recipe) -> tuple[Array, list[tuple[Expr, At]]]:
    """The cells that those of operand `n` go into, by number; and the cells of other operands that they meet there."""
    x, name = e.args[n], e.applies
    if READS.get(name) is nothing:
        return np.zeros(0, np.int64), []
    if name == "matmul":
        return _multiplied(e, n, at)
    if name in ("matrix_transpose", "permute_dims"):
        axes = e.attrs.get("axes", (*range(e.ndim - 2), -1, -2))
        return flat_index(e.shape, tuple(at[a] for a in axes)), []
    if name in ("reshape", "expand_dims", "squeeze"):
        return flat_index(x.shape, at), []
    if name in SETTLED and name != "broadcast_to":
        return _reading(e, x, at, np.arange(prod(e.shape) if prod(e.shape) <= MOST_TERMS else 0), recipe), []
    if "axis" in e.attrs:
        gone, same = axes_of(e.attrs["axis"], x.shape), e.shape == x.shape
        kept: Places = [None if a in gone else i for a, i in enumerate(at) if e.ndim == x.ndim or a not in gone]
        cells = _everywhere(kept if same else [i if i is not None else at[0] * 0 for i in kept], e.shape, at)
        return (cells if READS[name] is READS["sum"] else _reading(e, x, at, cells, recipe)), []
    cells = _everywhere(_stretched(at, x.shape, e.shape), e.shape, at)
    if name in ("where", "maximum", "minimum"):
        return _reading(e, x, at, cells, recipe), []
    others = (a for m, a in enumerate(e.args) if m != n and isinstance(a, Expr))
    return cells, [(a, aligned(a.shape, e.shape, unflat(e.shape, cells))) for a in others]


def _multiplied(e: Expr, n: int, at: At) -> tuple[Array, list[tuple[Expr, At]]]:
    """Of a matrix product: the row or the column that a cell makes, and the row or the column that it meets."""
    other = e.args[1 - n]
    lead = _stretched(at[:-2], e.args[n].shape[:-2], e.shape[:-2])
    there = lead[len(lead) - other.ndim + 2 :]
    meets: Places = [None if i is None or size == 1 else i for i, size in zip(there, other.shape, strict=False)]
    ends: tuple[Places, Places] = ([at[-2], None], [at[-1], None]) if n == 0 else ([None, at[-1]], [None, at[-2]])
    cells, beside = _everywhere([*lead, *ends[0]], e.shape, at), _everywhere([*meets, *ends[1]], other.shape, at)
    return cells, [(other, unflat(other.shape, beside))]


def _stretched(at: At, own: Shape, shape: Shape) -> Places:
    """Where broadcasting puts cells of an operand of shape `own`."""
    lead = len(shape) - len(own)
    return [None] * lead + [None if n == 1 != shape[lead + a] else at[a] for a, n in enumerate(own)]


def _everywhere(places: Places, shape: Shape, at: At) -> Array:
    """The cells at these places, by number; none where they are too many to list."""
    free = tuple(n for n, i in zip(shape, places, strict=True) if i is None)
    count, many = len(at[0]) if at else 1, prod(free)
    if count * many > MOST_TERMS:
        return np.arange(0)
    inside = iter([np.tile(i, count) for i in unflat(free, np.arange(many))])
    found = tuple(next(inside) if i is None else np.repeat(i, many) for i in places)
    return ascending(flat_index(shape, found))


def _reading(e: Expr, x: Expr, at: At, cells: Array, recipe: Recipe) -> Array:
    """Those of a result's cells that are made from these cells of an operand."""
    mine, found = flat_index(x.shape, at), [np.arange(0)]
    for summand in _read(e, unflat(e.shape, cells), recipe) if len(cells) else ():
        for operand, there, _ in summand.reads:
            if operand is x:
                hit = np.isin(flat_index(x.shape, there), mine)
                found.append(summand.of[np.broadcast_to(hit, summand.of.shape)])
    return cells[ascending(np.concatenate(found))]
