"""What a cell of a matrix product is the sum of, in numbers: a row against a column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from bpdebug.arrays import Array, Cell, cell_text
from bpdebug.translation import N_, _
from bpdebug.views.numbers import as_factor, number

LEAST_TERM = 3
"""Characters that a term takes at least, with the sign before it: no more of them are looked at than have room."""

MORE = N_("… {count:,} more")
"""What stands for terms that have no room."""


class MatrixProduct(Struct, frozen=True, eq=False):
    """`left` @ `right`, each read when it is asked for: (..., n, k) and (..., k, m), leading axes broadcast."""

    left: Callable[[], Array]
    right: Callable[[], Array]

    def line(self, name: str, cell: Cell, value: float, room: int) -> str:
        """'∂X[0,1] = 1·0 + 3·(−1) = −3'; of more terms than `room` characters hold the first ones, and how many not."""
        *lead, row, column = cell
        left, right = self.left(), self.right()
        count, first = left.shape[-1], slice(room // LEAST_TERM + 1)
        here: tuple[Any, ...] = (*_along(left, lead), row, first)
        there: tuple[Any, ...] = (*_along(right, lead), first, column)
        across, down = left[here], right[there]
        terms = [f"{as_factor(a)}·{as_factor(b)}" for a, b in zip(across.tolist(), down.tolist(), strict=True)]
        tail = f" = {number(value)}"
        for head in (f"{cell_text(name, cell)} = ", f"{cell_text('', cell)} = "):
            for shown in range(len(terms), 0, -1):
                left_out = [_(MORE).format(count=count - shown)] * (shown < count)
                text = f"{head}{' + '.join([*terms[:shown], *left_out])}{tail}"
                if len(text) <= room:
                    return text
        return f"{cell_text(name if not count else '', cell)}{tail}"


def _along(array: Array, lead: list[int]) -> tuple[int, ...]:
    """The place in the leading axes of an operand that may have been broadcast along them."""
    sizes = array.shape[:-2]
    return tuple(0 if n == 1 else i for n, i in zip(sizes, lead[len(lead) - len(sizes) :], strict=True))
