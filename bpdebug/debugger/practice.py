"""What practice asks next: the first operand at this event whose gradient was not found yet."""

from __future__ import annotations

from msgspec import Struct

from bpdebug.debugger.state import State
from bpdebug.engine import BACKWARD, Contribution, NodeEvent


class Exercise(Struct, frozen=True, eq=False):
    """The contribution that is asked about, and whether its shape or its formula is wanted.

    `number` is its place among the event's contributions; those before it are answered.
    """

    event: NodeEvent
    number: int
    asks: str
    contribution: Contribution


def question(state: State) -> Exercise | None:
    """The question that is open at the cursor; None outside practice, and where all is answered."""
    event = state.event
    if state.practice is None or not isinstance(event, NodeEvent) or event.phase != BACKWARD:
        return None
    for number, contribution in enumerate(event.contributions):
        key = (event.index, number)
        if key not in state.practice.done:
            asks = "formula" if key in state.practice.shapes else "shape"
            return Exercise(event, number, asks, contribution)
    return None
