"""Which leaves an expression uses, and how: as they stand or transposed."""

from __future__ import annotations

from typing import NamedTuple

from bpdebug.symbolic.expr import Expr, walk


class Use(NamedTuple):
    """An expression as it is used: as it stands, or its transpose."""

    of: Expr
    transposed: bool


def bare(expr: Expr) -> Use:
    """What an expression is the transpose of, if it is one; a cast, which formulas do not show, is seen through."""
    transposed = False
    while expr.prim is not None and expr.prim.name in ("astype", "matrix_transpose"):
        transposed ^= expr.prim.name == "matrix_transpose"
        expr = expr.args[0]
    return Use(expr, transposed)


def uses(root: Expr) -> list[Use]:
    """Every leaf below an expression, once for each way in which it is used there."""
    found: dict[tuple[int, bool], Use] = {}
    for used in (root, *(a for e in walk(root) if bare(e).of is e for a in e.operands())):
        use = bare(used)
        if use.of.prim is None:
            found[id(use.of), use.transposed] = use
    return list(found.values())
