"""Why a gradient is absent, zero or not finite: where that was born, and by what."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bpdebug.engine import BACKWARD, FORWARD, SEED, Timeline
from bpdebug.engine.rules import double
from bpdebug.engine.stats import two_norm
from bpdebug.explain.not_finite import NotFinite
from bpdebug.explain.question import CANCELLED, CUT, MASKED, NO_PATH, NONZERO, Array, Why
from bpdebug.explain.reasons import count, dead_units, reached, reason
from bpdebug.expression import Target

MOST_NAMED = 8
"""Consumers of a tensor that the evidence names one by one."""


def why(timeline: Timeline, goal: Target, iteration: int, of: str) -> Why:
    """What made a gradient (or cells of it) what it is, in an iteration's whole backward pass."""
    tensor, asked = goal.reference.tensor, Asked(timeline, iteration, of)
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


class Asked(NotFinite):
    """A question about a gradient that is absent or zero, too."""

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
            for k, p in edges[1:MOST_NAMED]:
                self.evidence.append(f"∂{self.name(tensor)} gets zeros from {self.at(k)} (operand {p}), too")
            if len(edges) > MOST_NAMED:
                self.evidence.append(f"and from {len(edges) - MOST_NAMED:,} nodes more")
            found = self._edge(tensor, *edges[0], mask)
            if isinstance(found, Why):
                return found
            tensor, mask = self.graph.first + edges[0][0], found

    def _cancelled(self, tensor: int, given: list[tuple[str, Array]]) -> Why:
        norms = ", ".join(f"{name} {two_norm(cells):.4g}" for name, cells in given[:MOST_NAMED])
        norms += f" and {len(given) - MOST_NAMED:,} more" if len(given) > MOST_NAMED else ""
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
