"""Rules traced once: equal calls share a plan."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from bpdebug.arrays import DType, Shape
from bpdebug.symbolic.plan import Plan, Traceable

_PLANS: dict[Any, Plan] = {}


def trace(rule: Traceable, operands: Sequence[tuple[Shape, DType] | Any], attrs: Mapping[str, Any]) -> Plan:
    """The plan of a rule for these operands (shape and dtype each, or a literal); equal calls share one.

    Raises ShapeError where shapes do not fit, TraceError where the rule itself is at fault.
    """
    key = (id(rule), tuple([o if type(o) is tuple else repr(o) for o in operands]), attrs_key(attrs))
    found = _PLANS.get(key)
    if found is None:
        if len(_PLANS) > 20_000:
            _PLANS.clear()
        found = _PLANS[key] = Plan(rule, operands, attrs)
    return found


def attrs_key(attrs: Mapping[str, Any]) -> Hashable:
    """What tells attributes apart. Values by their text: True, 1 and 1.0 are equal, and so are 0.0 and -0.0."""
    return tuple([(name, repr(value)) for name, value in attrs.items()]) if attrs else ()
