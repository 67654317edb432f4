"""Which cells of its operands the cells of an expression are made from.

Sets of cells are boolean arrays. A row for every operation that moves cells about or mixes them; the others work cell
by cell, with broadcasting.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import prod

import numpy as np

from bpdebug.arrays import Array
from bpdebug.symbolic import PRIMS, Expr

Value = Callable[[Expr], Array]
Fed = list[tuple[Expr, Array]]


def shrunk(cells: Array, shape: tuple[int, ...]) -> Array:
    """The cells of an operand of this shape that broadcasting puts at `cells`."""
    lead = cells.ndim - len(shape)
    axes = (*range(lead), *(lead + a for a, n in enumerate(shape) if n == 1 and cells.shape[lead + a] != 1))
    return np.asarray(cells.any(axis=axes, keepdims=True)).reshape(shape) if axes else cells


def _each(e: Expr, cells: Array, value: Value) -> Fed:
    return [(a, shrunk(cells, a.shape)) for a in e.operands()]


def _moved(e: Expr, cells: Array, value: Value) -> Fed:
    """Cells moved about, followed by moving numbers the same way; 0 is what came from nowhere."""
    x, others = e.args[0], [value(a) for a in e.args[1:]]
    attrs = {**e.attrs, "fill": 0} if "fill" in e.attrs else e.attrs
    found = np.zeros(prod(x.shape) + 1, bool)
    assert e.prim is not None
    found[np.asarray(e.prim.run(np.arange(1, found.size).reshape(x.shape), *others, **attrs))[cells]] = True
    return [(x, found[1:].reshape(x.shape))]


def _joined(e: Expr, cells: Array, value: Value) -> Fed:
    ends = np.cumsum([0, *(prod(a.shape) for a in e.args)])
    numbers = [np.arange(n, m).reshape(a.shape) for (n, m), a in zip(pairwise(ends), e.args, strict=True)]
    found = np.zeros(ends[-1], bool)
    assert e.prim is not None
    found[np.asarray(e.prim.run(*numbers, **e.attrs))[cells]] = True
    return [(a, found[n:m].reshape(a.shape)) for (n, m), a in zip(pairwise(ends), e.args, strict=True)]


def _folded(e: Expr, cells: Array, value: Value) -> Fed:
    attrs = {k: v for k, v in e.attrs.items() if k != "shape"}
    return [(e.args[0], np.asarray(PRIMS["unfold"].run(cells, **attrs, fill=False)))]


def _scattered(e: Expr, cells: Array, value: Value) -> Fed:
    return [(e.args[0], np.take(cells, value(e.args[1]), axis=e.attrs["axis"]))]


def _scattered_along(e: Expr, cells: Array, value: Value) -> Fed:
    x, ids = e.args[0], value(e.args[1])
    shape = list(cells.shape)
    shape[e.attrs["axis"]] = ids.shape[e.attrs["axis"]]
    return [(x, shrunk(np.take_along_axis(cells, np.broadcast_to(ids, shape), axis=e.attrs["axis"]), x.shape))]


def _along(e: Expr, cells: Array) -> Array:
    """The cells of the operand of a reduction, along its axes."""
    x, axis = e.args[0], e.attrs["axis"]
    if not e.attrs.get("keepdims", True):
        axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        cells = np.expand_dims(cells, tuple(a % x.ndim for a in axes))
    return np.broadcast_to(cells, x.shape)


def _summed(e: Expr, cells: Array, value: Value) -> Fed:
    return [(e.args[0], _along(e, cells))]


def _extreme(e: Expr, cells: Array, value: Value) -> Fed:
    """Of a maximum over axes the cells that are it; NaN is the largest."""
    x, y = value(e.args[0]), _along(e, value(e))
    return [(e.args[0], _along(e, cells) & ((x == y) | (np.isnan(y) & np.isnan(x))))]


def _row(e: Expr, cells: Array, value: Value) -> Fed:
    return [(e.args[0], np.broadcast_to(cells.any(axis=e.attrs["axis"], keepdims=True), cells.shape))]


def _larger(e: Expr, cells: Array, value: Value) -> Fed:
    y = value(e)
    taken = [(a, cells & ((value(a) == y) | (np.isnan(y) & np.isnan(value(a))))) for a in e.operands()]
    return [(a, shrunk(c, a.shape)) for a, c in taken]


def _chosen(e: Expr, cells: Array, value: Value) -> Fed:
    test = np.asarray(value(e.args[0]) if isinstance(e.args[0], Expr) else e.args[0], bool)
    both = ((e.args[1], cells & test), (e.args[2], cells & ~test))
    return [(a, shrunk(c, a.shape)) for a, c in both if isinstance(a, Expr)]


def _product(e: Expr, cells: Array, value: Value) -> Fed:
    a, b = e.args
    rows, columns = cells.any(-1, keepdims=True), cells.any(-2, keepdims=True)
    lead, n = cells.shape[:-2], a.shape[-1]
    left = np.broadcast_to(rows, (*lead, rows.shape[-2], n))
    right = np.broadcast_to(columns, (*lead, n, columns.shape[-1]))
    return [(a, shrunk(left, a.shape)), (b, shrunk(right, b.shape))]


def _decided(e: Expr, cells: Array, value: Value) -> Fed:
    """Numbers that only say where a literal goes."""
    return []


MOVES = (
    "matrix_transpose", "permute_dims", "reshape", "expand_dims", "squeeze", "broadcast_to", "index", "place", "pad0",
    "take", "take_along_axis", "unfold",
)  # fmt: skip
_FEEDS: dict[str, Callable[[Expr, Array, Value], Fed]] = {
    **dict.fromkeys(MOVES, _moved), "concat": _joined, "stack": _joined, "fold": _folded, "scatter_add": _scattered,
    "scatter_along_axis": _scattered_along, "sum": _summed, "max": _extreme, "min": _extreme, "softmax": _row,
    "log_softmax": _row, "maximum": _larger, "minimum": _larger, "where": _chosen, "matmul": _product,
    "one_hot": _decided,
}  # fmt: skip


def fed(e: Expr, cells: Array, value: Value) -> Fed:
    """The cells of each operand that these cells of an expression are made from; what only decides is left out."""
    assert e.prim is not None
    return _FEEDS.get(e.prim.name, _each)(e, cells, value)
