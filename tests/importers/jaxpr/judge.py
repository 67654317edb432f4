"""The judge of imported functions: JAX's own loss and gradients, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import bpdebug
from bpdebug.scenario import Scenario


def judged(loss: Callable[..., Any], params: Any, *args: Any, rtol: float = 1e-10) -> Scenario:
    """The scenario of a function whose loss and gradients are JAX's; AssertionError with the first that is not."""
    scenario = bpdebug.from_jax(loss, params, *args)
    compare(scenario, loss, params, *args, rtol=rtol)
    return scenario


def compare(scenario: Scenario, loss: Callable[..., Any], params: Any, *args: Any, rtol: float = 1e-10) -> None:
    """The loss, and the gradient of each parameter and each float array among the arguments.

    To `rtol` of its largest cell, or of 1e-6 of the largest of all.
    """
    import jax  # where a test has found it

    from bpdebug.importers.jaxpr.tracing import named_leaves  # as above
    from bpdebug.importers.jaxpr.values import QUICK  # as above

    arrays = [n for n, x in enumerate(args) if hasattr(x, "dtype")]
    floats = [n for n in arrays if jax.numpy.issubdtype(args[n].dtype, np.floating)]

    def of_arrays(params: Any, *given: Any) -> Any:
        found = dict(zip(arrays, given, strict=True))
        out = loss(params, *(found.get(n, x) for n, x in enumerate(args)))
        return out[0] if isinstance(out, tuple) else out

    numbers = (0, *(arrays.index(n) + 1 for n in floats))
    oracle = jax.jit(jax.value_and_grad(of_arrays, argnums=numbers), compiler_options=QUICK)
    wanted, (of_params, *gradients) = oracle(params, *(args[n] for n in arrays))
    spread = [dict(zip(floats, gradients, strict=True)).get(n) for n in range(len(args))]
    theirs = {name: np.asarray(g) for name, g in named_leaves(loss, of_params, spread) if g is not None}
    timeline = bpdebug.run(scenario)
    largest = max(float(np.abs(g).max(initial=0)) for g in theirs.values())
    names = {leaf.name for leaf in scenario.graph.leaves}
    for name, gradient in theirs.items():
        assert name in names or not gradient.any(), name
        mine = timeline.grad(name) if name in names else None
        mine = np.zeros(gradient.shape) if mine is None else mine
        near(mine, gradient, 1e-6 * largest, rtol, name)
    assert timeline.loss is not None
    assert abs(float(timeline.loss) - float(wanted)) <= rtol * max(1.0, abs(float(wanted))), "loss"


def judged_nodes(loss: Callable[..., Any], params: Any, *args: Any, rtol: float = 1e-10) -> int:
    """Compares the value and gradient of each node that is a value of the jaxpr with JAX's; gives how many there are.

    JAX's gradient of a value is that of a zero which is added to it.
    """
    import jax  # where a test has found it

    from bpdebug.importers.jaxpr.reading import FunctionReader  # as above
    from bpdebug.importers.jaxpr.tracing import traced  # as above
    from bpdebug.importers.jaxpr.values import QUICK  # as above
    from bpdebug.limits import Limits  # as above

    reader = FunctionReader(traced(loss, params, args, Limits()))
    reader.read()
    names: dict[int, str] = {}
    for equation in reader.steps:
        for value in equation.outputs:
            if value.passing and (name := reader.found[id(value)].name) not in names.values():
                names[id(value)] = name

    def run(zeros: dict[str, Any]) -> Any:
        found: dict[int, Any] = {}
        for equation in reader.steps:
            outputs = equation.run(*(found.get(id(v), v.found) for v in equation.inputs))
            for value, out in zip(equation.outputs, outputs, strict=True):
                found[id(value)] = out + zeros[names[id(value)]] if id(value) in names else out
        return found[id(reader.traced.loss)], {name: found[key] for key, name in names.items()}

    zeros = {names[id(v)]: np.zeros(v.shape) for e in reader.steps for v in e.outputs if id(v) in names}
    gradients, values = jax.jit(jax.grad(run, has_aux=True), compiler_options=QUICK)(zeros)
    timeline = bpdebug.run(bpdebug.from_jax(loss, params, *args))
    largest = max(float(np.abs(g).max(initial=0)) for g in gradients.values())
    for name, gradient in gradients.items():
        near(timeline.value(name), values[name], 0, rtol, name)
        if (mine := timeline.grad(name)) is not None:  # behind a stop_gradient there is none
            near(mine, gradient, 1e-6 * largest, rtol, f"∂{name}")
    return len(names)


def near(mine: Any, theirs: Any, least: float, rtol: float, name: str) -> None:
    theirs = np.asarray(theirs)
    assert mine.shape == theirs.shape, name
    scale = max(float(np.abs(theirs).max(initial=0, where=np.isfinite(theirs))), least, 1e-300)
    assert np.array_equal(np.isfinite(mine), np.isfinite(theirs)), name
    finite = np.isfinite(theirs)
    error = float(np.abs(mine[finite] - theirs[finite]).max(initial=0)) / scale
    assert error <= rtol, f"{name}: {error}"
