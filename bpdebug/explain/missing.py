"""Mistakes of a rule itself: terms left out, the diagonal alone, and the weight as it is after its update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.checks.rule import NodeRule
from bpdebug.explain.wrong import MOST_TEXT, Wanted, same
from bpdebug.graph import PARAMETER
from bpdebug.ops.op import MIXES
from bpdebug.symbolic import Expr, evaluate, walk
from bpdebug.translation import _, joined, ngettext

MOST_PLACES = 6
"""Sides of sums in a rule beyond which no term is looked for."""
LEAST_CELLS = 3
"""Cells of a gradient below which any other would be found to be some multiple away."""
MOST_DIAGONAL = 1024
"""Cells of an operand of which the diagonal of its rule is taken, one evaluation each."""


def missing_term(wanted: Wanted, made: Array) -> str:
    """The rule without one of its terms, or without several: the dot product of softmax, the mean of a norm."""
    for k, p in wanted.edges:
        rule, names, node = wanted.rule(k), wanted.graph.leaf_names(k), wanted.graph.nodes[k]
        whole = rule.plan.summed(p)
        places = terms_with(whole, rule.plan.g) or terms_with(whole)
        if not places or len(places) > MOST_PLACES or made.shape != wanted.truth.shape:
            continue
        leaves = rule.plan.leaves(rule.inputs, rule.value(), wanted.cotangent(k))
        for count in range(1, len(places) + 1):
            for chosen in combinations(places, count):
                sums = {id(e) for e, _ in chosen}
                if len(sums) == count and wanted.gives(made, (k, p), without(whole, chosen, leaves)):
                    terms = [rule.plan.text_of(e.args[side], *names) for e, side in chosen]
                    left = joined(t if len(t) <= MOST_TEXT else f"{t[:MOST_TEXT]} …" for t in terms)
                    said = ngettext(
                        "a term of {op}'s rule is missing: {terms}",
                        "{count} terms of {op}'s rule are missing: {terms}",
                        count,
                    )
                    return said.format(count=count, op=node.op.name, terms=left)
    return ""


def terms_with(whole: Expr, leaf: Expr | None = None) -> list[tuple[Expr, int]]:
    """Every sum in an expression of which both sides hold a leaf, with the number of a side: what may be left out.

    Without a leaf, every sum of two arrays.
    """
    has: dict[int, bool] = {}
    found = []
    for e in walk(whole):
        has[id(e)] = leaf is None or e is leaf or any(has[id(a)] for a in e.operands())
        if e.applies in ("add", "subtract") and len(e.operands()) == 2:
            found += [(e, side) for side in (1, 0)] if all(has[id(a)] for a in e.operands()) else []
    return found


def without(whole: Expr, dropped: Sequence[tuple[Expr, int]], leaves: Mapping[int, Any]) -> Array:
    """An expression's value, of its shape, where of some sums one side is left out; inner sums come first."""
    known = dict(leaves)
    with np.errstate(all="ignore"):
        for e, side in dropped:
            rest = e.args[1 - side]
            kept = evaluate(rest, known)[id(rest)]
            known[id(e)] = np.broadcast_to(-kept if e.applies == "subtract" and side == 0 else kept, e.shape)
        return np.asarray(evaluate(whole, known)[id(whole)])


def only_diagonal(wanted: Wanted, made: Array) -> str:
    """Of an op that mixes cells, each cell's slope by itself alone: softmax's P * (1 - P)."""
    for k, p in wanted.edges:
        rule, node, g = wanted.rule(k), wanted.graph.nodes[k], wanted.cotangent(k)
        if node.op.back != MIXES or not g.shape == made.shape == rule.inputs[p].shape or made.size > MOST_DIAGONAL:
            continue
        y, diagonal = rule.value(), np.zeros(g.shape)
        for cell in np.ndindex(g.shape):
            alone = np.zeros(g.shape)
            alone[cell] = g[cell]
            diagonal[cell] = rule.gradient(p, y, alone)[cell]
        if wanted.gives(made, (k, p), diagonal):
            words = _("only the diagonal of {op}'s Jacobian: each cell of {node} depends on other cells too")
            return words.format(op=node.op.name, node=node.id)
    return ""


def updated_weight(wanted: Wanted, made: Array) -> str:
    """The rule on a parameter as it is after its update, by whatever learning rate."""
    if made.shape != wanted.truth.shape or made.size < LEAST_CELLS:
        return ""
    gap = made - wanted.truth
    for k, p in wanted.edges:
        rule, g = wanted.rule(k), wanted.cotangent(k)
        for q, tensor in wanted.graph.edges(k):
            slope = wanted.run.gradient(tensor)
            if q == p or slope is None or wanted.graph.kind(tensor) != PARAMETER:
                continue
            before, whole = (_by_weight(rule, p, g, q, rule.inputs[q] - rate * slope) for rate in (0.0, 1.0))
            rate = float((gap * (whole - before)).sum() / np.square(whole - before).sum())
            if rate > 0 and same(_by_weight(rule, p, g, q, rule.inputs[q] - rate * slope) - before, gap):
                name = wanted.graph.names[tensor]
                words = _(
                    "this reads {name} after its update ({name} - {rate:.4g} * ∂{name}): "
                    "the backward pass reads the weights that the forward pass read"
                )
                return words.format(name=name, rate=rate)
    return ""


def _by_weight(rule: NodeRule, position: int, g: Array, other: int, weight: Array) -> Array:
    """A rule's gradient with another of its operands replaced."""
    inputs = (*rule.inputs[:other], weight, *rule.inputs[other + 1 :])
    return rule.plan.evaluate(rule.plan.summed(position), rule.plan.leaves(inputs, rule.value(inputs), g))
