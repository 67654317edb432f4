"""The two files of a recording, read as they are now: nothing is kept of them, nothing mapped."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bpdebug.errors import InputError
from bpdebug.scenario.paths import open_ordinary, reason

HINT = "a recording is two files that belong together: x.bptrace and x.bptrace.data"


class OpenFile:
    """An ordinary file, open for reading until nobody has it any more."""

    def __init__(self, path: Path, *, follow: bool) -> None:
        # unbuffered: what is read is what the file holds now
        self.file = open_ordinary(path, HINT, instead=HINT, follow=follow, buffering=0)
        weakref.finalize(self, self.file.close)
        self.size = os.fstat(self.file.fileno()).st_size

    def read(self, offset: int, count: int) -> bytes:
        """So many bytes, or as many as there are."""
        with _readable():
            self.file.seek(offset)
            found = self.file.read(count)
            while len(found) < count and (more := self.file.read(count - len(found))):
                found += more
        return found

    def lines(self, offset: int, most: int) -> Iterator[tuple[int, bytes]]:
        """The whole lines from an offset on, with their offsets; one that is too long, or not ended, ends it."""
        with _readable(), os.fdopen(os.dup(self.file.fileno()), "rb") as file:
            file.seek(offset)
            while (raw := file.readline(most + 1)).endswith(b"\n"):
                yield offset, raw[:-1]
                offset += len(raw)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"the recording cannot be read: {reason(error)}", code="E_FILE", hint=HINT) from None
