"""Which command a lesson goes on with, whatever front end walks it."""

from __future__ import annotations

from bpdebug.debugger import State
from bpdebug.engine import BACKWARD
from bpdebug.translation import N_

Item = tuple[str, str]
"""A command, or a row of the table of keys, and what it does in a word."""
INSIDE = {
    "transpose": N_("turn it"), "product": N_("multiply"), "unbroadcast": N_("sum it"), "accumulate": N_("add it"),
}  # fmt: skip
"""What the next part of a rule does; of another it is said that it lies inside."""


def onward(state: State) -> Item:
    """Into the rule where one of the next parts is more than its operands, else on."""
    event = state.event
    parts = event.parts[state.part :] if event is not None and event.phase == BACKWARD else ()
    for _, part in parts[:1]:
        if part.why in INSIDE:
            return "stepi", INSIDE[part.why]
    return ("stepi", N_("look inside")) if any(part.why in INSIDE for _, part in parts) else ("step", N_("go on"))
