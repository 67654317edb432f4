"""One backward rule on its own inputs against central differences, in double precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from msgspec import structs

from bpdebug.arrays import Array, Cell, at_cell
from bpdebug.checks.differences import FAIL, FEW, LOOK, MOST_CELLS, STEPS, Check, best, differences, sampled, severity
from bpdebug.checks.kinks import KINK, ROUNDING, SECOND, SMALL, TIE, Kink, find_kink, second_jumps
from bpdebug.checks.rule import NodeRule, brought, largest, rule_of
from bpdebug.engine import BACKWARD, Event, NodeEvent
from bpdebug.engine.closeness import index_of, rounding
from bpdebug.engine.run import Pass
from bpdebug.ops import UNWRITTEN
from bpdebug.ops.conventions import said
from bpdebug.progress import TimeOver, part, until
from bpdebug.symbolic import Expr, Plan, walk
from bpdebug.translation import N_, _

SEED, SIGNS = np.random.SeedSequence(0), np.array((-1.0, 1.0))
"""What the random numbers of every rule's check start from, and the signs of its cotangent."""
LINEAR = (1.0,)
"""The step where the function is linear: any is exact, and a large one keeps the rounding small."""
LEAST_CELLS, MOST_WORK = 4, 2 * 10**10
"""Of a rule that takes more multiplications than this for all its cells, fewer are moved, and at least so many."""
LONG = 2**18
"""Cells of an operand, or of the result, that take a while each time."""
SURE = 1e-3
"""Part of a derivative that rounding may take of a difference for which the step was chosen afterwards."""
LARGE = 1e3
"""Size of what a rule computes on the way up to which its rounding excuses a derivative that is off by so little."""
BESIDE = 0.01
"""How far from a kink, relative to a cell or to 1, a rule is tried once more."""
TIES = ("max", "min", "maximum", "minimum", "cummax", "sort", "topk")
"""Ops that bend only where two of the cells they choose from are equal."""


def check_rule(event: Event) -> list[Check]:
    """One backward event's rule on its own inputs against central differences: is this rule wrong?

    One row an operand that has cells; none at another event.
    """
    if event.phase != BACKWARD or not isinstance(event, NodeEvent):
        return []
    return list(check_node(event.run, event.k).values())


def check_node(run: Pass, k: int, over: Callable[[], bool] | None = None) -> dict[int, Check]:
    """Node k's rule on the numbers of a pass: the worst cell of each operand by position; see `judge`."""
    found = rule_at_node(run, k)
    return {} if found is None else judge(*found, over)


def rule_at_node(run: Pass, k: int) -> tuple[NodeRule, dict[int, str]] | None:
    """Node k's rule on the numbers of a pass, and its operands that take gradients and have cells, by position.

    None where there is no rule.
    """
    graph = run.graph
    if graph.nodes[k].op.name in UNWRITTEN:
        return None
    names = {position: graph.names[tensor] for position, tensor in graph.edges(k) if prod(graph.shapes[tensor])}
    return rule_of(graph, k, brought(run.operands(k))), names


@np.errstate(all="ignore")
def judge(rule: NodeRule, names: Mapping[int, str], over: Callable[[], bool] | None = None) -> dict[int, Check]:
    """A rule on its own operands against differences: by position the worst cell of each operand that is named.

    The cotangent is random and not uniform, since one of ones hides mistakes (batch norm's gradient under it is zero
    by algebra). Large operands are sampled. Integer and boolean operands stay as they are. A rule that answers at a
    kink what one could is tried beside it too, where there is one answer only. A rule that takes long is left as soon
    as the time is `over`, with what is known of it by then.
    """
    rng = np.random.default_rng(SEED)
    g = rng.uniform(0.5, 1.5, rule.plan.shape) * SIGNS[rng.integers(0, 2, rule.plan.shape)]
    rows = {}
    size = max(prod(e.shape) for e in (*rule.plan.operands, rule.plan.y) if isinstance(e, Expr))
    long = cells_to_move(rule.plan, False) < MOST_CELLS or size >= LONG
    with suppress(TimeOver), until(over if long else None):
        for n, (position, name) in enumerate(names.items()):
            with part(n, len(names), N_("operands")):
                trial = Trial(rule, position, g, name)
                if not (found := trial.rows(rng)):
                    break
                kinks = [row.cell for row in found if row.kink and not rule.plan.outside][:LEAST_CELLS]
                found += _beside(trial, kinks, rng) if kinks else []
                rows[position] = max(found, key=severity)
    return rows


