"""What an expression compiles to, and what that runs on: steps on a stack, and a position of a timeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from bpdebug.arrays import Array, DType, Shape
from bpdebug.engine import Event, Timeline
from bpdebug.expression.kinds import Kind
from bpdebug.graph import Graph
from bpdebug.language.tokens import refuse
from bpdebug.translation import N_

VALUE, PARTIAL = N_("value"), N_("partial")
NOT_COMPUTED, NO_PATH = N_("not-computed"), N_("no-path")
CONSTANT = -1
"""Stands for the number of operands of a step that is a constant."""

Run = Callable[..., Any]
Step = tuple[int, Any, int]


class Missing(Exception):
    """A tensor or a gradient that has no value at this position."""

    def __init__(self, status: str) -> None:
        self.status = status


class Frame(Struct):
    """What a program runs on: a position of a timeline, and inside conditions the event.

    `partial`: a gradient was read that is not complete.
    """

    timeline: Timeline
    position: int
    event: Event | None
    partial: bool = False

    def value(self, tensor: int) -> Array:
        """A tensor's value, of its shape and dtype; raises Missing where it is not computed yet."""
        found = self.timeline.value_at(tensor, self.position)
        if found is None:
            raise Missing(NOT_COMPUTED)
        return found

    def gradient(self, tensor: int) -> Array | None:
        """A gradient as far as it is summed, of its tensor's shape and dtype; raises Missing where nothing is."""
        status = self.timeline.schedule.grad_status(tensor, self.position)
        if status == PARTIAL:
            self.partial = True
        elif status != VALUE:
            raise Missing(status)
        return self.timeline.grad_at(tensor, self.position)

    @property
    def about(self) -> Event:
        """The event that a condition is put to."""
        assert self.event is not None
        return self.event


WORDS: dict[str, Callable[[Frame], Any]] = {
    "node": lambda frame: frame.about.name,
    "op": lambda frame: frame.about.op or "",
    "phase": lambda frame: frame.about.phase,
    "event": lambda frame: frame.about.index,
    "iteration": lambda frame: frame.about.iteration,
    "grad": lambda frame: frame.gradient(frame.about.tensor),
    "out": lambda frame: frame.value(frame.about.tensor),
}
"""What conditions may ask about their event; `out` of an update is the parameter after it."""


class Program(Struct, frozen=True, eq=False):
    """Steps (operands taken, function or constant, column), and what they give; a sum of any length is no recursion."""

    steps: tuple[Step, ...]
    kind: Kind

    def run(self, frame: Frame) -> Any:
        """The value; Missing where an operand has none, E_EXPR where the numbers do not allow it."""
        if self.kind.absent:
            raise Missing(NO_PATH)
        stack: list[Any] = []
        arity, column = 0, 1
        try:
            for arity, function, column in self.steps:  # noqa: B007 - the column is for the error
                if arity == 2:
                    right = stack.pop()
                    stack[-1] = function(stack[-1], right)
                elif arity == 1:
                    stack[-1] = function(stack[-1])
                elif arity > 2:
                    stack[-arity:] = [function(*stack[-arity:])]
                else:
                    stack.append(function if arity == CONSTANT else function(frame))
        except (ArithmeticError, ValueError, IndexError, MemoryError) as error:
            if arity == 0:
                raise
            raise refuse(spelt(error), column) from None
        return stack[0]


class Setting(Struct, frozen=True):
    """What an expression is compiled for; programs are remembered by it.

    `memory` is what its steps may hold together, in bytes. `condition`: words about the event are known; `about`: shape
    and dtype of its tensor, for `grad` and `out`.
    """

    graph: Graph
    memory: int
    condition: bool = False
    about: tuple[Shape, DType] | None = None


def spelt(error: Exception) -> str:
    """What NumPy says is wrong, on one line and without its advice."""
    return str(error).splitlines()[0].split(", use the")[0] if str(error) else type(error).__name__
