"""Sums and what else goes over axes: extremes, products, running sums, order."""

from __future__ import annotations

from typing import Any

import jax

from bpdebug.importers.functions import cumlogsumexp
from bpdebug.importers.jaxpr.folding import Folding
from bpdebug.importers.jaxpr.table import RULES, rule
from bpdebug.importers.jaxpr.values import computed
from bpdebug.importers.lowering import Lowering, Operand, Rule


def _over(op: str) -> Rule:
    """An op over axes; x itself over none."""
    return lambda c, x, axes, **how: c.emit(op, x, axis=tuple(axes)) if axes else x


RULES |= {f"reduce_{op}": _over(op) for op in ("sum", "max", "min", "prod")}


def _running(op: str) -> Rule:
    """An op along an axis, from its end where that is asked."""

    def apply(c: Lowering, x: Operand, axis: int, reverse: bool) -> Operand:
        found = _turned(c, x, axis, reverse)
        return _turned(c, _RUNNING[op](c, found, axis), axis, reverse)

    return apply


def _turned(c: Lowering, x: Operand, axis: int, reverse: bool) -> Operand:
    return c.emit("flip", x, axis=axis) if reverse else x


def _cummin(c: Lowering, x: Operand, axis: int) -> Operand:
    return c.emit("neg", c.emit("cummax", c.emit("neg", x), axis=axis), name="cummin")


_RUNNING: dict[str, Rule] = {
    **{op: lambda c, x, axis, op=op: c.emit(op, x, axis=axis) for op in ("cumsum", "cumprod", "cummax")},
    "cummin": _cummin,
    "cumlogsumexp": cumlogsumexp,
}
RULES |= {op: _running(op) for op in _RUNNING}


@rule("top_k")
def top_k(c: Lowering, x: Operand, k: int, axis: int = -1, **how: Any) -> list[Operand | None]:
    return [c.emit("topk", x, k=k, axis=axis % x.rank), None]


@rule("sort")
def sort(c: Folding, *xs: Operand, dimension: int, num_keys: int, **how: Any) -> list[Operand | None]:
    """One tensor in order, or several in the order of the first of them, which is JAX's."""
    if len(xs) == 1:
        return [c.emit("sort", xs[0], axis=dimension)]
    arrays = [computed(v) for v in c.equation.inputs]
    places = jax.lax.broadcasted_iota(int, xs[0].shape, dimension)
    order = c.constant("order", jax.lax.sort((*arrays, places), dimension, num_keys=num_keys)[-1])
    return [c.emit("take_along_axis", x, order, name="sort", axis=dimension) if x.known is None else None for x in xs]
