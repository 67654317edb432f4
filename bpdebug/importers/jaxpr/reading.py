"""From a JAX function to a scenario: what a gradient passes through becomes steps, the rest inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bpdebug.errors import InputError
from bpdebug.graph import INPUT, PARAMETER
from bpdebug.importers.calls import Calls
from bpdebug.importers.finish import no_rules, scenario_of
from bpdebug.importers.jaxpr import custom, elementwise, indexing, linear, reduce, shaping, windows
from bpdebug.importers.jaxpr.folding import FoldedLeaves, Folding
from bpdebug.importers.jaxpr.names import blocks
from bpdebug.importers.jaxpr.table import RULES
from bpdebug.importers.jaxpr.tracing import TracedFunction, traced
from bpdebug.importers.jaxpr.values import Equation, compute, held, is_float
from bpdebug.importers.lowering import NoRule, Operand, refuse
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario

FAMILIES = (elementwise, indexing, linear, reduce, shaping, windows)
"""The files whose rules are in the table once they are imported."""
_WORDS = {
    "while": "a loop whose length depends on values: JAX has no gradient of it either, lax.scan has",
    "cond": "a branch that depends on what a gradient passes through: write it with jnp.where",
}
"""What is said of primitives that no rule can cover."""


class FunctionReader:
    """A traced function while it is read: what each of its values is in the graph."""

    def __init__(self, program: TracedFunction) -> None:
        self.traced, self.calls = program, Calls()
        names = {id(leaf.value): leaf.name for leaf in program.leaves}
        self.known = FoldedLeaves(self.calls.program, names, program.where)
        self.found: dict[int, Operand] = {}
        self.steps = self._passing()
        compute(v for e in self.steps for v in e.inputs if not v.passing)
        reading = {id(v) for e in program.equations for v in e.inputs}
        for leaf in program.leaves:
            if leaf.value.passing and (leaf.parameter or id(leaf.value) in reading):
                kind = PARAMETER if leaf.parameter else INPUT
                self.found[id(leaf.value)] = self.known.leaf(leaf.value, "", kind)

    def _passing(self) -> list[Equation]:
        """The equations on a path along which a gradient passes, from a float leaf to the loss, in their order."""
        reached = {id(self.traced.loss)}
        found = []
        for equation in reversed(self.traced.equations):
            if any(id(v) in reached and v.passing for v in equation.outputs):
                reached |= {id(v) for v in equation.inputs}
                found.append(equation)
        return found[::-1]

    def read(self) -> Operand:
        """Every equation; gives the loss. E_OP with all that no rule covers."""
        within = blocks([e.site.path for e in self.steps], self.calls.within)
        for equation, block in zip(self.steps, within, strict=True):
            self._call(equation, block)
        if self.calls.lacking:
            raise no_rules(self.calls.lacking, self.calls.places, self.traced.where)
        return self.found[id(self.traced.loss)]

    def _call(self, equation: Equation, block: str) -> None:
        """One equation by its rule; where it has none, what reads it is looked at nevertheless."""
        operands = [self.found.get(id(v)) or self.known.operand(v) for v in equation.inputs]
        name = equation.name.replace("-", "_")
        rule = partial(self._ruled, equation, operands)
        result = self.calls.call(equation.name, name, block, equation.site.source, rule)
        if result is None:
            result = [Operand("", v.shape, held(v.dtype)) for v in equation.outputs if v.dtype is not None]
        for value, operand in zip(equation.outputs, result if isinstance(result, list) else [result], strict=True):
            if operand is not None and value.passing:
                self.found[id(value)] = operand

    def _ruled(self, equation: Equation, operands: Sequence[Any], block: str) -> Any:
        rule = RULES.get(equation.name)
        if rule is None:
            raise NoRule(_WORDS.get(equation.name, ""))
        values = [*equation.inputs, *equation.outputs]
        refuse(not any(v.dtype is not None and v.dtype.kind == "c" for v in values), "complex numbers")
        first = next(v for v in equation.outputs if v.passing)
        assert first.dtype is not None, "floats have a dtype"
        call = Folding(self.known, block, first.shape, held(first.dtype), equation)
        return call.read(rule(call, *operands, **equation.params))


def read_function(loss: Callable[..., Any], params: Any, args: Sequence[Any], limits: Limits) -> Scenario:
    """What `from_jax` gives, and raises, where jax is there."""
    program = traced(loss, params, args, limits)
    if not program.loss.passing:
        hint = "the loss must depend on floats in the parameters or inputs"
        raise InputError("no gradient passes to the loss", code="E_LOSS", where=program.where, hint=hint)
    reader = FunctionReader(program)
    end = reader.read()
    remarks = _remarks(reader)
    return scenario_of(reader.calls.program, end.name, [end], program.where, limits, conventions="jax", remarks=remarks)


def _remarks(reader: FunctionReader) -> list[str]:
    """What the reader of an imported function should know."""
    said = []
    if folded := reader.known.folded():
        said.append(
            f"tensors that JAX computed beforehand, inputs here, since no gradient passes through them: {folded}"
        )
    values = [v for e in reader.steps for v in (*e.inputs, *e.outputs)]
    dtypes = [v.dtype for v in values if is_float(v) and v.dtype is not None]
    halves = {str(dtype) for dtype in dtypes if held(dtype) != dtype}
    if halves:
        said.append(f"{', '.join(sorted(halves))} is kept in float32, and rounded where the function casts to it")
    return said + custom.remarks(reader.traced.custom)
