"""Which cells belong together on the stage, as the report says it: what is lit when a cell is marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bpdebug.frontends.tui.marks import Highlight
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.views.report import Link

if TYPE_CHECKING:
    from bpdebug.cells.marks import CellSet

Rows = Sequence[Sequence[MatrixBox]]
MOST = 2**16
"""Cells of a matrix beyond which they are not lit one by one."""


def partners(rows: Rows, box: MatrixBox, row: int, column: int, links: Link | None) -> dict[MatrixBox, Highlight]:
    """The marks of all matrices when one cell of one of them is chosen."""
    from bpdebug.cells.marks import lit_in  # start-up: only where cells are marked

    of, shape = box.matrix.subject, box.matrix.shape
    marks = {} if of is None or links is None else next(links(of, [box.index(row, column)], shape))
    found = {box: Highlight(row, column)}
    for other in (other for line in rows for other in line if other.filled and other is not box):
        lit = lit_in(marks, other.matrix.subject, other.matrix.shape)
        if lit is not None and len(lit.cells):
            found[other] = highlight(other, lit)
    return found


def highlight(box: MatrixBox, lit: CellSet) -> Highlight:
    """Cells as a mark of the slice in which they lie: along axes, or one by one, and none where they are too many."""
    if (along := lit.along) is not None:
        return box.mark_at(along)
    at = np.unravel_index(lit.cells, lit.shape)
    if not (seen := box.sheet.among(at)).any():
        box.turn(box.sheet.facing([int(i[0]) for i in at]))
        seen = box.sheet.among(at)
    rows, columns = box.sheet.places([i[seen] for i in at])
    pairs = zip(rows.tolist(), columns.tolist(), strict=True) if len(rows) <= MOST else ()
    return Highlight(cells=frozenset(pairs))
