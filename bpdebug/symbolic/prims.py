"""The array namespace that rules are written against: one row a word, and NumPy behind it.

The names are those of the Python array API standard (2024.12); the rest are extensions for the adjoints of
indexing and windows (`index` stands for `x[key]`), whose NumPy bodies are in `arrays.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from bpdebug.arrays import DType, Key, Shape, decode_key
from bpdebug.ops import OPS, activations, reduce
from bpdebug.ops.axes import Axis, Sizes, axes_of, check_new_axes, tuple_of
from bpdebug.ops.indices import taken_shape
from bpdebug.symbolic import arrays, moves, normal, windowed
from bpdebug.symbolic.expr import Expr, Prim, broadcast, promoted

BOOL = np.dtype(np.bool_)

# --- shapes: what does not fit is refused in the words of the op that does the same


def _reduced(x: Expr, axis: Axis, keepdims: bool) -> Shape:
    axes = axes_of(axis, x.shape)
    return tuple(1 if a in axes else n for a, n in enumerate(x.shape) if keepdims or a not in axes)


def _matmul(a: Expr, b: Expr) -> Shape:
    OPS["matmul"].check(a.shape, b.shape)
    return (*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])


def _reshaped(x: Expr, shape: Shape) -> Shape:
    OPS["reshape"].check(x.shape, shape)
    return shape


def _broadcast_to(x: Expr, shape: Shape) -> Shape:
    OPS["broadcast_to"].check(x.shape, shape)
    return shape


def _expanded(x: Expr, axis: Sizes) -> Shape:
    check_new_axes(x.shape, axis)
    rank = x.ndim + len(tuple_of(axis))
    new, sizes = {a % rank for a in tuple_of(axis)}, iter(x.shape)
    return tuple(1 if a in new else next(sizes) for a in range(rank))


def _normed(x: Expr, axis: Axis) -> Shape:
    axes_of(axis, x.shape)
    return x.shape


def _indexed(x: Expr, key: Key) -> Shape:
    OPS["slice"].check(x.shape, key)
    spans = [len(range(*k.indices(n))) for k, n in zip(decode_key(key), x.shape, strict=False) if isinstance(k, slice)]
    return (*spans, *x.shape[len(key) :])


def _diagonal(x: Expr, offset: int, axis1: int, axis2: int) -> Shape:
    """The other axes, and last the diagonal; `offset` is how far above the main one it is."""
    axes = axes_of((axis1, axis2), x.shape)
    rows, columns = (x.shape[a] for a in axes)
    size = min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns)
    return (*(n for a, n in enumerate(x.shape) if a not in axes), max(size, 0))


def _taken(x: Expr, *ids: Expr, key: Key) -> Shape:
    return taken_shape(x.shape, [i.shape for i in ids], key)


def _padded(x: Expr, widths: moves.Widths, fill: float = 0.0) -> Shape:
    return tuple(n + a + b for n, (a, b) in zip(x.shape, widths, strict=True))


def _resized(shape: Shape, axis: int, *sizes: int) -> Shape:
    """A shape with other sizes in place of an axis."""
    return (*shape[:axis], *sizes, *shape[axis + 1 :])


def _given(*xs: Expr, shape: Shape, **attrs: Any) -> Shape:
    return tuple(shape)


# --- dtypes and what runs


def _boolean(*args: Any, **attrs: Any) -> DType:
    return BOOL


def _single(x: Expr) -> DType:
    return np.dtype(np.float32)


def _of_first(x: Expr, *ids: Expr, **attrs: Any) -> DType:
    return x.dtype


def _counted(x: Expr, **attrs: Any) -> DType:
    return x.dtype if x.dtype.kind == "f" else np.dtype(np.int64)


def _index(*args: Any, **attrs: Any) -> DType:
    return np.dtype(np.int64)


def _asked(x: Expr, dtype: Any, **attrs: Any) -> DType:
    found: DType = np.dtype(dtype)
    return found


def _thrice(e: Expr) -> int:
    """A whole rule behind one word: its few intermediate arrays."""
    return 3 * prod(e.shape)


def _dozen(e: Expr) -> int:
    """Twelve arrays in double precision, whatever the operand's, of the cells that are worked out together."""
    return 12 * 8 * min(prod(e.shape), normal.SOME) // e.dtype.itemsize


