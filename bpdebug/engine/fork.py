"""What if: a timeline in which a tensor, a gradient or a backward rule is overridden, sharing everything before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine.budget import ARRAY
from bpdebug.engine.optimizers import Training
from bpdebug.engine.run import Code, Pass
from bpdebug.engine.store import State, Store
from bpdebug.engine.timeline import Timeline
from bpdebug.engine.update import Update
from bpdebug.graph import Graph
from bpdebug.symbolic import Plan


@dataclass(frozen=True, eq=False)
class Override:
    """Cells of a tensor (or of its gradient) and what they become, where the tensor is computed.

    `key` is NumPy's index, () for all cells; `value` broadcasts to them.
    """

    tensor: int
    gradient: bool
    key: tuple[Any, ...]
    value: Array

    def applied(self, array: Array) -> Array:
        """A copy of the array with the cells overridden."""
        changed = np.array(array, copy=True)
        changed[self.key] = self.value
        return changed


def fork(timeline: Timeline, override: Override, iteration: int) -> Timeline:
    """The timeline with one override more, in one iteration; later iterations start from what it leads to."""
    store = ForkedStore(timeline.store, timeline.graph, iteration, override)
    return Timeline(timeline.graph, seed=timeline.seed, training=timeline.training, store=store)


def fork_rule(timeline: Timeline, k: int, position: int, rule: Callable[[Plan], Any]) -> Timeline:
    """The timeline with node k's backward rule for one operand replaced, in every iteration.

    `rule(plan)` builds the expression from the plan's own leaves. Raises ShapeError where it gives another shape.
    """
    graph = timeline.graph
    plan = graph.plans[k].with_gradient(position, rule)
    forked = replace(graph, plans=(*graph.plans[:k], plan, *graph.plans[k + 1 :]))
    store = ForkedStore(timeline.store, forked, 0, None, changed=(k, position))
    return Timeline(forked, seed=timeline.seed, training=timeline.training, store=store)


def fork_update(timeline: Timeline, tensor: int, rule: Callable[[Update], Any]) -> Timeline:
    """The timeline with the update rule of one parameter replaced, in every iteration; its states go on as they did.

    `rule(update)` builds the new parameter from the update's own leaves. Raises ShapeError where it has another shape.
    """
    training = timeline.training
    assert training is not None
    training = replace(training, rules={**training.rules, tensor: rule})
    store = ForkedStore(timeline.store, timeline.graph, 0, None, training=training)
    store.update(tensor)
    return Timeline(timeline.graph, seed=timeline.seed, training=training, store=store)


class ForkedStore(Store):
    """The iterations of a fork: the parent's before the override, its own from there on."""

    def __init__(
        self, parent: Store, graph: Graph, first: int, override: Override | None,
        changed: tuple[int, int] | None = None, training: Training | None = None,
    ) -> None:  # fmt: skip
        super().__init__(graph, parent.seed, training or parent.training, parent.budget)
        self.parent, self.first, self.override, self.changed = parent, first, override, changed
        self._leaves = parent._leaves

    def iteration(self, t: int) -> Pass:
        return self.parent.iteration(t) if t < self.first else super().iteration(t)

    def size(self, t: int) -> int:
        """An iteration that shares its arrays with the parent's holds that one, too: what is different counts twice."""
        total, run = super().size(t), self._passes.get(t)
        while isinstance(run, ForkedPass):
            both = zip(run.touched, run.touched_gradients, strict=True)
            total += sum((self.graph.nbytes(i) + ARRAY) * (a + b) for i, (a, b) in enumerate(both))
            run = run.parent
        return total

    def start(self, t: int) -> State:
        return self.parent.start(t) if t < self.first else super().start(t)

    def _known(self, t: int) -> State | None:
        return self.parent.start(t) if t == self.first else super()._known(t)

    def parameter(self, tensor: int, updates: int) -> Array:
        if updates < self.first:
            return self.parent.parameter(tensor, updates)
        set_here = updates == self.first or self._set_before(updates)
        return self.iteration(updates).value(tensor) if set_here else super().parameter(tensor, updates)

    def updated(self, tensor: int, t: int) -> Array:
        """What an update made, whatever was set of it for the next iteration to start from."""
        return self.parent.updated(tensor, t) if t < self.first else self._leaf(tensor, t + 1, self.start(t + 1))

    def make(self, t: int, changed: State) -> Pass:
        if t != self.first:
            made = super().make(t, changed)
            for override in self._set_before(t):
                made = ForkedPass(self.graph, self.code, made, override, None)
            return made
        return ForkedPass(self.graph, Code(self.graph), self.parent.iteration(t), self.override, self.changed)

    def _set_before(self, t: int) -> list[Override]:
        """What the forks that this one is made of set in iteration t, which is not this one's, the oldest first."""
        found: list[Override] = []
        store = self.parent
        while isinstance(store, ForkedStore):
            if store.first == t and store.override is not None:
                found.insert(0, store.override)
            store = store.parent
        return found


