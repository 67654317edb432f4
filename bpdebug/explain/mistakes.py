"""What somebody meant who wrote a wrong gradient: the mistakes that are known, tried on the numbers one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from bpdebug.arrays import Array
from bpdebug.cells.follow import LOOKING_UP
from bpdebug.cells.table import GOES
from bpdebug.checks.rule import to_float64
from bpdebug.engine.closeness import ALIKE
from bpdebug.explain.missing import missing_term, only_diagonal, updated_weight
from bpdebug.explain.products import inverses, products, sides
from bpdebug.explain.wrong import MOST_TEXT, Wanted, same
from bpdebug.graph import Graph
from bpdebug.translation import _

MOST_ROWS = 64
"""Rows of a gradient before its sum that are tried one by one."""
MOST_RULES = 8
"""Rules of a gradient's consumers that are written out."""


@np.errstate(all="ignore")
def mistake(wanted: Wanted, made: Array) -> str:
    """In words, what an array of any shape that is not the gradient meant is instead; '' where that is not known."""
    return next((words for known in KNOWN if (words := known(wanted, made))), "")


def right(graph: Graph, tensor: int) -> str:
    """The gradient as the engine has it: '∂X = ∂Y @ Wᵀ', every edge's rule in the sum."""
    edges = graph.edges_from(tensor)
    rules = [
        text if len(text) <= MOST_TEXT else _("(the rule of {op} for {node})").format(op=node.op.name, node=node.id)
        for k, p in edges[:MOST_RULES]
        for node in [graph.nodes[k]]
        for text in [graph.plans[k].total_text(p, *graph.leaf_names(k))]
    ]
    seed = [_("what comes in at {name}").format(name=graph.names[tensor])] if tensor in graph.incoming else []
    more = [_("{count:,} more").format(count=len(edges) - MOST_RULES)] if len(edges) > MOST_RULES else []
    words = _("{gradient} = {terms}")
    return words.format(gradient=f"∂{graph.names[tensor]}", terms=_(" + ").join([*seed, *rules, *more]))


# --- the mistakes, the most telling first: of `made`, an array of any shape


def not_summed(wanted: Wanted, made: Array) -> str:
    """A broadcast operand's gradient before the sum."""
    for before in wanted.unsummed():
        if same(made, before):
            times = before.size // max(wanted.truth.size, 1)
            words = _("the sum is missing: each cell of {name} was used {count} times, and its gradients add up")
            return words.format(name=wanted.name, count=times)
    return ""


def badly_summed(wanted: Wanted, made: Array) -> str:
    """A broadcast operand's gradient summed over the wrong axis, or one row of it without any sum."""
    for before in wanted.unsummed():
        for axis in range(before.ndim):
            if same(made, before.sum(axis=axis)) or same(made, before.sum(axis=axis, keepdims=True)):
                return _("this is summed over axis {axis}").format(axis=axis)
            rows = (np.take(before, i, axis=axis) for i in range(min(before.shape[axis], MOST_ROWS)))
            if any(same(made, row) for row in rows):
                return _("this is one of the rows that must be added up")
    return ""


def another_shape(wanted: Wanted, made: Array) -> str:
    """The right numbers, with an axis too many or too few."""
    if made.shape == wanted.truth.shape or made.size != wanted.truth.size:
        return ""
    fits = same(made.reshape(wanted.truth.shape), wanted.truth)
    words = _("the right numbers, as {shape} and not {wanted}") if fits else ""
    return words.format(shape=made.shape, wanted=wanted.truth.shape)


def last_wins(wanted: Wanted, made: Array) -> str:
    """Repeated ids written over one another, and not added up."""
    for k, p in wanted.edges:
        rule = wanted.rule(k)
        whole = rule.plan.summed(p)
        if whole.applies not in LOOKING_UP:
            continue
        leaves = rule.plan.leaves(rule.inputs, rule.value(), wanted.cotangent(k))
        values = rule.plan.evaluate(whole.args[0], leaves)
        out = np.zeros(whole.shape)
        to = GOES[whole.applies](
            whole, np.arange(out.size).reshape(out.shape), partial(rule.plan.evaluate, leaves=leaves)
        )
        out.reshape(-1)[np.broadcast_to(to, values.shape).reshape(-1)] = values.reshape(-1)
        if same(made, out):
            return _("of an id that occurs more than once only the last is kept: repeated ids must add up")
    return ""


