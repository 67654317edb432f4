"""What an expression compiles to: steps on a stack, so that a sum of a thousand terms needs no recursion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from bpdebug.arrays import DType, Shape
from bpdebug.expression.frame import NO_PATH, Frame, Missing
from bpdebug.expression.kinds import Kind
from bpdebug.graph import Graph
from bpdebug.language.tokens import refuse

CONSTANT = -1

Run = Callable[..., Any]
Step = tuple[int, Any, int]


class Program(Struct, frozen=True, eq=False):
    """Steps (operands taken, function or constant, column), and what they give."""

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

    `condition`: words about the event are known; `about`: shape and dtype of its tensor, for `grad` and `out`.
    """

    graph: Graph
    memory: int
    condition: bool = False
    about: tuple[Shape, DType] | None = None


def spelt(error: Exception) -> str:
    """What NumPy says is wrong, on one line and without its advice."""
    return str(error).splitlines()[0].split(", use the")[0] if str(error) else type(error).__name__