class ForkedPass(Pass):
    """An iteration that shares with its parent every array the override does not reach."""

    def __init__(
        self, graph: Graph, compiled: Code, parent: Pass, override: Override | None, changed: tuple[int, int] | None
    ) -> None:
        super().__init__(graph, compiled, parent.value)
        self.parent, self.override, self.changed = parent, override, changed

    @cached_property
    def touched(self) -> bytearray:
        """Per tensor: does its value depend on the override?"""
        graph, touched = self.graph, bytearray(len(self.graph.names))
        if self.override is not None and not self.override.gradient:
            touched[self.override.tensor] = 1
        for k, node in enumerate(graph.nodes):
            if not touched[graph.first + k]:
                touched[graph.first + k] = any(touched[t] for t in node.tensors)
        return touched

    @cached_property
    def touched_gradients(self) -> bytearray:
        """Per tensor: does its gradient depend on the override?"""
        graph, values = self.graph, self.touched
        touched = bytearray(len(graph.names))
        for tensor in range(len(graph.names) - 1, -1, -1):
            own = self.override is not None and self.override.gradient and self.override.tensor == tensor
            touched[tensor] = own or any(
                touched[graph.first + k]
                or (k, position) == self.changed
                or values[graph.first + k]
                or any(values[t] for t in (*graph.nodes[k].tensors, *graph.plans[k].outside))
                for k, position in graph.edges_from(tensor)
            )
        return touched

    def _missing(self, wanted: Sequence[int]) -> list[int]:
        """As for a pass of its own, but what the override does not reach comes from the parent."""
        needed: set[int] = set()
        stack = [t for t in wanted if self.V[t] is None]
        while stack:
            tensor = stack.pop()
            if tensor not in needed:
                needed.add(tensor)
                node = self.graph.node(tensor)
                if self.touched[tensor] and node is not None:
                    stack.extend(t for t in node.tensors if self.V[t] is None)
        return sorted(needed)

    def _compute(self, tensors: Sequence[int]) -> None:
        for tensor in tensors:
            if not self.touched[tensor]:
                self.V[tensor] = self.parent.value(tensor)
                continue
            if tensor < self.graph.first:
                self.V[tensor] = self.parent.value(tensor)
            else:
                super()._compute([tensor])
            if self.override is not None and not self.override.gradient and self.override.tensor == tensor:
                self.V[tensor] = self.override.applied(self.V[tensor])

    def _sum(self, tensor: int, edges: Sequence[tuple[int, int]]) -> Any:
        if not self.touched_gradients[tensor]:
            return self.parent.gradient(tensor)
        total = super()._sum(tensor, edges)
        if self.override is not None and self.override.gradient and self.override.tensor == tensor:
            return self.override.applied(total)
        return total

    def run_forward(self) -> None:
        with np.errstate(all="ignore"):
            self._compute(self._missing(range(len(self.V))))

    def run_backward(self) -> None:
        for tensor in range(len(self.G) - 1, -1, -1):
            if self.graph.has_gradient(tensor):
                self.gradient(tensor)


def overridden(timeline: Timeline, tensor: int, gradient: bool, iteration: int) -> list[Override]:
    """The overrides of a tensor (or of its gradient) that hold in an iteration, the oldest first."""
    found: list[Override] = []
    store = timeline.store
    while isinstance(store, ForkedStore):
        made = store.override
        if made is not None and (made.tensor, made.gradient, store.first) == (tensor, gradient, iteration):
            found.insert(0, made)
        store = store.parent
    return found
