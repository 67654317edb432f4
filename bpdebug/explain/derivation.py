"""The reader's own backward pass, judged line by line against the engine's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpdebug.engine import Contribution, Event, Timeline
from bpdebug.engine.fork import ForkedStore
from bpdebug.errors import BpdebugError
from bpdebug.explain.mistakes import mistake, right
from bpdebug.explain.rules import double
from bpdebug.graph import Lit, Step, check_dtypes
from bpdebug.ops import OPS
from bpdebug.scenario.rules import spellings
from bpdebug.symbolic import trace

Array = np.ndarray[Any, Any]
RIGHT, SHAPE, VALUE = "right", "shape", "value"
NEAR = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-4}
"""Largest difference, as a part of the gradient's largest cell, at which a line is right: the engine's rounding."""


@dataclass(frozen=True)
class Line:
    """One line: the gradient it assigns, the verdict, how far its numbers are off, and what is meant instead.

    `error` is the largest difference as a part of the largest cell of the right one; None where shapes differ.
    """

    line: int
    name: str
    verdict: str
    error: float | None
    suggestion: str


@dataclass(frozen=True)
class Derived:
    """The lines in the reader's order, and the first that is wrong."""

    rows: tuple[Line, ...]
    first_wrong: str | None


def derivation(timeline: Timeline, steps: Sequence[Step], iteration: int) -> Derived:
    """Every line that assigns the gradient of a tensor; other names are the reader's own to use.

    A line is judged with the engine's gradients for the gradients it uses, so that one mistake does not condemn the
    lines after it. Assigned twice (`dH = dH + ...`), a gradient is judged where it is assigned last.
    """
    judge = Judge(by_the_ops(timeline), iteration)
    last = {_base(s.id): s.id for s in steps}
    rows: list[Line] = []
    for step in steps:
        judge.carry_out(step)
        base = _base(step.id)
        tensor = judge.tensors.get(base[1:]) if base[:1] == "d" else None
        if tensor is None:
            continue
        if last[base] == step.id:
            rows.append(judge.judged(judge.known[step.id], tensor, step.line))
            judge.known.pop(step.id, None)  # from here on the name means the engine's
    wrong = next((r.name for r in rows if r.verdict != RIGHT), None)
    return Derived(tuple(rows), wrong)


def by_the_ops(timeline: Timeline) -> Timeline:
    """The timeline without what was put in the place of gradients: rules of a file or a fork, and gradients set there.

    A fork that sets a value besides keeps the gradients that were set.
    """
    graph, root, kept = timeline.graph, timeline.store, False
    while isinstance(root, ForkedStore):
        kept = kept or (root.override is not None and not root.override.gradient)
        root = root.parent
    if kept or (root is timeline.store and not any(plan.replaced for plan in graph.plans)):
        return timeline
    plans = tuple(p.own if p.replaced else p for p in graph.plans)
    return Timeline(replace(graph, plans=plans), seed=timeline.seed, training=timeline.training)


def _base(name: str) -> str:
    """The name that was assigned: `dH` of `dH.1`."""
    return name.partition(".")[0]


