"""At a matmul: the eight products that could be meant by an operand's gradient, and the one with an inverse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, product
from typing import NamedTuple

import numpy as np

from bpdebug.arrays import Array, Shape
from bpdebug.graph import Graph
from bpdebug.translation import _

EIGHT = 8
"""Of the products of one of two sides with one of the other two, in both orders."""
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
    def exists(self) -> bool:
        return bool(self.left.arrays and self.right.arrays)

    @property
    def shape(self) -> Shape | None:
        """The product's shape; None where the inner sizes differ."""
        if not self.exists or self.left.arrays[0].shape[-1] != self.right.arrays[0].shape[-2]:
            return None
        (*batch, rows, _), (*other, _, columns) = self.left.arrays[0].shape, self.right.arrays[0].shape
        return (*np.broadcast_shapes(tuple(batch), tuple(other)), rows, columns)


def sides(
    graph: Graph, k: int, position: int, operands: Sequence[Array], cotangents: Sequence[Array]
) -> tuple[Side, Side]:
    """What the gradient of node k's operand is a product of: the other operand, the cotangent, in their shapes."""
    names, name = graph.leaf_names(k)
    return Side(names[1 - position], tuple(operands)), Side(f"∂{name}", tuple(cotangents), cotangent=True)


def products(operand: Side, cotangent: Side, position: int) -> Iterator[Pair]:
    """The other operand or its transpose with the cotangent or its transpose, in both orders."""
    ours, theirs = ((side, side.transpose()) for side in (operand, cotangent))
    for a, b in chain(product(ours, theirs), product(theirs, ours)):
        yield Pair(a, b, _known_as(a, b, position))


def inverses(operand: Side, cotangent: Side, position: int) -> Iterator[Pair]:
    """The right product with the inverse where the transpose stands; of operands that are not square there is none."""
    if not is_inverted(operand.arrays[0].shape):
        return
    try:
        arrays = tuple(map(np.linalg.inv, operand.arrays))
    except np.linalg.LinAlgError:
        arrays = ()
    inverse = Side(f"{operand.text}⁻¹", arrays)
    yield Pair(*((cotangent, inverse) if position == 0 else (inverse, cotangent)), _("used the inverse"))


def is_inverted(shape: Shape) -> bool:
    """Whether a matrix is square, and not too large to look for its inverse."""
    return shape[-2] == shape[-1] and 0 < shape[-1] <= MOST_ROWS


def _known_as(a: Side, b: Side, position: int) -> str:
    operand, cotangent = (b, a) if a.cotangent else (a, b)
    in_order = a.cotangent == (position == 0)
    if in_order and not cotangent.transposed:
        return "" if operand.transposed else _("forgot the transpose")
    if not in_order and cotangent.transposed and not operand.transposed:
        return _("the right numbers, transposed")
    return _("the factors are swapped") if not in_order and operand.transposed and not cotangent.transposed else ""
