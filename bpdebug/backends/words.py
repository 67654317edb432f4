"""Words that libraries of arrays have not, or have otherwise, made of those that they have: of the array API standard's.

Each takes the library's own words first, `xp`, and then what the word of `symbolic/prims.py` takes. Where only shapes
and attributes say what is meant, NumPy works out which cells go where, and no cell of an operand leaves its device.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from bpdebug.arrays import Array, Key, Shape, decode_key, is_list
from bpdebug.ops import activations, reduce
from bpdebug.ops.axes import Axis, axes_of
from bpdebug.ops.windows import padded, pairs, windows
from bpdebug.symbolic import cuts, moves, normal

# --- cells taken by their numbers, and added back


def numbers(shape: Shape) -> Array:
    """Every cell's number in an array of this shape."""
    return np.arange(math.prod(shape)).reshape(shape)


def wrapped(xp: Any, ids: Any, size: int) -> Any:
    """Indices counted from the beginning."""
    return xp.where(ids < 0, ids + size, ids)


def take_cells(xp: Any, x: Any, cells: Any) -> Any:
    """The cells of these numbers, in the shape of the numbers (NumPy's, or the library's)."""
    ids = xp.asarray(cells) if isinstance(cells, np.ndarray) else cells
    return xp.reshape(xp.take(xp.reshape(x, (-1,)), xp.reshape(ids, (-1,)), axis=0), shape=tuple(cells.shape))


def add_cells(xp: Any, x: Any, cells: Any, shape: Shape) -> Any:
    """Zeros of a shape, to which x is added at the cells of these numbers."""
    ids = xp.asarray(cells) if isinstance(cells, np.ndarray) else cells
    flat = xp.scatter_add(xp.reshape(x, (-1,)), xp.reshape(ids, (-1,)), axis=0, size=math.prod(shape))
    return xp.reshape(flat, shape=shape)


def hits(xp: Any, ids: Any, size: int) -> Any:
    """Along a new last axis, where each index is."""
    return xp.expand_dims(wrapped(xp, ids, size), axis=-1) == xp.asarray(np.arange(size))


def zero(xp: Any, x: Any) -> Any:
    """A 0 of x's dtype, without axes."""
    return xp.full(shape=(), value=0, dtype=x.dtype)


def one_hot(xp: Any, ids: Any, depth: int, dtype: Any) -> Any:
    return xp.astype(xp.expand_dims(ids, axis=-1) == xp.asarray(np.arange(depth)), dtype=dtype)


def turned(xp: Any, x: Any, start: int, end: int) -> Any:
    """`np.moveaxis` of one axis."""
    order = [a for a in range(x.ndim) if a != start % x.ndim]
    order.insert(end % x.ndim, start % x.ndim)
    return xp.permute_dims(x, axes=tuple(order))


def take(xp: Any, x: Any, ids: Any, axis: int) -> Any:
    flat = xp.reshape(wrapped(xp, ids, x.shape[axis]), (-1,))
    return xp.reshape(xp.take_rows(x, flat, axis), shape=(*x.shape[:axis], *ids.shape, *x.shape[axis + 1 :]))


def scatter_add(xp: Any, x: Any, ids: Any, axis: int, size: int) -> Any:
    """By choosing, not by a product: what is not finite stays where it is."""
    lead, rest = tuple(x.shape[:axis]), tuple(x.shape[axis + ids.ndim :])
    flat = xp.reshape(ids, (-1,))
    rows = xp.reshape(x, (math.prod(lead), flat.shape[0], 1, math.prod(rest)))
    chosen = xp.where(xp.expand_dims(hits(xp, flat, size), axis=-1), rows, xp.zero(x))
    return xp.reshape(xp.sum(chosen, axis=1, keepdims=False), shape=(*lead, size, *rest))


def take_along_axis(xp: Any, x: Any, ids: Any, axis: int) -> Any:
    x, ids = turned(xp, x, axis, -1), turned(xp, ids, axis, -1)
    chosen = xp.where(hits(xp, ids, x.shape[-1]), xp.expand_dims(x, axis=-2), xp.zero(x))
    return turned(xp, xp.sum(chosen, axis=-1, keepdims=False), -1, axis)


