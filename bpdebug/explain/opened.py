"""What each operation does to a cell: the cells of its operands that it is the sum, or the product, of.

A row for every operation that moves cells about, adds or multiplies them; what has none is a factor as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.explain.terms import At, Terms, spread
from bpdebug.symbolic import PRIMS, Expr

if TYPE_CHECKING:
    from bpdebug.explain.cells import Opening

MOST_TERMS = 2**20
"""Terms beyond which a sum is left closed: one factor, and no list."""
Rule = Callable[["Opening", Expr, At], "list[Terms] | None"]


# --- where the cells of a result come from


def aligned(own: tuple[int, ...], shape: tuple[int, ...], at: At) -> At:
    """The cells of an operand of shape `own` that broadcasting puts at `at` of a result of shape `shape`."""
    lead = len(shape) - len(own)
    return tuple(np.zeros_like(at[lead + a]) if n == 1 else at[lead + a] for a, n in enumerate(own))


def _flat(shape: tuple[int, ...], at: At) -> Array:
    return np.ravel_multi_index(at, shape) if at else np.zeros(1, np.int64)


def _unflat(shape: tuple[int, ...], flat: Array) -> At:
    return tuple(np.asarray(i) for i in np.unravel_index(flat, shape)) if shape else ()


def _length(at: At) -> int:
    return len(at[0]) if at else 1


def _moved_to(opening: Opening, operand: Expr, at: At, of: Array) -> list[Terms]:
    """The terms of an operand's cells, for rows `of` of the result; a number's cell is read for each of them."""
    if not at:
        return [t.within(of) for t in spread(opening.opened(operand, ()), of)]
    return [t.within(of) for t in opening.opened(operand, at)]


def _transposed(opening: Opening, e: Expr, at: At) -> list[Terms]:
    return opening.opened(e.args[0], (*at[:-2], at[-1], at[-2]))


def _permuted(opening: Opening, e: Expr, at: At) -> list[Terms]:
    places = {a % len(at): i for i, a in enumerate(e.attrs["axes"])}
    return opening.opened(e.args[0], tuple(at[places[a]] for a in range(len(at))))


def _reshaped(opening: Opening, e: Expr, at: At) -> list[Terms]:
    """reshape, and the dropping and adding of axes of size 1: the cells keep their order."""
    flat = _flat(e.shape, at)
    return _moved_to(opening, e.args[0], _unflat(e.args[0].shape, flat), np.arange(len(flat)))


def _broadcasted(opening: Opening, e: Expr, at: At) -> list[Terms]:
    return _moved_to(opening, e.args[0], aligned(e.args[0].shape, e.shape, at), np.arange(_length(at)))


def _same(opening: Opening, e: Expr, at: At) -> list[Terms]:
    return opening.opened(e.args[0], at)


def _looked_up(opening: Opening, e: Expr, at: At) -> list[Terms] | None:
    """Any other moving about, followed by moving numbers of cells the same way; 0 is what came from nowhere."""
    x = e.args[0]
    if e.attrs.get("fill", 0) != 0:
        return None
    numbers = np.arange(1, prod(x.shape) + 1).reshape(x.shape)
    others = [opening.value(a) for a in e.args[1:]]
    source = np.asarray(e.prim.run(numbers, *others, **e.attrs) if e.prim else numbers)[at].reshape(-1)
    there = np.flatnonzero(source)
    return _moved_to(opening, x, _unflat(x.shape, source[there] - 1), there)


def _added_up(run: Callable[[Opening, Expr, Array], Array]) -> Rule:
    """Several cells added into one: `run` says for each cell of the operand, by number from 1, where it goes."""

    def rule(opening: Opening, e: Expr, at: At) -> list[Terms] | None:
        x = e.args[0]
        goes = np.asarray(run(opening, e, np.arange(1, prod(e.shape) + 1).reshape(e.shape)))
        goes = np.broadcast_to(goes, x.shape).reshape(-1)
        order = np.argsort(goes, kind="stable")
        asked = _flat(e.shape, at) + 1
        first, last = (np.searchsorted(goes[order], asked, side=s) for s in ("left", "right"))
        count = last - first
        of = np.repeat(np.arange(len(asked)), count)
        steps = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
        cells = order[np.repeat(first, count) + steps]
        return _moved_to(opening, x, _unflat(x.shape, cells), of)

    return rule


def _fold_goes(opening: Opening, e: Expr, numbers: Array) -> Array:
    attrs = {k: v for k, v in e.attrs.items() if k != "shape"}
    return np.asarray(PRIMS["unfold"].run(numbers, **attrs, fill=0))


def _scatter_goes(opening: Opening, e: Expr, numbers: Array) -> Array:
    return np.take(numbers, opening.value(e.args[1]), axis=e.attrs["axis"])


def _along_goes(opening: Opening, e: Expr, numbers: Array) -> Array:
    ids = opening.value(e.args[1])
    shape = list(e.args[0].shape)
    shape[e.attrs["axis"]] = ids.shape[e.attrs["axis"]]
    return np.take_along_axis(numbers, np.broadcast_to(ids, shape), axis=e.attrs["axis"])


def _joined(opening: Opening, e: Expr, at: At) -> list[Terms]:
    """concat and stack: each cell comes from one of the operands."""
    sizes = np.cumsum([0, *(prod(a.shape) for a in e.args)])
    numbers = [np.arange(n, m).reshape(a.shape) for (n, m), a in zip(pairwise(sizes), e.args, strict=True)]
    source = np.asarray(e.prim.run(*numbers, **e.attrs))[at].reshape(-1) if e.prim else np.zeros(0, int)
    made: list[Terms] = []
    for (n, m), operand in zip(pairwise(sizes), e.args, strict=True):
        rows = np.flatnonzero((source >= n) & (source < m))
        if len(rows):
            made += _moved_to(opening, operand, _unflat(operand.shape, source[rows] - n), rows)
    return made


# --- sums and products


def _plus(sign: float) -> Rule:
    def rule(opening: Opening, e: Expr, at: At) -> list[Terms]:
        of = np.arange(_length(at))
        made: list[Terms] = []
        for operand, by in ((e.args[0], 1.0), (e.args[1], sign)):
            if isinstance(operand, Expr):
                made += [t.scaled(by) for t in _moved_to(opening, operand, aligned(operand.shape, e.shape, at), of)]
            else:
                made.append(Terms(of, np.full(len(of), by * float(operand))))
        return made

    return rule


def _negated(opening: Opening, e: Expr, at: At) -> list[Terms]:
    return [t.scaled(-1.0) for t in opening.opened(e.args[0], at)]


def _multiplied(opening: Opening, e: Expr, at: At) -> list[Terms] | None:
    a, b = e.args
    if not isinstance(a, Expr):
        return [t.scaled(float(a)) for t in opening.opened(b, at)]
    if not isinstance(b, Expr):
        return [t.scaled(float(b)) for t in opening.opened(a, at)]
    first = _moved_to(opening, a, aligned(a.shape, e.shape, at), np.arange(_length(at)))
    return opening.times(first, b, aligned(b.shape, e.shape, at))


def _squared(opening: Opening, e: Expr, at: At) -> list[Terms] | None:
    return opening.times(opening.opened(e.args[0], at), e.args[0], at)


def _power(opening: Opening, e: Expr, at: At) -> list[Terms] | None:
    a, b = e.args
    return _squared(opening, e, at) if isinstance(a, Expr) and not isinstance(b, Expr) and b == 2 else None


def _divided(opening: Opening, e: Expr, at: At) -> list[Terms]:
    a, b = e.args
    of = np.arange(_length(at))
    if isinstance(a, Expr):
        over = _moved_to(opening, a, aligned(a.shape, e.shape, at), of)
    else:
        over = [Terms(of, np.full(len(of), float(a)))]
    if not isinstance(b, Expr):
        with np.errstate(all="ignore"):
            return [replace(t, weight=t.weight / float(b)) for t in over]
    place = aligned(b.shape, e.shape, at)
    made = []
    for t in over:
        (under,) = (
            spread(opening.closed(b, ()), t.of) if not place else opening.closed(b, tuple(i[t.of] for i in place))
        )
        (factor,) = under.factors
        made.append(replace(t, factors=(*t.factors, replace(factor, under=True))))
    return made


def _product(opening: Opening, e: Expr, at: At) -> list[Terms] | None:
    """A cell of a matrix product: a row against a column."""
    a, b = e.args
    count, inner = _length(at), a.shape[-1]
    if count * inner > MOST_TERMS:
        return None
    of, k = np.repeat(np.arange(count), inner), np.tile(np.arange(inner), count)
    batch, row, column = tuple(i[of] for i in at[:-2]), at[-2][of], at[-1][of]
    left, right = (aligned(x.shape[:-2], e.shape[:-2], batch) for x in (a, b))
    found = opening.times(opening.opened(a, (*left, row, k)), b, (*right, k, column))
    return None if found is None else [t.within(of) for t in found]


def _summed(opening: Opening, e: Expr, at: At) -> list[Terms] | None:
    """A sum over axes: every cell along them."""
    x, axis, keep = e.args[0], e.attrs["axis"], e.attrs["keepdims"]
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = sorted(a % x.ndim for a in axes)
    sizes = [x.shape[a] for a in axes]
    count, many = _length(at), prod(sizes)
    if count * many > MOST_TERMS:
        return None
    of = np.repeat(np.arange(count), many)
    inside = [np.tile(i, count) for i in _unflat(tuple(sizes), np.arange(many))]
    outside = iter([i[of] for n, i in enumerate(at) if not keep or n not in axes])
    along = iter(inside)
    return _moved_to(opening, x, tuple(next(along) if a in axes else next(outside) for a in range(x.ndim)), of)


def _chosen(opening: Opening, e: Expr, at: At) -> list[Terms]:
    """where, maximum, minimum: each cell comes from one of two."""
    *test, a, b = e.args
    of = np.arange(_length(at))

    def cells(x: Any) -> Array:
        return np.broadcast_to(opening.value(x) if isinstance(x, Expr) else np.asarray(x), e.shape)[at].reshape(-1)

    if test:
        first = cells(test[0]).astype(bool)
    else:
        with np.errstate(invalid="ignore"):
            less = cells(a) < cells(b)
        first = ~less if e.prim and e.prim.name == "maximum" else less
    made: list[Terms] = []
    for operand, rows in ((a, np.flatnonzero(first)), (b, np.flatnonzero(~first))):
        if not len(rows):
            continue
        if isinstance(operand, Expr):
            place = tuple(i[rows] for i in aligned(operand.shape, e.shape, at))
            made += _moved_to(opening, operand, place, of[rows])
        elif operand != 0:
            made.append(Terms(of[rows], np.full(len(rows), float(operand))))
    return made


MOVED: dict[str, Rule] = {
    "matrix_transpose": _transposed, "permute_dims": _permuted, "reshape": _reshaped, "expand_dims": _reshaped,
    "squeeze": _reshaped, "broadcast_to": _broadcasted, "astype": _same, "index": _looked_up, "place": _looked_up,
    "pad0": _looked_up, "take": _looked_up, "take_along_axis": _looked_up, "unfold": _looked_up,
}  # fmt: skip
"""Operations that only move cells about: opened whatever they hold, so that a factor is named by the operand's cell."""

OPENED: dict[str, Rule] = {
    **MOVED, "fold": _added_up(_fold_goes), "scatter_add": _added_up(_scatter_goes),
    "scatter_along_axis": _added_up(_along_goes), "concat": _joined, "stack": _joined, "add": _plus(1.0),
    "subtract": _plus(-1.0), "negative": _negated, "multiply": _multiplied, "divide": _divided, "matmul": _product,
    "sum": _summed, "where": _chosen, "maximum": _chosen, "minimum": _chosen, "square": _squared, "pow": _power,
}  # fmt: skip
