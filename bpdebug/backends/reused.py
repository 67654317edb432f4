"""Arrays that one word makes and only the next one reads: it writes into them, instead of making another.

An array of some size is fresh pages from the system each time, which take longer than what is computed in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from bpdebug.symbolic import PRIMS, Expr, walk
from bpdebug.symbolic.expr import Prim, TraceError


def _never(*operands: object, **attrs: object) -> None:
    raise TraceError("a word of other libraries")


INTO = {
    name: Prim(f"{name}_into", _never, arrays=PRIMS[name].arrays)
    for name in ("add", "subtract", "multiply", "divide", "exp", "sqrt", "square")
}
"""By word the one that writes what it gives into its operand number `into`."""


def reused(targets: Sequence[Expr], fresh: AbstractSet[str]) -> list[Expr]:
    """The same expressions, bit for bit; words that are `fresh` make an array that nobody else has."""
    order, made = walk(*targets), dict[int, Expr]()
    uses = Counter(id(a) for e in order for a in e.operands()) + Counter(map(id, targets))
    for e in order:
        args, attrs, prim = tuple(made[id(a)] if isinstance(a, Expr) else a for a in e.args), e.attrs, e.prim
        if e.applies in INTO and isinstance(e.args[0], Expr):
            own = (i for i, a in enumerate(e.args) if isinstance(a, Expr) and a.applies in fresh and uses[id(a)] == 1)
            at = next((i for i in own if (e.args[i].shape, e.args[i].dtype) == (e.shape, e.dtype)), None)
            prim, attrs = (prim, attrs) if at is None else (INTO[e.applies], {"into": at})
        changed = prim is not e.prim or any(a is not b for a, b in zip(args, e.args, strict=True))
        made[id(e)] = Expr(e.trace, prim, args, attrs, e.shape, e.dtype) if changed else e
    return [made[id(e)] for e in targets]
