"""What a reader's gradient is worth: its lines carried out twice, on the engine's gradients and on random ones."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from bpdebug.arrays import Array
from bpdebug.checks.rule import OnPass, float64_attrs, largest, to_float64
from bpdebug.engine import Timeline
from bpdebug.engine.closeness import ALIKE, error, rounding, top
from bpdebug.engine.closeness import RIGHT as RIGHT_IN
from bpdebug.engine.run import Pass
from bpdebug.errors import BpdebugError
from bpdebug.explain.conventions import convention, kinks_after, kinks_of
from bpdebug.explain.mistakes import mistake
from bpdebug.explain.wrong import Edges, Wanted
from bpdebug.graph import Graph, Lit, Step, check_dtypes
from bpdebug.language.primitives import VOCABULARY
from bpdebug.language.written import nameable, spelling
from bpdebug.limits import Limits
from bpdebug.symbolic import trace, walk
from bpdebug.translation import _, clauses

RIGHT, KINK, SHAPE, VALUE = "right", "kink", "shape", "value"
MOVE = 0.01
"""How far off a kink the leaves are moved, relative to a cell or to 1."""
MOST_AGAIN = 1 << 20
"""Cells of a gradient, or of what it is made from, beyond which the engine's cotangent alone decides."""


class Verdict(NamedTuple):
    """A verdict, how far the numbers are off as a part of the largest (None where shapes differ), and why."""

    verdict: str
    error: float | None
    why: str


class Numbers:
    """What the lines come to, in double precision; `gradient(tensor)` is what a gradient's name means.

    `read` has the tensors whose gradients a result was made from, the reader's own names followed to their sources.
    """

    def __init__(self, graph: Graph, run: Pass, gradient: Callable[[int], Array | None]) -> None:
        self.graph, self.run, self.gradient = graph, run, gradient
        self.limits = Limits()
        self.known: dict[str, Any] = {}
        self.read: dict[str, frozenset[int]] = {}
        names = nameable(graph)
        words = spelling(names)
        self.tensors = {words[n]: graph.index[n] for n in names}
        self.gradients = {words[f"∂{n}"]: graph.index[n] for n in names}

    def value(self, name: str) -> Array:
        """What a name means in a line: the reader's own, else a tensor's value, else a gradient, of its shape.

        Raises what was wrong with the line that the name is from, and E_EXPR where there is no gradient.
        """
        if name in self.known:
            found = self.known[name]
            if isinstance(found, BpdebugError):
                raise found
            return np.asarray(found)
        if name in self.tensors:
            return to_float64(self.run.value(self.tensors[name]))
        tensor = self.gradients[name]
        gradient = self.gradient(tensor)
        if gradient is None:
            words = _("{gradient} has no path to an output, and no gradient")
            raise BpdebugError(words.format(gradient=f"∂{self.graph.names[tensor]}"), code="E_EXPR")
        return gradient

    def sources(self, name: str) -> frozenset[int]:
        """The tensors whose gradients a name stands for, or was made from."""
        if name in self.known or name in self.tensors:
            return self.read.get(name, frozenset())
        return frozenset({self.gradients[name]})

    def carry_out(self, step: Step) -> None:
        """One operation on the numbers; what cannot be is remembered as what is wrong with the line."""
        names = [i for i in step.inputs if isinstance(i, str)]
        self.read[step.id] = frozenset().union(*map(self.sources, names))
        try:
            self.known[step.id] = self._result(step)
        except BpdebugError as error:
            self.known[step.id] = error

    def forget(self, name: str, tensor: int) -> None:
        """From here on the name means the tensor's gradient, whatever was computed under it."""
        self.known.pop(name, None)
        self.gradients[name] = tensor

    def _result(self, step: Step) -> Array:
        op = VOCABULARY[step.op]
        if op.is_drawn(len(step.inputs)):
            raise BpdebugError(_("{op} draws a mask").format(op=op.name), code="E_OP")
        inputs = [i.value if isinstance(i, Lit) else self.value(i) for i in step.inputs]
        if op.operands and not any(isinstance(i, np.ndarray) for i in inputs):  # dL = 1
            return number(inputs[0])
        if op.name == "sum":  # formulas do not show the cast of booleans
            inputs = [np.asarray(i, np.float64) if np.asarray(i).dtype == np.bool_ else i for i in inputs]
        typed = [(i.shape, i.dtype) if isinstance(i, np.ndarray) else i for i in inputs]
        declared = [self.tensors.get(str(i), len(self.graph.leaves)) < len(self.graph.leaves) for i in step.inputs]
        check_dtypes(op, typed, declared)
        attrs = float64_attrs(op.of_value(step.attrs))
        op.check(*(t[0] if isinstance(t, tuple) else () for t in typed), **attrs)
        plan = trace(op, typed, attrs)
        nbytes = sum(e.nbytes for e in walk(plan.value) if e.prim is not None)
        self.limits.check("memory", nbytes, "what a line computes")
        with np.errstate(all="ignore"):
            return np.asarray(plan.evaluate(plan.value, plan.leaves(inputs)))


