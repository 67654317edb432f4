"""What an expression is parsed to: a tree of frozen records, each with the column where it stands.

They are msgspec structs, since a dozen frozen dataclasses with slots take 10 ms to define at every start.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

FUNCTIONS = (
    "norm", "max", "min", "mean", "sum", "abs", "any", "all", "isnan", "isinf", "zeros", "size", "rank",
)  # fmt: skip
ATTRIBUTES = ("T", "shape", "dtype")
WORDS = ("node", "op", "phase", "event", "iteration", "grad", "out")
"""What conditions may ask about the event they are put to."""

Scalar = bool | int | float


class Number(Struct, frozen=True, eq=False):
    value: Scalar
    column: int


class Text(Struct, frozen=True, eq=False):
    value: str
    column: int


class Name(Struct, frozen=True, eq=False):
    """A dotted name as typed; `gradient` where a ∂ stands before it. `X.T` is taken apart when it meets a graph."""

    text: str
    gradient: bool
    column: int


class Unary(Struct, frozen=True, eq=False):
    op: str
    operand: Tree
    column: int


class Binary(Struct, frozen=True, eq=False):
    """Arithmetic or one comparison; the column is the operator's."""

    op: str
    left: Tree
    right: Tree
    column: int


class Chain(Struct, frozen=True, eq=False):
    """`1 < x < 3`: every link must hold, and each operand is computed once."""

    ops: tuple[str, ...]
    items: tuple[Tree, ...]
    column: int


class Logic(Struct, frozen=True, eq=False):
    """`and` or `or` of two or more operands."""

    op: str
    items: tuple[Tree, ...]
    column: int


class Attribute(Struct, frozen=True, eq=False):
    of: Tree
    name: str
    column: int


class Slice(Struct, frozen=True, eq=False):
    start: Tree | None
    stop: Tree | None
    step: Tree | None
    column: int


class Rest(Struct, frozen=True, eq=False):
    """`...` in an index."""

    column: int


class Index(Struct, frozen=True, eq=False):
    of: Tree
    items: tuple[Tree | Slice | Rest, ...]
    column: int


class Call(Struct, frozen=True, eq=False):
    """One of FUNCTIONS; `axis` and `keepdims` where it is a reduction."""

    function: str
    operand: Tree
    axis: Tree | None
    keepdims: Tree | None
    column: int


class Tuple(Struct, frozen=True, eq=False):
    items: tuple[Tree, ...]
    column: int


Tree = Number | Text | Name | Unary | Binary | Chain | Logic | Attribute | Index | Call | Tuple


class Expression(Struct, frozen=True, eq=False):
    """A parsed expression: its text and its tree. `programs` remembers what it compiles to, per graph."""

    text: str
    root: Tree
    about_event: bool
    programs: dict[Any, Any] = field(default_factory=dict)


def children(tree: Tree) -> tuple[Tree, ...]:
    """The operands of a tree, without what stands inside an index or an axis (constants all)."""
    if isinstance(tree, Binary):
        return (tree.left, tree.right)
    if isinstance(tree, Unary | Call):
        return (tree.operand,)
    if isinstance(tree, Attribute | Index):
        return (tree.of,)
    return tree.items if isinstance(tree, Chain | Logic | Tuple) else ()
