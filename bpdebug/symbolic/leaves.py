"""Which leaves an expression uses, and how: as they stand or transposed, and which of their axes are its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from bpdebug.arrays import Shape
from bpdebug.ops.axes import axes_of
from bpdebug.symbolic.expr import Expr, walk

ALONE = -1
"""An axis that no other goes along with: a cell belongs to all cells along it."""
ALONG = frozenset((
    "sum", "prod", "max", "min", "argmax", "argmin", "softmax", "log_softmax", "flip", "cumsum", "cumprod", "cummax",
    "argcummax", "argsort", "before", "others", "horner",
))  # fmt: skip
"""Operations that mix the cells along an axis, or move them about there."""
Axes = tuple[int, ...]


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


def numbered(rank: int) -> Axes:
    """The axes of a result, from the last one, with which all others are numbered."""
    return tuple(reversed(range(rank)))


def shared_axes(root: Expr, *, deep: bool = True) -> dict[int, Axes]:
    """Numbers for the axes of an expression and of all it is made of, or of its operands alone, by identity.

    Cells at the same places along axes of the same number belong together: X[i, k] and W[k, j] make Y[i, j]. What was
    moved about in a way that axes do not tell (reshaped, looked up) is left out.
    """
    known = root.trace.axes.get((id(root), deep))
    if known is None:
        known = root.trace.axes[id(root), deep] = _shared_axes(root, deep)
    return known


def _shared_axes(root: Expr, deep: bool) -> dict[int, Axes]:
    found: dict[int, Axes | None] = {id(root): numbered(root.ndim)}
    fresh = count(root.ndim)
    for e in reversed(walk(root)) if deep else [root]:
        if e.prim is None:
            continue
        own = found[id(e)]
        for a, axes in zip(
            e.args, _below(e, e.prim.name, own, fresh) if own is not None else [None] * len(e.args), strict=True
        ):
            if isinstance(a, Expr):
                known = found.get(id(a), axes)
                both = None if known is None or axes is None else zip(known, axes, strict=True)
                found[id(a)] = None if both is None else tuple(m if m == n else ALONE for m, n in both)
    return {ident: axes for ident, axes in found.items() if axes is not None}


def _below(e: Expr, name: str, own: Axes, fresh: Iterator[int]) -> list[Axes | None]:
    """The axes of an operation's operands, from those of its result."""
    rank = e.args[0].ndim if e.args and isinstance(e.args[0], Expr) else 0
    if name == "matmul":
        inner = next(fresh)
        left, right = (_aligned(a.shape[:-2], e.shape[:-2], own[:-2]) for a in e.args)
        return [(*left, own[-2], inner), (*right, inner, own[-1])]
    if name == "matrix_transpose":
        return [(*own[:-2], own[-1], own[-2])]
    if name == "permute_dims":
        goes = {a % rank: number for a, number in zip(e.attrs["axes"], own, strict=True)}
        return [tuple(goes[a] for a in range(rank))]
    if name in ALONG:
        gone = axes_of(e.attrs["axis"], e.args[0].shape)
        kept = iter(own) if len(own) < rank else (number for a, number in enumerate(own) if a not in gone)
        return [tuple(ALONE if a in gone else next(kept) for a in range(rank))] * len(e.args)
    if name in ("astype", "broadcast_to") or not e.attrs:
        return [_aligned(a.shape, e.shape, own) if isinstance(a, Expr) else None for a in e.args]
    return [None] * len(e.args)


def _aligned(shape: Shape, whole: Shape, own: Axes) -> Axes:
    """The axes of an operand that was broadcast to `whole`."""
    lead = len(whole) - len(shape)
    return tuple(ALONE if n == 1 != whole[lead + a] else own[lead + a] for a, n in enumerate(shape))
