"""Expressions as text: the one writer of formulas, in every dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from bpdebug.arrays import is_list
from bpdebug.symbolic.arrays import is_long, is_product
from bpdebug.symbolic.expr import Expr, Prim, TraceError
from bpdebug.symbolic.notation import FORMULA, Dialect

ATOM, POSTFIX, POWER, FRACTION, UNARY, PRODUCT, SUM, COMPARISON = 100, 90, 80, 75, 70, 60, 50, 40
Names = Callable[[Expr], str | None]


def write(expr: Any, names: Names, dialect: Dialect = FORMULA) -> str:
    """The expression in a dialect; `names` gives a leaf's (or a kept subexpression's) text, else None.

    Brackets stand where precedence needs them, and where `@` meets `*` or `/`, which readers get wrong.
    Recursive: rules are some dozens of operations deep, never hundreds.
    """
    return _write(expr, names, dialect)[0]


def addend(expr: Any, names: Names, dialect: Dialect = FORMULA) -> str:
    """The formula as it stands to the right of a plus."""
    text, precedence = _write(expr, names, dialect)
    return text if precedence > SUM else dialect.brackets(text)


def factor(expr: Any, names: Names, dialect: Dialect = FORMULA) -> str:
    """The formula as it stands before an index or a transpose."""
    text, precedence = _write(expr, names, dialect)
    return text if precedence >= POSTFIX else dialect.brackets(text)


def _write(expr: Any, names: Names, dialect: Dialect) -> tuple[str, int]:
    if not isinstance(expr, Expr):
        return dialect.literal(expr), _precedence(repr(expr), dialect)
    known = names(expr)
    if known is not None:
        return dialect.of(known), ATOM
    prim = expr.prim
    if prim is None:
        raise TraceError(f"leaf {expr.name!r} has no name here")
    if prim.infix and (dialect.formula or not (prim.infix.isalpha() or _is_ours(expr))):
        return _prefix(expr, prim, names, dialect) if len(expr.args) == 1 else _infix(expr, prim, names, dialect)
    if dialect.formula:
        if prim.name == "astype":
            return _write(expr.args[0], names, dialect)
        if prim.name in _READ:
            return _READ[prim.name](
                expr, names, dialect
            ), POWER if prim.name in _RAISED and not dialect.flat else POSTFIX
    elif prim.source:
        return _template(expr, prim, names, dialect), POSTFIX
    args = [write(a, names, dialect) for a in expr.args]
    return dialect.call(
        prim.says if dialect.formula else _callee(prim) + prim.name, args + _keywords(expr, prim, dialect)
    ), ATOM


def _indexed(expr: Expr, names: Names, dialect: Dialect) -> str:
    return dialect.index(factor(expr.args[0], names, dialect), key_items(expr.attrs["key"], dialect=dialect))


def _taken(expr: Expr, names: Names, dialect: Dialect) -> str:
    ids = [write(a, names, dialect) for a in expr.args[1:]]
    items = key_items(expr.attrs["key"] or (None,) * len(ids), ids, dialect)
    return dialect.index(factor(expr.args[0], names, dialect), items)


def _cast(expr: Expr, names: Names, dialect: Dialect) -> str:
    dtype = expr.attrs["dtype"].name if "dtype" in expr.attrs else expr.applies.removeprefix("as_")
    return dialect.call("cast", [write(expr.args[0], names, dialect), dialect.quoted(dtype)])


_READ: Mapping[str, Callable[[Expr, Names, Dialect], str]] = {
    "matrix_transpose": lambda expr, names, dialect: dialect.transpose(factor(expr.args[0], names, dialect)),
    "index": _indexed, "take_at": _taken, "cast": _cast, "as_float16": _cast, "as_bfloat16": _cast,
}  # fmt: skip
"""Words that readers do not see as calls."""
_RAISED = ("matrix_transpose",)
"""Those that stand above the line where there is room: what is raised further needs brackets."""


def _is_ours(expr: Expr) -> bool:
    """Whether another way than NumPy's is behind an infix."""
    return (expr.applies == "matmul" and is_long(*expr.args)) or (expr.applies == "pow" and is_product(*expr.args))


def _callee(prim: Prim) -> str:
    """The module a word is found in: NumPy's own functions, or ours for the rest."""
    return "np." if getattr(np, prim.name, None) is prim.run else "xp."


