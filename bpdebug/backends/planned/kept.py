"""Which planned arrays are worked out and kept, and which are worked out in slices whenever those are asked for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from weakref import WeakValueDictionary

import dask.array as da
import numpy as np
from dask.highlevelgraph import HighLevelGraph

from bpdebug.arrays import Array, DType, Parts, Shape
from bpdebug.backends.planned.pieces import opened


class Runner(Protocol):
    """Where plans are carried out: here, or on a cluster."""

    @property
    def room(self) -> int: ...
    @property
    def times(self) -> int: ...
    def reached(self) -> int:
        """How often the place was reached; with each time what was kept there before is gone."""
        ...

    def persist(self, arrays: Sequence[Any]) -> Sequence[Any]: ...
    def compute(self, arrays: Sequence[Any]) -> Sequence[Array]:
        """Their cells as NumPy's arrays, of the same shapes."""
        ...


class Planned:
    """The arrays that are worked out: of those asked for the smallest ones first, as many as there is room for.

    The others stay planned, on top of these. Leaves that lie in files are never kept: their files are.
    """

    def __init__(self, work: Runner) -> None:
        self.work, self._times = work, work.times
        self._there: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self._lying: WeakValueDictionary[str, Any] = WeakValueDictionary()

    def settle(self, arrays: Sequence[Any]) -> Sequence[Any]:
        """The same arrays, worked out where there is room for them, else planned on what was worked out."""
        self._look()
        arrays = [self.on_top(x) for x in arrays]
        small, free = list[Any](), self.work.room - sum(x.nbytes for x in self._there.values())
        for x in sorted({x.name: x for x in arrays}.values(), key=lambda x: int(x.nbytes)):
            if x.name not in self._there and x.name not in self._lying and x.nbytes <= free:
                small.append(x)
                free -= x.nbytes
        if not small:
            return arrays
        with quiet():
            found = {x.name: x for x in self.work.persist(small)}
        self._there.update(found)
        return [self.on_top(x) for x in arrays]

    def _look(self) -> None:
        """What is kept is forgotten where the place has lost it."""
        if self.work.reached() != self._times:
            self._times = self.work.times
            self._there.clear()

    def lying(self, shape: Shape, dtype: DType, parts: Parts) -> Any:
        """An array that lies in a file, which is not kept."""
        found = opened(shape, dtype, parts)
        self._lying[found.name] = found
        return found

    def near(self, x: Any) -> Array:
        """The cells of one as NumPy's, of its shape; nothing is worked out that was kept."""
        ((_, found),) = self.at_once(x, ())
        return found

    def at_once(self, x: Any, more: Sequence[Any]) -> list[tuple[Any, Array]]:
        """Its cells, of its shape, and those of each of `more` that is kept, with the arrays: one way for all."""
        self._look()
        arrays = [x, *(other for other in more if other.name in self._there)]
        with quiet():
            found = self.work.compute([self.on_top(one) for one in arrays])
        return [(one, np.asarray(cells)) for one, cells in zip(arrays, found, strict=True)]

    def on_top(self, x: Any) -> Any:
        """The same array, with what is kept in place of the plan for it."""
        there = self._there.get(x.name)
        if there is not None:
            return there
        layers, before, stack = x.dask.layers, x.dask.dependencies, [x.name]
        needed, known, changed = dict[str, Any](), dict[str, Any](), False
        while stack:
            name = stack.pop()
            if name in needed:
                continue
            if (kept := self._there.get(name)) is not None:
                needed[name], known[name], changed = kept.dask.layers[name], set[str](), True
            else:
                needed[name], known[name] = layers[name], before[name]
                stack += before[name]
        if not changed:
            return x
        return da.Array(HighLevelGraph(needed, known), x.name, x.chunks, dtype=x.dtype, meta=x._meta)


@contextmanager
def quiet() -> Iterator[None]:
    """A division by zero is no news: NumPy's own way to say so is a setting of each thread, and Dask has its own.

    Nor is it that a product has more chunks than its operands.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", da.PerformanceWarning)
        yield
