"""A bar on the terminal's error stream, while something takes its time; nothing where that is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bpdebug.frontends.terminal import erase_line
from bpdebug.progress import listening
from bpdebug.translation import _

WIDE, PATIENCE = 30, 0.4
"""Characters of the bar, and seconds after which it appears."""
ENOUGH = 1.0
"""Seconds of work from which the rest can be guessed."""


def bar(done: float, total: int, seconds: float = 0) -> str:
    """'[####......] 2/5, 14 s left', where these seconds have been needed so far."""
    filled = int(WIDE * done // max(total, 1))
    drawn = f"[{'#' * filled}{'.' * (WIDE - filled)}] {int(done)}/{total}"
    if not done or seconds < ENOUGH:
        return drawn
    return _("{bar}, {time} left").format(bar=drawn, time=duration(seconds * (total - done) / done))


def duration(seconds: float) -> str:
    """About how long that is: '14 s', '3 min', '2 h'."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"


def show(text: str) -> None:
    """One line in place of the last."""
    erase_line()
    sys.stderr.write(text)
    sys.stderr.flush()


@contextmanager
def watching() -> Iterator[None]:
    """Shows how far the commands inside are, once they have taken longer than one waits without asking."""
    if not sys.stderr.isatty():
        yield
        return
    began, shown = time.perf_counter(), False

    def heard(done: float, total: int) -> None:
        nonlocal shown
        if (seconds := time.perf_counter() - began) > PATIENCE:
            shown = True
            show(bar(done, total, seconds))

    try:
        with listening(heard):
            yield
    finally:
        if shown:
            show("")
