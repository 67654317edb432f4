"""What a timeline is made of: events (nodes), contributions (edges) and the parts of a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bpdebug.arrays import Array, Shape
from bpdebug.graph import Node, Subject
from bpdebug.symbolic.leaves import Axes

if TYPE_CHECKING:
    from bpdebug.engine.timeline import Timeline


def sealed(array: Array) -> Array:
    """The array for those outside: nothing can be written into it, and nobody can make it writeable again."""
    whole: Any = array
    while isinstance(whole, np.ndarray):
        whole.flags.writeable = False
        whole = whole.base
    return array.view()


@dataclass(frozen=True)
class Fault:
    """NaN or infinity where it first appears: which tensor, how many cells, and the first cell's index."""

    kind: str
    tensor: str
    cells: int
    first: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Term:
    """An operand of a part, with its value on demand; a literal is its text alone.

    `axes` are numbered as the part's are: along those of one number, cells belong together.
    """

    text: str
    shape: Shape
    read: Callable[[], Array] | None = field(repr=False, default=None)
    subject: Subject | None = None
    axes: Axes | None = None


@dataclass(frozen=True, eq=False)
class PartView:
    """One operation inside a rule on these numbers; `read` computes its value when asked.

    `sign` is how the operation is written: between its `terms` where it is a sign, before them where it is a name.
    """

    text: str
    shape: Shape
    why: str
    read: Callable[[], Array] = field(repr=False)
    sign: str = ""
    terms: tuple[Term, ...] = ()
    subject: Subject | None = None
    axes: Axes | None = None

    @cached_property
    def value(self) -> Array:
        return sealed(np.asarray(self.read()))


@dataclass(frozen=True, eq=False)
class Contribution:
    """What one backward event adds to one operand: the rule as a formula, and its parts.

    `operand` counts the node's tensor operands, `position` all its inputs. `value` is what is added (after the sum
    over broadcast axes), `total` the operand's gradient after it. Both have the operand's shape.
    """

    to: str
    operand: int
    formula: str
    shape: Shape
    tensor: int
    position: int
    _value: Callable[[], Array] = field(repr=False)
    _total: Callable[[], Array] = field(repr=False)
    _parts: Callable[[], tuple[PartView, ...]] = field(repr=False)

    @cached_property
    def value(self) -> Array:
        return sealed(self._value())

    @cached_property
    def total(self) -> Array:
        return sealed(self._total())

    @cached_property
    def parts(self) -> tuple[PartView, ...]:
        return self._parts()

    @property
    def rule(self) -> tuple[PartView, ...]:
        """The parts of the rule itself, without the sum over broadcast axes and the accumulation."""
        return tuple(p for p in self.parts if p.why not in ("unbroadcast", "accumulate"))


@dataclass(frozen=True, eq=False)
class Assignment:
    """A line of an update: `velocity = momentum * velocity + ∂w`, with its parts; the last one is the parameter's.

    `to` is a tensor's name (w.velocity, w), or that of what stands between (`g`, the gradient it goes by; `norm`);
    `name` is how formulas write it. `before` is None for what is not kept from step to step.
    """

    to: str
    name: str
    subject: Subject
    formula: str
    shape: Shape
    _value: Callable[[], Array] = field(repr=False)
    _before: Callable[[], Array] | None = field(repr=False)
    _parts: Callable[[], tuple[PartView, ...]] = field(repr=False)
    _in_numbers: Callable[[tuple[int, ...], Callable[[float], str]], str] = field(repr=False)

    @cached_property
    def value(self) -> Array:
        return sealed(self._value())

    @cached_property
    def before(self) -> Array | None:
        return None if self._before is None else sealed(self._before())

    def in_numbers(self, cell: tuple[int, ...], form: Callable[[float], str]) -> str:
        """The formula with numbers for names, at one cell; '' where a cell depends on others than its own."""
        return self._in_numbers(cell, form)

    @cached_property
    def parts(self) -> tuple[PartView, ...]:
        return self._parts()


@dataclass(frozen=True, eq=False)
class Event:
    """One step of the timeline: a node computed, a seed, a node's rule applied backwards, or a parameter updated."""

    index: int
    iteration: int
    phase: str
    tensor: int
    name: str
    node: Node | None
    timeline: Timeline = field(repr=False)

    @property
    def op(self) -> str | None:
        return self.node.op.name if self.node else None

    @property
    def line(self) -> int | None:
        return self.node.line if self.node else None

    @property
    def block(self) -> str:
        return self.node.block if self.node else ""

    @cached_property
    def contributions(self) -> tuple[Contribution, ...]:
        """One for each operand that gets a gradient, in operand order; empty but in the backward phase."""
        return self.timeline.contributions(self)

    @cached_property
    def assignments(self) -> tuple[Assignment, ...]:
        """What an update computes, line by line; empty in the other phases."""
        return self.timeline.assignments(self)

    @cached_property
    def parts(self) -> tuple[tuple[Contribution | Assignment, PartView], ...]:
        """Every part of every contribution, or of every line of an update, in order: the stops of `stepi`."""
        owners: tuple[Contribution | Assignment, ...] = (*self.contributions, *self.assignments)
        return tuple((owner, part) for owner in owners for part in owner.parts)

    @property
    def value(self) -> Array:
        """What the event computed: a value, the incoming gradient, the node's whole gradient, or the new parameter."""
        return sealed(self.timeline.result(self))

    @cached_property
    def fault(self) -> Fault | None:
        """NaN or infinity that appears here first, in what the event computed; None where its operands had it."""
        return self.timeline.fault(self)

    @property
    def rule(self) -> str | None:
        """The update rule as text, in the update phase."""
        return self.assignments[-1].formula if self.assignments else None
