"""A JAX function as a scenario: its jaxpr, primitive by primitive.

Nothing here imports jax before a function is given: `import bpdebug` costs the same with it and without.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from bpdebug.errors import InputError
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario


def from_jax(loss: Callable[..., Any], params: Any, *args: Any, limits: Limits | None = None) -> Scenario:
    """The scenario of `loss(params, *args)`: a number, or a pair of it and what `has_aux` leaves aside.

    `params` is a pytree whose arrays are parameters, named by their paths; arrays in `args` are inputs, named by the
    signature; numbers and what else stands in `args` stay what they are. What no gradient passes through (masks,
    positions, draws) is computed once, by JAX, and is an input. Arrays are copied as they are now. Functions with a
    derivative of their own (`custom_jvp`, `custom_vjp`) are replaced by what their forward does, which a remark says.

    Raises InputError: E_FILE without JAX, or where it cannot trace the function; E_OP with all primitives that have no
    rule; E_LOSS for what is no function or gives no number; E_LIMIT where a `scan` is too long to be unrolled; and what
    a graph's building raises.
    """
    try:
        import_module("jax")
    except ImportError:
        hint = 'pip install "bpdebug[jax]"'
        raise InputError("JAX is not installed, and a function of it is given", code="E_FILE", hint=hint) from None
    read = import_module(f"{__name__}.reading").read_function
    found: Scenario = read(loss, params, args, limits or Limits())
    return found
