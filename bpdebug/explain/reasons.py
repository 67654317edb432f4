"""Why a rule gives zero, in numbers: what the operand is there, and which units are dead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpdebug.engine.rules import Rule
from bpdebug.explain.origin import Source
from bpdebug.ops.op import ROUTES

Array = np.ndarray[Any, Any]
MOST_CELLS = 2048
"""Cells of a cotangent that are tried one by one, to see which of them reach the cells asked about."""


def dead_units(rule: Rule, position: int, y: Array) -> list[str]:
    """Of an op that lets gradients pass or not: the units (of the last axis) that no row of the batch gets through."""
    x, op = rule.inputs[position], rule.node.op
    if op.back != ROUTES or x.shape != y.shape or x.ndim < 2 or not x.size:
        return []
    passing = rule.gradient(position, y, np.ones_like(y)) != 0
    rows = passing.reshape(-1, x.shape[-1])
    dead = np.flatnonzero(~rows.any(axis=0))
    shut = int(rows.size - np.count_nonzero(rows))
    text = f"{op.name} '{rule.node.id}' lets nothing through at {shut} of {rows.size} cells"
    if not dead.size:
        return [text]
    which = ", ".join(map(str, dead[:8].tolist())) + (" ..." if dead.size > 8 else "")
    plural = f"{dead.size} of its {x.shape[-1]} units {'is' if dead.size == 1 else 'are'} dead for the whole batch"
    return [f"{text}; {plural}: {which}"]


def reached(gives: Callable[[Array], Array], shape: tuple[int, ...]) -> Array:
    """The cells of a cotangent that what `gives` makes of it depends on; all of them where there are many."""
    found = np.ones(shape, bool)
    if found.size <= MOST_CELLS:
        for cell in np.ndindex(shape):
            unit = np.zeros(shape)
            unit[cell] = 1.0
            found[cell] = bool(gives(unit).any())
    return found


def count(mask: Array) -> str:
    count = int(np.count_nonzero(mask))
    return "this cell" if count == 1 else f"these {count} cells"


def reason(source: Source, rule: Rule, position: int, mask: Array) -> str:
    """What makes the rule give zero, in numbers: a factor that is zero, or where the operand lies."""
    zero: dict[str, bool] = {}
    for terms in source.terms:
        for f in terms.factors:
            if not f.under and f.expr is not source.cotangent:
                name = source.names.get(id(f.expr), "")
                zero[name] = zero.get(name, True) and not f.values.any()
    names = [name for name, gone in zero.items() if gone and name]
    if names:
        return f", where {' and '.join(names)} {'is' if len(names) == 1 else 'are'} 0"
    op = rule.node.op
    if op.name == "where" or (op.back == ROUTES and len(rule.node.tensors) > 1):
        return ", which was not taken there"
    x = rule.inputs[position][mask]
    if not x.size or not np.isfinite(x).all():
        return ""
    low, high = float(x.min()), float(x.max())
    return f", where the operand is {low:.4g}" if low == high else f", where it lies between {low:.4g} and {high:.4g}"


def divided_by_zero(source: Source) -> str:
    """What a term of a cell is divided by, where that is zero; '' where nothing is."""
    for terms in source.terms:
        for f in terms.factors:
            if f.under and not f.values.all():
                return f"it is divided by {source.names.get(id(f.expr), 'what')}, which is 0 there"
    return ""


def zero_times_infinity(source: Source) -> str:
    """A term of a cell with a zero and an infinity among its factors, in words; '' where there is none."""
    for terms in source.terms:
        for row in np.flatnonzero(np.isnan(terms.products))[:1]:
            one = terms.taken(np.array([row]))
            large = [f for f in one.factors if np.isinf(f.values[0]) or (f.under and f.values[0] == 0)]
            small = [f for f in one.factors if f not in large and f.values[0] == 0]
            if large and small:
                names = [source.names.get(id(f.expr), "") for f in (small[0], large[0])]
                return f"{names[0]} is 0 there, and {'1 / ' if large[0].under else ''}{names[1]} is infinite"
    return ""
