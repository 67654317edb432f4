"""A pass whose arrays are another library's: they stay where they are, and NumPy's are made of those asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from bpdebug.arrays import Array
from bpdebug.backends.backend import Backend
from bpdebug.engine.edits import Override
from bpdebug.engine.run import Pass
from bpdebug.engine.source import COMPUTE, ArraySource
from bpdebug.graph import Graph

OUT = 64
"""Arrays that were asked for last, of which NumPy's are kept."""


class PlacedPass(Pass):
    """A pass on a backend's arrays. What is given out are NumPy's, read-only, of the same shape."""

    def __init__(
        self, graph: Graph, leaf: Callable[[int], Array], source: ArraySource = COMPUTE,
        edits: Sequence[Override] = (), *, backend: Backend,
    ) -> None:  # fmt: skip
        self.library = self.backend = backend
        self._settled = {id(None)}
        self._near: OrderedDict[int, tuple[Any, Array]] = OrderedDict()
        super().__init__(graph, lambda t: self._placed(t, leaf(t)), source, edits)

    def _placed(self, tensor: int, array: Array) -> Any:
        """A leaf where the backend computes: what a scenario gives is brought there once."""
        given = self.graph.arrays
        if tensor >= len(given) or array is not given[tensor]:
            return self.backend.inside(array)
        there = self.graph.kept.setdefault(f"leaves of {self.backend.name}", {})
        if tensor not in there:
            there[tensor] = self.backend.inside(array)
        return there[tensor]

    def _out(self, array: Any) -> Array:
        found = self._near.get(id(array))
        if found is None:
            with self.backend.within():
                found = array, self.backend.out(array)
            if len(self._near) >= OUT:
                self._near.popitem(last=False)
            self._near[id(array)] = found
        return found[1]

    def _edited(self, tensor: int, gradient: bool, array: Any) -> Any:
        """Where it lies: what is set comes from here, and no more."""
        for edit in self._edits.get((tensor, gradient), ()):
            array = self.backend.changed(array, edit.key, edit.value)
        return array

    def _in(self, array: Any) -> Any:
        return self.backend.inside(array)

    def _whole(self, array: Any) -> Any:
        return array

    def _quiet(self) -> AbstractContextManager[Any]:
        return self.backend.within()

    def _went(self, tensor: int, gradient: bool) -> bool:
        with self.backend.within():
            went = super()._went(tensor, gradient)
        self._settle()
        return went

    def _settle(self) -> None:
        """What was only planned so far is worked out, once for all that reads it."""
        if self.backend.settle is None:
            return
        places = [(table, t) for table in (self.V, self.G) for t, x in enumerate(table) if id(x) not in self._settled]
        for (table, t), found in zip(places, self.backend.settle([table[t] for table, t in places]), strict=True):
            table[t] = found
            self._settled.add(id(found))
