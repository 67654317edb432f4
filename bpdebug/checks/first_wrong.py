"""Which rule is wrong: every rule by differences on its own inputs, and what was wrong already upstream of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Set
from contextlib import closing
from typing import Any

import numpy as np
from msgspec import Struct, structs

from bpdebug.arrays import Array, Cell
from bpdebug.checks.differences import FAIL, LOOK, Check
from bpdebug.checks.one_rule import check_node, judge, rule_at_node
from bpdebug.checks.rule import NodeRule, float64_pass, rule_of
from bpdebug.engine import Timeline
from bpdebug.engine.closeness import index_of, relative, top
from bpdebug.engine.edits import overridden, overrides
from bpdebug.engine.run import Pass
from bpdebug.engine.source import ArraySource
from bpdebug.errors import CommandError
from bpdebug.graph import Graph
from bpdebug.translation import N_, _
from bpdebug.workers import JOBS, Spread, spread

RULE, UPSTREAM = "rule", "upstream"
MOST_CELLS = 4096
"""Cells of an operand that are moved one by one where its rule is wrong; of a larger one the op's own rule is taken."""
NEAREST = 50
"""Nodes nearest to the outputs, which are checked first where time is short: what is wrong there is wrong upstream."""
STEP, FOURTH = 1e-3, ((2, -1), (1, 8), (-1, -8), (-2, 1))
"""The step relative to a cell or to 1, and the weights, over 12 steps, of the values as many steps away
(Abramowitz and Stegun 1964, table 25.2). The error is of the order of the step's fourth power, 1e-12."""
NOTHING = 1e-8
"""Cells below this part of the largest one are rounding, and are not compared."""


class RuleVerdict(Check, frozen=True, kw_only=True):
    """One operand of one node: the worst cell with both derivatives, and where the fault lies.

    `where` is "rule" (this rule is wrong), "upstream" (it was handed a wrong gradient) or None. A `reason` UPSTREAM:
    little of what is wrong there. `checked` of the operand's `cells` were moved; 0 of a row that was compared with a
    mended pass, which looks at every cell.
    """

    node: str
    where: str | None


class Checked(Struct, frozen=True):
    """The rows in event order, and the first node on the way back at which something is wrong.

    `was_set`: it is not a rule of that node, but its gradient, which was set by hand. Of the `nodes` that were to be
    checked `checked` were, before the time was over.
    """

    rows: tuple[RuleVerdict, ...]
    first_wrong: str | None
    was_set: bool = False
    checked: int = 0
    nodes: int = 0


@np.errstate(all="ignore")
def check(
    timeline: Timeline, iteration: int, tensors: Collection[int] | None = None, over: Callable[[], bool] | None = None
) -> Checked:
    """Every rule of an iteration's backward pass (or of these tensors' nodes), alone and in its place.

    Alone: the rule on its own inputs, against differences, with a random cotangent. In its place: what it gives is
    compared with what a pass gives in which every rule found wrong is replaced by differences. How far it is, is
    reported. Where `over` says that the time is over, the other rules are left out, and of a long one its other cells:
    those nearest to the outputs were first, then came a sample of the rest, the same in every run.
    """
    graph = timeline.graph
    nodes = list(graph.backward_nodes)
    wanted = set(nodes) if tensors is None else {k for k in map(graph.k, tensors) if k is not None} & set(nodes)
    asked, needed = len(wanted), _downstream(timeline, wanted)
    alone: dict[int, dict[int, Check]] = {}
    order = _ordered(nodes, wanted, needed, sample=over is not None)
    backend = timeline.store.budget.backend
    client = None if backend is None or backend.cluster is None else backend.cluster.client
    with closing(spread(order, _alone(timeline, iteration, over), client=client)) as found:
        for k, rows_of in zip(order, found, strict=True):
            if not rows_of and over is not None and over():
                break  # not one cell could be moved in time
            alone[k] = {p: row for p, row in rows_of.items() if graph.has_gradient(dict(graph.edges(k))[p])}
            if over is not None and over():
                break
    wanted = wanted & alone.keys()
    wrong = {(k, p) for k, found in alone.items() for p, row in found.items() if row.verdict == "fail"}
    changed = {t for k in needed for t in (graph.tensor(k),) if overridden(timeline.edits, t, True, iteration)}
    rows: list[RuleVerdict] = []
    passes = _passes(timeline, iteration, wrong) if wrong or changed else ()
    for k in nodes:
        if k in wanted:
            rows += _rows(graph, k, alone[k], _compared(*passes, k) if passes else {})
            for run in passes[1:]:
                run.passed(k)
    bad = any(r.where is not None for r in rows)
    suspects = [k for k in nodes if any(e[0] == k for e in wrong) or graph.tensor(k) in changed]
    first = suspects[0] if bad and suspects else None
    was_set = first is not None and not any(e[0] == first for e in wrong)
    return Checked(tuple(rows), None if first is None else graph.nodes[first].id, was_set, len(wanted), asked)


def _alone(timeline: Timeline, iteration: int, over: Callable[[], bool] | None) -> Spread:
    """How the rules of an iteration's nodes are checked, each alone."""

    def away(k: int) -> tuple[Any, ...] | None:
        found = rule_at_node(timeline.iteration(iteration), k)
        return None if found is None or not found[0].portable else (judge, *found, over)

    def died(k: int) -> dict[int, Check]:
        node = timeline.graph.nodes[k]
        message = f"the process that checked {node.op.name} '{node.id}' died"
        raise CommandError(message, code="E_LIMIT", hint=f"too little memory? {JOBS}=1 checks in this process alone")

    return Spread(lambda k: check_node(timeline.iteration(iteration), k, over), away, died, N_("rules"))


