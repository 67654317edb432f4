"""Gradients against central differences, end to end, in double precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
from msgspec import structs

from bpdebug.arrays import Array, Cell, at_cell
from bpdebug.checks.differences import MOST_CELLS, Check, best, differences, sampled, severity
from bpdebug.checks.kinks import KINK, find_kink
from bpdebug.checks.rule import float64_pass
from bpdebug.engine.edits import Override
from bpdebug.engine.run import Pass
from bpdebug.engine.timeline import Timeline
from bpdebug.errors import CommandError
from bpdebug.translation import N_
from bpdebug.workers import JOBS, Spread, spread

Moved = tuple[int, Cell]
"""A leaf, and the cell of it that is moved."""
Again = tuple[Callable[..., Timeline], tuple[Any, ...]]
"""A function and its arguments that make the same timeline in another process: no graph is sent."""


def gradcheck(timeline: Timeline, seed: int = 0, again: Again | None = None) -> list[Check]:
    """The first iteration's gradient of every float leaf against central differences; one row a leaf.

    With incoming gradients the function differentiated is the sum of outputs times what comes in. What a stop_gradient
    gives does not pass gradients on, and is held fixed. What takes long goes on in other processes, where it is said
    how they make the timeline `again`; CommandError (E_LIMIT) where one of them dies.
    """
    run, held = _begun(timeline)
    cells = _cells(run, np.random.default_rng(seed))
    counts = {leaf: len([*same]) for leaf, same in groupby(cells, lambda moved: moved[0])}

    def away(moved: Moved) -> tuple[Any, ...] | None:
        return None if again is None else (_row_of, again, *moved)

    def died(moved: Moved) -> Check:
        name = f"∂{run.graph.names[moved[0]]}{at_cell(moved[1])}"
        hint = f"too little memory? {JOBS}=1 checks in this process alone"
        raise CommandError(f"the process that checked {name} died", code="E_LIMIT", hint=hint)

    how = Spread(lambda moved: _row(run, held, *moved), away, died, N_("cells"))
    rows = zip(cells, spread(cells, how), strict=True)
    found = [max((row for _, row in same), key=severity) for _, same in groupby(rows, lambda row: row[0][0])]
    return [structs.replace(row, checked=counts[leaf]) for leaf, row in zip(counts, found, strict=True)]


def _begun(timeline: Timeline) -> tuple[Pass, dict[int, Array]]:
    """The first iteration in double precision, and what is held fixed in it, by tensor number."""
    run = float64_pass(timeline.iteration(0))
    cut = [run.graph.tensor(k) for k, node in enumerate(run.graph.nodes) if node.op.name == "stop_gradient"]
    return run, {tensor: run.value(tensor) for tensor in cut}


_made: list[tuple[Again, tuple[Pass, dict[int, Array]]]] = []
"""What was begun last in a process that works for another, and how it was made."""


def _row_of(again: Again, leaf: int, cell: Cell) -> Check:
    """A row in a process of its own, which makes the timeline once."""
    if not _made or _made[0][0] != again:
        _made[:] = [(again, _begun(again[0](*again[1])))]
    return _row(*_made[0][1], leaf, cell)


def _cells(run: Pass, rng: Any) -> Sequence[Moved]:
    """Every cell of each leaf with a gradient, or some of a large one."""
    found: list[Moved] = []
    for leaf in range(len(run.graph.leaves)):
        if run.graph.has_gradient(leaf) and (shape := run.cotangent(leaf).shape).count(0) == 0:
            counted = np.ones(shape, bool)
            for node in run.graph.nodes:
                fixed = node.op.held(node.attrs) if node.op.held is not None and node.inputs[0] == leaf else None
                if fixed is not None:
                    counted[fixed] = False
            found += ((leaf, cell) for cell in sampled(np.flatnonzero(counted), shape, MOST_CELLS, rng))
    return found


def _row(run: Pass, held: Mapping[int, Array], leaf: int, cell: Cell) -> Check:
    """What differences say of a cell."""
    gradient = run.cotangent(leaf)
    analytic, at = float(gradient[cell]), float(run.value(leaf)[cell])
    function = partial(_moved, run, held, leaf, cell)
    numeric, error = best(list(differences(function, at, analytic)), analytic)
    row = Check(run.graph.names[leaf], cell, analytic, numeric, error, 1, gradient.size)
    kink = find_kink(function, at) if row.verdict == "fail" else None
    return structs.replace(row, reason=KINK) if kink is not None and kink.finite else row


def _moved(run: Pass, held: Mapping[int, Array], leaf: int, cell: Cell, to: float) -> float:
    """The function's value with one cell of one leaf moved, and what is `held` as it was."""
    changed = run.value(leaf).copy()
    changed[cell] = to
    fixed = [Override(t, False, (), array) for t, array in held.items()]
    moved = run.beside(run.graph, lambda t: changed if t == leaf else run.value(t), fixed)
    with np.errstate(all="ignore"):
        return sum(float((moved.value(out) * moved.seed(out)).sum()) for out in run.graph.incoming)
