"""Which cells a cell is made of, for every operation: by the table, and where it is no sum of products."""

from __future__ import annotations

import numpy as np

from bpdebug.cells.table import NOTHING, ROWS, Read, Row, Summand, Value, aligned, rows_of
from bpdebug.cells.terms import At
from bpdebug.symbolic import Expr
from bpdebug.symbolic.arrays import argcummax, same


def _extreme(e: Expr, at: At, value: Value) -> list[Summand]:
    """Of a maximum over axes the cells that are it; NaN is the largest."""
    made: list[Summand] = []
    for s in ROWS["sum"](e, at, value) or ():
        (read,) = s.reads
        there = np.flatnonzero(same(value(e.args[0])[read.at], value(e)[at].reshape(-1)[s.of]))
        made.append(Summand(s.of[there], (Read(read.operand, tuple(i[there] for i in read.at)),)))
    return made


def _each(e: Expr, at: At, value: Value) -> list[Summand]:
    """What works cell by cell."""
    return [Summand(rows_of(at), tuple(Read(a, aligned(a.shape, e.shape, at)) for a in e.operands()))]


def _power(e: Expr, at: At, value: Value) -> list[Summand]:
    return ROWS["square"](e, at, value) or _each(e, at, value)


def _largest(e: Expr, at: At, value: Value) -> list[Summand]:
    """Of a running maximum the cell that it is."""
    x, axis = e.args[0], e.attrs["axis"]
    there = (*at[:axis], argcummax(value(x), axis)[at], *at[axis + 1 :])
    return [Summand(rows_of(at), (Read(x, there),))]


def _between(e: Expr, at: At, value: Value) -> list[Summand]:
    """The cells behind i, up to j."""
    axis = e.attrs["axis"]
    first, many = at[axis] + 1, np.maximum(at[axis + 1] - at[axis], 0)
    of = np.repeat(rows_of(at), many)
    along = first[of] + np.arange(len(of)) - np.repeat(np.cumsum(many) - many, many)
    rest = [i[of] for n, i in enumerate(at) if n not in (axis, axis + 1)]
    return [Summand(of, (Read(e.args[0], (*rest[:axis], along, *rest[axis:])),))]


def nothing(e: Expr, at: At, value: Value) -> list[Summand]:
    """What only says where something goes, or how much of it, is made of no cells."""
    return []


READS: dict[str, Row] = {
    **ROWS, "pow": _power, **dict.fromkeys(("prod", "softmax", "log_softmax", "others", "norm", "unit"), ROWS["sum"]),
    **dict.fromkeys(("max", "min"), _extreme), **dict.fromkeys(("cumprod", "before"), ROWS["cumsum"]),
    "cummax": _largest, "between": _between,
    **dict.fromkeys(NOTHING, nothing),
}  # fmt: skip
"""Those of every operation that does not work cell by cell; what only says where something goes is made of none."""


def reads(e: Expr, at: At, value: Value) -> list[Summand]:
    """Which cells of its operands an expression's cells are made from; none where they are too many to list."""
    return READS.get(e.applies, _each)(e, at, value) or []
