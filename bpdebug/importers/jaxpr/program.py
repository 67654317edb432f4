"""A jaxpr as one list of equations: the calls in it are laid open as far as a gradient passes through them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, DType, Shape
from bpdebug.importers.calls import Source
from bpdebug.importers.jaxpr.names import called, known_function, scopes, source_of
from bpdebug.limits import Limits

Eqn: TypeAlias = Any
Path = tuple[tuple[str, int], ...]
"""What a call stands in: names of functions and scopes, the calls of functions numbered, scopes with 0."""

BODIES = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Parameters of primitives that are calls of a jaxpr."""
INLINED = {
    "jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "remat2", "custom_jvp_call", "custom_vjp_call",
    "custom_vjp_call_jaxpr",
}  # fmt: skip
"""Primitives that do what the one jaxpr in their parameters does."""


class Variable(Struct, eq=False):
    """A value of the program: its shape and dtype, None of what is no array of numbers (a key of random numbers).

    `found` is JAX's array, where it is known or has been computed. `passing`: it depends on a float leaf by floats.
    """

    shape: Shape
    dtype: DType | None
    found: Any = None
    equation: Equation | None = None
    passing: bool = False


class Equation(Struct, eq=False):
    """One primitive applied; `run` has JAX compute its outputs from arrays, or is None where JAX cannot either."""

    name: str
    params: Mapping[str, Any]
    inputs: Sequence[Variable]
    outputs: Sequence[Variable]
    run: Callable[..., Sequence[Any]]
    path: Path
    source: Source


def held(dtype: DType) -> DType:
    """The dtype in which numbers of another are kept here: half precision in single, integers in the widest."""
    if dtype.kind in "iu":
        return np.dtype(np.int64)
    floats = jnp.issubdtype(dtype, jnp.floating)
    return np.dtype(np.float32) if floats and dtype not in (np.float64, np.float32) else dtype


def is_float(value: Variable) -> bool:
    """Whether a value's numbers could have a gradient: floats, and complex ones."""
    return value.dtype is not None and bool(jnp.issubdtype(value.dtype, jnp.inexact))


def value_of(aval: Any, found: Any = None) -> Variable:
    """The value of a variable or a literal."""
    dtype = aval.dtype if isinstance(aval.dtype, np.dtype) else None
    return Variable(tuple(aval.shape), dtype, found)


def computed(value: Variable) -> Any:
    """JAX's array of a value: computed once, with what it needs."""
    waiting = [value]
    while waiting:
        last = waiting[-1]
        needed = [] if last.found is not None else [v for v in _made(last).inputs if v.found is None]
        waiting += needed
        if needed:
            continue
        waiting.pop()
        if last.found is None:
            equation = _made(last)
            for output, found in zip(equation.outputs, equation.run(*(v.found for v in equation.inputs)), strict=True):
                output.found = found
    return value.found


def _made(value: Variable) -> Equation:
    assert value.equation is not None, "a leaf has its array"
    return value.equation


