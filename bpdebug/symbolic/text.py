"""Expressions as text, in two dialects: formulas as a book writes them, and NumPy source that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import is_list
from bpdebug.symbolic.arrays import is_long, is_product
from bpdebug.symbolic.expr import Expr, Prim, TraceError

ATOM, POSTFIX, POWER, UNARY, SUM = 100, 90, 80, 70, 50
Names = Callable[[Expr], str | None]


class Dialect(Struct, frozen=True):
    """What differs between the two: how words of the namespace and transposes are written."""

    formula: bool
    module: str = "np."

    def literal(self, value: Any) -> str:
        """A number, tuple, name of a dtype or None; the one gate for values, by exact type; TraceError for others."""
        if type(value) is float and not np.isfinite(value):
            return {"inf": f"{self.module}inf", "-inf": f"-{self.module}inf"}.get(repr(value), f"{self.module}nan")
        if type(value) in (bool, int, float, type(None)):
            return repr(value)
        if isinstance(value, np.dtype):
            return f"{self.module}{value.name}"
        if type(value) is tuple:
            return "(" + ", ".join(map(self.literal, value)) + ("," if len(value) == 1 else "") + ")"
        raise TraceError(f"a rule used {type(value).__name__} as an attribute")


FORMULA = Dialect(formula=True, module="")
SOURCE = Dialect(formula=False)


def write(expr: Any, names: Names, dialect: Dialect = FORMULA) -> str:
    """The expression in a dialect; `names` gives a leaf's (or a kept subexpression's) text, else None.

    Brackets stand where precedence needs them, and where `@` meets `*` or `/`, which readers get wrong.
    Recursive: rules are some dozens of operations deep, never hundreds.
    """
    return _write(expr, names, dialect)[0]


def addend(expr: Expr, names: Names) -> str:
    """The formula as it stands to the right of a plus."""
    text, precedence = _write(expr, names, FORMULA)
    return text if precedence > SUM else f"({text})"


def factor(expr: Expr, names: Names) -> str:
    """The formula as it stands before an index or a transpose."""
    return _postfix(expr, names, FORMULA)


def _write(expr: Any, names: Names, dialect: Dialect) -> tuple[str, int]:
    if not isinstance(expr, Expr):
        text = dialect.literal(expr)
        return text, UNARY if text.startswith("-") else ATOM
    known = names(expr)
    if known is not None:
        return known, ATOM
    prim = expr.prim
    if prim is None:
        raise TraceError(f"leaf {expr.name!r} has no name here")
    if prim.infix and (dialect.formula or not (prim.infix.isalpha() or _is_ours(expr))):
        return _infix(expr, prim, names, dialect), prim.precedence
    if dialect.formula:
        if prim.name == "astype":
            return _write(expr.args[0], names, dialect)
        if prim.name == "matrix_transpose":
            return _postfix(expr.args[0], names, dialect) + "ᵀ", POSTFIX
        if prim.name == "index":
            return f"{_postfix(expr.args[0], names, dialect)}[{key_text(expr.attrs['key'])}]", POSTFIX
        if prim.name in ("cast", "as_float16", "as_bfloat16"):
            dtype = prim.name.removeprefix("as_") if "dtype" not in expr.attrs else expr.attrs["dtype"].name
            return f'cast({write(expr.args[0], names, dialect)}, "{dtype}")', POSTFIX
        if prim.name == "take_at":
            ids = [write(a, names, dialect) for a in expr.args[1:]]
            key = key_text(expr.attrs["key"] or (None,) * len(ids), ids)
            return f"{_postfix(expr.args[0], names, dialect)}[{key}]", POSTFIX
    elif prim.source:
        return _template(expr, prim, names, dialect), POSTFIX
    args = [write(a, names, dialect) for a in expr.args]
    words = args + _keywords(expr, prim, dialect)
    return f"{prim.says if dialect.formula else _callee(prim) + prim.name}({', '.join(words)})", ATOM


def _is_ours(expr: Expr) -> bool:
    """Whether another way than NumPy's is behind an infix."""
    return (expr.applies == "matmul" and is_long(*expr.args)) or (expr.applies == "pow" and is_product(*expr.args))


def _callee(prim: Prim) -> str:
    """The module a word is found in: NumPy's own functions, or ours for the rest."""
    return "np." if getattr(np, prim.name, None) is prim.run else "xp."


def _keywords(expr: Expr, prim: Prim, dialect: Dialect) -> list[str]:
    return [
        f"{key}={dialect.literal(value)}"
        for key, value in expr.attrs.items()
        if (prim.attrs[key] is ... or value != prim.attrs[key]) and not (dialect.formula and key == "dtype")
    ]


def _template(expr: Expr, prim: Prim, names: Names, dialect: Dialect) -> str:
    values = {key: dialect.literal(value) for key, value in expr.attrs.items() if key != "key"}
    if "key" in expr.attrs:
        values["key"] = key_text(expr.attrs["key"])
    return prim.source.format(
        _postfix(expr.args[0], names, dialect), attrs=", ".join(_keywords(expr, prim, dialect)), **values
    )


def _postfix(expr: Any, names: Names, dialect: Dialect) -> str:
    text, precedence = _write(expr, names, dialect)
    return text if precedence >= POSTFIX else f"({text})"


def _infix(expr: Expr, prim: Prim, names: Names, dialect: Dialect) -> str:
    if len(expr.args) == 1:
        text, precedence = _write(expr.args[0], names, dialect)
        sign = f"{prim.infix} " if prim.infix.isalpha() else prim.infix
        return sign + (text if precedence > prim.precedence else f"({text})")
    left, right = (_write(a, names, dialect) for a in expr.args)
    sides = []
    for (text, precedence), arg, is_right in ((left, expr.args[0], False), (right, expr.args[1], True)):
        tight = precedence > prim.precedence
        same = precedence == prim.precedence and not is_right and prim.precedence not in (POWER, 40)
        sign = _sign(arg, names, dialect)
        mixed = sign != prim.infix and "@" in (sign, prim.infix)
        if prim.infix == "**":
            tight = precedence > POWER if is_right else precedence >= POSTFIX
        keep = tight or (same and not (mixed and precedence == 60))
        sides.append(text if keep else f"({text})")
    return f" {prim.infix} ".join(sides)


def _sign(arg: Any, names: Names, dialect: Dialect) -> str:
    """The sign an operand is written with; a cast is not seen in formulas."""
    while isinstance(arg, Expr) and arg.prim and names(arg) is None:
        if not (dialect.formula and arg.prim.name == "astype"):
            return arg.prim.infix
        arg = arg.args[0]
    return ""


def key_text(key: tuple[Any, ...], ids: Iterable[str] = ()) -> str:
    """An index as it is typed: `1, :, 0:2`, and `i, [0, 2]` with the texts of the arrays, which None stands for."""
    texts = iter(ids)

    def item(k: Any) -> str:
        if not isinstance(k, tuple):
            return next(texts) if k is None else "..." if k in ("...", ...) else repr(k)
        if is_list(k):
            return repr(list(k[0])).replace("(", "[").replace(")", "]").replace(",]", "]")
        start, stop, step = ("" if v is None else repr(v) for v in k)
        return f"{start}:{stop}" + (f":{step}" if step else "")

    return ", ".join(map(item, key)) or "()"


def named(names: Mapping[int, str]) -> Names:
    """Names by expression identity, for `write`."""
    return lambda expr: names.get(id(expr))
