"""Tensor files, read without pickle: .npy and .npz as NumPy writes them, and .safetensors.

A header is parsed and held against limits and the file's size before anything is allocated; cells are read when
they are needed, and only if the file still says what it said.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from math import prod
from operator import mul
from typing import BinaryIO

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import InputError, shown
from bpdebug.scenario.narrow import WIDENED, widened

Take = Callable[[Shape, DType], None]
"""Asked before the size of a tensor is believed; raises E_LIMIT."""


class Header(Struct, frozen=True):
    """What a file says of a tensor: its cells' type in the file, its shape and order, and where the cells begin.

    `narrow` names the float that unsigned integers of the file are the bits of; '' where they are none. `written` says
    on which machine the file was looked at, and when it was written last, in nanoseconds.
    """

    dtype: DType
    shape: Shape
    fortran: bool
    start: int
    narrow: str = ""
    written: tuple[str, int] = "", 0

    @property
    def chunks(self) -> Shape:
        """The shape of the pieces in which its cells lie: they are one."""
        return ()

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize

    @property
    def kept(self) -> DType:
        """The dtype that a tensor has once it is read: floats as they are, integers as int64."""
        if self.narrow:
            return np.dtype(np.float32)
        return np.dtype(np.int64) if self.dtype.kind in "iu" else self.dtype.newbyteorder("=")

    @property
    def stored(self) -> str:
        """The name of the cells' type in the file."""
        return self.narrow or self.dtype.name


def bad(message: str, hint: str = "write it again with numpy.save, numpy.savez or safetensors") -> InputError:
    """E_FILE for a tensor file that is damaged, or is none that can be read."""
    return InputError(message, code="E_FILE", hint=hint)


def exactly(file: BinaryIO, n: int) -> bytes:
    """The next n bytes, or E_FILE where the file ends before."""
    found = file.read(n)
    if len(found) != n:
        raise bad("the file ends in the middle")
    return found


def cells(file: BinaryIO, header: Header) -> Array:
    """The array behind a header, of its shape; narrow floats as float32. E_FILE where the file ends before."""
    raw = np.frombuffer(exactly(file, header.nbytes), np.uint8)
    array = raw.view(header.dtype) if header.dtype.kind != "b" else raw != 0
    array = array.reshape(header.shape, order="F" if header.fortran else "C")
    return widened(array, header.narrow) if header.narrow else array


def part(file: BinaryIO, header: Header, key: tuple[slice, ...]) -> Array:
    """The cells of an array behind slices of step 1, one for each axis; E_FILE where the file ends before.

    They are read and not mapped: of a mapped file that becomes shorter the system ends the process.
    """
    turned = slice(None, None, -1 if header.fortran else 1)
    shape, spans = header.shape[turned], [range(*k.indices(n)) for k, n in zip(key, header.shape, strict=True)][turned]
    rows = len(shape)  # axes before those that are taken whole, and the one before these: what lies together
    while rows and len(spans[rows - 1]) == shape[rows - 1]:
        rows -= 1
    rows, size = max(rows - 1, 0), header.dtype.itemsize
    steps = [prod(shape[axis + 1 :]) * size for axis in range(len(shape))]
    found = np.empty([len(span) for span in spans], header.dtype)
    lines = found.reshape(prod(found.shape[:rows]), -1).view(np.uint8) if found.size else ()
    begin = header.start + sum(span.start * step for span, step in zip(spans[rows:], steps[rows:], strict=True))
    for line, at in zip(lines, product(*spans[:rows]), strict=False):
        file.seek(begin + sum(map(mul, at, steps)))
        if file.readinto(line) != line.nbytes:  # type: ignore[attr-defined]  # BinaryIO says less than files have
            raise bad("the file ends in the middle")
    array = found.view(np.uint8) != 0 if header.dtype.kind == "b" else found
    array = array.T if header.fortran else array
    return widened(array, header.narrow) if header.narrow else array


# --- .npy

