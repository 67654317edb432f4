"""A gradient that somebody got wrong: its edges, their rules on the numbers, and when two arrays are the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bpdebug.arrays import Array
from bpdebug.checks.rule import OnPass, to_float64
from bpdebug.engine import Timeline
from bpdebug.engine.closeness import ALIKE, error
from bpdebug.engine.run import Pass

Edges = list[tuple[int, int]]
MOST_TEXT = 90
"""Characters of a formula that is said; of a longer one only whose rule it is."""


class WrongGradient(OnPass):
    """A gradient, its edges, and their rules on the numbers."""

    def __init__(self, timeline: Timeline, run: Pass, tensor: int, edges: Edges | None) -> None:
        super().__init__(timeline, run)
        self.tensor = tensor
        self.name = self.graph.names[tensor]
        self.edges = self.graph.edges_from(tensor) if edges is None else edges
        gradient = run.gradient(tensor) if edges is None else sum(run.contribution(*e) for e in edges)
        assert gradient is not None
        self.truth = to_float64(np.asarray(gradient))
        self.seeded = edges is None and tensor in self.graph.incoming

    def unsummed(self) -> Iterator[Array]:
        """What the rules of broadcast operands give before the sum."""
        for k, p in self.edges:
            rule = self.rule(k)
            given = rule.plan.gradients[p]
            if given is not None and given.shape != self.truth.shape:
                with np.errstate(all="ignore"):
                    yield rule.plan.evaluate(given, rule.plan.leaves(rule.inputs, rule.value(), self.cotangent(k)))

    def gives(self, made: Array, edge: tuple[int, int], found: Array) -> bool:
        """Whether an array is what one edge would give by another rule, alone or with what the others give."""
        if same(made, found):
            return True
        others = self.truth - to_float64(self.run.contribution(*edge))
        return made.shape == found.shape and len(self.edges) + self.seeded > 1 and same(made, others + found)


def same(a: Array, b: Array) -> bool:
    """Whether two arrays have one shape and, beyond rounding, the same numbers, which are not all zero."""
    return a.shape == b.shape and bool(np.isfinite(b).all() and b.any()) and error(a, b) <= ALIKE
