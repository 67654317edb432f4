"""Operands that JAX has computed: they become leaves of the graph where a step reads them, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import InputError
from bpdebug.graph import INPUT
from bpdebug.importers.jaxpr.names import called
from bpdebug.importers.jaxpr.values import Equation, Variable, array_of, computed, held
from bpdebug.importers.lowering import Draft, Lowering, Operand
from bpdebug.ops import OPS

_MOVES = {"broadcast_in_dim", "reshape", "squeeze", "expand_dims", "transpose", "convert_element_type", "copy"}
"""Primitives that leave numbers what they are."""


class Folded(Operand, frozen=True, eq=False, kw_only=True):
    """What no gradient passes through, known by its value."""

    value: Variable


class FoldedLeaves:
    """The leaves of a draft that are there so far: of arrays that the function was given, and of what is folded."""

    def __init__(self, program: Draft, names: dict[int, str], where: str) -> None:
        self.program, self.names, self.where = program, names, where
        self.made: dict[int, tuple[int, Operand, Variable]] = {}

    def leaf(self, value: Variable, block: str, kind: str = INPUT) -> Operand:
        """The leaf of a value; the one that is there where it was read before. E_DTYPE for what is no real number."""
        at, operand, _ = self.made.get(id(value), (0, None, None))
        leaves = self.program.leaves
        if operand is not None and at < len(leaves) and leaves[at].name == operand.name:  # else it was taken back
            return operand
        array = array_of(value)
        if array.dtype.kind not in "fiub":
            hint = "open the function with real numbers of float32 or float64"
            raise InputError(f"a tensor of {array.dtype}", code="E_DTYPE", where=self.where, hint=hint)
        given = self.names.get(id(value))
        operand = self.program.leaf(
            "" if given else block, given or self._title(value), array, kind, passing=value.passing,
            stored=str(value.dtype) if array.dtype == np.float32 and value.dtype != array.dtype else "",
        )  # fmt: skip
        self.made[id(value)] = len(leaves) - 1, operand, value
        return operand

    def _title(self, value: Variable) -> str:
        """What a folded tensor is called: by what made its numbers, before they were moved about."""
        while value.equation is not None and value.equation.name in _MOVES:
            value = value.equation.inputs[0]
        if value.equation is None:
            return self.names.get(id(value), "const")
        return called(value.equation.params, value.equation.name)[0]

    def operand(self, value: Variable) -> Any:
        """A value that is not passing as an operand: a number where it has no axes and no name."""
        if value.shape == () and id(value) not in self.names:
            return _number(computed(value))
        dtype = value.dtype or np.dtype(np.uint32)
        return Folded("", value.shape, held(dtype), partial(array_of, value), value=value)

    def origin(self, value: Variable) -> Variable | None:
        """The one array given to the function that a value was computed from; None where there are several, or none."""
        given = {id(v): v for v in _sources(value) if id(v) in self.names}
        return next(iter(given.values())) if len(given) == 1 else None

    def folded(self) -> int:
        """How many tensors JAX computed that are inputs now."""
        return sum(value.equation is not None for _, _, value in self.made.values())


class Folding(Lowering):
    """A call of a primitive while it becomes steps."""

    def __init__(self, known: FoldedLeaves, block: str, shape: Shape, dtype: DType, equation: Equation) -> None:
        super().__init__(known.program, block, shape, dtype, lambda n: array_of(equation.outputs[n]))
        self.leaves, self.equation = known, equation

    def emit(self, op: str, *operands: Any, name: str = "", **attrs: Any) -> Operand:
        """One step; what JAX computed of its operands is a leaf from now on, but a number where it holds one alone."""
        whole = (o for o in operands if isinstance(o, Operand) and not isinstance(o, Folded))
        if op in OPS and OPS[op].broadcasts == "elementwise" and any(o.shape == self.shape for o in whole):
            operands = tuple(self._spread(o) for o in operands)
        return super().emit(op, *map(self.read, operands), name=name, **attrs)

    def _spread(self, operand: Any) -> Any:
        """The number that a tensor is made of, which only was broadcast."""
        value = operand.value if isinstance(operand, Folded) and operand.dtype.kind == "f" else None
        while value is not None and value.equation is not None and value.equation.name in _MOVES:
            value = value.equation.inputs[0]
        return operand if value is None or value.shape or id(value) in self.leaves.names else _number(computed(value))

    def read(self, operand: Any) -> Any:
        """An operand that a step reads: of what JAX computed, the leaf."""
        return self.leaves.leaf(operand.value, self.block) if isinstance(operand, Folded) else operand

    def places(self, of: Operand, array: Array) -> Operand:
        """Integers worked out from an operand: the array that the function was given, where they are that (wrapped)."""
        given = self.leaves.origin(of.value) if isinstance(of, Folded) else None
        if given is not None and given.dtype is not None and given.dtype.kind in "iu":
            found = array_of(given)
            if np.array_equal(found.ravel(), array.ravel()):
                return self.reshape(self.leaves.leaf(given, ""), array.shape)
        return self.constant("ids", array)


def _sources(value: Variable) -> Iterator[Variable]:
    """The values without an equation that a value was computed from."""
    waiting, seen = [value], set[int]()
    while waiting:
        last = waiting.pop()
        if id(last) in seen:
            continue
        seen.add(id(last))
        if last.equation is None:
            yield last
        else:
            waiting += last.equation.inputs


def _number(array: Any) -> float | int | bool:
    """The number that an array without axes holds: the shortest that is the same in its precision."""
    found = np.asarray(array)
    if jnp.issubdtype(found.dtype, jnp.floating):
        return float(str(found.astype(held(found.dtype))))
    number: int | bool = found.item()
    return number
