"""Files of several tensors: .npz (a zip of .npy) and .safetensors."""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeVar, cast

import msgspec
import numpy as np

from bpdebug.arrays import Array
from bpdebug.errors import InputError, shown, suggest
from bpdebug.scenario.files import Header, Take, as_bits, bad, cells, check_dims, exactly, npy_header

T = TypeVar("T")
_MOST_MEMBERS, _MOST_HEADER = 10_000, 16 << 20
"""Members of an archive, and bytes of a safetensors header: far above what a scenario has, and read in no time."""
ZIP_ERRORS = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error,
    UnicodeDecodeError, OverflowError, ValueError, OSError,
)  # fmt: skip


# --- .npz


@contextmanager
def npz_member(file: BinaryIO, name: str) -> Iterator[tuple[BinaryIO, int]]:
    """A member of an archive as a stream, and its size; an archive that could be read in two ways is refused."""
    try:
        with zipfile.ZipFile(file) as archive:
            info = _member(archive, name)
            with archive.open(info) as stream:
                yield cast(BinaryIO, stream), info.file_size
    except InputError:
        raise
    except ZIP_ERRORS as error:
        raise bad(f"no .npz archive that can be read: {shown(error)}") from None


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    members = _members(archive)
    info = members[pick(name.removesuffix(".npy"), list(members))]
    if info.flag_bits & 1:
        raise bad(f"the member '{shown(name)}' is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise bad(f"the member '{shown(name)}' is packed in a way that NumPy does not use")
    return info


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members by name, without .npy; E_FILE where one name means two, or one lies outside."""
    infos = archive.infolist()
    if len(infos) > _MOST_MEMBERS:
        raise bad(f"the archive has {len(infos):,} members")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        plain = info.filename.removesuffix(".npy")
        if plain in members:
            raise bad(f"the archive has two members '{shown(plain)}'")
        if "\\" in plain or ":" in plain or plain.startswith("/") or ".." in plain.split("/"):
            raise bad(f"the archive has a member '{shown(info.filename)}', which lies outside of it")
        members[plain] = info
    return members


def pick(name: str, members: list[str]) -> str:
    """The member that is meant: the one of that name, or the only one where no name is given; else E_FILE."""
    if name in members:
        return name
    listed = ", ".join(shown(m, 30) for m in members[:10]) or "none"
    if not name and len(members) == 1:
        return members[0]
    if not name:
        raise bad("the file has several tensors, or none", f'say which: name = "..."; there are: {listed}')
    raise bad(f"the file has no tensor '{shown(name)}'", suggest(name, members, f"there are: {listed}"))


def npz_names(file: BinaryIO) -> list[str]:
    """The members of an archive; E_FILE where it is none."""
    try:
        with zipfile.ZipFile(file) as archive:
            return list(_members(archive))
    except ZIP_ERRORS as error:
        raise bad(f"no .npz archive that can be read: {shown(error)}") from None


def npz_header(file: BinaryIO, name: str, take: Take, stored: str = "") -> Header:
    """The header of a member, which is read to its end, so that its checksum is right; E_FILE where it is damaged."""
    with npz_member(file, name) as (stream, size):
        header = npy_header(stream, size, take, stored)
        left = header.nbytes
        while part := stream.read(1 << 20):
            left -= len(part)
        if left:
            raise bad("the member is not as long as it says")
        return header


def npz_cells(file: BinaryIO, name: str, header: Header) -> Array:
    """The array of a member, of the header's shape; E_FILE where it is damaged."""
    with npz_member(file, name) as (stream, _):
        exactly(stream, header.start)
        return cells(stream, header)


# --- .safetensors (the published format: 8 bytes of length, a JSON header, and the cells)

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F8_E4M3": "|u1", "F8_E5M2": "|u1", "I64": "<i8",
    "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1", "U16": "<u2", "U32": "<u4", "BOOL": "|b1",
}  # fmt: skip
_NARROW = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def safetensors_names(file: BinaryIO) -> list[str]:
    """The tensors of a file; E_FILE where it is none of these."""
    return list(_read_entries(file)[0])


def _read_entries(file: BinaryIO) -> tuple[dict[str, _Entry], int, int]:
    """The entries of a file by name, the bytes of its header, and its own."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(exactly(file, 8), "little")
    if length > size - 8 or length > _MOST_HEADER:
        raise bad(f"the header says that it has {length:,} bytes")
    return _entries(exactly(file, length)), length, size


def safetensors_header(file: BinaryIO, name: str, take: Take, stored: str = "") -> Header:
    """The header of one tensor; those of all must fill the file. E_FILE where they do not, E_LIMIT from `take`."""
    entries, length, size = _read_entries(file)
    key = pick(name, list(entries))
    header = _header(key, entries[key], 8 + length, take, stored)
    end = 0
    for start, stop in sorted(entry.data_offsets for entry in entries.values()):
        if start != end or stop < start:
            raise bad("the tensors overlap, or there are gaps between them")
        end = stop
    if end != size - 8 - length:
        raise bad("the tensors do not fill the file")
    return header


def _header(key: str, entry: _Entry, cells_at: int, take: Take, stored: str) -> Header:
    if entry.dtype not in _TYPES:
        raise bad(f"cells of type '{shown(entry.dtype)}' cannot be read", "these can: " + ", ".join(_TYPES))
    start, stop = entry.data_offsets
    own = _NARROW.get(entry.dtype, "")
    if own and stored not in ("", own):
        raise bad(f"the cells of '{shown(key)}' are {own}", "leave out stored: the file says its type")
    dtype, narrow = as_bits(np.dtype(_TYPES[entry.dtype]), own or stored)
    header = Header(dtype, entry.shape, False, cells_at + start, narrow)
    check_dims(header.shape)
    take(header.shape, header.dtype)
    if stop - start != header.nbytes:
        raise bad(f"the bytes of '{shown(key)}' do not make its shape {shown(header.shape, 80)}")
    return header


def _entries(raw: bytes) -> dict[str, _Entry]:
    """The entries of a header by name."""
    found = json_object(raw, "header")
    found.pop("__metadata__", None)
    return as_kind(found, dict[str, _Entry], "header")


def json_object(raw: bytes, what: str) -> dict[str, Any]:
    """A JSON object with no key twice; E_FILE for anything else."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            raise bad(f"the {what} has a key twice")
        return made

    try:
        return as_kind(json.loads(raw.decode("utf-8"), object_pairs_hook=unique), dict[str, Any], what)
    except (ValueError, RecursionError):
        raise bad(f"the {what} is no JSON in UTF-8") from None


def as_kind(found: Any, kind: type[T], what: str) -> T:
    """What was read, of a type; E_FILE where it is of another."""
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise bad(f"the {what} is not as the format has it: {error}") from None


# --- model.safetensors.index.json


def shard_of(file: BinaryIO, name: str) -> tuple[str, str]:
    """The file that an index says a tensor is in, and the tensor's name there; E_FILE for what is no index.

    The file is one of safetensors, so that no index leads to another; where it lies is checked when it is opened.
    """
    raw = file.read(_MOST_HEADER + 1)
    if len(raw) > _MOST_HEADER:
        raise bad(f"the index has more than {_MOST_HEADER:,} bytes")
    shards = as_kind(json_object(raw, "index").get("weight_map"), dict[str, str], "weight_map of the index")
    key = pick(name, list(shards))
    if not shards[key].endswith(".safetensors"):
        raise bad(f"the index says that '{shown(key)}' is in '{shown(shards[key])}'", "its files end in .safetensors")
    return shards[key], key
