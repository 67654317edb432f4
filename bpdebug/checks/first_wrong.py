"""Which rule is wrong: every rule by differences on its own inputs, and what was wrong already upstream of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from math import prod

import numpy as np
from msgspec import Struct, structs

from bpdebug.arrays import Array
from bpdebug.checks.differences import FAIL, LOOK, Check
from bpdebug.checks.one_rule import check_rule
from bpdebug.checks.rule import Rule, rule_of, to_float64
from bpdebug.engine import BACKWARD, Timeline
from bpdebug.engine.closeness import index_of, relative, top
from bpdebug.engine.edits import overridden
from bpdebug.graph import Lit

RULE, UPSTREAM = "rule", "upstream"
MOST_CELLS = 4096
"""Cells of an operand that are moved one by one where its rule is wrong; of a larger one the op's own rule is taken."""
NEAREST = 50
"""Nodes nearest to the outputs, which are checked first where time is short: what is wrong there is wrong upstream."""
STEP = 1e-3
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


Progress = Callable[[int, int], None]


@np.errstate(all="ignore")
def check(
    timeline: Timeline, iteration: int, tensors: Collection[int] | None = None, progress: Progress | None = None,
    over: Callable[[], bool] | None = None,
) -> Checked:  # fmt: skip
    """Every rule of an iteration's backward pass (or of these tensors' nodes), alone and in its place.

    Alone: the rule on its own inputs, against differences, with a random cotangent. In its place: what it gives is
    compared with what a pass gives in which every rule found wrong is replaced by differences. `progress(done, total)`
    is called before each rule. Where `over` says after a rule that the time is over, the others are left out: those
    nearest to the outputs were first, then came a sample of the rest, the same in every run.
    """
    graph = timeline.graph
    nodes = list(graph.backward_nodes)
    wanted = set(nodes) if tensors is None else {k for k in map(graph.k, tensors) if k is not None} & set(nodes)
    asked, needed = len(wanted), _downstream(timeline, wanted)
    alone: dict[int, dict[int, Check]] = {}
    for k in _ordered(nodes, wanted, needed, sample=over is not None):
        if progress is not None:
            progress(len(alone), len(needed))
        alone[k] = _alone(timeline, k, iteration)
        if over is not None and over():
            break
    wanted = wanted & alone.keys()
    wrong = {(k, p) for k, found in alone.items() for p, row in found.items() if row.verdict == "fail"}
    changed = {t for k in needed for t in (graph.tensor(k),) if overridden(timeline.edits, t, True, iteration)}
    rows: list[RuleVerdict] = []
    passes = Passes(timeline, iteration, wrong) if wrong or changed else None
    for k in nodes:
        if k in needed:
            upstream = passes.compared(k) if passes else {}
            if k in wanted:
                rows += _rows(timeline, k, alone[k], upstream)
    bad = any(r.where is not None for r in rows)
    suspects = [k for k in nodes if any(e[0] == k for e in wrong) or graph.tensor(k) in changed]
    first = suspects[0] if bad and suspects else None
    was_set = first is not None and not any(e[0] == first for e in wrong)
    return Checked(tuple(rows), None if first is None else graph.nodes[first].id, was_set, len(wanted), asked)


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


def _alone(timeline: Timeline, k: int, iteration: int) -> dict[int, Check]:
    """The check of each operand's rule on its own inputs, by position; operands without cells have none."""
    graph = timeline.graph
    index = timeline.schedule.index_of(BACKWARD, graph.tensor(k), iteration)
    assert index is not None
    operands = dict(graph.edges(k))
    positions = [p for p, t in operands.items() if prod(graph.shapes[t])]
    found = check_rule(timeline.event(index))
    return {p: row for p, row in zip(positions, found, strict=True) if graph.has_gradient(operands[p])}


def _rows(
    timeline: Timeline, k: int, alone: dict[int, Check], upstream: dict[int, RuleVerdict]
) -> Iterator[RuleVerdict]:
    name = timeline.graph.nodes[k].id
    for position, row in alone.items():
        other = upstream.get(position)
        if row.verdict != "fail" and other is not None and other.verdict != "pass":
            yield other
            continue
        yield RuleVerdict(**structs.asdict(row), node=name, where=RULE if row.verdict == "fail" else None)


