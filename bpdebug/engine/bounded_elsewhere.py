"""A pass within a byte budget whose arrays are another library's, on a device whose memory is the budget's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpdebug.arrays import Array
from bpdebug.backends.backend import Backend
from bpdebug.engine.bounded import BoundedPass
from bpdebug.engine.placed import PlacedPass
from bpdebug.graph import Graph


class BoundedPlacedPass(PlacedPass, BoundedPass):
    """What is forgotten is forgotten there, and computed there again; on a disk it lies as NumPy's."""

    most_out = 4

    def __init__(self, graph: Graph, leaf: Callable[[int], Array], *given: Any, backend: Backend) -> None:
        super().__init__(graph, leaf, *given, backend=backend)
        self._opened.made_of.append(self._near)
        self._opened.release = backend.release
        halves = graph.halves  # not the pass itself, which has what is spilled
        self.spilled.near = backend.near
        self.spilled.into = lambda array, tensor: backend.in_half(backend.into(array), halves.get(tensor, ""))
