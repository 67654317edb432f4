"""What each library answers at a node, on its own numbers: they part where there is no derivative, and there only."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array, Cell
from bpdebug.checks.rule import NodeRule, float64_attrs, rule_at, to_float64
from bpdebug.engine import BACKWARD, NodeEvent
from bpdebug.engine.closeness import RIGHT, index_of, relative
from bpdebug.far import as_array
from bpdebug.ops.attributes import spelt
from bpdebug.ops.conventions import chosen, known
from bpdebug.symbolic import Expr, trace
from bpdebug.symbolic.arrays import same

OURS = "bpdebug"
"""Who answers where nothing is chosen."""


class Answers(Struct, frozen=True, eq=False):
    """A cell of a gradient where there is no derivative: what stands there, and who would answer what.

    It is the cell that was asked about; or, where that has a derivative (`asked` is False), the first of `count` cells
    at which libraries differ.
    """

    cell: Cell
    here: float
    by: Mapping[str, float]
    asked: bool
    count: int


def answers(rule: NodeRule, position: int, y: Array, g: Array, cell: Cell) -> Answers | None:
    """Who answers what at a cell of an operand's gradient, or else at one where they differ; None where all agree."""
    if not rule.node.op.conventions:
        return None
    theirs = _gradients(rule, position, y, g, _libraries(rule))
    apart = _apart(list(theirs.values()))
    kinked = apart | _apart(list(_gradients(rule, position, y, g, _attributes(rule)).values()))
    if not (kinked[cell] or apart.any()):
        return None
    at = cell if kinked[cell] else index_of(apart)
    here = float(rule.gradient(position, y, g)[at])
    return Answers(at, here, {n: float(a[at]) for n, a in theirs.items()}, bool(kinked[cell]), int(apart.sum()))


def both_answer(left: NodeEvent, right: NodeEvent) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Whose answers two events of one call on the same numbers are, where they are but answers at kinks.

    Libraries, or attributes where it is none of theirs; None where nobody answers so, or a rule was set by hand.
    """
    rule = rule_at(left)
    op = rule.node.op
    if left.op != right.op or left.plan.replaced or right.plan.replaced:
        return None
    if left.phase != BACKWARD:
        whose = (_whose_value(rule, side.value) for side in (left, right)) if op.valued else ((), ())
        a, b = whose
        return (a, b) if a and b else None
    if not op.conventions:
        return None
    y, g = to_float64(left.run.value(left.tensor)), to_float64(left.value)
    a, b = (_whose(rule, y, g, {c.position: c.value for c in side.contributions}) for side in (left, right))
    return (a, b) if a and b else None


def _whose(rule: NodeRule, y: Array, g: Array, found: Mapping[int, Array]) -> tuple[str, ...]:
    """Those that answer with these gradients of the operands at these positions."""
    for calls in (_libraries(rule), _attributes(rule)):
        names = list(calls)
        for position, gradient in found.items():
            made, near = _gradients(rule, position, y, g, calls), RIGHT[gradient.dtype.name]
            names = [n for n in names if (relative(made[n], to_float64(gradient)) <= near).all()]
        if names:
            return tuple(names)
    return ()


def _whose_value(rule: NodeRule, found: Array) -> tuple[str, ...]:
    """Those whose conventions give a call this value."""
    typed, near = _typed(rule), RIGHT[found.dtype.name]
    for calls in (_libraries(rule), _attributes(rule)):
        made = {n: replace(rule, plan=trace(rule.node.op, typed, attrs)).value() for n, attrs in calls.items()}
        if names := [n for n, y in made.items() if (relative(y, to_float64(found)) <= near).all()]:
            return tuple(names)
    return ()


def _typed(rule: NodeRule) -> list[Any]:
    return [(o.shape, o.dtype) if isinstance(o, Expr) else o for o in rule.own.operands]


def _libraries(rule: NodeRule) -> Mapping[str, Mapping[str, Any]]:
    """The call's attributes as we and each library would choose them, whatever it chooses itself."""
    op = rule.node.op
    plain = op.unchosen(float64_attrs(rule.node.attrs))
    return {OURS: plain, **{name: chosen(op, plain, name) for name in known(op, plain)}}


def _attributes(rule: NodeRule) -> Mapping[str, Mapping[str, Any]]:
    """The call's attributes with each of its conventions chosen in turn, by how that is written."""
    plain = rule.node.op.unchosen(float64_attrs(rule.node.attrs))
    return {f"{name}={spelt(value)}": {**plain, name: value} for name, value in _choices(rule)}


def _choices(rule: NodeRule) -> Iterator[tuple[str, Any]]:
    for name, attr in rule.node.op.conventions.items():
        if not attr.hidden:
            yield from ((name, value) for value in attr.choices or (0.0, 0.5, 1.0))


def _gradients(
    rule: NodeRule, position: int, y: Array, g: Array, calls: Mapping[str, Mapping[str, Any]]
) -> dict[str, Array]:
    """An operand's gradient by the op's rule with each of these attributes; equal ones are worked out once."""
    typed = _typed(rule)
    plans = {name: trace(rule.node.op, typed, attrs) for name, attrs in calls.items()}
    inputs = rule.inputs[: len(typed)]
    made = {
        id(plan): replace(rule, plan=plan, own=plan, inputs=inputs).gradient(position, y, g) for plan in plans.values()
    }
    return {name: made[id(plan)] for name, plan in plans.items()}


def _apart(arrays: Sequence[Array]) -> Array:
    """The cells at which arrays of one shape are not all the same (bool)."""
    found: Array = as_array(~reduce(operator.and_, (same(arrays[0], other) for other in arrays)))
    return found
