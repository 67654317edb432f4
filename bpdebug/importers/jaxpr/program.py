"""A jaxpr as one list of equations: the calls in it are laid open as far as a gradient passes through them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bpdebug.importers.jaxpr.names import body_of, called, in_libraries, known_function
from bpdebug.importers.jaxpr.values import Eqn, Equation, EquationSite, Variable, computed, constant, is_float, value_of
from bpdebug.limits import Limits

INLINED = {
    "jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "remat2", "custom_jvp_call", "custom_vjp_call",
    "custom_vjp_call_jaxpr",
}  # fmt: skip
"""Primitives that do what the one jaxpr in their parameters does."""


def _runner(eqn: Eqn) -> Callable[..., Sequence[Any]]:
    def run(*arrays: Any) -> Sequence[Any]:
        bound = eqn.primitive.get_bind_params(eqn.params)
        functions, params = bound if isinstance(bound, tuple) else ((), bound)
        with eqn.ctx.manager:
            found = eqn.primitive.bind(*functions, *arrays, **params)
        return found if eqn.primitive.multiple_results else [found]

    return run


class Flattened:
    """The equations of a jaxpr in their order, and the custom functions that were laid open with how many calls."""

    def __init__(self, limits: Limits, where: str) -> None:
        self.limits, self.where = limits, where
        self.equations: list[Equation] = []
        self.custom: list[Equation] = []
        self.numbers: Counter[str] = Counter()

    def add(self, equation: Equation) -> Sequence[Variable]:
        """One equation more, which makes its outputs."""
        passing = any(v.passing for v in equation.inputs)
        for output in equation.outputs:
            output.equation, output.passing = equation, passing and is_float(output)
        equation.number = len(self.equations)
        self.equations.append(equation)
        self.limits.check("nodes", len(self.equations), "a jaxpr, laid open", where=self.where)
        return equation.outputs

    def jaxpr(
        self, jaxpr: Any, consts: Sequence[Variable], inputs: Sequence[Variable], site: EquationSite
    ) -> list[Variable]:
        """The equations of a jaxpr on values; gives its outputs."""
        known: dict[Any, Variable] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *inputs], strict=True))

        def read(atom: Any) -> Variable:
            return value_of(atom.aval, np.asarray(atom.val, atom.aval.dtype)) if hasattr(atom, "val") else known[atom]

        for eqn in jaxpr.eqns:
            outputs = self.equation(eqn, [read(v) for v in eqn.invars], site.of(eqn))
            known.update(zip(eqn.outvars, outputs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def equation(self, eqn: Eqn, inputs: Sequence[Variable], site: EquationSite) -> Sequence[Variable]:
        """One equation on values, or what is in it."""
        name = eqn.primitive.name
        made = Equation(name, _plain(eqn.params), inputs, [value_of(v.aval) for v in eqn.outvars], _runner(eqn), site)
        if any(v.passing for v in inputs):
            if name in INLINED and not known_function(eqn.params, name):
                return self._inlined(made)
            if name == "scan":
                return self._unrolled(made)
            if name == "cond" and not inputs[0].passing:
                branch = eqn.params["branches"][int(np.clip(computed(inputs[0]), 0, len(eqn.params["branches"]) - 1))]
                return self._closed(branch, inputs[1:], site)
        made.name = known_function(eqn.params, name) or name
        return self.add(made)

    def _inside(self, made: Equation) -> EquationSite:
        """The site of what is in a call, which is numbered; inside of a library all stands in the caller's line."""
        name, file = called(made.params, made.name)
        self.numbers[name] += 1
        site = made.site
        return EquationSite((*site.path, (name, self.numbers[name])), site.source, site.fixed or in_libraries(file))

    def _closed(self, closed: Any, inputs: Sequence[Variable], site: EquationSite) -> list[Variable]:
        """What a jaxpr with its constants does."""
        jaxpr = getattr(closed, "jaxpr", closed)
        consts = [
            value_of(v.aval, constant(c)) for v, c in zip(jaxpr.constvars, getattr(closed, "consts", ()), strict=True)
        ]
        return self.jaxpr(jaxpr, consts, inputs, site)

    def _inlined(self, made: Equation) -> list[Variable]:
        if made.name.startswith("custom"):
            self.custom.append(made)
        return self._closed(body_of(made.params), made.inputs, self._inside(made))

    def _unrolled(self, made: Equation) -> list[Variable]:
        """A scan as its steps one after the other, each with its row of what is scanned; E_LIMIT for too many."""
        p = made.params
        length, body, consts, carried = p["length"], p["jaxpr"], p["num_consts"], p["num_carry"]
        count = length * _size(body.jaxpr)
        self.limits.check(
            "nodes", count, f"a scan of {length} steps, unrolled", where=made.site.source[0] or self.where
        )
        fixed, carry, scanned = made.inputs[:consts], made.inputs[consts:][:carried], made.inputs[consts + carried :]
        rows: list[list[Variable]] = []
        order = range(length)
        for t in reversed(order) if p["reverse"] else order:
            inside = self._inside(made)
            cells = [self._row(x, t, inside) for x in scanned]
            found = self._closed(body, [*fixed, *carry, *cells], inside)
            carry, row = found[:carried], found[carried:]
            rows.append(row)
        rows = rows[::-1] if p["reverse"] else rows
        stacked = [
            self._stacked([row[n] for row in rows], output, made.site)
            for n, output in enumerate(made.outputs[carried:])
        ]
        return [*carry, *stacked]

    def _row(self, x: Variable, t: int, site: EquationSite) -> Variable:
        output = Variable(x.shape[1:], x.dtype)
        return self.add(Equation("scan_row", {"t": t}, [x], [output], partial(_at, t), site))[0]

    def _stacked(self, rows: Sequence[Variable], output: Variable, site: EquationSite) -> Variable:
        if not rows:
            return value_of(jax.ShapeDtypeStruct(output.shape, output.dtype), jnp.zeros(output.shape, output.dtype))
        return self.add(Equation("scan_rows", {}, rows, [output], _stack, site))[0]


def _plain(value: Any) -> Any:
    """Parameters with Python's integers for NumPy's, which JAX lets stand where they were given."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if type(value) in (tuple, list):
        return type(value)(map(_plain, value))
    return int(value) if isinstance(value, np.integer) else value


def _at(t: int, x: Any) -> Sequence[Any]:
    return [x[t]]


def _stack(*rows: Any) -> Sequence[Any]:
    return [jnp.stack(rows)]


def _size(jaxpr: Any) -> int:
    """How many equations a jaxpr is, with those inside of its calls."""
    bodies = (body_of(eqn.params) for eqn in jaxpr.eqns)
    return sum(1 if body is None else _size(getattr(body, "jaxpr", body)) for body in bodies)
