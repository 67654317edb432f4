"""A node's rule in double precision, on the numbers of one event: what every explanation of a rule starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpdebug.engine import BACKWARD, Event, Timeline
from bpdebug.engine.gradcheck import given_rules
from bpdebug.engine.run import Pass
from bpdebug.errors import CommandError
from bpdebug.graph import Lit, Node
from bpdebug.symbolic import Plan, trace

Array = np.ndarray[Any, Any]


def double(array: Array) -> Array:
    """The array in float64, if it holds floats."""
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array


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
    """Node k's rule on these operands (arrays, or the literals), in double precision."""
    graph = timeline.graph
    node = graph.nodes[k]
    made = tuple(double(i) if isinstance(i, np.ndarray) else i for i in inputs)
    attrs = {key: "float64" if key == "dtype" else value for key, value in node.attrs.items()}
    own = trace(node.op, [(i.shape, i.dtype) if isinstance(i, np.ndarray) else i for i in made], attrs)
    return Rule(node, given_rules(own, graph.plans[k]), own, made)


def rule_in(timeline: Timeline, run: Pass, k: int) -> Rule:
    """Node k's rule on the numbers of one pass."""
    inputs = timeline.graph.nodes[k].inputs
    return rule_of(timeline, k, tuple(i.value if isinstance(i, Lit) else run.value(i) for i in inputs))


def rule_at(event: Event) -> Rule:
    """The rule of an event's node on the event's numbers."""
    assert event.node is not None
    return rule_in(event.timeline, event.timeline.iteration(event.iteration), event.tensor - event.timeline.graph.first)


def backward_event(event: Event | None, what: str) -> Event:
    """The event, if it is a node's in the backward pass; CommandError says where to go."""
    if event is None or event.phase != BACKWARD or event.node is None:
        near = "" if event is None else event.name
        has = event is not None and event.timeline.index_of(BACKWARD, event.tensor) is not None if near else False
        raise CommandError(
            f"{what} is asked at an event of the backward pass", code="E_EXPR",
            hint=f"seek {near}@bwd" if has else "seek to one: seek Y@bwd",
        )  # fmt: skip
    return event
