"""What is taken by integers, and what is put where integers say."""

from __future__ import annotations

from math import prod

import numpy as np

from bpdebug.arrays import Array
from bpdebug.importers.lowering import Operand, refuse
from bpdebug.importers.onnx_graph.table import OnnxCall, Value, rule
from bpdebug.importers.onnx_graph.tensors import KnownTensor
from bpdebug.importers.steps import cut


@rule("Gather")
def gather(c: OnnxCall, x: Value, ids: Value, axis: int = 0) -> Operand:
    axis = axis % x.rank
    if isinstance(ids, KnownTensor) and ids.shape == ():
        return cut(c, c.held(x), axis, int(ids.known), "gather")
    if x.rank == 2 and axis == 0 and ids.rank:
        return c.emit("embedding", c.held(x), c.held(ids))
    return c.emit("gather", c.held(x), c.held(ids), axis=axis)


@rule("GatherElements")
def gather_elements(c: OnnxCall, x: Value, ids: Value, axis: int = 0) -> Operand:
    return c.emit("take_along_axis", c.held(x), c.held(ids), axis=axis % x.rank)


def _flat(c: OnnxCall, x: Value, ids: Value, batch: int = 0) -> tuple[Array, tuple[int, ...]]:
    """Indices of several integers as one integer each, and the sizes of the axes that they count through as one."""
    given = c.array(ids, "indices")
    depth = batch + given.shape[-1]
    sizes = x.shape[:depth]
    places = list(np.indices(given.shape[:-1], sparse=True)[:batch]) + list(np.moveaxis(given, -1, 0))
    refuse(all(((-n <= p) & (p < n)).all() for p, n in zip(places, sizes, strict=True)), "indices out of range")
    wrapped = [np.where(p < 0, p + n, p) for p, n in zip(np.broadcast_arrays(*places), sizes, strict=True)]
    return np.ravel_multi_index(wrapped, sizes).astype(np.int64), sizes


@rule("GatherND")
def gather_nd(c: OnnxCall, x: Value, ids: Value, batch_dims: int = 0) -> Operand:
    flat, sizes = _flat(c, x, ids, batch_dims)
    merged = c.reshape(c.held(x), (prod(sizes), *x.shape[len(sizes) :]))
    return c.emit("gather", merged, c.constant("ids", flat), name="gather_nd", axis=0)


def _put(c: OnnxCall, x: Value, added: Operand, reduction: str, free: Array) -> Operand:
    """What is put onto a tensor, whose cells there are cleared before unless they are added to."""
    refuse(reduction in ("none", "add"), f"reduction {reduction}")
    if reduction == "none":
        x = c.emit("where", c.constant("kept", free), c.held(x), 0.0)
    return c.emit("add", x, added, name="scatter")


@rule("ScatterND")
def scatter_nd(c: OnnxCall, x: Value, ids: Value, updates: Value, reduction: str = "none") -> Operand:
    flat, sizes = _flat(c, x, ids)
    refuse(reduction == "add" or np.unique(flat).size == flat.size, "two updates of one cell")
    free = np.ones((prod(sizes), *(1 for _ in x.shape[len(sizes) :])), np.bool_)
    free[flat.ravel()] = False
    added = c.emit("scatter_add", c.held(updates), c.constant("ids", flat), size=prod(sizes), axis=0)
    free = free.reshape(*sizes, *free.shape[1:])
    return _put(c, x, c.reshape(added, x.shape), reduction, free)


@rule("ScatterElements")
def scatter_elements(
    c: OnnxCall, x: Value, ids: Value, updates: Value, axis: int = 0, reduction: str = "none"
) -> Operand:
    axis, given = axis % x.rank, c.array(ids, "indices")
    refuse(all(m == n for d, (m, n) in enumerate(zip(given.shape, x.shape, strict=True)) if d != axis), "a part of x")
    given = np.where(given < 0, given + x.shape[axis], given)
    refuse(bool(((given >= 0) & (given < x.shape[axis])).all()), "indices out of range")
    order = np.sort(given, axis=axis)
    twice = np.diff(order, axis=axis) == 0
    refuse(reduction == "add" or not twice.any(), "two updates of one cell")
    free = np.ones(x.shape, np.bool_)
    np.put_along_axis(free, given, False, axis)
    put = c.emit("scatter_along_axis", c.held(updates), c.constant("ids", given), axis=axis, size=x.shape[axis])
    return _put(c, x, put, reduction, free)
