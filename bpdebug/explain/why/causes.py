"""What made a number infinite, undefined or zero: the operation in numbers, and what fed it, as far back as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from bpdebug.arrays import Array, Shape
from bpdebug.cells.follow import CANCELS, SUMMING, UNREAD, Born, Traced
from bpdebug.cells.sets import Fed, fed
from bpdebug.cells.table import MOVES
from bpdebug.explain.why.births import Birth, birth, born_in
from bpdebug.explain.why.tracer import EvaluatedRule, RuleTracer, Test, is_zero, number, one
from bpdebug.explain.why.zero import zero
from bpdebug.graph import Site
from bpdebug.symbolic import Expr
from bpdebug.symbolic.text import write
from bpdebug.translation import _, joined, phrases

TOO_LARGE, POLE, PRODUCT, QUOTIENT, SUM, OTHER = "too large", "pole", "0 * inf", "0 / 0", "cancels", "other"
"""What an operation did: left the range, met a pole, or had no value for these numbers."""
MOST_SAID, LONG = 8, 60
"""Sentences of a chain of causes; characters of a rule beyond which it is not written out."""


class Culprit(NamedTuple):
    """Cells of an expression of a rule that are to be explained: those that pass the test; as numbers without one."""

    rule: EvaluatedRule
    expr: Expr
    cells: Array
    test: Test | None = None

    def followed(self) -> Traced:
        """To the leaves that pass the test, too, and to where that was born."""
        cells = self.cells & self.test(self.rule.value(self.expr)) if self.test else self.cells
        return self.rule.followed(cells, self.test, self.expr)


class Cause(NamedTuple):
    """An operation in numbers, what kind of thing happened, and what is to be explained next."""

    text: str
    kind: str
    next: tuple[Culprit, ...] = ()
    because: str = ""


class CauseStep(NamedTuple):
    """What is said of a culprit, what is to be explained next, and whether something overflowed."""

    said: Sequence[str] = ()
    next: tuple[Culprit, ...] = ()
    overflowed: bool = False


def cause(tracer: RuleTracer, rule: EvaluatedRule, born: Born) -> Cause:
    """What an operation did at the first of the cells that were born in it."""
    e, cell = born.expr, one(born.cells)
    value = rule.value(e)[cell][0]
    feeds = [(a, np.array(c)) for a, c in fed(e, cell, rule.value)]
    if e.applies == "matmul" and np.isnan(value):
        feeds = _term(rule, feeds)
    if born.how == UNREAD and value == 0:
        return Cause(_("a sum of no terms is 0") if e.applies in SUMMING else _("0 is put there as padding"), OTHER)
    if np.isinf(value) and (not feeds or e.applies in ("where", "unfold")):
        return Cause(_("{value} is put there").format(value=number(value)), OTHER)
    text = _numbers(rule, e, cell, feeds)
    if np.isnan(value):
        return Cause(_("{numbers} is not a number").format(numbers=text), *_undefined(rule, e, feeds))
    if np.isinf(value):
        return _infinite(tracer, rule, e, feeds, text)
    words = _("{numbers} is 0").format(numbers=text)
    if born.how == CANCELS:
        return Cause(words, SUM, _as_numbers(rule, feeds))
    return Cause(words, OTHER, _passing(rule, feeds, np.isinf))


def _passing(rule: EvaluatedRule, feeds: Iterable[tuple[Expr, Array]], test: Test) -> tuple[Culprit, ...]:
    """The operands' cells that pass a test, of each operand that has any."""
    found = (Culprit(rule, a, c & test(rule.value(a)), test) for a, c in feeds)
    return tuple(x for x in found if x.cells.any())


def _as_numbers(rule: EvaluatedRule, feeds: Fed) -> tuple[Culprit, ...]:
    return tuple(Culprit(rule, a, one(c)) for a, c in feeds)


def _undefined(rule: EvaluatedRule, e: Expr, feeds: Fed) -> tuple[str, tuple[Culprit, ...]]:
    large = tuple(x._replace(cells=_signs(x.cells, rule.value(x.expr))) for x in _passing(rule, feeds, np.isinf))
    small = tuple(x._replace(cells=one(x.cells)) for x in _passing(rule, feeds, is_zero))
    if large:
        product = e.applies in ("multiply", "matmul") and (small or len(feeds) < 2)
        return (PRODUCT, large + small) if product else (OTHER, large)
    if small and e.applies == "divide":
        return QUOTIENT, small
    return PRODUCT if e.applies == "multiply" else OTHER, _as_numbers(rule, feeds)


def _signs(cells: Array, value: Array) -> Array:
    """Of cells that are infinite: all where they have one sign, one of each where they differ."""
    up, down = cells & (value > 0), cells & (value < 0)
    return one(up) | one(down) if up.any() and down.any() else cells


