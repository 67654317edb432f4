"""What moves cells about and changes none: shapes, axes, slices, joins, borders."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from bpdebug.importers.lowering import Operand, refuse
from bpdebug.importers.onnx_graph.table import RULES, OnnxCall, Pieces, Value, rule
from bpdebug.importers.onnx_graph.tensors import KnownTensor, broadcast, known
from bpdebug.importers.steps import ALL, permute, pieces


@rule("Shape")
def shape(c: OnnxCall, x: Value, start: int = 0, end: int | None = None) -> KnownTensor:
    return known("shape", np.array(x.shape[start:end], np.int64))


@rule("Size")
def size(c: OnnxCall, x: Value) -> KnownTensor:
    return known("size", np.array(prod(x.shape), np.int64))


def wanted_shape(x: Value, said: list[int], allowzero: int = 0) -> tuple[int, ...]:
    """The shape that Reshape means: 0 copies a size, -1 is what is left; NoRule where it makes no sense."""
    made = [x.shape[i] if n == 0 and not allowzero else n for i, n in enumerate(said)]
    rest = prod(n for n in made if n != -1)
    fits = made.count(-1) == 0 or (made.count(-1) == 1 and rest != 0 and prod(x.shape) % rest == 0)
    refuse(fits, f"{x.shape} as {tuple(said)}")
    return tuple(prod(x.shape) // rest if n == -1 else n for n in made)


@rule("Reshape")
def reshape(c: OnnxCall, x: Value, to: Value, allowzero: int = 0) -> Operand:
    return c.reshape(c.held(x), wanted_shape(x, c.ints(to, "shapes") or [], allowzero))


@rule("Flatten")
def flatten(c: OnnxCall, x: Value, axis: int = 1) -> Operand:
    axis = axis + x.rank if axis < 0 else axis
    return c.reshape(c.held(x), (prod(x.shape[:axis]), prod(x.shape[axis:])))


@rule("Squeeze")
def squeeze(c: OnnxCall, x: Value, axes: Value | None = None) -> Operand:
    given = [d % x.rank for d in c.ints(axes, "axes") or []] or [d for d, n in enumerate(x.shape) if n == 1]
    refuse(all(x.shape[d] == 1 for d in given), "an axis of more than one cell")
    return c.reshape(c.held(x), [n for d, n in enumerate(x.shape) if d not in given])


@rule("Unsqueeze")
def unsqueeze(c: OnnxCall, x: Value, axes: Value) -> Operand:
    given = c.ints(axes, "axes") or []
    rank = x.rank + len(given)
    at = {d % rank for d in given}
    refuse(len(at) == len(given), "an axis twice")
    if len(at) == 1:
        return c.emit("expand_dims", c.held(x), axis=at.pop())
    sizes = iter(x.shape)
    return c.reshape(c.held(x), [1 if d in at else next(sizes) for d in range(rank)])


@rule("Transpose")
def transpose(c: OnnxCall, x: Value, perm: list[int] | None = None, name: str = "") -> Operand:
    order = list(range(x.rank))[::-1] if perm is None else perm
    refuse(sorted(order) == list(range(x.rank)), f"perm {order}")
    return permute(c, c.held(x), order, name)


@rule("Expand")
def expand(c: OnnxCall, x: Value, to: Value) -> Operand:
    wanted = broadcast(x.shape, tuple(c.ints(to, "shapes") or []))
    return c.held(x) if wanted == x.shape else c.emit("broadcast_to", c.held(x), shape=wanted)


@rule("Tile")
def tile(c: OnnxCall, x: Value, repeats: Value) -> Operand:
    return c.emit("tile", c.held(x), reps=tuple(c.ints(repeats, "repeats") or []))


@rule("Concat")
def concat(c: OnnxCall, *xs: Value, axis: int) -> Operand:
    return c.emit("concat", *map(c.held, xs), axis=axis % xs[0].rank)


def lengths_of(whole: int, said: list[int] | None, count: int) -> list[int]:
    """How long each piece of a Split is, of so many; NoRule where they do not make the axis."""
    each = -(-whole // max(count, 1))
    found = [max(0, min(each, whole - i * each)) for i in range(count)] if said is None else said
    refuse(sum(found) == whole and min(found, default=0) >= 0, f"pieces {found} of {whole}")
    return found


@rule("Split")
def split(
    c: OnnxCall, x: Value, sizes: Value | None = None, axis: int = 0, num_outputs: int | None = None
) -> list[Operand]:
    axis = axis % x.rank
    lengths = lengths_of(x.shape[axis], c.ints(sizes, "sizes"), num_outputs or len(c.outputs))
    return pieces(c, c.held(x), axis, lengths, "split")


@rule("SplitToSequence")
def split_to_sequence(c: OnnxCall, x: Value, sizes: Value | None = None, axis: int = 0, keepdims: int = 1) -> Pieces:
    """What PyTorch's exporter writes for `split` and `chunk`: pieces of one size, or of these."""
    axis = axis % x.rank
    said = c.ints(sizes, "sizes") or [1]
    whole, each = x.shape[axis], said[0]
    if sizes is None or not sizes.rank:
        refuse(each > 0, f"pieces of {each}")
        said = [min(each, whole - i) for i in range(0, whole, each)]
    found = pieces(c, c.held(x), axis, lengths_of(whole, said, 0), "split")
    if sizes is None and not keepdims:
        found = [c.reshape(piece, piece.shape[:axis] + piece.shape[axis + 1 :]) for piece in found]
    return Pieces(found)


