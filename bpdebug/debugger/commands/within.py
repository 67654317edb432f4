"""The time that a command may be given: `check for 30s`, `flow for 2m`."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic
from typing import Any

from bpdebug.debugger.commands.table import parse
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.translation import _

TIME = r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h)"
TAKES = "[for 30s]"
"""What stands in the arguments of a command that may be given one."""
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
LONGEST = 1e7
"""Seconds that a command may be given."""


class Deadline:
    """Whether seconds are over, counted from when it was made; in another process those that were left."""

    def __init__(self, seconds: float) -> None:
        self.end = monotonic() + seconds

    def __call__(self) -> bool:
        return monotonic() >= self.end

    def __reduce__(self) -> tuple[Any, ...]:
        return Deadline, (self.end - monotonic(),)


def within(name: str, argument: str) -> tuple[str, float | None, Callable[[], bool] | None]:
    """'Y@bwd for 30s' as what stands before it, the seconds, and what says that they are over, counted from now.

    None and None where no time is given. E_COMMAND for what is no time; the hint is about the command of that name.
    """
    before, word, time = f" {argument}".rpartition(" for ")
    if not word:
        return argument, None, None
    found = re.fullmatch(TIME, time.strip())
    seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not 0 < seconds < LONGEST:
        raise CommandError(f"'{time.strip()[:40]}' is no time", hint=f"{name} for 30s, {name} for 2m")
    return before.strip(), seconds, Deadline(seconds)


def in_a_time(line: str) -> str:
    """'or check for 30s': what may be typed in place of a long line; '' where it has a time already, or takes none."""
    try:
        (call,) = parse(line)
    except (BpdebugError, ValueError):  # whoever carries it out says what is wrong; or there are several
        return ""
    takes = TAKES in call.command.args and call.command.family == "explain" and not call.must_fail
    return _("or {line}").format(line=f"{call.text} for 30s") if takes and " for " not in f" {call.argument}" else ""


def time_alone(name: str, argument: str) -> tuple[float | None, Callable[[], bool] | None]:
    """The same for a command that takes nothing but a time; E_COMMAND for anything else."""
    before, seconds, over = within(name, argument)
    if before:
        raise CommandError(f"{name} takes nothing but a time: '{before[:40]}'", hint=f"{name}, {name} for 30s")
    return seconds, over
