"""What a cell of a matrix product is the sum of, in numbers: a row against a column."""

from __future__ import annotations

from collections.abc import Callable

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
        across, down = left[_along(left, lead)][row], right[_along(right, lead)][:, column]
        count, most = len(across), room // LEAST_TERM + 1
        factors = zip(across[:most].tolist(), down[:most].tolist(), strict=True)
        terms = [f"{as_factor(a)}·{as_factor(b)}" for a, b in factors]
        head, tail = f"{cell_text(name, cell)} = ", f" = {number(value)}"
        for shown in range(len(terms), 0, -1):
            left_out = [_(MORE).format(count=count - shown)] * (shown < count)
            text = f"{head}{' + '.join([*terms[:shown], *left_out])}{tail}"
            if len(text) <= room:
                return text
        return self.line("", cell, value, room) if name and count else f"{head.rstrip(' =')}{tail}"


def _along(array: Array, lead: list[int]) -> tuple[int, ...]:
    """The place in the leading axes of an operand that may have been broadcast along them."""
    sizes = array.shape[:-2]
    return tuple(0 if n == 1 else i for n, i in zip(sizes, lead[len(lead) - len(sizes) :], strict=True))
