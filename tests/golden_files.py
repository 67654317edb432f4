"""Comparing what `run --json` prints with what it printed: structure exactly, numbers as closely as machines agree.

Every number of a run is computed from the file's numbers by a chain of sums, products and functions such as exp,
each of them right to a few units of 2**-53 (1.1e-16). What differs between processors is the order of the sums in a
matrix product and the last bits of the functions. A number that comes out of a chain of r roundings without
cancellation is off by some r * 1.1e-16 of itself: 1e-12 has room for 9,000 of them, and the lessons have a few
hundred at most. Where a sum cancels, it keeps the rounding of its terms, which are not larger than the file's largest
number S: with up to 64 roundings 64 * 1.1e-16 * S = 7e-15 * S, so 1e-14 * S is the floor. A wrong rule, a lost term or
a number printed with fewer digits is off by far more than either.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

RELATIVE = 1e-12
FLOOR = 1e-14
"""Times the largest number of the file."""

Found = tuple[str, Any, Any]


def largest(data: Any) -> float:
    """The largest size of any float in the data, 0 where there is none."""
    if isinstance(data, dict):
        return max(map(largest, data.values()), default=0.0)
    if isinstance(data, list):
        return max(map(largest, data), default=0.0)
    return abs(data) if isinstance(data, float) else 0.0


def differences(found: Any, wanted: Any, floor: float, path: str = "") -> Iterator[Found]:
    """Where two pieces of JSON differ: the path, and both values. Keys and their order, lengths and types count."""
    if type(found) is not type(wanted):
        yield path, found, wanted
    elif isinstance(wanted, dict):
        if list(found) != list(wanted):
            yield f"{path} keys", list(found), list(wanted)
        for key in wanted.keys() & found.keys():
            yield from differences(found[key], wanted[key], floor, f"{path}.{key}")
    elif isinstance(wanted, list):
        if len(found) != len(wanted):
            yield f"{path} length", len(found), len(wanted)
        for i, (a, b) in enumerate(zip(found, wanted, strict=False)):
            yield from differences(a, b, floor, f"{path}[{i}]")
    elif isinstance(wanted, float):
        if not math.isclose(found, wanted, rel_tol=RELATIVE, abs_tol=floor):
            yield path, found, wanted
    elif found != wanted:
        yield path, found, wanted


def compare(found: str, wanted: str) -> list[Found]:
    """Where two runs differ, line by line."""
    old = [json.loads(line) for line in wanted.splitlines()]
    new = [json.loads(line) for line in found.splitlines()]
    return list(differences(new, old, FLOOR * largest(old)))
