"""Cells moved by indices, diagonals and borders, their adjoints, and rounding to half precision, beyond NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bpdebug.arrays import Array, Key, Shape, decode_key

Widths = tuple[tuple[int, int], ...]


def on_diagonal(x: Array, shape: Shape, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Zeros of `shape` with `x` on a diagonal of two axes: the adjoint of taking it."""
    out = np.zeros(shape, x.dtype)
    line = np.diagonal(out, offset, axis1, axis2)
    line.flags.writeable = True  # NumPy's view of it is not, and may be
    line[...] = x
    return out


MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""How PyTorch and NumPy call what is put around an array of its own cells."""


def pad_with(mode: str, x: Array, widths: Widths) -> Array:
    """`x` with cells of its own around it, `widths` before and after each axis."""
    mode_of: Any = MODES[mode]  # NumPy's types have an overload for each
    return np.pad(x, widths, mode=mode_of)


def unpad(mode: str, x: Array, widths: Widths, shape: Shape) -> Array:
    """The cells of a padded array added up where each came from, of `shape`: the adjoint of padding."""
    out = np.zeros(math.prod(shape), x.dtype)
    np.add.at(out, pad_with(mode, np.arange(out.size).reshape(shape), widths), x)
    return out.reshape(shape)


def take_at(x: Array, *ids: Array, key: Key = ()) -> Array:
    """The cells of `x` at an index of several arrays of integers; without a key they are of its first axes."""
    return np.asarray(x[_key(key, ids)])


def add_at(x: Array, *ids: Array, shape: Shape, key: Key = ()) -> Array:
    """Zeros of `shape` to which `x` is added at such an index: take_at's adjoint."""
    out = np.zeros(shape, x.dtype)
    np.add.at(out, _key(key, ids), x)
    return out


def _key(key: Key, ids: tuple[Array, ...]) -> tuple[Any, ...]:
    return decode_key(key or (None,) * len(ids), ids)


def as_float16(x: Array) -> Array:
    """`x` rounded to half precision, and kept in single, of its shape."""
    return np.asarray(x, np.float32).astype(np.float16).astype(np.float32)


def as_bfloat16(x: Array) -> Array:
    """`x` rounded to the first 16 bits of single precision, to even at a tie, of its shape."""
    single = np.asarray(x, np.float32)
    bits = single.view(np.uint32)
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) & np.uint32(0xFFFF0000)
    return np.where(np.isnan(single), single, rounded.view(np.float32))
