"""The record every op is, and the table they stand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field

from bpdebug.arrays import Shape
from bpdebug.errors import InputError, shown, suggest
from bpdebug.ops.attributes import REQUIRED, Attr, fit, spelt

Span = tuple[int, int, int]


class Sample(Struct, frozen=True):
    """One worked call of an op for help and tests: operand texts in the scenario language, and attributes.

    `inputs` holds nested lists or numbers: floats make a float64 operand, ints int64, bools a boolean one.
    A bare number is a literal, folded into the op.
    Samples keep away from kinks and ties, so that finite differences agree with the rule.
    """

    inputs: tuple[Any, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)


ROWS = [[1.0, -2.0, 0.5], [-0.25, 3.0, 1.5]]
CUBE = [[[1.0, -2.0, 0.5, 4.0], [-0.25, 3.0, 1.5, 0.75], [2.5, -1.0, 0.25, -3.0]],
        [[0.1, 1.2, -0.6, 2.2], [1.75, -0.5, 3.5, -1.5], [-2.25, 2.75, 5.0, 0.3]]]  # fmt: skip
"""Operands of samples that several ops share."""

SCALES = "each cell's gradient times the slope at that cell"
ROUTES = "the gradient goes to the cells that were taken, and 0 to the others"
MIXES = "every cell of the result depends on several cells: each gradient is a sum over all it went into"
"""What rules that are not linear do to a gradient; see `back`."""


def _no_check(*shapes: Shape, **attrs: Any) -> None:
    return None


class Op(Struct, frozen=True, eq=False, dict=True):
    """One operation: forward and derivative side by side, written against an array namespace `xp`.

    `forward(xp, *operands, **attrs)` gives the value. `vjp(xp, g, y, *operands, **attrs)` gives the
    vector-Jacobian product for each operand, or None where there is no derivative: `g` is the cotangent of the
    output `y`. A rule never sums over broadcast axes; the engine does, visibly. It must not branch on values.

    `operands` names them ("x", "w"; a last "*xs" takes any number from 1); names ending in "?" may be left out.
    `kinds` says what dtypes each operand takes (letters of "fib": float, integer, boolean), the last entry
    repeating. `check(*shapes, **attrs)` raises ShapeError with words before the rule is traced.
    `linear_in` lists the operands the op is linear in (the others held fixed). `infix` is how it is written
    between operands or before one. `draws` marks an op whose last operand, a boolean mask of x's shape that is given
    by its keyword, is drawn where it is left out. `held(attrs)` is the row of operand 0 that is held fixed: its
    gradient is 0 by convention, whatever it did, and so the op is not linear in it. `broadcasts` is "elementwise" or
    "matmul" where operands broadcast: a rule then returns a gradient of the broadcast shape, and the engine sums it
    back. `infinite` marks an op whose infinities are its meaning and no fault.
    `back` says in words what its rule does to a gradient: of a linear op, what its transpose is.
    `conventions` are attributes that choose what the gradient is where there is no derivative: a call has those that
    were chosen, `vjp` alone is given them, and without them it gives the answer that is ours. Those that are `valued`
    choose the value there, too, and `forward` is given them.
    `kink` says in words which convention holds where the derivative does not exist; `kink_at(*cells)` says it of
    these cells of an elementwise op's operands, where it is not the same everywhere.
    `instead` has the numbers that stand for operands that are left out where one behind them is given (gamma: 1); they
    may be numbers at any time.
    `parts_of(attrs)` is how many tensors an op that yields a tuple yields (split); its attribute `part` is
    which; None of one that its shape says (unbind).
    `indexes(shapes, attrs)` gives (operand, least, size), or a list of such: integers of that operand must be in
    least..size-1.
    `leads` names the attribute that is written before the operands: einsum("ij,jk->ik", a, b).
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
    held: Callable[[Mapping[str, Any]], int | None] | None = None
    infinite: bool = False
    broadcasts: str = ""
    back: str = ""
    conventions: Mapping[str, Attr] = field(default_factory=dict)
    valued: tuple[str, ...] = ()
    kink: str = ""
    kink_at: Callable[..., str] | None = None
    instead: Mapping[str, int] = field(default_factory=dict)
    parts_of: Callable[[Mapping[str, Any]], int | None] | None = None
    leads: str = ""
    indexes: Callable[[tuple[Shape, ...], Mapping[str, Any]], Span | list[Span]] | None = None

    def is_linear_in(self, position: int, attrs: Mapping[str, Any]) -> bool:
        """Whether a call of the op is linear in its operand at a position, the others held fixed."""
        linear = position in self.linear_in or (self.variadic and bool(self.linear_in))
        return linear and (self.held is None or self.held(attrs) is None)

    def is_drawn(self, count: int) -> bool:
        """Whether the mask of a call with so many operands is drawn."""
        return self.draws and count < len(self.operands)

    def may_be_number(self, position: int) -> bool:
        """Whether the operand at a position may be a number that is written."""
        named = self.operands[position].strip("?") if position < len(self.operands) else ""
        return bool(self.broadcasts) or named in self.instead

    def is_given(self, attr: str, value: Any) -> bool:
        """Whether an attribute says more than its default does."""
        if attr in self.conventions:
            return not self.conventions[attr].hidden
        known = self.attrs.get(attr)
        return known is None or value != known.default

    @cached_property
    def open_attrs(self) -> Mapping[str, Attr]:
        """The attributes that may be written."""
        return {name: attr for name, attr in self.attrs.items() if not attr.hidden}

    @cached_property
    def keywords(self) -> Mapping[str, Attr]:
        """The attributes that may be written, and those that choose a convention."""
        chosen = {name: attr for name, attr in self.conventions.items() if not attr.hidden}
        return {**self.open_attrs, **chosen} if chosen else self.open_attrs

    def of_value(self, attrs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The attributes of a call that its value depends on: all but those that choose a gradient alone."""
        if len(attrs) == len(self.attrs):
            return attrs
        return {n: value for n, value in attrs.items() if n not in self.conventions or n in self.valued}

    def unchosen(self, attrs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The attributes of the same call where no convention is chosen."""
        return {name: value for name, value in attrs.items() if name not in self.conventions}

    @cached_property
    def positional(self) -> list[str]:
        """The attributes that may stand behind the operands without their keyword, in this order."""
        return [n for n, attr in self.open_attrs.items() if attr.positional or attr.default is REQUIRED]

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """The attributes of a call that gives none; one mapping for all such calls."""
        given = {name: attr.default for name, attr in self.attrs.items() if attr.default is not REQUIRED}
        return MappingProxyType(given)

    @cached_property
    def variadic(self) -> bool:
        """Whether it takes any number of operands."""
        return any(o.startswith("*") for o in self.operands)

    @cached_property
    def arity(self) -> tuple[int, int | None]:
        """The least and the greatest number of operands; None is any number."""
        least = sum(not o.endswith("?") for o in self.operands)
        return least, None if self.variadic else len(self.operands)

    def miscounted(self, count: int, hint: str = "") -> InputError:
        """E_ATTR for more operands than the op takes, or where the one behind so many is left out."""
        least, most = self.arity
        takes = f"at least {least}" if most is None else f"{least}" if least == most else f"{least} to {most}"
        found = f"{count} arguments are given"
        if most is None or count < most:
            found = f"{self.operands[min(count, len(self.operands) - 1)].strip('?*')} is missing"
        message = f"{self.name} takes {takes} operand{'s' * ((least if most is None else most) != 1)}, and {found}"
        return InputError(message, code="E_ATTR", hint=hint or f"write {self.signature}")

    @property
    def signature(self) -> str:
        """How a call is written: matmul(a, b), sum(x, axis=None, keepdims=False)."""
        operands = ["a, b, ..."] if self.variadic else [o.strip("?") for o in self.operands]
        rest = {n: a for n, a in self.open_attrs.items() if n != self.leads}
        attrs = [n if a.default is REQUIRED else f"{n}={spelt(a.default)}" for n, a in rest.items()]
        last = [f"{operands.pop()}=drawn"] if self.draws else []
        return f"{self.name}({', '.join([*([self.leads] if self.leads else []), *operands, *attrs, *last])})"

    def bind(self, attrs: Mapping[str, Any]) -> Mapping[str, Any]:
        """All attributes of a call in the op's order, from those that are given; E_ATTR where one does not fit."""
        if attrs is self.defaults or (not attrs and len(self.defaults) == len(self.attrs)):
            return self.defaults
        for name in attrs:
            if name not in self.attrs and name not in self.conventions:
                raise self.unknown(name)
        for name, attr in self.attrs.items():
            if attr.default is REQUIRED and name not in attrs:
                message = f"{self.name} needs {name}, and it is not given"
                raise InputError(message, code="E_ATTR", hint=f"write {self.signature}")
        bound = {
            name: fit(self.name, name, attr, attrs[name]) if name in attrs else attr.default
            for name, attr in self.attrs.items()
        }
        chosen = (name for name in self.conventions if name in attrs)
        return bound | {name: fit(self.name, name, self.conventions[name], attrs[name]) for name in chosen}

    def unknown(self, name: str) -> InputError:
        """E_ATTR for a keyword that the op does not have."""
        known = [o.strip("?*") for o in self.operands] + list(self.keywords)
        mine = ", ".join(self.keywords)
        hint = suggest(name, known, f"{self.name} has: {mine}" if mine else f"{self.name} has no attributes")
        return InputError(f"{self.name} has no attribute '{shown(name)}'", code="E_ATTR", hint=hint)


moving = partial(Op, kinds=("fib",), linear_in=(0,))
"""An op that moves cells about and changes none."""

OPS: dict[str, Op] = {}


def register(*ops: Op) -> None:
    """Put ops into the table; ValueError where a name stands there already."""
    for op in ops:
        if op.name in OPS:
            raise ValueError(f"op {op.name!r} is in the table already")
        OPS[op.name] = op
