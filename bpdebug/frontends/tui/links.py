"""Which cells belong together on the stage: along axes that matrices share in a row, and of one tensor everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpdebug.frontends.tui.marks import Highlight
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.symbolic.leaves import ALONE

Rows = Sequence[Sequence[MatrixBox]]
At = tuple[int | None, ...]
"""A place along each axis of a matrix; None: all of them."""


def partners(rows: Rows, box: MatrixBox, row: int, column: int) -> dict[MatrixBox, Highlight]:
    """The marks of all matrices when one cell of one of them is chosen."""
    found: dict[MatrixBox, At] = {box: box.index(row, column)}
    found.update(_along(rows, box, found[box]))
    for other in [other for line in rows for other in line if other not in found]:
        at = _same(other, found)
        if at is not None and other not in found:
            found[other] = at
            if None not in at:
                found = _along(rows, other, at) | found
    return {box: box.mark_at(at) for box, at in found.items()}


def _same(box: MatrixBox, found: Mapping[MatrixBox, At]) -> At | None:
    """The place in the same tensor elsewhere, or in its transpose with the axes swapped."""
    here, shape = box.matrix.subject, box.matrix.shape
    for other, at in found.items() if here is not None else ():
        there = other.matrix.subject
        if here == there and other.matrix.shape == shape:
            return at
        if here is not None and here.transpose == there and len(shape) > 1:
            return (*at[:-2], at[-1], at[-2])
    return None


def _along(rows: Rows, here: MatrixBox, at: At) -> dict[MatrixBox, At]:
    """What belongs to a place within its own row of matrices."""
    line, axes = next(line for line in rows if here in line), here.matrix.axes
    if axes is None:
        return {}
    known = {axis: place for axis, place in zip(axes, at, strict=True) if axis != ALONE}
    others = ((other, other.matrix.axes) for other in line if other is not here)
    return {
        other: tuple(0 if n == 1 else known.get(axis) for axis, n in zip(own, other.matrix.shape, strict=True))
        for other, own in others if own is not None
    }  # fmt: skip
