"""The table of JAX's primitives: each with the rule that says it in steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.importers.lowering import Lowering, Operand, Rule, putting_into

RULES: dict[str, Rule] = {}
"""A primitive's name -> its rule, called with its operands, and its parameters as keywords."""
rule = putting_into(RULES)
"""Puts a rule into the table, for these primitives."""


def plain(op: str) -> Rule:
    """The rule of a primitive that is an op of ours, whatever its parameters say about devices and precision."""

    def apply(c: Lowering, *operands: Any, **how: Any) -> Operand:
        return c.emit(op, *operands)

    return apply


def array_like(c: Lowering, x: Any) -> Operand:
    """An operand that has to be a tensor: of a number, one without axes."""
    return x if isinstance(x, Operand) else c.constant("const", np.asarray(x, c.dtype))
