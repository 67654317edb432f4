"""Floats of less than 32 bits as files hold them: each widened to float32, which has every one of their numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bpdebug.arrays import Array


def _e4m3(bits: Array) -> Array:
    """A float16 has the same bits further right, and an exponent that counts from 8 below."""
    halves = ((bits & 0x7F).astype(np.uint16) << 7 | (bits & 0x80).astype(np.uint16) << 8).view(np.float16)
    wide = halves.astype(np.float32) * 256
    return np.where(bits & 0x7F == 0x7F, np.copysign(np.float32(np.nan), wide), wide)


WIDENED: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "float16": (2, lambda bits: bits.view(np.float16).astype(np.float32)),
    "bfloat16": (2, lambda bits: (bits.astype(np.uint32) << 16).view(np.float32)),
    "float8_e4m3fn": (1, _e4m3),
    "float8_e5m2": (1, lambda bits: (bits.astype(np.uint16) << 8).view(np.float16).astype(np.float32)),
}
"""Its name -> the bytes of a cell, and float32 of the bits: uint16 or uint8, of any shape.

float8_e5m2 is a float16 cut in half; float8_e4m3fn has no infinity, and one NaN of each sign (arXiv:2209.05433).
"""


def widened(bits: Array, name: str) -> Array:
    """float32 of cells that a file holds as bits of a narrower float, in the same shape."""
    return WIDENED[name][1](bits)
