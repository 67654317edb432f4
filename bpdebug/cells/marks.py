"""Which cells of which matrices a cell is made of: what is lit when it is looked at."""

from __future__ import annotations

import numpy as np

from bpdebug.arrays import Array, Cell, Shape
from bpdebug.cells.terms import At
from bpdebug.cells.trace import CellSource

Marks = dict[str, frozenset[tuple[int, int]]]
"""For each named matrix the cells that stand out, (row, column); leading axes count as rows, one below the other."""


def lit(name: str, cell: Cell, shape: Shape, source: CellSource | None) -> Marks:
    """The cells of each matrix that a cell is made of."""
    cells: dict[str, tuple[list[At], Shape]] = {}
    for t in source.terms if source else ():
        for f in t.factors:
            if len(f.values) and f.at:
                known = cells.setdefault(source.names.get(id(f.expr), "") if source else "", ([], f.expr.shape))
                known[0].append(f.at)
    found = {
        called: _mark(tuple(map(np.concatenate, zip(*at, strict=True))), full) for called, (at, full) in cells.items()
    }
    return {name: _mark(tuple(np.array([i]) for i in cell), shape), **found} if cell else found


def _mark(at: tuple[Array, ...], shape: Shape) -> frozenset[tuple[int, int]]:
    rows = np.ravel_multi_index(at[:-1], shape[:-1]) if len(at) > 1 else np.zeros(len(at[0]), int)
    return frozenset(zip(rows.tolist(), at[-1].tolist(), strict=True))
