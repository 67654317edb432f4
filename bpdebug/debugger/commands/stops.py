"""Breakpoints."""

from __future__ import annotations

from dataclasses import replace

from bpdebug.debugger.commands.table import Command, register
from bpdebug.debugger.state import Breakpoint, State
from bpdebug.errors import CommandError
from bpdebug.expression import parse_location, resolve

SHORT = {"forward": "fwd", "seed": "seed", "backward": "bwd", "update": "upd"}


def break_(state: State, argument: str) -> State:
    """A breakpoint at a location; without one, at the event under the cursor, taken away if it has one already."""
    location = argument
    if not location:
        event = state.event
        if event is None:
            raise CommandError("no event here to stop at", code="E_COMMAND", hint="break LOC: break Y@bwd")
        location = f"{event.name}@{SHORT[event.phase]}"
        there = [b.number for b in state.breakpoints if b.location == location]
        if there:
            return delete(state, str(there[0]))
    stops = resolve(parse_location(location), state.timeline)
    made = Breakpoint(state.next_number, location, stops)
    state = replace(state, breakpoints=(*state.breakpoints, made), next_number=state.next_number + 1)
    count = len(stops.offsets)
    return state.show("said", f"breakpoint {made.number} at {location}: {count} event{'s' * (count != 1)}")


def delete(state: State, argument: str) -> State:
    """Breakpoints by number; without one, all of them."""
    words = argument.split()
    known = {str(b.number) for b in state.breakpoints}
    for word in words:
        if word not in known:
            raise CommandError(
                f"no breakpoint {word}", code="E_COMMAND", hint=f"there are: {', '.join(sorted(known)) or 'none'}"
            )
    kept = tuple(b for b in state.breakpoints if words and str(b.number) not in words)
    gone = len(state.breakpoints) - len(kept)
    return replace(state, breakpoints=kept).show("said", f"{gone} breakpoint{'s' * (gone != 1)} deleted")


register(
    Command("break", break_, "stop at a location", "break #1", ("b",), "b", "[LOC]", "stops"),
    Command("delete", delete, "take breakpoints away", "delete", args="[N ...]", family="stops"),
)
