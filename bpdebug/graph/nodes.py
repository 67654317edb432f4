"""What a graph is made of: leaves, numbers folded into ops, and nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct

from bpdebug.arrays import Array, DType, Shape, read_only
from bpdebug.ops import Op

INPUT, PARAMETER, DRAWN, STATE, NODE = "input", "parameter", "drawn", "state", "node"


class Leaf(Struct, frozen=True, eq=False, dict=True):
    """A tensor that no node computes; `read` gives its array when first needed (integers: at building as well)."""

    name: str
    kind: str
    shape: Shape
    dtype: DType
    read: Callable[[], Array]

    @cached_property
    def array(self) -> Array:
        """What was read, once for all timelines of a graph; read-only."""
        return read_only(self.read())


class Lit(Struct, frozen=True):
    """A number written in the program and folded into an op: no tensor, no gradient."""

    value: bool | int | float


Operand = int | Lit


class Node(Struct, frozen=True, eq=False, gc=False):
    """One application of an op. `inputs` are tensor numbers or literals; `line` counts in the file, from 1."""

    id: str
    op: Op
    inputs: tuple[Operand, ...]
    attrs: Mapping[str, Any]
    block: str
    line: int

    @property
    def tensors(self) -> tuple[int, ...]:
        """The tensor operands' numbers, literals left out."""
        return tuple(i for i in self.inputs if isinstance(i, int))
