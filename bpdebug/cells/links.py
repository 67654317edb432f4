"""Which cells belong together: those that a cell is made of, and those that it goes into with others.

Both are read off the table that sums of products are read off, so what is lit is what `origin` names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
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
"""Cells of expressions by their numbers, ascending: of several walks at once, walk w's begin at w * (all cells)."""


def linked(recipes: Iterable[Recipe], of: Subject, cell: Cell, shape: Shape) -> Marks:
    """The cells of each array that belong to a cell of one of them, which has this shape."""
    (found,) = linked_each(recipes, of, [cell], shape)
    return found


def linked_each(recipes: Iterable[Recipe], of: Subject, cells: Sequence[Cell], shape: Shape) -> Iterator[Marks]:
    """The same for each of some cells: as many at once as do not make a sum too long that is not so for one."""
    recipes, at = tuple(recipes), tuple(np.array(cells, np.int64).reshape(len(cells), -1).T)
    asked = flat_index(shape, at)
    most = max((_most(e) for r in recipes for e in walk(r.expr)), default=1) if len(asked) > 1 else MOST_TERMS
    many = max(MOST_TERMS // max(most, 1), 1)
    for first in range(0, len(asked), many):
        yield from _together(recipes, of, asked[first : first + many], shape)


def _most(e: Expr) -> int:
    """The most terms that all of an expression's cells, or all of an operand's, are looked at by."""
    most: int = max(prod(x.shape) for x in (e, *e.operands()))
    if e.applies == "matmul":
        return max(most, prod((*e.shape, e.args[0].shape[-1])))
    if "axis" in e.attrs and e.applies not in SETTLED and READS.get(e.applies) is not nothing:
        x: Shape = e.args[0].shape
        return most * prod(x[a] for a in axes_of(e.attrs["axis"], x))
    return most


def _together(recipes: Sequence[Recipe], of: Subject, asked: Array, shape: Shape) -> Iterator[Marks]:
    """What belongs to each of these cells, which are walked from side by side."""
    found: dict[Subject, list[CellSet]] = defaultdict(list)
    for recipe in recipes:
        for e, cells in _linked(recipe, of, asked).items():
            for subject in {recipe.subject(e), *([recipe.of] if e is recipe.expr else [])}:
                found[subject].append(CellSet(cells, e.shape))
    marks = [Marks() for _walk in asked]
    for subject, lit in found.items():
        cells, size = ascending(np.concatenate([p.cells for p in lit])), prod(lit[0].shape)
        ends = np.searchsorted(cells, np.arange(len(asked) + 1) * size).tolist()
        for w, (first, last) in enumerate(pairwise(ends)):
            if first < last:
                marks[w][subject] = CellSet(cells[first:last] - w * size, lit[0].shape)
    for mine, one in zip(marks, asked, strict=True):
        yield mine | {of: CellSet(one.reshape(1), shape)}


def _linked(recipe: Recipe, of: Subject, asked: Array) -> Cells:
    if of == recipe.of:
        return made_of({recipe.expr: _side_by_side(recipe.expr, asked)}, recipe)
    start = dict(_standing(recipe, of, asked))
    return goes_on(start, recipe) if start else {}


def _standing(recipe: Recipe, of: Subject, asked: Array) -> Iterator[tuple[Expr, Array]]:
    """Where an array, or its transpose, stands in a recipe, with its cells."""
    for e in walk(recipe.expr):
        subject = recipe.subject(e)
        if subject == of:
            yield e, _side_by_side(e, asked)
        elif subject == of.transpose and e.ndim > 1:
            turned = (*e.shape[:-2], e.shape[-1], e.shape[-2])
            yield e, CellSet(_side_by_side(e, asked), turned).transposed().cells


def _side_by_side(e: Expr, asked: Array) -> Array:
    return np.arange(len(asked)) * prod(e.shape) + asked


def _apart(shape: Shape, cells: Array) -> tuple[Array, At]:
    """Of which walk cells are, and where in an array of this shape."""
    walks, numbers = np.divmod(cells, prod(shape))
    return walks, unflat(shape, numbers)


def _number(shape: Shape, walks: Array, at: At) -> Array:
    return walks * prod(shape) + flat_index(shape, at)


def made_of(start: Cells, recipe: Recipe) -> Cells:
    """Those cells, and all that they are made of."""
    found = dict(start)
    for e in reversed(walk(*start)):
        if e in found and e.prim is not None:
            walks, at = _apart(e.shape, found[e])
            for summand in _read(e, walks, at, recipe):
                for x, there, _ in summand.reads:
                    if isinstance(x, Expr):
                        _add(found, x, _number(x.shape, walks[summand.of], there))
    return found


def _read(e: Expr, walks: Array, at: At, recipe: Recipe) -> Iterator[Summand]:
    """What cells are made from: without products of which a factor is not there, as next to what was padded."""
    for summand in reads(e, at, recipe.value):
        if len(summand.reads) > 1 and recipe.opens(e):
            summand = _kept(summand, np.flatnonzero(_factors(summand, recipe)))
        if len(summand.of):
            yield _of_each(summand, walks, at)
            for x, at_x, _ in summand.reads:
                if isinstance(x, Expr) and not any(x is a for a in e.args):  # a factor that stands in no expression
                    yield from (s._replace(of=summand.of[s.of]) for s in reads(x, at_x, recipe.value) if len(s.of))


def _kept(summand: Summand, rows: Array) -> Summand:
    read = tuple(r._replace(at=tuple(i[rows] for i in r.at)) for r in summand.reads)
    return summand._replace(of=summand.of[rows], reads=read)


def _of_each(summand: Summand, walks: Array, at: At) -> Summand:
    """A number has one cell, whichever walk it is of: what it is made from is so in all of them."""
    if at or len(walks) == 1:
        return summand
    repeated = _kept(summand, np.tile(np.arange(len(summand.of)), len(walks)))
    return repeated._replace(of=np.repeat(np.arange(len(walks)), len(summand.of)))


def _factors(summand: Summand, recipe: Recipe) -> Array:
    """Of which products (bool) every factor is there."""
    found = np.ones(len(summand.of), bool)
    for x, at, under in summand.reads:
        if isinstance(x, Expr) and not under:
            found &= _there(x, at, recipe)
    return found


def _there(e: Expr, at: At, recipe: Recipe) -> Array:
    """Which cells (bool) are a sum of products at all, or are not taken apart."""
    row, numbers = ROWS.get(e.applies), flat_index(e.shape, at)
    if row is None or not recipe.opens(e):
        return np.ones(len(numbers), bool)
    cells = ascending(numbers)  # many products have few factors: each is looked at once
    summands = row(e, unflat(e.shape, cells), recipe.value)
    found = np.full(len(cells), summands is None)
    for summand in summands or ():
        found[summand.of[_factors(summand, recipe)]] = True
    return found[np.searchsorted(cells, numbers)]


def goes_on(start: Cells, recipe: Recipe) -> Cells:
    """Those cells and what they are made of, the cells that they go into, and those that they meet on the way."""
    onward, beside = dict(start), Cells()
    for e in walk(recipe.expr):
        for n, x in enumerate(e.args):
            if isinstance(x, Expr) and x in onward:
                cells, others = _onward(e, n, onward[x], recipe)
                gaps = _gaps(others, recipe) if recipe.opens(e) else ()
                if len(gaps):
                    doubtful = np.isin(cells // prod(e.shape), gaps)
                    read = _reading(e, x, onward[x], cells[doubtful], recipe)
                    cells = ascending(np.concatenate((cells[~doubtful], read)))
                    others = [(other, _of_walks(met, other, cells // prod(e.shape))) for other, met in others]
                if len(cells):
                    _add(onward, e, cells)
                    for other, met in others:
                        _add(beside, other, met)
    there = {e: ascending(np.concatenate((c, start.get(e, c)))) for e, c in beside.items()}
    found = made_of({**start, **there}, recipe)
    for e, cells in onward.items():
        _add(found, e, cells)
    return found


def _of_walks(cells: Array, e: Expr, walks: Array) -> Array:
    """Those of an expression's cells that are of these walks."""
    return cells[np.isin(cells // prod(e.shape), walks)]


def _gaps(others: Sequence[tuple[Expr, Array]], recipe: Recipe) -> Array:
    """The walks that meet a cell which is not there."""
    found = [np.arange(0)]
    for other, met in others:
        walks, at = _apart(other.shape, met)
        found.append(walks[np.broadcast_to(~_there(other, at, recipe), walks.shape)])
    return np.concatenate(found)


def _add(found: Cells, e: Expr, cells: Array) -> None:
    found[e] = ascending(np.concatenate((found[e], cells)) if e in found else cells)


Places = list[Array | None]
"""Along each axis of a result where the cells of an operand go; None: to all along it."""


def _onward(e: Expr, n: int, mine: Array, recipe: Recipe) -> tuple[Array, list[tuple[Expr, Array]]]:
    """The cells that those of operand `n` go into; and the cells of other operands that they meet there."""
    x, name = e.args[n], e.applies
    walks, at = _apart(x.shape, mine)
    if READS.get(name) is nothing:
        return np.zeros(0, np.int64), []
    if name == "matmul":
        return _multiplied(e, n, walks, at)
    if name in ("matrix_transpose", "permute_dims"):
        axes = e.attrs.get("axes", (*range(e.ndim - 2), -1, -2))
        return _number(e.shape, walks, tuple(at[a] for a in axes)), []
    if name in ("reshape", "expand_dims", "squeeze"):
        return mine, []
    if name in SETTLED and name != "broadcast_to":
        return _reading(e, x, mine, _everywhere(ascending(walks), [None] * e.ndim, e.shape), recipe), []
    if "axis" in e.attrs:
        gone, same = axes_of(e.attrs["axis"], x.shape), e.shape == x.shape
        kept: Places = [None if a in gone else i for a, i in enumerate(at) if e.ndim == x.ndim or a not in gone]
        cells = _everywhere(walks, kept if same else [i if i is not None else at[0] * 0 for i in kept], e.shape)
        return (cells if READS[name] is READS["sum"] else _reading(e, x, mine, cells, recipe)), []
    cells = _everywhere(walks, _stretched(at, x.shape, e.shape), e.shape)
    if name in ("where", "maximum", "minimum"):
        return _reading(e, x, mine, cells, recipe), []
    into, there = _apart(e.shape, cells)
    others = (a for m, a in enumerate(e.args) if m != n and isinstance(a, Expr))
    return cells, [(a, _number(a.shape, into, aligned(a.shape, e.shape, there))) for a in others]


def _multiplied(e: Expr, n: int, walks: Array, at: At) -> tuple[Array, list[tuple[Expr, Array]]]:
    """Of a matrix product: the row or the column that a cell makes, and the row or the column that it meets."""
    other = e.args[1 - n]
    lead = _stretched(at[:-2], e.args[n].shape[:-2], e.shape[:-2])
    there = lead[len(lead) - other.ndim + 2 :]
    meets: Places = [None if i is None or size == 1 else i for i, size in zip(there, other.shape, strict=False)]
    ends: tuple[Places, Places] = ([at[-2], None], [at[-1], None]) if n == 0 else ([None, at[-1]], [None, at[-2]])
    cells = _everywhere(walks, [*lead, *ends[0]], e.shape)
    return cells, [(other, _everywhere(walks, [*meets, *ends[1]], other.shape))]


def _stretched(at: At, own: Shape, shape: Shape) -> Places:
    """Where broadcasting puts cells of an operand of shape `own`."""
    lead = len(shape) - len(own)
    return [None] * lead + [None if n == 1 != shape[lead + a] else at[a] for a, n in enumerate(own)]


def _everywhere(walks: Array, places: Places, shape: Shape) -> Array:
    """The cells at these places; none where they are too many to list."""
    free = tuple(n for n, i in zip(shape, places, strict=True) if i is None)
    count, many = len(walks), prod(free)
    if count * many > MOST_TERMS:
        return np.arange(0)
    inside = iter([np.tile(i, count) for i in unflat(free, np.arange(many))])
    found = tuple(next(inside) if i is None else np.repeat(i, many) for i in places)
    return ascending(_number(shape, np.repeat(walks, many), found))


def _reading(e: Expr, x: Expr, mine: Array, cells: Array, recipe: Recipe) -> Array:
    """Those of a result's cells that are made from these cells of an operand."""
    (walks, at), found = _apart(e.shape, cells), [np.arange(0)]
    for summand in _read(e, walks, at, recipe) if len(cells) else ():
        for operand, there, _ in summand.reads:
            if operand is x:
                hit = np.isin(_number(x.shape, walks[summand.of], there), mine)
                found.append(summand.of[hit])
    return cells[ascending(np.concatenate(found))]
