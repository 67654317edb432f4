"""Which cells of which matrices a cell is made of: what is lit when it is looked at."""

from __future__ import annotations

import numpy as np

from bpdebug.arrays import Array, Cell, Shape
from bpdebug.cells.terms import At
from bpdebug.cells.trace import CellSource
from bpdebug.graph import Subject

Marks = dict[Subject, frozenset[tuple[int, int]]]
"""For each matrix the cells that stand out, (row, column); leading axes count as rows, one below the other."""


def lit(of: Subject, cell: Cell, shape: Shape, source: CellSource | None) -> Marks:
    """The cells of each matrix that a cell is made of, and the cell itself."""
    cells: dict[Subject, tuple[list[At], Shape]] = {}
    if source is not None:
        for f in (f for t in source.terms for f in t.factors if len(f.values) and f.at):
            cells.setdefault(source.subjects[id(f.expr)], ([], f.expr.shape))[0].append(f.at)
    found = {s: _mark(tuple(map(np.concatenate, zip(*at, strict=True))), full) for s, (at, full) in cells.items()}
    return {of: _mark(tuple(np.array([i]) for i in cell), shape), **found} if cell else found


def _mark(at: tuple[Array, ...], shape: Shape) -> frozenset[tuple[int, int]]:
    rows = np.ravel_multi_index(at[:-1], shape[:-1]) if len(at) > 1 else np.zeros(len(at[0]), int)
    return frozenset(zip(rows.tolist(), at[-1].tolist(), strict=True))
