"""The commands: one row each, one file a family. Importing this package fills the table."""

from bpdebug.debugger.commands import looking, motion, stops, tensors, visiting, watching
from bpdebug.debugger.commands.table import COMMANDS, Call, Command, find, parse

__all__ = [
    "COMMANDS",
    "Call",
    "Command",
    "find",
    "looking",
    "motion",
    "parse",
    "stops",
    "tensors",
    "visiting",
    "watching",
]