def _reducer(ufunc: Any) -> Callable[..., Any]:
    return lambda x, axis, keepdims: ufunc.reduce(x, axis=axis, keepdims=keepdims)


_REDUCE: dict[str, Any] = {"axis": None, "keepdims": False}
_DIAGONAL = {"offset": 0, "axis1": 0, "axis2": 1}

_ROWS = (
    Prim("add", np.add, arrays=2, infix="+", precedence=50),
    Prim("subtract", np.subtract, arrays=2, infix="-", precedence=50),
    Prim("multiply", np.multiply, arrays=2, infix="*", precedence=60),
    Prim("divide", np.divide, arrays=2, infix="/", precedence=60),
    Prim("matmul", arrays.product, arrays=2, shape=_matmul, infix="@", precedence=60, why="product"),
    Prim("pow", arrays.power, arrays=2, infix="**", precedence=80),
    Prim("negative", np.negative, infix="-", precedence=70),
    *(
        Prim(name, getattr(np, name), arrays=2, dtype=_boolean, infix=OPS[name].infix, precedence=40)
        for name in ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
    ),
    Prim("logical_or", np.logical_or, arrays=2, dtype=_boolean, infix="or", precedence=20),
    Prim("logical_and", np.logical_and, arrays=2, dtype=_boolean, infix="and", precedence=25),
    Prim("logical_not", np.logical_not, dtype=_boolean, infix="not", precedence=30),
    *(
        Prim(name, getattr(np, name))
        for name in ("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "square", "abs", "sign", "sin", "cos",
                     "tan", "sinh", "cosh", "tanh", "floor", "round")
    ),
    *(Prim(name, getattr(normal, name), scratch=_dozen) for name in ("erf", "normal_cdf", "normal_pdf")),
    Prim("same", arrays.same, arrays=2, dtype=_boolean),
    *(
        Prim(name, getattr(np, name), arrays=2)
        for name in ("maximum", "minimum", "atan2", "hypot", "logaddexp")
    ),
    Prim("remainder", np.remainder, arrays=2, word="mod"),
    Prim("where", np.where, arrays=3, dtype=lambda condition, a, b: promoted(a, b)),
    Prim("astype", lambda x, dtype: x.astype(dtype), attrs={"dtype": ...}, dtype=_asked, source="{0}.astype({dtype})"),
    Prim("sum", _reducer(np.add), attrs=_REDUCE, shape=_reduced, dtype=_counted, source="{0}.sum({attrs})"),
    Prim("prod", _reducer(np.multiply), attrs=_REDUCE, shape=_reduced, dtype=_counted, source="{0}.prod({attrs})"),
    Prim("max", _reducer(np.maximum), attrs=_REDUCE, shape=_reduced, source="{0}.max({attrs})"),
    Prim("min", _reducer(np.minimum), attrs=_REDUCE, shape=_reduced, source="{0}.min({attrs})"),
    Prim(
        "reshape", lambda x, shape: x.reshape(shape), attrs={"shape": ...}, shape=_reshaped,
        source="{0}.reshape({shape})", view=True,
    ),
    Prim(
        "permute_dims", lambda x, axes: x.transpose(axes), attrs={"axes": ...},
        shape=lambda x, axes: tuple(x.shape[a] for a in axes),
        source="{0}.transpose({axes})", why="transpose", view=True, word="permute",
    ),
    Prim(
        "matrix_transpose", lambda x: x.mT, shape=lambda x: (*x.shape[:-2], x.shape[-1], x.shape[-2]),
        source="{0}.mT", why="transpose", view=True,
    ),
    Prim("expand_dims", np.expand_dims, attrs={"axis": ...}, shape=_expanded, view=True),
    Prim("squeeze", np.squeeze, attrs={"axis": ...}, shape=lambda x, axis: _reduced(x, axis, False), view=True),
    Prim("broadcast_to", np.broadcast_to, attrs={"shape": ...}, shape=_broadcast_to, view=True),
    Prim(
        "concat", lambda *xs, axis: np.concat(xs, axis=axis), arrays=-1, attrs={"axis": ...},
        shape=lambda *xs, axis: _resized(xs[0].shape, axis, sum(x.shape[axis] for x in xs)),
    ),
    Prim(
        "stack", lambda *xs, axis: np.stack(xs, axis=axis), arrays=-1, attrs={"axis": ...},
        shape=lambda *xs, axis: (*xs[0].shape[:axis], len(xs), *xs[0].shape[axis:]),
    ),
    Prim(
        "index", lambda x, key: x[decode_key(key)], attrs={"key": ...}, shape=_indexed, source="{0}[{key}]", view=True,
    ),
    Prim("place", arrays.place, attrs={"shape": ..., "key": ...}, shape=_given),
    Prim("diagonal", np.diagonal, attrs=_DIAGONAL, shape=_diagonal, view=True),
    Prim("on_diagonal", moves.on_diagonal, attrs={"shape": ..., **_DIAGONAL}, shape=_given),
    Prim("pad0", arrays.pad0, attrs={"widths": ..., "fill": 0.0}, shape=_padded, word="pad"),
    *(Prim(f"pad_{m}", partial(moves.pad_with, m), attrs={"widths": ...}, shape=_padded) for m in moves.MODES),
    *(
        Prim(f"unpad_{m}", partial(moves.unpad, m), attrs={"widths": ..., "shape": ...}, shape=_given)
        for m in moves.MODES
    ),
    Prim(
        "take", lambda x, ids, axis: np.take(x, ids, axis), arrays=2, attrs={"axis": ...}, dtype=_of_first,
        shape=lambda x, ids, axis: _resized(x.shape, axis, *ids.shape), word="gather",
    ),
    Prim(
        "scatter_add", arrays.scatter_add, arrays=2, attrs={"axis": ..., "size": ...}, dtype=_of_first,
        shape=lambda x, ids, axis, size: (*x.shape[:axis], size, *x.shape[axis + ids.ndim :]),
    ),
    Prim(
        "take_along_axis", np.take_along_axis, arrays=2, attrs={"axis": ...}, dtype=_of_first,
        shape=lambda x, ids, axis: broadcast(_resized(x.shape, axis, 1), ids.shape),
    ),
    Prim(
        "scatter_along_axis", arrays.scatter_along_axis, arrays=2, attrs={"axis": ..., "size": ...}, dtype=_of_first,
        shape=lambda x, ids, axis, size: _resized(broadcast(x.shape, ids.shape), axis, size),
    ),
    Prim("take_at", moves.take_at, arrays=-1, attrs={"key": ()}, shape=_taken, dtype=_of_first),
    Prim("add_at", moves.add_at, arrays=-1, attrs={"shape": ..., "key": ()}, shape=_given, dtype=_of_first),
    Prim("cast", lambda x, dtype: np.asarray(x, dtype), attrs={"dtype": ...}, dtype=_asked),
    *(Prim(name, getattr(moves, name), dtype=_single) for name in ("as_float16", "as_bfloat16")),
    Prim("flip", np.flip, attrs={"axis": ...}, view=True),
    Prim("roll", np.roll, attrs={"shift": ..., "axis": ...}),
    Prim("cumsum", np.cumsum, attrs={"axis": ...}, dtype=_counted),
    Prim("cumprod", np.cumprod, attrs={"axis": ...}, dtype=_counted),
    Prim("cummax", lambda x, axis: np.maximum.accumulate(x, axis=axis), attrs={"axis": ...}),
    Prim("argcummax", arrays.argcummax, attrs={"axis": ..., "first": False}, dtype=_index, scratch=_thrice),
    *(
        Prim(name, getattr(arrays, name), attrs={"axis": ...}, shape=_normed, dtype=_boolean, scratch=_thrice)
        for name in ("first_of", "last_of")
    ),
    Prim("argsort", arrays.argsort, attrs={"axis": ..., "descending": False}, dtype=_index),
    *(
        Prim(name, getattr(np, name), attrs=_REDUCE, shape=_reduced, dtype=_index) for name in ("argmax", "argmin")
    ),
    Prim("before", arrays.before, attrs={"axis": ...}),
    Prim("others", arrays.others, attrs={"axis": ...}, shape=_normed, scratch=_thrice),
    Prim(
        "between", arrays.between, attrs={"axis": ...},
        shape=lambda x, axis: _resized(x.shape, axis, x.shape[axis], x.shape[axis]),
    ),
    Prim("horner", arrays.horner, arrays=2, attrs={"axis": ...}),
    Prim(
        "one_hot", arrays.one_hot, attrs={"depth": ..., "dtype": ...}, dtype=_asked,
        shape=lambda ids, depth, dtype: (*ids.shape, depth),
    ),
    Prim(
        "tri", lambda rows, columns, k=0: np.tri(rows, columns, k, dtype=bool), arrays=0,
        attrs={"rows": ..., "columns": ..., "k": 0}, shape=lambda rows, columns, k: (rows, columns), dtype=_boolean,
    ),
    Prim(
        "arange", lambda start, stop, step: np.arange(start, stop, step), arrays=0, dtype=_index,
        attrs={"start": ..., "stop": ..., "step": 1}, shape=lambda start, stop, step: (len(range(start, stop, step)),),
    ),
    Prim(
        "full", lambda shape, value, dtype: np.full(shape, value, dtype), arrays=0, shape=_given,
        attrs={"shape": ..., "value": ..., "dtype": ...}, dtype=lambda shape, value, dtype: dtype,
    ),
    *windowed.ROWS,
    Prim("ones", np.ones_like),
    # Words for whole rules, so that the gradient of a loss reads as in a book: (softmax(Z) - one_hot(T)) * ∂L / 4.
    Prim("sigmoid", lambda x: activations.sigmoid(NUMPY, x), scratch=_thrice),
    Prim("softmax", lambda x, axis: reduce.softmax(NUMPY, x, axis), attrs={"axis": -1}, shape=_normed, scratch=_thrice),
    Prim(
        "log_softmax", lambda x, axis: reduce.log_softmax(NUMPY, x, axis), attrs={"axis": -1}, shape=_normed,
        scratch=_thrice,
    ),
    Prim(
        "norm", lambda x, axis, keepdims, p: reduce.p_norm(NUMPY, x, axis, keepdims, p), attrs={**_REDUCE, "p": 2.0},
        shape=lambda x, axis, keepdims, p: _reduced(x, axis, keepdims), scratch=lambda e: 2 * prod(e.args[0].shape),
    ),
    Prim("unit", lambda x, axis: reduce.unit(NUMPY, x, axis), attrs={"axis": -1}, shape=_normed, scratch=_thrice),
)  # fmt: skip

PRIMS: dict[str, Prim] = {row.name: row for row in _ROWS}


def _eager(prim: Prim) -> Callable[..., Any]:
    """The primitive as rules call it on real arrays: a list of operands, keywords by position or left out."""

    def call(*args: Any, **kwargs: Any) -> Any:
        operands, attrs = prim.bind(args, kwargs)
        return prim.run(*operands, **attrs)

    return call


NUMPY: SimpleNamespace = SimpleNamespace(**{row.name: _eager(row) if row.attrs else row.run for row in _ROWS})
"""The namespace on real arrays: what a rule is given where it is run as it stands (the tests' oracle)."""
