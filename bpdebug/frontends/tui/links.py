"""Which cells belong together on the stage: the row and column a product's cell is made of, and transposes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpdebug.frontends.tui.matrix import Mark, MatrixView

CELLWISE = {",", "+", "-", "−", "*", "·", "⊙", "/", "=", "→", "+="}


def partners(rows: Sequence[Sequence[MatrixView]], view: MatrixView, row: int, column: int) -> dict[MatrixView, Mark]:
    """The marks of all matrices when one cell of one of them is chosen."""
    found = {view: Mark(row, column)}
    found.update(_along(rows, view, row, column))
    for other in [other for line in rows for other in line if other not in found]:
        mark = _by_name(other, found)
        if mark and other not in found:
            found[other] = mark
            if mark.row is not None and mark.column is not None:
                more = _along(rows, other, mark.row, mark.column)
                found = more | found
    return found


def _by_name(view: MatrixView, found: Mapping[MatrixView, Mark]) -> Mark:
    """The mark of the same tensor elsewhere, or of its transpose with the axes swapped."""
    name, shape = view.matrix.name, view.matrix.shape
    for other, mark in found.items():
        if (other.matrix.name, other.matrix.shape) == (name, shape):
            return mark
        if transposes(view, other):
            return mark.turned
    return Mark()


def transposes(a: MatrixView, b: MatrixView) -> bool:
    """Whether one is written as the other's transpose."""
    names = a.matrix.name, b.matrix.name
    written = names[0] == names[1] + "ᵀ" or names[1] == names[0] + "ᵀ"
    return written and len(a.matrix.shape) == 2 and a.matrix.shape == b.matrix.shape[::-1]


def _along(rows: Sequence[Sequence[MatrixView]], here: MatrixView, row: int, column: int) -> dict[MatrixView, Mark]:
    """What belongs to a cell within its own row of matrices."""
    line = next(line for line in rows if here in line)
    at = line.index(here)
    for i in range(len(line) - 2):
        left, right, product = line[i : i + 3]
        if right.lead == "@" and product.lead == "=" and at in (i, i + 1, i + 2):
            marks = {
                i: {right: Mark(row=column), product: Mark(row=row)},
                i + 1: {left: Mark(column=row), product: Mark(column=column)},
                i + 2: {left: Mark(row=row), right: Mark(column=column)},
            }
            # Stacks of matrices are flattened, so that rows of one are not rows of the other.
            return {m: mark for m, mark in marks[at - i].items() if len(m.matrix.shape) == 2 == len(here.matrix.shape)}
    return {
        other: Mark(row, column)
        for other in line
        if other is not here
        and other.matrix.shape == here.matrix.shape
        and not transposes(other, here)
        and (other.lead in CELLWISE or other is line[0])
    }
