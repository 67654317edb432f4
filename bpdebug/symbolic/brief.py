"""A long formula made short: what is repeated in it gets a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from bpdebug.symbolic.expr import Expr, walk
from bpdebug.symbolic.notation import Notation, repeated_name
from bpdebug.symbolic.text import factor, write


class Brief(Struct, frozen=True, eq=False):
    """A formula, and what the names in it stand for; `names` writes other expressions of the same rule with them.

    `repeated` are the expressions that have the names in `where`, in the same order.
    """

    text: Notation
    where: tuple[tuple[Notation, Notation], ...]
    repeated: tuple[Expr, ...]
    names: Callable[[Expr], str | None]

    def factor(self, expr: Expr) -> Notation:
        """An expression as it stands before an index: a name, a call, or a formula in brackets."""
        return Notation(partial(factor, expr, self.names))

    def said_of(self, *exprs: Expr) -> tuple[tuple[Notation, Notation], ...]:
        """What stands for the names in these expressions, and for the names in that."""
        inside = {id(e) for e in walk(*exprs)}
        return tuple(pair for pair, e in zip(self.where, self.repeated, strict=True) if id(e) in inside)


LONG = 90
"""Characters of a formula beyond which what is repeated in it gets a name."""


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
    text = Notation(partial(write, root, names))
    short = repeated(root) if len(text) > LONG else []
    known = {id(e): repeated_name(n) for n, e in enumerate(short, 1)}

    def written(of: Expr, *, as_a_whole: bool = False) -> Notation:
        return Notation(partial(write, of, lambda e: None if e is of and as_a_whole else named(e)))

    def named(e: Expr) -> str | None:
        return known.get(id(e)) or names(e)

    order = tuple(e for e in walk(root) if id(e) in known)
    where = tuple((known[id(e)], written(e, as_a_whole=True)) for e in order)
    return Brief(written(root) if known else text, where, order, named)
