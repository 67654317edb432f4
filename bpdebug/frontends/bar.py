"""A bar on the terminal's error stream, while something takes its time; nothing where that is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bpdebug.frontends.terminal import erase_line
from bpdebug.progress import listening

WIDE, PATIENCE = 30, 0.4
"""Characters of the bar, and seconds after which it appears."""


def bar(done: int, total: int) -> str:
    """'[####......] 2/5'."""
    filled = WIDE * done // max(total, 1)
    return f"[{'#' * filled}{'.' * (WIDE - filled)}] {done}/{total}"


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

    def heard(done: int, total: int) -> None:
        nonlocal shown
        if time.perf_counter() - began > PATIENCE:
            shown = True
            show(bar(done, total))

    try:
        with listening(heard):
            yield
    finally:
        if shown:
            show("")
