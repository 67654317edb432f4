"""Followed from event to event: of which cells a cell is the sum of products, and which cells it goes into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, Cell
from bpdebug.cells.expand import Expansion
from bpdebug.cells.terms import Factor, Terms
from bpdebug.engine import BACKWARD, FORWARD, SEED, UPDATE, Timeline
from bpdebug.graph import Subject, subjects
from bpdebug.progress import may_stop
from bpdebug.symbolic import Expr
from bpdebug.symbolic.notation import Notation, cell_of, literal, words

INCOMING = words("incoming")
NAMELESS = words("")
"""What a literal is called."""
MOST_FORWARD = 2**16
"""Cells of a cotangent beyond which a gradient's way on is not worked out cell by cell."""
MOST_EXPANSIONS = 256
"""Of so many nodes the rules are kept opened."""


class CellSource(Struct, frozen=True, eq=False):
    """What one event adds to a cell: its terms, and what the arrays that their factors are cells of are and are called.

    `event` is None for what is given: a leaf's value, an incoming gradient. `cotangent` is the expression that stands
    for the node's gradient in the terms of a backward rule; `where` says what short names among the factors' mean.
    """

    event: int | None
    node: str
    formula: Notation
    terms: tuple[Terms, ...]
    names: Mapping[int, Notation]
    subjects: dict[int, Subject]
    cotangent: Expr | None = None
    where: tuple[tuple[Notation, Notation], ...] = ()

    def __len__(self) -> int:
        return sum(len(t.of) for t in self.terms)

    @property
    def sum(self) -> float:
        with np.errstate(all="ignore"):
            return float(sum(t.products.sum() for t in self.terms))

    def products(self, most: int | None = None) -> list[Product]:
        """The terms one by one, all of them or the `most` largest, in their own order."""
        every = np.concatenate([t.products for t in self.terms]) if self.terms else np.zeros(0)
        chosen = np.arange(len(every))
        if most is not None and most < len(every):
            size = np.where(np.isnan(every), np.inf, np.abs(every))
            chosen = np.sort(np.argpartition(-size, most - 1)[:most])
        starts = np.cumsum([0, *(len(t.of) for t in self.terms)])
        which = np.searchsorted(starts, chosen, side="right") - 1
        return [
            Product(self._factors(self.terms[w], int(i - starts[w])), float(every[i]))
            for w, i in zip(which, chosen, strict=True)
        ]

    def _factors(self, terms: Terms, row: int) -> tuple[FactorCell, ...]:
        weight = float(terms.weight[row])
        found = [
            FactorCell(
                self._name(f), tuple(int(a[row]) for a in f.at), float(f.values[row]), f.under,
                self.subjects.get(id(f.expr)),
            )
            for f in terms.factors
        ]  # fmt: skip
        if weight == 1.0 and found and not found[0].under:
            return tuple(found)
        return (FactorCell(NAMELESS, (), weight), *found)  # a literal, or the 1 that a quotient begins with

    def _name(self, factor: Factor) -> Notation:
        return self.names.get(id(factor.expr), words("?"))


class FactorCell(Struct, frozen=True):
    """A cell of a named array, what that is, and its number; a literal has no name. `under`: divided by."""

    name: Notation
    cell: Cell
    value: float
    under: bool = False
    subject: Subject | None = None

    @property
    def text(self) -> Notation:
        """'∂Y[0, 1]', as it is typed."""
        return cell_of(self.name, self.cell) if self.name else literal(self.value)


class Product(Struct, frozen=True):
    """One term: the cells that are multiplied, and what they give."""

    factors: tuple[FactorCell, ...]
    value: float


class Consumer(Struct, frozen=True):
    """Where a cell goes: cells of the array `name`, made at an event, each with the factor it has there."""

    name: str
    event: int
    cells: tuple[Cell, ...]
    weights: tuple[float, ...]
    count: int