def _ordered(nodes: list[int], wanted: set[int], needed: set[int], *, sample: bool) -> list[int]:
    """The needed of these nodes as they are checked: in backward order, or as a sample with the wanted ones first."""
    if not sample:
        return [k for k in nodes if k in needed]
    order = []
    for some in (wanted, needed - wanted):
        found = [k for k in nodes if k in some]
        rest = np.random.default_rng(0).permutation(np.array(found[NEAREST:], int))
        order += [*found[:NEAREST], *rest.tolist()]
    return order


def _downstream(timeline: Timeline, nodes: set[int]) -> set[int]:
    """These nodes, and all whose gradients theirs depend on."""
    graph, found = timeline.graph, set(nodes)
    for k in reversed(graph.backward_nodes):
        if k in found:
            found.update(user for user, _ in graph.edges_from(graph.tensor(k)))
    return found


def _passes(timeline: Timeline, iteration: int, wrong: Set[tuple[int, int]]) -> tuple[Pass, MendedPass]:
    """An iteration in double precision, twice: as its rules have it, and with the wrong ones mended."""
    found = float64_pass(timeline.iteration(iteration), overrides(timeline.edits, iteration))
    source = Mended(found, wrong)
    source.run = MendedPass(found.graph, found.value, source)
    return found, source.run


class MendedPass(Pass):
    """A pass that is gone through once, from the last node to the first: it keeps what is still needed."""

    def __init__(self, graph: Graph, leaf: Callable[[int], Array], source: Mended) -> None:
        super().__init__(graph, leaf, source)
        self._last: dict[int, list[int]] = {}
        for k in graph.backward_nodes:
            nodes = [n for _, t in graph.edges(k) if (n := graph.k(t)) is not None and graph.has_gradient(t)]
            self._last.setdefault(min(nodes, default=k), []).append(k)

    def passed(self, k: int) -> None:
        """What node k gives was looked at: values are read again, and gradients go that nothing more depends on."""
        tensor = self.graph.tensor(k)
        for read in (k, *(edge[0] for edge in self.graph.edges_from(tensor))):
            for t in self._read(read):
                self.V[t] = None
        for done in self._last.get(k, ()):
            self.G[self.graph.tensor(done)] = None


def _rows(graph: Graph, k: int, alone: dict[int, Check], upstream: dict[int, RuleVerdict]) -> Iterator[RuleVerdict]:
    """A node's rows: of an operand whose rule is not wrong what came from upstream, where that is."""
    for position, row in alone.items():
        other = upstream.get(position)
        if row.verdict != "fail" and other is not None and other.verdict != "pass":
            yield other
            continue
        yield RuleVerdict(**structs.asdict(row), node=graph.nodes[k].id, where=RULE if row.verdict == "fail" else None)


class Mended(ArraySource):
    """A pass as it would be with other rules where some are `wrong`, (node, position): what they give by differences.

    `run` is that pass; its values are those of the `other`.
    """

    run: Pass

    def __init__(self, other: Pass, wrong: Set[tuple[int, int]]) -> None:
        self.other, self.wrong = other, wrong
        self._known: dict[tuple[int, int], Array] = {}

    def value(self, tensor: int) -> Array:
        return self.other.value(tensor)

    def contribution(self, k: int, position: int) -> Array | None:
        if (k, position) in self.wrong and (k, position) not in self._known:
            self._known[k, position] = self._differences(k, position)
        return self._known.get((k, position))

    def _differences(self, k: int, position: int) -> Array:
        """The gradient by central differences of fourth order, whose error is of the order of STEP ** 4."""
        rule, out = rule_of(self.other.graph, k, self.other.operands(k)), self.other.graph.tensor(k)
        x, g = rule.inputs[position], self.run.cotangent(out)
        if x.size > MOST_CELLS:
            return rule.gradient(position, self.other.value(out), g, own=True)
        slope = np.zeros(x.shape)
        for cell in np.ndindex(x.shape):
            step = STEP * max(1.0, abs(float(x[cell])))
            weighed = (weight * _weighed(rule, position, cell, n * step, g) for n, weight in FOURTH)
            slope[cell] = sum(weighed) / (12 * step)
        return slope


def _weighed(rule: NodeRule, position: int, cell: Cell, by: float, g: Array) -> float:
    """The sum of a node's cells times their cotangents, with one cell of an operand moved."""
    moved = rule.inputs[position].copy()
    moved[cell] += by
    value = rule.moved(position, moved)
    return float((value * g).sum(where=np.isfinite(value)))


def _compared(found: Pass, mended: Pass, k: int) -> dict[int, RuleVerdict]:
    """What node k gives in both passes, by position: its worst cell."""
    graph = found.graph
    operands = {p: t for p, t in graph.edges(k) if graph.has_gradient(t) and graph.nbytes(t)}
    return {
        p: _difference(graph.nodes[k].id, graph.names[t], found.contribution(k, p), mended.contribution(k, p))
        for p, t in operands.items()
    }


def _difference(node: str, operand: str, given: Array, right: Array) -> RuleVerdict:
    """The worst cell of two arrays, as a verdict on what came from upstream."""
    error = relative(given, right, NOTHING * top(given, right))
    cell = index_of(error)
    worst = float(error[cell])
    doubt = (UPSTREAM, _("off by little, because of what is wrong upstream")) if LOOK < worst <= FAIL else ("", "")
    return RuleVerdict(
        operand, cell, float(given[cell]), float(right[cell]), worst, 0, 0, *doubt,
        node=node, where=UPSTREAM if worst > FAIL else None,
    )  # fmt: skip
