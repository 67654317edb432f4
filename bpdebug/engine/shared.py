"""What a fork has in common with the timeline that it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from bpdebug.arrays import Array
from bpdebug.engine.edits import Edit, Override, RuleOverride
from bpdebug.engine.run import Pass
from bpdebug.engine.source import ArraySource
from bpdebug.graph import Graph


class Shared(ArraySource):
    """The arrays of another pass that no edit reaches; `edits` are those that the other does not have."""

    def __init__(self, graph: Graph, parent: Pass, edits: Sequence[Edit]) -> None:
        self.graph, self.parent = graph, parent
        self._set = {(e.tensor, e.gradient) for e in edits if isinstance(e, Override)}
        self._rules = {(e.k, e.position) for e in edits if isinstance(e, RuleOverride)}

    def value(self, tensor: int) -> Array | None:
        return None if self.touched[tensor] else self.parent.value(tensor)

    def gradient(self, tensor: int) -> Array | None:
        return None if self.touched_gradients[tensor] else self.parent.gradient(tensor)

    @cached_property
    def touched(self) -> bytearray:
        """Per tensor: does its value depend on an edit?"""
        graph, touched = self.graph, bytearray(len(self.graph.names))
        for tensor, gradient in self._set:
            touched[tensor] |= not gradient
        for k, node in enumerate(graph.nodes):
            touched[graph.tensor(k)] |= any(touched[t] for t in node.tensors)
        return touched

    @cached_property
    def touched_gradients(self) -> bytearray:
        """Per tensor: does its gradient depend on an edit?"""
        graph, values = self.graph, self.touched
        touched = bytearray(len(graph.names))
        for tensor in range(len(graph.names) - 1, -1, -1):
            touched[tensor] = (tensor, True) in self._set or any(
                touched[graph.tensor(k)]
                or (k, position) in self._rules
                or any(values[t] for t in (graph.tensor(k), *graph.nodes[k].tensors, *graph.plans[k].outside))
                for k, position in graph.edges_from(tensor)
            )
        return touched
