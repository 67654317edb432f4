"""What a fork overrides, marked where it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from bpdebug.debugger import State
from bpdebug.engine.edits import Override, overridden
from bpdebug.views.blocks import Block, Matrix, Row


def marked(state: State, blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, with a note below each matrix that holds cells which were set for this timeline."""
    for block in blocks:
        if state.timeline.edits and isinstance(block, Row):
            yield Row(tuple(_noted(state, i) if isinstance(i, Matrix) else i for i in block.items))
        else:
            yield block


def _noted(state: State, matrix: Matrix) -> Matrix:
    of = matrix.subject
    if of is None or isinstance(of.tensor, str) or of.transposed:
        return matrix
    iteration = state.timeline.schedule.iteration_at(state.cursor)
    found = overridden(state.timeline.edits, of.tensor, of.gradient, iteration)
    if not found:
        return matrix
    words = "set here: " + ", ".join(map(_cells, found))
    return replace(matrix, note=f"{matrix.note}, {words}" if matrix.note else words)


def _cells(override: Override) -> str:
    """The cells of an override as they were typed: '[0, 1]', or 'all'."""
    if not override.key:
        return "all"
    return "[" + ", ".join(_place(k) for k in override.key) + "]"


def _place(item: object) -> str:
    if not isinstance(item, slice):
        return "..." if item is Ellipsis else str(item)
    ends = ("" if e is None else str(e) for e in (item.start, item.stop))
    return ":".join(ends) + (f":{item.step}" if item.step is not None else "")
