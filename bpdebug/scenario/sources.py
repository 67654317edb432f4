"""A tensor in a file: which file of several holds it, its header, and its cells when they are needed."""

from __future__ import annotations

import os
from posixpath import dirname, join
from typing import BinaryIO

from msgspec import Struct, structs

from bpdebug.arrays import Array
from bpdebug.errors import shown
from bpdebug.limits import Limits
from bpdebug.scenario.arrays import Footprint
from bpdebug.scenario.files import Header, Take, bad, cells, npy_header
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

    def open(self) -> BinaryIO:
        """The file's bytes; E_FILE where it cannot be opened."""
        return open_ordinary(self.path, _HINT) if self.folder is None else open_inside(self.folder, self.path)

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
