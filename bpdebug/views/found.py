"""A cell that was looked for: on the event where that shows its tensor, or else on its tensor alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, Cell, cell_text
from bpdebug.debugger import State
from bpdebug.graph import Subject
from bpdebug.translation import _
from bpdebug.views.blocks import Matrix, Row, flat
from bpdebug.views.numbers import number
from bpdebug.views.report import Report
from bpdebug.views.tensors import subject_of


class FoundCell(Struct, frozen=True, eq=False):
    """A `state` and its `report`, in which a matrix of the `subject` has this `value` at the `cell`; what is `said`."""

    state: State
    report: Report
    subject: Subject
    cell: Cell
    value: Any
    said: str

    def among(self, matrix: Matrix) -> bool:
        """Whether it is in a matrix of any shape."""
        array = matrix.array
        if array is None or matrix.subject != self.subject or array.ndim != len(self.cell):
            return False
        return np.array_equal(array[self.cell], self.value, equal_nan=array.dtype.kind == "f")


def found_cell(state: State, event: Report) -> FoundCell | None:
    """The cell that the last command found, if one did; `event` is the report of the event."""
    args: tuple[Any, ...] = state.view.args if state.view.name == "cells" else ()
    if not args or args[3] is None:
        return None
    text, value, span, cell = args
    array, subject = value.array, subject_of(text, state.timeline.graph) or Subject(text)
    said = f"{cell_text(text, cell)} = {number(array[cell])}"
    if not span.single:
        nth, count = _place(span.mask(array), cell)
        words = _("{cell}: {nth:,} of {count:,} in {range}")
        said = words.format(cell=said, nth=nth, count=count, range=span.text)
    found = FoundCell(state.show("event"), event, subject, cell, array[cell], said)
    rows = (block for block in flat(event.blocks) if isinstance(block, Row))
    if any(found.among(item) for row in rows for item in row.items if isinstance(item, Matrix)):
        return found
    alone = Row((Matrix(text, array, array.shape, subject=subject),))
    return FoundCell(state, Report("cells", text, (alone,)), subject, cell, array[cell], said)


def _place(mask: Array, cell: Cell) -> tuple[int, int]:
    """How many of a mask's cells there are, of any shape: up to this one, and in all."""
    flat = mask.reshape(-1)
    last = int(np.ravel_multi_index(cell, mask.shape)) if cell else 0
    return int(np.count_nonzero(flat[: last + 1])), int(np.count_nonzero(flat))
