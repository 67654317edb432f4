"""The gradient that a line should come to: its edges, their rules on the numbers, and when two arrays are the same."""

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


class Wanted(OnPass):
    """What the edges give to a tensor, with what comes in at it; or what some of them alone give.

    `truth` is that in double precision, of the tensor's shape.
    """

    def __init__(self, timeline: Timeline, run: Pass, tensor: int, edges: Edges | None = None) -> None:
        super().__init__(timeline, run)
        self.tensor, self.name = tensor, self.graph.names[tensor]
        self.whole, self.edges = edges is None, self.graph.edges_from(tensor) if edges is None else edges
        self.seeded = self.whole and tensor in self.graph.incoming
        gradient = run.gradient(tensor) if self.whole else sum(run.contribution(*e) for e in self.edges)
        assert gradient is not None
        self.truth = to_float64(np.asarray(gradient))

    def unsummed(self) -> Iterator[Array]:
        """What the rules of broadcast operands give before the sum."""
        for k, p in self.edges:
            rule = self.rule(k)
            given = rule.plan.gradients[p]
            if given is not None and given.shape != self.truth.shape:
                with np.errstate(all="ignore"):
                    yield rule.plan.evaluate(given, rule.plan.leaves(rule.inputs, rule.value(), self.cotangent(k)))

    def gives(self, made: Array, edge: tuple[int, int], found: Array) -> bool:
        """Whether an array of any shape is what an edge would give by another rule, alone or added to the others."""
        if same(made, found):
            return True
        others = self.truth - to_float64(self.run.contribution(*edge))
        return made.shape == found.shape and len(self.edges) + self.seeded > 1 and same(made, others + found)


def same(a: Array, b: Array) -> bool:
    """Whether two arrays have one shape and, beyond rounding, the same numbers, which are not all zero."""
    return a.shape == b.shape and bool(np.isfinite(b).all() and b.any()) and error(a, b) <= ALIKE
