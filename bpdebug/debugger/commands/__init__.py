"""The commands: one row each, one file a family. Importing this package fills the table."""

from bpdebug.debugger.commands import (
    expecting,
    explaining,
    files,
    looking,
    motion,
    practising,
    recording,
    stops,
    tensors,
    visiting,
    watching,
    whatif,
)
from bpdebug.debugger.commands.table import COMMANDS, Call, Command, find, parse

__all__ = [
    "COMMANDS",
    "Call",
    "Command",
    "expecting",
    "explaining",
    "files",
    "find",
    "looking",
    "motion",
    "parse",
    "practising",
    "recording",
    "stops",
    "tensors",
    "visiting",
    "watching",
    "whatif",
]

FAMILIES = ("motion", "stops", "looking", "tensors", "explain", "what if", "scripts", "session")
"""The order in which help and the foot of the screen show the families."""

_rows = sorted(COMMANDS.values(), key=lambda row: FAMILIES.index(row.family))
COMMANDS.clear()
COMMANDS.update({row.name: row for row in _rows})
