"""What moves cells about and changes none: shapes, axes, slices, joins."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.importers.aten.table import RULES, rule
from bpdebug.importers.lowering import Lowering, Operand, refuse
from bpdebug.importers.steps import ALL, axes, cut, pair, permute, pieces


@rule(
    "view.default", "_unsafe_view.default", "reshape.default", "flatten.using_ints", "unflatten.int", "squeeze.dim",
    "squeeze.dims", "squeeze.default", "_reshape_alias.default", "view_as.default",
)  # fmt: skip
def reshape(c: Lowering, x: Operand, *shape: Any) -> Operand:
    return c.reshape(x, c.shape)


@rule("expand.default", "expand_as.default", "broadcast_to.default")
def expand(c: Lowering, x: Operand, *shape: Any, **how: Any) -> Operand:
    return x if x.shape == c.shape else c.emit("broadcast_to", x, shape=c.shape)


RULES["permute.default"] = permute


@rule("transpose.int")
def transpose(c: Lowering, x: Operand, a: int, b: int) -> Operand:
    order = list(range(x.rank))
    order[a], order[b] = order[b], order[a]
    return permute(c, x, order)


@rule("t.default", "numpy_T.default", "mT.default")
def turn(c: Lowering, x: Operand) -> Operand:
    return x if x.rank < 2 else c.emit("transpose", x)


@rule("movedim.int", "movedim.intlist")
def movedim(c: Lowering, x: Operand, source: Any, target: Any) -> Operand:
    source, target = axes(source, x.rank) or (), axes(target, x.rank) or ()
    rest = iter(d for d in range(x.rank) if d not in source)
    there = dict(zip(target, source, strict=True))
    return permute(c, x, [there[d] if d in there else next(rest) for d in range(x.rank)])


@rule("unsqueeze.default")
def unsqueeze(c: Lowering, x: Operand, dim: int) -> Operand:
    return c.emit("expand_dims", x, axis=dim % (x.rank + 1))


RULES["select.int"] = lambda c, x, dim, i: cut(c, x, dim, i, "select")


@rule("slice.Tensor", "narrow.default")
def slice_(
    c: Lowering, x: Operand, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Operand:
    size = x.shape[dim]
    first, stop, step = slice(start, end, step).indices(size)
    return x if c.shape == x.shape else cut(c, x, dim, (first, stop, step))


RULES["narrow.default"] = lambda c, x, dim, start, length: slice_(c, x, dim, start, start % x.shape[dim] + length)


@rule(
    "split.Tensor", "split_with_sizes.default", "split.sizes", "unsafe_split.Tensor", "unsafe_split_with_sizes.default"
)
def split(c: Lowering, x: Operand, sizes: Any, dim: int = 0) -> list[Operand]:
    size = x.shape[dim]
    if isinstance(sizes, int):
        sizes = [min(sizes, size - i) for i in range(0, size, sizes)]
    return pieces(c, x, dim, sizes, "split")


@rule("chunk.default", "unsafe_chunk.default")
def chunk(c: Lowering, x: Operand, chunks: int, dim: int = 0) -> list[Operand]:
    return split(c, x, -(-x.shape[dim] // chunks), dim)


@rule("unbind.int")
def unbind(c: Lowering, x: Operand, dim: int = 0) -> list[Operand]:
    return [cut(c, x, dim, i, "unbind") for i in range(x.shape[dim])]


@rule("cat.default", "concat.default")
def cat(c: Lowering, xs: list[Operand], dim: int = 0) -> Operand:
    return c.emit("concat", *(x for x in xs if x.shape != (0,)), axis=dim % len(c.shape))


@rule("stack.default")
def stack(c: Lowering, xs: list[Operand], dim: int = 0) -> Operand:
    return c.emit("stack", *xs, axis=dim % len(c.shape))


@rule("flip.default")
def flip(c: Lowering, x: Operand, dims: Any) -> Operand:
    key = tuple((None, None, -1) if d in (axes(dims, x.rank) or ()) else ALL for d in range(x.rank))
    return c.emit("slice", x, name="flip", key=key)


@rule("roll.default")
def roll(c: Lowering, x: Operand, shifts: Any, dims: Any = ()) -> Operand:
    refuse(bool(dims), "no axes")
    for shift, dim in zip(pair(shifts, len(pair(dims, 1))), pair(dims, 1), strict=True):
        at = -shift % x.shape[dim]
        if at:
            x = c.emit(
                "concat", *(cut(c, x, dim, p) for p in ((at, None, 1), (None, at, 1))), name="roll", axis=dim % x.rank
            )
    return x


@rule("repeat.default", "tile.default")
def repeat(c: Lowering, x: Operand, repeats: Any) -> Operand:
    repeats = (1,) * (x.rank - len(repeats)) + tuple(repeats)
    sizes = (1,) * (len(repeats) - x.rank) + x.shape
    apart = c.reshape(x, [n for size in sizes for n in (1, size)])
    wide = c.emit("broadcast_to", apart, shape=tuple(n for pair in zip(repeats, sizes, strict=True) for n in pair))
    return c.reshape(wide, c.shape, "repeat")


@rule("constant_pad_nd.default", "pad.default")
def pad(c: Lowering, x: Operand, widths: Any, *how: Any, value: float | None = None, mode: str = "constant") -> Operand:
    for given in how:
        mode, value = (given, value) if isinstance(given, str) else (mode, given)
    refuse(mode == "constant", f"mode {mode}")
    each = [(0, 0)] * (x.rank - len(widths) // 2) + list(zip(widths[-2::-2], widths[-1::-2], strict=True))
    key = tuple((max(-a, 0), n - max(-b, 0), 1) for n, (a, b) in zip(x.shape, each, strict=True))
    x = x if key == tuple((0, n, 1) for n in x.shape) else c.emit("slice", x, key=key)
    each = [(max(a, 0), max(b, 0)) for a, b in each]
    wide = x if x.shape == c.shape else c.emit("pad", x, widths=tuple(each))
    if not value:
        return wide
    around = np.pad(np.zeros(x.shape, x.dtype), each, constant_values=value)
    return c.emit("add", wide, c.constant("around", around), name="pad")
