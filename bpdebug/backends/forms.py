"""Expression trees of a form: what the search for whole kernels asks."""

from __future__ import annotations

from typing import Any

from bpdebug.symbolic import Expr

Call = tuple[str, tuple[Expr, ...], dict[str, Any]]
"""A word, its operands, its keywords."""


def below(e: Any, *path: str | int) -> Any:
    """What an expression is made of, by the words that lead there, `reshape` and then operand 0; None elsewhere."""
    for at in path:
        if not isinstance(e, Expr):
            return None
        if isinstance(at, str):
            if e.applies != at:
                return None
        else:
            e = e.args[at]
    return e
