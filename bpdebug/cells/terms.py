"""Sums of products of cells, held as arrays: a sum of a million terms costs no million objects."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.symbolic import Expr

At = tuple[Array, ...]


class Factor(Struct, frozen=True, eq=False):
    """Cells of an operand, of the cotangent, or of a closed expression: `at` has an index array an axis.

    `under` marks what is divided by.
    """

    expr: Expr
    at: At
    values: Array
    under: bool = False

    def taken(self, rows: Array) -> Factor:
        return replace(self, at=tuple(a[rows] for a in self.at), values=self.values[rows])


class Terms(Struct, frozen=True, eq=False):
    """Products, one a row: `of` says to which of the asked cells each belongs, `weight` is what literals made."""

    of: Array
    weight: Array
    factors: tuple[Factor, ...] = ()

    @property
    def products(self) -> Array:
        """The value of each term, in double precision (1-d)."""
        found = self.weight
        with np.errstate(all="ignore"):
            for factor in self.factors:
                found = found / factor.values if factor.under else found * factor.values
        return found

    def taken(self, rows: Array) -> Terms:
        return Terms(self.of[rows], self.weight[rows], tuple(f.taken(rows) for f in self.factors))

    def within(self, of: Array) -> Terms:
        """The same terms of cells that were rows of something else."""
        return replace(self, of=of[self.of])


def spread(found: list[Terms], count: int) -> list[Terms]:
    """The terms of a number, once for each of several rows."""
    return [replace(t.taken(np.tile(np.arange(n), count)), of=np.repeat(np.arange(count), n))
            for t in found for n in [len(t.of)]]  # fmt: skip
