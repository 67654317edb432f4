"""One cell of an expression as a sum of products of other cells.

An expression is expanded along the operations that are linear in what it is asked about; what is left closed is a
factor.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.cells.table import MOST_TERMS, MOVES, ROWS, Read, Summand
from bpdebug.cells.terms import At, Factor, Terms, spread
from bpdebug.far import as_array
from bpdebug.symbolic import Expr, Plan, walk


class Expansion:
    """A plan's expressions on the numbers of one event, expanded at cells.

    `leaves` are the values of the plan's leaves by identity. Of what does not contain one of the leaves
    `with_respect_to` (all, where none are given) nothing is expanded: it is a factor, moved to the leaf's own cell
    where it is one that was only moved about. `reaches` is what was found out of that at other events of the plan.
    """

    def __init__(
        self, plan: Plan, leaves: Mapping[int, Any], with_respect_to: Collection[Expr] | None = None,
        reaches: dict[int, bool] | None = None,
    ) -> None:  # fmt: skip
        self.plan, self.known = plan, dict(leaves)
        self.with_respect_to = None if with_respect_to is None else {id(e) for e in with_respect_to}
        self._reaches = {} if reaches is None else reaches

    def terms(self, expr: Expr, cell: Sequence[int]) -> list[Terms]:
        """The products that one cell is the sum of."""
        return self.expand(expr, tuple(np.array([i]) for i in cell))

    def value(self, expr: Expr) -> Array:
        """The whole array of an expression, of its shape; computed once."""
        if id(expr) not in self.known:
            with np.errstate(all="ignore"):
                self.known[id(expr)] = self.plan.evaluate(expr, self.known)
        found: Array = as_array(self.known[id(expr)])
        return found

    def expand(self, expr: Expr, at: At) -> list[Terms]:
        """The terms of an expression's cells at `at` (index arrays of one length, none for a number)."""
        row = ROWS.get(expr.applies)
        if row is None or not self.opens(expr):
            return self.factor(expr, at)
        made: list[Terms] = []
        summands = row(expr, at, self.value)
        for summand in summands if summands is not None else ():
            terms = self._product(summand)
            if terms is None:
                return self.factor(expr, at)
            made += terms
        return self.factor(expr, at) if summands is None else made

    def factor(self, expr: Expr, at: At, under: bool = False) -> list[Terms]:
        """The cells themselves, as one factor."""
        values = np.asarray(self.value(expr)[at]) if at else self.value(expr).reshape(1)
        count = len(values)
        return [Terms(np.arange(count), np.ones(count), (Factor(expr, at, values.astype(np.float64), under),))]

    def opens(self, expr: Expr) -> bool:
        """Whether an expression is taken apart: along the operations of the table, unless it is filled with numbers."""
        return expr.attrs.get("fill", 0) == 0 and (expr.applies in MOVES or self.reaches(expr))

    def reaches(self, expr: Expr) -> bool:
        """Whether an expression contains a leaf with respect to which it is expanded."""
        if self.with_respect_to is None:
            return True
        for e in walk(expr) if id(expr) not in self._reaches else ():
            self._reaches[id(e)] = id(e) in self.with_respect_to or any(self._reaches[id(a)] for a in e.operands())
        return self._reaches[id(expr)]

    def _product(self, summand: Summand) -> list[Terms] | None:
        """What the cells read come to, multiplied out; None where that is too many terms."""
        count = len(summand.of)
        made: list[Terms] | None = [Terms(np.arange(count), np.full(count, summand.weight))]
        for n, read in enumerate(summand.reads):
            made = None if made is None else self._times(made, read, MOST_TERMS if n else None)
        return None if made is None else [t.within(summand.of) for t in made]

    def _times(self, left: list[Terms], read: Read, most: int | None) -> list[Terms] | None:
        """Every term times the terms of the cells that are read."""
        x = read.operand
        if not isinstance(x, Expr):
            with np.errstate(all="ignore"):
                return [replace(t, weight=t.weight / float(x) if read.under else t.weight * float(x)) for t in left]
        made, count = [], 0
        for a in left:
            at = tuple(i[a.of] for i in read.at)
            right = self.factor(x, at, under=True) if read.under else self.expand(x, at)
            for b in right if at else spread(right, len(a.of)):
                count += len(b.of)
                if most is not None and count > most:
                    return None
                taken = a.taken(b.of)
                made.append(Terms(taken.of, taken.weight * b.weight, taken.factors + b.factors))
        return made
