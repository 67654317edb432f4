"""Gradients against central differences, end to end, in double precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from msgspec import structs

from bpdebug.arrays import Array
from bpdebug.checks.differences import MOST_CELLS, SEVERITY, Check, best, differences
from bpdebug.checks.kinks import KINK, find_kink
from bpdebug.checks.rule import float64_attrs, given_rules
from bpdebug.engine.run import Code, Pass
from bpdebug.engine.timeline import Timeline
from bpdebug.graph import Graph, Incoming, Leaf, Lit, Node, Step, build
from bpdebug.limits import Limits

Known = tuple[dict[int, Array], dict[int, Array]]
"""The arrays of the leaves, and those of the nodes that are held fixed."""


def gradcheck(timeline: Timeline, seed: int = 0) -> list[Check]:
    """The first iteration's gradient of every float leaf against central differences; one row a leaf.

    With incoming gradients the function differentiated is the sum of outputs times what comes in.
    """
    graph, first = in_double(timeline.graph), timeline.iteration(0)
    number = graph.index
    arrays = {
        number[n]: first.value(t) for n, t in timeline.graph.index.items() if number.get(n, graph.first) < graph.first
    }
    arrays = {t: a.astype(np.float64) if a.dtype.kind == "f" else a for t, a in arrays.items()}
    compiled = Code(graph)
    run = Pass(graph, compiled, arrays.__getitem__)
    held = {graph.first + k: run.value(graph.first + k) for k, n in enumerate(graph.nodes) if not passes(graph, k)}
    rng = np.random.default_rng(seed)
    rows = []
    for t, leaf in enumerate(graph.leaves):
        gradient = run.gradient(t) if graph.is_float(t) else None
        if gradient is not None and gradient.size:
            rows.append(_worst(graph, compiled, (arrays, held), t, leaf.name, gradient, rng))
    return rows


def _worst(graph: Graph, compiled: Code, known: Known, leaf: int, name: str, gradient: Array, rng: Any) -> Check:
    size = gradient.size
    chosen = range(size) if size <= MOST_CELLS else sorted(rng.choice(size, MOST_CELLS, replace=False).tolist())
    worst: Check | None = None
    for flat in chosen:
        cell = tuple(int(i) for i in np.unravel_index(flat, gradient.shape))
        analytic = float(gradient[cell])
        move = partial(_moved, graph, compiled, known, leaf, cell)
        at = float(known[0][leaf][cell])
        numeric, error = best(list(differences(move, at, analytic)), analytic)
        row = Check(name, cell, analytic, numeric, error, len(chosen), size)
        if row.verdict == "fail":
            kink = find_kink(lambda to: np.asarray(move(to)), at)  # noqa: B023 - called before the next cell
            row = structs.replace(row, reason=KINK) if kink is not None and kink.finite else row
        if worst is None or (SEVERITY.index(row.verdict), row.error) > (SEVERITY.index(worst.verdict), worst.error):
            worst = row
    assert worst is not None
    return worst


def passes(graph: Graph, k: int) -> bool:
    """Whether node k passes gradients on where it could: a stop_gradient does not, and is held fixed by the check."""
    return graph.nodes[k].op.name != "stop_gradient"


def _moved(graph: Graph, compiled: Code, known: Known, leaf: int, cell: tuple[int, ...], to: float) -> float:
    """The function's value with one cell of one leaf moved, and what is cut off from gradients as it was."""
    arrays, held = known
    changed = arrays[leaf].copy()
    changed[cell] = to
    run = Pass(graph, compiled, lambda t: changed if t == leaf else arrays[t])
    for tensor, value in held.items():
        run.V[tensor] = value
    total = 0.0
    with np.errstate(all="ignore"):
        for out in graph.incoming:
            total += float((run.value(out) * run.seed(out)).sum())
    return total


def in_double(graph: Graph) -> Graph:
    """The same graph in float64; itself where it is that already."""
    if all(d.kind != "f" or d == np.float64 for d in graph.dtypes):
        return graph
    double = np.dtype(np.float64)

    def widened(leaf: Leaf) -> Leaf:
        if leaf.dtype.kind != "f":
            return leaf
        return replace(leaf, dtype=double, read=lambda: leaf.read().astype(double))

    steps = [
        Step(
            n.id, n.op.name, tuple(i if isinstance(i, Lit) else graph.names[i] for i in n.inputs[: _given(n)]),
            float64_attrs(n.attrs), n.block, n.line,
        )
        for n in graph.nodes
    ]  # fmt: skip
    incoming = {
        graph.names[t]: Incoming(None, partial(_widened_seed, read))
        for t, read in graph.incoming.items()
        if read is not None
    }
    loss = None if graph.loss is None else graph.names[graph.loss]
    limits = Limits({"memory": 2**62})  # what fitted in single precision was allowed; this is its copy
    made = build([widened(leaf) for leaf in graph.leaves], steps, loss=loss, incoming=incoming, limits=limits)
    plans = tuple(given_rules(plan, old) for plan, old in zip(made.plans, graph.plans, strict=True))
    for plan in plans:  # tensors are numbered otherwise here: an optimizer's states are left out
        if plan.outside:
            plan.outside = {made.index[name]: (name, leaf) for name, leaf in plan.outside.values()}
    return replace(made, plans=plans)


def _widened_seed(read: Callable[[], Array], shape: tuple[int, ...]) -> Array:
    return read().astype(np.float64)


def _given(node: Node) -> int:
    """How many operands the program wrote: a drawn mask is added again by the builder."""
    return len(node.inputs) - node.op.draws
