"""What a pass has on disk: arrays that it forgets, and reads back as they were instead of computing them again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from bpdebug.arrays import Array


class Disk(Protocol):
    """Where arrays are put; see the front ends' file. Once it is `full` it takes no more."""

    full: bool

    def put(self, array: Array) -> Any:
        """Its place, for an array of any shape; None where it would come back in another layout, or is not taken.

        E_FILE: no room, unless that is said elsewhere.
        """

    def get(self, place: Any) -> Array:
        """The array of a place, read-only, of its shape."""
        ...


class Spilled:
    """The values (and gradients) of a pass that lie on a disk, by tensor; `nbytes` of them.

    Once a disk is `full`, no pass puts more there. `near` makes one of NumPy's of an array, and `into` an array of one
    of NumPy's.
    """

    def __init__(self, make: Callable[[], Disk | None] | None) -> None:
        self.near: Callable[[Any], Array] = lambda array: array
        self.into: Callable[[Array, int], Any] = lambda array, tensor: array
        self._make = make
        self._disk: Disk | None = None
        self._places: dict[tuple[int, bool], Any] = {}
        self.nbytes, self.full = 0, False

    def write(self, table: list[Any], tensors: Iterable[int], *, gradients: bool) -> None:
        """Those arrays of a table that are there and are not on the disk yet; E_FILE: see `Disk.put`."""
        if self._make is None or self.full:
            return
        met: dict[int, Any] = {}
        try:
            disk = self._disk = self._disk or self._make()
            if disk is None:
                return
            for t in tensors:
                array = table[t]
                if array is None or (t, gradients) in self._places:
                    continue
                if id(array) not in met:  # what a sum hands on is one array for both
                    near = self.near(array)
                    met[id(array)] = disk.put(near)
                    self.nbytes += near.nbytes if met[id(array)] is not None else 0
                if met[id(array)] is not None:
                    self._places[t, gradients] = met[id(array)]
        finally:
            self.full = self._disk is None or self._disk.full

    def read(self, table: list[Any], tensors: Iterable[int], *, gradients: bool) -> None:
        """Puts those arrays into a table that are not there, and are on the disk."""
        for t in tensors if self._places else ():
            if table[t] is None and (t, gradients) in self._places and self._disk is not None:
                table[t] = self.into(self._disk.get(self._places[t, gradients]), t)

    def has(self, tensors: Iterable[int], *, gradients: bool) -> bool:
        """Whether all of them are on the disk."""
        return bool(self._places) and all((t, gradients) in self._places for t in tensors)
