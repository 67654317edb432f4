"""The table of ONNX's ops, each with the rule that says it in steps, and what a rule is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from msgspec import Struct, structs

from bpdebug.arrays import Array, DType, Shape
from bpdebug.graph import INPUT
from bpdebug.importers.lowering import Draft, Lowering, NoRule, Operand, Rule, putting_into
from bpdebug.importers.onnx_graph.tensors import KnownTensor
from bpdebug.limits import Limits

Value: TypeAlias = Operand | KnownTensor
"""A tensor of the model: one of the graph, or one whose array is known and that is in the graph where a step needs it.
"""


class Pieces(Struct, frozen=True):
    """A sequence that a tensor was split into, of which single pieces are taken."""

    items: list[Operand]


RULES: dict[str, Rule] = {}
"""Op -> its rule, called with the `OnnxCall`, the inputs (None where one is left out) and ONNX's attributes by name."""
rule = putting_into(RULES)
"""Puts a rule into the table, for these ops of the domain ai.onnx."""


def shortest(number: Any) -> float:
    """A number; a float as it was written once: 0.01, where a file has the float32 that is nearest to it."""
    return float(str(number)) if isinstance(number, np.floating) else float(number)


class Home(Protocol):
    """What a node stands in: where its steps and leaves go, and what bounds them."""

    program: Draft
    limits: Limits

    def leaf(self, x: KnownTensor, block: str) -> Operand:
        """A known tensor as a leaf of the graph."""

    def room(self, shape: Shape, dtype: DType) -> None:
        """E_LIMIT where an array of this shape and dtype is too large to be worked out."""


class OnnxCall(Lowering):
    """A node while it becomes steps: known operands become leaves, or numbers that are written, where they are used.

    `version` is that of the op (the opset that changed it last), `outputs` says which outputs somebody asks for.
    """

    def __init__(self, home: Home, block: str, version: int, outputs: Sequence[bool]) -> None:
        super().__init__(home.program, block, (), np.dtype(np.float32), self._none)
        self.home, self.version, self.outputs = home, version, outputs

    def _none(self, part: int) -> Array:
        raise NoRule(f"output {part} that is computed")

    def emit(self, op: str, *operands: Any, name: str = "", **attrs: Any) -> Operand:
        """One step, as `Lowering.emit` has it; a float without axes that nobody trains is a number."""
        return super().emit(op, *map(self._operand, operands), name=name, **attrs)

    def _operand(self, x: Any) -> Any:
        if not isinstance(x, KnownTensor):
            return x
        if x.shape == () and not x.kind and x.dtype.kind == "f":
            return shortest(x.known)
        return self.home.leaf(x, self.block)

    def held(self, x: Value) -> Operand:
        """A tensor of the graph, also where a number would do."""
        return x if isinstance(x, Operand) else self.home.leaf(x, self.block)

    def fixed(self, x: Value) -> Value:
        """An operand that nobody trains, if it is known: statistics. Exporters make one tensor of equal ones."""
        return structs.replace(x, kind="", own=False) if isinstance(x, KnownTensor) and x.kind else x

    def array(self, x: Value, what: str) -> Array:
        """The array of an operand, of its shape and dtype; raises NoRule where it has to be computed."""
        found = x.known
        if found is None:
            raise NoRule(f"{what} that are computed")
        return found

    def ints(self, x: Value | None, what: str) -> list[int] | None:
        """The integers of an operand, in a list; None where it is left out."""
        return None if x is None else [int(v) for v in self.array(x, what).ravel()]

    def is_number(self, x: Value) -> bool:
        """Whether an operand is one number that the model holds, and no input."""
        return isinstance(x, KnownTensor) and x.kind != INPUT and x.shape.count(1) == len(x.shape)

    def number(self, x: Value | None, what: str) -> float | None:
        """The one number of an operand; None where it is left out, or empty. Raises NoRule where it has several."""
        found = None if x is None else self.array(x, what).ravel()
        if found is not None and found.size > 1:
            raise NoRule(f"{what} for each cell")
        return None if found is None or not found.size else shortest(found[0])