_ITEM = (
    r"""\s*(['"])(?P<key>descr|fortran_order|shape)\1\s*:\s*"""
    r"""(?:(['"])(?P<descr>[^'"\\]{0,20})\3|(?P<fortran_order>True|False)|\((?P<shape>[-\dL,\s]{0,4000})\))"""
    r"""\s*(?:,|(?=\}))"""
)
_DTYPE = r"(?:[<>=][fiu][248]|[<>=]?f[48]|\|[iu]1|\|b1|[<|]V[12]|<f1)"
_MOST = 10_000
"""Bytes of a header; NumPy itself reads no more without being asked to."""


def npy_header(file: BinaryIO, size: int, take: Take, stored: str = "") -> Header:
    """The header of an .npy stream of so many bytes; nothing in it is evaluated. E_FILE where it is none of ours.

    `stored` names the float that cells without a type are: ml_dtypes' arrays are saved so.
    """
    if file.read(6) != b"\x93NUMPY":
        raise bad("this is no .npy file: it does not begin as one")
    version = tuple(exactly(file, 2))
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise bad(f"version {version[0]}.{version[1]} of .npy is not known")
    width = 2 if version[0] == 1 else 4
    length = int.from_bytes(exactly(file, width), "little")
    if length > _MOST or length > size - 8 - width:
        raise bad(f"the header says that it has {length:,} bytes")
    try:
        text = exactly(file, length).decode("latin-1" if version[0] < 3 else "utf-8")
    except UnicodeDecodeError:
        raise bad("the header is no text") from None
    descr, fortran, shape = _npy_fields(text)
    if not re.fullmatch(_DTYPE, descr):
        hint = "floats, integers and booleans can; no objects (pickles)"
        raise bad(f"cells of type '{shown(descr)}' cannot be read", hint)
    dtype, narrow = as_bits(*_typed(descr, stored))
    header = Header(dtype, shape, fortran, 8 + width + length, narrow)
    check_dims(shape)
    take(shape, header.dtype)
    if header.start + header.nbytes != size:
        raise bad(f"{size - header.start:,} bytes of cells do not make the shape {shown(shape, 80)} of {header.dtype}")
    return header


def _typed(descr: str, stored: str) -> tuple[DType, str]:
    """The dtype of cells as NumPy describes it, and the narrow float that they are: <f1 and <V2 are ml_dtypes'."""
    if descr == "<f1":
        return np.dtype(np.uint8), stored or "float8_e5m2"
    if "V" not in descr:
        return np.dtype(descr), stored
    if not stored:
        ways = (f'stored = "{name}"' for name, (size, _) in WIDENED.items() if descr.endswith(str(size)))
        hint = f"say which float they are, as ml_dtypes calls it: {' or '.join(ways)}"
        raise bad(f"the cells have {descr[-1]} bytes, and the file does not say their type", hint)
    return np.dtype(f"<u{descr[-1]}"), stored


def as_bits(dtype: DType, stored: str) -> tuple[DType, str]:
    """The dtype of cells that are to be bits of a narrow float, and its name; E_FILE where they are none of it."""
    if not stored or stored == dtype.name:
        return dtype, ""
    if dtype.kind != "u" or dtype.itemsize != WIDENED[stored][0]:
        raise bad(f"cells of {dtype} are no bits of {stored}", "leave out stored: the file says its type")
    return dtype, stored


def _npy_fields(text: str) -> tuple[str, bool, Shape]:
    """The three fields, in any order: exactly these, each once, and nothing else."""
    text = text.strip(" \n")
    found: dict[str, str] = {}
    at = 1
    while text.startswith("{") and (item := re.compile(_ITEM).match(text, at)) and item["key"] not in found:
        if item[item["key"]] is None:
            break
        found[item["key"]] = item[item["key"]]
        at = item.end()
    if len(found) != 3 or text[at:].strip() != "}":
        raise bad("the header is not one that NumPy writes")
    if found["shape"].strip() and "," not in found["shape"]:
        raise bad("the shape in the header is no tuple")
    dims = [d.strip().removesuffix("L") for d in found["shape"].split(",") if d.strip()]
    if not all(re.fullmatch(r"-?\d{1,40}", d) for d in dims):
        raise bad("the shape in the header is no tuple of integers")
    return found["descr"], found["fortran_order"] == "True", tuple(int(d) for d in dims)


def check_dims(shape: Shape) -> None:
    """E_FILE for a negative size."""
    if any(n < 0 for n in shape):
        raise bad(f"the shape {shown(shape, 80)} has a negative size")
