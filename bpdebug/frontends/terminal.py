"""The one door to the terminal: UTF-8, or ASCII, goes out, and nothing that steers the terminal, whoever prints."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from bpdebug.errors import printable

_UNICODE = ("utf8", "utf16", "utf32", "utf8sig")
"""Encodings that have every sign."""


class Door:
    """A standard stream behind the one sanitiser (CWE-150), in ASCII where `ascii` is set; else it is that stream."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.ascii = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "") not in _UNICODE

    def write(self, text: str) -> int:
        """Control and bidirectional characters leave as escapes; line feeds stay."""
        text = printable(text)
        if self.ascii and not text.isascii():
            from bpdebug.frontends.ascii import in_ascii  # start-up: few terminals want it

            text = in_ascii(text)
        return self.stream.write(text)

    def write_json(self, text: str) -> int:
        """The same for JSON, which has escapes of its own."""
        if self.ascii and not text.isascii():
            from bpdebug.frontends.ascii import json_in_ascii  # start-up: as above

            text = json_in_ascii(text)
        return self.write(text)

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


_out: list[Door] = []
"""The door of the output: while a screen is there, Textual stands before it."""


@contextmanager
def doors() -> Iterator[None]:
    """The standard streams of a command line: output through doors, and a stream that was closed leads nowhere.

    What cannot be read or shown in the stream's encoding is an escape, and no error.
    """
    before, count = (sys.stdin, sys.stdout, sys.stderr), len(_out)
    try:
        streams = [stream or _nowhere(mode) for stream, mode in zip(before, "rww", strict=True)]
        for stream in streams:
            if isinstance(stream, io.TextIOWrapper):
                known = stream.isatty() or stream.encoding.lower() == "utf-8"
                stream.reconfigure(encoding=None if known else "utf-8", errors="backslashreplace")
        sys.stdin, sys.stdout, sys.stderr = streams[0], Door(streams[1]), Messages(streams[2])
        _out.append(sys.stdout)
        yield
    finally:
        del _out[count:]
        sys.stdin, sys.stdout, sys.stderr = before


def _nowhere(mode: str) -> TextIO:
    """In place of a closed stream, on its number: the next file that is opened must not be taken for it."""
    return cast(TextIO, open(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8", closefd=False))


def erase_line() -> None:
    """The one thing that a terminal is told: to begin its line anew. On the error stream."""
    stream = sys.stderr
    (stream.stream if isinstance(stream, Door) else stream).write("\r\x1b[K")


def spell_in_ascii() -> None:
    """From here on everything is written in ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Door):
            stream.ascii = True


def in_ascii() -> bool:
    """Whether the terminal is to be written to in ASCII: because it was asked for, or has no other signs."""
    return bool(_out) and _out[-1].ascii


def apart(*texts: str) -> str:
    """What there is of texts, set apart: by a dot, or in ASCII, where that is the sign of a product, by a bar."""
    return (" | " if in_ascii() else " · ").join(filter(None, texts))
