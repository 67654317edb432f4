"""A long formula made short: what is repeated in it gets a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from msgspec import Struct

from bpdebug.symbolic.expr import Expr, walk
from bpdebug.symbolic.text import FORMULA, factor, write


class Brief(Struct, frozen=True, eq=False):
    """A formula, and what the names in it stand for; `names` writes other expressions of the same rule with them.

    `repeated` are the expressions that have the names in `where`, in the same order.
    """

    text: str
    where: tuple[tuple[str, str], ...]
    repeated: tuple[Expr, ...]
    names: Callable[[Expr], str | None]

    def factor(self, expr: Expr) -> str:
        """An expression as it stands before an index: a name, a call, or a formula in brackets."""
        return factor(expr, self.names)

    def said_of(self, *exprs: Expr) -> tuple[tuple[str, str], ...]:
        """What stands for the names in these expressions, and for the names in that."""
        inside = {id(e) for e in walk(*exprs)}
        return tuple(pair for pair, e in zip(self.where, self.repeated, strict=True) if id(e) in inside)


LONG = 90
"""Characters of a formula beyond which what is repeated in it gets a name."""
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
"""Tensors' names are normal under NFKC, so none can be s₁."""


def repeated(root: Expr) -> list[Expr]:
    """What is used more than once in an expression and is more than one operation; operands before what uses them."""
    uses: Counter[int] = Counter()
    size: dict[int, int] = {}
    found = []
    order = walk(root)
    for e in order:
        uses.update({id(a) for a in e.operands()})
    for e in order:
        size[id(e)] = (e.prim is not None) + sum(size[id(a)] for a in e.operands())
        if uses[id(e)] > 1 and size[id(e)] > 1:
            found.append(e)
    return found


def brief(root: Expr, names: Callable[[Expr], str | None]) -> Brief:
    """An expression as text; of a long one what is repeated is called s₁, s₂ ..., innermost first."""
    text = write(root, names, FORMULA)
    known: dict[int, str] = {}
    for e in repeated(root) if len(text) > LONG else ():
        known[id(e)] = f"s{''.join(SUBSCRIPTS[int(d)] for d in str(len(known) + 1))}"

    def short(e: Expr) -> str | None:
        return known.get(id(e)) or names(e)

    named = tuple(e for e in walk(root) if id(e) in known)
    where = []
    for e in named:
        name = known.pop(id(e))
        where.append((name, write(e, short, FORMULA)))
        known[id(e)] = name
    return Brief(write(root, short, FORMULA) if known else text, tuple(where), named, short)
