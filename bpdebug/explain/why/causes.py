"""What made a number infinite, undefined or zero: the operation in numbers, and what fed it, as far back as it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from bpdebug.arrays import Array
from bpdebug.cells.follow import CANCELS, UNREAD, Born, everything, traced
from bpdebug.cells.sets import fed
from bpdebug.cells.table import MOVES
from bpdebug.explain.why.births import Birth, birth, born_at, hand_of, is_zero, number
from bpdebug.explain.why.question import Made, Question, Site, one
from bpdebug.explain.why.zero import zero
from bpdebug.symbolic import Expr
from bpdebug.symbolic.text import FORMULA, write

TOO_LARGE, POLE, PRODUCT, QUOTIENT, SUM, OTHER = "too large", "pole", "0 * inf", "0 / 0", "cancels", "other"
"""What an operation did: left the range, met a pole, or had no value for these numbers."""
MOST_SAID, LONG = 8, 60
"""Sentences of a chain of causes; characters of a rule beyond which it is not written out."""


class Culprit(NamedTuple):
    """Cells of an expression of a rule that are to be explained: those that pass the test; as numbers without one."""

    made: Made
    expr: Expr
    cells: Array
    test: Callable[[Array], Array] | None


class Cause(NamedTuple):
    """An operation in numbers, what kind of thing happened, and what is to be explained next."""

    text: str
    kind: str
    next: tuple[Culprit, ...]
    because: str = ""


def cause(asked: Question, made: Made, born: Born) -> Cause:
    """What an operation did at the first of the cells that were born in it."""
    e, cell = born.expr, one(born.cells)
    value = float(made.value(e)[cell][0])
    feeds = [(a, np.array(c)) for a, c in fed(e, cell, made.value)]
    assert e.prim is not None
    if e.prim.name == "matmul":
        feeds = _term(made, feeds, value)
    if np.isnan(value):
        kind, found = _undefined(made, e, feeds)
        return Cause(f"{_numbers(made, e, cell, feeds)} is not a number", kind, found)
    if np.isinf(value):
        return _infinite(asked, made, e, cell, feeds)
    return _zero(made, born, cell, feeds)


def _undefined(made: Made, e: Expr, feeds: list[tuple[Expr, Array]]) -> tuple[str, tuple[Culprit, ...]]:
    name = e.prim.name if e.prim else ""
    large = [Culprit(made, a, _signs(c & np.isinf(made.value(a)), made.value(a)), np.isinf) for a, c in feeds]
    small = [Culprit(made, a, one(c & is_zero(made.value(a))), is_zero) for a, c in feeds]
    large, small = ([x for x in found if x.cells.any()] for found in (large, small))
    if large:
        product = name in ("multiply", "matmul") and (small or len(feeds) < 2)
        return (PRODUCT, (*large, *small)) if product else (OTHER, tuple(large))
    if small and name == "divide":
        return QUOTIENT, tuple(small)
    return (PRODUCT if name == "multiply" else OTHER), tuple(Culprit(made, a, c, None) for a, c in feeds)


def _signs(cells: Array, value: Array) -> Array:
    """Of cells that are infinite: all where they have one sign, one of each where they differ."""
    up, down = cells & (value > 0), cells & (value < 0)
    return one(up) | one(down) if up.any() and down.any() else cells


def _infinite(asked: Question, made: Made, e: Expr, cell: Array, feeds: list[tuple[Expr, Array]]) -> Cause:
    assert e.prim is not None
    name, text = e.prim.name, _numbers(made, e, cell, feeds)
    if not feeds or name in ("where", "unfold"):
        return Cause(f"{number(made.value(e)[cell][0])} is put there", OTHER, ())
    a, there = feeds[-1] if name == "divide" else feeds[0]
    at = made.value(a)[there]
    if name == "divide" and e.args[1] is not a and e.args[1] == 0:
        return Cause(f"{text} is infinite", POLE, ())
    if (name == "divide" and not at.any()) or (name in ("log", "pow") and e.args[0] is a and not at.all()):
        because = f"it is divided by {_factor(asked, made, a, there)}, which is 0 there" if name == "divide" else ""
        return Cause(f"{text} is infinite", POLE, (Culprit(made, a, there, is_zero),), because)
    if name == "log1p" and (at == -1).any():
        return Cause(f"{text} is infinite", POLE, (Culprit(made, a, there, None),))
    return Cause(f"{text} overflows {e.dtype}", TOO_LARGE, ())


def _factor(asked: Question, made: Made, expr: Expr, cells: Array) -> str:
    """What something is divided by: a cell, or a formula in brackets."""
    site = made.places.get(id(expr))
    return asked.factor(made, expr) if site is None else asked.name(site, cells)


def _zero(made: Made, born: Born, cell: Array, feeds: list[tuple[Expr, Array]]) -> Cause:
    e = born.expr
    if born.how == UNREAD:
        return Cause("0 is put there as padding", OTHER, ())
    large = tuple(Culprit(made, a, c & np.isinf(made.value(a)), np.isinf) for a, c in feeds)
    large = tuple(x for x in large if x.cells.any())
    text = _numbers(made, e, cell, feeds)
    if born.how == CANCELS:
        return Cause(f"{text} is 0", SUM, tuple(Culprit(made, a, c, None) for a, c in feeds))
    return Cause(f"{text} is 0", OTHER, large)


def _term(made: Made, feeds: list[tuple[Expr, Array]], value: float) -> list[tuple[Expr, Array]]:
    """Of the products that a cell of a matrix product is the sum of, one that is not a number; else all of them."""
    (a, rows), (b, columns) = feeds
    if not np.isnan(value) or rows.sum() != columns.sum():
        return feeds
    left, right = np.argwhere(rows), np.argwhere(columns)
    with np.errstate(all="ignore"):
        products = made.value(a)[rows] * made.value(b)[columns]
    bad = np.flatnonzero(np.isnan(products)) if np.isnan(products).any() else np.flatnonzero(np.isinf(products))
    chosen = bad[:1] if np.isnan(products).any() else [bad[np.argmax(products[bad])], bad[np.argmin(products[bad])]]
    found = []
    for x, at in ((a, left), (b, right)):
        cells = np.zeros(x.shape, bool)
        for n in chosen:
            cells[tuple(at[n])] = True
        found.append((x, cells))
    return found


def _numbers(made: Made, e: Expr, cell: Array, feeds: list[tuple[Expr, Array]]) -> str:
    """An operation with numbers for its operands; of many cells those that matter."""
    assert e.prim is not None
    counts = [int(c.sum()) for _, c in feeds]
    if e.prim.name == "matmul":
        left, right = (made.value(x)[c] for x, c in feeds)
        shown = [f"{_bracketed(x)} * {_bracketed(y)}" for x, y in zip(left[:2], right[:2], strict=False)]
        return " + ".join(shown) + (" + ..." if len(left) > 2 else "")
    if e.prim.infix or all(n <= 1 for n in counts):
        values = {id(a): made.value(a) for a in e.operands()}

        def named(x: Expr) -> str | None:
            if x is e:
                return None
            found = values[id(x)]
            at = np.broadcast_to(found, e.shape)[cell][0] if _spreads(found.shape, e.shape) else found.reshape(-1)[0]
            if found.dtype.kind == "b":
                return str(bool(at))
            return _bracketed(at) if e.prim is not None and e.prim.infix else number(at)

        return write(e, named, FORMULA)
    (a, c), *_ = feeds
    kinds = dict.fromkeys(number(v) for v in np.unique(made.value(a)[c])[:3])
    return f"{e.prim.name} of {' and '.join(kinds)}" + (" ..." if len(np.unique(made.value(a)[c])) > 3 else "")


def _spreads(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(reversed(shape), reversed(to), strict=False))


def _bracketed(value: Any) -> str:
    text = number(value)
    return f"({text})" if text.startswith("-") else text


# --- the chain


def told(asked: Question, found: Birth, test: Callable[[Array], Array]) -> tuple[list[str], str, bool]:
    """A birth and what led to it, a sentence each; what kind of thing it was, and whether something overflowed."""
    if found.edge is None:
        return [found.words], "given", False
    made, born = born_at(asked, found, test)
    first = cause(asked, made, born)
    notes = ", ".join(dict.fromkeys(filter(None, (first.because, *_notes(asked, first.next)))))
    rule, place = asked.rule(made), asked.name(found.site, found.cells)
    place = f"{place} = {rule}" if len(rule) <= LONG else place
    text = f"{place}: {first.text} at {asked.at(*found.edge)}{notes and f': {notes}'}"
    said, over = _chain(asked, list(first.next))
    return [text, *said], first.kind, over or first.kind == TOO_LARGE


def _chain(asked: Question, todo: list[Culprit]) -> tuple[list[str], bool]:
    said, over, seen = list[str](), False, set[tuple[Site, Any]]()
    while todo and len(said) < MOST_SAID:
        made, expr, cells, test = todo.pop(0)
        if test is None:
            todo[:0] = _one_step(asked, made, expr, cells, said, seen)
            continue
        mine = cells & test(made.value(expr))
        found = traced(expr, mine, made.value, hand_of(made, test))
        for born in found.born[-1:]:
            inner = cause(asked, made, born)
            said.append(f"{asked.text(made, born.expr)}: {inner.text} there{inner.because and f': {inner.because}'}")
            todo[:0], over = inner.next, over or inner.kind == TOO_LARGE
        for leaf, there in found.leaves:
            site = made.places[id(leaf)]
            if (site, test) not in seen:
                seen.add((site, test))
                more, large = _back(asked, site, one(there), test)
                said, over = said + more, over or large
    return list(dict.fromkeys(said)), over


def _back(asked: Question, site: Site, cells: Array, test: Callable[[Array], Array]) -> tuple[list[str], bool]:
    """What made a cell of a value or a gradient zero or infinite."""
    if site.gradient and test is is_zero:
        return [zero(asked, "", site, cells).evidence[-1]], False
    found = birth(asked, site, cells, test)
    said, _, over = told(asked, found, test)
    return said, over


def _one_step(asked: Question, made: Made, expr: Expr, cells: Array, said: list[str], seen: Any) -> list[Culprit]:
    """How a number that is neither zero nor infinite came about: the one operation that made it."""
    site = made.places.get(id(expr))
    if site is None:
        leaves = traced(expr, one(cells), made.value, everything).leaves
        return [Culprit(made, a, one(c), None) for a, c in leaves if c.any()]
    if site.gradient or (site, None) in seen:
        return []
    seen.add((site, None))
    k = asked.graph.k(site.tensor)
    if k is None:
        same = asked.array(site)[one(cells)]
        said.append(birth(asked, site, one(cells), lambda array: array == same).words)
        return []
    above = asked.made(k)
    cell = one(cells)
    every = traced(above.root, cell, above.value, everything).leaves
    found = {id(leaf): c for leaf, c in every}
    names = [
        number(above.value(o)[found[id(o)]][0]) if id(o) in found else str(o)
        for o in above.plan.operands if not isinstance(o, Expr) or id(o) in found
    ]  # fmt: skip
    alone = all(int(c.sum()) == 1 for c in found.values()) and not (above.root.prim and above.root.prim.name in MOVES)
    numbers = f" = {above.plan.call_text(names)}" if alone else ""
    value = number(above.result[cell][0])
    said.append(f"{asked.name(site, cell)} = {asked.rule(above)}{numbers} = {value}, at {asked.at(above.k, None)}")
    return [Culprit(above, a, c, np.isinf) for a, c in every if (c & np.isinf(above.value(a))).any()]


def _notes(asked: Question, culprits: tuple[Culprit, ...]) -> list[str]:
    """'row 1 of S is -inf throughout', 'w[0] is 0': the cells that the numbers of an operation stood in."""
    there: dict[tuple[Site, Any], Array] = {}
    for made, expr, cells, test in culprits:
        if test is None or (test is is_zero and id(expr) in made.places and len(culprits) == 1):
            continue  # the operation itself says it
        found = traced(expr, cells & test(made.value(expr)), made.value, hand_of(made, test))
        for leaf, c in found.leaves:
            key = (made.places[id(leaf)], test)
            there[key] = there[key] | c if key in there else c
    return [region(asked, site, cells) for (site, _), cells in there.items()]


def region(asked: Question, site: Site, cells: Array) -> str:
    """'row 1 of S is -inf throughout', 'S[0,1] is inf': cells and what they hold."""
    array, name = asked.array(site), asked.name(site)
    values = array[cells]
    first = f"{asked.name(site, cells)} is {number(values[0])}"
    if len(values) == 1 or len(set(values.tolist())) > 1:
        return first
    if cells.all():
        return f"{name} is {number(values[0])} throughout"
    row = np.argwhere(cells)[0][:-1]
    whole = np.zeros_like(cells)
    whole[tuple(row)] = True
    if cells.ndim > 1 and np.array_equal(whole, cells):
        return f"row {','.join(map(str, row.tolist()))} of {name} is {number(values[0])} throughout"
    return first
