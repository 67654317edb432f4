"""How events make arrays, and matrices that a report lays out for itself: the recipes that links are read off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from bpdebug.arrays import Array, Cell, Shape
from bpdebug.cells.links import linked_each
from bpdebug.cells.marks import Marks
from bpdebug.cells.trace import CellTracer
from bpdebug.engine import BACKWARD, FORWARD, Event, NodeEvent
from bpdebug.engine.parts import Recipe
from bpdebug.graph import Subject, subjects
from bpdebug.symbolic import Expr
from bpdebug.symbolic.leaves import bare


class Links:
    """What belongs to each of some cells of an array of this shape, by recipes that are made when it is asked."""

    def __init__(self, make: Callable[[], Iterable[Recipe]]) -> None:
        self.make = make

    @cached_property
    def recipes(self) -> tuple[Recipe, ...]:
        return tuple(self.make())

    def __call__(self, of: Subject, cells: Sequence[Cell], shape: Shape) -> Iterator[Marks]:
        return linked_each(self.recipes, of, cells, shape)


def of_event(event: Event) -> Iterator[Recipe]:
    """What an event makes: a node's value, what it gives to each operand, or the lines of an update."""
    tracer = CellTracer(event.timeline, event.iteration)
    if isinstance(event, NodeEvent) and event.phase == FORWARD:
        yield of_value(tracer, event.k)
    elif isinstance(event, NodeEvent) and event.phase == BACKWARD:
        yield from (of_edge(tracer, event.k, c.position) for c in event.contributions)
    else:
        yield from (a.recipe for a in event.assignments if a.recipe is not None)


def of_tensor(tracer: CellTracer, of: Subject) -> Iterator[Recipe]:
    """A node's value, or all that a gradient is the sum of."""
    graph = tracer.graph
    assert isinstance(of.tensor, int)
    if of.gradient:
        yield from (of_edge(tracer, k, position) for k, position in graph.edges_from(of.tensor))
    elif (k := graph.k(of.tensor)) is not None:
        yield of_value(tracer, k)


def of_value(tracer: CellTracer, k: int) -> Recipe:
    """Node k's value."""
    graph, expansion = tracer.graph, tracer.expansion(k, backward=False)
    return Recipe(Subject(graph.tensor(k)), expansion.plan.value, subjects(graph, k), expansion.value, expansion.opens)


def of_edge(tracer: CellTracer, k: int, position: int) -> Recipe:
    """What node k gives to its operand at `position`, un-broadcast."""
    graph, expansion = tracer.graph, tracer.expansion(k, backward=True)
    of = Subject(graph.operand(k, position), True)
    return Recipe(of, expansion.plan.summed(position), subjects(graph, k), expansion.value, expansion.opens)


def laid(of: Subject, expr: Expr, known: Mapping[Expr, Subject]) -> Recipe:
    """A row that a report lays out: an expression of leaves that are known, whose numbers do not matter."""

    def subject(e: Expr) -> Subject:
        use = bare(e)
        found = known.get(e) or known.get(use.of) or Subject("")
        return found.transpose if use.transposed and e not in known else found

    def value(e: Expr) -> Array:
        raise NotImplementedError(f"{e} has no numbers")

    return Recipe(of, expr, subject, value)
