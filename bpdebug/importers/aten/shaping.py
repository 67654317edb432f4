"""What moves cells about and changes none: shapes, axes, slices, joins."""

from __future__ import annotations

from functools import partial
from typing import Any

from bpdebug.importers.aten.table import RULES, rule
from bpdebug.importers.lowering import Lowering, Operand, refuse
from bpdebug.importers.steps import axes, cut, pair, permute, pieces, same


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
    return c.emit("flip", x, axis=axes(dims, x.rank))


@rule("roll.default")
def roll(c: Lowering, x: Operand, shifts: Any, dims: Any = ()) -> Operand:
    where = pair(dims, 1)
    return c.emit("roll", x, shift=pair(shifts, max(len(where), 1)), axis=where or None)


@rule("repeat.default", "tile.default")
def repeat(c: Lowering, x: Operand, repeats: Any) -> Operand:
    return c.emit("tile", x, reps=tuple(repeats))


@rule("repeat_interleave.self_int")
def repeat_interleave(c: Lowering, x: Operand, repeats: int, dim: int | None = None, **how: Any) -> Operand:
    return c.emit("repeat", x, repeats=repeats, axis=dim)


@rule("constant_pad_nd.default", "pad.default")
def pad(c: Lowering, x: Operand, widths: Any, *how: Any, value: float | None = None, mode: str = "constant") -> Operand:
    """Cells around the last axes, whose widths come first; less than none cuts cells off."""
    for given in how:
        mode, value = (given, value) if isinstance(given, str) else (mode, given)
    each = [(0, 0)] * (x.rank - len(widths) // 2) + list(zip(widths[-2::-2], widths[-1::-2], strict=True))
    key = tuple((max(-a, 0), n - max(-b, 0), 1) for n, (a, b) in zip(x.shape, each, strict=True))
    x = x if key == tuple((0, n, 1) for n in x.shape) else c.emit("slice", x, key=key)
    if x.shape == c.shape:
        return x
    inside = tuple((max(a, 0), max(b, 0)) for a, b in each)
    return c.emit("pad", x, widths=inside, mode=mode, value=float(value or 0))


for _mode, _names in {
    "reflect": "reflection_pad1d reflection_pad2d reflection_pad3d",
    "replicate": "replication_pad1d replication_pad2d replication_pad3d",
    "circular": "_pad_circular",
}.items():
    RULES |= {f"{_name}.default": partial(pad, mode=_mode) for _name in _names.split()}


@rule("slice_scatter.default")
def slice_scatter(
    c: Lowering, x: Operand, source: Operand, dim: int = 0, start: int | None = None, end: int | None = None,
    step: int = 1,
) -> Operand:  # fmt: skip
    """A slice of an axis replaced: what stands before it, the new cells, what stands behind."""
    size = x.shape[dim]
    first, stop, step = slice(start, end, step).indices(size)
    if source.shape == x.shape:
        return source
    refuse(step == 1, "a step between the cells")
    parts = [cut(c, x, dim, p) if isinstance(p, tuple) else p for p in ((0, first, 1), source, (stop, size, 1))]
    return c.emit("concat", *(p for p in parts if p.shape[dim]), name="slice_scatter", axis=dim % x.rank)


@rule("select_scatter.default")
def select_scatter(c: Lowering, x: Operand, source: Operand, dim: int, at: int) -> Operand:
    at, row = at % x.shape[dim], c.emit("expand_dims", source, axis=dim % x.rank)
    return slice_scatter(c, x, row, dim, at, at + 1)


RULES |= {
    "diagonal.default": same("diagonal", "offset", "axis1", "axis2"), "tril.default": same("tril", "k"),
    "triu.default": same("triu", "k"), "trace.default": same("trace"),
}  # fmt: skip
