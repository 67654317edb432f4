"""What is seen of an array: the part of it that comes over from where it lies, and what its format depends on."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.arrays import Array, Shape
from bpdebug.far import Far
from bpdebug.views.numbers import Extent, extent


def known(array: Array) -> Extent:
    """What the format of an array of any shape depends on; that of a transpose on what it is the transpose of."""
    base: Any = array.base
    whole = isinstance(base, np.ndarray) and (base.size, base.dtype) == (array.size, array.dtype)
    return extent(base if whole and not base.flags.writeable else array)  # of what may change nothing is kept


def block(array: Array, sizes: Shape, rows: Array, columns: slice) -> Array:
    """Some rows and columns of an array as a matrix; its leading axes, of these sizes, are rows."""
    key: tuple[Any, ...] = (*np.unravel_index(rows, sizes), columns) if sizes else (slice(None), columns)
    found: Array = (array if sizes else array.reshape(1, -1))[key]
    return found


class Window:
    """Rows and columns of an array that lies elsewhere, all of which come over when the first one is asked for."""

    def __init__(self) -> None:
        self._array: Array | None = None
        self._seen: Any = None
        self._cells = np.zeros((0, 0))

    def row(self, array: Array, sizes: Shape, row: int, rows: range, columns: slice) -> list[Any]:
        """The numbers that are seen of a row; leading axes have these `sizes`, and all `rows` are seen."""
        if not isinstance(array, Far):
            line: Any = array[np.unravel_index(row, sizes)] if sizes else array.reshape(-1)
            found: list[Any] = line[columns].tolist()
            return found
        if self._array is not array or self._seen != (rows, columns):
            self._array, self._seen = array, (rows, columns)
            self._cells = np.asarray(block(array, sizes, np.array(rows), columns))
        found = self._cells[row - rows.start].tolist()
        return found
