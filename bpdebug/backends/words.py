"""Words that libraries of arrays have not, or have otherwise, made of those that they have, which the standard has.

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

from bpdebug.arrays import Array, Key, Shape, decode_key
from bpdebug.backends import indices, scans
from bpdebug.backends.indices import add_cells, numbers, take_cells
from bpdebug.ops import activations, reduce
from bpdebug.ops.axes import axes_of
from bpdebug.ops.windows import padded, pairs, windows
from bpdebug.symbolic import cuts, moves

Word = Callable[..., Any]


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
        if isinstance(k, slice):
            r = range(*k.indices(shape[n]))
            items[n] = slice(min(r), max(r) + 1, abs(r.step)) if len(r) else slice(0, 0)
            if r.step < 0:
                turned_round.append(axis)
            axis += 1
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
    return xp.reshape(
        xp.permute_dims(rows, axes=(0, 2, 1, 3)), shape=(x.shape[0], len(cells), x.shape[1] * cells.shape[1])
    )


def fold_to(xp: Any, x: Any, shape: Shape, out: Shape) -> Any:
    cells, inside = cuts.places(shape[2:], out)
    rows = xp.permute_dims(xp.reshape(x, (shape[0], len(cells), shape[1], cells.shape[1])), axes=(0, 2, 1, 3))
    found = xp.scatter_add(
        xp.where(xp.asarray(inside), rows, xp.zero(x)), xp.asarray(cells), axis=2, size=math.prod(shape[2:])
    )
    return xp.reshape(found, shape=shape)


def of_shape(xp: Any, word: Callable[..., Array], x: Any, **attrs: Any) -> Any:
    """What NumPy's word says of a shape and a dtype alone."""
    return xp.asarray(word(np.broadcast_to(np.zeros((), xp.numpy_dtype(x)), tuple(x.shape)), **attrs))


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


COMPOSED: dict[str, Word] = {
    "zero": indices.zero, "one_hot": indices.one_hot, "take": indices.take, "scatter_add": indices.scatter_add,
    "take_along_axis": indices.take_along_axis, "scatter_along_axis": indices.scatter_along_axis,
    "take_at": indices.take_at, "add_at": indices.add_at,
    "pad0": pad0, "index": index, "place": place, "diagonal": diagonal, "on_diagonal": on_diagonal,
    "unfold": unfold, "fold": fold, "unfold_to": unfold_to, "fold_to": fold_to,
    "cummax": scans.cummax, "argcummax": scans.argcummax, "first_of": scans.first_of, "last_of": scans.last_of,
    "before": scans.before, "others": scans.others, "between": scans.between, "horner": scans.horner,
    "erf": scans.erf, "normal_cdf": scans.normal_cdf, "normal_pdf": scans.normal_pdf, "same": scans.same,
    "tri": tri, "ones": ones, "arange": arange, "squeeze": squeeze, "expand_dims": many_axes,
    "sigmoid": activations.sigmoid, "softmax": reduce.softmax, "log_softmax": reduce.log_softmax,
    "norm": reduce.p_norm, "unit": reduce.unit,
}  # fmt: skip
"""Words of `symbolic/prims.py`; those for whole rules are the rules themselves."""
BY_MODE: dict[str, Word] = {"pad": pad_with, "unpad": unpad}
BY_SHAPE: dict[str, Word] = {"sources": cuts.sources, "shares": cuts.shares, "cubic": cuts.cubic}


def complete(own: dict[str, Any]) -> SimpleNamespace:
    """A library's words with all that it has not, made of those that it has: a table over `symbolic/prims.py`."""
    xp = SimpleNamespace()
    table: dict[str, Any] = {name: partial(word, xp) for name, word in COMPOSED.items()}
    table |= {f"{what}_{m}": partial(word, xp, m) for what, word in BY_MODE.items() for m in moves.MODES}
    table |= {name: partial(of_shape, xp, word) for name, word in BY_SHAPE.items()}
    xp.__dict__.update(table | own)
    return xp
