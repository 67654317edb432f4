"""One cell of an expression as a sum of products of other cells.

An expression is opened along the operations that are linear in what is asked about; what is left closed is a factor.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.explain.opened import MOST_TERMS, MOVED, OPENED
from bpdebug.explain.terms import At, Factor, Terms, spread
from bpdebug.symbolic import Expr, Plan, walk


class Opening:
    """A plan's expressions on the numbers of one event, opened at cells.

    `leaves` are the values of the plan's leaves by identity. With `along`, only what contains one of these leaves is
    opened; what does not is a factor, moved to the leaf's own cell where it is one that was only moved about.
    """

    def __init__(self, plan: Plan, leaves: Mapping[int, Any], along: Collection[Expr] | None = None) -> None:
        self.plan, self.known = plan, dict(leaves)
        self.along = None if along is None else {id(e) for e in along}
        self._reaches: dict[int, bool] = {}

    def terms(self, expr: Expr, cell: Sequence[int]) -> list[Terms]:
        """The products that one cell is the sum of."""
        return self.opened(expr, tuple(np.array([i]) for i in cell))

    def value(self, expr: Expr) -> Array:
        """The whole array of an expression, computed once."""
        if id(expr) not in self.known:
            with np.errstate(all="ignore"):
                self.known[id(expr)] = self.plan.evaluate(expr, self.known)
        return np.asarray(self.known[id(expr)])

    def opened(self, expr: Any, at: At) -> list[Terms]:
        """The terms of an expression's cells at `at` (index arrays of one length, none for a number)."""
        count = len(at[0]) if at else 1
        if not isinstance(expr, Expr):
            return [Terms(np.arange(count), np.full(count, float(expr)))]
        rule = None if expr.prim is None else OPENED.get(expr.prim.name)
        if rule is None or not (self.reaches(expr) or expr.prim is None or expr.prim.name in MOVED):
            return self.closed(expr, at)
        found = rule(self, expr, at)
        return self.closed(expr, at) if found is None else found

    def closed(self, expr: Expr, at: At) -> list[Terms]:
        """The cells themselves, as one factor."""
        values = self.value(expr)[at] if at else self.value(expr).reshape(1)
        count = len(values)
        return [Terms(np.arange(count), np.ones(count), (Factor(expr, at, values.astype(np.float64)),))]

    def reaches(self, expr: Any) -> bool:
        """Whether an expression contains a leaf along which it is opened."""
        if not isinstance(expr, Expr):
            return False
        if self.along is None:
            return True
        for e in walk(expr) if id(expr) not in self._reaches else ():
            self._reaches[id(e)] = id(e) in self.along or any(self._reaches[id(a)] for a in e.operands())
        return self._reaches[id(expr)]

    def times(self, left: list[Terms], right: Any, at: At) -> list[Terms] | None:
        """Every term times the terms of another expression's cells at `at`; None where that is too many."""
        made, count = [], 0
        for a in left:
            for b in self.opened(right, tuple(i[a.of] for i in at)) if at else spread(self.opened(right, ()), a.of):
                rows = b.of
                count += len(rows)
                if count > MOST_TERMS:
                    return None
                taken = a.taken(rows)
                made.append(Terms(taken.of, taken.weight * b.weight, taken.factors + b.factors))
        return made
