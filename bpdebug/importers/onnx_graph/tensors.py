"""The tensors that a model holds: their types, their shapes against their bytes, and their arrays when asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import InputError, shown
from bpdebug.importers.lowering import refuse
from bpdebug.scenario.arrays import Footprint
from bpdebug.scenario.files import bad
from bpdebug.scenario.narrow import WIDENED, widened
from bpdebug.scenario.paths import open_inside

TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16", 17: "float8_e4m3fn", 19: "float8_e5m2",
}  # fmt: skip
"""onnx.proto's numbers of element types -> their names; what is not here no array can hold."""
_OTHERS = {
    8: "STRING", 14: "COMPLEX64", 15: "COMPLEX128", 18: "FLOAT8E4M3FNUZ", 20: "FLOAT8E5M2FNUZ", 21: "UINT4",
    22: "INT4", 23: "FLOAT4E2M1", 24: "FLOAT8E8M0",
}  # fmt: skip
_FIELDS = {"float32": "float_data", "float64": "double_data", "int64": "int64_data", "uint32": "uint64_data",
           "uint64": "uint64_data"}  # fmt: skip
"""Where a tensor's cells are that are no raw bytes; those of the other types are in int32_data, floats as bits."""
_HINT = "export the model again, or check the copy"


class KnownTensor(Struct, eq=False):
    """A tensor whose array is known before the graph runs: its name in the model, its shape and dtype.

    `kind` says what leaf it is where a step needs it, input or parameter; '' of what no gradient passes through.
    `stored` is the type that the file says, where it is another than the array's; `own` marks the model's inputs and
    initialisers, whose names people know.
    """

    name: str
    shape: Shape
    dtype: DType
    read: Callable[[], Array]
    kind: str = ""
    stored: str = ""
    own: bool = False

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def known(self) -> Array:
        """The array, of this shape and dtype."""
        return self.read()


def known(name: str, array: Array) -> KnownTensor:
    """What was worked out: an array of any shape and dtype."""
    return KnownTensor(name, array.shape, array.dtype, lambda: array)


def type_name(number: int, name: str) -> str:
    """The name of an element type; E_DTYPE for one of which there is no array."""
    if number not in TYPES:
        said = _OTHERS.get(number, f"the unknown type {number}")
        hint = "floats, integers and booleans can be read"
        raise InputError(f"'{shown(name)}' holds {said}", code="E_DTYPE", hint=hint)
    return TYPES[number]


def held_as(name: str) -> DType:
    """The dtype of an array of an element type: narrow floats are float32."""
    return np.dtype(np.float32 if name in WIDENED else name)


def tensor(proto: Any, folder: str | None, footprint: Footprint) -> KnownTensor:
    """A TensorProto, whose sizes are held against its bytes before anything is made of them.

    Raises E_DTYPE, E_LIMIT, and E_FILE where bytes are missing, or lie in a file that is not in the model's folder.
    """
    name, shape = proto.name, tuple(proto.dims)
    stored = type_name(proto.data_type, name)
    if any(n < 0 for n in shape):
        raise bad(f"'{shown(name)}' has the shape {shown(shape, 80)}", _HINT)
    dtype = held_as(stored)
    footprint.add(shape, dtype, shown(name))
    size = WIDENED[stored][0] if stored in WIDENED else dtype.itemsize
    external = proto.data_location == 1
    if external:
        read = _external(proto, folder, prod(shape) * size)
    elif proto.HasField("raw_data") or not prod(shape):
        read = lambda: proto.raw_data  # noqa: E731  # one of three ways to the same
        _measure(name, len(proto.raw_data), prod(shape) * size, shape)
    else:
        field = getattr(proto, _FIELDS.get(stored, "int32_data"))
        _measure(name, len(field), prod(shape), shape)
        return KnownTensor(name, shape, dtype, cache(lambda: _listed(field, stored, shape)), "", narrow(stored))
    return KnownTensor(name, shape, dtype, cache(lambda: _array(read(), stored, shape)), "", narrow(stored))


def broadcast(*shapes: Shape) -> Shape:
    """What shapes broadcast to, as NumPy has it, however large; raises NoRule where they do not."""
    rank = max(map(len, shapes), default=0)
    columns = zip(*((1,) * (rank - len(s)) + s for s in shapes), strict=True)
    found = [next((n for n in sizes if n != 1), 1) for sizes in columns]
    for shape in shapes:
        refuse(all(n in (1, m) for n, m in zip(shape[::-1], found[::-1], strict=False)), f"{shape} with {found}")
    return tuple(found)


def narrow(stored: str) -> str:
    """The name of an element type that is held in another dtype; '' of one that is not."""
    return stored if stored in WIDENED else ""


def _measure(name: str, found: int, wanted: int, shape: Shape) -> None:
    if found != wanted:
        raise bad(f"'{shown(name)}' does not hold what its shape {shown(shape, 80)} says", _HINT)


def _array(raw: bytes, stored: str, shape: Shape) -> Array:
    if stored in WIDENED:
        cells = widened(np.frombuffer(raw, f"<u{WIDENED[stored][0]}"), stored)
    elif stored == "bool":
        cells = np.frombuffer(raw, np.uint8) != 0
    else:
        cells = np.frombuffer(raw, np.dtype(stored).newbyteorder("<")).astype(stored, copy=False)
    return cells.reshape(shape)


def _listed(field: Any, stored: str, shape: Shape) -> Array:
    """Cells in a list of numbers, of which too large ones wrap as onnx has it."""
    if stored in WIDENED:
        bits = np.array(field, np.int64).astype(f"u{WIDENED[stored][0]}")
        return widened(bits, stored).reshape(shape)
    return np.array(field).astype(stored).reshape(shape)


def _external(proto: Any, folder: str | None, size: int) -> Callable[[], bytes]:
    """The bytes of a tensor that lie in a file of their own, which must be in the model's folder, or below it."""
    said = {entry.key: entry.value for entry in proto.external_data}
    name, location = proto.name, said.get("location", "")
    if folder is None:
        hint = "give the path of the model, or load it with its data: onnx.load(path)"
        raise bad(f"'{shown(name)}' lies in the file '{shown(location)}', and the model in none", hint)
    numbers = [said.get(key, default) for key, default in (("offset", "0"), ("length", str(size)))]
    if not all(n.isascii() and n.isdigit() and len(n) < 19 for n in numbers):
        raise bad(f"where '{shown(name)}' lies in its file is no number", _HINT)
    offset, length = map(int, numbers)
    _measure(name, length, size, tuple(proto.dims))

    def read() -> bytes:
        with open_inside(folder, location) as file:
            file.seek(offset)
            found = file.read(size)
        if len(found) != size:
            raise bad(f"the file '{shown(location)}' ends before '{shown(name)}' does", _HINT)
        return found

    with open_inside(folder, location) as file:
        if file.seek(0, 2) < offset + size:
            raise bad(f"the file '{shown(location)}' ends before '{shown(name)}' does", _HINT)
    return read
