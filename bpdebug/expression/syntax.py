"""What an expression is parsed to: a tree of frozen records, each with the column where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FUNCTIONS = (
    "norm", "max", "min", "mean", "sum", "abs", "any", "all", "isnan", "isinf", "zeros", "size", "rank",
)  # fmt: skip
ATTRIBUTES = ("T", "shape", "dtype")
WORDS = ("node", "op", "phase", "event", "iteration", "grad", "out")
"""What conditions may ask about the event they are put to."""

Scalar = bool | int | float


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    value: Scalar
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    value: str
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """A dotted name as typed; `gradient` where a ∂ stands before it. `X.T` is taken apart when it meets a graph."""

    text: str
    gradient: bool
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Unary:
    op: str
    operand: Tree
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    """Arithmetic or one comparison; the column is the operator's."""

    op: str
    left: Tree
    right: Tree
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """`1 < x < 3`: every link must hold, and each operand is computed once."""

    ops: tuple[str, ...]
    items: tuple[Tree, ...]
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Logic:
    """`and` or `or` of two or more operands."""

    op: str
    items: tuple[Tree, ...]
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    of: Tree
    name: str
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    start: Tree | None
    stop: Tree | None
    step: Tree | None
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """`...` in an index."""

    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    of: Tree
    items: tuple[Tree | Slice | Rest, ...]
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One of FUNCTIONS; `axis` and `keepdims` where it is a reduction."""

    function: str
    operand: Tree
    axis: Tree | None
    keepdims: Tree | None
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Tuple:
    items: tuple[Tree, ...]
    column: int


Tree = Number | Text | Name | Unary | Binary | Chain | Logic | Attribute | Index | Call | Tuple


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A parsed expression: its text and its tree. `programs` remembers what it compiles to, per graph."""

    text: str
    root: Tree
    about_event: bool
    programs: dict[Any, Any] = field(default_factory=dict, repr=False)


def children(tree: Tree) -> tuple[Tree, ...]:
    """The operands of a tree, without what stands inside an index or an axis (constants all)."""
    if isinstance(tree, Binary):
        return (tree.left, tree.right)
    if isinstance(tree, Unary | Call):
        return (tree.operand,)
    if isinstance(tree, Attribute | Index):
        return (tree.of,)
    return tree.items if isinstance(tree, Chain | Logic | Tuple) else ()
