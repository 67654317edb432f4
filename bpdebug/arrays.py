"""What every layer calls an array, its shape, its dtype, and the index of a cell."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
DType = np.dtype[Any]
Cell = tuple[int, ...]
Key = tuple[Any, ...]
"""An index as hashable plain data: integers, '...', and (start, stop, step) for a slice."""


def read_only(array: Any) -> Array:
    """The same array, of any shape, which nothing can be written into from here on."""
    array.flags.writeable = False
    found: Array = array
    return found


def cell_text(name: str, cell: Cell) -> str:
    """A cell as it is typed: `W[0,1]`; a single number's name alone."""
    return f"{name}[{','.join(map(str, cell))}]" if cell else name


def at_cell(cell: Cell) -> str:
    """Where in an array: ' at [0, 1]'; '' of a single number."""
    return f" at [{', '.join(map(str, cell))}]" if cell else ""


def encode_key(key: Any) -> Key:
    """An index as hashable plain data."""
    items = key if isinstance(key, tuple) else (key,)
    return tuple((k.start, k.stop, k.step) if isinstance(k, slice) else k for k in items)


def decode_key(key: Key) -> tuple[Any, ...]:
    """The index NumPy takes, from what `encode_key` made."""
    return tuple(slice(*k) if isinstance(k, tuple) else ... if k == "..." else k for k in key)