def _beside(trial: Trial, cells: Sequence[Cell], rng: Any) -> list[Check]:
    """What is wrong at cells when all operands are moved off the kink they stand on, to either side."""
    rule, found = trial.rule, list[Check]()
    moves = [rng.uniform(0.5, 1, np.shape(i)) * rng.choice((-1.0, 1.0), np.shape(i)) for i in rule.inputs]
    for side in (BESIDE, -BESIDE):
        inputs = tuple(
            np.asarray(i + side * move * np.maximum(1.0, np.abs(i))) if _floats(i) else i
            for i, move in zip(rule.inputs, moves, strict=True)
        )
        moved = Trial(structs.replace(rule, inputs=inputs), trial.position, trial.g, trial.name)
        moved.checked, moved.cells = trial.checked, trial.cells
        found += [moved.judged(cell) for cell in cells if np.isfinite(moved.x[cell])]
    return [row for row in found if row.verdict == "fail"]


def _floats(operand: Any) -> bool:
    return isinstance(operand, np.ndarray) and operand.dtype.kind == "f"


class Trial:
    """One operand's gradient, cell by cell against differences: `x` the operand, `g` the cotangent.

    `weight` is the cotangent with NaN where it weighs an infinity that is no function of the operand (a mask's).
    `narrow`: of a large linear rule only that is computed which a moved cell reaches.
    """

    def __init__(self, rule: NodeRule, position: int, g: Array, name: str = "") -> None:
        self.rule, self.position, self.g, self.name = rule, position, g, name
        self.op, self.x, self.checked, self.cells = rule.node.op, rule.inputs[position], 0, 0
        self.linear = self.op.is_linear_in(position, rule.node.attrs)
        self.y = rule.value()
        self.finite = np.isfinite(self.y)
        self.whole = bool(self.finite.all())
        self.weight = np.where(self.finite, g, np.nan) if self.op.infinite else g
        self.gradient = rule.gradient(position, self.y, g)
        apart = self.op.name == "matmul" or self.op.broadcasts == "elementwise"
        self.narrow = self.linear and apart and work_of(rule.plan) >= LONG
        self._last: tuple[Cell, tuple[NodeRule, Array, Array, Cell]] | None = None

    def rows(self, rng: Any) -> list[Check]:
        """Every cell, or some of a large operand."""
        counted = np.isfinite(self.x)  # there is no slope at infinity
        if self.op.held is not None and self.position == 0 and (row := self.op.held(self.rule.node.attrs)) is not None:
            counted[row] = False
        finite = np.flatnonzero(counted)
        chosen = sampled(finite, self.x.shape, cells_to_move(self.rule.plan, self.linear), rng)
        if not chosen:
            at, words = (0,) * self.gradient.ndim, _("no differences here: none of its cells is finite")
            return [Check(self.name, at, float(self.gradient[at]), float("nan"), 0.0, 0, 0, KINK, words)]
        self.checked, self.cells = len(chosen), len(finite)
        found = []
        with suppress(TimeOver):
            for n, cell in enumerate(chosen):
                with part(n, len(chosen), N_("cells")):
                    found.append(self.judged(cell))
        self.checked = len(found)
        return [structs.replace(row, checked=len(found)) for row in found]

    def results(self, cell: Cell, to: float) -> Array:
        """Every result times its cotangent, one cell moved; 0 where it does not count. In the caller's errstate."""
        rule, weight, _, at = self._reached(cell)
        moved = rule.inputs[self.position].copy()
        moved[at] = to
        weighed = rule.moved(self.position, moved) * weight
        return np.where(np.isnan(weight), 0.0, weighed) if self.op.infinite else weighed

    def _reached(self, cell: Cell) -> tuple[NodeRule, Array, Array, Cell]:
        """What is computed where a cell is moved: the rule, how its results weigh, which are finite, and the cell."""
        if not self.narrow:
            return self.rule, self.weight, self.finite, cell
        if self._last is None or self._last[0] != cell:
            rule, where, at = self.rule.narrowed(self.position, cell)
            self._last = cell, (rule, self.weight[where], self.finite[where], at)
        return self._last[1]

    @cached_property
    def sizes(self) -> tuple[float, float]:
        """The largest number that comes up forward, and backward."""
        plan, leaves = self.rule.plan, self.rule.plan.leaves(self.rule.inputs, self.y, self.g)
        return largest(plan.value, leaves), largest(plan.summed(self.position), leaves)

    def judged(self, cell: Cell) -> Check:
        """One cell: the best of the differences, and the reason where they cannot tell.

        Results that are not finite have no differences: without them a cell can be right, and never wrong.
        """
        analytic, at = float(self.gradient[cell]), float(self.x[cell])
        known: dict[float, float] = {}

        def total(to: float) -> float:
            if to not in known:
                weighed = self.results(cell, to)
                known[to] = float(weighed.sum() if self.whole else weighed.sum(where=self._reached(cell)[2]))
            return known[to]

        found = list(differences(total, at, analytic, LINEAR if self.linear else STEPS))
        if not self.linear and min(pair[1] for pair in found) > LOOK:  # steps made for 1 are none for 1e-7 or 1e6
            for base in {1.0, abs(at)} - {max(1.0, abs(at)), 0.0}:
                found += differences(total, at, analytic, STEPS, base, SURE)
        numeric, error = best(found, analytic)
        gap = abs(numeric - analytic)
        if error > LOOK and gap <= rounding(min(max(self.sizes), LARGE), FEW) / STEPS[0]:
            error = 0.0
        row = Check(self.name, cell, analytic, numeric, error, self.checked, self.cells)
        kink = self._kink(cell, at, total, error)
        if kink is not None and (kink.allows(analytic) or (kink.here and self._chosen())):
            reason, says = TIE if self.op.name in TIES else KINK, self._convention(kink, analytic)
            row = row if kink.finite else structs.replace(row, numeric=float("nan"))
        elif np.isfinite(analytic) and not np.isfinite(numeric):
            reason, says = ROUNDING, _("no differences here: moved, a result leaves the range of numbers")
        elif not error <= FAIL and not self.linear and not _agree(found):
            reason, says = ROUNDING, _("rounding: no two differences agree")
        elif row.verdict == "pass" and gap > FAIL * abs(analytic) and gap > FAIL * self.sizes[1]:
            reason, says = ROUNDING, _("rounding: the results are so large that differences tell nothing here")
        elif row.verdict == "look":
            reason, says = self._doubt(cell, at, gap)
        else:
            return row
        return structs.replace(row, reason=reason, says=says)

    def _kink(self, cell: Cell, at: float, total: Callable[[float], float], error: float) -> Kink | None:
        """The kink at a cell, or so near that differences do not agree; where it is smooth or they do, None."""
        if self.linear:
            return None if error <= LOOK or self.whole else Kink(index_of(~self.finite), finite=False)
        if error <= LOOK and find_kink(total, at) is None:
            return None
        found = find_kink(partial(self.results, cell), at)
        return None if found is None or (error <= LOOK and not (found.finite and found.here)) else found

    def _chosen(self) -> bool:
        """Whether the op's own rule answers, and the call or the scenario has chosen what: any answer is right then."""
        chosen = self.op.conventions.keys() & self.rule.node.attrs.keys()
        return bool(chosen) and self.position not in self.rule.plan.replaced

    def _convention(self, kink: Kink, analytic: float) -> str:
        """What the op does at a kink."""
        what = _("a tie") if self.op.name in TIES else _("a kink")
        if not kink.here:
            what = _("a tie close by") if self.op.name in TIES else _("a kink close by")
        if not kink.finite:
            what = _("no differences here") if np.isfinite(analytic) else _("no slope here")
        if self.op.kink_at is not None:
            cells = (np.broadcast_to(i, self.y.shape)[kink.result] for i in self.rule.inputs[: len(self.op.operands)])
            words = self.op.kink_at(*map(float, cells))
        elif kink.finite or self.finite[kink.result]:
            words = said(self.op, self.rule.node.attrs) or _("the slopes to its left and right differ")
        else:
            words = _("the result{at} is not finite").format(at=at_cell(kink.result))
        return _("{of}: {said}").format(of=what, said=words)

    def _doubt(self, cell: Cell, at: float, gap: float) -> tuple[str, str]:
        """Why a derivative that is off by little is not called wrong: its reason, and in words."""
        jump = second_jumps(partial(self.results, cell), at)
        if gap <= jump * max(1.0, abs(at)) * STEPS[0]:
            return SECOND, _("the second derivative jumps close by, and differences err by that")
        if gap <= rounding(max(self.sizes)) / (STEPS[-1] * max(1.0, abs(at))):
            return ROUNDING, _("rounding: differences are no better here")
        return SMALL, _("off by little, but by more than rounding")


def _agree(found: Sequence[tuple[float, float]]) -> bool:
    """Whether two differences of different steps are the same within a hundredth: else they condemn nothing."""
    numbers = sorted(n for n, _ in found)
    return any(b - a <= 0.01 * max(abs(a), abs(b)) for a, b in pairwise(numbers))


@lru_cache
def cells_to_move(plan: Plan, linear: bool) -> int:
    """How many cells of an operand are moved: fewer of a rule that costs much each time, at least LEAST_CELLS."""
    times = 2 if linear else 2 * len(STEPS) + 6
    return int(min(MOST_CELLS, max(LEAST_CELLS, MOST_WORK // max(work_of(plan) * times, 1))))


@lru_cache
def work_of(plan: Plan) -> int:
    """How many multiplications, or operations on a cell, a plan's forward function takes."""
    return sum(prod(e.shape) * (e.args[0].shape[-1] if e.applies == "matmul" else 1)
               for e in walk(plan.value) if e.prim is not None)  # fmt: skip
