"""Functions with a derivative of their own, beside that of what their forward does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxpr_as_fun

from bpdebug.importers.jaxpr.names import body_of, called
from bpdebug.importers.jaxpr.values import Equation, compute

_NEAR = 1e-3
"""Of the largest cell of a gradient: what is nearer is rounding, in half precision nearly so."""


def remarks(equations: Sequence[Equation]) -> list[str]:
    """What to know of calls of such functions: which there are, and those whose derivative is another, here."""
    if not equations:
        return []
    compute(v for e in equations for v in e.inputs)
    names = [called(e.params, e.name)[0] for e in equations]
    said = [f"functions with a derivative of their own are replaced by what their forward does: {_listed(names)}"]
    other = [name for name, equation in zip(names, equations, strict=True) if _differs(equation)]
    if other:
        said.append(f"the derivative that these define is another than their forward's, and JAX's: {_listed(other)}")
    return said


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _differs(equation: Equation) -> bool:
    """Whether the derivative that a function defines is another than that of its forward, here, for ones."""
    own = _gradients(equation, equation.run)
    plain = _gradients(equation, jaxpr_as_fun(body_of(equation.params)))
    return any(np.abs(a - b).max(initial=0) > _NEAR * np.abs(b).max(initial=0) for a, b in zip(own, plain, strict=True))


def _gradients(equation: Equation, function: Callable[..., Sequence[Any]]) -> list[Any]:
    """The gradients of a call's float operands, ones coming in at its float outputs."""
    arrays = [v.found for v in equation.inputs]
    floats = [n for n, v in enumerate(equation.inputs) if v.passing]

    def of_floats(*given: Any) -> Any:
        known = dict(zip(floats, given, strict=True))
        outputs = function(*(known.get(n, a) for n, a in enumerate(arrays)))
        return sum(jnp.sum(out) for out in outputs if jnp.issubdtype(out.dtype, jnp.inexact))

    found = jax.grad(of_floats, tuple(range(len(floats))))(*(arrays[n] for n in floats))
    return [np.asarray(g, np.float64) for g in found]