def _infinite(tracer: RuleTracer, rule: EvaluatedRule, e: Expr, feeds: Fed, text: str) -> Cause:
    a, there = feeds[-1] if e.applies == "divide" else feeds[0]
    at, words = rule.value(a)[there], _("{numbers} is infinite").format(numbers=text)
    if e.applies == "divide" and e.args[1] is not a and e.args[1] == 0:
        return Cause(words, POLE)
    if e.applies == "divide" and not at.any():
        site = rule.sites.get(id(a))
        divisor = tracer.factor(rule, a) if site is None else tracer.name(site, there)
        because = _("it is divided by {divisor}, which is 0 there").format(divisor=divisor)
        return Cause(words, POLE, (Culprit(rule, a, there, is_zero),), because)
    if e.applies in ("log", "log2", "log10", "pow") and e.args[0] is a and not at.all():
        return Cause(words, POLE, (Culprit(rule, a, there, is_zero),))
    if e.applies == "log1p" and (at == -1).any():
        return Cause(words, POLE, (Culprit(rule, a, one(there)),))
    return Cause(_("{numbers} overflows {dtype}").format(numbers=text, dtype=e.dtype), TOO_LARGE)


def _term(rule: EvaluatedRule, feeds: Fed) -> Fed:
    """Of the products that a cell of a matrix product is the sum of, one that is not a number, or inf and -inf."""
    (a, rows), (b, columns) = feeds
    if rows.sum() != columns.sum():
        return feeds
    with np.errstate(all="ignore"):
        products = rule.value(a)[rows] * rule.value(b)[columns]
    undefined, infinite = np.flatnonzero(np.isnan(products)), np.flatnonzero(np.isinf(products))
    chosen = undefined[:1]
    if not chosen.size:
        chosen = infinite[[np.argmax(products[infinite]), np.argmin(products[infinite])]]
    found = []
    for x, cells in ((a, rows), (b, columns)):
        mine = np.zeros(x.shape, bool)
        mine[tuple(np.argwhere(cells)[chosen].T)] = True
        found.append((x, mine))
    return found


def _numbers(rule: EvaluatedRule, e: Expr, cell: Array, feeds: Fed) -> str:
    """An operation with numbers for its operands; of many cells those that matter."""
    infix = bool(e.prim and e.prim.infix)
    if e.applies == "matmul":
        left, right = (rule.value(x)[c] for x, c in feeds)
        shown = [f"{_bracketed(x)} * {_bracketed(y)}" for x, y in zip(left[:2], right[:2], strict=False)]
        return " + ".join(shown) + (" + ..." if len(left) > 2 else "")
    if infix or all(np.count_nonzero(c) <= 1 for _x, c in feeds):

        def named(x: Expr) -> str | None:
            if x is e:
                return None
            found = rule.value(x)
            at = np.broadcast_to(found, e.shape)[cell][0] if _spreads(found.shape, e.shape) else found.reshape(-1)[0]
            if found.dtype.kind == "b":
                return str(bool(at))
            return _bracketed(at) if infix else number(at)

        return write(e, named)
    a, c = feeds[0]
    values = np.unique(rule.value(a)[c])
    kinds = dict.fromkeys(map(number, values[:3]))
    found = joined(kinds) + (" ..." if len(values) > 3 else "")
    return _("{op} of {numbers}").format(op=e.applies, numbers=found)


def _spreads(shape: Shape, to: Shape) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(reversed(shape), reversed(to), strict=False))


def _bracketed(value: Any) -> str:
    return f"({number(value)})" if value < 0 else number(value)


# --- the chain


def told(tracer: RuleTracer, found: Birth, test: Test) -> tuple[list[str], str, bool]:
    """A birth and what led to it, a sentence each; what kind of thing it was, and whether something overflowed."""
    if found.edge is None:
        return [found.words], "given", False
    rule = tracer.rule(*found.edge)
    first = cause(tracer, rule, born_in(rule, found, test))
    notes = phrases(dict.fromkeys(filter(None, (first.because, *_notes(tracer, first.next)))))
    formula, place = tracer.formula(rule), tracer.name(found.site, found.cells)
    place = f"{place} = {formula}" if len(formula) <= LONG else place
    words = _("{place}: {what} at {node}: {notes}") if notes else _("{place}: {what} at {node}")
    text = words.format(place=place, what=first.text, node=tracer.at(*found.edge), notes=notes)
    said, over = _chain(tracer, list(first.next))
    return [text, *said], first.kind, over or first.kind == TOO_LARGE


