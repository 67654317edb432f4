"""Files that front ends write: new ones that overwrite nothing, and whole ones that take the place of others."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from pathlib import Path

from bpdebug.errors import CommandError, shown
from bpdebug.frontends.served import refuse_files
from bpdebug.scenario.paths import reason

HEADER = "# bpdebug "
"""What files begin with that a front end wrote; nothing else is written over."""
_OPTIONAL = ("O_NOFOLLOW", "O_BINARY", "O_CLOEXEC")  # not every system has them
NEW = sum((getattr(os, name, 0) for name in _OPTIONAL), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
"""How a file is opened that must not be there yet, be it as a link that leads nowhere; what is written comes behind."""


LEFT = re.compile(r"\.bpdebug-(\d{20})-\d{1,10}\.tmp")
A_DAY = 24 * 60 * 60 * 10**9
"""Nanoseconds."""


def put(path: Path, raw: bytes, mode: int = 0o666) -> None:
    """All of a file, or what was there before, after a power cut too: written beside its place, then renamed.

    What is written beside it is left there only where the process is killed; the next one to write there takes it away.
    """
    beside = path.with_name(f".bpdebug-{time.time_ns():020d}-{os.getpid()}.tmp")
    try:
        with os.fdopen(os.open(beside, NEW, mode), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sweep(path.parent)
    with contextlib.suppress(OSError):  # a folder cannot be opened everywhere
        fd = os.open(path.parent, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


def _sweep(folder: Path) -> None:
    """Takes away what writers that were killed left in a folder: of the last day some may still be written."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if (left := LEFT.fullmatch(entry.name)) and time.time_ns() - int(left[1]) > A_DAY:
                os.unlink(entry)


def write(path: Path, text: str, *, over: bool = False) -> None:
    """A text file, as a whole; E_FILE where something stands there already, or it cannot be written.

    Files that begin with HEADER are written over, and every ordinary file where `over` says so; links never. E_COMMAND
    where a browser is at the other end.
    """
    refuse_files("a file")
    try:
        _check_free(path, over)
        path.parent.mkdir(exist_ok=True)
        put(path, text.encode("utf-8", "backslashreplace"))
    except (OSError, ValueError) as error:
        message = f"cannot write '{shown(path, 200)}': {reason(error)}"
        raise CommandError(message, code="E_FILE", hint="name a file in a folder that you may write to") from None


def _check_free(path: Path, over: bool) -> None:
    try:
        ordinary = stat.S_ISREG(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if not (ordinary and (over or _is_ours(path))):
        what = "is there already" if ordinary else "is a link, a folder or a device"
        raise CommandError(
            f"'{shown(path, 200)}' {what}", code="E_FILE", hint="choose another name, or remove it first"
        )


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(HEADER)) == HEADER.encode()
