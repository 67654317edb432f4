"""The one door to the terminal: what goes out is UTF-8, and nothing in it steers the terminal, whoever prints."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from bpdebug.errors import printable


class Door:
    """A standard stream behind the one sanitiser (CWE-150); else it is that stream."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Control and bidirectional characters leave as escapes; line feeds stay."""
        return self.stream.write(printable(text))

    def writelines(self, lines: Iterable[str]) -> None:
        for text in lines:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Messages(Door):
    """The door of messages: one that the stream does not take (its disk is full, its reader gone) is lost, alone."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self.stream.flush()


@contextmanager
def doors() -> Iterator[None]:
    """The standard streams of a command line: output through doors, and a stream that was closed leads nowhere.

    What cannot be read or shown in the stream's encoding is an escape, and no error.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    try:
        streams = [stream or _nowhere(mode) for stream, mode in zip(before, "rww", strict=True)]
        for stream in streams:
            if isinstance(stream, io.TextIOWrapper):
                known = stream.isatty() or stream.encoding.lower() == "utf-8"
                stream.reconfigure(encoding=None if known else "utf-8", errors="backslashreplace")
        sys.stdin, sys.stdout, sys.stderr = streams[0], Door(streams[1]), Messages(streams[2])
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def _nowhere(mode: str) -> TextIO:
    """In place of a closed stream, on its number: the next file that is opened must not be taken for it."""
    return cast(TextIO, open(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8", closefd=False))


def erase_line() -> None:
    """The one thing that a terminal is told: to begin its line anew. On the error stream."""
    stream = sys.stderr
    (stream.stream if isinstance(stream, Door) else stream).write("\r\x1b[K")
