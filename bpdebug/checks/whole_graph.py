"""Gradients against central differences, end to end, in double precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from msgspec import structs

from bpdebug.arrays import Array, Cell
from bpdebug.checks.differences import MOST_CELLS, Check, best, differences, sampled, severity
from bpdebug.checks.kinks import KINK, find_kink
from bpdebug.checks.rule import float64_pass
from bpdebug.engine.edits import Override
from bpdebug.engine.run import Pass
from bpdebug.engine.timeline import Timeline


def gradcheck(timeline: Timeline, seed: int = 0) -> list[Check]:
    """The first iteration's gradient of every float leaf against central differences; one row a leaf.

    With incoming gradients the function differentiated is the sum of outputs times what comes in. What a stop_gradient
    gives does not pass gradients on, and is held fixed.
    """
    run = float64_pass(timeline.iteration(0))
    graph = run.graph
    cut = [graph.tensor(k) for k, node in enumerate(graph.nodes) if node.op.name == "stop_gradient"]
    held = {tensor: run.value(tensor) for tensor in cut}
    rng = np.random.default_rng(seed)
    leaves = [t for t in range(len(graph.leaves)) if graph.has_gradient(t) and run.cotangent(t).size]
    return [max(_rows(run, held, leaf, rng), key=severity) for leaf in leaves]


def _rows(run: Pass, held: Mapping[int, Array], leaf: int, rng: Any) -> Iterator[Check]:
    """Every cell of a leaf, or some of a large one."""
    gradient, array = run.cotangent(leaf), run.value(leaf)
    counted = np.ones(gradient.shape, bool)
    for node in run.graph.nodes:
        if node.op.held is not None and node.inputs[0] == leaf and (fixed := node.op.held(node.attrs)) is not None:
            counted[fixed] = False
    chosen = sampled(np.flatnonzero(counted), gradient.shape, MOST_CELLS, rng)
    for cell in chosen:
        analytic, at = float(gradient[cell]), float(array[cell])
        function = partial(_moved, run, held, leaf, cell)
        numeric, error = best(list(differences(function, at, analytic)), analytic)
        row = Check(run.graph.names[leaf], cell, analytic, numeric, error, len(chosen), gradient.size)
        kink = find_kink(function, at) if row.verdict == "fail" else None
        yield structs.replace(row, reason=KINK) if kink is not None and kink.finite else row


def _moved(run: Pass, held: Mapping[int, Array], leaf: int, cell: Cell, to: float) -> float:
    """The function's value with one cell of one leaf moved, and what is `held` as it was."""
    changed = run.value(leaf).copy()
    changed[cell] = to
    fixed = [Override(t, False, (), array) for t, array in held.items()]
    moved = run.beside(run.graph, lambda t: changed if t == leaf else run.value(t), fixed)
    with np.errstate(all="ignore"):
        return sum(float((moved.value(out) * moved.seed(out)).sum()) for out in run.graph.incoming)
