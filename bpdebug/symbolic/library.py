"""Where generated code runs: the names that it finds there, and how an expression is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from bpdebug.symbolic.expr import Expr
from bpdebug.symbolic.text import Names

Function = Callable[..., Any]
Halved = Callable[[Sequence[Expr], Mapping[int, str], Sequence[str]], list[Expr]]


class Library(Struct, frozen=True, eq=False):
    """A library of arrays: `scope` are the names that code finds, `write` gives an expression as code.

    `instead` gives the expressions that are computed in place of others there. `numpy` marks the one whose scalars are
    made arrays, and which may add to a sum in place of making what is added. `halved` does the same as `instead` where
    leaves, by identity, and results are in half precision; None where there is none. `fresh` are the words that make an
    array of their own each time, to which more may be added in its place. `chunks` are the functions of whole
    stretches, by their text's digest.
    """

    name: str
    scope: dict[str, Any]
    write: Callable[[Any, Names], str]
    instead: Callable[[Sequence[Expr]], list[Expr]]
    numpy: bool = False
    halved: Halved | None = None
    fresh: frozenset[str] = frozenset()
    chunks: dict[bytes, Function] = field(default_factory=dict)

    def key(self, what: Any) -> Any:
        """Under what a plan keeps something that was made for another place than NumPy."""
        return self.name, what
