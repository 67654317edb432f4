"""A node's rule in double precision, on the numbers of one pass: what every check and explanation of it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine.run import Pass
from bpdebug.engine.timeline import Timeline
from bpdebug.graph import Graph, Lit, Node
from bpdebug.symbolic import Plan, trace


def double(array: Array) -> Array:
    """The array in float64, if it holds floats."""
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array


def wide(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a call that gives float64."""
    return {key: "float64" if key == "dtype" else value for key, value in attrs.items()}


@dataclass(frozen=True, eq=False)
class Rule:
    """A node's operands and its plan in double precision; `plan` has the rules that were set, `own` the op's."""

    node: Node
    plan: Plan
    own: Plan
    inputs: tuple[Any, ...]

    def value(self, inputs: tuple[Any, ...] | None = None) -> Array:
        """The forward function, on other operands where they are given."""
        with np.errstate(all="ignore"):
            return self.plan.evaluate(self.plan.value, self.plan.leaves(inputs or self.inputs))

    def moved(self, position: int, array: Array) -> Array:
        """The forward function with one operand replaced."""
        return self.value((*self.inputs[:position], array, *self.inputs[position + 1 :]))

    def gradient(self, position: int, y: Array, g: Array, *, own: bool = False) -> Array:
        """What an operand gets from a cotangent, summed over the axes it was broadcast along."""
        plan = self.own if own else self.plan
        with np.errstate(all="ignore"):
            return plan.evaluate(plan.summed(position), plan.leaves(self.inputs, y, g))


def rule_of(timeline: Timeline, k: int, inputs: tuple[Any, ...]) -> Rule:
    """Node k's rule in double precision, on arrays (or literals): its operands, then what it reads outside."""
    graph = timeline.graph
    node = graph.nodes[k]
    made = tuple(double(i) if isinstance(i, np.ndarray) else i for i in inputs)
    old = timeline.graph.plans[k]
    typed = [(i.shape, i.dtype) if isinstance(i, np.ndarray) else i for i in made[: len(node.inputs)]]
    own = trace(node.op, typed, wide(node.attrs))
    plan = given_rules(own, old)
    plan.outside = {t: plan.outside[t] for t in old.outside}  # in the order of the inputs
    return Rule(node, plan, own, made)


def rule_in(timeline: Timeline, run: Pass, k: int) -> Rule:
    """Node k's rule on the numbers of one pass."""
    inputs = timeline.graph.read_by_rule(k)
    return rule_of(timeline, k, tuple(i.value if isinstance(i, Lit) else run.value(i) for i in inputs))


class OnPass:
    """The rules of an iteration's nodes, and what comes in at them, in double precision."""

    def __init__(self, timeline: Timeline, run: Pass) -> None:
        self.timeline, self.run = timeline, run
        self.graph: Graph = timeline.graph

    def rule(self, k: int) -> Rule:
        """Node k's rule on this pass's numbers."""
        return rule_in(self.timeline, self.run, k)

    def value(self, k: int) -> Array:
        """What node k gave."""
        return double(self.run.value(self.graph.first + k))

    def cotangent(self, k: int) -> Array:
        """The whole gradient of what node k gave."""
        found = self.run.gradient(self.graph.first + k)
        assert found is not None
        return double(found)


def given_rules(plan: Plan, old: Plan) -> Plan:
    """The plan with the rules that `old`, of the same node in another precision, has in place of its op's own."""
    for position, rule in old.replaced.items():
        plan = plan.with_gradient(position, rule)
    return plan