def _chain(tracer: RuleTracer, todo: list[Culprit]) -> tuple[list[str], bool]:
    said, over, seen = list[str](), False, set[tuple[Site, Any]]()
    while todo and len(said) < MOST_SAID:
        culprit = todo.pop(0)
        step = _explained(tracer, culprit, seen) if culprit.test else _one_step(tracer, culprit, seen)
        said += step.said
        todo[:0] = step.next
        over |= step.overflowed
    return list(dict.fromkeys(said)), over


def _explained(tracer: RuleTracer, culprit: Culprit, seen: set[tuple[Site, Any]]) -> CauseStep:
    """How cells came to be zero or infinite: the operation of this rule that made them, or what made its leaves."""
    rule, test, found = culprit.rule, culprit.test, culprit.followed()
    assert test is not None
    said, onward, over = list[str](), tuple[Culprit, ...](), False
    for born in found.born[-1:]:
        inner = cause(tracer, rule, born)
        words = _("{place}: {what} there: {notes}") if inner.because else _("{place}: {what} there")
        said.append(words.format(place=tracer.text(rule, born.expr), what=inner.text, notes=inner.because))
        onward, over = inner.next, inner.kind == TOO_LARGE
    for leaf, there in found.leaves:
        site = rule.sites[id(leaf)]
        if (site, test) in seen:
            continue
        seen.add((site, test))
        if site.gradient and test is is_zero:
            said.append(zero(tracer, site, one(there)).evidence[-1])
        else:
            more, _kind, large = told(tracer, birth(tracer, site, one(there), test), test)
            said, over = said + more, over or large
    return CauseStep(said, onward, over)


def _one_step(tracer: RuleTracer, culprit: Culprit, seen: set[tuple[Site, Any]]) -> CauseStep:
    """How a number that is neither zero nor infinite came about: the one operation that made it."""
    rule, cell = culprit.rule, culprit.cells
    site = rule.sites.get(id(culprit.expr))
    if site is None:
        return CauseStep(next=_as_numbers(rule, culprit.followed().leaves))
    if site.gradient or (site, None) in seen:
        return CauseStep()
    seen.add((site, None))
    k = tracer.graph.k(site.tensor)
    if k is None:
        same = tracer.array(site)[cell]
        return CauseStep([birth(tracer, site, cell, lambda array: array == same).words])
    above = tracer.rule(k)
    leaves = above.followed(cell).leaves
    found = {id(leaf): c for leaf, c in leaves}
    names = [
        number(above.value(o)[found[id(o)]][0]) if id(o) in found else str(o)
        for o in above.plan.operands if not isinstance(o, Expr) or id(o) in found
    ]  # fmt: skip
    alone = all(np.count_nonzero(c) == 1 for c in found.values()) and above.root.applies not in MOVES
    numbers = f" = {above.plan.call_text(names)}" if alone else ""
    value = number(above.result[cell][0])
    said = _("{equation}, at {node}").format(
        equation=f"{tracer.name(site, cell)} = {tracer.formula(above)}{numbers} = {value}", node=tracer.at(k, None)
    )
    return CauseStep([said], _passing(above, leaves, np.isinf))


def _notes(tracer: RuleTracer, culprits: tuple[Culprit, ...]) -> list[str]:
    """'row 1 of S is -inf throughout', 'w[0] is 0': the cells that the numbers of an operation stood in."""
    there: dict[tuple[Site, Any], Array] = {}
    for culprit in culprits:
        rule, test = culprit.rule, culprit.test
        if test is None or (test is is_zero and id(culprit.expr) in rule.sites and len(culprits) == 1):
            continue  # the operation itself says it
        for leaf, c in culprit.followed().leaves:
            key = (rule.sites[id(leaf)], test)
            there[key] = there[key] | c if key in there else c
    return [region(tracer, site, cells) for (site, _), cells in there.items()]


def region(tracer: RuleTracer, site: Site, cells: Array) -> str:
    """'row 1 of S is -inf throughout', 'S[0,1] is inf': cells, a mask of the tensor's shape, and what they hold."""
    array, name = tracer.array(site), tracer.name(site)
    values = array[cells]
    first = _("{name} is {value}").format(name=tracer.name(site, cells), value=number(values[0]))
    if len(values) == 1 or len(set(values.tolist())) > 1:
        return first
    if cells.all():
        return _("{name} is {value} throughout").format(name=name, value=number(values[0]))
    row = np.argwhere(cells)[0][:-1]
    whole = np.zeros_like(cells)
    whole[tuple(row)] = True
    if cells.ndim > 1 and np.array_equal(whole, cells):
        words = _("row {row} of {name} is {value} throughout")
        return words.format(row=",".join(map(str, row.tolist())), name=name, value=number(values[0]))
    return first
