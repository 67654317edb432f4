"""The words of windows and of resizing: rows of the table of the namespace, whose bodies are in `cuts.py`."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bpdebug.arrays import Shape
from bpdebug.ops.windows import padded, regions, windows
from bpdebug.symbolic import cuts
from bpdebug.symbolic.expr import Expr, Prim


def _unfolded(x: Expr, size: Shape, stride: Shape, padding: Shape, dilation: Shape, fill: float) -> Shape:
    return x.shape[0], prod(windows(x.shape[2:], size, stride, padding, dilation)), x.shape[1] * prod(size)


def _parted(x: Expr, out: Shape, fill: float) -> Shape:
    sizes = (max(b - a for a, b in regions(n, k)) for n, k in zip(x.shape[2:], out, strict=True))
    return x.shape[0], prod(out), x.shape[1] * prod(sizes)


def _padded_cells(e: Expr) -> int:
    """The padded copy that windows are cut from, or added back into."""
    shape, padding = e.attrs.get("shape", e.args[0].shape), e.attrs["padding"]
    return prod((*shape[:2], *padded(shape[2:], padding)))


def _tenfold(e: Expr) -> int:
    return 10 * prod(e.shape)


def _once(e: Expr) -> int:
    return prod(e.shape)


def _given(x: Expr, shape: Shape, **attrs: Any) -> Shape:
    return tuple(shape)


def _out(x: Expr, out: int, **attrs: Any) -> Shape:
    return (out,)


_WINDOW: dict[str, Any] = dict.fromkeys(("size", "stride", "padding", "dilation"), ...)
_TAKEN: dict[str, Any] = {"axis": ..., "out": ..., "scale": None}

ROWS = (
    Prim("unfold", cuts.unfold, attrs={**_WINDOW, "fill": 0.0}, shape=_unfolded, scratch=_padded_cells),
    Prim("fold", cuts.fold, attrs={"shape": ..., **_WINDOW}, shape=_given, scratch=_padded_cells),
    Prim("unfold_to", cuts.unfold_to, attrs={"out": ..., "fill": 0.0}, shape=_parted, scratch=_once),
    Prim("fold_to", cuts.fold_to, attrs={"shape": ..., "out": ...}, shape=_given, scratch=_once),
    Prim(
        "sources", cuts.sources, shape=_out,
        attrs={**_TAKEN, "nearest": False, "middle": False, "corners": False, "next": 0},
        dtype=lambda x, **attrs: np.dtype(np.int64),
    ),
    Prim("shares", cuts.shares, attrs={**_TAKEN, "corners": False}, shape=_out),
    Prim(
        "cubic", cuts.cubic, attrs={**_TAKEN, "corners": False}, scratch=_tenfold,
        shape=lambda x, axis, out, **how: (out, x.shape[axis]),
    ),
)  # fmt: skip
