"""The commands: one row each, one file a family. Importing this package fills the table."""

from bpdebug.debugger.commands import (
    expecting,
    files,
    looking,
    motion,
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
    "files",
    "find",
    "looking",
    "motion",
    "parse",
    "recording",
    "stops",
    "tensors",
    "visiting",
    "watching",
    "whatif",
]
