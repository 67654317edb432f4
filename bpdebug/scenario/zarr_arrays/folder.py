"""An array in a folder of Zarr's: its files are opened one by one, below the scenario's folder, without links."""

from __future__ import annotations

import asyncio
import os
from functools import lru_cache
from typing import Any

import zarr
from msgspec import Struct, structs
from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype
from zarr.storage import LocalStore

from bpdebug.arrays import Array
from bpdebug.errors import BpdebugError, shown
from bpdebug.scenario.files import Take, bad
from bpdebug.scenario.narrow import widened
from bpdebug.scenario.paths import ZARR, open_inside
from bpdebug.scenario.zarr_arrays.grid import FILES, Grid, grid, unpacked

SLACK = 2**16
"""Bytes that a packed chunk may have beyond what is in it."""


class ZarrFolder(Struct, frozen=True):
    """An array inside of a folder: `path` is its own, below that of the scenario; `stored` as of a tensor file."""

    folder: str
    path: str
    stored: str = ""

    in_parts = True

    def anchored(self) -> ZarrFolder:
        """The same array, whatever folder is the current one when it is read."""
        return structs.replace(self, folder=os.path.abspath(self.folder))

    def look(self, take: Take) -> Grid:
        """What it says of itself; E_FILE where it is no such array, or damaged, E_LIMIT from `take`."""
        for name in FILES:
            if os.path.lexists(os.path.join(self.folder, self.path, name)):
                with open_inside(self.folder, f"{self.path}/{name}") as file:
                    return grid(name, file.read(2**20), take, self.stored)
        at = os.path.join(self.folder, self.path)
        found = "there is nothing" if not os.path.lexists(at) else f"it has neither {' nor '.join(FILES)}"
        raise bad(f"'{shown(self.path)}' is no array of Zarr's: {found}", f"name a folder that Zarr wrote: W{ZARR}")

    def whole(self, header: Grid) -> Array:
        """All cells, of the header's shape; raises as `part` does."""
        return self.part(header, tuple(slice(0, n) for n in header.shape))

    def part(self, header: Grid, key: tuple[slice, ...]) -> Array:
        """The cells behind slices of step 1, one for each axis; E_FILE where it is damaged, or another than it was."""
        if self.look(lambda shape, dtype: None) != header:
            raise bad(f"'{shown(self.path)}' has changed since it was opened", "open the scenario again")
        try:
            found: Array = _opened(self, header)[key]
        except BpdebugError:
            raise
        except Exception as error:  # a damaged chunk is whatever Zarr and its codecs stumble over
            raise bad(f"'{shown(self.path)}' cannot be read: {error}", "write it again with Zarr") from None
        return widened(found, header.narrow) if header.narrow else found


@lru_cache(64)
def _opened(at: ZarrFolder, header: Grid) -> Any:
    """Zarr's array, which believes the metadata that were checked."""
    return zarr.open_array(store=_Inside(at, header), mode="r", zarr_format=3 if header.file == FILES[0] else 2)


class _Inside(LocalStore):  # type: ignore[misc]  # zarr is an extra
    """A folder whose chunks are read as files of a scenario are, if what they unpack to is no larger than a chunk."""

    def __init__(self, at: ZarrFolder, header: Grid) -> None:
        super().__init__(os.path.join(at.folder, at.path), read_only=True)
        self._at, self._header = at, header

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        assert byte_range is None, "no chunk is read in parts"
        make = (prototype or default_buffer_prototype()).buffer
        if key in (*FILES, ".zattrs", "zarr.json"):
            return make.from_bytes(self._header.raw) if key == self._header.file else None
        raw = await asyncio.to_thread(self._chunk, key)
        return None if raw is None else make.from_bytes(raw)

    def _chunk(self, key: str) -> bytes | None:
        """A chunk's bytes; None where it was never written, and has the fill value throughout."""
        path, most = f"{self._at.path}/{key}", self._header.chunk_bytes
        if not os.path.lexists(os.path.join(self._at.folder, path)):
            return None
        with open_inside(self._at.folder, path) as file:
            raw = file.read(2 * most + SLACK + 1)
        size = unpacked(raw, self._header.packed)
        if len(raw) > 2 * most + SLACK or size is None or size > most + (0 if self._header.packed else 4):
            found = "do not say how many they are" if size is None else f"say that they are {size:,} bytes"
            raise bad(f"the cells in '{shown(path)}' {found}, not {most:,}", "write it again with Zarr")
        return raw
