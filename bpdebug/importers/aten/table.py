"""The table of aten's ops: each with the rule that says it in steps, for exported programs and live ones alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from bpdebug.importers.aten.lowering import Lowering, NoRule, Operand

Rule = Callable[..., Any]
"""Called with the `Lowering` and aten's arguments, tensors as `Operand`: gives the output, or a list of outputs.

Of a list None stands for what nobody may ask for: an output that has no gradient. It raises NoRule where the
arguments are not covered.
"""

F = TypeVar("F", bound=Rule)
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[F], F]:
    """Puts a rule into the table, for these overloads (linear.default)."""

    def put(function: F) -> F:
        RULES.update(dict.fromkeys(names, function))
        return function

    return put


def same(op: str, *attrs: str) -> Rule:
    """The rule of an op that is one of ours: one operand, then these attributes in aten's order."""

    def apply(c: Lowering, x: Operand, *given: Any, **more: Any) -> Operand:
        return c.emit(op, x, **dict(zip(attrs, given, strict=False)), **more)

    return apply


def pair(value: Any, count: int = 2) -> tuple[int, ...]:
    """One number for each axis: aten gives one, or all."""
    found = tuple(value) if isinstance(value, list | tuple) else (value,)
    return found * count if len(found) == 1 else found


def axes(dims: Any, rank: int) -> tuple[int, ...] | None:
    """Axes counted from 0; None for all of them: aten gives none, or an empty list."""
    dims = [dims] if isinstance(dims, int) else dims
    return tuple(d % rank for d in dims) if dims and rank else None


def refuse(unless: bool, what: str) -> None:
    """A call is refused, by NoRule, for what is not covered; nothing where that does not occur."""
    if not unless:
        raise NoRule(what)
