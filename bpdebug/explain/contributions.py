"""Who gave what to a gradient: its terms before the sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from operator import methodcaller

from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.engine import BACKWARD, SEED, Timeline
from bpdebug.engine.run import Pass
from bpdebug.engine.stats import two_norm
from bpdebug.expression import Target
from bpdebug.far import as_array
from bpdebug.symbolic import stretched
from bpdebug.translation import N_

INCOMING = N_("incoming")


class Given(Struct, frozen=True, eq=False):
    """One term: the node it comes from (or INCOMING), at which event, and the norms of it and of the sum after it.

    `share` is its norm as a part of the sum of all norms; `axes` are those it was summed over, as broadcast. Its cells
    are computed when asked for: of a weight that is used a thousand times there are a thousand such terms.
    """

    source: str
    event: int
    formula: str
    axes: tuple[int, ...]
    _value: Callable[[], Array]
    _total: Callable[[], Array]
    _before: Callable[[], Array] | None = None
    norm: float = 0.0
    share: float = 0.0
    sum_norm: float = 0.0

    @property
    def value(self) -> Array:
        """What is added, of the shape of the cells that are asked about."""
        return self._value()

    @property
    def total(self) -> Array:
        """The sum after it, of the same shape."""
        return self._total()

    @property
    def before(self) -> Array | None:
        """What the rule gave before it was summed over `axes`; None where it was not."""
        return self._before() if self._before else None


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
    schedule, tensor = timeline.schedule, goal.reference.tensor
    iteration = schedule.iteration_at(at)
    terms = list(_terms(timeline, goal, iteration)) if schedule.completed_by(tensor, iteration) is not None else []
    later = tuple((t.source, t.event) for t in terms if t.event > at)
    status, whole = schedule.grad_status(tensor, at), timeline.grad_at(tensor, at)
    if whole is None:
        return Contributions(of, goal, status, (), None, later)
    there = terms[: len(terms) - len(later)]
    norms = [two_norm(t.value) for t in there]
    together = sum(norms)
    rows = tuple(
        replace(t, norm=norm, share=norm / together if together else 0.0, sum_norm=two_norm(t.total))
        for t, norm in zip(there, norms, strict=True)
    )
    return Contributions(of, goal, status, rows, as_array(whole[goal.key]), later)


def _terms(timeline: Timeline, goal: Target, iteration: int) -> Iterator[Given]:
    """The seed where one comes in, then what each consumer gives, in event order; norms are not worked out."""
    graph, tensor = timeline.graph, goal.reference.tensor

    def cells(read: Callable[[Pass], Array | None]) -> Callable[[], Array]:
        def array() -> Array:
            found = read(timeline.iteration(iteration))
            assert found is not None
            part: Array = as_array(found[goal.key])
            return part

        return array

    def total(count: int) -> Callable[[], Array]:
        return cells(methodcaller("partial", tensor, count))

    seed = timeline.schedule.index_of(SEED, tensor, iteration)
    if seed is not None:
        formula = "1" if tensor == graph.loss else f"∂{graph.names[tensor]}"
        yield Given(INCOMING, seed, formula, (), cells(methodcaller("seed", tensor)), total(0))
    for count, (k, position) in enumerate(graph.edges_from(tensor), 1):
        index = timeline.schedule.index_of(BACKWARD, graph.tensor(k), iteration)
        plan, names = graph.plans[k], graph.leaf_names(k)
        given = plan.gradients[position]
        assert index is not None
        assert given is not None
        axes = stretched(given.shape, graph.shapes[tensor])
        yield Given(
            graph.nodes[k].id, index, plan.formula(position, *names), axes,
            cells(methodcaller("contribution", k, position)), total(count),
            partial(_before_sum, timeline, index, position) if axes else None,
        )  # fmt: skip


def _before_sum(timeline: Timeline, index: int, position: int) -> Array:
    """What the rule of an event gave to an operand before it was summed over broadcast axes."""
    (given,) = (c for c in timeline.event(index).contributions if c.position == position)
    return given.rule[-1].value
