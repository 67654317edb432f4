"""One backward rule on its own inputs against central differences, in double precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import prod
from typing import Any

import numpy as np

from bpdebug.engine.events import Event
from bpdebug.engine.gradcheck import EPS, LOOK, MOST_CELLS, STEPS, Check, differences
from bpdebug.engine.rules import rule_in
from bpdebug.engine.timeline import BACKWARD
from bpdebug.symbolic import Expr, Plan, walk, worked_out

Array = np.ndarray[Any, Any]
LINEAR = (1.0,)
"""The step where the function is linear: any is exact, and a large one keeps the rounding small."""
LEAST_CELLS, MOST_WORK = 4, 2 * 10**10
"""Of a rule that takes more multiplications than this for all its cells, fewer are moved, and at least so many."""
SURE = 1e-3
"""Part of a derivative that rounding may take of a difference for which the step was chosen afterwards."""
LARGE = 1e3
"""Size of what a rule computes on the way up to which its rounding excuses a derivative that is off by so little."""
SEVERITY = ("pass", "look", "fail")


def check_rule(event: Event, seed: int = 0) -> list[Check]:
    """One backward event's rule on its own inputs against central differences: is this rule wrong?

    The cotangent is random and not uniform, since one of ones hides mistakes (batch norm's gradient under it is zero
    by algebra). One row an operand, by name; large operands are sampled. Integer and boolean operands stay as they are.
    """
    timeline, graph = event.timeline, event.timeline.graph
    if event.phase != BACKWARD or event.node is None:
        return []
    k = event.tensor - graph.first
    node, rule = event.node, rule_in(timeline, timeline.iteration(event.iteration), k)
    plan, inputs = rule.plan, rule.inputs
    rng = np.random.default_rng(seed)
    g = rng.uniform(0.5, 1.5, plan.shape) * rng.choice((-1.0, 1.0), plan.shape)
    with np.errstate(all="ignore"):
        y = plan.evaluate(plan.value, plan.leaves(inputs))
        weight = np.where(np.isfinite(y), g, np.nan) if node.op.infinite else g  # its infinities are no function of x
        rows = []
        for position, tensor in graph.edges(k):
            gradient = plan.evaluate(plan.summed(position), plan.leaves(inputs, y, g))
            if gradient.size:
                linear = node.op.is_linear_in(position)
                name = graph.names[tensor]
                rows.append(_worst_of_rule(plan, inputs, position, name, gradient, weight, rng, linear=linear))
    return rows


def _worst_of_rule(
    plan: Plan, inputs: Sequence[Any], position: int, name: str, gradient: Array, g: Array, rng: Any, *, linear: bool
) -> Check:
    finite = np.flatnonzero(np.isfinite(inputs[position]))  # there is no slope at infinity: a mask's cells
    most = cells_to_move(plan, linear)
    chosen = finite.tolist() if len(finite) <= most else sorted(rng.choice(finite, most, replace=False).tolist())
    if not chosen:
        return Check(name, (0,) * gradient.ndim, float(gradient.flat[0]), float("nan"), 0.0, 0, 0, kink=True)

    def function(cell: tuple[int, ...], to: float) -> float:
        moved = inputs[position].copy()
        moved[cell] = to
        changed = [moved if p == position else i for p, i in enumerate(inputs)]
        weighed = plan.evaluate(plan.value, plan.leaves(changed)) * g
        return float(weighed.sum(where=~np.isnan(g)))

    @cache
    def size() -> float:
        return max(largest(plan.value, plan.leaves(inputs)), largest(plan.summed(position), plan.leaves(inputs, y, g)))

    y = plan.evaluate(plan.value, plan.leaves(inputs))
    weighed = y * g
    terms = float(np.abs(weighed).sum(where=~np.isnan(g)))
    rows = []
    for flat in chosen:
        cell = tuple(int(i) for i in np.unravel_index(flat, gradient.shape))
        analytic, at = float(gradient[cell]), float(inputs[position][cell])
        move = cache(partial(function, cell))
        steps = LINEAR if linear else STEPS
        found = list(differences(move, at, analytic, steps))
        if not linear and min(error for _, error in found) > LOOK:  # steps made for 1 are none for 1e-7 or 1e6
            for base in {1.0, abs(at)} - {max(1.0, abs(at)), 0.0}:
                found += differences(move, at, analytic, STEPS, base, SURE)
        numeric, error = min(found, key=lambda pair: pair[1])
        if error > LOOK and abs(numeric - analytic) <= 16 * EPS * min(size(), LARGE) / STEPS[0]:
            error = 0.0
        kink = kinked(move, at, analytic, error, terms) if not linear else not np.isfinite(move(at))
        rows.append(Check(name, cell, analytic, numeric, error, len(chosen), len(finite), kink))
    return max(rows, key=lambda row: (SEVERITY.index(row.verdict), row.error))


def largest(expr: Expr, leaves: Mapping[int, Any]) -> float:
    """The largest finite number that comes up in working out an expression: its last digits are the rounding."""
    top = 0.0
    with np.errstate(all="ignore"):
        known = worked_out(expr, leaves)
        for e in walk(expr):
            cells = np.abs(np.asarray(known[id(e)], dtype=np.float64))
            top = max(top, float(cells.max(initial=0.0, where=np.isfinite(cells))))
    return top


def cells_to_move(plan: Plan, linear: bool) -> int:
    """How many cells of an operand are moved: fewer of a rule that costs much each time, at least LEAST_CELLS."""
    work = sum(prod(e.shape) * (e.args[0].shape[-1] if e.prim.name == "matmul" else 1)
               for e in walk(plan.value) if e.prim is not None)  # fmt: skip
    times = 2 if linear else 2 * len(STEPS) + 6
    return int(min(MOST_CELLS, max(LEAST_CELLS, MOST_WORK // max(work * times, 1))))


def kinked(function: Callable[[float], float], at: float, analytic: float, error: float, terms: float) -> bool:
    """Whether the slopes to the left and to the right differ, however near, with the derivative given between them.

    A bend's slopes come together as the step shrinks, a kink's do not. Where the function itself is not finite on a
    side (the edge of a domain), differences cannot judge either. `terms` is the size of what the function sums.
    """
    slopes = []
    for relative in (STEPS[0], STEPS[2]):
        step = relative * max(1.0, abs(at))
        above, here, below = function(at + step), function(at), function(at - step)
        if not np.isfinite([above, here, below]).all():
            return not error <= LOOK
        slopes.append(((here - below) / step, (above - here) / step))
    (far_left, far_right), (left, right) = slopes
    scale, noise = max(abs(left), abs(right)), 64 * np.finfo(np.float64).eps * terms / step
    jump = abs(right - left)
    if jump <= 1e-3 * scale + noise or jump <= 0.5 * abs(far_right - far_left):
        return False
    slack = 1e-3 * scale + noise
    return bool(min(left, right) - slack <= analytic <= max(left, right) + slack)
