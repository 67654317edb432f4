"""A question about a gradient, and what every answer to it is made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpdebug.engine import BACKWARD, Timeline
from bpdebug.engine.fork import overridden
from bpdebug.engine.rules import OnPass
from bpdebug.explain.origin import Source, Trail

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


class Question(OnPass):
    """One question put to an iteration; each step of the way back adds to the evidence."""

    def __init__(self, timeline: Timeline, iteration: int, of: str) -> None:
        super().__init__(timeline, timeline.iteration(iteration))
        self.iteration, self.of = iteration, of
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

    def set_by_hand(self, tensor: int, gradient: bool) -> Array:
        """The cells of a tensor, or of its gradient, that a fork gave a value of their own."""
        cells = np.zeros(self.graph.shapes[tensor], bool)
        for override in overridden(self.timeline, tensor, gradient, self.iteration):
            cells[override.key] = True
        return cells
