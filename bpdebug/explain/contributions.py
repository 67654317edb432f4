"""Who gave what to a gradient: its terms before the sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpdebug.engine import BACKWARD, SEED, Timeline
from bpdebug.engine.stats import two_norm
from bpdebug.expression import Target

Array = np.ndarray[Any, Any]
INCOMING = "incoming"


@dataclass(frozen=True, eq=False)
class Given:
    """One term: the node it comes `from` (or what comes in there), at which event, and the sum after it.

    `share` is its norm as a part of the sum of all norms; `axes` are those it was summed over, as broadcast, and
    `before` what the rule gave before that sum (None where there was none).
    """

    source: str
    event: int
    formula: str
    norm: float
    share: float
    value: Array
    total: Array
    axes: tuple[int, ...] = ()
    before: Array | None = None


@dataclass(frozen=True, eq=False)
class Contributions:
    """All terms of a gradient (or of cells of it) in event order, and their sum; None where there is no path."""

    of: str
    rows: tuple[Given, ...]
    sum: Array | None


def contributions(timeline: Timeline, goal: Target, iteration: int, of: str) -> Contributions:
    """The terms of a gradient in an iteration, the seed first where one comes in."""
    graph, run, tensor = timeline.graph, timeline.iteration(iteration), goal.reference.tensor
    whole = run.gradient(tensor)
    if whole is None:
        return Contributions(of, (), None)
    terms: list[tuple[str, int, str, Array, tuple[int, ...]]] = []
    if tensor in graph.incoming:
        at = timeline.index_of(SEED, tensor, iteration)
        assert at is not None
        formula = "1" if tensor == graph.loss else f"∂{graph.names[tensor]}"
        terms.append((INCOMING, at, formula, run.seed(tensor), ()))
    for k, position in graph.edges_from(tensor):
        index = timeline.index_of(BACKWARD, graph.first + k, iteration)
        assert index is not None
        plan, name = graph.plans[k], graph.names[graph.first + k]
        formula = plan.formula(position, timeline.graph.operand_names(k), name)
        given = plan.gradients[position]
        assert given is not None
        axes = _summed(given.shape, graph.shapes[tensor])
        terms.append((name, index, formula, run.contribution(k, position), axes))
    cells = [np.asarray(value[goal.key]) for *_, value, _ in terms]
    norms = [two_norm(c) for c in cells]
    together = sum(norms)
    rows = []
    for n, (source, at, formula, _, axes) in enumerate(terms):
        total = run.partial(tensor, n + (tensor not in graph.incoming)) if n + 1 < len(terms) else whole
        assert total is not None
        share = norms[n] / together if together else 0.0
        before = _before_sum(timeline, at, tensor, formula) if axes else None
        rows.append(Given(source, at, formula, norms[n], share, cells[n], np.asarray(total[goal.key]), axes, before))
    return Contributions(of, tuple(rows), np.asarray(whole[goal.key]))


def _before_sum(timeline: Timeline, index: int, tensor: int, formula: str) -> Array | None:
    """What the rule of an event gave to a tensor before it was summed over broadcast axes."""
    for c in timeline.event(index).contributions:
        if c.tensor == tensor and c.formula == formula:
            rule = [p for p in c.parts if p.why not in ("unbroadcast", "accumulate")]
            return rule[-1].value
    return None


def _summed(shape: tuple[int, ...], operand: tuple[int, ...]) -> tuple[int, ...]:
    """The axes a gradient of this shape is summed over to have the operand's."""
    lead = len(shape) - len(operand)
    stretched = (lead + a for a, n in enumerate(operand) if n == 1 and shape[lead + a] != 1)
    return (*range(lead), *stretched)
