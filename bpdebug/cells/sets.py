"""Which cells of its operands a set of cells of an expression is made from.

Sets are boolean arrays, so that whole tensors can be followed: by the table where each cell comes from a few, else
(sums, matrix products, what works cell by cell with broadcasting) without naming every pair.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bpdebug.arrays import Array, Shape
from bpdebug.cells.table import NOTHING, SETTLED, Value
from bpdebug.ops.axes import axes_of
from bpdebug.symbolic import Expr, stretched
from bpdebug.symbolic.arrays import argcummax, same

Fed = list[tuple[Expr, Array]]


def shrunk(cells: Array, shape: Shape) -> Array:
    """The cells (bool) of an operand of this shape that broadcasting puts at `cells`."""
    axes = stretched(cells.shape, shape)
    return np.asarray(cells.any(axis=axes)).reshape(shape) if axes else cells


def _each(e: Expr, cells: Array, value: Value) -> Fed:
    return [(a, shrunk(cells, a.shape)) for a in e.operands()]


def _settled(e: Expr, cells: Array, value: Value) -> Fed:
    found: Fed = []
    for summand in SETTLED[e.applies](e, np.nonzero(cells) if cells.ndim else (), value) or ():
        for operand, at, _ in summand.reads if len(summand.of) else ():
            mine = np.zeros(operand.shape, bool)
            mine[at] = True
            found.append((operand, mine))
    return found


def _along(e: Expr, cells: Array) -> Array:
    """The cells of the operand of a reduction, along its axes."""
    if not e.attrs.get("keepdims", True):
        cells = np.expand_dims(cells, axes_of(e.attrs["axis"], e.args[0].shape))
    return np.broadcast_to(cells, e.args[0].shape)


def _summed(e: Expr, cells: Array, value: Value) -> Fed:
    return [(e.args[0], _along(e, cells))]


def _before(e: Expr, cells: Array, value: Value) -> Fed:
    """A running sum or product: every cell up to the last one asked for."""
    axis = e.attrs["axis"]
    return [(e.args[0], np.flip(np.logical_or.accumulate(np.flip(cells, axis), axis=axis), axis))]


def _nested(e: Expr, cells: Array, value: Value) -> Fed:
    """horner: the cotangent's cells from the first one asked for, and the factors behind it."""
    axis, (g, x) = e.attrs["axis"], e.args
    mine = np.logical_or.accumulate(cells, axis=axis)
    behind = np.zeros_like(mine)
    np.moveaxis(behind, axis, 0)[1:] = np.moveaxis(mine, axis, 0)[:-1]
    return [(g, mine), (x, behind)]


def _between(e: Expr, cells: Array, value: Value) -> Fed:
    """The cells behind i, up to j."""
    pairs = np.moveaxis(cells, (e.attrs["axis"], e.attrs["axis"] + 1), (-2, -1))
    up_to = np.flip(np.logical_or.accumulate(np.flip(pairs, -1), axis=-1), -1)
    return [(e.args[0], np.moveaxis(np.asarray(np.triu(up_to, 1).any(axis=-2)), -1, e.attrs["axis"]))]


def _largest(e: Expr, cells: Array, value: Value) -> Fed:
    """Of a running maximum the cells that it is."""
    axis, x = e.attrs["axis"], e.args[0]
    mine = np.zeros(x.shape, bool)
    places = list(np.nonzero(cells))
    places[axis] = argcummax(value(x), axis)[cells]
    mine[tuple(places)] = True
    return [(x, mine)]


def _nothing(e: Expr, cells: Array, value: Value) -> Fed:
    """Numbers that only say where something goes, or comes from."""
    return []


def _extreme(e: Expr, cells: Array, value: Value) -> Fed:
    """Of a maximum over axes the cells that are it; NaN is the largest."""
    x, y = value(e.args[0]), _along(e, value(e))
    return [(e.args[0], _along(e, cells) & same(x, y))]


def _row(e: Expr, cells: Array, value: Value) -> Fed:
    return [(e.args[0], np.broadcast_to(cells.any(axis=e.attrs["axis"], keepdims=True), cells.shape))]


def _larger(e: Expr, cells: Array, value: Value) -> Fed:
    y = value(e)
    return [(a, shrunk(cells & same(value(a), y), a.shape)) for a in e.operands()]


def _chosen(e: Expr, cells: Array, value: Value) -> Fed:
    test = np.asarray(value(e.args[0]) if isinstance(e.args[0], Expr) else e.args[0], bool)
    both = zip(e.args[1:], (cells & test, cells & ~test), strict=True)
    return [(a, shrunk(c, a.shape)) for a, c in both if isinstance(a, Expr)]


def _product(e: Expr, cells: Array, value: Value) -> Fed:
    a, b = e.args
    rows, columns = cells.any(-1, keepdims=True), cells.any(-2, keepdims=True)
    lead, n = cells.shape[:-2], a.shape[-1]
    left = np.broadcast_to(rows, (*lead, rows.shape[-2], n))
    right = np.broadcast_to(columns, (*lead, n, columns.shape[-1]))
    return [(a, shrunk(left, a.shape)), (b, shrunk(right, b.shape))]


_FEEDS: dict[str, Callable[[Expr, Array, Value], Fed]] = {
    **dict.fromkeys(SETTLED, _settled), "sum": _summed, "max": _extreme, "min": _extreme, "softmax": _row,
    "log_softmax": _row, "maximum": _larger, "minimum": _larger, "where": _chosen, "matmul": _product,
    **dict.fromkeys(("prod", "norm"), _summed), "unit": _row, "cumsum": _before, "cumprod": _before, "before": _before,
    "others": _row, "cummax": _largest, "horner": _nested, "between": _between,
    **dict.fromkeys(NOTHING, _nothing),
}  # fmt: skip


def fed(e: Expr, cells: Array, value: Value) -> Fed:
    """The cells of each operand that these cells of an expression are made from; what only decides is left out."""
    return _FEEDS.get(e.applies, _each)(e, cells, value)
