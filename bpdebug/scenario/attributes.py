"""The attributes of an op's call: what each may be, its default, and the words where it does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bpdebug.errors import InputError
from bpdebug.ops import OPS, REQUIRED, Attr, Op
from bpdebug.scenario.constants import as_literal
from bpdebug.scenario.names import shown, suggest

_WORDS = {
    "int": "an integer",
    "float": "a number",
    "number": "a number or None",
    "bool": "True or False",
    "str": "a text in quotes",
    "ints": "an integer or a tuple of integers",
    "axis": "an integer, a tuple of integers or None",
    "widths": "an integer, or tuples of integers",
}
_HIDDEN = {("split", "part"), ("one_hot", "dtype"), ("slice", "key")}
"""Attributes that the program fills in by itself."""


def open_attrs(op: Op) -> dict[str, Attr]:
    """The attributes of an op that a program may give."""
    return {name: attr for name, attr in op.attrs.items() if (op.name, name) not in _HIDDEN}


def _defaults(op: Op) -> Mapping[str, Any]:
    return MappingProxyType({name: attr.default for name, attr in op.attrs.items() if attr.default is not REQUIRED})


_DEFAULTS = {name: _defaults(op) for name, op in OPS.items()}


def defaults(op: Op) -> Mapping[str, Any]:
    """The attributes of a call that gives none; one mapping for all such calls."""
    return _DEFAULTS[op.name]


def required(op: Op) -> list[str]:
    return [name for name, attr in open_attrs(op).items() if attr.default is REQUIRED]


def positional(op: Op) -> list[str]:
    """The attributes that may stand behind the operands without their keyword, in this order."""
    return [name for name, attr in open_attrs(op).items() if attr.positional or attr.default is REQUIRED]


def fit(op: Op, name: str, attr: Attr, value: Any) -> Any:
    """The value as the op takes it (floats for numbers, tuples for sequences), or E_ATTR."""
    if value is None and (attr.default is None or attr.kind in ("axis", "number")):
        return None
    if attr.kind == "str":
        if isinstance(value, str) and (not attr.choices or value in attr.choices):
            return value
        choices = ", ".join(f'"{c}"' for c in attr.choices)
        found = f'"{shown(value)}"' if isinstance(value, str) else shown(value)
        hint = f"write one of: {choices}"
        raise misfit(
            op,
            name,
            f"must be one of {choices}, not {found}",
            f"{suggest(str(value), attr.choices, '')} {hint}".strip(),
        )
    if attr.kind in ("float", "number") and type(value) in (int, float):
        return float(as_literal(value))
    fits = {
        "int": type(value) is int,
        "bool": type(value) is bool,
        "ints": type(value) is int or _all_ints(value),
        "axis": type(value) is int or _all_ints(value),
        "widths": type(value) is int or _all_ints(value) or (type(value) is tuple and all(map(_all_ints, value))),
    }
    if not fits.get(attr.kind, False):
        raise misfit(
            op,
            name,
            f"must be {_WORDS.get(attr.kind, attr.kind)}, not {shown(_spelt(value))}",
            _example(op, name, attr),
        )
    return value


def _all_ints(value: Any) -> bool:
    return type(value) is tuple and all(type(v) is int for v in value)


def _spelt(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def misfit(op: Op, name: str, message: str, hint: str = "") -> InputError:
    attr = op.attrs.get(name)
    return InputError(
        f"{op.name}: {name} {message}",
        code="E_ATTR",
        hint=hint or (_example(op, name, attr) if attr else "see bpdebug ops"),
    )


def _example(op: Op, name: str, attr: Attr) -> str:
    samples = {
        "int": "1", "float": "0.5", "number": "0.5", "bool": "True", "ints": "(2, 3)", "axis": "0",
        "widths": "((1, 1), (0, 0))", "str": f'"{attr.choices[0]}"' if attr.choices else '"..."',
    }  # fmt: skip
    return f"attributes are constants, such as {name}={samples.get(attr.kind, '...')}"


def unknown(op: Op, name: str) -> InputError:
    """E_ATTR for a keyword that the op does not have."""
    known = [o.strip("?*") for o in op.operands] + list(open_attrs(op))
    mine = list(open_attrs(op))
    otherwise = f"{op.name} has: {', '.join(mine)}" if mine else f"{op.name} has no attributes"
    return InputError(
        f"{op.name} has no attribute '{shown(name)}'", code="E_ATTR", hint=suggest(name, known, otherwise)
    )


def signature(op: Op) -> str:
    """How a call is written: matmul(a, b), sum(x, axis=None, keepdims=False)."""
    operands = [o.strip("?") if not o.startswith("*") else "a, b, ..." for o in op.operands]
    attrs = [
        name if attr.default is REQUIRED else f"{name}={_spelt(attr.default)}" for name, attr in open_attrs(op).items()
    ]  # fmt: skip
    return f"{op.name}({', '.join(operands + attrs)})"


def arity(op: Op) -> tuple[int, int | None]:
    """The least and the greatest number of operands; None is any number."""
    least = sum(not o.endswith("?") for o in op.operands)
    return least, None if op.operands[-1].startswith("*") else len(op.operands)
