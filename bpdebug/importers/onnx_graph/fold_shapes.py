"""What no gradient passes through and changes shapes, or takes cells by integers, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.importers.lowering import refuse
from bpdebug.importers.onnx_graph.fold import FOLDS, Fold, Room, fold
from bpdebug.importers.onnx_graph.shaping import index_of, lengths_of
from bpdebug.importers.onnx_graph.tensors import broadcast


@fold("ConstantOfShape")
def _constant_of_shape(room: Room, shape: Array, value: Array | None = None) -> Any:
    sizes = tuple(shape.ravel().tolist())
    refuse(all(n >= 0 for n in sizes), f"a shape {sizes}")
    value = np.zeros((), np.float32) if value is None else value
    refuse(value.size == 1, "a value of several cells")
    room(sizes, value.dtype)
    return np.full(sizes, value.ravel()[0], value.dtype)


@fold("Range")
def _arange(room: Room, start: Array, stop: Array, step: Array) -> Any:
    refuse(bool(step), "steps of 0")
    ends = [v.item() for v in (start, stop, step)]
    refuse(all(np.isfinite(v) for v in ends), "an end that is no number")
    count = max(0, int(np.ceil((ends[1] - ends[0]) / ends[2])))
    room((count,), start.dtype)
    return (start + np.arange(count) * step).astype(start.dtype)


@fold("EyeLike")
def _eye_like(room: Room, x: Array, dtype: int | None = None, k: int = 0) -> Any:
    refuse(dtype is None and x.ndim == 2, "a dtype")
    return np.eye(x.shape[0], x.shape[1], k, x.dtype)


@fold("OneHot")
def _one_hot(room: Room, ids: Array, depth: Array, values: Array, axis: int = -1) -> Any:
    size = int(depth.ravel()[0])
    refuse(size > 0 and values.size == 2, f"a depth of {size}")
    room((*ids.shape, size), values.dtype)
    places = np.where(ids < 0, ids + size, ids)
    found = np.where(places[..., None] == np.arange(size), values[1], values[0])
    return np.moveaxis(found, -1, axis)


@fold("Concat")
def _concat(room: Room, *xs: Array, axis: int) -> Any:
    room((sum(x.size for x in xs),), xs[0].dtype)
    return np.concatenate(xs, axis)


@fold("Reshape")
def _reshape(room: Room, x: Array, to: Array, allowzero: int = 0) -> Any:
    sizes = [x.shape[i] if n == 0 and not allowzero else n for i, n in enumerate(to.ravel().tolist())]
    return x.reshape(sizes)


@fold("Flatten")
def _flatten(room: Room, x: Array, axis: int = 1) -> Any:
    return x.reshape(prod(x.shape[: axis if axis >= 0 else axis + x.ndim]), -1)


@fold("Transpose")
def _transpose(room: Room, x: Array, perm: Sequence[int] | None = None) -> Any:
    return np.transpose(x, perm)


@fold("Squeeze")
def _squeeze(room: Room, x: Array, axes: Array | None = None) -> Any:
    return np.squeeze(x, None if axes is None else tuple(axes.ravel().tolist()))


@fold("Unsqueeze")
def _unsqueeze(room: Room, x: Array, axes: Array) -> Any:
    return np.expand_dims(x, tuple(axes.ravel().tolist()))


@fold("Slice")
def _slice_(room: Room, x: Array, *ends: Array | None) -> Any:
    said = [None if v is None else [int(n) for n in v.ravel()] for v in ends]
    return x[tuple(slice(*key) for key in index_of(x.shape, said))]


@fold("Split")
def _split(
    room: Room, x: Array, sizes: Array | None = None, *, axis: int = 0, num_outputs: int | None = None, outputs: int
) -> list[Array]:
    said = None if sizes is None else [int(n) for n in sizes.ravel()]
    lengths = lengths_of(x.shape[axis], said, num_outputs or outputs)
    return np.split(x, np.cumsum(lengths)[:-1], axis)


@fold("Expand")
def _expand(room: Room, x: Array, to: Array) -> Any:
    sizes = broadcast(x.shape, tuple(to.ravel().tolist()))
    room(sizes, x.dtype)
    return np.broadcast_to(x, sizes).copy()


@fold("Tile")
def _tile(room: Room, x: Array, repeats: Array) -> Any:
    times = tuple(repeats.ravel().tolist())
    refuse(len(times) == x.ndim and min(times, default=0) >= 0, f"repeats {times}")
    room(tuple(n * t for n, t in zip(x.shape, times, strict=True)), x.dtype)
    return np.tile(x, times)


@fold("Gather")
def _gather(room: Room, x: Array, ids: Array, axis: int = 0) -> Any:
    axis %= x.ndim
    room((*x.shape[:axis], *ids.shape, *x.shape[axis + 1 :]), x.dtype)
    return np.take(x, ids, axis)


@fold("GatherElements")
def _gather_elements(room: Room, x: Array, ids: Array, axis: int = 0) -> Any:
    return np.take_along_axis(x, ids.astype(np.int64), axis)


@fold("GatherND")
def _gather_nd(room: Room, x: Array, ids: Array, batch_dims: int = 0) -> Any:
    refuse(batch_dims == 0, "batch_dims")
    room((*ids.shape[:-1], *x.shape[ids.shape[-1] :]), x.dtype)
    return x[tuple(np.moveaxis(ids, -1, 0))]


@fold("ScatterND")
def _scatter_nd(room: Room, x: Array, ids: Array, updates: Array, reduction: str = "none") -> Any:
    refuse(reduction == "none", f"reduction {reduction}")
    found = x.copy()
    found[tuple(np.moveaxis(ids, -1, 0))] = updates
    return found


@fold("NonZero")
def _non_zero(room: Room, x: Array) -> Any:
    room((x.ndim, x.size), np.dtype(np.int64))
    return np.array(np.nonzero(x), np.int64).reshape(x.ndim, -1)


@fold("Trilu")
def _trilu(room: Room, x: Array, k: Array | None = None, upper: int = 1) -> Any:
    return (np.triu if upper else np.tril)(x, 0 if k is None else int(np.clip(k.item(), -(2**31), 2**31)))


@fold("CumSum")
def _cumsum(room: Room, x: Array, axis: Array, exclusive: int = 0, reverse: int = 0) -> Any:
    refuse(not exclusive and not reverse, "exclusive or reverse")
    return np.cumsum(x, int(axis.item()), x.dtype)


@fold("ArgMax")
def _argmax(room: Room, x: Array, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Any:
    refuse(not select_last_index, "select_last_index")
    return np.argmax(x, axis, keepdims=bool(keepdims)).astype(np.int64)


def _over(function: Callable[..., Any]) -> Fold:
    def apply(
        room: Room, x: Array, given: Array | None = None, *, axes: Sequence[int] | None = None, keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Any:  # fmt: skip
        found = tuple(axes or ()) if given is None else tuple(given.ravel().tolist())
        if not found and noop_with_empty_axes:
            return x
        return np.asarray(function(x, axis=found or None, keepdims=bool(keepdims))).astype(x.dtype, copy=False)

    return apply


_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "Sum": np.sum,
    "Mean": np.mean,
    "Max": np.max,
    "Min": np.min,
    "Prod": np.prod,
}
FOLDS |= {f"Reduce{name}": _over(function) for name, function in _REDUCTIONS.items()}


@fold("MatMul")
def _matmul(room: Room, a: Array, b: Array) -> Any:
    left, right = a.shape[:-1] or (1,), b.shape[-1:] if b.ndim > 1 else (1,)
    room((*broadcast(left[:-1], b.shape[:-2]), left[-1], *right), a.dtype)
    return a @ b


@fold("DequantizeLinear")
def _dequantize(
    room: Room, x: Array, scale: Array, zero: Array | None = None, axis: int = 1, block_size: int = 0
) -> Any:
    """One scale for all, or one for each slice of an axis."""
    refuse(not block_size and scale.ndim < 2, "blocks")
    room(x.shape, scale.dtype)
    sizes = [1] * x.ndim
    if scale.ndim:
        sizes[axis] = scale.size
    wide = x.astype(scale.dtype) if zero is None else x.astype(scale.dtype) - zero.astype(scale.dtype).reshape(sizes)
    return wide * scale.reshape(sizes)
