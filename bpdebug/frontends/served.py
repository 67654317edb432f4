"""Whether this process is one that somebody reached by a browser: it has the user's rights, and touches no file."""

from __future__ import annotations

import os

from bpdebug.errors import CommandError

VARIABLE = "BPDEBUG_SERVED"
"""Set for the processes that `bpdebug serve` starts."""


def served() -> bool:
    """Whether a browser is at the other end."""
    return bool(os.environ.get(VARIABLE))


def refuse_files(what: str) -> None:
    """E_COMMAND where a browser is at the other end."""
    if served():
        hint = "start bpdebug in a terminal for what reads or writes files"
        raise CommandError(f"{what} is not possible in a browser", hint=hint)
