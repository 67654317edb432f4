"""What the graph and its rules are made of, as matrices that know what they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.engine import Assignment, Contribution, Event, NodeEvent, PartView
from bpdebug.engine.parts import Term
from bpdebug.graph import Graph, Lit, Subject
from bpdebug.symbolic.leaves import uses
from bpdebug.symbolic.notation import gradient_of, literal
from bpdebug.translation import N_, _
from bpdebug.views.blocks import Matrix, signed
from bpdebug.views.sums import MatrixProduct

Read = Callable[[], Array]


def tensor_matrix(
    graph: Graph, tensor: int, array: Array, mark: str, note: str = "", *, gradient: bool = False
) -> Matrix:
    """A tensor of the graph, or its gradient, which has its shape and dtype, under its name."""
    name = gradient_of(graph.names[tensor]) if gradient else graph.names[tensor]
    return Matrix(name, array, array.shape, note, mark, subject=Subject(tensor, gradient))


def term_matrix(term: Term) -> Matrix | str:
    """An operand of a part; a literal as it is written."""
    if term.read is None or term.subject is None:
        return term.text
    note = _("transposed") if term.subject.transposed else ""
    return Matrix(term.text, term.read(), term.shape, note, "operand", subject=term.subject)


def forward_items(event: NodeEvent) -> tuple[list[Matrix | str], Matrix]:
    """What a node computes from, its operands as matrices and literals as they are written; and its result."""
    graph, run = event.graph, event.run
    items: list[Matrix | str] = [
        literal(i.value) if isinstance(i, Lit) else tensor_matrix(graph, i, run.value(i), "operand")
        for i in event.node.inputs
    ]
    result = tensor_matrix(graph, event.tensor, event.value, "result")
    if event.node.op.name == "matmul":
        result = replace(result, product=product(*(partial(run.value, t) for t in event.node.tensors)))
    return items, result


def product(left: Read | None, right: Read | None) -> MatrixProduct | None:
    """What is asked for the sum that a cell of a product is; None where an operand is a literal."""
    return None if left is None or right is None else MatrixProduct(left, right)


NOTES = {"transpose": N_("transposed"), "unbroadcast": N_("summed over the broadcast axes")}
"""What stands below a part's result."""


def part_items(part: PartView, line: Contribution | Assignment) -> tuple[Matrix | str, ...]:
    """A part as matrices and signs: `∂Y @ Wᵀ = ∂X`, `W → Wᵀ`, `sum over axis 0 of ∂Z = ∂b`."""
    (name, of), last = result_of(part, line), part is line.parts[-1] and isinstance(line, Contribution)
    mark = "gradient" if last else "transpose" if part.why == "transpose" else "result"
    made = product(*(t.read for t in part.terms)) if part.why == "product" else None
    note = _(NOTES[part.why]) if part.why in NOTES else ""
    result = Matrix(name, part.value, part.shape, note, mark, subject=of, product=made)
    if not part.terms:
        whole = Matrix(part.text, part.value, part.shape, mark="operand", subject=part.subject)
        return (whole, "=", result) if last else (result,)
    terms = [term_matrix(t) for t in part.terms]
    if part.why == "transpose":
        return (*terms, "→", result)
    return (*signed(terms, part.sign), "=", result)


def parts_until(event: Event, number: int) -> tuple[Contribution | Assignment, tuple[PartView, ...]]:
    """The contribution or the line that part `number` of an event, from 1, is of, and its parts as far as that one."""
    line, _ = event.parts[number - 1]
    return line, tuple(part for owner, part in event.parts[:number] if owner is line)


def summary_items(event: NodeEvent, c: Contribution, *, operands: bool = True) -> tuple[Matrix | str, ...]:
    """A rule as what goes in (with the `operands` that it uses) and what comes out."""
    graph, run, plan, made = event.graph, event.run, event.plan, c.rule[-1]
    given = plan.gradient(c.position)
    used = {id(use.of) for use in uses(given)} if operands else set()
    items: list[Matrix | str] = [tensor_matrix(graph, event.tensor, event.value, "operand", gradient=True)]
    for i, leaf in zip(event.node.inputs, plan.operands, strict=True):
        if isinstance(i, int) and id(leaf) in used:
            items += [",", tensor_matrix(graph, i, run.value(i), "operand")]
    name, of = result_of(made, c)
    return (*items, "→", Matrix(name, made.value, made.shape, mark="gradient", subject=of))


def result_of(part: PartView, line: Contribution | Assignment) -> tuple[str, Subject | None]:
    """The name of what a part gives, and what it is: of the last one an operand's gradient, or the line's tensor."""
    if part is not line.parts[-1]:
        return part.text, part.subject
    return gradient_of(line.to) if line.subject.gradient else line.to, line.subject
