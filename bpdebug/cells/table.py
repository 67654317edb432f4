"""What each operation makes a cell of: a sum of products of its operands' cells, one operation deep.

A row for every operation that moves cells about, adds or multiplies them; what has none is a factor as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np

from bpdebug.arrays import Array, Shape
from bpdebug.cells.terms import At
from bpdebug.ops.axes import axes_of
from bpdebug.symbolic import PRIMS, Expr
from bpdebug.symbolic.moves import MODES, pad_with

MOST_TERMS = 2**20
"""Terms beyond which a sum is left closed: one factor, and no list."""
Value = Callable[[Expr], Array]


class Read(NamedTuple):
    """Cells of an operand (of a number, which has no axes, the number), multiplied or, `under`, divided by."""

    operand: Any
    at: At
    under: bool = False


class Summand(NamedTuple):
    """Products of the cells read, one each for `of`, the numbers of the rows that they belong to."""

    of: Array
    reads: tuple[Read, ...]
    weight: float = 1.0


Row = Callable[[Expr, At, Value], "list[Summand] | None"]
"""Of an expression's cells: what they are the sum of; None where that is too much to list."""


# --- where the cells of a result come from


def aligned(own: Shape, shape: Shape, at: At) -> At:
    """The cells of an operand of shape `own` that broadcasting puts at `at` of a result of shape `shape`."""
    lead = len(shape) - len(own)
    return tuple(np.zeros_like(at[lead + a]) if n == 1 else at[lead + a] for a, n in enumerate(own))


def flat_index(shape: Shape, at: At) -> Array:
    """Cells by their number in a tensor of this shape, in C order."""
    return np.ravel_multi_index(at, shape) if at else np.zeros(1, np.int64)


def unflat(shape: Shape, flat: Array) -> At:
    """Cells by their indices, from their numbers."""
    return tuple(np.asarray(i) for i in np.unravel_index(flat, shape)) if shape else ()


def rows_of(at: At) -> Array:
    """The numbers of the cells asked about."""
    return np.arange(len(at[0]) if at else 1)


def _spread(operand: Any, e: Expr, at: At, under: bool = False) -> Read:
    """An operand's cells as broadcasting gives them to a result."""
    return Read(operand, aligned(operand.shape, e.shape, at) if isinstance(operand, Expr) else (), under)


def _moved(source: Callable[[Expr, At], At]) -> Row:
    """Each cell comes from one of the operand's."""
    return lambda e, at, value: [Summand(rows_of(at), (Read(e.args[0], source(e, at)),))]


def _permuted(e: Expr, at: At) -> At:
    places = {a % len(at): i for i, a in enumerate(e.attrs["axes"])}
    return tuple(at[places[a]] for a in range(len(at)))


def _reshaped(e: Expr, at: At) -> At:
    """reshape, and the dropping and adding of axes of size 1: the cells keep their order."""
    return unflat(e.args[0].shape, flat_index(e.shape, at))


def unfilled(e: Expr) -> dict[str, Any]:
    """The attributes with 0 for what is put where nothing comes from."""
    return {**e.attrs, "fill": 0} if "fill" in e.attrs else dict(e.attrs)


def _looked_up(e: Expr, at: At, value: Value) -> list[Summand]:
    """Any other moving about, followed by moving numbers of cells the same way; 0 is what came from nowhere."""
    x = e.args[0]
    numbers = np.arange(1, prod(x.shape) + 1).reshape(x.shape)
    moved = PRIMS[e.applies].run(numbers, *map(value, e.args[1:]), **unfilled(e))
    source = np.asarray(moved)[at].reshape(-1)
    there = np.flatnonzero(source)
    return [Summand(there, (Read(x, unflat(x.shape, source[there] - 1)),))]


def _added_up(goes: Callable[[Expr, Array, Value], Array]) -> Row:
    """Several cells added into one: `goes` says for each cell of the operand, by number from 1, where it is put."""

    def row(e: Expr, at: At, value: Value) -> list[Summand]:
        x = e.args[0]
        to = np.asarray(goes(e, np.arange(1, prod(e.shape) + 1).reshape(e.shape), value))
        to = np.broadcast_to(to, x.shape).reshape(-1)
        order = np.argsort(to, kind="stable")
        asked = flat_index(e.shape, at) + 1
        first, last = (np.searchsorted(to[order], asked, side=s) for s in ("left", "right"))
        count = last - first
        of = np.repeat(np.arange(len(asked)), count)
        steps = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
        cells = order[np.repeat(first, count) + steps]
        return [Summand(of, (Read(x, unflat(x.shape, cells)),))]

    return row


