"""How large the chunks of arrays are, and those of arrays that lie in files."""

from __future__ import annotations

from math import prod
from typing import Any

import dask.array as da
import numpy as np

from bpdebug.arrays import Array, DType, Parts, Shape

AXIS = 2048
"""Cells of a chunk along an axis: a gradient of weights in such chunks is a product of small ones."""
CHUNK = 2**25
"""Bytes of a chunk."""


def cut(shape: Shape, dtype: DType) -> Shape:
    """The shape of the chunks of an array."""
    found = [min(n, AXIS) for n in shape] if len(shape) > 1 else [*shape]
    for axis in range(len(found)):
        rest = prod(found[axis + 1 :]) * dtype.itemsize
        while found[axis] > 1 and prod(found[: axis + 1]) * rest > CHUNK:
            found[axis] = max(found[axis] // 2, 1)
    return tuple(found)


def spread(x: Any, shape: Shape) -> Any:
    """An array broadcast to a shape, in chunks along the axes that are new, too: what is made of it goes by those."""
    own, new = (x.chunks, (1,) * (len(shape) - x.ndim)), cut(shape, x.dtype)
    sizes = (*own[1], *x.shape)
    kept: Any = ((),) * len(own[1]) + own[0]
    chunks = tuple(k if n == size and n != 1 else c for k, n, size, c in zip(kept, sizes, shape, new, strict=True))
    return da.broadcast_to(x, shape, chunks=da.core.normalize_chunks(chunks, shape))


def opened(shape: Shape, dtype: DType, parts: Parts) -> Any:
    """An array that lies in a file: each chunk is read where it is needed, and what is sent there is the file's path.

    Where it lies in chunks, those of the array are made of whole ones.
    """
    chunks = cut(shape, dtype)
    if parts.chunks:
        own = zip(shape, chunks, parts.chunks, strict=True)
        chunks = tuple(min(n, max(c // k, 1) * k) for n, c, k in own)
    there, meta = _There(shape, dtype, parts), np.empty((0,) * len(shape), dtype)
    return da.from_array(there, chunks, name=False, meta=meta, inline_array=True, getitem=_part)


class _There:
    """What Dask takes for an array."""

    def __init__(self, shape: Shape, dtype: DType, parts: Parts) -> None:
        self.shape, self.dtype, self.parts, self.ndim = shape, dtype, parts, len(shape)


def _part(there: _There, key: tuple[slice, ...]) -> Array:
    return there.parts(key)
