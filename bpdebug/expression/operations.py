"""Operators, indices and calls on what is known of their operands: the kind of the result, and the function that runs.

What an op takes is said by the op, in the words it has for programs. Where something is only looked at, arithmetic is
NumPy's: integers, booleans and floats meet, as they must not in a program, which has gradients.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from bpdebug.arrays import Shape, decode_key
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.expression.compiled import Run, spelt
from bpdebug.expression.functions import FUNCTIONS, LENIENT
from bpdebug.expression.kinds import (
    NUMBER,
    TENSOR,
    TEXT,
    TUPLE,
    Kind,
    as_array,
    computed,
    constant,
    number,
    number_dtype,
)
from bpdebug.expression.numbers import PLAIN
from bpdebug.far import Far
from bpdebug.graph import check_dtypes
from bpdebug.language.constants import ARITHMETIC, COMPARISONS
from bpdebug.language.tokens import refuse
from bpdebug.language.words import BY_SIGN
from bpdebug.ops import OPS, Op
from bpdebug.ops.axes import axes_of
from bpdebug.symbolic import NUMPY, trace, walk
from bpdebug.symbolic import compile as code
from bpdebug.symbolic.expr import broadcast

_ON_ARRAYS: dict[str, Run] = {**ARITHMETIC, **COMPARISONS, "//": operator.floordiv, "%": operator.mod, "@": np.matmul}


def wrapped(function: Run) -> Run:
    """The same with its result as an array: NumPy makes a scalar of an array without axes, with other bits."""
    return lambda *args: as_array(function(*args))


@contextmanager
def placed(column: int | None = None) -> Iterator[None]:
    """What the language and the ops refuse, as an error of an expression with its column, where there is one."""
    try:
        yield
    except BpdebugError as error:
        if error.column is not None:
            raise
        raise refuse(error.message, column, error.hint) from None


# --- operators ----------------------------------------------------------------------------------------------------


def binary(op: str, a: Kind, b: Kind, column: int) -> tuple[Kind, Run]:
    """`a op b`: the kind of the result and the function that computes it; E_EXPR where they do not fit."""
    if {TUPLE, TEXT} & {a.kind, b.kind}:
        return _compare_plain(op, a, b, column)
    try:
        with np.errstate(all="ignore"), placed(column):
            if op == "@":
                shape = _product(a.shape, b.shape)
            elif TENSOR not in (a.kind, b.kind):
                if op == "/" and a.constant and b.constant and b.value == 0:
                    raise ZeroDivisionError
                found = PLAIN[op](a.sample(), b.sample())
                return number(found), PLAIN[op]
            else:
                shape = broadcast(a.shape, b.shape)
            dtype = np.asarray(_ON_ARRAYS[op](a.sample(), b.sample())).dtype
    except (TypeError, ValueError, ArithmeticError) as error:
        raise _refused(op, a, b, error, column) from None
    return computed(shape, dtype), _ON_ARRAYS[op] if shape else wrapped(_ON_ARRAYS[op])


def _product(a: Shape, b: Shape) -> Shape:
    """The shape of a @ b; one axis alone is a row on the left and a column on the right, as in NumPy."""
    left, right = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    OPS["matmul"].check(left, right)
    rows, columns = left[-2:-1] if len(a) > 1 else (), right[-1:] if len(b) > 1 else ()
    return (*broadcast(left[:-2], right[:-2]), *rows, *columns)


def _refused(op: str, a: Kind, b: Kind, error: Exception, column: int) -> CommandError:
    """What neither Python nor NumPy does with operands, in the op's words where it does not take them either."""
    if TENSOR in (a.kind, b.kind) and op in BY_SIGN:
        with placed(column):
            check_dtypes(BY_SIGN[op], [_typed(a), _typed(b)])
    known: dict[type[Exception], str] = {
        ZeroDivisionError: "division by zero",
        OverflowError: "the number is too large",
    }
    return refuse(known.get(type(error)) or f"{op}: {spelt(error)}", column)


def _typed(kind: Kind) -> Any:
    """A number that is known as it is, and of anything else shape and dtype."""
    return kind.value if kind.kind == NUMBER and kind.constant else (kind.shape, kind.dtype)


def _compare_plain(op: str, a: Kind, b: Kind, column: int) -> tuple[Kind, Run]:
    """Texts and tuples: equal or not, nothing else."""
    if op in ("==", "!=") and a.kind == b.kind:
        return number(True), COMPARISONS[op]
    hint = 'a name stands in quotes: node == "Y"' if TEXT in (a.kind, b.kind) else "compare shapes: Y.shape == (2, 3)"
    raise refuse(f"{op} of {a} and {b}", column, hint)


def unary(op: str, a: Kind, column: int) -> tuple[Kind, Run]:
    """Minus and plus; `not` is for the truth of a whole expression; E_EXPR for texts and tuples."""
    if op == "not" and is_mask(a):
        return computed(a.shape, np.dtype(np.bool_)), np.logical_not
    if op == "not":
        check_truth(a, column)
        return number(True), operator.not_
    run: Run = operator.neg if op == "-" else operator.pos
    if a.kind in (TUPLE, TEXT):
        raise refuse(f"{op} of {a}", column)
    if a.kind == NUMBER:
        return number(run(a.sample())), run
    if a.dtype is not None and a.dtype.kind == "b":
        with placed(column):
            check_dtypes(OPS["neg"], [(a.shape, a.dtype)])
    return computed(a.shape, a.dtype or number_dtype(0.0)), run if a.shape else wrapped(run)


