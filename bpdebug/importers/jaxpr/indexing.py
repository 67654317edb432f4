"""What is taken by integers, and what is put or added where integers say; these are known."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, Shape
from bpdebug.importers.jaxpr.folding import Folding
from bpdebug.importers.jaxpr.shaping import window
from bpdebug.importers.jaxpr.table import RULES, array_like, rule
from bpdebug.importers.lowering import Operand, Rule, refuse
from bpdebug.importers.steps import permute


class GatherNumbers(Struct, frozen=True, eq=False):
    """Dimension numbers of a gather; of a scatter, those of the gather that reads the cells which it writes.

    `offset` are the axes of the result within a slice, `dropped` those of x that slices do not have, `indexed` those
    that the integers count along, `paired` those of x that go along with axes of the integers, `pairs`.
    """

    offset: tuple[int, ...]
    dropped: tuple[int, ...]
    indexed: tuple[int, ...]
    paired: tuple[int, ...]
    pairs: tuple[int, ...]

    def batch(self, rank: int) -> list[int]:
        """The axes of the result that are those of the integers."""
        return [n for n in range(rank) if n not in self.offset]


def _of_gather(d: Any) -> GatherNumbers:
    found = (d.offset_dims, d.collapsed_slice_dims, d.start_index_map, d.operand_batching_dims)
    return GatherNumbers(*(tuple(map(int, n)) for n in (*found, d.start_indices_batching_dims)))


def _of_scatter(d: Any) -> GatherNumbers:
    found = (d.update_window_dims, d.inserted_window_dims, d.scatter_dims_to_operand_dims, d.operand_batching_dims)
    return GatherNumbers(*(tuple(map(int, n)) for n in (*found, d.scatter_indices_batching_dims)))


def _starts(starts: Sequence[Any], shape: Shape, sizes: Sequence[int]) -> list[int]:
    """Where a window begins, moved so that it lies inside."""
    return [int(np.clip(s, 0, n - k)) for s, n, k in zip(starts, shape, sizes, strict=True)]


def _places(shape: Shape, ids: Array, d: GatherNumbers, sizes: Sequence[int], rank: int, clip: bool) -> list[Array]:
    """For each axis of x, where along it each cell of the result comes from: arrays that broadcast to the result.

    NoRule for an integer out of range, unless it is to be clipped.
    """
    batch, offset = d.batch(rank), iter(d.offset)

    def along(axes: Sequence[int], array: Array) -> Array:
        around = [1] * rank
        for axis, size in zip(axes, array.shape, strict=True):
            around[axis] = size
        return array.reshape(around)

    found: list[Array] = []
    for n, (size, length) in enumerate(zip(shape, sizes, strict=True)):
        at = np.zeros((1,) * rank, np.int64)
        if n in d.indexed:
            start = ids[..., d.indexed.index(n)]
            refuse(clip or bool(((start >= 0) & (start <= size - length)).all()), "an index out of range")
            at = at + along(batch, start.clip(0, size - length))
        if n in d.paired:
            at = at + along([batch[d.pairs[d.paired.index(n)]]], np.arange(size))
        elif n not in d.dropped:
            at = at + along([next(offset)], np.arange(length))
        found.append(at)
    return found


@rule("dynamic_slice")
def dynamic_slice(c: Folding, x: Operand, *starts: Any, slice_sizes: Sequence[int], **how: Any) -> Operand:
    first = _starts(starts, x.shape, slice_sizes)
    return window(c, x, first, [a + n for a, n in zip(first, slice_sizes, strict=True)])


@rule("dynamic_update_slice")
def dynamic_update_slice(c: Folding, x: Any, update: Any, *starts: Any, **how: Any) -> Operand:
    update = array_like(c, update)
    return _put(c, x, update, _starts(starts, c.shape, update.shape))


def _put(c: Folding, x: Any, update: Operand, first: Sequence[int]) -> Operand:
    """x with a window replaced, which begins at these cells: the window lies in zeros, and is chosen where it is."""
    widths = tuple((a, n - a - k) for a, n, k in zip(first, c.shape, update.shape, strict=True))
    if not any(map(any, widths)):
        return update
    inside = c.constant("inside", np.pad(np.ones(update.shape, bool), widths))
    return c.emit("where", inside, c.emit("pad", update, widths=widths), x, name="put")


@rule("gather")
def gather(
    c: Folding, x: Operand, indices: Operand, dimension_numbers: Any, slice_sizes: Sequence[int], mode: Any, **how: Any
) -> Operand:
    """Slices of x at integers: a window, slices along one axis or several, a cell along an axis; else cell by cell."""
    d, ids = _of_gather(dimension_numbers), c.known(indices, "indices")
    at = _places(x.shape, ids, d, slice_sizes, len(c.shape), "CLIP" in str(mode))
    if len(d.offset) == len(c.shape):
        first = [int(places.flat[0]) if places.size else 0 for places in at]
        sizes = zip(first, slice_sizes, strict=True)
        key = tuple(a if n in d.dropped else (a, a + size, 1) for n, (a, size) in enumerate(sizes))
        return c.emit("slice", x, key=key)
    alone = {*d.indexed, *d.paired}
    whole = all(size == (1 if n in alone else x.shape[n]) for n, size in enumerate(slice_sizes))
    if whole and alone == {*d.dropped, *d.paired}:
        if not d.paired:
            return _slices(c, x, indices, at, d)
        if len(d.indexed) == 1 and not d.offset and x.rank == len(c.shape):
            return _along(c, x, indices, at, d)
    cells = np.ravel_multi_index(np.broadcast_arrays(*at), x.shape) if prod(c.shape) else np.zeros(c.shape, np.int64)
    return c.emit("gather", c.reshape(x, (prod(x.shape),)), c.constant("ids", cells), axis=0)


def _slices(c: Folding, x: Operand, indices: Operand, at: Sequence[Array], d: GatherNumbers) -> Operand:
    """Slices at one integer an index, or at several; the axes of the integers come where the result has them."""
    axes, batch = sorted(d.indexed), d.batch(len(c.shape))
    given = [at[n].reshape([c.shape[b] for b in batch]) for n in axes]
    together = axes == list(range(axes[0], axes[0] + len(axes)))
    start = axes[0] if together else 0
    if len(axes) == 1:
        found = c.emit("gather", x, c.places(indices, given[0]), axis=axes[0])
    else:
        key = tuple(None if n in axes else (None, None, None) for n in range(x.rank))
        ids = (c.constant("ids", places) for places in given)
        found = c.emit("take_at", x, *ids, key=key if None in key[len(axes) :] else ())
    order = [*d.offset[:start], *batch, *d.offset[start:]]
    return permute(c, found, [order.index(n) for n in range(len(order))])


def _along(c: Folding, x: Operand, indices: Operand, at: Sequence[Array], d: GatherNumbers) -> Operand:
    """A cell for each integer along one axis; the others go along with those of the integers."""
    axis = d.indexed[0]
    own = dict(zip(d.paired, d.pairs, strict=True))
    free = next(n for n in range(x.rank) if n not in own.values())
    order = [own.get(n, free) for n in range(x.rank)]  # of the integers' axes, as x has its own
    ids = np.broadcast_to(at[axis], c.shape).transpose(order)
    found = c.emit("take_along_axis", x, c.places(indices, ids), axis=axis)
    return permute(c, found, [order.index(n) for n in range(x.rank)])


def _targets(c: Folding, indices: Operand, update: Operand, d: GatherNumbers, mode: Any) -> list[Array]:
    """For each axis of the result, where along it each cell of the update goes."""
    sizes = [1] * len(c.shape)
    inside = [n for n in range(len(c.shape)) if n not in (*d.dropped, *d.paired)]
    for n, axis in zip(inside, d.offset, strict=True):
        sizes[n] = update.shape[axis]
    return _places(c.shape, c.known(indices, "indices"), d, sizes, update.rank, "CLIP" in str(mode))


@rule("scatter-add", "scatter_add")
def scatter_add(
    c: Folding, x: Any, indices: Operand, update: Any, dimension_numbers: Any, mode: Any, **how: Any
) -> Operand:
    """What is added to x: whole slices at integers along one axis, else cell by cell."""
    update, d = array_like(c, update), _of_scatter(dimension_numbers)
    at = _targets(c, indices, update, d, mode)
    batch = d.batch(update.rank)
    others = [size for n, size in enumerate(c.shape) if n not in d.indexed]
    one_axis = len(batch) < 2 and len(d.indexed) == 1 and d.indexed == d.dropped and not d.paired
    if one_axis and [update.shape[n] for n in d.offset] == others:
        axis = d.indexed[0]
        ids = at[axis].reshape(-1)
        if batch:
            update = permute(c, update, [*d.offset[:axis], *batch, *d.offset[axis:]])
        else:
            update = c.emit("expand_dims", update, axis=axis)
        spread = c.emit("scatter_add", update, c.places(indices, ids), axis=axis, size=c.shape[axis])
    else:
        spread = _cells(c, update, at)
    zeros = isinstance(x, Operand) and x.known is not None and not x.known.any()
    return spread if zeros else c.emit("add", x, spread, name="scatter_add")


def _flat(at: Sequence[Array], shape: Shape, update: Operand) -> Array:
    """The cell of the result, counted row by row, that each cell of the update goes to."""
    places = np.broadcast_arrays(*at, np.zeros(update.shape))[:-1]
    return np.ravel_multi_index(places, shape).ravel() if prod(update.shape) else np.zeros(0, np.int64)


def _cells(c: Folding, update: Operand, at: Sequence[Array]) -> Operand:
    """Each cell added at its place among all cells of the result."""
    ids = c.constant("ids", _flat(at, c.shape, update))
    row = c.reshape(update, (prod(update.shape),))
    return c.reshape(c.emit("scatter_add", row, ids, axis=0, size=prod(c.shape)), c.shape)


@rule("scatter")
def scatter(
    c: Folding, x: Any, indices: Operand, update: Any, dimension_numbers: Any, mode: Any, **how: Any
) -> Operand:
    """Cells of x replaced where integers say; of two for one cell JAX does not say which stays."""
    update, d = array_like(c, update), _of_scatter(dimension_numbers)
    at = _targets(c, indices, update, d, mode)
    cells = _flat(at, c.shape, update)
    refuse(len(np.unique(cells)) == cells.size, "two values for one cell")
    first = [int(places.min()) for places in at] if cells.size else []
    box = [int(places.max()) + 1 - a for places, a in zip(at, first, strict=False)]
    if prod(box) == cells.size and bool((np.diff(cells) > 0).all()):
        return _put(c, x, c.reshape(update, box), first)
    return c.emit("where", _inside(c, cells), _cells(c, update, at), x, name="put")


def _inside(c: Folding, cells: Array) -> Operand:
    """The mask of these cells of the result, counted row by row."""
    inside = np.zeros(prod(c.shape), bool)
    inside[cells] = True
    return c.constant("inside", inside.reshape(c.shape))


def _meeting(op: str) -> Rule:
    """Cells of x and those that go there, one each, brought together by an op."""

    def apply(
        c: Folding, x: Any, indices: Operand, update: Any, dimension_numbers: Any, mode: Any, **how: Any
    ) -> Operand:
        update = array_like(c, update)
        at = _targets(c, indices, update, _of_scatter(dimension_numbers), mode)
        cells = _flat(at, c.shape, update)
        refuse(len(np.unique(cells)) == cells.size, "two values for one cell")
        return c.emit("where", _inside(c, cells), c.emit(op, x, _cells(c, update, at)), x, name=f"scatter_{op}")

    return apply


RULES |= {"scatter-mul": _meeting("mul"), "scatter-max": _meeting("maximum"), "scatter-min": _meeting("minimum")}
RULES |= {name.replace("-", "_"): RULES[name] for name in ("scatter-mul", "scatter-max", "scatter-min")}
