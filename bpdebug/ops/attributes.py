"""The attributes of an op's call: what each may be, and the words where it does not fit."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from bpdebug.errors import InputError, shown, suggest

REQUIRED = object()
"""The default of an attribute that must be given."""

_WORDS = {
    "int": "an integer",
    "float": "a number",
    "number": "a number or None",
    "bool": "True or False",
    "ints": "an integer or a tuple of integers",
    "axis": "an integer, a tuple of integers or None",
    "widths": "an integer, or tuples of integers",
    "key": "an index in plain data",
}
_SAMPLES = {
    "int": "1", "float": "0.5", "number": "0.5", "bool": "True", "ints": "(2, 3)", "axis": "0",
    "widths": "((1, 1), (0, 0))",
}  # fmt: skip


class Attr(Struct, frozen=True):
    """One keyword of an op: its default (or REQUIRED), what it may be, and whether it may stand positionally.

    `kind` is one of: int, float, bool, str, ints (a tuple of ints or one int, kept apart), axis (int, tuple or
    None), widths (pad widths), key (an index), number (float or None). `choices` closes a `str`. None may be
    written for any kind where it is the default. `hidden` marks what the language fills in by itself.
    """

    kind: str
    default: Any = REQUIRED
    positional: bool = False
    choices: tuple[str, ...] = ()
    hidden: bool = False

    def example(self, name: str) -> str:
        sample = f'"{self.choices[0]}"' if self.choices else _SAMPLES.get(self.kind, "...")
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
    if attr.kind == "str":
        return _choice(op, name, attr, value)
    if attr.kind in ("float", "number") and type(value) in (int, float):
        return float(as_literal(value))
    integers = type(value) is int or _all_ints(value)
    fits = {
        "int": type(value) is int,
        "bool": type(value) is bool,
        "ints": integers,
        "axis": integers,
        "widths": integers or (type(value) is tuple and all(map(_all_ints, value))),
        "key": type(value) is tuple and all(map(_is_place, value)),
    }
    if not fits.get(attr.kind, False):
        words = f"must be {_WORDS[attr.kind]}, not {shown(spelt(value))}"
        raise misfit(op, name, words, attr.example(name))
    return value


def _choice(op: str, name: str, attr: Attr, value: Any) -> str:
    if isinstance(value, str) and (not attr.choices or value in attr.choices):
        return value
    choices = ", ".join(f'"{c}"' for c in attr.choices)
    hint = f"{suggest(str(value), attr.choices, '')} write one of: {choices}".strip()
    raise misfit(op, name, f"must be one of {choices}, not {shown(spelt(value))}", hint)


def _all_ints(value: Any) -> bool:
    return type(value) is tuple and all(type(v) is int for v in value)


def _is_place(item: Any) -> bool:
    """An item of an index in plain data: an integer, '...', or (start, stop, step)."""
    ends = type(item) is tuple and len(item) == 3 and all(v is None or type(v) is int for v in item)
    return ends or type(item) is int or item == "..."


def spelt(value: Any) -> str:
    """A value as it is written: a text in quotes."""
    return f'"{value}"' if isinstance(value, str) else str(value)


def misfit(op: str, name: str, message: str, hint: str) -> InputError:
    return InputError(f"{op}: {name} {message}", code="E_ATTR", hint=hint)
