"""Expressions that name a place: a tensor or a gradient, and cells of it, as `set`, `origin` and `why` take them."""

from __future__ import annotations

import ast
from typing import Any

from msgspec import Struct

from bpdebug.arrays import decode_key
from bpdebug.expression.compiled import Setting
from bpdebug.expression.kinds import TENSOR, Kind
from bpdebug.expression.names import Reference, look_up
from bpdebug.expression.operations import take
from bpdebug.expression.parse import Expression
from bpdebug.expression.program import Compiler
from bpdebug.graph import Graph
from bpdebug.language.calls import index_of
from bpdebug.language.tokens import counted, refuse


class Target(Struct, frozen=True):
    """A tensor or its gradient, and which cells: `key` is NumPy's index, () for all; `cell` is the one, if it is one.

    `shape` is that of the cells.
    """

    reference: Reference
    key: tuple[Any, ...]
    cell: tuple[int, ...] | None
    shape: tuple[int, ...]


@counted
def target(expression: Expression, graph: Graph) -> Target:
    """The place an expression names: `W`, `dW`, `W[0, 1]`, `∂W[0]`; E_EXPR for anything else."""
    index = expression.root if isinstance(expression.root, ast.Subscript) else None
    root = index.value if index else expression.root
    column = expression.column(root)
    if not isinstance(root, ast.Name):
        raise refuse("this is no place", column, "name a tensor or a gradient: W, dW or dW[0, 1]")
    meaning, attributes = look_up(graph, expression.names[root.id], False)
    if not isinstance(meaning, Reference) or attributes:
        raise refuse("this is no place", column, "name a tensor or a gradient, not its transpose")
    shape = graph.shapes[meaning.tensor]
    if index is None:
        return Target(meaning, (), () if shape == () else None, shape)
    plain = index_of(index.slice, Compiler(expression, Setting(graph, 2**63)))
    kind, _ = take(Kind(TENSOR, shape, graph.dtypes[meaning.tensor]), plain, expression.columns_of(index.slice))
    key = decode_key(plain)
    whole = len(key) == len(shape) and all(isinstance(p, int) for p in key)
    cell = tuple(p % n for p, n in zip(plain, shape, strict=True)) if whole else None
    return Target(meaning, key, cell, kind.shape)
