"""Which cells made this cell: its terms, as products of cells, and where it goes next."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Cell
from bpdebug.cells.trace import CellSource, CellTracer, Consumer
from bpdebug.engine import Timeline
from bpdebug.engine.edits import overridden
from bpdebug.expression import Target
from bpdebug.graph import Subject
from bpdebug.symbolic.notation import Notation, cell_of


class Origin(Struct, frozen=True, eq=False):
    """A cell: its value, the sources whose terms add up to it, whether it was set by hand, and where it goes."""

    of: Notation
    subject: Subject
    cell: Cell
    value: float
    sources: tuple[CellSource, ...]
    was_set: bool
    goes: tuple[Consumer, ...]

    @property
    def text(self) -> Notation:
        return cell_of(self.of, self.cell)

    @property
    def sum(self) -> float:
        with np.errstate(all="ignore"):
            return float(sum(s.sum for s in self.sources))


def origin(timeline: Timeline, goal: Target, iteration: int, *, way: bool = True) -> Origin:
    """The terms of one cell of a value or a gradient, in an iteration's whole pass; `way`: also where it goes.

    Raises nothing: a leaf has no terms, and neither has what no path leads to (its value is NaN then).
    """
    tensor, gradient, cell = goal.reference.tensor, goal.reference.gradient, goal.cell or ()
    tracer = CellTracer(timeline, iteration)
    array = tracer.run.gradient(tensor) if gradient else tracer.run.value(tensor)
    sources = tuple(tracer.of_gradient(tensor, cell) if gradient else tracer.of_value(tensor, cell))
    value = float("nan") if array is None else float(array[cell])
    goes = tuple(tracer.from_gradient(tensor, cell) if gradient else tracer.from_value(tensor, cell)) if way else ()
    changed = bool(overridden(timeline.edits, tensor, gradient, iteration))
    return Origin(goal.reference.written, Subject(tensor, gradient), cell, value, sources, changed, goes)
