"""How many bytes a graph's pass takes: counted from shapes, before anything is computed."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from bpdebug.engine.budget import ARRAY, Budget
from bpdebug.engine.running_sums import KEEP
from bpdebug.graph import DRAWN, NODE, Graph

AMPLE = 8
"""A budget of so many times the bytes of all values has room for a pass and all that is remembered of it."""


def is_ample(graph: Graph, budget: int | Budget) -> bool:
    """Whether a budget is so large that nothing needs to be counted."""
    if "bytes" not in graph.kept:
        graph.kept["bytes"] = sum(map(graph.nbytes, range(graph.first))) + sum(plan.nbytes for plan in graph.plans)
    known: int = graph.kept["bytes"]
    return AMPLE * known < (budget if isinstance(budget, int) else budget.size)


def of_leaves(graph: Graph) -> int:
    """The leaves, which are always there."""
    return sum(graph.nbytes(t) for t in range(graph.first) if graph.kind(t) != DRAWN)


def of_rules(graph: Graph) -> int:
    """What the largest rule computes on the way."""
    return max((plan.scratch for plan in {id(p): p for p in graph.plans}.values()), default=0)


def of_states(graph: Graph, changed: Collection[int]) -> int:
    """What updates change, before and after one."""
    return 2 * sum(map(graph.nbytes, changed))


def of_arrays(graph: Graph) -> int:
    """All values and gradients that a pass computes, and its masks."""
    numbers = range(len(graph.names))
    return sum(graph.nbytes(t) * ((graph.kind(t) in (NODE, DRAWN)) + graph.has_gradient(t)) for t in numbers)


def of_pass(graph: Graph) -> int:
    """The same, with the arrays themselves and the running sums that a walk leaves behind."""
    start, _ = graph.consumers
    total = 0
    for t, consumers in enumerate(np.diff(start).tolist()):
        sums = consumers // KEEP + 2 if consumers > 1 else 0
        owned = graph.kind(t) in (NODE, DRAWN)
        total += (graph.nbytes(t) + ARRAY) * (owned + (1 + sums) * graph.has_gradient(t))
    return total