def scatter_along_axis(xp: Any, x: Any, ids: Any, axis: int, size: int) -> Any:
    x, ids = turned(xp, x, axis, -1), turned(xp, ids, axis, -1)
    chosen = xp.where(hits(xp, ids, size), xp.expand_dims(x, axis=-1), xp.zero(x))
    return turned(xp, xp.sum(chosen, axis=-2, keepdims=False), -1, axis)


def picked(xp: Any, shape: Shape, key: Key, ids: tuple[Any, ...]) -> Any:
    """The numbers of the cells that an index with arrays picks, as NumPy lays them out."""
    given = list(key or (None,) * len(ids))
    if "..." in given or ... in given:
        at = next(n for n, k in enumerate(given) if k in ("...", ...))
        given[at : at + 1] = [(None, None, None)] * (len(shape) - len(given) + 1)
    given += [(None, None, None)] * (len(shape) - len(given))
    arrays, sizes, order = iter(ids), [math.prod(shape[a + 1 :]) for a in range(len(shape))], []
    total, base = None, []
    for axis, k in enumerate(given):
        if k is None or is_list(k) or isinstance(k, int):
            one = next(arrays) if k is None else xp.asarray(np.array(k[0] if is_list(k) else k, np.int64))
            more = wrapped(xp, one, shape[axis]) * sizes[axis]
            total = more if total is None else total + more
            order.append(axis)
        else:
            base.append((axis, np.arange(shape[axis])[slice(*k)] * sizes[axis]))
    together = order[-1] - order[0] == len(order) - 1
    before = len([axis for axis, _ in base if axis < order[0]]) if together else 0
    rank = total.ndim
    for n, (_, line) in enumerate(base):
        after = len(base) - 1 - n + (rank if n < before else 0)
        total = _grown(xp, total, n, before, len(base)) if n == 0 else total
        total = total + xp.asarray(line.reshape(-1, *(1,) * after))
    return total


def _grown(xp: Any, total: Any, n: int, before: int, count: int) -> Any:
    """The arrays' own axes with one behind them for each slice that follows."""
    return xp.reshape(total, (*total.shape, *(1,) * (count - before)))


def take_at(xp: Any, x: Any, *ids: Any, key: Key = ()) -> Any:
    return take_cells(xp, x, picked(xp, tuple(x.shape), key, ids))


def add_at(xp: Any, x: Any, *ids: Any, shape: Shape, key: Key = ()) -> Any:
    cells = picked(xp, shape, key, ids)
    return add_cells(xp, xp.broadcast_to(x, shape=tuple(cells.shape)), cells, shape)


# --- parts of arrays, and their adjoints


def pad0(xp: Any, x: Any, widths: moves.Widths, fill: float = 0.0) -> Any:
    for axis, (a, b) in enumerate(widths):
        sides = ((*x.shape[:axis], n, *x.shape[axis + 1 :]) for n in (a, b))
        left, right = (xp.full(shape=s, value=fill, dtype=x.dtype) if s[axis] else None for s in sides)
        if a or b:
            x = xp.concat(*(part for part in (left, x, right) if part is not None), axis=axis)
    return x


def upwards(key: Key, shape: Shape) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """An index whose steps all go up, which every library takes, and the axes of the part that are to be turned."""
    items, turned_round, axis = [*decode_key(key)], list[int](), 0
    if ... in items:
        at = items.index(...)
        items[at : at + 1] = [slice(None)] * (len(shape) - len(items) + 1)
    for n, k in enumerate(items):
        if isinstance(k, slice) and (k.step or 1) < 0:
            r = range(*k.indices(shape[n]))
            items[n] = slice(r[-1], r[0] + 1, -r.step) if len(r) else slice(0, 0)
            turned_round.append(axis)
        axis += isinstance(k, slice)
    return (*items, *[slice(None)] * (len(shape) - len(items))), tuple(turned_round)


def index(xp: Any, x: Any, key: Key) -> Any:
    items, back = upwards(key, tuple(x.shape))
    return xp.flip(x[items], axis=back) if back else x[items]


def place(xp: Any, x: Any, shape: Shape, key: Key) -> Any:
    return add_cells(xp, x, numbers(shape)[decode_key(key)], shape)


