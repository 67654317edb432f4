"""Expressions as calls of a library's words: what generated code is made of where arrays are not NumPy's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bpdebug.arrays import DType
from bpdebug.symbolic import PRIMS, Expr, TraceError, walk
from bpdebug.symbolic.expr import promoted
from bpdebug.symbolic.text import Names


class Half(NamedTuple):
    """A dtype of half precision, which NumPy may not have, as an attribute in code."""

    name: str


PROMOTE = {
    *(name for name, row in PRIMS.items() if row.arrays == 2 and row.infix and not row.infix.isalpha()),
    "maximum", "minimum", "atan2", "hypot", "logaddexp", "remainder", "concat", "stack", "where", "same", "horner",
}  # fmt: skip
"""Words whose operands become one dtype first, by NumPy's rule: other libraries have others, or none."""
BOOL = np.dtype(np.bool_)
NUMBERS = {math.inf: "inf", -math.inf: "-inf"}


def literal(value: Any) -> str:
    """An attribute or a number as code; the one gate for values, by exact type; TraceError for others."""
    if value is ... or (type(value) is str and value == "..."):
        return "..."
    if type(value) is float and not math.isfinite(value):
        return NUMBERS.get(value, "nan")
    if type(value) in (bool, int, float, type(None)):
        return repr(value)
    if isinstance(value, np.dtype) or type(value) is Half:
        return value.name
    if type(value) is tuple:
        return "(" + "".join(f"{literal(item)}, " for item in value) + ")"
    raise TraceError(f"a rule used {type(value).__name__} as an attribute")


def call(expr: Any, names: Names) -> str:
    """An expression as code: signs where Python has one, else a word of the library with all its keywords.

    `names` gives a leaf's (or a kept subexpression's) text, else None. Raises TraceError where a leaf has none.
    """
    if not isinstance(expr, Expr):
        return literal(expr)
    known = names(expr)
    if known is not None:
        return known
    prim = expr.prim
    if prim is None:
        raise TraceError(f"leaf {expr.name!r} has no name here")
    args = [call(a, names) for a in expr.args]
    if prim.infix and not prim.infix.isalpha():
        return f"({args[0]} {prim.infix} {args[1]})" if len(args) == 2 else f"({prim.infix}{args[0]})"
    return f"xp.{prim.name}({', '.join([*args, *(f'{key}={literal(v)}' for key, v in expr.attrs.items())])})"


def one_dtype(targets: Sequence[Expr]) -> list[Expr]:
    """The same expressions with every promotion written out as a cast."""
    made: dict[int, Expr] = {}
    for e in walk(*targets):
        args = tuple(made[id(a)] if isinstance(a, Expr) else a for a in e.args)
        if e.applies in PROMOTE:
            args = _promoted(e, args)
        changed = any(a is not b for a, b in zip(args, e.args, strict=True))
        made[id(e)] = Expr(e.trace, e.prim, args, e.attrs, e.shape, e.dtype) if changed else e
    return [made[id(e)] for e in targets]


def _promoted(e: Expr, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Operands of one dtype; what a choice is made by, and one of two numbers it is made between, as an array."""
    free = tuple(a if isinstance(a, Expr) else _full(e, a, BOOL) for a in args[:1]) if e.applies == "where" else ()
    args = args[len(free) :]
    dtype = promoted(*args)
    if free and not any(isinstance(a, Expr) for a in args):
        args = (_full(e, args[0], dtype), *args[1:])
    return (*free, *(_cast(a, dtype) if isinstance(a, Expr) and a.dtype != dtype else a for a in args))


def _full(e: Expr, value: Any, dtype: DType) -> Expr:
    return Expr(e.trace, PRIMS["full"], (), {"shape": (), "value": value, "dtype": dtype}, (), dtype)


def _cast(a: Expr, dtype: DType) -> Expr:
    return Expr(a.trace, PRIMS["astype"], (a,), {"dtype": dtype}, a.shape, dtype)
