"""Arithmetic of plain numbers, guarded: no giant integers, no complex results, no Python errors."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from bpdebug.language.constants import ARITHMETIC, COMPARISONS
from bpdebug.limits import TABLE

Scalar = bool | int | float
_BITS = int(TABLE["digits"].default * math.log2(10))


def _bounded(value: Any) -> Any:
    if type(value) is int and value.bit_length() > _BITS:
        raise OverflowError("the number is too large")
    return value


def power(base: Scalar, exponent: Scalar) -> Any:
    """base ** exponent; refuses giant integers before they are computed, and complex results."""
    integers = isinstance(base, int) and isinstance(exponent, int)
    if integers and abs(base) > 1 and exponent * (int(abs(base)).bit_length() - 1) > _BITS:
        raise OverflowError("the number is too large")
    found = base**exponent
    if isinstance(found, complex):
        raise ValueError("a negative number to a fractional power is no real number")
    return found


def divide(a: Scalar, b: Scalar) -> float:
    """a / b; by zero it gives infinity or NaN, as for tensors."""
    try:
        return a / b
    except ZeroDivisionError:
        return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)


def _guarded(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: _bounded(function(a, b))


PLAIN: dict[str, Callable[[Any, Any], Any]] = {
    **{sign: _guarded(function) for sign, function in ARITHMETIC.items()}, **COMPARISONS,
    "//": _guarded(operator.floordiv), "%": _guarded(operator.mod), "/": divide, "**": power,
}  # fmt: skip
"""Operators of two plain numbers."""
