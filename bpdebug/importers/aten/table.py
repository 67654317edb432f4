"""The table of aten's ops: each with the rule that says it in steps, for exported programs and live ones alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bpdebug.importers.lowering import Rule

F = TypeVar("F", bound=Rule)
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[F], F]:
    """Puts a rule into the table, for these overloads (linear.default)."""

    def put(function: F) -> F:
        RULES.update(dict.fromkeys(names, function))
        return function

    return put
