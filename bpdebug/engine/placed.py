"""A pass whose arrays are another library's: they stay where they are, and NumPy's are made of those asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from bpdebug.arrays import Array
from bpdebug.backends.backend import Backend
from bpdebug.engine.run import Pass
from bpdebug.far import is_array
from bpdebug.graph import Graph

OUT = 64
"""Arrays that were asked for last, of which NumPy's are kept."""
NEXT = 12
"""So many tensors before and after one are its neighbours."""


class PlacedLeaves(dict[int, Any]):
    """The arrays of leaves where a backend computes, by tensor number, brought there once for every pass.

    What lies in a file that a backend can open in parts is not read here.
    """

    def __init__(self, graph: Graph, backend: Backend) -> None:
        self._graph, self._backend = graph, backend

    @classmethod
    def of(cls, graph: Graph, backend: Backend) -> PlacedLeaves:
        """Those of a graph and a backend, which are kept with the graph."""
        known: dict[Backend, PlacedLeaves] = graph.kept.setdefault("placed leaves", {})
        if backend not in known:
            known[backend] = cls(graph, backend)
        return known[backend]

    def __missing__(self, tensor: int) -> Any:
        leaf, backend = self._graph.leaves[tensor], self._backend
        if backend.lying is not None and leaf.parts is not None:
            found = backend.lying(leaf.shape, leaf.dtype, leaf.parts)
        else:
            found = backend.into(self._graph.arrays[tensor])
        self[tensor] = found = backend.in_half(found, self._graph.halves.get(tensor, ""))
        return found


def _inside(backend: Backend, graph: Graph, array: Any, tensor: int) -> Any:
    """One of NumPy's arrays, a tensor's value or gradient, where the backend computes."""
    return backend.in_half(backend.inside(array), graph.halves.get(tensor, ""))


def _placed(backend: Backend, graph: Graph, leaf: Callable[[int], Any], tensor: int) -> Any:
    """A leaf there: what an iteration makes is brought, what is given lies there.

    No method: a pass that holds itself keeps all its arrays until the garbage collector comes.
    """
    array = leaf(tensor)
    return _inside(backend, graph, array, tensor) if is_array(array) else array


class PlacedPass(Pass):
    """A pass on a backend's arrays. What is given out are NumPy's, read-only, of the same shape.

    After the leaves it takes what the kind of pass takes that it is.
    """

    most_out = OUT

    def __init__(self, graph: Graph, leaf: Callable[[int], Array], *given: Any, backend: Backend) -> None:
        self.library = self.backend = backend
        self._settled = {id(None)}
        self._near: OrderedDict[int, tuple[Any, Array]] = OrderedDict()
        super().__init__(graph, partial(_placed, backend, graph, leaf), *given)

    def _out(self, array: Any) -> Array:
        found = self._near.get(id(array))
        if found is None:
            if id(array) not in self._settled:
                self._settle()  # it was computed beside the routes, or was stopped: not anew with each look
            with self.backend.within():
                brought = self.backend.brought(array, partial(self._around, array))
            found = brought[0]  # what is kept may be let go by another thread's look
            for there, here in reversed(brought):
                if len(self._near) >= self.most_out:
                    self._near.popitem(last=False)
                self._near[id(there)] = there, here
        return found[1]

    def _around(self, array: Any) -> list[Any]:
        """The arrays that whoever asked for this one will ask for next: of its neighbours in the program."""
        at = next((t for table in (self.V, self.G) for t, x in enumerate(table) if x is array), 0)
        near = slice(max(at - NEXT, 0), at + NEXT)
        found = {id(x): x for x in (*self.V[near], *self.G[near]) if x is not array and id(x) not in self._near}
        return [x for x in found.values() if x is not None]

    def _edited(self, tensor: int, gradient: bool, array: Any) -> Any:
        """Where it lies: what is set comes from here, and no more."""
        for edit in self._edits.get((tensor, gradient), ()):
            array = self.backend.changed(array, edit.key, edit.value)
        return array

    def _in(self, array: Any, tensor: int) -> Any:
        return _inside(self.backend, self.graph, array, tensor)

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
        for table in (self.V, self.G):  # one after the other: what both read is not kept from one to the other
            new = [t for t, x in enumerate(table) if id(x) not in self._settled]
            for t, found in zip(new, self.backend.settle([table[t] for t in new]) if new else (), strict=True):
                table[t] = found
                self._settled.add(id(found))