def one_of_several(wanted: Wanted, made: Array) -> str:
    """`=` in place of `+=`: what one consumer gives, at a tensor that has several."""
    if len(wanted.edges) + wanted.seeded < 2:
        return ""
    for k, p in wanted.edges:
        if same(made, to_float64(wanted.run.contribution(k, p))):
            others = len(wanted.edges) - 1 + wanted.seeded
            words = _("this is only what {node} gives; {count} more must be added (+=, not =)")
            return words.format(node=wanted.graph.nodes[k].id, count=others)
    return ""


def transposed(wanted: Wanted, made: Array) -> str:
    """The right numbers, transposed."""
    plain = made.ndim == wanted.truth.ndim >= 2 and made.shape[:-2] == wanted.truth.shape[:-2]
    return _("the right numbers, transposed") if plain and same(np.swapaxes(made, -1, -2), wanted.truth) else ""


def another_product(wanted: Wanted, made: Array) -> str:
    """At a matmul: a product of the right factors, transposed or ordered in another way, or with the inverse."""
    for k, p in wanted.edges:
        if wanted.graph.nodes[k].op.name != "matmul":
            continue
        both = sides(wanted.graph, k, p, [wanted.rule(k).inputs[1 - p]], [wanted.cotangent(k)])
        for pair in (*products(*both, p), *inverses(*both, p)):
            if pair.shape is not None and same(made, pair.left.arrays[0] @ pair.right.arrays[0]):
                words = _("this is {product}: {mistake}") if pair.known_as else _("this is {product}")
                return words.format(product=pair.text, mistake=pair.known_as)
    return ""


def handed_on(wanted: Wanted, made: Array) -> str:
    """The cotangent as it came in, without the op's own rule."""
    for k, _p in wanted.edges:
        node = wanted.graph.nodes[k]
        if same(made, wanted.cotangent(k)):
            words = _("this is {gradient} as it comes in: the rule of {op} is missing")
            return words.format(gradient=f"∂{node.id}", op=node.op.name)
    return ""


def scaled(wanted: Wanted, made: Array) -> str:
    """Right up to one factor: a sign, the 1/N of a mean, the 2 of a square."""
    if made.shape != wanted.truth.shape or not made.size:
        return ""
    at = np.unravel_index(int(np.abs(wanted.truth).argmax()), made.shape)
    if not wanted.truth[at] or not np.isfinite(made[at]):
        return ""
    factor = float(made[at] / wanted.truth[at])
    if not factor or not same(made, wanted.truth * factor):
        return ""
    if abs(factor + 1) <= ALIKE:
        return _("the sign is wrong")
    inverse = abs(factor) < 1 and math.isfinite(1 / factor)  # a subnormal number has none
    size = 1 / abs(factor) if inverse else abs(factor)
    spelt = f"{round(size)}" if abs(size - round(size)) <= ALIKE * size else f"{size:.4g}"
    words = _("right but for a constant: {factor} times what it should be")
    return words.format(factor=f"{'-' * (factor < 0)}{'1/' * inverse}{spelt}")


def hidden(wanted: Wanted, made: Array) -> str:
    """A shape that broadcasting would let pass without a word."""
    try:
        fits = np.broadcast_shapes(made.shape, wanted.truth.shape) == wanted.truth.shape
    except ValueError:
        return ""
    return _("broadcasting would let it pass, silently") if fits and made.shape != wanted.truth.shape else ""


KNOWN: tuple[Callable[[Wanted, Array], str], ...] = (
    not_summed, badly_summed, one_of_several, last_wins, transposed, another_shape, another_product, missing_term,
    scaled, updated_weight, handed_on, only_diagonal, hidden,
)  # fmt: skip