def _fold_goes(e: Expr, numbers: Array, value: Value) -> Array:
    attrs = {k: v for k, v in e.attrs.items() if k != "shape"}
    return np.asarray(PRIMS["unfold" + e.applies.removeprefix("fold")].run(numbers, **attrs, fill=0))


def _scatter_goes(e: Expr, numbers: Array, value: Value) -> Array:
    return np.take(numbers, value(e.args[1]), axis=e.attrs["axis"])


def _along_goes(e: Expr, numbers: Array, value: Value) -> Array:
    axis, ids = e.attrs["axis"], value(e.args[1])
    shape = list(e.args[0].shape)
    shape[axis] = ids.shape[axis]
    return np.take_along_axis(numbers, np.broadcast_to(ids, shape), axis=axis)


def _at_goes(e: Expr, numbers: Array, value: Value) -> Array:
    return np.asarray(PRIMS["take_at"].run(numbers, *map(value, e.args[1:]), key=e.attrs["key"]))


def _joined(e: Expr, at: At, value: Value) -> list[Summand]:
    """concat and stack: each cell comes from one of the operands."""
    ends = np.cumsum([0, *(prod(a.shape) for a in e.args)])
    numbers = [np.arange(n, m).reshape(a.shape) for (n, m), a in zip(pairwise(ends), e.args, strict=True)]
    source = np.asarray(PRIMS[e.applies].run(*numbers, **e.attrs))[at].reshape(-1)
    made: list[Summand] = []
    for (n, m), operand in zip(pairwise(ends), e.args, strict=True):
        rows = np.flatnonzero((source >= n) & (source < m))
        if len(rows):
            made.append(Summand(rows, (Read(operand, unflat(operand.shape, source[rows] - n)),)))
    return made


# --- sums and products


def _plus(*weights: float) -> Row:
    def row(e: Expr, at: At, value: Value) -> list[Summand]:
        of = rows_of(at)
        return [Summand(of, (_spread(a, e, at),), by) for a, by in zip(e.args, weights, strict=True)]

    return row


def _times(*unders: bool) -> Row:
    def row(e: Expr, at: At, value: Value) -> list[Summand]:
        reads = (_spread(a, e, at, under) for a, under in zip(e.args, unders, strict=True))
        return [Summand(rows_of(at), tuple(reads))]

    return row


def _squared(e: Expr, at: At, value: Value) -> list[Summand] | None:
    x, power = e.args[0], e.args[1] if len(e.args) > 1 else 2
    if not isinstance(x, Expr) or isinstance(power, Expr) or power != 2:
        return None
    return [Summand(rows_of(at), (Read(x, at), Read(x, at)))]


def _product(e: Expr, at: At, value: Value) -> list[Summand] | None:
    """A cell of a matrix product: a row against a column."""
    a, b = e.args
    count, inner = len(at[0]), a.shape[-1]
    if count * inner > MOST_TERMS:
        return None
    of, k = np.repeat(np.arange(count), inner), np.tile(np.arange(inner), count)
    batch, row, column = tuple(i[of] for i in at[:-2]), at[-2][of], at[-1][of]
    left, right = (aligned(x.shape[:-2], e.shape[:-2], batch) for x in (a, b))
    return [Summand(of, (Read(a, (*left, row, k)), Read(b, (*right, k, column))))]


def _summed(e: Expr, at: At, value: Value) -> list[Summand] | None:
    """A sum over axes: every cell along them."""
    x, axes, kept = e.args[0], sorted(axes_of(e.attrs["axis"], e.args[0].shape)), e.attrs.get("keepdims", True)
    sizes = tuple(x.shape[a] for a in axes)
    count, many = len(rows_of(at)), prod(sizes)
    if count * many > MOST_TERMS:
        return None
    of = np.repeat(np.arange(count), many)
    inside = iter([np.tile(i, count) for i in unflat(sizes, np.arange(many))])
    outside = iter([i[of] for n, i in enumerate(at) if not kept or n not in axes])
    return [Summand(of, (Read(x, tuple(next(inside) if a in axes else next(outside) for a in range(x.ndim))),))]


