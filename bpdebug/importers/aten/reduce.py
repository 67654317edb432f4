"""Sums and what else goes over axes: means, extremes, norms, running sums, order."""

from __future__ import annotations

import math
from typing import Any

from bpdebug.importers.aten.table import RULES, rule
from bpdebug.importers.functions import cumlogsumexp
from bpdebug.importers.lowering import Lowering, Operand, Rule, refuse
from bpdebug.importers.steps import axes, same


def _over(op: str) -> Rule:
    """An op over axes as aten gives them: none, one or a list, and whether they stay."""

    def apply(c: Lowering, x: Operand, dims: Any = None, keepdim: bool = False, **how: Any) -> Operand:
        return c.emit(op, x, axis=axes(dims, x.rank), keepdims=keepdim)

    return apply


RULES |= {
    "sum.default": _over("sum"), "sum.dim_IntList": _over("sum"), "mean.default": _over("mean"),
    "mean.dim": _over("mean"), "amax.default": _over("max"), "amin.default": _over("min"),
    "max.default": _over("max"), "min.default": _over("min"), "logsumexp.default": _over("logsumexp"),
    "prod.default": _over("prod"), "prod.dim_int": _over("prod"), "argmax.default": same("argmax", "axis", "keepdims"),
    "argmin.default": same("argmin", "axis", "keepdims"), "cumsum.default": same("cumsum", "axis"),
    "cumprod.default": same("cumprod", "axis"),
}  # fmt: skip


def _spread(c: Lowering, op: str, x: Operand, dims: Any, keepdim: bool, correction: int | float | None) -> Operand:
    ddof, over = 1 if correction is None else correction, axes(dims, x.rank)
    if ddof == int(ddof):
        return c.emit(op, x, axis=over, keepdims=keepdim, ddof=int(ddof))
    count = math.prod(n for d, n in enumerate(x.shape) if over is None or d in over)
    refuse(count > ddof, f"a correction of {ddof} for {count} cells")
    more = count / (count - ddof)
    plain = c.emit(op, x, axis=over, keepdims=keepdim)
    return c.emit("mul", plain, more if op == "var" else math.sqrt(more), name=op)


def _correction(op: str) -> Rule:
    return lambda c, x, dims=None, *, correction=None, keepdim=False: _spread(c, op, x, dims, keepdim, correction)


RULES |= {"var.correction": _correction("var"), "std.correction": _correction("std")}


@rule("var_mean.correction")
def var_mean(
    c: Lowering, x: Operand, dims: Any = None, *, correction: int | None = None, keepdim: bool = False
) -> list[Any]:
    mean = c.emit("mean", x, axis=axes(dims, x.rank), keepdims=keepdim)
    return [_spread(c, "var", x, dims, keepdim, correction), mean]


@rule("linalg_vector_norm.default", "norm.ScalarOpt_dim", "norm.Scalar")
def norm(c: Lowering, x: Operand, p: float | None = 2, dims: Any = None, keepdim: bool = False, **how: Any) -> Operand:
    p = 2 if p is None else p
    if math.isinf(p):
        op = "max" if p > 0 else "min"
        return c.emit(op, c.emit("abs", x), name="norm", axis=axes(dims, x.rank), keepdims=keepdim)
    return c.emit("norm", x, axis=axes(dims, x.rank), keepdims=keepdim, p=float(p))


def _picked(c: Lowering, x: Operand, dim: int, keepdim: bool, name: str) -> list[Operand]:
    """The cells that torch picked along an axis: their places are known, and ties go where torch had them go."""
    places = c.result(1)
    ids = c.constant(
        f"{name}_ids", places if keepdim else places.reshape((*places.shape[:dim], 1, *places.shape[dim:]))
    )
    found = c.emit("take_along_axis", x, ids, name=name, axis=dim)
    return [found if keepdim else c.reshape(found, c.shape), ids]


def _extreme(name: str) -> Rule:
    def apply(c: Lowering, x: Operand, dim: int, keepdim: bool = False) -> list[Operand]:
        return _picked(c, x, dim % x.rank, keepdim, name)

    return apply


RULES |= {"max.dim": _extreme("max"), "min.dim": _extreme("min"), "median.dim": _extreme("median")}


@rule("topk.default")
def topk(c: Lowering, x: Operand, k: int, dim: int = -1, *how: Any) -> list[Operand]:
    return _picked(c, x, dim % x.rank, True, "topk")


@rule("sort.default", "sort.stable")
def sort(c: Lowering, x: Operand, dim: int = -1, descending: bool = False, **how: Any) -> list[Operand]:
    return _picked(c, x, dim % x.rank, True, "sort")


@rule("cummax.default", "cummin.default")
def cumulative(c: Lowering, x: Operand, dim: int) -> list[Operand]:
    return _picked(c, x, dim % x.rank, True, "cummax")


@rule("logcumsumexp.default")
def logcumsumexp(c: Lowering, x: Operand, dim: int) -> Operand:
    return cumlogsumexp(c, x, dim % x.rank) if x.rank else x
