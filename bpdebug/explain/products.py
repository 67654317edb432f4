"""At a matmul: the eight products that could be meant by an operand's gradient, and the one with an inverse."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, product
from typing import NamedTuple

import numpy as np

from bpdebug.arrays import Array

MOST_ROWS = 512
"""Matrices with more rows are not inverted."""


class Side(NamedTuple):
    """The other operand or the cotangent, as it is or transposed: its name, and arrays of numbers for it."""

    text: str
    arrays: tuple[Array, ...]
    cotangent: bool = False
    transposed: bool = False

    def transpose(self) -> Side:
        """Transposed over the last two axes."""
        arrays = tuple(np.swapaxes(a, -1, -2) for a in self.arrays)
        return self._replace(text=f"{self.text}ᵀ", arrays=arrays, transposed=True)


class Pair(NamedTuple):
    """Two sides in order, and the mistake that their product is known as; an inverse without arrays does not exist."""

    left: Side
    right: Side
    known_as: str

    @property
    def text(self) -> str:
        return f"{self.left.text} @ {self.right.text}"

    @property
    def meets(self) -> bool:
        """Whether the inner sizes are the same."""
        return bool(self.left.arrays and self.right.arrays) and (
            self.left.arrays[0].shape[-1] == self.right.arrays[0].shape[-2]
        )


def products(operand: Side, cotangent: Side, position: int) -> Iterator[Pair]:
    """The other operand or its transpose with the cotangent or its transpose, in both orders."""
    ours, theirs = ((side, side.transpose()) for side in (operand, cotangent))
    for a, b in chain(product(ours, theirs), product(theirs, ours)):
        yield Pair(a, b, _known_as(a, b, position))


def with_inverse(operand: Side, cotangent: Side, position: int) -> Pair | None:
    """The right product with the inverse where the transpose stands; None for operands that are not square."""
    rows, columns = operand.arrays[0].shape[-2:]
    if rows != columns or not 0 < rows <= MOST_ROWS:
        return None
    try:
        arrays = tuple(map(np.linalg.inv, operand.arrays))
    except np.linalg.LinAlgError:
        arrays = ()
    inverse = Side(f"{operand.text}⁻¹", arrays)
    return Pair(*((cotangent, inverse) if position == 0 else (inverse, cotangent)), "used the inverse")


def _known_as(a: Side, b: Side, position: int) -> str:
    operand, cotangent = (b, a) if a.cotangent else (a, b)
    in_order = a.cotangent == (position == 0)
    if in_order and not cotangent.transposed:
        return "" if operand.transposed else "forgot the transpose"
    if not in_order and cotangent.transposed and not operand.transposed:
        return "the right numbers, transposed"
    return "the factors are swapped" if not in_order and operand.transposed and not cotangent.transposed else ""
