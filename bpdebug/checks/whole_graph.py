"""Gradients against central differences, end to end, in double precision."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.checks.differences import MOST_CELLS, SEVERITY, Check, best, differences
from bpdebug.checks.kinks import KINK, find_kink
from bpdebug.checks.rule import float64_attrs, float64_plans, to_float64
from bpdebug.engine.run import Code, Pass
from bpdebug.engine.timeline import Timeline
from bpdebug.graph import Graph, Lit

Known = tuple[dict[int, Array], dict[int, Array]]
"""The arrays of the leaves, and those of the nodes that are held fixed."""


def gradcheck(timeline: Timeline, seed: int = 0) -> list[Check]:
    """The first iteration's gradient of every float leaf against central differences; one row a leaf.

    With incoming gradients the function differentiated is the sum of outputs times what comes in.
    """
    graph, first = in_double(timeline.graph), timeline.iteration(0)
    arrays = {t: to_float64(first.value(t)) for t in range(graph.first)}
    compiled = Code(graph)
    run = Pass(graph, compiled, arrays.__getitem__)
    held = {graph.tensor(k): run.value(graph.tensor(k)) for k, n in enumerate(graph.nodes) if not passes(graph, k)}
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
            row = replace(row, reason=KINK) if kink is not None and kink.finite else row
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
    dtypes = tuple(np.dtype(np.float64) if d.kind == "f" else d for d in graph.dtypes)
    plans = [
        float64_plans(n, old, [i.value if isinstance(i, Lit) else (graph.shapes[i], dtypes[i]) for i in n.inputs])[0]
        for n, old in zip(graph.nodes, graph.plans, strict=True)
    ]
    leaves = [replace(f, dtype=dtypes[t], read=partial(_in_float64, f.read)) for t, f in enumerate(graph.leaves)]
    nodes = [replace(n, attrs=float64_attrs(n.attrs)) for n in graph.nodes]
    incoming = {t: None if read is None else partial(_in_float64, read) for t, read in graph.incoming.items()}
    return replace(
        graph, dtypes=dtypes, plans=tuple(plans), nodes=tuple(nodes), leaves=tuple(leaves), incoming=incoming
    )


def _in_float64(read: Callable[[], Array]) -> Array:
    return to_float64(read())