class Judge:
    """An iteration's numbers in double precision, and what the reader's lines have come to so far."""

    def __init__(self, timeline: Timeline, iteration: int) -> None:
        self.timeline, self.graph = timeline, timeline.graph
        self.run = timeline.iteration(iteration)
        self.known: dict[str, Any] = {}
        self.tensors = {spelt: self.graph.index[name] for name, spelt in spellings(self.graph).items()}

    def value(self, name: str) -> Array:
        """What a name means in a line: the reader's own, else a tensor's value, else the engine's gradient."""
        if name in self.known:
            found = self.known[name]
            if isinstance(found, BpdebugError):
                raise found
            return np.asarray(found)
        base = _base(name)
        tensor = self.tensors.get(base)
        if tensor is not None:
            return double(self.run.value(tensor))
        tensor = self.tensors[base[1:]]
        gradient = self.run.gradient(tensor)
        if gradient is None:
            raise BpdebugError(f"∂{self.graph.names[tensor]} has no path to an output, and no gradient", code="E_EXPR")
        return double(gradient)

    def carry_out(self, step: Step) -> None:
        """One operation on the numbers; what cannot be is remembered as what is wrong with the line."""
        op = OPS[step.op]
        try:
            if op.draws:
                raise BpdebugError(f"{op.name} draws a mask", code="E_OP")
            inputs = [i.value if isinstance(i, Lit) else self.value(i) for i in step.inputs]
            typed = [(i.shape, i.dtype) if isinstance(i, np.ndarray) else i for i in inputs]
            check_dtypes(op, typed)
            attrs = {key: "float64" if key == "dtype" else value for key, value in step.attrs.items()}
            op.check(*(t[0] if isinstance(t, tuple) else () for t in typed), **attrs)
            plan = trace(op, typed, attrs)
            with np.errstate(all="ignore"):
                self.known[step.id] = plan.evaluate(plan.value, plan.leaves(inputs))
        except BpdebugError as error:
            self.known[step.id] = error

    def judged(self, made: Any, tensor: int, line: int) -> Line:
        """The verdict on an array (or on the error in its place) as the gradient of a tensor."""
        name = f"d{self.graph.names[tensor]}"
        gradient = self.run.gradient(tensor)
        if gradient is None:
            text = f"no path leads from {name[1:]} to an output: it has no gradient"
            return Line(line, name, VALUE, None, text)
        truth = double(gradient)
        if isinstance(made, BpdebugError):
            hint = f" ({made.hint})" if made.hint else ""
            return Line(line, name, SHAPE, None, f"{made.message}{hint}; {self._meant(tensor, made)}")
        if made.shape != truth.shape:
            return Line(
                line,
                name,
                SHAPE,
                None,
                f"this is {made.shape}, and {name[1:]} is {truth.shape}; {self._meant(tensor, made)}",
            )
        error = distance(made, truth)
        if error <= NEAR[gradient.dtype]:
            return Line(line, name, RIGHT, error, "")
        return Line(line, name, VALUE, error, self._meant(tensor, made))

    def _meant(self, tensor: int, made: Any) -> str:
        found = mistake(self.timeline, self.run, tensor, made)
        return f"{found}; {right(self.timeline, self.run, tensor)}" if found else right(self.timeline, self.run, tensor)

    def result(self, value: Any) -> Any:
        """What an expression came to: an array, or the error in its place."""
        if not isinstance(value, str):
            return np.asarray(float(value))
        try:
            return self.value(value)
        except BpdebugError as error:
            return error


def judged_edge(judge: Judge, event: Event, contribution: Contribution, made: Any) -> tuple[str, bool]:
    """Whether an array is what one event gives to an operand, and what to say of it.

    The rule alone is right as well, before its sum over the axes that its operand was broadcast along.
    """
    edge = (event.tensor - judge.graph.first, contribution.position)
    if isinstance(made, BpdebugError):
        return made.message, False
    truth, near = double(contribution.value), NEAR[contribution.value.dtype]
    formula = f"∂{contribution.to} gets {contribution.formula}"
    if made.shape == truth.shape and distance(made, truth) <= near:
        return f"right: {formula}", True
    rule = next((p for p in reversed(contribution.parts) if p.why not in ("unbroadcast", "accumulate")), None)
    if rule is not None and made.shape == rule.shape and distance(made, double(rule.value)) <= near:
        return f"right: {formula}, and then the sum over the axes along which {contribution.to} was repeated", True
    found = mistake(judge.timeline, judge.run, contribution.tensor, made, [edge])
    if made.shape != truth.shape:
        shapes = f"this is {made.shape}, and {contribution.to} is {truth.shape}"
        return f"{shapes}: {found}" if found else shapes, False
    return found or f"the shape fits, the numbers do not: off by {distance(made, truth):.2g} of the largest", False


def distance(made: Array, truth: Array) -> float:
    """The largest difference, as a part of the largest cell of the right one; infinite beside NaN."""
    with np.errstate(all="ignore"):
        same = (made == truth) | (np.isnan(made) & np.isnan(truth))
        gap = np.where(same, 0.0, np.abs(made - truth))
    if not np.isfinite(gap).all():
        return float("inf")
    finite = truth[np.isfinite(truth)]
    top = float(np.abs(finite).max(initial=0.0)) or float(np.abs(made[np.isfinite(made)]).max(initial=0.0))
    return float(gap.max(initial=0.0)) / top if top else 0.0
