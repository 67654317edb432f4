"""Which cells of a matrix stand out."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
from msgspec import Struct
from rich.segment import Segment
from rich.style import Style

from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.slices import Along, Sheet


class Highlight(Struct, frozen=True):
    """A row, a column, or where they meet; or `cells` one by one.

    Of rows that are several axes, those at an index along some: `runs` has how many rows lie between two indices along
    such an axis, how long it is, and the index.
    """

    row: int | None = None
    column: int | None = None
    cells: frozenset[tuple[int, int]] = frozenset()
    runs: tuple[tuple[int, int, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.cells or self.runs) or self.row is not None or self.column is not None

    def has(self, row: int, column: int) -> bool:
        if self.cells:
            return (row, column) in self.cells
        if self.row not in (None, row) or self.column not in (None, column):
            return False
        return bool(self) and all(row // step % size == at for step, size, at in self.runs)

    @property
    def single(self) -> tuple[int, int] | None:
        """The one cell that stands out; None where there are others, or none."""
        if len(self.cells) == 1:
            return next(iter(self.cells))
        return None if self.row is None or self.column is None else (self.row, self.column)

    @property
    def first(self) -> tuple[int | None, int | None]:
        """The row and the column of the first cell; None where all of them stand out."""
        row = sum(step * at for step, _, at in self.runs) if self.runs else self.row
        return min(self.cells, default=(row, self.column))


def mark_of(sheet: Sheet, at: Along) -> Highlight:
    """The mark of a place along each axis (None: of all along it), in the slice in which it lies."""
    lead, column = [at[axis] for axis in sheet.down], 0 if sheet.across is None else at[sheet.across]
    fixed = [n for n, i in enumerate(lead) if i is not None]
    if not fixed and column is None:
        return Highlight(runs=((1, 1, 0),))  # every row
    if not fixed:
        return Highlight(None if lead else 0, column)
    if len(fixed) == len(lead):
        return Highlight(int(np.ravel_multi_index([i or 0 for i in lead], sheet.sizes)), column)
    sizes = sheet.sizes
    return Highlight(column=column, runs=tuple((prod(sizes[n + 1 :]), sizes[n], lead[n] or 0) for n in fixed))


def between(gap: str, closes: bool, opens: bool, before: Style, after: Style) -> Iterator[Segment]:
    """The blanks between two cells, with the bracket that closes the one and the bracket that opens the other."""
    if closes:
        yield Segment("]", before + palette.MARKED)
    yield Segment(gap[closes : len(gap) - opens], palette.PLAIN)
    if opens:
        yield Segment("[", after + palette.MARKED)
