"""A bar on the terminal's error stream, while something takes its time; nothing where that is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar

from bpdebug.frontends.terminal import apart, erase_line
from bpdebug.progress import interrupted, listening
from bpdebug.translation import N_, _
from bpdebug.wrapping import display_width

Item = TypeVar("Item")
STOPPED = N_("stopped: nothing has changed")

WIDE, PATIENCE, LONG = 30, 0.4, 2.0
"""Characters of the bar, seconds after which it appears, and after which it is said what could be asked instead."""
ENOUGH = 1.0
"""Seconds of work from which the rest can be guessed."""


def bar(done: float, total: int, seconds: float = 0, unit: str = "") -> str:
    """'[####......] 2/5 events, 14 s left', where these seconds have been needed so far; '40 %' of what has no name."""
    filled, share = int(WIDE * done // max(total, 1)), int(100 * done // max(total, 1))
    drawn = f"[{'#' * filled}{'.' * (WIDE - filled)}] " + (f"{int(done)}/{total} {_(unit)}" if unit else f"{share} %")
    if not done or seconds < ENOUGH:
        return drawn
    return _("{bar}, {time} left").format(bar=drawn, time=duration(seconds * (total - done) / done))


def far(done: float, total: int, unit: str, seconds: float, *, known: bool = True) -> str:
    """How far something is after so many seconds, and how long it takes where that is known; or what it waits for."""
    if not total:
        return _("{doing}, {time}").format(doing=unit, time=duration(seconds))
    drawn = bar(done, total, seconds if known else 0, unit)
    return drawn if known else _("{bar}, {time} so far").format(bar=drawn, time=duration(seconds))


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


def watched(
    items: Iterable[Item], *, stops: bool = False, drawn: bool = True, instead: str = ""
) -> Iterator[Item]:  # fmt: skip
    """The same items; where the next one takes its time, a bar says how far it is, if one may be `drawn`.

    And what could be asked `instead`, where it takes long and there is room.

    Where it `stops`, Ctrl-C ends an item with Stopped, at the next place where nothing is half done; pressed again, it
    is KeyboardInterrupt wherever it comes.
    """
    coming = iter(items)
    while True:
        seen = drawn and sys.stderr.isatty()
        with interrupted() if stops else nullcontext() as stop, _watching(stop, seen, instead):
            try:
                item = next(coming)
            except StopIteration:
                return
        yield item


def _with(text: str, instead: str) -> str:
    """A line, and what could be asked instead where there is room for it."""
    from shutil import get_terminal_size  # start-up: little takes so long

    both = apart(text, instead)
    return both if display_width(both) < get_terminal_size().columns else text


def awaited(work: Callable[[], Item]) -> Item:
    """What some work comes to; where it takes its time, it is said how far it is, or what it waits for."""
    with _watching(None, sys.stderr.isatty()):
        return work()


@contextmanager
def _watching(stop: Callable[[], None] | None, drawn: bool, instead: str = "") -> Iterator[None]:
    """Shows how far the work inside is, once it has taken longer than one waits without asking; asks `stop`."""
    began, shown = time.perf_counter(), False

    def heard(done: float, total: int, unit: str) -> None:
        nonlocal shown
        if drawn and (seconds := time.perf_counter() - began) > PATIENCE:
            shown = True
            text = far(done, total, unit, seconds)
            show(_with(text, instead) if seconds > LONG else text)

    try:
        with listening(heard, stop) if drawn or stop else nullcontext():
            yield
    finally:
        if shown:
            show("")
