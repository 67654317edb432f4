"""Operators and functions: for each the kind of its result, checked first, and what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpdebug.arrays import Array, Shape
from bpdebug.engine.stats import two_norm
from bpdebug.expression.kinds import NUMBER, TENSOR, TEXT, TUPLE, Kind, as_array, computed, constant, number_dtype
from bpdebug.expression.numbers import ARITHMETIC, COMPARISONS
from bpdebug.expression.tokens import refuse

Run = Callable[..., Any]

_UFUNCS: dict[str, Run] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.true_divide, "//": np.floor_divide, "%": np.remainder,
    "**": np.power, "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater,
    ">=": np.greater_equal,
}  # fmt: skip
_OPERATORS = {**ARITHMETIC, **COMPARISONS}


def wrapped(function: Run) -> Run:
    """The same with its result as an array: NumPy makes a scalar of an array without axes, with other bits."""
    return lambda *args: np.asarray(function(*args))


def spelt(error: Exception) -> str:
    """What NumPy says is wrong, on one line and without its advice."""
    return str(error).splitlines()[0].split(", use the")[0] if str(error) else type(error).__name__


# --- operators ----------------------------------------------------------------------------------------------------


def binary(op: str, a: Kind, b: Kind, column: int) -> tuple[Kind, Run]:
    """`a op b`: the kind of the result and the function that computes it."""
    if op == "@":
        return _matmul(a, b, column)
    plain = {TUPLE, TEXT} & {a.kind, b.kind}
    if plain:
        return _compare_plain(op, a, b, column)
    try:
        with np.errstate(all="ignore"):
            if TENSOR not in (a.kind, b.kind):
                if op == "/" and a.constant and b.constant and b.value == 0:
                    raise ZeroDivisionError
                found = _OPERATORS[op](a.sample(), b.sample())
                return Kind(NUMBER, dtype=number_dtype(found)), _OPERATORS[op]
            dtype = _sampled(op, a, b).dtype
    except (TypeError, ValueError, ArithmeticError) as error:
        raise refuse(_why_not(op, a, b, error), column, _hint(op, a, b)) from None
    shape = _broadcast(op, a, b, column)
    if op == "**":
        return computed(shape, dtype), wrapped(_power)
    return computed(shape, dtype), _UFUNCS[op] if shape else wrapped(_UFUNCS[op])


def _sampled(op: str, a: Kind, b: Kind) -> Any:
    x, y = a.sample(), b.sample()
    return _power(x, y) if op == "**" else _UFUNCS[op](x, y)


def _power(x: Any, y: Any) -> Any:
    """Python's operator and not NumPy's function: it takes a shortcut for squares, as the engine does."""
    return x**y


def _why_not(op: str, a: Kind, b: Kind, error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if op == "-" and isinstance(error, TypeError):
        return "- of two boolean tensors"
    if op == "**" and isinstance(error, ValueError) and TENSOR in (a.kind, b.kind):
        return "integers to a negative power"
    if isinstance(error, OverflowError):
        return "the number is too large"
    return f"{op}: {spelt(error)}"


def _hint(op: str, a: Kind, b: Kind) -> str:
    kinds = {k.dtype.kind for k in (a, b) if k.dtype is not None}
    return "compare them with !=" if op == "-" and kinds == {"b"} else ""


def _broadcast(op: str, a: Kind, b: Kind, column: int) -> Shape:
    try:
        return np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise refuse(
            f"{a.shape} {op} {b.shape}: the shapes do not broadcast", column, "compare them with whatis"
        ) from None


def _compare_plain(op: str, a: Kind, b: Kind, column: int) -> tuple[Kind, Run]:
    """Texts and tuples: equal or not, nothing else."""
    if op in ("==", "!=") and a.kind == b.kind:
        return Kind(NUMBER, dtype=number_dtype(True)), COMPARISONS[op]
    hint = 'a name stands in quotes: node == "Y"' if TEXT in (a.kind, b.kind) else "compare shapes: Y.shape == (2, 3)"
    raise refuse(f"{op} of {a} and {b}", column, hint)


def _matmul(a: Kind, b: Kind, column: int) -> tuple[Kind, Run]:
    if a.kind != TENSOR or b.kind != TENSOR or not a.shape or not b.shape:
        raise refuse(f"@ of {a} and {b}", column, "@ multiplies matrices; numbers multiply with *")
    left = a.shape if len(a.shape) > 1 else (1, *a.shape)
    right = b.shape if len(b.shape) > 1 else (*b.shape, 1)
    if left[-1] != right[-2]:
        raise refuse(
            f"{a.shape} @ {b.shape}: inner sizes {left[-1]} and {right[-2]} differ", column, _transpose_hint(a, b)
        )
    try:
        batch = np.broadcast_shapes(left[:-2], right[:-2])
    except ValueError:
        raise refuse(f"{a.shape} @ {b.shape}: batch axes {left[:-2]} and {right[:-2]} do not fit", column) from None
    shape = batch + (left[-2:-1] if len(a.shape) > 1 else ()) + (right[-1:] if len(b.shape) > 1 else ())
    return computed(shape, np.matmul(a.sample(), b.sample()).dtype), wrapped(np.matmul)


def _transpose_hint(a: Kind, b: Kind) -> str:
    if len(a.shape) == len(b.shape) == 2:
        if a.shape[1] == b.shape[1]:
            return "the transpose of the right one fits: A @ B.T"
        if a.shape[0] == b.shape[0]:
            return "the transpose of the left one fits: A.T @ B"
    return ""


def unary(op: str, a: Kind, column: int) -> tuple[Kind, Run]:
    """Minus and plus; `not` is for the truth of a whole expression."""
    if op == "not":
        check_truth(a, column)
        return Kind(NUMBER, dtype=number_dtype(True)), lambda x: not x
    if a.kind in (TUPLE, TEXT):
        raise refuse(f"{op} of {a}", column)
    if a.kind == NUMBER:
        run: Run = (lambda x: -x) if op == "-" else (lambda x: +x)
        return Kind(NUMBER, dtype=number_dtype(run(a.sample()))), run
    if a.dtype is not None and a.dtype.kind == "b":
        raise refuse(f"{op} of a boolean tensor", column, "compare it: X == False")
    ufunc = np.negative if op == "-" else np.positive
    return computed(a.shape, a.dtype or number_dtype(0.0)), ufunc if a.shape else wrapped(ufunc)


def check_truth(kind: Kind, column: int) -> None:
    """E_EXPR where a kind is neither true nor false: texts, tuples, tensors of several cells."""
    if kind.kind in (TUPLE, TEXT):
        raise refuse(f"{kind} is neither true nor false", column, "compare it with ==")
    if kind.size != 1:
        raise refuse(f"{kind} is neither true nor false", column, "write any(...) or all(...)")


# --- attributes ---------------------------------------------------------------------------------------------------


def attribute(name: str, a: Kind, column: int) -> tuple[Kind, Run]:
    """`.T` as in programs: the last two axes; `.shape` and `.dtype` are known without computing."""
    if a.kind in (TUPLE, TEXT):
        raise refuse(f".{name} of {a}", column)
    if name == "shape":
        return constant(a.shape), lambda x: a.shape
    if name == "dtype":
        return constant(str(a.dtype)), lambda x: str(a.dtype)
    if len(a.shape) < 2:
        raise refuse(f".T of {a}", column, "it swaps the last two axes, and needs two")
    shape = (*a.shape[:-2], a.shape[-1], a.shape[-2])
    return Kind(TENSOR, shape, a.dtype, held=a.held), np.matrix_transpose


def take(kind: Kind, places: list[Any], columns: list[int]) -> tuple[Kind, Run]:
    """Indexing: the kind of the result, and what runs; E_EXPR for a place that does not exist."""
    if kind.kind == TUPLE and kind.constant and len(places) == 1 and places[0] is not ...:
        try:
            return constant(kind.value[places[0]]), lambda x: x[places[0]]
        except (IndexError, ValueError) as error:
            raise refuse(f"{spelt(error)}: {kind.value}", columns[0]) from None
    if kind.kind != TENSOR:
        raise refuse(f"an index into {kind}", columns[0])
    rank, given = len(kind.shape), [p for p in places if p is not ...]
    if len(given) > rank or len(places) - len(given) > 1:
        raise refuse(f"{len(given)} indices for {rank} axes of shape {kind.shape}", columns[-1])
    axis = 0
    for place, column in zip(places, columns, strict=True):
        if type(place) is int and not -kind.shape[axis] <= place < kind.shape[axis]:
            size = kind.shape[axis]
            hint = f"it has {size} cells: 0 to {size - 1}, or -1 from the end" if size else "it has no cells"
            raise refuse(f"index {place} is out of range for axis {axis} of {kind.shape}", column, hint)
        if isinstance(place, slice) and place.step == 0:
            raise refuse("a slice cannot step by 0", column)
        axis = axis + 1 if place is not ... else rank - (len(given) - axis)
    key = tuple(places)
    shape = np.broadcast_to(np.empty((), np.bool_), kind.shape)[key].shape
    return Kind(TENSOR, shape, kind.dtype, held=kind.held), lambda x: np.asarray(x[key])


# --- functions ----------------------------------------------------------------------------------------------------

Axis = tuple[int, ...] | None


def call(function: str, a: Kind, axis: Axis, keepdims: bool, column: int) -> tuple[Kind, Run]:
    """One of FUNCTIONS; `axis` is checked and counted from 0."""
    if a.kind in (TUPLE, TEXT):
        raise refuse(f"{function} of {a}", column, "it takes a tensor")
    if function in ("size", "rank"):
        found = a.size if function == "size" else len(a.shape)
        return constant(found), lambda x: found
    if function == "zeros":
        return Kind(NUMBER, dtype=number_dtype(0)), lambda x: _zeros(np.asarray(x))
    if function in _CELLWISE:
        return _cellwise(function, a)
    return _reduction(function, a, axis, keepdims, column)


_CELLWISE: dict[str, Run] = {"abs": np.abs, "isnan": np.isnan, "isinf": np.isinf}
_REDUCTIONS: dict[str, Run] = {
    "max": np.max, "min": np.min, "mean": np.mean, "sum": np.sum, "any": np.any, "all": np.all,
}  # fmt: skip


def _zeros(x: Array) -> int:
    return int(x.size - np.count_nonzero(x))


def _cellwise(function: str, a: Kind) -> tuple[Kind, Run]:
    ufunc = _CELLWISE[function]
    if a.kind == NUMBER:
        found = abs if function == "abs" else lambda x: bool(ufunc(as_array(x)))
        return Kind(NUMBER, dtype=number_dtype(found(a.sample()))), found
    dtype = ufunc(a.sample()).dtype
    return computed(a.shape, dtype), ufunc if a.shape else wrapped(ufunc)


def _reduction(function: str, a: Kind, axis: Axis, keepdims: bool, column: int) -> tuple[Kind, Run]:
    axes = range(len(a.shape)) if axis is None else axis
    if function in ("max", "min", "mean") and any(a.shape[i] == 0 for i in axes):
        raise refuse(f"{function} of no cells: the shape is {a.shape}", column)
    shape = tuple(1 if i in axes else n for i, n in enumerate(a.shape) if keepdims or i not in axes)
    cell = as_array(a.sample())
    if function == "norm":
        dtype = cell.dtype if cell.dtype.kind == "f" else np.dtype(np.float64)
        return computed(shape, dtype), lambda x: np.asarray(_norm(as_array(x), axis, keepdims), dtype)
    reduce = _REDUCTIONS[function]
    dtype = np.asarray(reduce(cell)).dtype
    if axis is None and not keepdims:
        return computed(shape, dtype), lambda x: np.asarray(reduce(as_array(x)))
    return computed(shape, dtype), lambda x: np.asarray(reduce(as_array(x), axis=axis, keepdims=keepdims))


def _norm(x: Array, axis: Axis, keepdims: bool) -> Any:
    """The 2-norm along axes, scaled like the norm of a whole tensor."""
    if axis is None and not keepdims:
        return two_norm(x)
    cells = np.abs(x.astype(np.float64, copy=False))
    top = np.max(cells, axis=axis, keepdims=True, initial=0.0)
    scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
    found = np.sqrt(np.sum(np.square(cells / scale), axis=axis, keepdims=True)) * scale
    return found if keepdims else np.squeeze(found, axis=axis)


def one_axis(value: Any, rank: int, column: int) -> int:
    """An axis counted from 0; E_EXPR where there is none."""
    if type(value) is not int or not -rank <= value < rank:
        hint = f"axes run from 0 to {rank - 1}" if rank else "it has no axes"
        raise refuse(f"axis {value} of {rank} axes", column, hint)
    return value % rank
