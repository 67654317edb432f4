"""Expressions put to a position of a timeline: `evaluate` gives a Value, `truth` what a condition makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, Shape, read_only
from bpdebug.engine import Event, Timeline
from bpdebug.expression import operations
from bpdebug.expression.compiled import PARTIAL, VALUE, Frame, Missing, Program, Setting
from bpdebug.expression.kinds import TENSOR, TEXT, TUPLE, Kind, as_array, constant
from bpdebug.expression.names import names_in
from bpdebug.expression.parse import Expression
from bpdebug.expression.program import compile_tree
from bpdebug.far import equal
from bpdebug.language.tokens import counted

_PROGRAMS = 64
"""Programs an expression remembers: one for each graph, and for each shape that `grad` and `out` have had."""


class Scope(Struct, frozen=True, eq=False):
    """Where an expression is evaluated: a position 0..N of a timeline; `event` inside conditions only."""

    timeline: Timeline
    position: int
    event: Event | None = None


class Value(Struct, frozen=True, eq=False):
    """What an expression is at a position.

    `status` is 'value', 'partial', 'not-computed' or 'no-path'; `array` is None without a value. Shape and dtype are
    known all the same. `.shape` and texts are no tensors: they are in `plain`, with shape and dtype None.
    """

    status: str
    array: Array | None
    shape: Shape | None
    dtype: str | None
    plain: tuple[Any, ...] | str | None = None

    @property
    def text(self) -> str:
        """How a tuple or a text reads; '' for tensors."""
        return "" if self.plain is None else str(self.plain)

    def same(self, other: Value) -> bool:
        """Whether a watch sees no difference: NaN equals NaN here."""
        if (self.status, self.shape, self.dtype, self.plain) != (other.status, other.shape, other.dtype, other.plain):
            return False
        if self.array is None or other.array is None or self.array is other.array:
            return self.array is other.array
        return equal(self.array, other.array)


@counted
def evaluate(expression: Expression, scope: Scope) -> Value:
    """The value of an expression at the scope's position; E_EXPR where names, shapes or numbers do not allow it."""
    program = _program(expression, scope)
    frame = Frame(scope.timeline, scope.position, scope.event)
    try:
        with np.errstate(all="ignore"):
            found = program.run(frame)
    except Missing as missing:
        kind = program.kind
        tensor = kind.kind not in (TUPLE, TEXT)
        return Value(missing.status, None, kind.shape if tensor else None, str(kind.dtype) if tensor else None)
    status = PARTIAL if frame.partial else VALUE
    if program.kind.kind in (TUPLE, TEXT):
        return Value(status, None, None, None, found)
    array = read_only(as_array(found))
    return Value(status, array, array.shape, str(array.dtype))


def truth(value: Value) -> bool:
    """What a condition makes of a value: nothing without one is true; several cells are E_EXPR."""
    if value.plain is None and value.array is None:
        return False
    kind = Kind(TENSOR, value.shape or ()) if value.plain is None else constant(value.plain)
    operations.check_truth(kind, 1)
    return bool(value.array)


@counted
def holds(condition: Expression, scope: Scope) -> bool:
    """Whether a condition is true at the scope's event."""
    return truth(evaluate(condition, scope))


@counted
def check(expression: Expression, timeline: Timeline, *, condition: bool = False) -> None:
    """E_EXPR now for what would be wrong at any position; the shapes of `grad` and `out` show at an event only."""
    names_in(expression, timeline.graph, condition=condition)
    if expression.about_event and condition:
        return
    kind = compile_tree(expression, Setting(timeline.graph, timeline.store.budget.size, condition)).kind
    if condition:
        operations.check_truth(kind, expression.column(expression.root))


def _program(expression: Expression, scope: Scope) -> Program:
    graph, event = scope.timeline.graph, scope.event
    about = None
    if event is not None and expression.about_event:
        about = (graph.shapes[event.tensor], graph.dtypes[event.tensor])
    setting = Setting(graph, scope.timeline.store.budget.size, event is not None, about)
    found: Program | None = expression.programs.get(setting)
    if found is None:
        if len(expression.programs) >= _PROGRAMS:
            expression.programs.clear()
        found = expression.programs[setting] = compile_tree(expression, setting)
    return found


def hex_cells(array: Array) -> Any:
    """Every cell as exact text, in nested lists: floats in hexadecimal, `0x1.8p+1`."""
    if array.ndim:
        return [hex_cells(row) for row in array]
    cell = array.item()
    return cell.hex() if isinstance(cell, float) else str(cell) if isinstance(cell, bool) else hex(cell)
