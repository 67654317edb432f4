"""The values and equations of a program, and JAX computing the values that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, DType, Shape
from bpdebug.importers.calls import Source
from bpdebug.importers.jaxpr.names import scopes, source_of

Eqn: TypeAlias = Any
Path = tuple[tuple[str, int], ...]
"""What a call stands in: names of functions and scopes, the calls of functions numbered, scopes with 0."""

QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""What is computed once is not worth half a minute of compiling."""


class Variable(Struct, eq=False):
    """A value of the program: its shape and dtype, None of what is no array of numbers (a key of random numbers).

    `found` is JAX's array, where it is known or has been computed. `passing`: it depends on a float leaf by floats.
    """

    shape: Shape
    dtype: DType | None
    found: Any = None
    equation: Equation | None = None
    passing: bool = False


class EquationSite(Struct, frozen=True):
    """Where an equation stands: the calls and scopes around it, and the line; `fixed`: inside of a library's call.

    JAX traces such a call once, so that what is in it would bear the line of the first.
    """

    path: Path = ()
    source: Source = ("", "")
    fixed: bool = False

    def of(self, eqn: Eqn) -> EquationSite:
        """The site of an equation within this one."""
        own = ("", "") if self.fixed else source_of(eqn)
        scoped = tuple((name, 0) for name in scopes(eqn))
        return EquationSite(self.path + scoped, own if own[0] else self.source, self.fixed)


class Equation(Struct, eq=False):
    """One primitive applied; `run` has JAX compute its outputs from arrays. Its number is its place in the program."""

    name: str
    params: Mapping[str, Any]
    inputs: Sequence[Variable]
    outputs: Sequence[Variable]
    run: Callable[..., Sequence[Any]]
    site: EquationSite
    number: int = 0


def held(dtype: DType) -> DType:
    """The dtype in which numbers of another are kept here: half precision in single, integers in the widest."""
    if dtype.kind in "iu":
        return np.dtype(np.int64)
    floats = jnp.issubdtype(dtype, jnp.floating)
    return np.dtype(np.float32) if floats and dtype not in (np.float64, np.float32) else dtype


def constant(found: Any) -> Any:
    """An array that stands in a jaxpr, without what JAX may wrap it in."""
    return found if isinstance(found, jax.Array) else np.asarray(found)


def is_float(value: Variable) -> bool:
    """Whether a value's numbers could have a gradient: floats, and complex ones."""
    return value.dtype is not None and bool(jnp.issubdtype(value.dtype, jnp.inexact))


def value_of(aval: Any, found: Any = None) -> Variable:
    """The value of a variable or a literal."""
    dtype = aval.dtype if isinstance(aval.dtype, np.dtype) else None
    return Variable(tuple(aval.shape), dtype, found)


def computed(value: Variable) -> Any:
    """JAX's array of a value."""
    compute([value])
    return value.found


def compute(values: Iterable[Variable]) -> None:
    """Has JAX compute values, all of them in one function that it compiles; what they need on the way is not kept."""
    wanted = [v for v in {id(v): v for v in values}.values() if v.found is None]
    if wanted:
        equations, sources = _needed(wanted)

        def run(*arrays: Any) -> list[Any]:
            known = dict(zip(map(id, sources), arrays, strict=True))
            for equation in equations:
                made = equation.run(*(known[id(v)] for v in equation.inputs))
                known.update(zip(map(id, equation.outputs), made, strict=True))
            return [known[id(v)] for v in wanted]

        found = jax.jit(run, compiler_options=QUICK)(*(v.found for v in sources))
        for value, array in zip(wanted, found, strict=True):
            value.found = array


def _needed(values: Sequence[Variable]) -> tuple[list[Equation], list[Variable]]:
    """The equations that values have to be computed by, in their order, and the known values that these read."""
    waiting, seen = list(values), {id(v) for v in values}
    equations: dict[int, Equation] = {}
    sources = []
    while waiting:
        last = waiting.pop()
        if last.found is not None:
            sources.append(last)
            continue
        assert last.equation is not None, "a leaf has its array"
        equations[last.equation.number] = last.equation
        fresh = [v for v in {id(v): v for v in last.equation.inputs}.values() if id(v) not in seen]
        seen |= {id(v) for v in fresh}
        waiting += fresh
    return [equations[number] for number in sorted(equations)], sources


def array_of(value: Variable) -> Array:
    """A value's array, of its shape, in the dtype that is held."""
    found = np.asarray(computed(value))
    return found.astype(held(found.dtype), copy=False)
