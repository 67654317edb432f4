"""What moves cells about and changes none: shapes, axes, slices, joins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bpdebug.importers.jaxpr.table import RULES, array_like, rule
from bpdebug.importers.lowering import Lowering, Operand, refuse
from bpdebug.importers.steps import cut, permute, pieces


@rule("reshape")
def reshape(c: Lowering, x: Operand, dimensions: Sequence[int] | None, **how: Any) -> Operand:
    return c.reshape(x if dimensions is None else permute(c, x, dimensions), c.shape)


RULES["squeeze"] = RULES["expand_dims"] = lambda c, x, dimensions: c.reshape(x, c.shape)


@rule("broadcast_in_dim")
def broadcast_in_dim(c: Lowering, x: Operand, *sizes: Any, broadcast_dimensions: Sequence[int], **how: Any) -> Operand:
    """The axes put where they belong among those of the result, then repeated along the others."""
    apart = [1] * len(c.shape)
    for size, axis in zip(x.shape, broadcast_dimensions, strict=True):
        apart[axis] = size
    placed = c.reshape(x, apart)
    return placed if placed.shape == c.shape else c.emit("broadcast_to", placed, shape=c.shape)


RULES["transpose"] = lambda c, x, permutation: permute(c, x, permutation)
RULES["rev"] = lambda c, x, dimensions: c.emit("flip", x, axis=tuple(dimensions)) if dimensions else x
RULES["scan_row"] = lambda c, x, t: cut(c, x, 0, t, "row")
RULES["split"] = lambda c, x, sizes, axis: pieces(c, x, axis, sizes, "split")


@rule("concatenate")
def concatenate(c: Lowering, *xs: Operand, dimension: int) -> Operand:
    parts = [x for x in xs if x.shape[dimension]]
    return parts[0] if len(parts) == 1 else c.emit("concat", *parts, axis=dimension)


@rule("scan_rows", "stack")
def stack(c: Lowering, *xs: Any, axis: int = 0) -> Operand:
    return c.emit("stack", *(array_like(c, x) for x in xs), axis=axis)


RULES["tile"] = lambda c, x, reps: c.emit("tile", x, reps=tuple(reps))


@rule("slice")
def slice_(c: Lowering, x: Operand, start_indices: Any, limit_indices: Any, strides: Any) -> Operand:
    return window(c, x, start_indices, limit_indices, strides)


def window(c: Lowering, x: Operand, starts: Sequence[int], ends: Sequence[int], strides: Any = None) -> Operand:
    """The cells from starts to before ends, a number for each axis; x itself where that is all of it."""
    steps = strides or (1,) * x.rank
    key = tuple(zip(starts, ends, steps, strict=True))
    return x if key == tuple((0, n, 1) for n in x.shape) else c.emit("slice", x, key=key)


@rule("pad")
def pad(c: Lowering, x: Operand, value: Any, padding_config: Sequence[tuple[int, int, int]]) -> Operand:
    """Cells between those of x, then around them; less than none takes cells away."""
    refuse(isinstance(x, Operand) and isinstance(value, int | float), "a padding value that is computed")
    for axis, (_, _, inside) in enumerate(padding_config):
        x = _spread(c, x, axis, inside, float(value))
    wide = [n + max(a, 0) + max(b, 0) for n, (a, b, _) in zip(x.shape, padding_config, strict=True)]
    widths = tuple((max(a, 0), max(b, 0)) for a, b, _ in padding_config)
    around = c.emit("pad", x, widths=widths, value=float(value)) if any(map(any, widths)) else x
    starts = [max(-a, 0) for a, _, _ in padding_config]
    return window(c, around, starts, [n - max(-b, 0) for n, (_, b, _) in zip(wide, padding_config, strict=True)])


def _spread(c: Lowering, x: Operand, axis: int, inside: int, value: float) -> Operand:
    """So many cells of a value between those of an axis."""
    if inside == 0 or x.shape[axis] < 2:
        return x
    before, size, behind = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    column = c.reshape(x, (*before, size, 1, *behind))
    widths = ((0, 0),) * (axis + 1) + ((0, inside),) + ((0, 0),) * len(behind)
    spread = c.reshape(c.emit("pad", column, widths=widths, value=value), (*before, size * (inside + 1), *behind))
    return cut(c, spread, axis, (0, (size - 1) * (inside + 1) + 1, 1), "spread")
