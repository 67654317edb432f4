"""The defining property of a transpose, on the numbers: ⟨g, A x⟩ = ⟨Aᵀ g, x⟩."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from bpdebug.checks.rule import backward_event, rule_at, to_float64
from bpdebug.engine import Event, NodeEvent
from bpdebug.engine.closeness import SAME_SUM
from bpdebug.errors import CommandError, did_you_mean
from bpdebug.symbolic.notation import Notation


class Adjoint(Struct, frozen=True):
    """Both inner products of an operand, their difference, and whether it is rounding (`holds`; None: not finite).

    `affine` says that A x is f(x) - f(0), since the op adds something besides; `constant` is what f(0) is then.
    """

    node: str
    op: str
    operand: str
    formula: Notation
    left: float
    right: float
    difference: float
    holds: bool | None
    affine: bool


def adjoint(event: Event | None, operand: str = "") -> Adjoint:
    """⟨g, A x⟩ and ⟨Aᵀ g, x⟩ at a backward event, for the operand named or the first linear one.

    A is the op as a function of this operand, the others held fixed; Aᵀ is the rule in use.
    """
    event = backward_event(event, "adjoint")
    position = _position(event, operand)
    rule, names = rule_at(event), event.operands
    x, g, y = rule.inputs[position], to_float64(event.value), rule.value()
    with np.errstate(all="ignore"):
        zero = rule.moved(position, np.zeros_like(x))
        here = ~((y == -np.inf) & (zero == -np.inf))  # a mask's
        a = np.where(here, g * (y - zero), 0.0)
        b = rule.gradient(position, y, g) * x
        size = np.where(here, np.abs(g) * (np.abs(y) + np.abs(zero)), 0.0).sum() + np.abs(b).sum()
        left, right = float(a.sum()), float(b.sum())
        difference = abs(left - right)
    contribution = next(c for c in event.contributions if c.position == position)
    holds = bool(difference <= SAME_SUM * size) if np.isfinite(size) else None
    return Adjoint(
        event.name, event.op or "", names[position], contribution.formula, left, right, difference, holds,
        bool((here & (zero != 0)).any()),
    )  # fmt: skip


def _position(event: NodeEvent, operand: str) -> int:
    """Which input is meant; CommandError where the op is linear in none, or not in this one."""
    op, names, graph, attrs = event.node.op, event.operands, event.graph, event.node.attrs
    edges = [p for p, t in graph.edges(event.k) if graph.has_gradient(t)]
    linear = [p for p in edges if op.is_linear_in(p, attrs)]
    if not linear:
        raise CommandError(
            f"{op.name} is not linear in what has a gradient here", code="E_EXPR",
            hint="adjoint is for linear ops: matmul, sum, reshape, a product ...",
        )  # fmt: skip
    if not operand:
        return linear[0]
    there = graph.positions(event.k, operand)
    found = [p for p in linear if p in there]
    if not found:
        choice = [names[p] for p in linear]
        raise CommandError(
            f"{op.name} is not linear in '{operand}'" if there else f"{event.name} has no operand '{operand[:40]}'",
            code="E_EXPR", hint=did_you_mean(operand[:40], choice) or f"it is linear in {', '.join(choice)}",
        )  # fmt: skip
    return found[0]
