"""The edges of a backward event, read off its traced rule: formulas, parts and values on demand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from bpdebug.arrays import Array, read_only
from bpdebug.engine.parts import Contribution, PartView, Term, part
from bpdebug.engine.store import Store
from bpdebug.far import as_array
from bpdebug.graph import Lit, Subject, subjects
from bpdebug.symbolic import Expr, evaluate
from bpdebug.symbolic.notation import gradient_of


def contributions(store: Store, t: int, k: int) -> tuple[Contribution, ...]:
    """What node k adds on the way back in iteration t, one for each operand that gets a gradient."""
    graph = store.graph
    return tuple(
        _Edge(store, t, k, position, tensor).made() for position, tensor in graph.edges(k) if graph.has_gradient(tensor)
    )


class _Edge:
    """One edge while its contribution is made: node k's operand at `position` in iteration t.

    What was computed for one part is there for the next. It holds neither the event nor the parts, which hold it (what
    goes in circles is freed late), nor the pass.
    """

    def __init__(self, store: Store, t: int, k: int, position: int, tensor: int) -> None:
        self.store, self.graph, self.t = store, store.graph, t
        self.k, self.position, self.tensor = k, position, tensor
        self.plan, self.node = self.graph.plans[k], self.graph.nodes[k]
        self.names, self.subject = self.graph.operand_names(k), subjects(self.graph, k)
        self.value = cache(lambda: store.iteration(t).contribution(k, position))
        self.known: dict[int, Any] = {}

    def made(self) -> Contribution:
        formula = self.plan.formula(self.position, self.names, self.node.id)
        return Contribution(
            self.graph.names[self.tensor], formula, self.graph.shapes[self.tensor],
            self.value, lambda: tuple(self.parts()),
            operand=sum(not isinstance(i, Lit) for i in self.node.inputs[: self.position]),
            tensor=self.tensor, position=self.position, _total=lambda: self.sum(self.at + 1),
        )  # fmt: skip

    @property
    def at(self) -> int:
        """How many edges add to the operand's gradient before this one."""
        return self.graph.edge_rank(self.tensor, self.k, self.position)

    def sum(self, count: int) -> Array:
        """The operand's gradient after so many edges."""
        found: Array = as_array(self.store.iteration(self.t).partial(self.tensor, count))
        return found

    def parts(self) -> Iterator[PartView]:
        """The rule's parts, the sum over broadcast axes, and the accumulation where there is one."""
        plan, position, names, name = self.plan, self.position, self.names, self.node.id
        for p in plan.parts(position, names, name):
            yield part(p.expr, p.text, p.why, self.read, self.subject, lambda e: plan.text_of(e, names, name))
        at = self.at
        if self.tensor in self.graph.incoming or at > 0:
            shape, gradient = self.graph.shapes[self.tensor], gradient_of(self.graph.names[self.tensor])
            of = Subject(self.tensor, True)
            total = self.subject(plan.summed(position))
            added = Term(plan.total_text(position, names, name), shape, self.value, total)
            before = Term(gradient, shape, lambda: self.sum(at), of)
            text = plan.sum_text(gradient, position, names, name)
            yield PartView(text, shape, "accumulate", lambda: self.sum(at + 1), "+", (before, added), of)

    def read(self, expr: Expr) -> Array:
        """The value of an expression of the rule on these numbers."""
        if expr is self.plan.summed(self.position):
            return self.value()
        if not self.known:
            run = self.store.iteration(self.t)
            self.known = run.leaves(self.k, run.gradient(self.graph.tensor(self.k)))
        with np.errstate(all="ignore"):
            self.known = evaluate(expr, self.known)
        return read_only(as_array(self.known[id(expr)]))
