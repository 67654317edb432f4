"""Where a gradient is a matter of convention: the kinks that it, or what it is made from, stands at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from bpdebug.arrays import Array
from bpdebug.checks.kinks import find_kink
from bpdebug.checks.one_rule import Trial, check_node
from bpdebug.checks.rule import OnPass
from bpdebug.ops.conventions import said
from bpdebug.translation import _, clauses

Edges = Sequence[tuple[int, int, Array]]
"""A node, the number of its operand, and the cotangent that comes in at the node."""
MOST_CELLS = 64
"""Cells that differ of which it is asked whether they are at a kink."""


@np.errstate(all="ignore")
def kinks_of(on: OnPass, made: Array, truth: Array, edges: Edges, seed: float | Array, near: float) -> list[int] | None:
    """The nodes among `edges` that have a kink at the cells where an array differs from a gradient.

    None where a cell at a kink is none of the answers that one could give there; [] where no cell is at one.
    """
    found: set[int] = set()
    trials = [(k, Trial(on.rule(k), p, g)) for k, p, g in edges]
    differ = np.argwhere(~(np.abs(made - truth) <= near) & ~(np.isnan(made) & np.isnan(truth)))
    for at in differ[:MOST_CELLS]:
        cell = tuple(int(i) for i in at)
        low = high = float(np.broadcast_to(seed, truth.shape)[cell])
        for k, trial in trials:
            kink = find_kink(partial(trial.results, cell), float(trial.x[cell]))
            low += float(trial.gradient[cell]) if kink is None else kink.low
            high += float(trial.gradient[cell]) if kink is None else kink.high
            found |= set() if kink is None else {k}
        if np.isnan(made[cell]) or (found and not low <= made[cell] <= high):
            return None
    return sorted(found)


def kinks_after(on: OnPass, tensor: int, iteration: int) -> list[int]:
    """The first node between a tensor and the outputs whose rule stands at a kink of its own."""
    graph, reached = on.graph, {tensor}
    for k in reversed(graph.backward_nodes):
        operands = {p: t for p, t in graph.edges(k) if t in reached}
        reached |= {graph.tensor(k)} if operands else set()
        if operands and graph.nodes[k].op.kink:
            rows = check_node(on.timeline.iteration(iteration), k)
            if any(rows[p].kink for p in operands.keys() & rows.keys()):
                return [k]
    return []


def convention(on: OnPass, nodes: Sequence[int]) -> str:
    """In words, what holds at the kinks of these nodes."""
    some = [on.graph.nodes[k] for k in nodes[:3]]
    words = {f"{node.op.name} '{node.id}'": said(node.op, node.attrs) for node in some}
    kinks = (
        _("{node}, {convention}").format(node=name, convention=kink or _("one of the slopes to its left and right"))
        for name, kink in words.items()
    )
    return _("right off the kink, and another convention at it; here: {kinks}").format(kinks=clauses(*kinks))
