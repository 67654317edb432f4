"""A JAX function traced into equations, and its arrays by name."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from msgspec import Struct

from bpdebug.errors import BpdebugError, InputError
from bpdebug.importers.jaxpr.names import arguments, closed_over, in_libraries, joined, name_of
from bpdebug.importers.jaxpr.program import Flattened
from bpdebug.importers.jaxpr.values import Equation, EquationSite, Variable, constant, is_float, value_of
from bpdebug.limits import Limits

_ALONE = "loss(params, *args) must run by itself: call it once without bpdebug"
_HINT = "jax.jit must be able to trace it: no branches that depend on values, jnp instead of NumPy"


class GivenArray(Struct, frozen=True, eq=False):
    """An array that the function is given: its name, its value, and whether it stands in `params`."""

    name: str
    value: Variable
    parameter: bool


class TracedFunction(Struct, frozen=True, eq=False):
    """A function's equations in their order, what it is given, its loss, and the custom functions laid open in it."""

    where: str
    leaves: Sequence[GivenArray]
    equations: Sequence[Equation]
    loss: Variable
    custom: Sequence[Equation]


def traced(loss: Callable[..., Any], params: Any, args: Sequence[Any], limits: Limits) -> TracedFunction:
    """A function on arguments, traced.

    Raises E_LOSS for what is no function, or gives no number; E_FILE where JAX cannot trace it; E_LIMIT.
    """
    if not callable(loss):
        hint = "from_jax(loss, params, *args): loss is called with the params and the arguments"
        raise InputError(f"the loss is no function but of type {type(loss).__name__}", code="E_LOSS", hint=hint)
    name = getattr(loss, "__name__", type(loss).__name__)
    where = name if name.isidentifier() else "loss"
    flat, tree = jax.tree_util.tree_flatten_with_path((params, *args))
    plain = all(isinstance(leaf, float) or _is_array(leaf) for path, leaf in flat if path[0].idx == 0)
    at = [n for n, (p, leaf) in enumerate(flat) if _is_array(leaf) or (plain and p[0].idx == 0)]

    def call(*arrays: Any) -> Any:
        leaves = [leaf for _, leaf in flat]
        for n, array in zip(at, arrays, strict=True):
            leaves[n] = array
        return _number(loss(*jax.tree_util.tree_unflatten(tree, leaves)), where)

    closed = _jaxpr(call, [flat[n][1] for n in at], where)
    names = [name for name, _ in named_leaves(loss, params, args)]
    leaves = []
    for n, var in zip(at, closed.jaxpr.invars, strict=True):
        path, array = flat[n]
        value = value_of(var.aval)
        value.found = array if isinstance(array, jax.Array) else np.array(array, value.dtype)
        value.passing = is_float(value)
        leaves.append(GivenArray(names[n], value, path[0].idx == 0))
    consts = [value_of(v.aval, constant(c)) for v, c in zip(closed.jaxpr.constvars, closed.consts, strict=True)]
    around = closed_over(loss)
    named = [(name_of(v.found, around) if v.dtype is not None else "", v) for v in consts]
    leaves += [GivenArray(name, value, False) for name, value in named if name]
    program = Flattened(limits, where)
    (end,) = program.jaxpr(closed.jaxpr, consts, [leaf.value for leaf in leaves[: len(at)]], EquationSite())
    return TracedFunction(where, leaves, program.equations, end, program.custom)


def named_leaves(loss: Callable[..., Any], params: Any, args: Sequence[Any]) -> list[tuple[str, Any]]:
    """The leaves of the arguments by name: of the params by their paths alone, of others behind the argument's name."""
    argument = arguments(loss, len(args) + 1)
    found = []
    for (first, *path), leaf in jax.tree_util.tree_flatten_with_path((params, *args))[0]:
        inside, own = joined(path), argument[first.idx]
        alone = first.idx == 0 and inside[:1].isalpha()  # what begins with a digit reads as a number
        found.append((inside if alone else f"{own}.{inside}" if inside else own, leaf))
    return found


def _is_array(leaf: Any) -> bool:
    """Whether a leaf of the arguments is a tensor; so is a float among parameters that jax.grad would take."""
    if isinstance(leaf, np.ndarray | np.generic):
        return leaf.dtype.kind in "fiubcV"
    return isinstance(leaf, jax.Array)


def _number(out: Any, where: str) -> Any:
    """The loss among what a function gives; E_LOSS where that is no number."""
    out = out[0] if isinstance(out, tuple) and len(out) == 2 else out
    shape = getattr(out, "shape", () if isinstance(out, int | float) else None)
    if shape != ():
        what = f"the function gives a {type(out).__name__}" if shape is None else f"the loss has shape {shape}"
        hint = "give a loss that is one number, or a pair of it and what else there is: (loss, aux)"
        raise InputError(what, code="E_LOSS", where=where, hint=hint)
    return out


def _jaxpr(call: Callable[..., Any], arrays: Sequence[Any], where: str) -> Any:
    try:
        return jax.make_jaxpr(call)(*arrays)
    except BpdebugError:
        raise
    except Exception as error:  # whatever the function's code, and JAX's, raise
        said = f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"
        frames = [f for f in traceback.extract_tb(error.__traceback__) if not in_libraries(f.filename)]
        place = f"{where} ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else where
        hint = _HINT if isinstance(error, jax.errors.JAXTypeError | jax.errors.JAXIndexError) else _ALONE
        raise InputError(f"cannot be traced: {said}", code="E_FILE", where=place, hint=hint) from None
