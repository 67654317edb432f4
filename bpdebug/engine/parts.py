"""What an event is made of: contributions (edges), the lines of an update, and the parts of their rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, Cell, Shape, at_cell
from bpdebug.far import as_array
from bpdebug.graph import Subject
from bpdebug.symbolic import Expr
from bpdebug.symbolic.notation import Notation
from bpdebug.translation import ngettext


def sealed(array: Array) -> Array:
    """The array for those outside, of any shape: nothing can be written into it, or make it writeable again."""
    array.setflags(write=False)
    whole: Any = array.base
    while isinstance(whole, np.ndarray):
        whole.setflags(write=False)
        whole = whole.base
    return array.view()


class Lazy(Struct, frozen=True, eq=False, dict=True):
    """A record whose arrays are computed when somebody looks at them, and then remembered."""

    def __repr__(self) -> str:
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__ if name[0] != "_")
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in fields if not callable(v))})"


class Fault(Struct, frozen=True):
    """NaN or infinity where it first appears: which tensor, how many cells, and the first cell's index."""

    kind: str
    tensor: str
    cells: int
    first: Cell

    @property
    def where(self) -> str:
        """'2 cells of ∂s, first at [0, 1]'."""
        words = ngettext("{count} cell of {tensor}", "{count} cells of {tensor}", self.cells)
        if self.first:
            words = ngettext("{count} cell of {tensor}, first{at}", "{count} cells of {tensor}, first{at}", self.cells)
        return words.format(count=self.cells, tensor=self.tensor, at=at_cell(self.first))


class Term(Lazy, frozen=True, eq=False, dict=True):
    """An operand of a part, with its value on demand; a literal is its text alone."""

    text: Notation
    shape: Shape
    read: Callable[[], Array] | None = None
    subject: Subject | None = None


class PartView(Lazy, frozen=True, eq=False, dict=True):
    """One operation inside a rule on these numbers; `read` computes its value when asked.

    `sign` is how the operation is written: between its `terms` where it is a sign, before them where it is a name.
    """

    text: Notation
    shape: Shape
    why: str
    read: Callable[[], Array]
    sign: str = ""
    terms: tuple[Term, ...] = ()
    subject: Subject | None = None

    @cached_property
    def value(self) -> Array:
        """What it gives, of `shape`; read-only."""
        return sealed(as_array(self.read()))


def part(
    e: Expr, text: Notation, why: str, read: Callable[[Expr], Array], subject: Callable[[Expr], Subject],
    text_of: Callable[[Any], Notation],
) -> PartView:  # fmt: skip
    """The part that an expression is, with its operands as terms; `read` gives an expression's array, of its shape."""
    terms = tuple(
        Term(text_of(a), a.shape, partial(read, a), subject(a)) if isinstance(a, Expr) else Term(text_of(a), ())
        for a in e.args
    )
    sign = "" if e.prim is None else e.prim.infix or e.prim.name
    return PartView(text, e.shape, why, partial(read, e), sign, terms, subject(e))


class Recipe(NamedTuple):
    """How an array is made: `of` what, by which expression; what each expression in it is, and its array.

    `opens` says which are taken apart into products; others are factors, whatever they are made of.
    """

    of: Subject
    expr: Expr
    subject: Callable[[Expr], Subject]
    value: Callable[[Expr], Array]
    opens: Callable[[Expr], bool] = lambda e: True


class Computation(Lazy, frozen=True, eq=False, dict=True):
    """What an event makes of one tensor: the `formula`, its parts, and the value (read-only, of `shape`)."""

    to: str
    formula: Notation
    shape: Shape
    _value: Callable[[], Array]
    _parts: Callable[[], tuple[PartView, ...]]

    @cached_property
    def value(self) -> Array:
        return sealed(self._value())

    @cached_property
    def parts(self) -> tuple[PartView, ...]:
        return self._parts()


class Contribution(Computation, frozen=True, eq=False, dict=True):
    """What one backward event adds to one operand: the rule as a formula, and its parts.

    `operand` counts the node's tensor operands, `position` all its inputs. `value` is what is added (after the sum
    over broadcast axes), `total` the operand's gradient after it. Both have the operand's shape.
    """

    operand: int
    tensor: int
    position: int
    _total: Callable[[], Array]

    @cached_property
    def total(self) -> Array:
        return sealed(self._total())

    @property
    def subject(self) -> Subject:
        """What it adds to: the operand's gradient."""
        return Subject(self.tensor, True)

    @property
    def sign(self) -> str:
        """`+=` where it is added to what is there."""
        return "+=" if self.parts[-1].why == "accumulate" else "="

    @property
    def rule(self) -> tuple[PartView, ...]:
        """The parts of the rule itself, without the sum over broadcast axes and the accumulation."""
        return tuple(p for p in self.parts if p.why not in ("unbroadcast", "accumulate"))


class Assignment(Computation, frozen=True, eq=False, dict=True):
    """A line of an update: `velocity = momentum * velocity + ∂w`, with its parts; the last one is the parameter's.

    `to` is a tensor's name (w.velocity, w), or that of what stands between (`g`, the gradient it goes by; `norm`);
    `name` is how formulas write it. `before` is None for what is not kept from step to step.
    """

    name: str
    subject: Subject
    _before: Callable[[], Array] | None
    in_numbers: Callable[[Cell, Callable[[float], str]], Notation | None]
    """The formula with numbers for names, at one cell; None where a cell depends on others than its own."""
    recipe: Recipe | None = None
    """None of what is no parameter's own: the norm of all gradients."""

    @cached_property
    def before(self) -> Array | None:
        return None if self._before is None else sealed(self._before())
