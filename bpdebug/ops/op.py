"""The record every op is, and the table they stand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bpdebug.arrays import Shape

REQUIRED = object()
"""The default of an attribute that must be given."""


@dataclass(frozen=True)
class Attr:
    """One keyword of an op: its default (or REQUIRED), what it may be, and whether it may stand positionally.

    `kind` is one of: int, float, bool, str, ints (a tuple of ints or one int, kept apart), axis (int, tuple or
    None), widths (pad widths), key (an index), number (float or None). `choices` closes a `str`. None may be
    written for any kind where it is the default.
    """

    kind: str
    default: Any = REQUIRED
    positional: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One worked call of an op for help and tests: operand texts in the scenario language, and attributes.

    `inputs` holds nested lists or numbers: floats make a float64 operand, ints int64, bools a boolean one.
    A bare number is a literal, folded into the op.
    Samples keep away from kinks and ties, so that finite differences agree with the rule.
    """

    inputs: tuple[Any, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)


SCALES = "each cell's gradient times the slope at that cell"
ROUTES = "the gradient goes to the cells that were taken, and 0 to the others"
MIXES = "every cell of the result depends on several cells: each gradient is a sum over all it went into"
"""What rules that are not linear do to a gradient; see `back`."""


def _no_check(*shapes: Shape, **attrs: Any) -> None:
    return None


@dataclass(frozen=True, eq=False)
class Op:
    """One operation: forward and derivative side by side, written against an array namespace `xp`.

    `forward(xp, *operands, **attrs)` gives the value. `vjp(xp, g, y, *operands, **attrs)` gives the
    vector-Jacobian product for each operand, or None where there is no derivative: `g` is the cotangent of the
    output `y`. A rule never sums over broadcast axes; the engine does, visibly. It must not branch on values.

    `operands` names them ("x", "w"; a last "*xs" takes any number from 1); names ending in "?" may be left out.
    `kinds` says what dtypes each operand takes (letters of "fib": float, integer, boolean), the last entry
    repeating. `check(*shapes, **attrs)` raises ShapeError with words before the rule is traced.
    `linear_in` lists the operands the op is linear in (the others held fixed). `infix` is how it is written
    between operands or before one. `draws` marks an op that takes a random boolean mask of x's shape as a last
    hidden operand. `broadcasts` is "elementwise" or "matmul" where operands broadcast: a rule then returns a
    gradient of the broadcast shape, and the engine sums it back. `infinite` marks an op whose infinities are
    its meaning and no fault.
    `back` says in words what its rule does to a gradient: of a linear op, what its transpose is.
    `kink` says in words which convention holds where the derivative does not exist; `kink_at(*cells)` says it of
    these cells of an elementwise op's operands, where it is not the same everywhere.
    `parts_of(attrs)` is how many tensors an op that yields a tuple yields (split); its attribute `part` is which.
    `indexes(shapes, attrs)` gives (operand, least, size): integers of that operand must be in least..size-1.
    `linear_in` of an op of any number of operands names the first, which stands for all.
    """

    name: str
    says: str
    forward: Callable[..., Any]
    vjp: Callable[..., tuple[Any, ...]]
    operands: tuple[str, ...] = ("x",)
    attrs: Mapping[str, Attr] = field(default_factory=dict)
    kinds: tuple[str, ...] = ("f",)
    check: Callable[..., None] = _no_check
    linear_in: tuple[int, ...] = ()
    samples: tuple[Sample, ...] = ()
    infix: str = ""
    draws: bool = False
    infinite: bool = False
    broadcasts: str = ""
    back: str = ""
    kink: str = ""
    kink_at: Callable[..., str] | None = None
    parts_of: Callable[[Mapping[str, Any]], int] | None = None
    indexes: Callable[[tuple[Shape, ...], Mapping[str, Any]], tuple[int, int, int]] | None = None

    def is_linear_in(self, position: int) -> bool:
        """Whether the op is linear in its operand at a position, the others held fixed."""
        every = self.operands[-1].startswith("*") and bool(self.linear_in)
        return every or position in self.linear_in

    def is_given(self, attr: str, value: Any) -> bool:
        """Whether an attribute says more than its default does."""
        known = self.attrs.get(attr)
        return known is None or value != known.default


OPS: dict[str, Op] = {}


def register(*ops: Op) -> None:
    """Put ops into the table; a name stands there once."""
    for op in ops:
        if op.name in OPS:
            raise ValueError(f"op {op.name!r} is in the table already")
        OPS[op.name] = op
