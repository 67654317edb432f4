"""Cells that stand out in matrices: those that belong to one that somebody looks at."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, Shape
from bpdebug.graph import Subject


class CellSet(Struct, frozen=True, eq=False):
    """Cells of a tensor of a shape, by their numbers in C order (1-d, ascending, each once)."""

    cells: Array
    shape: Shape

    @property
    def places(self) -> tuple[Array, Array]:
        """Their rows and their columns; leading axes count as rows, one below the other."""
        rows, columns = np.divmod(self.cells, self.shape[-1] if self.shape else 1)
        return rows, columns

    @property
    def pairs(self) -> frozenset[tuple[int, int]]:
        """The same as pairs."""
        rows, columns = self.places
        return frozenset(zip(rows.tolist(), columns.tolist(), strict=True))

    @property
    def along(self) -> tuple[int | None, ...] | None:
        """Their place along each axis, where they are all at it (None: of all along it); None where they are not."""
        at = np.unravel_index(self.cells, self.shape) if self.shape and len(self.cells) else ()
        found = tuple(int(i[0]) if (i == i[0]).all() else None for i in at)
        full = prod(n for n, i in zip(self.shape, found, strict=False) if i is None)
        return found if len(self.cells) == full else None

    def transposed(self) -> CellSet:
        """The same cells of each matrix's transpose in a stack."""
        (*lead, rows, columns), size = self.shape, self.shape[-2] * self.shape[-1]
        stack, cell = np.divmod(self.cells, max(size, 1))
        row, column = np.divmod(cell, columns)
        return CellSet(np.sort(stack * size + column * rows + row), (*lead, columns, rows))


Marks = dict[Subject, CellSet]


def lit_in(marks: Mapping[Subject, CellSet], of: Subject | None, shape: Shape) -> CellSet | None:
    """The marks of a matrix: its own, or those of what it is the transpose of; None where it has none."""
    if of is None:
        return None
    found = marks.get(of)
    if found is None and len(shape) > 1 and of.transpose in marks:
        found = marks[of.transpose].transposed()
    return found if found is not None and found.shape == shape else None
