"""How many bytes a graph's pass takes: counted from shapes, before anything is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from bpdebug.engine.budget import ARRAY, Budget
from bpdebug.engine.running_sums import KEEP
from bpdebug.graph import DRAWN, NODE, Graph
from bpdebug.symbolic import Expr, Plan, walk
from bpdebug.symbolic.by_samples import by_samples

AMPLE = 8
"""A budget of so many times the bytes of all values has room for a pass and all that is remembered of it."""


DIGITS = 39
"""So many digits to base 3 an integer of 64 bits has."""


def _once(count: Callable[[Graph], int]) -> Callable[[Graph], int]:
    """Counted once for a graph."""

    @wraps(count)
    def known(graph: Graph) -> int:
        if count.__name__ not in graph.kept:
            graph.kept[count.__name__] = count(graph)
        found: int = graph.kept[count.__name__]
        return found

    return known


@_once
def of_values(graph: Graph) -> int:
    """All values, those of leaves too."""
    return sum(map(graph.nbytes, range(graph.first))) + sum(plan.nbytes for plan in graph.plans)


def is_ample(graph: Graph, budget: int | Budget) -> bool:
    """Whether a budget is so large that nothing needs to be counted."""
    return AMPLE * of_values(graph) < (budget if isinstance(budget, int) else budget.size)


def of_leaves(graph: Graph) -> int:
    """The leaves, which are always there."""
    return sum(graph.nbytes(t) for t in range(graph.first) if graph.kind(t) != DRAWN)


def of_rules(graph: Graph) -> int:
    """What the largest rule computes on the way, where all parts of it are looked at."""
    return max((plan.scratch for plan in graph.every_edge.rules), default=0)


@_once
def at_work(graph: Graph) -> int:
    """What the function of the largest rule holds at once, beside the arrays that it gives, which stay."""
    most, sole = 0, sole_edges(graph)
    for k in _kinds(graph, sole):
        wanted = [(p, t) for p, t in graph.edges(k) if graph.has_gradient(t)]
        first, more = ([p for p, t in wanted if sole[t] == is_sole] for is_sole in (True, False))
        most = max(most, _beside(graph.plans[k], first, more))
    return most


def sole_edges(graph: Graph) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Per tensor: whether its gradient is what one edge contributes, as it is."""
    found: np.ndarray[Any, np.dtype[np.bool_]] = np.diff(graph.every_edge.flow.by_operand[0]) == 1
    found[list(graph.incoming)] = False
    return found


def _kinds(graph: Graph, sole: np.ndarray[Any, np.dtype[np.bool_]]) -> Iterable[int]:
    """One node of each kind: of the same plan, whose operands have gradients, and `sole` ones, at the same positions.

    What an operand is, is a digit to base 3; nodes of more operands than an integer has digits are each a kind.
    """
    flow = graph.every_edge.flow
    digits = (np.frombuffer(graph.on_path, np.bool_) * (1 + sole))[flow.operands].astype(np.int64)
    place = np.arange(len(digits)) - flow.start[flow.nodes]
    code, count = np.zeros(len(graph.plans), np.int64), np.diff(flow.start)
    np.add.at(code, flow.nodes, digits * 3 ** np.minimum(place, DIGITS))
    code[count > DIGITS] = -1 - np.flatnonzero(count > DIGITS)
    return dict(zip(zip(map(id, graph.plans), code.tolist(), strict=True), range(len(code)), strict=True)).values()


def _beside(plan: Plan, first: Sequence[int], more: Sequence[int]) -> int:
    """The same of one: the gradients at `first` stay as they are, those of `more` are added to what is there."""
    back = by_samples([plan.summed(position) for position in (*first, *more)])
    sums = max((e.nbytes for e in back[len(first) :]), default=0)
    gives = sum(map(_own, back[: len(first)]))
    value = by_samples([plan.value])
    return max(_held(value) - _own(*value), _held(back) - gives + sums)


def _own(e: Expr) -> int:
    """The bytes that an expression has for itself."""
    return 0 if e.prim is None or e.prim.view else e.nbytes


def _held(targets: Sequence[Expr]) -> int:
    """Bytes that are there at once: what is used twice stays to the end, the rest until it is used."""
    order = [e for e in walk(*targets) if e.prim is not None]
    uses = Counter(id(a) for e in order for a in e.operands()) + Counter(map(id, targets))
    own = {id(e): _own(e) for e in order}
    live = most = 0
    for e in order:
        assert e.prim is not None
        most = max(most, live + own[id(e)] + e.prim.scratch(e) * e.dtype.itemsize)
        live += own[id(e)] - sum(own.get(id(a), 0) for a in e.operands() if uses[id(a)] == 1)
    return most


def of_states(graph: Graph, changed: Collection[int]) -> int:
    """What updates change, before and after one."""
    return 2 * sum(map(graph.nbytes, changed))


@_once
def of_arrays(graph: Graph) -> int:
    """All values and gradients that a pass computes, and its masks."""
    numbers = range(len(graph.names))
    return sum(graph.nbytes(t) * ((graph.kind(t) in (NODE, DRAWN)) + graph.has_gradient(t)) for t in numbers)


def of_pass(graph: Graph) -> int:
    """The same, with the arrays themselves and the running sums that a walk leaves behind."""
    total = 0
    for t, consumers in enumerate(np.diff(graph.every_edge.flow.by_operand[0]).tolist()):
        sums = consumers // KEEP + 2 if consumers > 1 else 0
        owned = graph.kind(t) in (NODE, DRAWN)
        total += (graph.nbytes(t) + ARRAY) * (owned + (1 + sums) * graph.has_gradient(t))
    return total
