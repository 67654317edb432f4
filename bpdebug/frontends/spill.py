"""A folder as the third place beside memory and computing again: arrays that a pass forgets wait there."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable
from mmap import ALLOCATIONGRANULARITY
from typing import NamedTuple

import numpy as np

from bpdebug.arrays import Array, DType, Shape, read_only
from bpdebug.engine.budget import Budget
from bpdebug.errors import InputError, shown
from bpdebug.importers.trace_format import packed, unpacked
from bpdebug.limits import KIB
from bpdebug.scenario.paths import reason

SMALL = 64 * KIB
"""Arrays of fewer bytes are read; larger ones are mapped, of which a process may have some ten thousand."""


def refuse(error: InputError) -> None:
    """Raises it: what was asked for ends, and is there when it is asked for again."""
    raise error


class FileSpan(NamedTuple):
    """Where an array lies in the file, and how it is laid out."""

    offset: int
    nbytes: int
    dtype: DType
    shape: Shape
    strides: Shape | None


class SpillFile:
    """A file without a name in a folder, which is gone with the process: nothing is left of it, however that ends.

    Arrays go behind one another, each from a page on. They are written and not mapped for writing, because a disk that
    is full would kill the process; read they are mapped. `filled` is called once it takes no more, with why.
    """

    def __init__(self, folder: str, filled: Callable[[InputError], None] = refuse) -> None:
        self.folder, self.size, self.full, self._filled = folder, 0, False, filled
        try:
            self._file = tempfile.TemporaryFile(prefix=".bpdebug-", dir=folder, buffering=0)  # noqa: SIM115 - it stays open
            weakref.finalize(self, self._file.close)
        except (OSError, ValueError) as error:
            raise self._refused(error) from None

    def put(self, array: Array) -> FileSpan | None:
        """The span of an array of any shape; None where its layout would be another, or there is no room."""
        if self.full:
            return None
        block, strides = packed(array)
        if strides is not None and any(
            n > 1 and mine != there for n, mine, there in zip(array.shape, array.strides, strides, strict=True)
        ):
            return None
        offset = -(-self.size // ALLOCATIONGRANULARITY) * ALLOCATIONGRANULARITY
        raw = memoryview(block.reshape(-1).view(np.uint8).data) if block.nbytes else memoryview(b"")
        try:
            self._file.seek(offset)
            done = 0
            while done < len(raw):
                done += self._file.write(raw[done:])
        except OSError as error:
            self.full = True
            self._filled(self._refused(error))
            return None
        self.size = offset + block.nbytes
        return FileSpan(offset, block.nbytes, array.dtype, array.shape, strides)

    def get(self, place: FileSpan) -> Array:
        """The array of a span, read-only, of its shape and dtype."""
        if place.nbytes < SMALL:
            self._file.seek(place.offset)
            return read_only(unpacked(self._file.read(place.nbytes), place.dtype, place.shape, place.strides))
        raw = np.memmap(self._file, np.uint8, "r", place.offset, (place.nbytes,))
        return read_only(unpacked(raw, place.dtype, place.shape, place.strides))

    def _refused(self, error: Exception) -> InputError:
        message = f"cannot write to '{shown(self.folder, 200)}': {reason(error)}"
        return InputError(message, code="E_FILE", hint="name a folder that you may write to: --spill /var/tmp")


class SpillFolder:
    """Makes the files of a session's passes in one folder, until one of them finds the disk full: `say` is told why."""

    def __init__(self, folder: str, say: Callable[[InputError], None] = refuse) -> None:
        self.folder, self.full, self._say = folder, False, say

    def __call__(self) -> SpillFile | None:
        """Another file; None where the disk was full, or takes no file any more."""
        if self.full:
            return None
        try:
            return SpillFile(self.folder, self._filled)
        except InputError as error:
            self._filled(error)
            return None

    def _filled(self, error: InputError) -> None:
        self.full = True
        hint = "make room; from here on it is computed again instead"
        self._say(InputError(error.message, code="E_FILE", hint=hint))


def spilling(size: int, folder: str, say: Callable[[InputError], None] | None) -> Budget:
    """A budget of so many bytes, with a folder for what is forgotten; E_FILE where nothing can be written there.

    Once its disk is full `say` is told of it; without, that is raised, as E_FILE.
    """
    SpillFile(folder)
    return Budget(size, SpillFolder(folder, say or refuse))
