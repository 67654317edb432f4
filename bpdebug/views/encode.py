"""Arrays and numbers as JSON: shortest digits that read back to the same double, and words for what is not finite."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from typing import Any

import msgspec
import numpy as np

from bpdebug.arrays import Array

MANY_CELLS = 10_000
"""A tensor of more cells is left out of JSON (null) unless all values are asked for."""


def to_json(data: Any) -> str:
    """One line of JSON; arrays become nested lists, NaN and infinities the words "nan", "inf" and "-inf".

    Lines are printed on terminals too: characters that would steer one are written as \\u escapes.
    """
    line = msgspec.json.encode(plain(data)).decode()
    return line if line.isprintable() else _UNPRINTED.sub(_escaped, line)


_UNPRINTED = re.compile(r"[^\x20-\x7e]")


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def plain(data: Any) -> Any:
    """Data with arrays, tuples and records replaced by what JSON has."""
    if isinstance(data, float):
        return float(data) if math.isfinite(data) else _word(data)
    if data is None or isinstance(data, str | int):
        return data
    if isinstance(data, dict):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, np.ndarray):
        return cells(data)
    if isinstance(data, np.generic):
        return plain(data.item())
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        return {f.name: plain(getattr(data, f.name)) for f in dataclasses.fields(data)}
    return [plain(item) for item in data]


def cells(array: Array, full: bool = False) -> Any:
    """A tensor's value as nested lists; None where it has too many cells, unless `full`."""
    if array.size > MANY_CELLS and not full:
        return None
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return _words(array.tolist())
    return array.tolist()


def _words(value: Any) -> Any:
    if isinstance(value, list):
        return [_words(v) for v in value]
    return value if math.isfinite(value) else _word(value)


def _word(value: float) -> str:
    return "nan" if value != value else "inf" if value > 0 else "-inf"
