"""What stands in a recording: two files, an index of JSON Lines (x.bptrace) and the bytes of arrays (x.bptrace.data).

The index begins with a header: the scenario's whole text, and its leaves. Then comes a line per event with the arrays
that the event made. An array stands in the data where the one before it ended; `strides` (null: C order) say how its
axes lie in these bytes, 0 for an axis along which one cell is repeated. A hash is BLAKE2b over the description of an
array and its bytes. Data is written before the line that names it, so that a cut leaves whole lines with their data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Annotated, Any

import msgspec
import numpy as np

from bpdebug.arrays import Array, DType, Shape
from bpdebug.importers.trace_program import StoredProgram
from bpdebug.limits import NUMPY

FORMAT = 1
"""The version of what follows: a reader refuses any other."""
ENDING, DATA = ".bptrace", ".data"
HASH_BYTES = 16
"""128 bits: two arrays of one hash do not happen by chance."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Stored(msgspec.Struct, frozen=True):
    """One array: what it is, its description, where its bytes stand, and their hash."""

    name: str
    role: str
    dtype: str
    shape: tuple[Count, ...]
    strides: tuple[Count, ...] | None
    offset: Count
    nbytes: Count
    hash: str


class EventLine(msgspec.Struct, frozen=True):
    """One event and the arrays that it made."""

    event: Count
    iteration: Count
    phase: str
    node: str
    arrays: tuple[Stored, ...]


class StoredEdit(msgspec.Struct, frozen=True):
    """What a `set` command set: cells to a value, in one iteration; or a rule, which the command says."""

    iteration: Count = 0
    value: Stored | None = None


class Head(msgspec.Struct, frozen=True):
    """The first line. `digest` is the SHA-256 of the scenario's file, `check` the hash of `text`.

    `states`: updates have the optimizer's states beside the parameter. `forks` are the `set` commands behind what was
    recorded, `edits` what they set; in older recordings they are missing, and the leaves are as they were set.
    `program` is there where `text` is no scenario's, `library` where other arrays than NumPy's were computed on.
    """

    bptrace: int
    bpdebug: str
    numpy: str
    name: str
    digest: str
    dtype: str
    seed: Count
    events: Count
    text: str
    check: str
    leaves: tuple[Stored, ...]
    forks: tuple[str, ...] = ()
    states: bool = False
    edits: tuple[StoredEdit, ...] = ()
    program: StoredProgram | None = None
    library: str = NUMPY[0]


@lru_cache(maxsize=4096)
def description(dtype: str, shape: Shape, strides: Shape | None) -> str:
    """An array's description as it stands in a line, and as it goes into the hash."""
    strided = "null" if strides is None else _numbers(strides)
    return f'"dtype":"{dtype}","shape":{_numbers(shape)},"strides":{strided}'


def _numbers(numbers: Sequence[int]) -> str:
    return f"[{','.join(map(str, numbers))}]"


def hashed(described: str, raw: Any) -> str:
    """The hash of an array's description and bytes."""
    made = hashlib.blake2b(described.encode(), digest_size=HASH_BYTES)
    made.update(raw)
    return made.hexdigest()


def packed(array: Array) -> tuple[Array, Shape | None]:
    """An array's bytes as they are stored, in C order, and how its axes lie in them; repeated cells are stored once."""
    if array.flags.c_contiguous:
        return array, None
    core = array[tuple(slice(0, 1) if step == 0 else slice(None) for step in array.strides)].copy(order="K")
    order = sorted(range(core.ndim), key=lambda axis: -core.strides[axis])
    strides = tuple(0 if n == 1 else step for n, step in zip(core.shape, core.strides, strict=True))
    return np.ascontiguousarray(core.transpose(order)), strides


def size(dtype: DType, shape: Shape, strides: Shape | None) -> int | None:
    """How many bytes a description takes; None for strides that do not belong to such an array."""
    if strides is None:
        return prod(shape) * dtype.itemsize
    if len(strides) != len(shape):
        return None
    size = dtype.itemsize
    for step, n in sorted((step, n) for step, n in zip(strides, shape, strict=True) if step):
        if step != size:
            return None
        size *= n
    return size if prod(shape) else 0


def unpacked(raw: Any, dtype: DType, shape: Shape, strides: Shape | None) -> Array:
    """The array of stored bytes, of this shape and dtype, read-only; `size` has accepted its description."""
    if strides is None:
        return np.frombuffer(raw, dtype).reshape(shape)
    return np.ndarray(shape, dtype, raw, 0, strides)
