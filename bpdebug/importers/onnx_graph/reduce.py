"""Sums and what else goes over axes: means, extremes, norms, running sums, order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpdebug.importers.lowering import Operand, Rule, refuse
from bpdebug.importers.onnx_graph.table import RULES, OnnxCall, Value, rule
from bpdebug.importers.steps import cut

Reduction = Callable[[OnnxCall, Operand, dict[str, Any]], Operand]


def over(c: OnnxCall, x: Value, given: Any, noop: int = 0) -> tuple[int, ...] | None:
    """The axes of a reduction: an input since opset 18, an attribute before; None of all, () of none."""
    axes = given if given is None or isinstance(given, list) else c.ints(given, "axes")
    if not axes:
        return () if noop else None
    return tuple(a % x.rank for a in axes)


def _reduction(found: Reduction, alone: str = "") -> Rule:
    """A reduction; over no axes it leaves the op that is done to each cell, `alone`, and nothing where none is."""

    def apply(
        c: OnnxCall, x: Value, given: Value | None = None, *, axes: list[int] | None = None, keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Operand:  # fmt: skip
        axis = over(c, x, given if given is not None else axes, noop_with_empty_axes)
        if axis == ():
            return c.emit(alone, x) if alone else c.held(x)
        return found(c, c.held(x), {"axis": axis, "keepdims": bool(keepdims)})

    return apply


def _plain(op: str) -> Reduction:
    return lambda c, x, how: c.emit(op, x, **how)


RULES |= {
    f"Reduce{name}": _reduction(_plain(op))
    for name, op in {"Sum": "sum", "Mean": "mean", "Max": "max", "Min": "min", "Prod": "prod",
                     "LogSumExp": "logsumexp"}.items()
}  # fmt: skip
RULES |= {
    "ReduceL1": _reduction(lambda c, x, how: c.emit("sum", c.emit("abs", x), name="l1", **how), "abs"),
    "ReduceL2": _reduction(_plain("norm"), "abs"),
    "ReduceSumSquare": _reduction(
        lambda c, x, how: c.emit("sum", c.emit("square", x), name="sum_square", **how), "square"
    ),
    "ReduceLogSum": _reduction(lambda c, x, how: c.emit("log", c.emit("sum", x, **how), name="log_sum"), "log"),
}


@rule("LpNormalization")
def lp_normalization(c: OnnxCall, x: Value, axis: int = -1, p: int = 2) -> Operand:
    """Rows of zeros stay as they are."""
    how: dict[str, Any] = {"axis": axis % x.rank, "keepdims": True}
    size = c.emit("norm", x, **how) if p == 2 else c.emit("sum", c.emit("abs", x), **how)
    size = c.emit("where", c.emit("equal", size, 0.0), 1.0, size)
    return c.emit("div", x, size, name="lp_normalization")


@rule("CumSum")
def cumsum(c: OnnxCall, x: Value, axis: Value, exclusive: int = 0, reverse: int = 0) -> Operand:
    """From the other end: turned, added up, and turned back. Without its own, a cell begins with those before it."""
    along = int(c.number(axis, "axes") or 0) % x.rank
    turned = c.emit("flip", x, axis=along) if reverse else c.held(x)
    if exclusive:  # the sum less the cell itself would have lost what is small beside it
        before = cut(c, turned, along, (0, x.shape[along] - 1, 1))
        turned = c.emit("pad", before, widths=tuple((int(d == along), 0) for d in range(x.rank)))
    sums = c.emit("cumsum", turned, axis=along)
    return c.emit("flip", sums, axis=along) if reverse else sums


def _arg(op: str) -> Rule:
    def apply(c: OnnxCall, x: Value, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Operand:
        refuse(not select_last_index, "select_last_index")
        return c.emit(op, x, axis=axis % x.rank, keepdims=bool(keepdims))

    return apply


RULES |= {"ArgMax": _arg("argmax"), "ArgMin": _arg("argmin")}


@rule("TopK")
def topk(c: OnnxCall, x: Value, k: Value, axis: int = -1, largest: int = 1, sorted: int = 1) -> list[Operand]:
    """The smallest are the first in order, among which a NaN comes last."""
    count, axis = int(c.number(k, "counts") or 0), axis % x.rank
    if largest:
        return [c.emit("topk", c.held(x), k=count, axis=axis, part=part) for part in (0, 1)]
    return [cut(c, c.emit(op, c.held(x), axis=axis), axis, (0, count, 1), "topk") for op in ("sort", "argsort")]
