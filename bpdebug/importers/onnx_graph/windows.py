"""Windows over images: their borders, pools, and images made larger or smaller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpdebug.importers.lowering import Operand, refuse
from bpdebug.importers.onnx_graph.table import OnnxCall, Value, rule

Ends = tuple[tuple[int, int], ...]
"""Cells before and behind each axis."""


def borders(
    sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int],
    pads: list[int] | None, auto_pad: str,
) -> Ends:  # fmt: skip
    """The borders that attributes mean; of SAME as many cells as a window for each stride needs."""
    rank = len(sizes)
    if auto_pad in ("NOTSET", "VALID"):
        given = (pads or [0] * 2 * rank) if auto_pad == "NOTSET" else [0] * 2 * rank
        return tuple(zip(given[:rank], given[rank:], strict=True))
    refuse(auto_pad in ("SAME_UPPER", "SAME_LOWER"), f"auto_pad {auto_pad}")
    found = []
    for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        less, more = total // 2, total - total // 2
        found.append((less, more) if auto_pad == "SAME_UPPER" else (more, less))
    return tuple(found)


def _framed(c: OnnxCall, x: Value, ends: Ends, value: float = 0.0) -> Operand:
    """An image with borders."""
    widths = ((0, 0), (0, 0), *ends)
    return c.emit("pad", c.held(x), widths=widths, value=value) if any(map(any, ends)) else c.held(x)


def _evenly(ends: Ends, kernel: Sequence[int]) -> tuple[int, ...] | None:
    """The borders as a pool takes them: alike at both ends, and at most half of a window; None where they are not."""
    fits = all(a == b and 2 * a <= k for (a, b), k in zip(ends, kernel, strict=True))
    return tuple(a for a, _ in ends) if fits else None


@rule("MaxPool")
def max_pool(
    c: OnnxCall, x: Value, *, kernel_shape: list[int], auto_pad: str = "NOTSET", ceil_mode: int = 0,
    dilations: list[int] | None = None, pads: list[int] | None = None, storage_order: int = 0,
    strides: list[int] | None = None,
) -> list[Operand | None]:  # fmt: skip
    """Borders that are not alike are the least number there is, which never wins."""
    rank = len(kernel_shape)
    refuse(rank == x.rank - 2 and rank in (1, 2, 3), f"{rank} spatial axes")
    stride, dilation = tuple(strides or [1] * rank), tuple(dilations or [1] * rank)
    ends = borders(x.shape[2:], kernel_shape, stride, dilation, pads, auto_pad)
    even = _evenly(ends, kernel_shape)
    refuse(not ceil_mode or even is not None, "ceil_mode and borders that are not alike")
    framed = c.held(x) if even is not None else _framed(c, x, ends, float(np.finfo(x.dtype).min))
    how: dict[str, Any] = {"size": tuple(kernel_shape), "stride": stride, "dilation": dilation}
    return [c.emit(f"max_pool{rank}d", framed, padding=even or (0,) * rank, ceil_mode=bool(ceil_mode), **how), None]


@rule("AveragePool")
def average_pool(
    c: OnnxCall, x: Value, *, kernel_shape: list[int], auto_pad: str = "NOTSET", ceil_mode: int = 0,
    count_include_pad: int = 0, dilations: list[int] | None = None, pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Operand:  # fmt: skip
    """With borders that are not alike: the mean with them, times the share of cells that are none of theirs."""
    rank = len(kernel_shape)
    refuse(rank == x.rank - 2 and rank in (1, 2, 3), f"{rank} spatial axes")
    refuse(set(dilations or [1]) == {1}, "a dilation")
    stride = tuple(strides or [1] * rank)
    ends = borders(x.shape[2:], kernel_shape, stride, [1] * rank, pads, auto_pad)
    op = f"avg_pool{rank}d"
    how: dict[str, Any] = {"size": tuple(kernel_shape), "stride": stride}
    even = _evenly(ends, kernel_shape)
    if even is not None:
        return c.emit(
            op, x, padding=even, ceil_mode=bool(ceil_mode), count_include_pad=bool(count_include_pad), **how
        )  # fmt: skip
    refuse(not ceil_mode, "ceil_mode and borders that are not alike")
    mean = c.emit(op, _framed(c, x, ends), **how)
    if count_include_pad:
        return mean
    return c.emit("mul", mean, c.constant("shares", _shares(x, ends, kernel_shape, stride)), name="average_pool")


def _shares(x: Value, ends: Ends, kernel: Sequence[int], stride: Sequence[int]) -> Any:
    """The cells of each window, over those that lie inside of the image; it is a product over the axes."""
    found = np.ones((), x.dtype)
    for n, (a, b), k, s in zip(x.shape[2:], ends, kernel, stride, strict=True):
        starts = np.arange(0, n + a + b - k + 1, s) - a
        inside = np.minimum(starts + k, n) - np.maximum(starts, 0)
        found = found[..., None] * (k / np.maximum(inside, 1)).astype(x.dtype)
    return found


@rule("GlobalAveragePool")
def global_average_pool(c: OnnxCall, x: Value) -> Operand:
    return c.emit("mean", x, name="global_average_pool", axis=tuple(range(2, x.rank)), keepdims=True)


@rule("GlobalMaxPool")
def global_max_pool(c: OnnxCall, x: Value) -> Operand:
    return c.emit("max", x, name="global_max_pool", axis=tuple(range(2, x.rank)), keepdims=True)


@rule("LpPool")
def lp_pool(
    c: OnnxCall, x: Value, *, kernel_shape: list[int], p: int = 2, auto_pad: str = "NOTSET", ceil_mode: int = 0,
    dilations: list[int] | None = None, pads: list[int] | None = None, strides: list[int] | None = None,
) -> Operand:  # fmt: skip
    """The p-th root of a window's sum of p-th powers: cells that are none are zeros."""
    rank = len(kernel_shape)
    refuse(rank == x.rank - 2 and rank in (1, 2, 3), f"{rank} spatial axes")
    refuse(set(dilations or [1]) == {1}, "a dilation")
    stride = tuple(strides or [1] * rank)
    ends = borders(x.shape[2:], kernel_shape, stride, [1] * rank, pads, auto_pad)
    even = _evenly(ends, kernel_shape)
    refuse(not ceil_mode or even is not None, "ceil_mode and borders that are not alike")
    powers = c.emit("square", x) if p == 2 else c.emit("pow", c.emit("abs", x), float(p))
    total = c.emit(
        f"avg_pool{rank}d", powers if even is not None else _framed(c, powers, ends), size=tuple(kernel_shape),
        stride=stride, padding=even or (0,) * rank, ceil_mode=bool(ceil_mode), divisor_override=1,
    )  # fmt: skip
    return c.emit("sqrt", total, name="lp_pool") if p == 2 else c.emit("pow", total, 1 / p, name="lp_pool")
