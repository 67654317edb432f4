"""Recordings, and what an earlier session left."""

from __future__ import annotations

from msgspec.structs import replace

from bpdebug.debugger.commands.files import requesting
from bpdebug.debugger.commands.table import command
from bpdebug.debugger.state import State

command(
    "record", "all events of this timeline, from first to last, into a recording that `bpdebug FILE` opens",
    "record run1.bptrace", args="FILE.bptrace", family="session",
)(requesting("record", "a new file"))  # fmt: skip


@command(
    "restore", "the stops, displays, marks and forks that an earlier session of this scenario left", "restore",
    family="session",
)  # fmt: skip
def restore(state: State) -> State:
    """The stops, displays, marks and forks of an earlier session of this scenario."""
    return replace(state, request=("restore", ""))