def _running(e: Expr, at: At, value: Value) -> list[Summand] | None:
    """A running sum: every cell up to its own."""
    axis = e.attrs["axis"]
    many = at[axis] + 1
    if many.sum() > MOST_TERMS:
        return None
    of = np.repeat(rows_of(at), many)
    along = np.arange(len(of)) - np.repeat(np.cumsum(many) - many, many)
    return [Summand(of, (Read(e.args[0], tuple(along if a == axis else i[of] for a, i in enumerate(at))),))]


def _nested(e: Expr, at: At, value: Value) -> list[Summand] | None:
    """horner: every cell of the cotangent from its own on, times the product of the factors between the two."""
    (g, x), axis = e.args, e.attrs["axis"]
    many = x.shape[axis] - at[axis]
    if many.sum() > MOST_TERMS or x.shape[axis] * prod(x.shape) > MOST_TERMS:
        return None
    of = np.repeat(rows_of(at), many)
    first = at[axis][of]
    along = first + np.arange(len(of)) - np.repeat(np.cumsum(many) - many, many)
    there = tuple(along if a == axis else i[of] for a, i in enumerate(at))
    factors = e.trace.make("between", x, axis=axis)
    return [Summand(of, (Read(g, there), Read(factors, (*there[:axis], first, *there[axis:]))))]


def _chosen(e: Expr, at: At, value: Value) -> list[Summand]:
    """where, maximum, minimum: each cell comes from one of two."""
    *test, a, b = e.args

    def cells(x: Any) -> Array:
        found = value(x)[aligned(x.shape, e.shape, at)] if isinstance(x, Expr) else x
        return np.broadcast_to(np.asarray(found), len(rows_of(at)))

    if test:
        first = cells(test[0]).astype(bool)
    else:
        with np.errstate(invalid="ignore"):
            less = cells(a) < cells(b)
        first = ~less if e.applies == "maximum" else less
    made: list[Summand] = []
    for x, rows in ((a, np.flatnonzero(first)), (b, np.flatnonzero(~first))):
        if len(rows) and (isinstance(x, Expr) or x != 0):
            made.append(Summand(rows, (_spread(x, e, tuple(i[rows] for i in at)),)))
    return made


MOVES: dict[str, Row] = {
    "matrix_transpose": _moved(lambda e, at: (*at[:-2], at[-1], at[-2])), "permute_dims": _moved(_permuted),
    **dict.fromkeys(("reshape", "expand_dims", "squeeze"), _moved(_reshaped)), "broadcast_to": _times(False),
    **dict.fromkeys((
        "index", "flip", "roll", "diagonal", "place", "on_diagonal", "pad0", "take", "take_along_axis",
        "take_at", "unfold", "unfold_to", "pad_reflect", "pad_replicate", "pad_circular",
    ), _looked_up),
}  # fmt: skip
"""Operations that only move cells about."""

UNPADS = tuple(f"unpad_{mode}" for mode in MODES)


def _padded_goes(e: Expr, numbers: Array, value: Value) -> Array:
    return pad_with(e.applies.removeprefix("unpad_"), numbers, e.attrs["widths"])


GOES: dict[str, Callable[[Expr, Array, Value], Array]] = {
    **dict.fromkeys(("fold", "fold_to"), _fold_goes),
    "scatter_add": _scatter_goes, "scatter_along_axis": _along_goes, "add_at": _at_goes,
    **dict.fromkeys(UNPADS, _padded_goes),
}  # fmt: skip
"""Where each cell of an operand is added, from the numbers of the result's cells."""

SETTLED: dict[str, Row] = {
    **MOVES, **{name: _added_up(goes) for name, goes in GOES.items()}, "concat": _joined, "stack": _joined,
}  # fmt: skip
"""Those, and the others whose operand's cells each go to one place, or to a few."""

ROWS: dict[str, Row] = {
    **SETTLED, "astype": _times(False), "add": _plus(1.0, 1.0), "subtract": _plus(1.0, -1.0), "negative": _plus(-1.0),
    "cast": _times(False),
    "multiply": _times(False, False), "divide": _times(False, True), "matmul": _product, "sum": _summed,
    "cumsum": _running, "horner": _nested,
    "where": _chosen, "maximum": _chosen, "minimum": _chosen, "square": _squared, "pow": _squared,
}  # fmt: skip
NOTHING = (
    "one_hot", "tri", "arange", "full", "argsort", "argmax", "argmin", "argcummax", "first_of", "last_of",
    "ones", "sources", "shares", "cubic",
)  # fmt: skip
"""Operations whose cells are made of no operand's: numbers that only say where something goes, or are written."""
