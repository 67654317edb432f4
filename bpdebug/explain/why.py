"""Why a gradient is absent, zero or not finite: where that was born, and by what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpdebug.engine import BACKWARD, FORWARD, SEED, Timeline
from bpdebug.engine.fork import overridden
from bpdebug.engine.stats import two_norm
from bpdebug.explain.origin import Source, Trail
from bpdebug.explain.reasons import count, dead_units, divided_by_zero, reached, reason, zero_times_infinity
from bpdebug.explain.rules import Rule, double, rule_of
from bpdebug.expression import Target
from bpdebug.graph import Lit

Array = np.ndarray[Any, Any]
NO_PATH, CUT, MASKED, CANCELLED, NONZERO = "no-path", "cut", "masked", "cancelled", "nonzero"
ZERO_TIMES_INF, OVERFLOW = "zero-times-inf", "overflow"


@dataclass(frozen=True)
class Why:
    """The answer, the event where it was born (None: nowhere), and the evidence, a sentence each."""

    of: str
    answer: str
    born: int | None
    evidence: tuple[str, ...]


def why(timeline: Timeline, goal: Target, iteration: int, of: str) -> Why:
    """What made a gradient (or cells of it) what it is, in an iteration's whole backward pass."""
    tensor, asked = goal.reference.tensor, Question(timeline, iteration, of)
    gradient = timeline.iteration(iteration).gradient(tensor)
    if gradient is None:
        return asked.absent(tensor)
    mask = np.zeros(gradient.shape, bool)
    mask[goal.key] = True
    cells = gradient[mask]
    if np.isnan(cells).any():
        return asked.not_finite(tensor, np.isnan)
    if np.isinf(cells).any():
        return asked.not_finite(tensor, np.isinf)
    if cells.any() and not asked.set_by_hand(tensor, True)[mask].any() and asked.is_rounding(tensor, mask, cells):
        last = timeline.completed_by(tensor, iteration)
        text = f"its terms cancel: what is left, at most {np.abs(cells).max():.2g}, is their rounding"
        return Why(of, CANCELLED, last, (text,))
    if cells.any() or not cells.size:
        zeros = int(cells.size - np.count_nonzero(cells))
        text = f"norm {two_norm(cells):.4g}; {zeros} of {cells.size} cells {'is' if zeros == 1 else 'are'} zero"
        return Why(of, NONZERO, timeline.completed_by(tensor, iteration), (text,))
    return asked.zero(tensor, mask)


