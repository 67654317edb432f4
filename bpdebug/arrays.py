"""What every layer calls an array, its shape, its dtype, and the index of a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from weakref import ref

import numpy as np

from bpdebug.translation import _

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
DType = np.dtype[Any]
Cell = tuple[int, ...]
Key = tuple[Any, ...]
"""An index as hashable plain data: integers, '...', and (start, stop, step) for a slice.

Of arrays of integers, too: None for each, in order, and ((0, 2),) for a list that is written out.
"""
Made = TypeVar("Made")
More = ParamSpec("More")


class Parts(Protocol):
    """Reads parts of an array that lies in a file; it can be sent to where they are read.

    `chunks` is the shape of the pieces in which it lies there; () where it is one.
    """

    @property
    def chunks(self) -> Shape: ...
    def __call__(self, key: tuple[slice, ...]) -> Array:
        """The cells behind slices of step 1, one for each axis; E_FILE where they cannot be read any more."""
        ...


def read_only(array: Any) -> Array:
    """The same array, of any shape, which nothing can be written into from here on."""
    array.setflags(write=False)
    found: Array = array
    return found


def cell_text(name: str, cell: Cell) -> str:
    """A cell as it is typed: `W[0,1]`; a single number's name alone."""
    return f"{name}[{','.join(map(str, cell))}]" if cell else name


def number_text(value: float, digits: int = 4) -> str:
    """A number in so many significant digits, with the minus sign of screens and books; a zero has no sign."""
    return f"{value + 0.0:.{digits}g}".replace("-", "−")


def at_cell(cell: Cell) -> str:
    """Where in an array: ' at [0, 1]'; '' of a single number."""
    return _(" at [{cell}]").format(cell=", ".join(map(str, cell))) if cell else ""


def encode_key(key: Any) -> Key:
    """An index as hashable plain data."""
    items = key if isinstance(key, tuple) else (key,)
    return tuple((k.start, k.stop, k.step) if isinstance(k, slice) else k for k in items)


def decode_key(key: Key, ids: Iterable[Array] = ()) -> tuple[Any, ...]:
    """The index NumPy takes, from what `encode_key` made; `ids` are the arrays of integers in it."""
    arrays = list(reversed([*ids]))

    def item(k: Any) -> Any:
        if isinstance(k, tuple):
            return np.array(k[0], np.int64) if is_list(k) else slice(*k)
        return arrays.pop() if k is None else ... if k == "..." else k

    return tuple(map(item, key))


def takes_arrays(key: Key) -> bool:
    """Whether an index holds arrays of integers, or lists."""
    return any(item is None or is_list(item) for item in key)


def is_list(item: Any) -> bool:
    """Whether an item of an index in plain data is a list of integers."""
    return isinstance(item, tuple) and len(item) == 1


MOST_KEPT = 256
"""Arrays of which something is remembered."""


def kept(make: Callable[Concatenate[Array, More], Made]) -> Callable[Concatenate[Array, More], Made]:
    """What is said of an array, worked out once while it lives; of one that can be written into, again and again.

    Views of the same cells in the same order are one array. What more is given is hashable. What is made of an array
    that lies elsewhere (`far`), it keeps itself.
    """
    found: dict[Key, tuple[ref[Array], Made]] = {}

    @wraps(make)
    def ask(array: Array, /, *more: More.args, **named: More.kwargs) -> Made:
        if not isinstance(array, np.ndarray):
            said: Made = array.remember(make, (*more, *named.items()))
            return said
        if array.flags.writeable:
            return make(array, *more, **named)
        owner: Array = array.base if isinstance(array.base, np.ndarray) else array
        key = (
            id(owner),
            0 if owner is array else array.__array_interface__["data"][0],
            array.shape,
            array.strides,
            array.dtype,
            *more,
            *named.items(),
        )
        known = found.get(key)
        if known is None or known[0]() is not owner:
            if len(found) >= MOST_KEPT:
                del found[next(iter(found))]
            known = found[key] = ref(owner), make(array, *more, **named)
        return known[1]

    return ask


def ascending(numbers: Array) -> Array:
    """The numbers of an array of any shape in order (1-d), each once: `np.unique`, which imports all of `numpy.ma`."""
    found = np.sort(numbers, axis=None)
    first = np.ones(len(found), bool)
    np.not_equal(found[1:], found[:-1], out=first[1:])
    return found[first]


PIECE = 2**16
"""Cells that are looked at together, so that what is made of them stays in the processor's cache."""


def pieces(array: Array) -> Iterator[Array]:
    """All cells of an array of any shape, PIECE of them at a time, flat, in the order in which they lie in memory."""
    if array.size <= PIECE:
        yield array.ravel(order="K")
        return
    array = array.transpose(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))
    if array.flags.c_contiguous:
        flat = array.reshape(-1)
        yield from (flat[start : start + PIECE] for start in range(0, flat.size, PIECE))
        return
    rows = PIECE // (array.size // len(array))
    for start in range(0, len(array), max(rows, 1)):
        yield from pieces(array[start : start + rows] if rows else array[start])
