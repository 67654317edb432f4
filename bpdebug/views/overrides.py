"""What a fork overrides, marked where it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from msgspec.structs import replace

from bpdebug.arrays import encode_key
from bpdebug.debugger import State
from bpdebug.engine.edits import overridden
from bpdebug.symbolic.text import key_text
from bpdebug.translation import _, listed, phrases
from bpdebug.views.blocks import Block, Matrix, Row, Section

Seen = TypeVar("Seen", bound=Block | Section)


def marked(state: State, blocks: Iterable[Seen]) -> Iterator[Seen]:
    """The blocks, with a note below each matrix that holds cells which were set for this timeline."""
    return (_marked(state, block) for block in blocks) if state.timeline.edits else iter(blocks)


def _marked(state: State, block: Any) -> Any:
    if isinstance(block, Section):
        return Section(tuple(_marked(state, b) for b in block.blocks))
    if isinstance(block, Row):
        return Row(tuple(_noted(state, i) if isinstance(i, Matrix) else i for i in block.items))
    return block


def _noted(state: State, matrix: Matrix) -> Matrix:
    of = matrix.subject
    if of is None or isinstance(of.tensor, str) or of.transposed:
        return matrix
    iteration = state.timeline.schedule.iteration_at(state.cursor)
    found = overridden(state.timeline.edits, of.tensor, of.gradient, iteration)
    if not found:
        return matrix
    cells = listed(f"[{key_text(encode_key(o.key))}]" if o.key else _("all") for o in found)
    words = _("set here: {cells}").format(cells=cells)
    return replace(matrix, note=phrases([matrix.note, words]) if matrix.note else words)
