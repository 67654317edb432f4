"""NaN, infinities and zeros followed through an expression, cell by cell, to the leaves or to where they were made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.cells.sets import Fed, fed, shrunk
from bpdebug.cells.table import MOVES, UNPADS, Value, unfilled
from bpdebug.symbolic import PRIMS, Expr, walk

MADE, CANCELS, UNREAD = "made", "cancels", "unread"
"""How cells were born: by an operation, by terms that add up to zero, or as the zeros that nothing is put into."""


class Born(Struct, frozen=True, eq=False):
    """Cells that have what none of the operands' cells they are made from has."""

    expr: Expr
    cells: Array
    how: str = MADE


class Traced(Struct, frozen=True, eq=False):
    """Where cells of an expression were followed to; of what was born the deepest stands last."""

    leaves: Fed = []
    born: list[Born] = []


Handed = tuple[Fed, list[Born]]
Hand = Callable[[Expr, Array, Value], Handed]
"""Of cells of an expression: the operands' cells that hand on what they have, and what was born there."""


def traced(root: Expr, cells: Array, value: Value, hand: Hand) -> Traced:
    """Cells of an expression followed to its leaves, and to where what they have was born."""
    found, at = Traced(), {id(root): cells}
    for e in reversed(walk(root)):
        mine = at.get(id(e))
        if mine is None or not mine.any():
            continue
        if e.prim is None:
            found.leaves.append((e, mine))
            continue
        handed, born = hand(e, mine, value)
        found.born.extend(b for b in born if b.cells.any())
        for a, c in handed:
            at[id(a)] = at[id(a)] | c if id(a) in at else c
    return found


def everything(e: Expr, cells: Array, value: Value) -> Handed:
    """Follows whatever the cells are made from."""
    return fed(e, cells, value), []


def having(test: Callable[[Array], Array]) -> Hand:
    """Follows numbers that pass a test (NaN, infinity): a cell has it from the operands' cells that pass, too."""

    def hand(e: Expr, cells: Array, value: Value) -> Handed:
        handed = [(a, c & test(value(a))) for a, c in fed(e, cells, value)]
        return handed, [] if any(c.any() for _, c in handed) else [Born(e, cells)]

    return hand


_KEEPING = (
    "negative", "astype", "cast", "abs", "sign", "square", "sqrt", "sin", "tan", "sinh", "tanh", "erf", "log1p",
    "expm1", "floor", "round", "maximum", "minimum",
)  # fmt: skip
"""Functions, cell by cell, that may give 0 because an operand is 0."""
_ADDING = (
    "add",
    "subtract",
    "sum",
    "fold",
    "fold_to",
    "scatter_add",
    "scatter_along_axis",
    "add_at",
    "cumsum",
    *UNPADS,
)
LOOKING_UP = ("scatter_add", "scatter_along_axis", "add_at")
"""Of which the operands behind the first only say where something goes."""
_PUTTING = ("place", "on_diagonal", "pad0", "unfold", "unfold_to")
"""Moves that leave cells into which nothing is put."""
SUMMING = ("matmul", "sum")
"""What has a cell that nothing comes into only where an axis is empty: a sum of no terms."""


def zeros(root: Expr, g: Expr | None) -> Hand:
    """Follows zeros: of a product to the factor that is zero, of a sum to its terms if all of them are zero.

    Where a factor without the cotangent `g` is zero, the cotangent is not asked: it may be anything.
    """
    holds: dict[int, bool] = {}
    for e in walk(root):
        holds[id(e)] = e is g or any(holds[id(a)] for a in e.operands())

    def hand(e: Expr, cells: Array, value: Value) -> Handed:
        name = e.applies
        order = [n for n, a in enumerate(e.args) if not (isinstance(a, Expr) and holds[id(a)])]
        if name == "multiply":
            return _one_of(e, cells, value, 1 if order == [1] else 0)
        if name == "matmul":
            return _product(e, cells, value, order)
        if name in _ADDING:
            return _terms(e, cells, value)
        if name in ("divide", "pow", "remainder") or name in _KEEPING:
            return _one_of(e, cells, value, 0, e.args[:1] if name in ("divide", "pow", "remainder") else e.args)
        if name == "where":
            test = np.asarray(value(e.args[0]) if isinstance(e.args[0], Expr) else e.args[0], bool)
            literal = [not isinstance(a, Expr) for a in e.args[1:]]
            return fed(e, cells, value), [Born(e, cells & np.where(test, *literal))]
        if name in MOVES or name in ("concat", "stack", "max", "min"):
            return fed(e, cells, value), [Born(e, cells & _nowhere(e), UNREAD)] if name in _PUTTING else []
        return [], [Born(e, cells)]

    return hand


def _one_of(e: Expr, cells: Array, value: Value, first: int, args: tuple[Any, ...] = ()) -> Handed:
    """To the first operand that is zero; what no operand is zero for was born here."""
    args = args or e.args
    handed: Fed = []
    for a in (*args[first:], *args[:first]):
        if isinstance(a, Expr):
            zero = cells & (value(a) == 0)
            handed.append((a, shrunk(zero, a.shape)))
            cells = cells & ~zero
    return handed, [Born(e, cells)]


def _product(e: Expr, cells: Array, value: Value, order: list[int]) -> Handed:
    """To the zeros of a row and a column; where both are zero, not to the cotangent's; a sum of no terms is unread."""
    a, b = e.args
    if not a.shape[-1]:
        return [], [Born(e, cells, UNREAD)]
    here, there = ((value(x) != 0).astype(np.float32) for x in (a, b))
    born = cells & (np.matmul(here, there) > 0)
    rest = cells & ~born
    (_, left), (_, right) = fed(e, rest, value)
    left, right = left & (here == 0), right & (there == 0)
    if order == [1]:
        left = shrunk(np.matmul(rest.astype(np.float32), there.mT) > 0, a.shape)
    elif order == [0]:
        right = shrunk(np.matmul(here.mT, rest.astype(np.float32)) > 0, b.shape)
    return [(a, left), (b, right)], [Born(e, born, CANCELS)]


def _terms(e: Expr, cells: Array, value: Value) -> Handed:
    """To the terms that are all zero; where one is not, they cancel; where there is none, nothing comes in."""
    run = PRIMS["add" if e.applies == "subtract" else e.applies].run
    count = 1 if e.applies in LOOKING_UP else len(e.args)
    arrays, others = [value(a) if isinstance(a, Expr) else np.asarray(a) for a in e.args[:count]], e.args[count:]
    ids = [value(a) for a in others]
    there = np.asarray(run(*((a != 0).astype(np.float64) for a in arrays), *ids, **e.attrs)) > 0
    some = np.asarray(run(*(np.ones(a.shape) for a in arrays), *ids, **e.attrs)) > 0
    born = [Born(e, cells & there, CANCELS), Born(e, cells & ~some, UNREAD)]
    return fed(e, cells & ~there & some, value), born


def _nowhere(e: Expr) -> Array:
    """The cells (bool) of a move into which nothing is put."""
    return np.asarray(PRIMS[e.applies].run(np.ones(e.args[0].shape, np.int8), **unfilled(e)) == 0)
