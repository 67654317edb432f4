"""What no gradient passes through, worked out once: shapes, masks, positions, and weights that are constants.

Each function is given NumPy arrays and ONNX's attributes; `room` is asked before an array is made that may be larger
than what it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from bpdebug.arrays import Array, DType, Shape
from bpdebug.importers.lowering import NoRule, refuse
from bpdebug.importers.onnx_graph.tensors import broadcast, held_as
from bpdebug.scenario.narrow import WIDENED
from bpdebug.symbolic.moves import as_bfloat16, as_float16

Room = Callable[[Shape, DType], None]
"""Raises E_LIMIT where an array of this shape and dtype is too large."""
Fold = Callable[..., Any]

FOLDS: dict[str, Fold] = {}
"""Op -> what it does to arrays: called with `room`, the inputs (None where one is left out), and the attributes."""


def _cells(function: Callable[..., Any]) -> Fold:
    """A function cell by cell, over operands that broadcast; the result has the first's dtype."""

    def apply(room: Room, *xs: Array, **attrs: Any) -> Any:
        room(broadcast(*(x.shape for x in xs)), xs[0].dtype)
        return np.asarray(function(*xs, **attrs)).astype(xs[0].dtype, copy=False)

    return apply


def _test(function: Callable[..., Any]) -> Fold:
    """The same, with a boolean result."""

    def apply(room: Room, *xs: Array) -> Any:
        room(broadcast(*(x.shape for x in xs)), np.dtype(np.bool_))
        return np.asarray(function(*xs), np.bool_)

    return apply


def _divided(a: Array, b: Array) -> Any:
    """Integers without the remainder, towards 0."""
    if a.dtype.kind == "f":
        return a / b
    refuse(bool((b != 0).all()), "integers by 0")
    return np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)) if a.dtype.kind == "i" else a // b


def _many(function: Callable[[Any, Any], Any]) -> Fold:
    return _cells(lambda *xs: reduce(function, xs))


def _mod(a: Array, b: Array, fmod: int = 0) -> Any:
    refuse(a.dtype.kind == "f" or bool((b != 0).all()), "integers by 0")
    return np.fmod(a, b) if fmod else np.mod(a, b)


_PLAIN: dict[str, Callable[..., Any]] = {
    "Neg": np.negative, "Abs": np.abs, "Sqrt": np.sqrt, "Exp": np.exp, "Log": np.log, "Floor": np.floor, "Sin": np.sin,
    "Cos": np.cos, "Ceil": np.ceil, "Round": np.round, "Sign": np.sign, "Reciprocal": np.reciprocal, "Tanh": np.tanh,
    "Identity": lambda x: x, "Relu": lambda x: np.maximum(x, 0), "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": _divided, "Mod": _mod,
}  # fmt: skip
_TESTS: dict[str, Callable[..., Any]] = {
    "Not": np.logical_not, "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor, "Equal": np.equal,
    "Less": np.less, "LessOrEqual": np.less_equal, "Greater": np.greater, "GreaterOrEqual": np.greater_equal,
    "IsNaN": np.isnan,
}  # fmt: skip
FOLDS |= {name: _cells(function) for name, function in _PLAIN.items()}
FOLDS |= {name: _test(function) for name, function in _TESTS.items()}
FOLDS |= {"Max": _many(np.maximum), "Min": _many(np.minimum), "Sum": _many(np.add)}


def fold(*names: str) -> Callable[[Fold], Fold]:
    """Puts a function into the table."""

    def put(function: Fold) -> Fold:
        FOLDS.update(dict.fromkeys(names, function))
        return function

    return put


@fold("Pow")
def _power(room: Room, a: Array, b: Array) -> Any:
    room(broadcast(a.shape, b.shape), a.dtype)
    refuse(a.dtype.kind == "f" or bool((b >= 0).all()), "a negative power of integers")
    return np.power(a, b).astype(a.dtype, copy=False)


@fold("Clip")
def _clip(room: Room, x: Array, least: Array | None = None, most: Array | None = None) -> Any:
    refuse(all(end is None or end.size == 1 for end in (least, most)), "bounds for each cell")
    x = x if least is None else np.maximum(x, least.reshape(()))
    return x if most is None else np.minimum(x, most.reshape(()))


@fold("Where")
def _where(room: Room, mask: Array, a: Array, b: Array) -> Any:
    room(broadcast(mask.shape, a.shape, b.shape), a.dtype)
    return np.where(mask, a, b).astype(a.dtype, copy=False)


def cast_to(x: Array, stored: str) -> Array:
    """An array of any shape as a type of the file has it: narrow floats are rounded, and held in float32."""
    refuse("8_" not in stored, f"a cast to {stored}")
    if stored in WIDENED:
        return as_float16(x) if stored == "float16" else as_bfloat16(x)
    return x.astype(held_as(stored))


def folded(op: str, room: Room, inputs: Sequence[Array | None], attrs: dict[str, Any]) -> list[Array]:
    """The outputs of a node whose inputs are known, of any shapes and dtypes.

    Raises NoRule where its attributes, or its numbers, are not covered.
    """
    try:
        with np.errstate(all="ignore"):
            found = FOLDS[op](room, *inputs, **attrs)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # whatever a damaged model asks of NumPy
        raise NoRule(f"{error}") from None
    return found if isinstance(found, list) else [np.asarray(found)]
