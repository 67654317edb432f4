"""Arrays and numbers as JSON: shortest digits that read back to the same double, and words for what is not finite."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bpdebug.arrays import Array
from bpdebug.far import is_array
from bpdebug.symbolic.notation import Notation
from bpdebug.translation import english, said_here

MANY_CELLS = 10_000
"""A tensor of more cells is left out of JSON (null) unless all values are asked for."""


class NestedList(list[Any]):
    """Nested lists in which nothing has to be replaced for JSON."""


class Whole(NamedTuple):
    """An array of many cells that is written in full."""

    array: Array


class Later(NamedTuple):
    """Data that is made when it is written."""

    make: Callable[[], Any]


def to_json(data: Any) -> str:
    """One line of JSON; arrays become nested lists, NaN and infinities the words "nan", "inf" and "-inf".

    In English, and fit for terminals: characters that would steer one are written as \\u escapes.
    """
    with english():
        return "".join(json_pieces(data))


def json_pieces(data: Any) -> Iterator[str]:
    """The same piece by piece, in the language that is spoken: of an array no more is there at once than MANY_CELLS."""
    found: list[Whole | Later] = []

    def left_out(part: Whole | Later) -> msgspec.Raw:
        found.append(part)
        return msgspec.Raw(_GAP)

    first, *rest = msgspec.json.encode(plain(data, left_out)).split(_GAP)
    yield _printable(first.decode())
    for part, text in zip(found, rest, strict=True):
        yield from _nested(part.array) if isinstance(part, Whole) else json_pieces(part.make())
        yield _printable(text.decode())


_GAP = b"\0"
"""What stands in JSON for a part that is still to be written: a byte that is nowhere else in it."""


def made(data: Any) -> Any:
    """Data with its long parts, or the rows of a list that are such parts, in their place."""
    if isinstance(data, list) and data and isinstance(data[0], Later):
        return [row.make() for row in data]
    return _in_place(data) if isinstance(data, Whole | Later) else data


def record(found: Any) -> Any:
    """A record, and those in it, as dicts, with lists for tuples."""
    if isinstance(found, msgspec.Struct):
        return {name: record(value) for name, value in msgspec.structs.asdict(found).items()}
    return [record(value) for value in found] if isinstance(found, tuple) else found


def _in_place(part: Whole | Later) -> Any:
    return _listed(part.array) if isinstance(part, Whole) else plain(part.make())


def _nested(array: Array) -> Iterator[str]:
    if array.size <= MANY_CELLS:
        yield msgspec.json.encode(cells(array)).decode()
        return
    yield "["
    if array.ndim == 1:
        for start in range(0, len(array), MANY_CELLS):
            yield "," * bool(start)
            yield msgspec.json.encode(cells(array[start : start + MANY_CELLS])).decode()[1:-1]
    else:
        for n, part in enumerate(array):
            yield "," * bool(n)
            yield from _nested(part)
    yield "]"


def _printable(line: str) -> str:
    return line if line.isprintable() else re.sub(_UNPRINTED, _escaped, line)


_UNPRINTED = r"[^\x20-\x7e]"


def _escaped(found: re.Match[str]) -> str:
    import json  # start-up: hardly a text needs it

    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def plain(data: Any, part: Callable[[Whole | Later], Any] = _in_place) -> Any:
    """Data with arrays, tuples and records replaced by what JSON has; `part` says what stands for a long one."""
    if data is None or isinstance(data, int | NestedList):
        return data
    if isinstance(data, str):
        return str(data) if isinstance(data, Notation) else said_here(data)
    if isinstance(data, float):
        return _finite(data)
    if isinstance(data, dict):
        return {str(key): plain(value, part) for key, value in data.items()}
    if isinstance(data, Whole | Later):
        return part(data)
    if is_array(data):
        return cells(data)
    if isinstance(data, np.generic):
        return plain(data.item())
    if isinstance(data, msgspec.Struct):
        return {name: plain(getattr(data, name), part) for name in data.__struct_fields__}
    return [plain(item, part) for item in data]


def cells(array: Array, full: bool = False) -> Any:
    """A tensor's value as nested lists; None where it has too many cells, or the `Whole` of it where it is `full`."""
    if array.size > MANY_CELLS:
        return Whole(array) if full else None
    return _listed(array)


def _listed(array: Array) -> Any:
    found = array.tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        found = _finite(found)
    return NestedList(found) if isinstance(found, list) else found


def _finite(value: Any) -> Any:
    """A float, or nested lists of them, with words for what is not finite: "nan", "inf", "-inf"."""
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return float(value) if math.isfinite(value) else str(value)
