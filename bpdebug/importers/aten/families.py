"""The table of rules, filled by its families, and what it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bpdebug.importers.aten import elementwise, indexing, linear, loss, normalise, pool, reduce, shaping
from bpdebug.importers.aten.table import RULES
from bpdebug.importers.lowering import Lowering, NoRule

FAMILIES = (elementwise, indexing, linear, loss, normalise, pool, reduce, shaping)
"""The files whose rules are in the table once they are imported."""
_MEMORY = ("dtype", "layout", "device", "pin_memory", "memory_format")
"""Arguments that say how a result lies in memory; its dtype is known from the result."""


def ruled(op: str, call: Lowering, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What the rule of an op (linear.default) gives for a call; raises NoRule where there is none."""
    rule = RULES.get(op)
    if rule is None:
        raise NoRule("")
    return rule(call, *args, **{k: v for k, v in kwargs.items() if k not in _MEMORY})
