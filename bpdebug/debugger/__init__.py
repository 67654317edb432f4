"""The debugger: a cursor over a timeline, and commands as functions from state to state."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bpdebug.debugger.opening import open_session, placed
from bpdebug.debugger.state import Breakpoint, State, View

if TYPE_CHECKING:
    from bpdebug.debugger.commands.table import COMMANDS, Call, Command, find, parse
    from bpdebug.debugger.session import quiet, run, update

__all__ = [
    "COMMANDS", "Breakpoint", "Call", "Command", "State", "View", "find", "open_session", "parse", "placed", "quiet",
    "run", "update",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The commands, imported when first asked for: what prints a run gives none."""
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute {name!r}")
    home = "session" if name in ("quiet", "run", "update") else "commands.table"
    found = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return found
