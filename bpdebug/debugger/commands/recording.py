"""Recordings, what an earlier session left, and two timelines side by side."""

from __future__ import annotations

from msgspec.structs import replace

from bpdebug.debugger.commands.files import requesting
from bpdebug.debugger.commands.table import Command, nothing, register
from bpdebug.debugger.commands.whatif import chosen
from bpdebug.debugger.state import State
from bpdebug.errors import CommandError


def restore(state: State, argument: str) -> State:
    """The stops, displays, marks and forks of an earlier session of this scenario."""
    nothing(argument, "restore")
    return replace(state, request=("restore", ""))


def compare(state: State, argument: str) -> State:
    """The timeline in use against another fork: the one it was made from, or on fork 0 the newest."""
    if not argument:
        here = next((f for f in state.forks if f.number == state.fork), None)
        if here is None:
            raise CommandError("there is one timeline only", code="E_COMMAND", hint="set W[0, 0] = 1 makes another")
        argument = str(here.parent if here.number else state.forks[-1].number)
    made = chosen(state, argument)
    return state.show("compare", made.timeline, f"fork {made.number}")


register(
    Command(
        "record",
        requesting("record", "a new file"),
        "all events of this timeline, from first to last, into a recording that `bpdebug FILE` opens",
        "record run1.bptrace",
        args="FILE.bptrace",
        family="session",
    ),
    Command(
        "restore",
        restore,
        "the stops, displays, marks and forks that an earlier session of this scenario left",
        "restore",
        family="session",
    ),
    Command(
        "compare",
        compare,
        "the first event at which this fork differs from another, and by how much",
        "set Y = 0 ;; compare",
        args="[N]",
        family="what if",
    ),
)
