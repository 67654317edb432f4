"""What is known of an operand before anything is computed: kind, shape, dtype, and the value of a constant."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug import far
from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import InputError

TENSOR, NUMBER, TUPLE, TEXT = "tensor", "number", "tuple", "text"
UNKNOWN: Any = object()
"""Stands for the value of an operand that is no constant."""


class Kind(Struct, frozen=True, eq=False):
    """A tensor (an array when it runs), a number (Python's, so that it does not widen float32), a tuple or a text.

    `held` counts the bytes that computing it keeps alive; tensors of the graph and views of them hold none.
    `absent`: it needs a gradient that no path leads to, so it will never have a value.
    """

    kind: str
    shape: Shape = ()
    dtype: DType | None = None
    value: Any = UNKNOWN
    held: int = 0
    absent: bool = False

    @property
    def constant(self) -> bool:
        return self.value is not UNKNOWN

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize if self.dtype else 0

    def sample(self) -> Any:
        """One cell of its dtype and number of axes, to ask NumPy what it makes of it; a number is itself, or 1."""
        if self.kind == TENSOR:
            return np.ones((1,) * len(self.shape), self.dtype)
        return self.value if self.constant else 1

    def __str__(self) -> str:
        return f"a tensor of shape {self.shape}" if self.kind == TENSOR else f"a {self.kind}"


def computed(shape: Shape, dtype: DType) -> Kind:
    """A tensor that is computed here, and so takes memory."""
    kind = Kind(TENSOR, shape, dtype)
    return replace(kind, held=kind.nbytes)


def constant(value: Any) -> Kind:
    """A number, tuple or text that is known."""
    kind = TUPLE if isinstance(value, tuple) else TEXT if isinstance(value, str) else NUMBER
    return Kind(kind, dtype=number_dtype(value) if kind == NUMBER else None, value=value)


def number(like: Any) -> Kind:
    """A number that is not known, of the dtype of one that is."""
    return Kind(NUMBER, dtype=number_dtype(like))


def number_dtype(value: Any) -> DType:
    """bool, int64 or float64."""
    return np.dtype({bool: np.bool_, int: np.int64}.get(type(value), np.float64))


def as_array(value: Any) -> Array:
    """A number as a 0-d array, an integer beyond 64 bits as a float; E_EXPR where that overflows."""
    if type(value) is int and not -(2**63) <= value < 2**63:
        try:
            value = float(value)
        except OverflowError:
            hint = "the largest is about 1.8e308"
            raise InputError("the number is too large", code="E_EXPR", hint=hint) from None
    found: Array = far.as_array(value)
    return found
