"""The words that only a debugger has: functions of any tensor as records like the ops', and attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.engine.stats import two_norm
from bpdebug.far import Far
from bpdebug.ops import OPS, Op
from bpdebug.symbolic import NUMPY

ATTRIBUTES = ("T", "shape", "dtype")
LENIENT = ("sum", "mean", "max", "min", "abs")
"""Ops that take a tensor of any dtype, or a number, where something is looked at and nothing goes back."""


def _norm(x: Array, axis: Any, keepdims: bool, p: float) -> Array:
    """The p-norm along axes; the 2-norm is scaled like that of a whole tensor."""
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    if isinstance(x, Far) and (axis is not None or keepdims or p != 2):
        found: Array = x.astype(np.float64).word("norm", axis=axis, keepdims=keepdims, p=p).astype(dtype)
        return found
    if p != 2:
        return np.asarray(OPS["norm"].forward(NUMPY, x.astype(dtype, copy=False), axis=axis, keepdims=keepdims, p=p))
    if axis is None and not keepdims:
        return np.asarray(two_norm(x), dtype)
    cells = np.abs(x.astype(np.float64, copy=False))
    top = np.max(cells, axis=axis, keepdims=True, initial=0.0)
    scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
    found = np.sqrt(np.sum(np.square(cells / scale), axis=axis, keepdims=True)) * scale
    return np.asarray(found if keepdims else np.squeeze(found, axis=axis), dtype)


def _zeros(x: Array) -> int:
    return x.summary.zeros if isinstance(x, Far) else int(x.size - np.count_nonzero(x))


def _function(name: str, says: str, run: Callable[..., Any], *, axes: bool = False) -> Op:
    like = OPS["sum" if axes else "abs"]
    return Op(
        name, says, forward=lambda xp, x, **attrs: run(x, **attrs), vjp=lambda *_, **__: (None,),
        attrs=like.attrs, check=like.check,
    )  # fmt: skip


FUNCTIONS: dict[str, Op] = {
    op.name: op
    for op in (
        replace(
            _function("norm", "The p-norm over some axes, or over all.", _norm),
            attrs=OPS["norm"].attrs,
            check=OPS["norm"].check,
        ),
        _function("any", "Whether one cell is not zero.", np.any, axes=True),
        _function("all", "Whether no cell is zero.", np.all, axes=True),
        _function("isnan", "Where a cell is NaN.", np.isnan),
        _function("isinf", "Where a cell is infinite.", np.isinf),
        _function("zeros", "How many cells are zero.", _zeros),
        _function("size", "How many cells there are.", np.size),
        _function("rank", "How many axes there are.", np.ndim),
    )
}
