"""What Zarr's metadata say of an array: held against limits, and against what may be unpacked, before Zarr sees them.

Zarr itself would unpickle where they ask for it, and unpack a chunk of any size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import DType, Shape
from bpdebug.errors import InputError, shown
from bpdebug.scenario.archives import as_kind, json_object
from bpdebug.scenario.files import Header, Take, as_bits, bad, check_dims

FILES = ("zarr.json", ".zarray")
"""Where an array says what it is: format 3, and format 2."""
LARGEST = 2**30
"""Bytes of a chunk, which is always read whole."""
_MOST = 100_000
"""Bytes of metadata; those of an array have some hundred."""
_V2 = r"[<>][fiu][248]|[|<>][iu]1|\|b1"
_V3 = r"bool|u?int(8|16|32|64)|float(16|32|64)"
PACKED = ("blosc", "zstd")
"""Which say how large what they pack is, and do not have to be unpacked to know."""
WITH = "use " + " or ".join(PACKED)


class Grid(Header, frozen=True):
    """The header of an array that lies in chunks: the shape of its `pieces`, how they are packed, and who says so.

    `file` is what was read, `raw` its bytes: nothing else is believed afterwards.
    """

    pieces: Shape = ()
    packed: str = ""
    file: str = ""
    raw: bytes = b""

    @property
    def chunks(self) -> Shape:
        """The shape of the pieces in which its cells lie."""
        return self.pieces

    @property
    def chunk_bytes(self) -> int:
        return prod(self.pieces) * self.dtype.itemsize


class Said(Struct, frozen=True):
    """What both formats say: the dtype as NumPy has it, and the sizes; how chunks are packed, '' for not at all."""

    dtype: DType
    shape: Shape
    chunks: Shape
    packed: str


def grid(file: str, raw: bytes, take: Take, stored: str = "") -> Grid:
    """The header from the bytes of its file; E_FILE where it is damaged or asks for what is not done, else E_LIMIT."""
    if len(raw) > _MOST:
        raise bad(f"the metadata have more than {_MOST:,} bytes", "name a folder that Zarr wrote")
    said = (_format3 if file == FILES[0] else _format2)(json_object(raw, "metadata"))
    if len(said.chunks) != len(said.shape) or any(n < 1 for n in said.chunks):
        raise bad(f"chunks of {shown(said.chunks, 80)} do not make the shape {shown(said.shape, 80)}")
    check_dims(said.shape)
    dtype, narrow = as_bits(said.dtype, stored)
    take(said.shape, dtype)
    made = Grid(
        dtype, said.shape, False, 0, narrow, pieces=said.chunks, packed=said.packed, file=file, raw=raw
    )  # fmt: skip
    if made.chunk_bytes > LARGEST:
        raise InputError(
            f"a chunk {shown(said.chunks, 80)} of {dtype} is read whole, and larger than {LARGEST:,} bytes",
            code="E_LIMIT", hint="write it in smaller chunks",
        )  # fmt: skip
    return made


def _format3(said: dict[str, Any]) -> Said:
    kind = said.get("node_type")
    if kind != "array":
        raise bad(f"it is a {shown(kind)}, and no array", 'say which array of it: name = "layer/W"')
    name = said.get("data_type")
    if not isinstance(name, str) or not re.fullmatch(_V3, name):
        raise _untaken(name)
    parts = as_kind(said.get("chunk_grid"), dict[str, Any], "chunk_grid")
    if parts.get("name") != "regular":
        raise bad(f"chunks in a grid that is {shown(parts.get('name'))}", "write it in chunks of one size")
    sizes = as_kind(parts.get("configuration"), dict[str, Any], "chunk_grid").get("chunk_shape")
    codecs = as_kind(said.get("codecs"), list[dict[str, Any]], "codecs")
    names = [str(codec.get("name")) for codec in codecs]
    packed = _packed([name for name in names if name not in ("bytes", "transpose", "crc32c")])
    return Said(np.dtype(name), *_sizes(said, sizes), packed)


def _format2(said: dict[str, Any]) -> Said:
    name = said.get("dtype")
    if not isinstance(name, str) or not re.fullmatch(_V2, name):
        raise _untaken(name)
    packers = [p for p in (said.get("compressor"), *as_kind(said.get("filters") or [], list[Any], "filters")) if p]
    packed = _packed([str(as_kind(p, dict[str, Any], "compressor").get("id")) for p in packers])
    return Said(np.dtype(name), *_sizes(said, said.get("chunks")), packed)


def _sizes(said: dict[str, Any], chunks: Any) -> tuple[Shape, Shape]:
    shape = as_kind(said.get("shape"), list[int], "shape")
    return tuple(shape), tuple(as_kind(chunks, list[int], "chunks"))


def _packed(names: Sequence[str]) -> str:
    """How chunks are packed; E_FILE for what is neither, or is it twice."""
    odd = next((name for name in names if name not in PACKED), None)
    if odd is not None:
        raise bad(f"chunks that go through {shown(odd)}, which is not read here", f"write it again: {WITH}")
    if len(names) > 1:
        raise bad(f"chunks are packed twice: {', '.join(names)}", f"write it again: {WITH}")
    return "".join(names)


def _untaken(name: Any) -> InputError:
    return bad(f"cells of type {shown(name)} cannot be read", "floats, integers and booleans can; no objects (pickles)")


# --- how large what is packed is


def unpacked(raw: bytes, packed: str) -> int | None:
    """The bytes that a chunk says it has; None where it does not say, or is no such thing."""
    return len(raw) if not packed else _CLAIMS[packed](raw)


def _blosc(raw: bytes) -> int | None:
    return int.from_bytes(raw[4:8], "little") if len(raw) >= 16 else None


def _zstd(raw: bytes) -> int | None:
    """The content size of a frame (RFC 8878, 3.1.1.1)."""
    if raw[:4] != b"\x28\xb5\x2f\xfd" or len(raw) < 5:
        return None
    single = raw[4] >> 5 & 1
    width = (single, 2, 4, 8)[raw[4] >> 6]
    at = 5 + (1 - single) + (0, 1, 2, 4)[raw[4] & 3]
    if not width or len(raw) < at + width:
        return None
    return int.from_bytes(raw[at : at + width], "little") + (256 if width == 2 else 0)


_CLAIMS: dict[str, Callable[[bytes], int | None]] = {"blosc": _blosc, "zstd": _zstd}
