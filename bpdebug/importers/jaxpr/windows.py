"""Reductions over windows: what pools are made of."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from bpdebug.importers.jaxpr.shaping import pad
from bpdebug.importers.jaxpr.table import RULES
from bpdebug.importers.lowering import Lowering, Operand, Rule, refuse
from bpdebug.importers.steps import permute


def _pool(op: str, fill: float, **attrs: Any) -> Rule:
    """A pool over the axes along which windows are more than one cell, or some are left out; `fill` never counts."""

    def apply(
        c: Lowering, x: Operand, window_dimensions: Sequence[int], window_strides: Sequence[int],
        padding: Sequence[tuple[int, int]], base_dilation: Sequence[int], window_dilation: Sequence[int],
    ) -> Operand:  # fmt: skip
        config = [(a, b, d - 1) for (a, b), d in zip(padding, base_dilation, strict=True)]
        x = pad(c, x, fill, config)
        over = [n for n in range(x.rank) if window_dimensions[n] > 1 or window_strides[n] > 1]
        if not over:
            return x
        refuse(len(over) <= 3, f"windows over {len(over)} axes")
        rest = [n for n in range(x.rank) if n not in over]
        order = [*rest, *over]
        x = permute(c, x, order)
        outer = x.shape[: len(rest)]
        maps = c.reshape(x, (1, prod(outer), *x.shape[len(rest) :]) if len(rest) != 2 else x.shape)
        size, stride, dilation = (
            tuple(int(given[n]) for n in over) for given in (window_dimensions, window_strides, window_dilation)
        )
        refuse(op == "max_pool" or set(dilation) == {1}, "a dilation")
        more: dict[str, Any] = {"dilation": dilation, **attrs} if op == "max_pool" else attrs
        y = c.emit(f"{op}{len(over)}d", maps, size=size, stride=stride, **more)
        y = c.reshape(y, (*outer, *y.shape[2:]))
        return permute(c, y, [order.index(n) for n in range(len(order))])

    return apply


RULES["reduce_window_max"] = _pool("max_pool", -np.inf)
RULES["reduce_window_sum"] = _pool("avg_pool", 0.0, divisor_override=1)
RULES["reduce_window_min"] = lambda c, x, **how: c.emit(
    "neg", RULES["reduce_window_max"](c, c.emit("neg", x), **how), name="min_pool"
)