def diagonal(xp: Any, x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return take_cells(xp, x, np.diagonal(numbers(tuple(x.shape)), offset, axis1, axis2))


def on_diagonal(xp: Any, x: Any, shape: Shape, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return add_cells(xp, x, np.diagonal(numbers(shape), offset, axis1, axis2), shape)


def pad_with(xp: Any, mode: str, x: Any, widths: moves.Widths) -> Any:
    return take_cells(xp, x, moves.pad_with(mode, numbers(tuple(x.shape)), widths))


def unpad(xp: Any, mode: str, x: Any, widths: moves.Widths, shape: Shape) -> Any:
    return add_cells(xp, x, moves.pad_with(mode, numbers(shape), widths), shape)


# --- windows


def unfold(xp: Any, x: Any, size: Shape, stride: Shape, padding: Shape, dilation: Shape, fill: float = 0.0) -> Any:
    out, rank = windows(tuple(x.shape[2:]), size, stride, padding, dilation), len(size)
    x = pad0(xp, x, ((0, 0), (0, 0), *pairs(padding)), fill)
    cut = [x[(slice(None), slice(None), *_steps(at, out, stride, dilation))] for at in np.ndindex(*size)]
    cells = xp.permute_dims(xp.stack(*cut, axis=2), axes=(0, *range(3, 3 + rank), 1, 2))
    return xp.reshape(cells, shape=(x.shape[0], math.prod(out), x.shape[1] * math.prod(size)))


def fold(xp: Any, x: Any, shape: Shape, size: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Any:
    out, rank = windows(shape[2:], size, stride, padding, dilation), len(size)
    wide = (*shape[:2], *padded(shape[2:], padding))
    cells = xp.reshape(x, (shape[0], *out, shape[1], math.prod(size)))
    cells = xp.permute_dims(cells, axes=(0, 1 + rank, *range(1, 1 + rank), 2 + rank))
    total: Any = None
    whole = (None, None, None)
    for n, at in enumerate(np.ndindex(*size)):
        here = tuple((s.start, s.stop, s.step) for s in _steps(at, out, stride, dilation))
        part = xp.place(cells[..., n], shape=wide, key=(whole, whole, *here))
        total = part if total is None else total + part
    inner = (slice(a, a + n) for (a, _), n in zip(pairs(padding), shape[2:], strict=True))
    return total[(slice(None), slice(None), *inner)]


def _steps(at: Shape, out: Shape, stride: Shape, dilation: Shape) -> tuple[slice, ...]:
    """Where one cell of all windows lies."""
    axes = zip(at, dilation, stride, out, strict=True)
    return tuple(slice(o * d, o * d + s * (n - 1) + 1, s) for o, d, s, n in axes)


def unfold_to(xp: Any, x: Any, out: Shape, fill: float = 0.0) -> Any:
    cells, inside = cuts.places(tuple(x.shape[2:]), out)
    flat = xp.reshape(x, (*x.shape[:2], math.prod(x.shape[2:])))
    rows = xp.where(xp.asarray(inside), xp.take(flat, xp.asarray(cells), axis=2), fill)
    return xp.reshape(xp.permute_dims(rows, axes=(0, 2, 1, 3)), shape=(x.shape[0], len(cells), -1))


def fold_to(xp: Any, x: Any, shape: Shape, out: Shape) -> Any:
    cells, inside = cuts.places(shape[2:], out)
    rows = xp.permute_dims(xp.reshape(x, (shape[0], len(cells), shape[1], -1)), axes=(0, 2, 1, 3))
    found = xp.scatter_add(
        xp.where(xp.asarray(inside), rows, xp.zero(x)), xp.asarray(cells), axis=2, size=math.prod(shape[2:])
    )
    return xp.reshape(found, shape=shape)


def of_shape(xp: Any, word: Callable[..., Array], x: Any, **attrs: Any) -> Any:
    """What NumPy's word says of a shape and a dtype alone."""
    return xp.asarray(word(np.broadcast_to(np.zeros((), xp.numpy_dtype(x)), tuple(x.shape)), **attrs))


# --- scans


def cummax(xp: Any, x: Any, axis: int) -> Any:
    """By doubling: each step looks twice as far back."""
    x, step = turned(xp, x, axis, 0), 1
    while step < x.shape[0]:
        x = xp.concat(x[:step, ...], xp.maximum(x[step:, ...], x[:-step, ...]), axis=0)
        step *= 2
    return turned(xp, x, 0, axis)


def argcummax(xp: Any, x: Any, axis: int, first: bool = False) -> Any:
    x = turned(xp, x, axis, 0)
    top = xp.cummax(x, axis=0)
    new = xp.same(x, top)
    if first and x.shape[0]:
        again = xp.logical_not(xp.same(top[1:, ...], top[:-1, ...]))
        new = xp.concat(new[:1, ...], xp.logical_and(new[1:, ...], again), axis=0)
    count = xp.asarray(np.arange(x.shape[0]).reshape(-1, *(1,) * (x.ndim - 1)))
    found = xp.where(new, xp.broadcast_to(count, shape=tuple(x.shape)), xp.zero(count))
    return turned(xp, xp.cummax(found, axis=0), 0, axis)


def first_of(xp: Any, hit: Any, axis: Axis) -> Any:
    line, back = _line(xp, hit, axis)
    at = xp.argmax(xp.astype(line, dtype=xp.int64), axis=-1, keepdims=True)
    return back(xp.logical_and(line, at == xp.asarray(np.arange(line.shape[-1]))))


def last_of(xp: Any, hit: Any, axis: Axis) -> Any:
    every = tuple(range(hit.ndim))
    return xp.flip(first_of(xp, xp.flip(hit, axis=every), axis), axis=every) if hit.ndim else hit


def _line(xp: Any, x: Any, axis: Axis) -> tuple[Any, Callable[[Any], Any]]:
    """The axes as one, the last; and the way back to x's shape."""
    axes = axes_of(axis, tuple(x.shape))
    order = (*(a for a in range(x.ndim) if a not in axes), *axes)
    moved = xp.permute_dims(x, axes=order)
    flat = xp.reshape(moved, (*moved.shape[: x.ndim - len(axes)], math.prod(moved.shape[x.ndim - len(axes) :])))
    back = tuple(int(a) for a in np.argsort(order))
    return flat, lambda y: xp.permute_dims(xp.reshape(y, tuple(moved.shape)), axes=back)


def before(xp: Any, x: Any, axis: int) -> Any:
    x = turned(xp, x, axis, 0)
    first = xp.full(shape=(min(1, x.shape[0]), *x.shape[1:]), value=1.0, dtype=x.dtype)
    return turned(xp, xp.concat(first, xp.cumprod(x[:-1, ...], axis=0), axis=0), 0, axis)


def others(xp: Any, x: Any, axis: Axis) -> Any:
    line, back = _line(xp, x, axis)
    last = line.ndim - 1
    return back(xp.before(line, axis=last) * xp.flip(xp.before(xp.flip(line, axis=last), axis=last), axis=last))


def between(xp: Any, x: Any, axis: int) -> Any:
    x = turned(xp, x, axis, 0)
    n, rest = x.shape[0], tuple(x.shape[1:])
    full = lambda count, value: xp.full(shape=(count, *rest), value=value, dtype=x.dtype)  # noqa: E731 - two words
    rows = [xp.concat(full(i, 0.0), full(1, 1.0), xp.cumprod(x[i + 1 :, ...], axis=0), axis=0) for i in range(n)]
    found = xp.stack(*rows, axis=0) if rows else xp.full(shape=(0, 0, *rest), value=0.0, dtype=x.dtype)
    return turned(xp, turned(xp, found, 0, axis), 0, axis) if axis else found


def horner(xp: Any, g: Any, x: Any, axis: int) -> Any:
    g, x = turned(xp, g, axis, 0), turned(xp, x, axis, 0)
    rows = [g[i, ...] for i in range(g.shape[0])]
    for i in range(len(rows) - 2, -1, -1):
        rows[i] = rows[i] + x[i + 1, ...] * rows[i + 1]
    return turned(xp, xp.stack(*rows, axis=0), 0, axis) if rows else turned(xp, g, 0, axis)


# --- functions


def _quotient(x: Any, polynomials: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
    found = []
    for highest, *lower in polynomials:
        total = x * 0.0 + highest
        for coefficient in lower:
            total = total * x + coefficient
        found.append(total)
    return found[0] / found[1]


def _tail(xp: Any, y: Any) -> Any:
    """The chance that a standard normal number is above y, for y from 0 on: see `symbolic/normal.py`."""
    y = xp.minimum(y, normal.BEYOND)
    bell, far = xp.exp(-(y * y) / 2), xp.maximum(y, normal.FAR_FROM)
    beyond = bell * (normal.PEAK - _quotient(1.0 / (far * far), normal.FAR) / (far * far)) / far
    middle = bell * _quotient(xp.minimum(y, normal.FAR_FROM), normal.MIDDLE)
    near = xp.minimum(y, normal.MIDDLE_FROM)
    close = 0.5 - near * _quotient(near * near, normal.NEAR)
    return xp.where(y < normal.MIDDLE_FROM, close, xp.where(y >= normal.FAR_FROM, beyond, middle))


def erf(xp: Any, x: Any) -> Any:
    y = xp.abs(x) * math.sqrt(2)
    near = xp.minimum(y, normal.MIDDLE_FROM)
    centre = 2.0 * near * _quotient(near * near, normal.NEAR)
    return xp.sign(x) * xp.where(y < normal.MIDDLE_FROM, centre, 1.0 - 2.0 * _tail(xp, y))


def normal_cdf(xp: Any, x: Any) -> Any:
    tail = _tail(xp, xp.abs(x))
    return xp.where(x > 0, 1.0 - tail, tail)


def normal_pdf(xp: Any, x: Any) -> Any:
    return normal.PEAK * xp.exp(-(x * x) / 2)


def same(xp: Any, a: Any, b: Any) -> Any:
    return xp.logical_or(a == b, xp.logical_and(a != a, b != b))


def tri(xp: Any, rows: int, columns: int, k: int = 0) -> Any:
    return xp.asarray(np.tri(rows, columns, k, dtype=bool))


def ones(xp: Any, x: Any) -> Any:
    return xp.full(shape=tuple(x.shape), value=1, dtype=x.dtype)


def arange(xp: Any, start: int, stop: int, step: int = 1) -> Any:
    return xp.asarray(np.arange(start, stop, step, dtype=np.int64))


def many_axes(xp: Any, x: Any, axis: Any) -> Any:
    """`expand_dims` along one axis or several."""
    axes = (axis,) if isinstance(axis, int) else axis
    rank = x.ndim + len(axes)
    sizes, new = iter(x.shape), {a % rank for a in axes}
    return xp.reshape(x, shape=tuple(1 if a in new else next(sizes) for a in range(rank)))


def squeeze(xp: Any, x: Any, axis: Any) -> Any:
    gone = axes_of(axis, tuple(x.shape))
    return xp.reshape(x, shape=tuple(n for a, n in enumerate(x.shape) if a not in gone))


RULES: dict[str, Callable[..., Any]] = {
    "sigmoid": activations.sigmoid, "softmax": reduce.softmax, "log_softmax": reduce.log_softmax,
    "norm": reduce.p_norm, "unit": reduce.unit,
}  # fmt: skip
"""Words for whole rules: the rules themselves."""
COMPOSED: dict[str, Callable[..., Any]] = {
    **{f.__name__: f for f in (
        zero, one_hot, take, scatter_add, take_along_axis, scatter_along_axis, take_at, add_at, pad0, index, place, diagonal,
        on_diagonal, unfold, fold, unfold_to, fold_to, cummax, argcummax, first_of, last_of, before, others, between,
        horner, erf, normal_cdf, normal_pdf, same, tri, ones, arange, squeeze,
    )},
    "expand_dims": many_axes,
    **RULES,
}  # fmt: skip
BY_MODE = {"pad": pad_with, "unpad": unpad}
BY_SHAPE = {name: getattr(cuts, name) for name in ("sources", "shares", "cubic")}


def complete(own: dict[str, Any]) -> SimpleNamespace:
    """A library's words with all that it has not, made of those that it has: a table over `symbolic/prims.py`."""
    xp = SimpleNamespace()
    table: dict[str, Any] = {name: partial(word, xp) for name, word in COMPOSED.items()}
    table |= {f"{what}_{m}": partial(word, xp, m) for what, word in BY_MODE.items() for m in moves.MODES}
    table |= {name: partial(of_shape, xp, word) for name, word in BY_SHAPE.items()}
    xp.__dict__.update(table | own)
    return xp