class Judge(OnPass):
    """Lines carried out on the engine's gradients, and once more with random ones in the place of each.

    The second time tells an identity from a coincidence: where ∂Y is zero, `0 * dY` has the right numbers.
    """

    def __init__(self, timeline: Timeline, iteration: int, run: Pass | None = None) -> None:
        super().__init__(timeline, run or timeline.iteration(iteration))
        self.iteration, self.moved = iteration, run is not None
        self._done: list[Step | tuple[str, int]] = []
        self._drawn: dict[int, Array] = {}
        self.engine = Numbers(self.graph, self.run, self._given)
        self.random = Numbers(self.graph, self.run, self._random)
        self.gradients = self.engine.gradients

    def _given(self, tensor: int) -> Array | None:
        found = self.run.gradient(tensor)
        return None if found is None else to_float64(found)

    def _random(self, tensor: int) -> Array | None:
        if self.run.gradient(tensor) is None:
            return None
        if tensor not in self._drawn:
            rng = np.random.default_rng([tensor, 1])
            self._drawn[tensor] = rng.standard_normal(self.graph.shapes[tensor])
        return self._drawn[tensor]

    def carry_out(self, step: Step) -> None:
        """One operation of the reader's."""
        self._done.append(step)
        self.engine.carry_out(step)
        if np.size(self.engine.known[step.id]) <= MOST_AGAIN:
            self.random.carry_out(step)

    def forget(self, name: str, tensor: int) -> None:
        """From here on the name means the engine's gradient again."""
        self._done.append((name, tensor))
        self.engine.forget(name, tensor)
        self.random.forget(name, tensor)

    @np.errstate(all="ignore")
    def verdict(self, value: str | float, tensor: int, edges: Edges | None = None) -> Verdict:
        """A name (or a number) as a tensor's gradient, or as what some edges alone give to it.

        The shape is judged before the numbers.
        """
        wanted = Wanted(self.timeline, self.run, tensor, edges)
        name, truth, dtype = wanted.name, wanted.truth, self.graph.precision(tensor)
        try:
            made = self.engine.value(value) if isinstance(value, str) else number(value)
        except BpdebugError as what:
            words = _("{said} ({hint})").format(said=what.message, hint=what.hint) if what.hint else what.message
            return Verdict(SHAPE, None, words)
        if made.shape != truth.shape:
            found = mistake(wanted, made)
            words = _("this is {shape}, and {name} is {wanted}")
            words = words.format(shape=made.shape, name=name, wanted=truth.shape)
            return Verdict(SHAPE, None, clauses(words, found))
        made = self._comparable(made, truth)
        off = error(made, truth)
        if off > RIGHT_IN[dtype] and not self._is_rounding(np.abs(made - truth), wanted):
            words = self._at_a_kink(value, made, truth, wanted, self.cotangent)
            if words:
                return Verdict(KINK, off, words)
            if off <= ALIKE:
                words = _("nearly: off by {error:.2g} of the largest, and that is no rounding")
                return Verdict(VALUE, off, words.format(error=off))
            return Verdict(VALUE, off, mistake(wanted, made))
        if isinstance(value, str) and tensor in self.engine.sources(value):
            words = _("this says what {gradient} is by {gradient} itself").format(gradient=f"∂{name}")
            return Verdict(VALUE, off, words)
        again = self._again(value, wanted)
        if again is None or error(*again) <= RIGHT_IN[dtype]:
            return Verdict(RIGHT, off, "")
        words = self._at_a_kink(value, *again, wanted, self._drawn_at)
        why = words or _("right on these numbers by chance: with another cotangent it is not")
        return Verdict(KINK if words else VALUE, off, why)

    def _at_a_kink(
        self, value: str | float, made: Array, truth: Array, wanted: Wanted, cotangent: Callable[[int], Array]
    ) -> str:
        """The convention, in words, where a line is right on all numbers but those at a kink; '' where it is not.

        `made` and `truth` come from these cotangents of the nodes: the engine's or, where those are zero, random ones.
        """
        if not any(n.op.kink for n in self.graph.nodes):
            return ""
        tensor, edges = wanted.tensor, wanted.edges
        seed = to_float64(self.run.seed(tensor)) if wanted.seeded else 0.0
        near = RIGHT_IN[self.graph.precision(tensor)] * top(truth)
        nodes = kinks_of(self, made, truth, [(k, p, cotangent(k)) for k, p in edges], seed, near)
        if nodes is None or (self.moved and not nodes):
            return ""
        if not self.moved:
            some = None if wanted.whole else edges
            beside = (self._beside(side).verdict(value, tensor, some) for side in (MOVE, -MOVE))
            if any(found.verdict not in (RIGHT, KINK) for found in beside):
                return ""
        nodes = nodes or kinks_after(self, tensor, self.iteration)
        return convention(self, nodes) if nodes else ""

    def _beside(self, side: float) -> Judge:
        """The same lines with every float leaf moved a little, so that nothing stands at a kink by chance."""

        def leaf(tensor: int) -> Array:
            array = self.run.value(tensor)
            if array.dtype.kind != "f":
                return array
            rng = np.random.default_rng([tensor, 2])
            move = rng.uniform(0.5, 1, array.shape) * rng.choice((-1, 1), array.shape)
            return np.asarray(array + side * move * np.maximum(1, np.abs(array))).astype(array.dtype)

        made = Judge(self.timeline, self.iteration, self.run.beside(self.graph, leaf))
        for what in self._done:
            if isinstance(what, Step):
                made.carry_out(what)
            else:
                made.forget(*what)
        return made

    def _is_rounding(self, gap: Array, wanted: Wanted) -> bool:
        """Whether a difference is no more than the last digits of what the rules add up: there the gradient cancels."""
        size = 0.0
        for k, p in wanted.edges:
            rule, g = self.rule(k), self.cotangent(k)
            size = max(size, largest(rule.plan.summed(p), rule.plan.leaves(rule.inputs, self.value(k), g)))
        return bool(gap.size and np.all(gap <= rounding(size, dtype=self.graph.dtypes[wanted.tensor])))

    def _drawn_at(self, k: int) -> Array:
        """A node's random cotangent; zeros where none comes in."""
        drawn = self._random(self.graph.tensor(k))
        return np.zeros(self.graph.shapes[self.graph.tensor(k)]) if drawn is None else drawn

    def _again(self, value: str | float, wanted: Wanted) -> tuple[Array, Array] | None:
        """What it comes to with random cotangents, and what is right with them.

        None, taken for granted, where a line reads other gradients than its edges do, as `dR = R * 2 / 10` with the
        loss's 1 in it.
        """
        given = {self.graph.tensor(k) for k, _ in wanted.edges}
        read = self.engine.sources(value) if isinstance(value, str) else frozenset()
        skipped = value in self.engine.known and value not in self.random.known
        if skipped or not (read == given if wanted.whole else read <= given):
            return None
        if sum(prod(self.graph.shapes[t]) for t in given) > MOST_AGAIN:
            return None
        truth = to_float64(self.run.seed(wanted.tensor)) if wanted.seeded else np.zeros(wanted.truth.shape)
        for k, p in wanted.edges:
            truth = truth + self.rule(k).gradient(p, self.value(k), self._drawn_at(k))
        made = self.random.value(value) if isinstance(value, str) else number(value)
        return self._comparable(made, truth), truth

    def _comparable(self, made: Array, truth: Array) -> Array:
        """What was made; off a kink may be off a domain, where there is no gradient to compare a cell with."""
        return np.where(np.isfinite(truth), made, truth) if self.moved and made.shape == truth.shape else made


def number(value: Any) -> Array:
    """A number as an array; beyond the range of floats it is infinite."""
    try:
        return np.asarray(float(value))
    except OverflowError:
        return np.asarray(np.inf if value > 0 else -np.inf)
