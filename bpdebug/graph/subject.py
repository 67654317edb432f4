"""What an array of numbers is: a tensor of the graph, its gradient, the transpose of one, or a formula of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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


def subjects(graph: Graph, k: int) -> Callable[[Expr], Subject]:
    """What the expressions of node k's rule are."""
    plan, out, inputs = graph.plans[k], graph.tensor(k), graph.nodes[k].inputs
    known = {id(leaf): (t, False) for leaf, t in zip(plan.operands, inputs, strict=True) if isinstance(t, int)}
    known |= {id(leaf): (t, False) for t, (_, leaf) in plan.outside.items()}
    known |= {id(plan.y): (out, False), id(plan.g): (out, True)}
    names = graph.operand_names(k)
    return lambda expr: subject_among(known, expr, lambda e: plan.text_of(e, names, graph.names[out]))


def subject_among(known: Mapping[int, tuple[int, bool]], expr: Expr, text: Callable[[Expr], str]) -> Subject:
    """What an expression is: of leaves the tensor, and whether its gradient is meant, by identity; else its `text`."""
    of, transposed = bare(expr)
    tensor, gradient = known[id(of)] if id(of) in known else (text(of), False)
    return Subject(tensor, gradient, transposed)
