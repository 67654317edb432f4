"""A pass that another program took: its numbers where they were seen, and what our rules make of these in between.

An application is one node of the other program's backward pass: it has the steps of its forward here. What came in at
its outputs, and what it handed to its operands, was seen; between its steps our rules say what passes, and where
several steps of it lead to one operand, the last of them adds what is missing of what was handed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from bpdebug.arrays import Array, read_only
from bpdebug.engine.layout import ADDED, INCOMING, VALUE, Slot
from bpdebug.engine.recorded import Application
from bpdebug.engine.schedule import Schedule
from bpdebug.graph import Graph
from bpdebug.symbolic import compile as code


def reached(graph: Graph, told: Application) -> set[int]:
    """The tensors that a gradient passes to within an application, its outputs among them."""
    found = {graph.index[name] for name in told.outputs}
    for k in range(told.stop - 1, told.first - 1, -1):
        if graph.tensor(k) in found:
            found |= {tensor for _, tensor in graph.edges(k)}
    return found


Gradients = dict[int, Array]
Edges = dict[tuple[int, int], Array]


def passed(
    graph: Graph, steps: range, value: Callable[[int], Array], incoming: Mapping[int, Array]
) -> tuple[Gradients, Edges]:
    """What our rules make of gradients that come in at outputs of these steps, of the tensors' shapes.

    Gives whole gradients by tensor, and what each edge adds, by node and position.
    """
    gradients, edges = dict(incoming), Edges()
    V, G = _Asked(value), _Asked(gradients.__getitem__)
    with np.errstate(all="ignore"):
        for k in reversed(steps):
            t = graph.tensor(k)
            if t not in gradients:
                continue
            for position, operand in graph.edges(k):
                made = code.contribution(graph.plans[k], position)(V, G, t, None, *graph.nodes[k].inputs)
                edges[k, position] = added = np.asarray(made)
                before = gradients.get(operand)
                gradients[operand] = added if before is None else np.asarray(before + added)
    return gradients, edges


class _Asked:
    """Something by tensor number, asked for when it is needed."""

    def __init__(self, ask: Callable[[int], Array]) -> None:
        self.ask = ask

    def __getitem__(self, tensor: int) -> Array:
        return self.ask(tensor)


class Observed:
    """The recording of a pass that was seen: its timeline has all events.

    `values` are by tensor, `incoming` by output and leaf, `handed` by application (their place) and operand, as often
    as it has it; a tensor that has none is computed by our rules. Arrays have their tensors' shapes and dtypes.
    """

    library, notice, apart, states = "torch", "", False, True

    def __init__(
        self, graph: Graph, applications: Sequence[Application], values: Mapping[int, Array],
        incoming: Mapping[int, Array], handed: Mapping[tuple[int, int], Sequence[Array]],
    ) -> None:  # fmt: skip
        self.graph, self.applications = graph, tuple(applications)
        self._values, self._incoming, self._handed = dict(values), incoming, handed
        self._owner = {k: n for n, a in enumerate(applications) for k in range(a.first, a.stop)}
        self._passed: dict[int, tuple[Gradients, Edges]] = {}
        self._sums: Gradients = {}

    @cached_property
    def schedule(self) -> Schedule:
        return Schedule(self.graph, (), 1, None)

    @property
    def events(self) -> int:
        return self.schedule.events

    def digests(self, index: int) -> tuple[str, ...]:
        """Nothing: what was seen is compared itself."""
        return ()

    def read(self, index: int, slot: Slot) -> Array:
        """The array of a slot of an event, of its tensor's shape."""
        if slot.role == VALUE:
            return self.value(slot.tensor)
        if slot.role == INCOMING:
            return read_only(self.graph.incoming[slot.tensor]())
        if slot.role == ADDED or slot.position >= 0:
            k = self.graph.k(self.schedule.tensor(self.schedule.place(index)))
            assert k is not None, "edges are nodes'"
            return self.added(k, slot.position)
        return self.gradient(slot.tensor)

    def value(self, tensor: int) -> Array:
        """A tensor's value, of its shape: as it was seen, else computed from what was."""
        found = self._values.get(tensor)
        if found is None:
            k = self.graph.k(tensor)
            if k is None:
                found = self.graph.arrays[tensor]
            else:
                V = {t: self.value(t) for t in self.graph.nodes[k].tensors}
                with np.errstate(all="ignore"):
                    code.forward(self.graph.plans[k])(V, tensor, *self.graph.nodes[k].inputs)
                found = np.asarray(V[tensor])
            self._values[tensor] = found
        return read_only(found)

    def added(self, k: int, position: int) -> Array:
        """What node k adds to its operand at `position`, of that operand's shape."""
        n = self._owner.get(k)
        if n is None:
            t = self.graph.tensor(k)
            edges = passed(self.graph, range(k, k + 1), self.value, {t: self.gradient(t)})[1]
        else:
            edges = self._application(n)[1]
        if (k, position) in edges:
            return read_only(edges[k, position])
        operand = self.graph.operand(k, position)
        return np.zeros(self.graph.shapes[operand], self.graph.dtypes[operand])

    def gradient(self, tensor: int) -> Array:
        """A tensor's whole gradient, of its shape: what came in at the node that made it, else what edges add."""
        k = self.graph.k(tensor)
        n = None if k is None else self._owner.get(k)
        if n is not None:
            return read_only(self._application(n)[0][tensor])
        if tensor in self._incoming:
            return read_only(self._incoming[tensor])
        if tensor not in self._sums:
            self._sums[tensor] = self._sum(tensor, self.graph.edges_from(tensor))
        return read_only(self._sums[tensor])

    def _sum(self, tensor: int, edges: Sequence[tuple[int, int]]) -> Array:
        graph = self.graph
        total = np.asarray(graph.incoming[tensor]()) if tensor in graph.incoming else None
        for edge in edges:
            total = self.added(*edge) if total is None else np.asarray(total + self.added(*edge))
        return np.zeros(graph.shapes[tensor], graph.dtypes[tensor]) if total is None else total

    def _application(self, n: int) -> tuple[Gradients, Edges]:
        """All that passes in an application: our rules' from what came in, and at its operands what was handed."""
        found = self._passed.get(n)
        if found is None:
            graph, told = self.graph, self.applications[n]
            steps = range(told.first, told.stop)
            outputs = [graph.index[name] for name in told.outputs]
            found = passed(graph, steps, self.value, {t: self._came_in(t, steps) for t in outputs})
            for name in told.operands:
                self._hand(n, graph.index[name], found[1])
            self._passed[n] = found
        return found

    def _came_in(self, tensor: int, steps: range) -> Array:
        """What comes in at an output from outside of its own steps."""
        found = self._incoming.get(tensor)
        if found is None:
            found = self._sum(tensor, [e for e in self.graph.edges_from(tensor) if e[0] not in steps])
        return found

    def _hand(self, n: int, operand: int, edges: Edges) -> None:
        """Has the edges to an operand add up to what was handed to it; one by one, where there are as many."""
        handed = self._handed.get((n, operand), ())
        mine = sorted((k, p) for k, p in edges if self.graph.operand(k, p) == operand)
        if len(handed) == len(mine):
            edges.update(zip(mine, handed, strict=True))
        elif handed and mine:
            *others, last = mine[::-1]  # as they come on the way back
            with np.errstate(all="ignore"):
                edges[last] = np.asarray(sum(handed[1:], handed[0]) - sum(edges[e] for e in others))
