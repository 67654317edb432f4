"""Sums of products of cells, held as arrays: a sum of a million terms costs no million objects."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bpdebug.arrays import Array
from bpdebug.symbolic import Expr

At = tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Factor:
    """Cells of an operand, of the cotangent, or of a closed expression: `at` has an index array an axis.

    `under` marks what is divided by.
    """

    expr: Expr
    at: At
    values: Array
    under: bool = False

    def taken(self, rows: Array) -> Factor:
        return replace(self, at=tuple(a[rows] for a in self.at), values=self.values[rows])


@dataclass(frozen=True, eq=False)
class Terms:
    """Products, one a row: `of` says to which of the asked cells each belongs, `weight` is what literals made."""

    of: Array
    weight: Array
    factors: tuple[Factor, ...] = ()

    @property
    def products(self) -> Array:
        """The value of each term, in double precision."""
        found = self.weight
        with np.errstate(all="ignore"):
            for factor in self.factors:
                found = found / factor.values if factor.under else found * factor.values
        return found

    def taken(self, rows: Array) -> Terms:
        return Terms(self.of[rows], self.weight[rows], tuple(f.taken(rows) for f in self.factors))

    def scaled(self, by: float | Array) -> Terms:
        return replace(self, weight=self.weight * by)

    def within(self, of: Array) -> Terms:
        """The same terms of cells that were rows of something else."""
        return replace(self, of=of[self.of])


def spread(found: list[Terms], of: Array) -> list[Terms]:
    """The terms of a number, once for each of several rows."""
    made = []
    for t in found:
        rows = np.tile(np.arange(len(t.of)), len(of))
        made.append(replace(t.taken(rows), of=np.repeat(np.arange(len(of)), len(t.of))))
    return made
