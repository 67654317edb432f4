"""The attributes of an op's call: what each may be, and the words where it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct

from bpdebug.arrays import is_list
from bpdebug.errors import InputError, shown, suggest

REQUIRED = object()
"""The default of an attribute that must be given."""


def _all_ints(value: Any) -> bool:
    return type(value) is tuple and all(type(v) is int for v in value)


def _sizes(value: Any) -> bool:
    return type(value) is int or _all_ints(value)


def _shares(value: Any) -> bool:
    pair = value if type(value) is tuple else (value, value)
    return len(pair) == 2 and all(type(v) in (int, float) and 0 <= v <= 1 for v in pair)


def _is_pair(value: Any) -> bool:
    return _all_ints(value) and len(value) == 2


def _is_place(item: Any) -> bool:
    """An item of an index in plain data: integer, '...', None (an array), (start, stop, step), or ((0, 2),), a list."""
    ends = type(item) is tuple and len(item) == 3 and all(v is None or type(v) is int for v in item)
    return ends or type(item) is int or item in ("...", None) or (is_list(item) and _nested(item[0]))


def _nested(value: Any) -> bool:
    return type(value) is int or (type(value) is tuple and all(map(_nested, value)))


class _Kind(NamedTuple):
    words: str
    example: str
    fits: Callable[[Any], bool]


_KINDS = {
    "int": _Kind("an integer", "1", lambda v: type(v) is int),
    "float": _Kind("a number", "0.5", lambda v: type(v) in (int, float)),
    "number": _Kind("a number or None", "0.5", lambda v: type(v) in (int, float)),
    "str": _Kind("a text", '"ij,jk->ik"', lambda v: isinstance(v, str)),
    "bool": _Kind("True or False", "True", lambda v: type(v) is bool),
    "ints": _Kind("an integer or a tuple of integers", "(2, 3)", _sizes),
    "axis": _Kind("an integer, a tuple of integers or None", "0", _sizes),
    "widths": _Kind(
        "an integer, or tuples of integers", "((1, 1), (0, 0))",
        lambda v: _sizes(v) or (type(v) is tuple and all(map(_all_ints, v))),
    ),
    "share": _Kind("a number from 0 to 1, or a pair of them", "0.5", _shares),
    "padding": _Kind(
        'an integer, a tuple of integers or of pairs, "same" or "valid"', "1",
        lambda v: v in ("same", "valid") or _sizes(v) or (type(v) is tuple and all(map(_is_pair, v))),
    ),
    "key": _Kind("an index in plain data", "...", lambda v: type(v) is tuple and all(map(_is_place, v))),
}  # fmt: skip


class Attr(Struct, frozen=True):
    """One keyword of an op: its default (or REQUIRED), what it may be, and whether it may stand positionally.

    `kind` is one of: int, float, bool, str, ints (a tuple of ints or one int, kept apart), axis (int, tuple or
    None), widths (pad widths), padding (of windows), key (an index), number (float or None), share (from 0 to 1, or a
    pair). `choices` closes a `str`. None may be written for any kind where it is the default. `hidden` marks what the
    language fills in by itself.
    """

    kind: str
    default: Any = REQUIRED
    positional: bool = False
    choices: tuple[str, ...] = ()
    hidden: bool = False

    def example(self, name: str) -> str:
        """The hint that shows a value which would do."""
        sample = f'"{self.choices[0]}"' if self.choices else _KINDS[self.kind].example
        return f"attributes are constants, such as {name}={sample}"


def as_literal(value: Any) -> Any:
    """A number that an op can take; E_LIMIT for an integer beyond 64 bits."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        message = f"the integer {shown(value, 40)} needs more than 64 bits"
        raise InputError(message, code="E_LIMIT", hint="write it as a float: 1e20")
    return value


def fit(op: str, name: str, attr: Attr, value: Any) -> Any:
    """The value as the op takes it (floats for numbers, tuples for sequences), or E_ATTR."""
    if value is None and (attr.default is None or attr.kind in ("axis", "number")):
        return None
    if attr.choices:
        return _choice(op, name, attr, value)
    kind = _KINDS[attr.kind]
    if not kind.fits(value):
        raise misfit(op, name, f"must be {kind.words}, not {shown(spelt(value))}", attr.example(name))
    if attr.kind == "share" and type(value) is tuple:
        return tuple(map(float, value))
    return float(as_literal(value)) if attr.kind in ("float", "number", "share") else value


def _choice(op: str, name: str, attr: Attr, value: Any) -> str:
    if isinstance(value, str) and value in attr.choices:
        return value
    choices = ", ".join(f'"{c}"' for c in attr.choices)
    hint = f"{suggest(str(value), attr.choices, '')} write one of: {choices}".strip()
    raise misfit(op, name, f"must be one of {choices}, not {shown(spelt(value))}", hint)


def spelt(value: Any) -> str:
    """A value as it is written: a text in quotes."""
    return f'"{value}"' if isinstance(value, str) else str(value)


def misfit(op: str, name: str, message: str, hint: str) -> InputError:
    """E_ATTR for an attribute of a call."""
    return InputError(f"{op}: {name} {message}", code="E_ATTR", hint=hint)