class Passes:
    """An iteration's backward pass in double precision, twice: as the rules have it, and with the wrong ones mended.

    Nodes are to be asked for in backward order, each after all that its gradient depends on.
    """

    def __init__(self, timeline: Timeline, iteration: int, wrong: set[tuple[int, int]]) -> None:
        self.timeline, self.iteration, self.wrong = timeline, iteration, wrong
        graph, run = timeline.graph, timeline.iteration(iteration)
        self.values: list[Array] = [to_float64(run.value(t)) for t in range(graph.first)]
        for k in range(len(graph.nodes)):
            self.values.append(self._overridden(graph.tensor(k), self._rule(k).value(), False))
        self.found: dict[int, Array] = {}
        self.mended: dict[int, Array] = {}
        for t in graph.incoming:
            self.found[t] = self.mended[t] = to_float64(run.seed(t))

    def _rule(self, k: int) -> Rule:
        inputs = self.timeline.graph.read_by_rule(k)
        return rule_of(self.timeline, k, (i.value if isinstance(i, Lit) else self._value(i) for i in inputs))

    def _value(self, tensor: int) -> Array:
        """As worked out here; what comes later in the pass, and only a written rule reads, as the pass has it."""
        known = tensor < len(self.values)
        return self.values[tensor] if known else to_float64(self.timeline.iteration(self.iteration).value(tensor))

    def _overridden(self, tensor: int, array: Array, gradient: bool) -> Array:
        for override in overridden(self.timeline.edits, tensor, gradient, self.iteration):
            array = override.applied(array)
        return array

    def compared(self, k: int) -> dict[int, RuleVerdict]:
        """Node k's contributions in both passes, which are added up on the way; by position, where they differ."""
        graph, rule = self.timeline.graph, self._rule(k)
        out = graph.tensor(k)
        g = self._overridden(out, self.found[out], True)
        truth, y, rows = self.mended[out], self.values[out], {}
        for position, tensor in graph.edges(k):
            if not graph.has_gradient(tensor):
                continue
            given = rule.gradient(position, y, g)
            right = self._right(rule, k, position, truth)
            if right.size:
                rows[position] = _difference(graph.nodes[k].id, graph.names[tensor], given, right)
            for total, added in ((self.found, given), (self.mended, right)):
                total[tensor] = total[tensor] + added if tensor in total else added
        return rows

    def _right(self, rule: Rule, k: int, position: int, g: Array) -> Array:
        """What the rule should give: what it gives where it is right, else the differences."""
        x, y = rule.inputs[position], self.values[self.timeline.graph.tensor(k)]
        if (k, position) not in self.wrong:
            return rule.gradient(position, y, g)
        if x.size > MOST_CELLS:
            return rule.gradient(position, y, g, own=True)
        slope = np.zeros(x.shape)
        with np.errstate(all="ignore"):
            for cell in np.ndindex(x.shape):
                step = STEP * max(1.0, abs(float(x[cell])))
                slope[cell] = sum(
                    weight * self._weighed(rule, position, x, cell, n * step, g)
                    for n, weight in ((2, -1), (1, 8), (-1, -8), (-2, 1))
                ) / (12 * step)
        return slope

    @staticmethod
    def _weighed(rule: Rule, position: int, x: Array, cell: tuple[int, ...], by: float, g: Array) -> float:
        moved = x.copy()
        moved[cell] += by
        value = rule.moved(position, moved)
        return float((value * g).sum(where=np.isfinite(value)))


def _difference(node: str, operand: str, given: Array, right: Array) -> RuleVerdict:
    """The worst cell of two arrays, as a verdict on what came from upstream."""
    error = relative(given, right, NOTHING * top(given, right))
    cell = index_of(error)
    worst = float(error[cell])
    doubt = (UPSTREAM, "off by little, because of what is wrong upstream") if LOOK < worst <= FAIL else ("", "")
    return RuleVerdict(
        operand, cell, float(given[cell]), float(right[cell]), worst, 0, 0, *doubt,
        node=node, where=UPSTREAM if worst > FAIL else None,
    )  # fmt: skip
