"""The debugger: a cursor over a timeline, and commands as functions from state to state."""

from __future__ import annotations

from bpdebug.debugger.commands.table import COMMANDS, Call, Command, find, parse
from bpdebug.debugger.session import open_session, placed, quiet, run, update
from bpdebug.debugger.state import Breakpoint, State, View

__all__ = [
    "COMMANDS", "Breakpoint", "Call", "Command", "State", "View", "find", "open_session", "parse", "placed", "quiet",
    "run", "update",
]  # fmt: skip