def array_of(value: Variable) -> Array:
    """A value's array, of its shape, in the dtype that is held."""
    found = np.array(computed(value))
    return found.astype(held(found.dtype))


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
        self.custom: list[tuple[str, Equation]] = []
        self.numbers: Counter[str] = Counter()

    def add(self, equation: Equation) -> Sequence[Variable]:
        """One equation more, which makes its outputs."""
        passing = any(v.passing for v in equation.inputs)
        for output in equation.outputs:
            output.equation, output.passing = equation, passing and is_float(output)
        self.equations.append(equation)
        self.limits.check("nodes", len(self.equations), "a jaxpr, laid open", where=self.where)
        return equation.outputs

    def jaxpr(self, jaxpr: Any, consts: Sequence[Variable], inputs: Sequence[Variable], path: Path) -> list[Variable]:
        """The equations of a jaxpr on values; gives its outputs."""
        known: dict[Any, Variable] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *inputs], strict=True))

        def read(atom: Any) -> Variable:
            return value_of(atom.aval, np.asarray(atom.val)) if hasattr(atom, "val") else known[atom]

        for eqn in jaxpr.eqns:
            own = (*path, *((name, 0) for name in scopes(eqn)))
            outputs = self.equation(eqn, [read(v) for v in eqn.invars], own)
            known.update(zip(eqn.outvars, outputs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def equation(self, eqn: Eqn, inputs: Sequence[Variable], path: Path) -> Sequence[Variable]:
        """One equation on values, or what is in it."""
        name = eqn.primitive.name
        made = Equation(
            name, eqn.params, inputs, [value_of(v.aval) for v in eqn.outvars], _runner(eqn), path, source_of(eqn)
        )
        if any(v.passing for v in inputs):
            if name in INLINED and not known_function(eqn.params, name):
                return self._inlined(made, path)
            if name == "scan":
                return self._unrolled(made, path)
            if name == "cond" and not inputs[0].passing:
                branch = eqn.params["branches"][int(np.clip(computed(inputs[0]), 0, len(eqn.params["branches"]) - 1))]
                return self._closed(branch, inputs[1:], path)
        made.name = known_function(eqn.params, name) or name
        return self.add(made)

    def numbered(self, path: Path, name: str) -> Path:
        """The path of one call more of a function."""
        self.numbers[name] += 1
        return (*path, (name, self.numbers[name]))

    def _closed(self, closed: Any, inputs: Sequence[Variable], path: Path) -> list[Variable]:
        """What a jaxpr with its constants does."""
        jaxpr = getattr(closed, "jaxpr", closed)
        consts = [value_of(v.aval, c) for v, c in zip(jaxpr.constvars, getattr(closed, "consts", ()), strict=True)]
        return self.jaxpr(jaxpr, consts, inputs, path)

    def _inlined(self, made: Equation, path: Path) -> list[Variable]:
        body = next(made.params[key] for key in BODIES if key in made.params)
        if made.name.startswith("custom"):
            self.custom.append((called(made.params, made.name), made))
        return self._closed(body, made.inputs, self.numbered(path, called(made.params, made.name)))

    def _unrolled(self, made: Equation, path: Path) -> list[Variable]:
        """A scan as its steps one after the other, each with its row of what is scanned; E_LIMIT for too many."""
        p = made.params
        length, body, consts, carried = p["length"], p["jaxpr"], p["num_consts"], p["num_carry"]
        count = length * _size(body.jaxpr)
        self.limits.check("nodes", count, f"a scan of {length} steps, unrolled", where=made.source[0] or self.where)
        fixed, carry, scanned = made.inputs[:consts], made.inputs[consts:][:carried], made.inputs[consts + carried :]
        rows: list[list[Variable]] = []
        order = range(length)
        for t in reversed(order) if p["reverse"] else order:
            inside = self.numbered(path, called(p, "scan"))
            cells = [self._row(x, t, inside, made.source) for x in scanned]
            found = self._closed(body, [*fixed, *carry, *cells], inside)
            carry, row = found[:carried], found[carried:]
            rows.append(row)
        rows = rows[::-1] if p["reverse"] else rows
        stacked = [
            self._stacked([row[n] for row in rows], output, path, made.source)
            for n, output in enumerate(made.outputs[carried:])
        ]
        return [*carry, *stacked]

    def _row(self, x: Variable, t: int, path: Path, source: Source) -> Variable:
        output = Variable(x.shape[1:], x.dtype)
        run = partial(_at, t)
        return self.add(Equation("row", {"t": t}, [x], [output], run, path, source))[0]

    def _stacked(self, rows: Sequence[Variable], output: Variable, path: Path, source: Source) -> Variable:
        if not rows:
            return value_of(jax.ShapeDtypeStruct(output.shape, output.dtype), jnp.zeros(output.shape, output.dtype))
        return self.add(Equation("stack", {}, rows, [output], _stack, path, source))[0]


def _at(t: int, x: Any) -> Sequence[Any]:
    return [x[t]]


def _stack(*rows: Any) -> Sequence[Any]:
    return [jnp.stack(rows)]


def _size(jaxpr: Any) -> int:
    """How many equations a jaxpr is, with those inside of its calls."""
    return sum(1 + sum(map(_size, _inside(eqn))) for eqn in jaxpr.eqns)


def _inside(eqn: Eqn) -> Iterator[Any]:
    for key in BODIES:
        if key in eqn.params:
            yield getattr(eqn.params[key], "jaxpr", eqn.params[key])
