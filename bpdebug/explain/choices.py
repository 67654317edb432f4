"""What two passes choose differently though their numbers agree: a mask, a winner, a sign, next to a kink.

Sums are rounded otherwise by another library, or in another order. Where a rule compares, the last bit decides, and the
derivative jumps: gradients that differ downstream of it are two right answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, Cell
from bpdebug.engine import Timeline
from bpdebug.engine.closeness import ALIKE, RIGHT, gaps, relative, top
from bpdebug.engine.run import Pass
from bpdebug.far import as_array, equal, is_array
from bpdebug.symbolic import Expr, Plan, evaluate, walk

STEPS = ("sign", "floor", "round", "remainder")
"""Words that jump, and give floats."""
NOTHING = 1e-6
"""Part of an array's largest cell below which its cells are compared as if they were as large as that."""
LONGEST = 40
"""Characters of what a rule asks; where it is longer, its call is said."""
Asked = tuple[int | None, Expr, list[Expr]]


class Choice(Struct, frozen=True):
    """A cell at which a node's rule chose differently: what it asked (`asks`: `Z <= 0`), and what came of it.

    `gradient` is the operand whose gradient jumps, at `cell` of it, from `before` on the left to `after` on the right,
    for a cotangent of ones, or where that hides it of numbers from 0.5 to 1.5; None where it is the node's value that
    does, at `cell` of that. `left` and `right` are what `operand` has there on either side: None where no one cell of
    it belongs to that of the value.
    """

    node: str
    op: str
    asks: str
    operand: str
    gradient: str | None
    cell: Cell
    left: float | None
    right: float | None
    before: float
    after: float


def choices(left: Timeline, right: Timeline, iteration: int, *, near: bool = True) -> Iterator[Choice]:
    """What an iteration's two passes of one program chose differently, in program order; both are at their end.

    `near`: only where what was compared agrees but for rounding.
    """
    ours, theirs = (t.iteration(iteration) for t in (left, right))
    asked: dict[int, list[Asked]] = {}
    for k, plan in enumerate(left.graph.plans):
        if id(plan) not in asked:
            asked[id(plan)] = list(_asking(plan))
        if asked[id(plan)] and right.graph.plans[k].rule is plan.rule:
            yield from _at_node(ours, theirs, k, asked[id(plan)], near)


def _asking(plan: Plan) -> Iterator[Asked]:
    """The value of a plan and its gradients, by operand, that depend on choices; and those, the first one first."""
    targets: list[tuple[int | None, Expr]] = [(None, plan.value)]
    targets += [(position, plan.summed(position)) for position in plan.differentiable]
    for position, target in targets:
        found = [e for e in walk(target) if e.prim is not None and _chooses(e)]
        if found:
            yield position, target, found


def _chooses(e: Expr) -> bool:
    """Whether it is a yes or no, a place or a whole number, made of floats."""
    made = e.dtype.kind in "bi" or e.applies in STEPS
    return made and any(operand.dtype.kind == "f" for operand in e.operands())


@np.errstate(all="ignore")
def _at_node(ours: Pass, theirs: Pass, k: int, asked: list[Asked], near: bool) -> Iterator[Choice]:
    graph, plan = ours.graph, ours.graph.plans[k]
    sides = [run.operands(k) for run in (ours, theirs)]
    shapes = [[np.shape(operand) for operand in side] for side in sides]
    if shapes[0] != shapes[1] or all(_equal(a, b) for a, b in zip(*sides, strict=True)):
        return
    ones = np.ones(plan.shape, plan.dtype)
    apart = np.linspace(0.5, 1.5, ones.size, dtype=plan.dtype).reshape(plan.shape)  # ones hide where gradients go
    leaves = [
        [plan.leaves(side, run.value(graph.tensor(k)), g) for g in (ones, apart)]
        for side, run in zip(sides, (ours, theirs), strict=True)
    ]
    for position, target, found in asked:
        known = [evaluate(target, side[0]) for side in leaves]
        other = next((e for e in found if not _equal(*(side[id(e)] for side in known))), None)
        if other is None:
            continue
        made = [np.asarray(side[id(target)], np.float64) for side in known]
        jumps = _jumps(*made)
        if position is not None:
            weighed = [np.asarray(plan.evaluate(target, side[1]), np.float64) for side in leaves]
            made = [np.where(jumps, m, w) for m, w in zip(made, weighed, strict=True)]
            jumps |= _jumps(*weighed)
        said = str(plan.text_of(other, *graph.leaf_names(k)))
        asks = said if len(said) <= LONGEST else str(graph.call_text(k))
        yield from _cells(ours, k, position, asks, _Sides(sides, made, jumps), near)


def _jumps(before: Array, after: Array) -> Array:
    """Which cells of two arrays of one shape, float64, differ by more than what rounding makes of them."""
    return np.asarray(relative(before, after, NOTHING * top(before, after)) > ALIKE)


class _Sides(NamedTuple):
    """What went in on either side, what was made of it, and where that jumps."""

    operands: list[list[Any]]
    made: list[Array]
    jumps: Array


def _cells(run: Pass, k: int, position: int | None, asks: str, sides: _Sides, near: bool) -> Iterator[Choice]:
    """The cells at which what was made jumps; where that is asked for, what went in is `near`."""
    node, names, jumps = run.graph.nodes[k], run.graph.operand_names(k), sides.jumps
    floats = [p for p, x in enumerate(sides.operands[0]) if is_array(x) and x.dtype.kind == "f"]
    p = floats[0] if position is None else position
    x, y = (_beside(side[p], jumps) for side in sides.operands)
    if near and x is not None and y is not None:
        jumps = jumps & _near(x, y)
    elif near:
        jumps = jumps & all(bool(_near(*(side[q] for side in sides.operands)).all()) for q in floats)
    for cell in map(tuple, np.argwhere(jumps).tolist()):
        left, right = (None if side is None else float(side[cell]) for side in (x, y))
        before, after = (float(side[cell]) for side in sides.made)
        to = None if position is None else names[p]
        yield Choice(node.id, node.op.name, asks, names[p], to, cell, left, right, before, after)


def _beside(operand: Array, like: Array) -> Array | None:
    """An operand broadcast to the shape of what was made of it; None where it does not."""
    try:
        return np.broadcast_to(operand, like.shape)
    except ValueError:
        return None


def _near(x: Array, y: Array) -> Array:
    """Which cells of two float arrays of one shape are the same but for rounding."""
    return np.asarray(gaps(x, y) <= RIGHT.get(x.dtype.name, ALIKE) * top(x, y))


def _equal(a: Any, b: Any) -> bool:
    return equal(as_array(a), as_array(b))