def is_mask(kind: Kind) -> bool:
    """Whether a kind is a mask of several cells, which is neither true nor false as a whole."""
    return kind.kind == TENSOR and kind.dtype == np.bool_ and kind.size != 1


def check_truth(kind: Kind, column: int) -> None:
    """E_EXPR where a kind is neither true nor false: texts, tuples, tensors of several cells."""
    if kind.kind in (TUPLE, TEXT):
        raise refuse(f"{kind} is neither true nor false", column, "compare it with ==")
    if kind.size != 1:
        raise refuse(f"{kind} is neither true nor false", column, "write any(...) or all(...)")


# --- attributes and indices ---------------------------------------------------------------------------------------


def attribute(name: str, a: Kind, column: int) -> tuple[Kind, Run]:
    """`.T` of the last two axes, as in programs; `.shape` and `.dtype`; E_EXPR for texts and tuples."""
    if a.kind in (TUPLE, TEXT):
        raise refuse(f".{name} of {a}", column)
    if name == "shape":
        return constant(a.shape), lambda x: a.shape
    if name == "dtype":
        return constant(str(a.dtype)), lambda x: str(a.dtype)
    with placed(column):
        OPS["transpose"].check(a.shape)
    shape = (*a.shape[:-2], a.shape[-1], a.shape[-2])
    return Kind(TENSOR, shape, a.dtype, held=a.held), lambda x: x.mT


def take(kind: Kind, key: tuple[Any, ...], columns: Sequence[int]) -> tuple[Kind, Run]:
    """Indexing by plain data: the kind of the result, and what runs; E_EXPR for a place that does not exist."""
    if kind.kind == TUPLE and kind.constant and len(key) == 1 and key[0] != "...":
        place = decode_key(key)[0]
        try:
            return constant(kind.value[place]), lambda x: x[place]
        except (IndexError, ValueError) as error:
            raise refuse(f"{spelt(error)}: {kind.value}", columns[0]) from None
    if kind.kind != TENSOR:
        raise refuse(f"an index into {kind}", columns[0])
    for i, column in enumerate(columns):
        with placed(column):
            OPS["slice"].check(kind.shape, key[: i + 1])
    places = decode_key(key)
    shape = np.broadcast_to(np.empty((), np.bool_), kind.shape)[places].shape
    return Kind(TENSOR, shape, kind.dtype, held=kind.held), lambda x: as_array(x[places])


# --- calls --------------------------------------------------------------------------------------------------------


def call(op: Op, operands: Sequence[Kind], attrs: Mapping[str, Any], column: int) -> tuple[Kind, Run]:
    """A call of an op or of one of FUNCTIONS: the kind of the result, and what runs; E_EXPR where it does not fit."""
    for kind in operands:
        if kind.kind in (TUPLE, TEXT):
            raise refuse(f"{op.name} of {kind}", column, "it takes a tensor")
    attrs = op.of_value(attrs)
    with placed(column):
        if op.name in FUNCTIONS or op.name in LENIENT:
            return _looked_at(op, operands[0], attrs)
        return _traced(op, operands, attrs, column)


def _looked_at(op: Op, a: Kind, attrs: Mapping[str, Any]) -> tuple[Kind, Run]:
    """Functions of one operand of any dtype: what NumPy makes of one cell is what it makes of all."""
    op.check(a.shape, **attrs)

    def run(x: Any) -> Any:
        return op.forward(NUMPY, as_array(x), **attrs)

    if op.name in ("size", "rank"):
        found = a.size if op.name == "size" else len(a.shape)
        return constant(found), lambda x: found
    if op.name == "zeros":
        return number(0), run
    if "axis" not in attrs and a.kind == NUMBER:
        plain: Run = abs if op.name == "abs" else lambda x: bool(run(x))
        return number(plain(a.sample())), plain
    shape = a.shape
    if "axis" in attrs:
        axes = axes_of(attrs["axis"], a.shape)
        shape = tuple(1 if i in axes else n for i, n in enumerate(a.shape) if attrs["keepdims"] or i not in axes)
    return computed(shape, np.asarray(run(a.sample())).dtype), wrapped(run)


def _traced(op: Op, operands: Sequence[Kind], attrs: Mapping[str, Any], column: int) -> tuple[Kind, Run]:
    """What the op's rule, traced for these operands, gives; the function is the one that the engine runs."""
    if op.is_drawn(len(operands)):
        raise refuse(f"{op.name} draws a mask", column, "name what the program drew: Y.mask")
    if operands and not any(k.kind == TENSOR for k in operands):
        raise refuse(f"{op.name} needs a tensor", column, "write the number that it gives")
    typed = [_typed(k) for k in operands]
    check_dtypes(op, typed)
    op.check(*(k.shape for k in operands), **attrs)
    plan = trace(op, typed, attrs)
    held = sum(e.nbytes for e in walk(plan.value) if e.prim is not None)
    forward, numbers = code.forward(plan), range(len(operands))

    def run(*arrays: Any) -> Any:
        values = [*map(as_array, arrays), None]
        if any(isinstance(x, Far) for x in values):
            return plan.evaluate(plan.value, plan.leaves(values[:-1]))
        forward(values, len(arrays), *numbers)
        return values[-1]

    kind = Kind(TENSOR, plan.shape, plan.dtype, held=held)
    return kind, run
