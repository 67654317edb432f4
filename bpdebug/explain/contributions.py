"""Who gave what to a gradient: its terms before the sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.engine import BACKWARD, SEED, Timeline
from bpdebug.engine.stats import two_norm
from bpdebug.expression import Target
from bpdebug.symbolic import stretched

INCOMING = "incoming"


class Given(Struct, frozen=True, eq=False):
    """One term: the node it comes `from` (or what comes in there), at which event, and the norm of the sum after it.

    `share` is its norm as a part of the sum of all norms; `axes` are those it was summed over, as broadcast. Its cells
    are computed when asked for: of a weight that is used a thousand times there are a thousand such terms.
    """

    source: str
    event: int
    formula: str
    shape: tuple[int, ...]
    norm: float
    share: float
    sum_norm: float
    axes: tuple[int, ...]
    _value: Callable[[], Array]
    _total: Callable[[], Array]
    _before: Callable[[], Array]

    @property
    def value(self) -> Array:
        """What is added."""
        return self._value()

    @property
    def total(self) -> Array:
        """The sum after it."""
        return self._total()

    @property
    def before(self) -> Array | None:
        """What the rule gave before it was summed over `axes`; None where it was not."""
        return self._before() if self.axes else None


class Contributions(Struct, frozen=True, eq=False):
    """The terms of a gradient (or of cells of it) that are there at a position, in event order, and their sum so far.

    `of` names them as they were asked for. `status` is what `Schedule.grad_status` says there, `sum` None where nothing
    is; `later` names the nodes that are still to come, with their events.
    """

    of: str
    goal: Target
    status: str
    rows: tuple[Given, ...]
    sum: Array | None
    later: tuple[tuple[str, int], ...] = ()


def contributions(timeline: Timeline, goal: Target, at: int, of: str) -> Contributions:
    """The terms of a gradient at a position, the seed first where one comes in."""
    graph, schedule, tensor = timeline.graph, timeline.schedule, goal.reference.tensor
    iteration = schedule.iteration_at(at)
    terms = list(_terms(timeline, tensor, iteration)) if schedule.completed_by(tensor, iteration) is not None else []
    later = tuple((t.source, t.event) for t in terms if t.event > at)
    status, whole = schedule.grad_status(tensor, at), timeline.grad_at(tensor, at)
    if whole is None:
        return Contributions(of, goal, status, (), None, later)

    def value(term: _Term) -> Array:
        return np.asarray(term.value()[goal.key])

    def total(count: int) -> Array:
        found = timeline.iteration(iteration).partial(tensor, count)
        assert found is not None
        return np.asarray(found[goal.key])

    there = terms[: len(terms) - len(later)]
    norms = [two_norm(value(term)) for term in there]
    together = sum(norms)
    rows = []
    for n, (term, norm) in enumerate(zip(there, norms, strict=True), tensor not in graph.incoming):
        share = norm / together if together else 0.0
        made = partial(value, term), partial(total, n), term.before
        shape = np.shape(whole[goal.key])
        rows.append(
            Given(term.source, term.event, term.formula, shape, norm, share, two_norm(total(n)), term.axes, *made)
        )
    return Contributions(of, goal, status, tuple(rows), np.asarray(whole[goal.key]), later)


class _Term(NamedTuple):
    """One term of a gradient; its value, and what its rule gave before the sum over `axes`, when asked for."""

    source: str
    event: int
    formula: str
    value: Callable[[], Array]
    before: Callable[[], Array]
    axes: tuple[int, ...] = ()


def _terms(timeline: Timeline, tensor: int, iteration: int) -> Iterator[_Term]:
    """The seed where one comes in, then what each consumer gives, in event order."""
    graph = timeline.graph
    seed = timeline.schedule.index_of(SEED, tensor, iteration)
    if seed is not None:
        formula = "1" if tensor == graph.loss else f"∂{graph.names[tensor]}"
        read = partial(_seed, timeline, iteration, tensor)
        yield _Term(INCOMING, seed, formula, read, read)
    for k, position in graph.edges_from(tensor):
        index = timeline.schedule.index_of(BACKWARD, graph.tensor(k), iteration)
        plan, name = graph.plans[k], graph.nodes[k].id
        given = plan.gradients[position]
        assert index is not None
        assert given is not None
        yield _Term(
            name, index, plan.formula(position, graph.operand_names(k), name),
            partial(_added, timeline, iteration, k, position), partial(_before_sum, timeline, index, position),
            stretched(given.shape, graph.shapes[tensor]),
        )  # fmt: skip


def _seed(timeline: Timeline, iteration: int, tensor: int) -> Array:
    return timeline.iteration(iteration).seed(tensor)


def _added(timeline: Timeline, iteration: int, k: int, position: int) -> Array:
    return timeline.iteration(iteration).contribution(k, position)


def _before_sum(timeline: Timeline, index: int, position: int) -> Array:
    """What the rule of an event gave to an operand before it was summed over broadcast axes."""
    (given,) = (c for c in timeline.event(index).contributions if c.position == position)
    return given.rule[-1].value
