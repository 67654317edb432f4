"""A tensor in a file: which file of several holds it, its header, and its cells when they are needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from posixpath import dirname, join
from typing import BinaryIO

from msgspec import Struct, structs

from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import shown
from bpdebug.limits import Limits
from bpdebug.scenario.arrays import Footprint, frozen
from bpdebug.scenario.files import Header, Take, bad, cells, npy_header, part
from bpdebug.scenario.paths import ENDINGS, INDEX, check_ending, open_inside, open_ordinary

_HINT = "name a tensor file: " + ", ".join(ENDINGS)


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

    def header(self, file: BinaryIO, take: Take) -> Header:
        """What the file says of the tensor; E_FILE where it is damaged, E_LIMIT from `take`."""
        if self.ending == ".npy":
            return npy_header(file, os.fstat(file.fileno()).st_size, take, self.stored)
        from bpdebug.scenario.archives import npz_header, safetensors_header  # as above

        read = npz_header if self.ending == ".npz" else safetensors_header
        return read(file, self.member, take, self.stored)

    def cells(self, file: BinaryIO, header: Header) -> Array:
        """The array behind a header, of its shape; E_FILE where it is damaged."""
        file.seek(0)
        if self.ending == ".npz":
            from bpdebug.scenario.archives import npz_cells  # as above

            return npz_cells(file, self.member, header)
        file.seek(header.start)
        return cells(file, header)


class Lying(Struct, frozen=True):
    """A tensor that lies in a file, whose header was read: all of it, or its parts, where others are not needed.

    `dtype` is what its cells become, `name` the tensor's, `where` the place of its scenario.
    """

    source: TensorFile
    header: Header
    dtype: DType
    name: str
    where: str

    @property
    def chunks(self) -> Shape:
        """The shape of the pieces in which it lies: one."""
        return ()

    def whole(self) -> Array:
        """All cells, of the header's shape; E_FILE where the file is damaged, or another than it was."""
        with self._open() as file:
            return frozen(self.source.cells(file, self.header).astype(self.dtype, copy=False))

    def __call__(self, key: tuple[slice, ...]) -> Array:
        """The cells behind slices of step 1, one for each axis; raises as `whole` does."""
        with self._open() as file:
            return part(file, self.header, key).astype(self.dtype, copy=False)

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        with self.source.open() as file:
            if self.source.header(file, lambda shape, dtype: None) != self.header:
                message = f"the file of '{self.name}' has changed since it was opened"
                raise bad(message, "open the scenario again").at(self.where)
            yield file


def read_arrays(path: str | os.PathLike[str], limits: Limits) -> dict[str, Array]:
    """All arrays of a file that lies anywhere, of any shapes, by name; that of an .npy has the name ''.

    Raises E_FILE for what is no such file, E_LIMIT where they are too large together.
    """
    ending, footprint, found = check_ending(os.fspath(path)), Footprint(limits), {}
    if ending == INDEX:
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
