"""The array namespace that rules are written against: one row a word, and NumPy behind it.

The names are those of the Python array API standard (2024.12); the rest are extensions for the adjoints of
indexing and windows (`index` stands for `x[key]`), whose NumPy bodies are in `arrays.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from bpdebug.arrays import DType, Shape
from bpdebug.errors import ShapeError
from bpdebug.ops import activations, reduce
from bpdebug.symbolic import arrays
from bpdebug.symbolic.expr import Expr, Prim, broadcast, decode_key, result_dtype

Args = tuple[Any, ...]
Attrs = Mapping[str, Any]
Typed = tuple[Shape, DType]
BOOL = np.dtype(np.bool_)


def shape_of(x: Any) -> Shape:
    return x.shape if isinstance(x, Expr) else ()


def axes_of(axis: Any, rank: int) -> tuple[int, ...]:
    """The axes meant by None (all), an int or a tuple, counted from the start; ShapeError where out of range."""
    axes = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    out = []
    for a in axes:
        if not -rank <= a < rank:
            raise ShapeError(f"axis {a} is out of range for {rank} axes", hint=f"axes run from {-rank} to {rank - 1}")
        out.append(a % rank)
    if len(set(out)) < len(out):
        raise ShapeError(f"axis {axis} names an axis twice", hint="name each axis once")
    return tuple(out)


def _elementwise(args: Args, attrs: Attrs) -> Typed:
    return broadcast(*map(shape_of, args)), result_dtype(args)


def _test(args: Args, attrs: Attrs) -> Typed:
    return broadcast(*map(shape_of, args)), BOOL


def _where(args: Args, attrs: Attrs) -> Typed:
    return broadcast(*map(shape_of, args)), result_dtype(args[1:])


def _reduce(args: Args, attrs: Attrs) -> Typed:
    x, axis, keep = args[0], attrs["axis"], attrs["keepdims"]
    axes = axes_of(axis, x.ndim)
    shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape) if keep or a not in axes)
    return shape, x.dtype


def _sum(args: Args, attrs: Attrs) -> Typed:
    shape, dtype = _reduce(args, attrs)
    return shape, dtype if dtype.kind == "f" else np.dtype(np.int64)


def _matmul(args: Args, attrs: Attrs) -> Typed:
    a, b = args
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise ShapeError(f"{a.shape} @ {b.shape} do not fit", hint="the inner sizes must agree")
    return (*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), result_dtype(args)


def _transposed(args: Args, attrs: Attrs) -> Typed:
    shape = args[0].shape
    return (*shape[:-2], shape[-1], shape[-2]), args[0].dtype


def _permuted(args: Args, attrs: Attrs) -> Typed:
    return tuple(args[0].shape[a] for a in attrs["axes"]), args[0].dtype


def _shaped(args: Args, attrs: Attrs) -> Typed:
    return tuple(attrs["shape"]), args[0].dtype


def _reshaped(args: Args, attrs: Attrs) -> Typed:
    if prod(args[0].shape) != prod(attrs["shape"]):
        raise ShapeError(f"cannot reshape {args[0].shape} to {attrs['shape']}", hint="the cell counts must agree")
    return _shaped(args, attrs)


def _broadcasted(args: Args, attrs: Attrs) -> Typed:
    if broadcast(args[0].shape, attrs["shape"]) != tuple(attrs["shape"]):
        raise ShapeError(
            f"{args[0].shape} does not broadcast to {attrs['shape']}", hint="sizes must be equal, or 1 before"
        )
    return _shaped(args, attrs)


def _expanded(args: Args, attrs: Attrs) -> Typed:
    axis = attrs["axis"]
    rank = args[0].ndim + (1 if isinstance(axis, int) else len(axis))
    axes = axes_of(axis, rank)
    sizes = iter(args[0].shape)
    return tuple(1 if a in axes else next(sizes) for a in range(rank)), args[0].dtype


def _squeezed(args: Args, attrs: Attrs) -> Typed:
    axes = axes_of(attrs["axis"], args[0].ndim)
    return tuple(n for a, n in enumerate(args[0].shape) if a not in axes), args[0].dtype


def _concat(args: Args, attrs: Attrs) -> Typed:
    axis = attrs["axis"]
    first = args[0].shape
    return (*first[:axis], sum(a.shape[axis] for a in args), *first[axis + 1 :]), result_dtype(args)


def _stack(args: Args, attrs: Attrs) -> Typed:
    axis = attrs["axis"]
    first = args[0].shape
    return (*first[:axis], len(args), *first[axis:]), result_dtype(args)


def _index(args: Args, attrs: Attrs) -> Typed:
    x, key = args[0], decode_key(attrs["key"])
    if len(key) > x.ndim:
        raise ShapeError(f"{len(key)} indices for {x.ndim} axes", hint="give at most one index an axis")
    shape = []
    for axis, size in enumerate(x.shape):
        item = key[axis] if axis < len(key) else slice(None)
        if isinstance(item, slice):
            shape.append(len(range(*item.indices(size))))
        elif not -size <= item < size:
            raise ShapeError(
                f"index {item} is out of range for axis {axis} of {x.shape}",
                hint=f"{size} cells: {-size} to {size - 1}",
            )
    return tuple(shape), x.dtype


def _padded(args: Args, attrs: Attrs) -> Typed:
    return tuple(n + a + b for n, (a, b) in zip(args[0].shape, attrs["widths"], strict=True)), args[0].dtype


def _take(args: Args, attrs: Attrs) -> Typed:
    x, ids, axis = args[0], args[1], attrs["axis"]
    return (*x.shape[:axis], *ids.shape, *x.shape[axis + 1 :]), x.dtype


def _scattered(args: Args, attrs: Attrs) -> Typed:
    x, ids, axis = args[0], args[1], attrs["axis"]
    return (*x.shape[:axis], attrs["size"], *x.shape[axis + ids.ndim :]), x.dtype


def _along(args: Args, attrs: Attrs) -> Typed:
    x, ids, axis = args[0], args[1], attrs["axis"]
    one = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    return broadcast(one, ids.shape), x.dtype


def _scattered_along(args: Args, attrs: Attrs) -> Typed:
    shape = list(broadcast(args[0].shape, args[1].shape))
    shape[attrs["axis"]] = attrs["size"]
    return tuple(shape), args[0].dtype


def _one_hot(args: Args, attrs: Attrs) -> Typed:
    return (*args[0].shape, attrs["depth"]), np.dtype(attrs["dtype"])


def _unfold(args: Args, attrs: Attrs) -> Typed:
    x, size = args[0], attrs["size"]
    out = arrays.windows(x.shape[2:], size, attrs["stride"], attrs["padding"], attrs["dilation"])
    return (x.shape[0], prod(out), x.shape[1] * prod(size)), x.dtype


def _fold(args: Args, attrs: Attrs) -> Typed:
    return tuple(attrs["shape"]), args[0].dtype


def _normed(args: Args, attrs: Attrs) -> Typed:
    axes_of(attrs["axis"], args[0].ndim)
    return args[0].shape, args[0].dtype


def _padded_cells(args: Args, attrs: Attrs) -> int:
    """The padded copy that windows are cut from, or added back into."""
    shape = attrs.get("shape", args[0].shape)
    padded = [n + 2 * p for n, p in zip(shape[2:], attrs["padding"], strict=True)]
    return int(prod((*shape[:2], *padded)))


def _thrice(args: Args, attrs: Attrs) -> int:
    """A whole rule behind one word: its few intermediate arrays."""
    return 3 * int(prod(shape_of(args[0])))


def _tenfold(args: Args, attrs: Attrs) -> int:
    """Half a dozen arrays in double precision, of an operand in single precision too."""
    return 10 * int(prod(shape_of(args[0])))


def _reducer(ufunc: Any) -> Callable[..., Any]:
    return lambda x, axis, keepdims: ufunc.reduce(x, axis=axis, keepdims=keepdims)


_REDUCE: dict[str, Any] = {"axis": None, "keepdims": False}
_WINDOW: dict[str, Any] = dict.fromkeys(("size", "stride", "padding", "dilation"), ...)

_ROWS = (
    Prim("add", _elementwise, np.add, arrays=2, infix="+", precedence=50),
    Prim("subtract", _elementwise, np.subtract, arrays=2, infix="-", precedence=50),
    Prim("multiply", _elementwise, np.multiply, arrays=2, infix="*", precedence=60),
    Prim("divide", _elementwise, np.divide, arrays=2, infix="/", precedence=60),
    Prim("matmul", _matmul, arrays.product, arrays=2, infix="@", precedence=60, why="product"),
    Prim("pow", _elementwise, lambda x, y: x**y, arrays=2, infix="**", precedence=80),
    Prim("negative", _elementwise, np.negative, infix="-", precedence=70),
    *(
        Prim(name, _test, getattr(np, name), arrays=2, infix=sign, precedence=40)
        for name, sign in (
            ("less", "<"),
            ("less_equal", "<="),
            ("greater", ">"),
            ("greater_equal", ">="),
            ("equal", "=="),
            ("not_equal", "!="),
        )
    ),
    *(
        Prim(name, _elementwise, getattr(np, name))
        for name in ("exp", "expm1", "log", "log1p", "sqrt", "square", "abs", "sign", "sin", "cos", "tanh")
    ),
    *(
        Prim(name, _elementwise, getattr(arrays, name), scratch=_tenfold)
        for name in ("erf", "normal_cdf", "normal_pdf")
    ),
    Prim("same", _test, arrays.same, arrays=2),
    *(Prim(name, _elementwise, getattr(np, name), arrays=2) for name in ("maximum", "minimum")),
    Prim("where", _where, np.where, arrays=3),
    Prim(
        "astype",
        lambda args, attrs: (args[0].shape, np.dtype(attrs["dtype"])),
        lambda x, dtype: x.astype(dtype),
        attrs={"dtype": ...},
        source="{0}.astype({dtype})",
    ),
    Prim("sum", _sum, _reducer(np.add), attrs=_REDUCE, source="{0}.sum({attrs})"),
    Prim("max", _reduce, _reducer(np.maximum), attrs=_REDUCE, source="{0}.max({attrs})"),
    Prim("min", _reduce, _reducer(np.minimum), attrs=_REDUCE, source="{0}.min({attrs})"),
    Prim(
        "reshape",
        _reshaped,
        lambda x, shape: x.reshape(shape),
        attrs={"shape": ...},
        source="{0}.reshape({shape})",
        view=True,
    ),
    Prim(
        "permute_dims",
        _permuted,
        lambda x, axes: x.transpose(axes),
        attrs={"axes": ...},
        source="{0}.transpose({axes})",
        why="transpose",
        view=True,
        word="permute",
    ),
    Prim("matrix_transpose", _transposed, lambda x: x.mT, source="{0}.mT", why="transpose", view=True),
    Prim("expand_dims", _expanded, np.expand_dims, attrs={"axis": ...}, view=True),
    Prim("squeeze", _squeezed, np.squeeze, attrs={"axis": ...}, view=True),
    Prim("broadcast_to", _broadcasted, np.broadcast_to, attrs={"shape": ...}, view=True),
    Prim("concat", _concat, lambda *xs, axis: np.concat(xs, axis=axis), arrays=-1, attrs={"axis": ...}),
    Prim("stack", _stack, lambda *xs, axis: np.stack(xs, axis=axis), arrays=-1, attrs={"axis": ...}),
    Prim("index", _index, lambda x, key: x[decode_key(key)], attrs={"key": ...}, source="{0}[{key}]", view=True),
    Prim("place", _shaped, arrays.place, attrs={"shape": ..., "key": ...}),
    Prim("pad0", _padded, arrays.pad0, attrs={"widths": ...}, word="pad"),
    Prim("take", _take, arrays.take, arrays=2, attrs={"axis": ...}, word="gather"),
    Prim("scatter_add", _scattered, arrays.scatter_add, arrays=2, attrs={"axis": ..., "size": ...}),
    Prim("take_along_axis", _along, np.take_along_axis, arrays=2, attrs={"axis": ...}),
    Prim("scatter_along_axis", _scattered_along, arrays.scatter_along_axis, arrays=2, attrs={"axis": ..., "size": ...}),
    Prim("one_hot", _one_hot, arrays.one_hot, attrs={"depth": ..., "dtype": ...}),
    Prim(
        "tri",
        lambda args, attrs: ((attrs["rows"], attrs["columns"]), BOOL),
        arrays.tri,
        arrays=0,
        attrs={"rows": ..., "columns": ...},
    ),
    Prim("unfold", _unfold, arrays.unfold, attrs={**_WINDOW, "fill": 0.0}, scratch=_padded_cells),
    Prim("fold", _fold, arrays.fold, attrs={"shape": ..., **_WINDOW}, scratch=_padded_cells),
    # Words for whole rules, so that the gradient of a loss reads as in a book: (softmax(Z) - one_hot(T)) * ∂L / 4.
    Prim("sigmoid", _elementwise, lambda x: activations.sigmoid(NUMPY, x), scratch=_thrice),
    Prim("softmax", _normed, lambda x, axis: reduce.softmax(NUMPY, x, axis), attrs={"axis": -1}, scratch=_thrice),
    Prim(
        "log_softmax", _normed, lambda x, axis: reduce.log_softmax(NUMPY, x, axis), attrs={"axis": -1}, scratch=_thrice
    ),
)

PRIMS: dict[str, Prim] = {row.name: row for row in _ROWS}


def _eager(prim: Prim) -> Callable[..., Any]:
    """The primitive as rules call it on real arrays: a list of operands, keywords by position or left out."""

    def call(*args: Any, **kwargs: Any) -> Any:
        operands, rest = (args[0], args[1:]) if prim.arrays < 0 else (args[: prim.arrays], args[prim.arrays :])
        return prim.run(*operands, **{**prim.attrs, **dict(zip(prim.attrs, rest, strict=False)), **kwargs})

    return call


NUMPY: SimpleNamespace = SimpleNamespace(**{row.name: _eager(row) if row.attrs else row.run for row in _ROWS})
"""The namespace on real arrays: what a rule is given where it is run as it stands (the tests' oracle)."""