class CellTracer:
    """An iteration, followed cell by cell, upstream and downstream."""

    def __init__(self, timeline: Timeline, iteration: int) -> None:
        self.timeline, self.graph, self.iteration = timeline, timeline.graph, iteration
        self.run = timeline.iteration(iteration)
        self._expansions: dict[tuple[int, bool], Expansion] = {}
        self._reaches: dict[tuple[int, bool], dict[int, bool]] = {}

    def index(self, phase: str, tensor: int) -> int | None:
        return self.timeline.schedule.index_of(phase, tensor, self.iteration)

    # --- upstream -------------------------------------------------------------------------------------------------

    def of_value(self, tensor: int, cell: Cell) -> Iterator[CellSource]:
        """A node's value, of its operands' cells; a parameter's of an update is not taken apart."""
        k = self.graph.k(tensor)
        if k is None:
            return
        expansion = self.expansion(k, backward=False)
        terms = tuple(expansion.terms(expansion.plan.value, cell))
        call = self.graph.call_text(k)
        yield self.source(k, self.index(FORWARD, tensor), call, terms, expansion.plan.value)

    def of_gradient(self, tensor: int, cell: Cell) -> Iterator[CellSource]:
        """A gradient, of what each edge gives; what comes in first."""
        graph, found = self.graph, self.terms_of_gradient(tensor, cell)
        if tensor in graph.incoming:
            yield CellSource(self.index(SEED, tensor), graph.names[tensor], INCOMING, next(found), {}, {})
        for (k, position), terms in zip(graph.edges_from(tensor), found, strict=True):
            formula = graph.plans[k].formula(position, graph.operand_names(k), graph.nodes[k].id)
            yield self.source(k, self.index(BACKWARD, graph.tensor(k)), formula, terms, graph.plans[k].summed(position))

    def terms_of_gradient(self, tensor: int, cell: Cell) -> Iterator[tuple[Terms, ...]]:
        """The terms alone, of the same in the same order: a weight may have 100,000 edges."""
        if tensor in self.graph.incoming:
            yield (Terms(np.zeros(1, np.int64), np.array([float(self.run.seed(tensor)[cell])])),)
        for k, position in self.graph.edges_from(tensor):
            may_stop()
            yield self.contribution(k, position, cell)

    def contribution(self, k: int, position: int, cell: Cell) -> tuple[Terms, ...]:
        """The terms of a cell of what node k gives to its operand at `position`, un-broadcast."""
        expansion = self.expansion(k, backward=True)
        return tuple(expansion.terms(expansion.plan.summed(position), cell))

    def expansion(self, k: int, *, backward: bool) -> Expansion:
        """Node k's rule on this iteration's numbers, forward or backward."""
        found = self._expansions.get((k, backward))
        if found is None:
            plan = self.graph.plans[k]
            g = self.run.gradient(self.graph.tensor(k)) if backward else None
            reaches = self._reaches.setdefault((id(plan), backward), {})
            found = Expansion(plan, self.run.leaves(k, g), (plan.g,) if backward else None, reaches)
            if len(self._expansions) >= MOST_EXPANSIONS:
                del self._expansions[next(iter(self._expansions))]
            self._expansions[k, backward] = found
        return found

    def source(self, k: int, event: int | None, formula: Notation, terms: tuple[Terms, ...], root: Expr) -> CellSource:
        """Terms of an expression of node k's rule, with names for what their factors are cells of."""
        plan, node = self.graph.plans[k], self.graph.nodes[k]
        brief = plan.brief(root, self.graph.operand_names(k), node.id)
        factors = {id(f.expr): f.expr for t in terms for f in t.factors}
        names = {ident: brief.factor(e) for ident, e in factors.items()}
        subject_of = subjects(self.graph, k)
        found = {ident: subject_of(e) for ident, e in factors.items()}
        return CellSource(event, node.id, formula, terms, names, found, plan.g, brief.said_of(*factors.values()))

    # --- downstream -----------------------------------------------------------------------------------------------

    def from_value(self, tensor: int, cell: Cell) -> Iterator[Consumer]:
        """The cells of consumers' values that a cell goes into: those whose gradients come back to it."""
        for k, position in self.graph.edges_from(tensor):
            out = self.graph.tensor(k)
            index = self.index(FORWARD, out)
            slopes = self.slopes(k, position, cell)
            if index is not None and slopes:
                yield _consumer(self.graph.names[out], index, slopes)

    def from_gradient(self, tensor: int, cell: Cell) -> Iterator[Consumer]:
        """The cells of operands' gradients that a cell of a node's gradient goes into."""
        graph, k = self.graph, self.graph.k(tensor)
        index = self.index(BACKWARD, tensor)
        if k is None or index is None:
            parameter = tensor in self.timeline.store.updates.parameters
            update = self.index(UPDATE, tensor) if parameter else None
            if update is not None:
                yield Consumer(graph.names[tensor], update, (cell,), (float("nan"),), 1)
            return
        for position, operand in graph.edges(k):
            if graph.has_gradient(operand) and (weights := self._weights(k, position, cell)):
                yield _consumer(f"∂{graph.names[operand]}", index, weights)

    def slopes(self, k: int, position: int, cell: Cell) -> dict[Cell, float]:
        """The derivatives of node k's cells by one cell of an operand, as its rule has them; where they are not 0."""
        plan, found = self.graph.plans[k], dict[Cell, float]()
        for t in self.contribution(k, position, cell):
            at, others = _split(t, plan.g)
            if at is None:
                continue
            slope = others.products
            for row in range(len(t.of)):
                there = tuple(int(a[row]) for a in at)
                found[there] = found.get(there, 0.0) + float(slope[row])
        return found

    def _weights(self, k: int, position: int, cell: Cell) -> dict[Cell, float]:
        """What one cell of node k's cotangent is multiplied by on its way into each cell of an operand's gradient.

        The rule is linear in its cotangent, so it is asked for a cotangent of one cell; of a matrix product only the
        row or the column that the cell meets is looked at.
        """
        graph, plan, operand = self.graph, self.graph.plans[k], self.graph.operand(k, position)
        if graph.nodes[k].op.name == "matmul" and not plan.replaced and len(cell) == 2 == len(graph.shapes[operand]):
            other = self.run.value(graph.nodes[k].tensors[1 - position])
            line = other[:, cell[1]] if position == 0 else other[cell[0]]
            places = ((cell[0], n) if position == 0 else (n, cell[1]) for n in range(len(line)))
            return {c: float(w) for c, w in zip(places, line.tolist(), strict=True)}
        if prod(graph.shapes[graph.tensor(k)]) > MOST_FORWARD or prod(graph.shapes[operand]) > MOST_FORWARD:
            return {}
        tensor = graph.tensor(k)
        unit = np.zeros(graph.shapes[tensor], graph.dtypes[tensor])
        unit[cell] = 1.0
        with np.errstate(all="ignore"):
            made = plan.evaluate(plan.summed(position), self.run.leaves(k, unit))
        there = np.argwhere(made)
        return {tuple(map(int, c)): float(made[tuple(c)]) for c in there}


def _split(terms: Terms, leaf: Expr) -> tuple[tuple[Array, ...] | None, Terms]:
    """The cotangent's cells among the factors (None where there is none), and the terms without them."""
    mine = [f for f in terms.factors if f.expr is leaf]
    rest = tuple(f for f in terms.factors if f.expr is not leaf)
    return (mine[0].at if mine else None), Terms(terms.of, terms.weight, rest)


def _consumer(name: str, index: int, weights: dict[Cell, float], most: int = 64) -> Consumer:
    """The largest of many, in their own order."""
    chosen = sorted(sorted(weights, key=lambda c: -abs(weights[c]))[:most])
    return Consumer(name, index, tuple(chosen), tuple(weights[c] for c in chosen), len(weights))
