"""The table of JAX's primitives: each with the rule that says it in steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from bpdebug.importers.lowering import Lowering, Operand, Rule

F = TypeVar("F", bound=Rule)
RULES: dict[str, Rule] = {}
"""A primitive's name -> its rule, called with its operands, and its parameters as keywords."""


def rule(*names: str) -> Callable[[F], F]:
    """Puts a rule into the table, for these primitives."""

    def put(function: F) -> F:
        RULES.update(dict.fromkeys(names, function))
        return function

    return put


def plain(op: str) -> Rule:
    """The rule of a primitive that is an op of ours, whatever its parameters say about devices and precision."""

    def apply(c: Lowering, *operands: Any, **how: Any) -> Operand:
        return c.emit(op, *operands)

    return apply


def array_like(c: Lowering, x: Any) -> Operand:
    """An operand that has to be a tensor: of a number, one without axes."""
    return x if isinstance(x, Operand) else c.constant("const", np.asarray(x, c.dtype))