class Question:
    """One question put to an iteration; each step of the way back adds to the evidence."""

    def __init__(self, timeline: Timeline, iteration: int, of: str) -> None:
        self.timeline, self.graph, self.iteration, self.of = timeline, timeline.graph, iteration, of
        self.run = timeline.iteration(iteration)
        self.rng = np.random.default_rng(0)
        self.evidence: list[str] = []

    def answer(self, answer: str, phase: str | None, tensor: int, *evidence: str) -> Why:
        born = None if phase is None else self.timeline.index_of(phase, tensor, self.iteration)
        return Why(self.of, answer, born, (*self.evidence, *evidence))

    def name(self, tensor: int) -> str:
        return self.graph.names[tensor]

    def at(self, k: int) -> str:
        """'relu 'H' (event 7)': node k's backward event in words."""
        index = self.timeline.index_of(BACKWARD, self.graph.first + k, self.iteration)
        return f"{self.graph.nodes[k].op.name} '{self.graph.nodes[k].id}' (event {index})"

    def rule(self, k: int) -> Rule:
        inputs = self.graph.nodes[k].inputs
        return rule_of(self.timeline, k, tuple(i.value if isinstance(i, Lit) else self.run.value(i) for i in inputs))

    def cotangent(self, k: int) -> Array:
        found = self.run.gradient(self.graph.first + k)
        assert found is not None
        return double(found)

    def is_rounding(self, tensor: int, mask: Array, cells: Array) -> bool:
        """Whether the largest of the cells is small beside the terms it is the sum of: zero, but for rounding."""
        top = float(np.abs(cells).max())
        at = np.argwhere(mask & (np.abs(self.cell_values(tensor)) == top))[0]
        trail = Trail(self.timeline, self.iteration)
        products = [t.products for s in trail.of_gradient(tensor, tuple(map(int, at))) for t in s.terms]
        size = sum(float(np.abs(p).sum()) for p in products)
        count = sum(len(p) for p in products)
        return top <= 2 * (count + 8) * float(np.finfo(self.graph.dtypes[tensor]).eps) * size and count > 1

    def source(self, k: int, position: int, mask: Array) -> Source:
        """The terms of the first cell of a mask, of what node k gives to its operand."""
        trail = Trail(self.timeline, self.iteration)
        cell = tuple(map(int, np.argwhere(mask)[0]))
        root = self.graph.plans[k].summed(position)
        return trail.source(k, None, "", trail.contribution(k, position, cell), root)

    def cell_values(self, tensor: int) -> Array:
        found = self.run.gradient(tensor)
        assert found is not None
        return found

    # --- absent ---------------------------------------------------------------------------------------------------

    def absent(self, tensor: int) -> Why:
        """No gradient: no path of data to an output, or one that is cut where nothing is differentiated."""
        graph = self.graph
        if not graph.is_float(tensor):
            return self.answer(NO_PATH, None, tensor, f"{self.name(tensor)} is {graph.dtypes[tensor]}: no derivative")
        if graph.leads_to_output(tensor):
            above = any(graph.is_float(t) for t in self._above(tensor) if t < graph.first)
            text = "every float leaf above it lies behind a cut" if above else "no float leaf lies above it"
            return self.answer(NO_PATH, None, tensor, f"{self.name(tensor)}: {text}, so there is nothing to learn")
        reaching = self._reaching()
        if not reaching[tensor]:
            users = [graph.nodes[k].id for k in graph.users(tensor)]
            text = f"it goes to {', '.join(users[:6])}, and not on to an output" if users else "nothing uses it"
            return self.answer(NO_PATH, None, tensor, f"{self.name(tensor)}: {text}")
        cut = next(self._cuts(tensor, reaching))
        node = graph.nodes[cut]
        text = f"{node.op.name} '{node.id}' (line {node.line}) lets no gradient through"
        return self.answer(CUT, FORWARD, graph.first + cut, text)

    def _above(self, tensor: int) -> set[int]:
        """Everything that a tensor is computed from."""
        found, stack = set[int](), [tensor]
        while stack:
            node = self.graph.node(stack.pop())
            more = set(node.tensors) - found if node is not None else set()
            found |= more
            stack.extend(more)
        return found

    def _reaching(self) -> bytearray:
        """Per tensor: do its numbers reach an output, differentiable or not?"""
        graph, found = self.graph, bytearray(len(self.graph.names))
        for out in graph.incoming:
            found[out] = 1
        for k in range(len(graph.nodes) - 1, -1, -1):
            if found[graph.first + k]:
                for t in graph.nodes[k].tensors:
                    found[t] = 1
        return found

    def _cuts(self, tensor: int, reaching: bytearray) -> Iterator[int]:
        """Nodes, nearest first, at which a path from the tensor to an output stops being differentiable."""
        queue, seen = [tensor], {tensor}
        for t in queue:
            for k in self.graph.users(t):
                out = self.graph.first + k
                if not reaching[out] or out in seen:
                    continue
                if all(operand != t for _, operand in self.graph.edges(k)):
                    yield k
                else:
                    seen.add(out)
                    queue.append(out)

    # --- zero -----------------------------------------------------------------------------------------------------

    def zero(self, tensor: int, mask: Array) -> Why:
        """All cells of the mask are zero: follows the first contribution back to where that begins."""
        while True:
            edges = self.graph.edges_from(tensor)
            if self.set_by_hand(tensor, True)[mask].any():
                last = self.timeline.completed_by(tensor, self.iteration)
                text = f"∂{self.name(tensor)} was set to zero"
                return Why(self.of, MASKED, last, (*self.evidence, text))
            given = [(self.name(self.graph.first + k), self.run.contribution(k, p)[mask]) for k, p in edges]
            if tensor in self.graph.incoming:
                given.insert(0, ("what comes in", self.run.seed(tensor)[mask]))
            if any(cells.any() for _, cells in given):
                return self._cancelled(tensor, given)
            if not edges:
                text = f"the gradient that comes in at {self.name(tensor)} is zero there"
                return self.answer(MASKED, SEED, tensor, text)
            for k, p in edges[1:]:
                self.evidence.append(f"∂{self.name(tensor)} gets zeros from {self.at(k)} (operand {p}), too")
            found = self._edge(tensor, *edges[0], mask)
            if isinstance(found, Why):
                return found
            tensor, mask = self.graph.first + edges[0][0], found

    def _cancelled(self, tensor: int, given: list[tuple[str, Array]]) -> Why:
        norms = ", ".join(f"{name} {two_norm(cells):.4g}" for name, cells in given)
        last = self.timeline.completed_by(tensor, self.iteration)
        text = f"the contributions to ∂{self.name(tensor)} add up to zero; their norms: {norms}"
        return Why(self.of, CANCELLED, last, (*self.evidence, text))

    def _edge(self, tensor: int, k: int, position: int, mask: Array) -> Why | Array:
        """Why an edge gives zeros: an answer, or the cells of the cotangent to ask about next."""
        rule, g, out = self.rule(k), self.cotangent(k), self.graph.first + k
        y = double(self.run.value(out))

        def gives(cotangent: Array) -> Array:
            return rule.gradient(position, y, cotangent)[mask]

        factors = np.asarray(self.rng.uniform(0.5, 1.5, g.shape))
        if not gives(factors).any():
            text = f"{self.at(k)} multiplies every gradient by zero at {count(mask)} of ∂{self.name(tensor)}"
            dead = dead_units(rule, position, y)
            return self.answer(
                MASKED, BACKWARD, out, f"{text}{reason(self.source(k, position, mask), rule, position, mask)}", *dead
            )
        if gives(g * factors).any():
            text = f"inside the rule of {self.at(k)} terms cancel: a slightly different ∂{self.name(out)} gives no zero"
            return self.answer(CANCELLED, BACKWARD, out, text)
        hit = reached(gives, g.shape)
        if not hit.any():
            text = f"inside the rule of {self.at(k)} terms cancel, whatever cell of ∂{self.name(out)} comes in"
            return self.answer(CANCELLED, BACKWARD, out, text)
        if g[hit].any():
            text = f"at {self.at(k)} the product is too small for {g.dtype} and becomes zero"
            return self.answer(MASKED, BACKWARD, out, text)
        self.evidence.append(f"{self.at(k)} only hands on: ∂{self.name(out)} is zero there already")
        return hit

    # --- not finite -----------------------------------------------------------------------------------------------

    def set_by_hand(self, tensor: int, gradient: bool) -> Array:
        """The cells of a tensor, or of its gradient, that a fork gave a value of their own."""
        cells = np.zeros(self.graph.shapes[tensor], bool)
        for override in overridden(self.timeline, tensor, gradient, self.iteration):
            cells[override.key] = True
        return cells

    def not_finite(self, tensor: int, test: Any) -> Why:
        """NaN (or infinity) in a gradient, followed back along contributions that have it."""
        while True:
            gradient = self.run.gradient(tensor)
            if gradient is not None and (self.set_by_hand(tensor, True) & test(gradient)).any():
                last = self.timeline.completed_by(tensor, self.iteration)
                return Why(self.of, OVERFLOW, last, (*self.evidence, f"∂{self.name(tensor)} was set to it by hand"))
            bad = [(k, p) for k, p in self.graph.edges_from(tensor) if test(self.run.contribution(k, p)).any()]
            if not bad:
                seed = tensor in self.graph.incoming and test(self.run.seed(tensor)).any()
                if seed:
                    return self.answer(OVERFLOW, SEED, tensor, f"what comes in at {self.name(tensor)} has it")
                last = self.timeline.completed_by(tensor, self.iteration)
                text = f"the sum ∂{self.name(tensor)} makes it, of contributions without"
                return Why(self.of, OVERFLOW, last, (*self.evidence, text))
            k, _ = bad[0]
            out = self.graph.first + k
            if test(self.cotangent(k)).any():
                self.evidence.append(f"∂{self.name(tensor)} has it from ∂{self.name(out)}, at {self.at(k)}")
                tensor = out
                continue
            for t in (*self.graph.nodes[k].tensors, out):
                if self.graph.is_float(t) and test(self.run.value(t)).any():
                    self.evidence.append(f"{self.at(k)} uses the value of {self.name(t)}, which has it")
                    return self._forward(t, test)
            return self._born_backward(tensor, k, bad[0][1], test)

    def _born_backward(self, tensor: int, k: int, position: int, test: Any) -> Why:
        """The rule of node k makes it from numbers without."""
        out = self.graph.first + k
        cells = np.argwhere(test(self.run.contribution(k, position)))
        cell = ", ".join(map(str, cells[0].tolist()))
        place = f"∂{self.name(tensor)}[{cell}]" if cell else f"∂{self.name(tensor)}"
        formula = self.graph.plans[k].formula(position, self.timeline.graph.operand_names(k), self.name(out))
        source = self.source(k, position, test(self.run.contribution(k, position)))
        made = zero_times_infinity(source)
        if test is np.isnan and (made or not self.cotangent(k).all()):
            words = made or f"∂{self.name(out)} has zeros"
            text = f"{place} = {formula} is zero times infinity (or 0/0) at {self.at(k)}: {words}"
            return self.answer(ZERO_TIMES_INF, BACKWARD, out, text, *self._infinite(k))
        what = "NaN" if test is np.isnan else "infinite"
        cause = divided_by_zero(source) or f"what goes in is not {what}"
        text = f"{place} = {formula} is {what} at {self.at(k)}: {cause}"
        return self.answer(OVERFLOW, BACKWARD, out, text, *(self._infinite(k) if test is np.isnan else ()))

    def _infinite(self, k: int) -> tuple[str, ...]:
        """Where an infinity that goes into node k's rule, by its gradient or by a value, came from."""
        said, self.evidence = self.evidence, []
        out, found = self.graph.first + k, None
        if np.isinf(self.cotangent(k)).any():
            found = self.not_finite(out, np.isinf)
        else:
            used = (*self.graph.nodes[k].tensors, out)
            large = next((t for t in used if self.graph.is_float(t) and np.isinf(self.run.value(t)).any()), None)
            found = None if large is None else self._forward(large, np.isinf)
        self.evidence = said
        return found.evidence if found is not None else ()

    def _forward(self, tensor: int, test: Any) -> Why:
        """Up the forward pass, to the value that has it first."""
        graph = self.graph
        while (node := graph.node(tensor)) is not None:
            if (self.set_by_hand(tensor, False) & test(self.run.value(tensor))).any():
                return self.answer(OVERFLOW, FORWARD, tensor, f"{self.name(tensor)} was set to it by hand")
            floats = [t for t in node.tensors if graph.is_float(t)]
            above = next((t for t in floats if test(self.run.value(t)).any()), None)
            if above is None:
                break
            tensor = above
        if node is None:
            users = graph.users(tensor)
            text = f"{self.name(tensor)} came with it"
            return self.answer(OVERFLOW, FORWARD, graph.first + users[0], text)
        values = [np.asarray(self.run.value(t)) for t in floats]
        values += [np.asarray(i.value) for i in node.inputs if isinstance(i, Lit)]
        zero, infinite = any(not v.all() for v in values), any(np.isinf(v).any() for v in values)
        product = test is np.isnan and zero and (infinite or node.op.name in ("div", "pow"))
        index = self.timeline.index_of(FORWARD, tensor, self.iteration)
        what = "NaN" if test is np.isnan else "infinity"
        call = self.timeline.call_text(tensor - graph.first)
        text = f"{self.name(tensor)} = {call} makes {what} at event {index}, in the forward pass"
        return self.answer(ZERO_TIMES_INF if product else OVERFLOW, FORWARD, tensor, text)
