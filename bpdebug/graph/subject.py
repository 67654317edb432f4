"""What an array of numbers is: a tensor of the graph, its gradient, the transpose of one, or a formula of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec import Struct

from bpdebug.graph.graph import Graph
from bpdebug.symbolic import Expr
from bpdebug.symbolic.leaves import bare


class Subject(Struct, frozen=True):
    """A tensor by its number, or a formula; its `gradient` where that is meant; the transpose, where `transposed`."""

    tensor: int | str
    gradient: bool = False
    transposed: bool = False

    @property
    def transpose(self) -> Subject:
        return Subject(self.tensor, self.gradient, not self.transposed)


class Site(NamedTuple):
    """A tensor's value, or its gradient."""

    tensor: int
    gradient: bool = False


def sites(graph: Graph, k: int) -> dict[int, Site]:
    """What the leaves of node k's rule are, by identity: its operands, what it reads outside, its output, ∂output."""
    plan, out, inputs = graph.plans[k], graph.tensor(k), graph.nodes[k].inputs
    known = {id(leaf): Site(t) for leaf, t in zip(plan.operands, inputs, strict=True) if isinstance(t, int)}
    known |= {id(leaf): Site(t) for t, (_, leaf) in plan.outside.items()}
    return known | {id(plan.y): Site(out), id(plan.g): Site(out, True)}


def subjects(graph: Graph, k: int) -> Callable[[Expr], Subject]:
    """What the expressions of node k's rule are."""
    known, names = sites(graph, k), graph.leaf_names(k)
    return lambda expr: subject_among(known, expr, lambda e: graph.plans[k].text_of(e, *names))


def subject_among(known: Mapping[int, tuple[int, bool]], expr: Expr, text: Callable[[Expr], str]) -> Subject:
    """What an expression is: of leaves the tensor, and whether its gradient is meant, by identity; else its `text`."""
    of, transposed = bare(expr)
    tensor, gradient = known[id(of)] if id(of) in known else (text(of), False)
    return Subject(tensor, gradient, transposed)