def _keywords(expr: Expr, prim: Prim, dialect: Dialect) -> list[str]:
    return [
        dialect.keyword(key, dialect.literal(value))
        for key, value in expr.attrs.items()
        if (prim.attrs[key] is ... or value != prim.attrs[key]) and not (dialect.formula and key == "dtype")
    ]


def _template(expr: Expr, prim: Prim, names: Names, dialect: Dialect) -> str:
    values = {key: dialect.literal(value) for key, value in expr.attrs.items() if key != "key"}
    if "key" in expr.attrs:
        values["key"] = key_text(expr.attrs["key"])
    return prim.source.format(
        factor(expr.args[0], names, dialect), attrs=", ".join(_keywords(expr, prim, dialect)), **values
    )


def _precedence(literal: str, dialect: Dialect) -> int:
    """That of a literal as Python writes it: a power of ten is one where powers are raised."""
    raised = not dialect.flat and literal[0].isdigit() and "e" in literal
    return UNARY if literal.startswith("-") else POWER if raised else ATOM


def _prefix(expr: Expr, prim: Prim, names: Names, dialect: Dialect) -> tuple[str, int]:
    text, precedence = _write(expr.args[0], names, dialect)
    return dialect.prefix(prim.infix, text if precedence > prim.precedence else dialect.brackets(text)), prim.precedence


def _infix(expr: Expr, prim: Prim, names: Names, dialect: Dialect) -> tuple[str, int]:
    written = [_write(a, names, dialect) for a in expr.args]
    if not dialect.flat and prim.infix == "/":
        return dialect.infix("/", *(text for text, _ in written)), FRACTION
    sides = []
    for (text, precedence), arg, is_right in zip(written, expr.args, (False, True), strict=True):
        tight = precedence > prim.precedence
        same = precedence == prim.precedence and not is_right and prim.precedence not in (POWER, COMPARISON)
        sign = _sign(arg, names, dialect)
        mixed = sign != prim.infix and "@" in (sign, prim.infix)
        if prim.infix == "**":
            tight = (precedence > POWER or not dialect.flat) if is_right else precedence >= POSTFIX
        keep = tight or (same and not (mixed and precedence == PRODUCT))
        sides.append(text if keep else dialect.brackets(text))
    return dialect.infix("·" if not dialect.flat and _is_scaling(expr) else prim.infix, *sides), prim.precedence


def _is_scaling(expr: Expr) -> bool:
    """Whether a product has a single number on one side."""
    return expr.prim is not None and expr.prim.infix == "*" and any(getattr(a, "shape", ()) == () for a in expr.args)


def _sign(arg: Any, names: Names, dialect: Dialect) -> str:
    """The sign an operand is written with; a cast is not seen in formulas."""
    while isinstance(arg, Expr) and arg.prim and names(arg) is None:
        if not (dialect.formula and arg.prim.name == "astype"):
            return arg.prim.infix
        arg = arg.args[0]
    return ""


def key_text(key: tuple[Any, ...]) -> str:
    """An index as it is typed: `1, :, 0:2`."""
    return ", ".join(key_items(key)) or "()"


def key_items(key: tuple[Any, ...], ids: Iterable[str] = (), dialect: Dialect = FORMULA) -> list[str]:
    """The items of an index: `1`, `:`, `0:2`, `i`, `[0, 2]`, and of arrays, which None stands for, what is written."""
    texts = iter(ids)

    def item(k: Any) -> str:
        if k is None:
            return next(texts)
        if not isinstance(k, tuple):
            return dialect.sign("...") if k in ("...", ...) else dialect.literal(k)
        if is_list(k):
            return listed(k[0])
        start, stop, step = ("" if v is None else dialect.literal(v) for v in k)
        more = [dialect.sign(":"), step] if step else []
        return dialect.line([start, dialect.sign(":"), stop, *more], gap="")

    def listed(values: Any) -> str:
        return dialect.sequence([listed(v) if isinstance(v, tuple) else dialect.literal(v) for v in values])

    return [item(k) for k in key]


def named(names: Mapping[int, str]) -> Names:
    """Names by expression identity, for `write`."""
    return lambda expr: names.get(id(expr))