@rule("SequenceAt")
def sequence_at(c: OnnxCall, sequence: Any, position: Value) -> Operand:
    refuse(isinstance(sequence, Pieces), "a sequence that is no split tensor")
    items: list[Operand] = sequence.items
    return items[int(c.array(position, "positions"))]


def index_of(sizes: Sequence[int], ends: Sequence[list[int] | None]) -> list[Any]:
    """The index that Slice means, one (start, stop, step) an axis, from its starts, ends, axes and steps."""
    starts, stops, axes, steps = [*ends, None, None][:4]
    starts, stops = starts or [], stops or []
    axes, steps = list(range(len(starts))) if axes is None else axes, [1] * len(starts) if steps is None else steps
    refuse(len(starts) == len(stops) == len(axes) == len(steps) and 0 not in steps, "starts and ends of two lengths")
    key: list[Any] = [ALL] * len(sizes)
    for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
        first, last, step = slice(start, stop, step).indices(sizes[axis])
        key[axis] = (first, None if last < 0 else last, step) if step < 0 else (first, max(first, last), step)
    return key


@rule("Slice")
def slice_(c: OnnxCall, x: Value, *ends: Value | None) -> Operand:
    key = index_of(x.shape, [c.ints(v, "ends") for v in ends])
    whole = all(k in (ALL, (0, n, 1)) for k, n in zip(key, x.shape, strict=True))
    return c.held(x) if whole else c.emit("slice", c.held(x), key=tuple(key))


_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


@rule("Pad")
def pad(
    c: OnnxCall, x: Value, pads: Value, value: Value | None = None, axes: Value | None = None, mode: str = "constant"
) -> Operand:
    """Borders; where a width is negative, cells are taken away."""
    refuse(mode in _MODES, f"mode {mode}")
    given, at = c.ints(pads, "pads") or [], c.ints(axes, "axes")
    at = list(range(x.rank)) if at is None else at
    each = [(0, 0)] * x.rank
    for i, axis in enumerate(at):
        each[axis] = (given[i], given[i + len(at)])
    cut = tuple((max(-a, 0), n - max(-b, 0), 1) for n, (a, b) in zip(x.shape, each, strict=True))
    found = c.held(x)
    found = found if cut == tuple((0, n, 1) for n in x.shape) else c.emit("slice", found, key=cut)
    widths = tuple((max(a, 0), max(b, 0)) for a, b in each)
    if not any(a or b for a, b in widths):
        return found
    number = c.number(value, "values") or 0.0
    return c.emit("pad", found, widths=widths, mode=_MODES[mode], value=number)


@rule("DepthToSpace")
def depth_to_space(c: OnnxCall, x: Value, blocksize: int, mode: str = "DCR") -> Operand:
    n, depth, *sizes = x.shape
    b, rank = blocksize, len(sizes)
    kept = depth // b**rank
    first = [n, *[b] * rank, kept, *sizes] if mode == "DCR" else [n, kept, *[b] * rank, *sizes]
    blocks, maps = (1, 1 + rank) if mode == "DCR" else (2, 1)
    order = [0, maps, *(d for i in range(rank) for d in (2 + rank + i, blocks + i))]
    apart = permute(c, c.reshape(c.held(x), first), order)
    return c.reshape(apart, [n, kept, *(s * b for s in sizes)], "depth_to_space")


@rule("SpaceToDepth")
def space_to_depth(c: OnnxCall, x: Value, blocksize: int) -> Operand:
    n, depth, *sizes = x.shape
    b, rank = blocksize, len(sizes)
    apart = c.reshape(c.held(x), [n, depth, *(v for s in sizes for v in (s // b, b))])
    turned = permute(c, apart, [0, *(3 + 2 * i for i in range(rank)), 1, *(2 + 2 * i for i in range(rank))])
    return c.reshape(turned, [n, depth * b**rank, *(s // b for s in sizes)], "space_to_depth")


@rule("ReverseSequence")
def reverse_sequence(c: OnnxCall, x: Value, lengths: Value, batch_axis: int = 1, time_axis: int = 0) -> Operand:
    refuse({batch_axis, time_axis} == {0, 1}, "axes other than 0 and 1")
    count = c.array(lengths, "lengths").reshape(-1, 1)
    steps = np.arange(x.shape[time_axis])
    ids = np.where(steps < count, count - 1 - steps, steps)
    ids = (ids if time_axis == 1 else ids.T).reshape(x.shape[0], x.shape[1], *(1,) * (x.rank - 2))
    return c.emit("take_along_axis", c.held(x), c.constant("ids", ids), name="reverse_sequence", axis=time_axis)


@rule("Trilu")
def trilu(c: OnnxCall, x: Value, k: Value | None = None, upper: int = 1) -> Operand:
    return c.emit("triu" if upper else "tril", c.held(x), k=int(c.number(k, "diagonals") or 0))


RULES["Constant"] = lambda c, **attrs: constant(**attrs)


def constant(**attrs: Any) -> KnownTensor:
    """What the node Constant holds, in whichever attribute."""
    ((name, value),) = attrs.items()
    if isinstance(value, KnownTensor):
        return value
    dtype = np.float32 if name.startswith("value_float") else np.int64
    refuse(name.startswith(("value_float", "value_int")), name)
    return known("constant", np.array(value, dtype))
