"""Which cells belong together at a stop, as data that a page can ask: what `Report.links` says, cell by cell.

A page has no program behind it, so every cell is asked about once. What is found is written down as a pattern where
one holds for all cells (a row of W for each row of Y), and in full where none does (a look-up, a maximum).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from bpdebug.arrays import Cell, Shape
from bpdebug.cells.marks import CellSet, lit_in
from bpdebug.graph import Subject
from bpdebug.views.blocks import Matrix
from bpdebug.views.report import Link

MOST_LINKED = 400
"""Cells of a matrix beyond which what belongs to them is not written into a page."""
ALL = -1
"""In a pattern: the whole of an axis."""
Lit = CellSet | None
Known = dict[tuple[Subject, Shape], int]
"""Arrays by number, transposes under what they are the transpose of."""


def numbered(matrix: Matrix, known: Known) -> list[int]:
    """The number of what a matrix shows, and whether it shows the transpose (0 or 1); none where it is not linked."""
    of, shape = matrix.subject, matrix.shape
    if of is None or matrix.array is None or not 0 < matrix.array.size <= MOST_LINKED:
        return []
    if of.transposed:
        of, shape = of.transpose, (*shape[:-2], shape[-1], shape[-2])
    return [known.setdefault((of, shape), len(known)), int(len(shape) > 1 and matrix.subject != of)]


def table(known: Known, links: Link | None) -> list[Any]:
    """The shapes of the arrays, and for each two that have to do with each other: from, to, and which cells."""
    found = []
    for (of, shape), source in known.items():
        cells = list(product(*map(range, shape)))
        marks = [*links(of, cells, shape)] if links else []
        for (to, to_shape), target in known.items():
            lit = [lit_in(m, to, to_shape) for m in marks] if target != source else []
            if any(found_cells is not None and len(found_cells.cells) for found_cells in lit):
                found.append([source, target, *_written(cells, lit, to_shape)])
    return [[list(shape) for _of, shape in known], found]


def _written(cells: Sequence[Cell], lit: Sequence[Lit], shape: Shape) -> list[Any]:
    """A pattern, with the cells by number that it does not hold for because nothing belongs to them; or all cells."""
    numbers = [[] if marks is None else marks.cells.tolist() for marks in lit]
    there = [(cell, marks) for cell, marks in zip(cells, lit, strict=True) if marks is not None and len(marks.cells)]
    along = [(cell, marks.along) for cell, marks in there]
    pattern = [_axis([(c, a[axis]) for c, a in along if a], size) for axis, size in enumerate(shape)]
    if all(a is not None for _, a in along) and None not in pattern:
        holes = [n for n, found in enumerate(numbers) if not found]
        return [pattern, holes] if holes else [pattern]
    return [0, numbers]


def _axis(places: Sequence[tuple[Cell, int | None]], size: int) -> int | None:
    """Which axis of a cell says where along this one its marks lie, or ALL; None where neither holds throughout."""
    if size == 1 or all(place is None for _, place in places):
        return ALL
    axes = range(len(places[0][0]))
    return next((n for n in axes if all(place == cell[n] for cell, place in places)), None)
