"""What rules of several formats say alike: axes, sizes, and steps that move cells about."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

from bpdebug.importers.lowering import Lowering, Operand, Rule

ALL = (None, None, None)
"""An axis in an index, whole."""


def same(op: str, *attrs: str) -> Rule:
    """The rule of an op that is one of ours: one operand, then these attributes in the call's order."""

    def apply(c: Lowering, x: Operand, *given: Any, **more: Any) -> Operand:
        return c.emit(op, x, **dict(zip(attrs, given, strict=False)), **more)

    return apply


def pair(value: Any, count: int = 2) -> tuple[int, ...]:
    """One number for each axis, of one number or of all."""
    found = tuple(value) if isinstance(value, list | tuple) else (value,)
    return found * count if len(found) == 1 else found


def axes(dims: Any, rank: int) -> tuple[int, ...] | None:
    """Axes counted from 0; None for all of them, which none and an empty list mean."""
    dims = [dims] if isinstance(dims, int) else dims
    return tuple(d % rank for d in dims) if dims and rank else None


def permute(c: Lowering, x: Operand, order: Any, name: str = "") -> Operand:
    """The axes in another order: a transpose where only the last two change places."""
    order = [d % x.rank for d in order]
    plain = list(range(x.rank))
    if order == plain:
        return x
    if order[:-2] == plain[:-2]:
        return c.emit("transpose", x, name=name)
    return c.emit("permute", x, name=name, axes=tuple(order))


def cut(c: Lowering, x: Operand, dim: int, item: Any, name: str = "") -> Operand:
    """One axis indexed, by an integer or (start, stop, step); the others whole."""
    key: list[Any] = [ALL] * x.rank
    key[dim % x.rank] = item
    return c.emit("slice", x, name=name, key=tuple(key))


def pieces(c: Lowering, x: Operand, dim: int, sizes: Any, name: str) -> list[Operand]:
    """The pieces of an axis, of these sizes one after the other."""
    return [cut(c, x, dim, (a, b, 1), name) for a, b in pairwise(accumulate(sizes, initial=0))]
