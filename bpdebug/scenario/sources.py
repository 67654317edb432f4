"""A tensor in a file: which file of several holds it, its header, and its cells when they are needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from posixpath import dirname, join
from typing import Any, BinaryIO, Protocol

import numpy as np
from msgspec import Struct, structs

from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import BpdebugError, shown
from bpdebug.limits import Limits
from bpdebug.scenario.arrays import Footprint, frozen
from bpdebug.scenario.files import Header, Take, bad, cells, npy_header, part
from bpdebug.scenario.paths import ENDINGS, INDEX, ZARR, check_ending, open_inside, open_ordinary, parts_of

_HINT = "name a tensor file: " + ", ".join(ENDINGS)
_HOST = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


class TensorFile(Struct, frozen=True):
    """A file inside of a folder, or one that lies anywhere, and the tensor in it.

    `member` is its name there ('' where the file has one tensor), `stored` the narrow float that cells are whose type
    the file does not say.
    """

    folder: str | None
    path: str
    ending: str
    member: str = ""
    stored: str = ""

    @property
    def in_parts(self) -> bool:
        """Whether parts can be read alone: what is packed is read whole."""
        return self.ending != ".npz"

    def open(self) -> BinaryIO:
        """The file's bytes; E_FILE where it cannot be opened."""
        return open_ordinary(self.path, _HINT) if self.folder is None else open_inside(self.folder, self.path)

    def anchored(self) -> TensorFile:
        """The same file, whatever folder is the current one when it is opened."""
        if self.folder is None:
            return structs.replace(self, path=os.path.abspath(self.path))
        return structs.replace(self, folder=os.path.abspath(self.folder))

    def in_shard(self) -> TensorFile:
        """Of an index the file that it names, in the index's folder or below it; else this one. Raises E_FILE."""
        if self.ending != INDEX:
            return self
        from bpdebug.scenario.archives import shard_of  # start-up: zipfile and json are slow to load

        with self.open() as file:
            shard, member = shard_of(file, self.member)
        if self.folder is None:
            folder, path = os.path.dirname(self.path) or ".", shard
        else:
            folder, path = self.folder, join(dirname(self.path), shard) if not shard.startswith("/") else shard
        return structs.replace(self, folder=folder, path=path, ending=".safetensors", member=member)

    def look(self, take: Take) -> Header:
        """Its header; raises as `header` does."""
        with self.open() as file:
            return self.header(file, take)

    def whole(self, header: Header) -> Array:
        """All cells, of the header's shape; E_FILE where the file is damaged, or another than it was."""
        with self._same(header) as file:
            return self.cells(file, header)

    def part(self, header: Header, key: tuple[slice, ...]) -> Array:
        """The cells behind slices of step 1, one for each axis; raises as `whole` does."""
        with self._same(header) as file:
            return part(file, header, key)

    @contextmanager
    def _same(self, header: Header) -> Iterator[BinaryIO]:
        with self.open() as file:
            found = self.header(file, lambda shape, dtype: None)
            if found.written[0] != header.written[0]:  # a copy on another machine has a time of its own
                found = structs.replace(found, written=header.written)
            if found != header:
                raise bad(f"'{shown(self.path)}' has changed since it was opened", "open the scenario again")
            yield file

    def header(self, file: BinaryIO, take: Take) -> Header:
        """What the file says of the tensor; E_FILE where it is damaged, E_LIMIT from `take`."""
        at = os.fstat(file.fileno())
        if self.ending == ".npy":
            found = npy_header(file, at.st_size, take, self.stored)
        else:
            from bpdebug.scenario.archives import npz_header, safetensors_header  # as above

            read = npz_header if self.ending == ".npz" else safetensors_header
            found = read(file, self.member, take, self.stored)
        return structs.replace(found, written=(_HOST, at.st_mtime_ns))

    def cells(self, file: BinaryIO, header: Header) -> Array:
        """The array behind a header, of its shape; E_FILE where it is damaged."""
        file.seek(0)
        if self.ending == ".npz":
            from bpdebug.scenario.archives import npz_cells  # as above

            return npz_cells(file, self.member, header)
        file.seek(header.start)
        return cells(file, header)


class TensorSource(Protocol):
    """Where a tensor lies: a file, or a folder. Its methods raise E_FILE where that is damaged, E_LIMIT from `take`."""

    @property
    def in_parts(self) -> bool: ...
    def anchored(self) -> TensorSource: ...
    def look(self, take: Take) -> Header: ...
    def whole(self, header: Any) -> Array:
        """All cells, of the header's shape."""
        ...

    def part(self, header: Any, key: tuple[slice, ...]) -> Array:
        """The cells behind slices of step 1, one for each axis."""
        ...


def source_of(folder: str | None, path: str, member: str = "", stored: str = "") -> TensorSource:
    """The file, or the folder, that a path names; E_FILE for an ending that is none, and where an extra is missing."""
    ending = check_ending(path)
    if ending != ZARR:
        return TensorFile(folder, path, ending, member, stored).in_shard()
    try:
        from bpdebug.scenario.zarr_arrays.folder import ZarrFolder  # an extra
    except ImportError as error:
        raise bad(f"zarr cannot be imported: {error}", 'pip install "bpdebug[zarr]"') from None
    if folder is None:
        folder, path = os.path.split(os.path.abspath(path))
    return ZarrFolder(folder, "/".join(parts_of(f"{path}/{member}" if member else path)), stored)


class Lying(Struct, frozen=True):
    """A tensor that lies in a file, whose header was read: all of it, or its parts, where others are not needed.

    `dtype` is what its cells become, `where` the place of its scenario.
    """

    source: Any  # a TensorSource
    header: Header
    dtype: DType
    where: str

    @property
    def chunks(self) -> Shape:
        """The shape of the pieces in which it lies; () where it is one."""
        return self.header.chunks

    def whole(self) -> Array:
        """All cells, of the header's shape; E_FILE where the file is damaged, or another than it was."""
        with self._placed():
            return frozen(np.asarray(self.source.whole(self.header)).astype(self.dtype, copy=False))

    def __call__(self, key: tuple[slice, ...]) -> Array:
        """The cells behind slices of step 1, one for each axis; raises as `whole` does."""
        with self._placed():
            return np.asarray(self.source.part(self.header, key)).astype(self.dtype, copy=False)

    @contextmanager
    def _placed(self) -> Iterator[None]:
        try:
            yield
        except BpdebugError as error:
            raise error.at(self.where) from None


def read_arrays(path: str | os.PathLike[str], limits: Limits) -> dict[str, Array]:
    """All arrays of a file that lies anywhere, of any shapes, by name; that of an .npy has the name ''.

    Raises E_FILE for what is no such file, E_LIMIT where they are too large together.
    """
    ending, footprint, found = check_ending(os.fspath(path)), Footprint(limits), {}
    if ending in (INDEX, ZARR):
        raise bad("the inputs lie in one file", "write them with numpy.savez")
    source = TensorFile(None, os.fspath(path), ending)
    with source.open() as file:
        for name in _names(file, ending):
            one = structs.replace(source, member=name)
            file.seek(0)
            header = one.header(file, lambda shape, dtype, name=name: footprint.add(shape, dtype, shown(name)))  # type: ignore[misc]  # a default binds the name
            found[name] = one.cells(file, header).astype(header.kept, copy=False)
    return found


def _names(file: BinaryIO, ending: str) -> list[str]:
    if ending == ".npy":
        return [""]
    from bpdebug.scenario.archives import npz_names, safetensors_names  # as above

    return npz_names(file) if ending == ".npz" else safetensors_names(file)
