"""Which arrays the events of a schedule make: what a recording holds, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bpdebug.engine.schedule import BACKWARD, FORWARD, SEED, UPDATE, Schedule
from bpdebug.graph import DRAWN

VALUE, MASK, INCOMING, ADDED, GRADIENT, UPDATED = "value", "mask", "incoming", "added", "gradient", "updated"
KEPT = "state"
NONE = -1
"""The position of what is of no operand alone."""


class Slot(NamedTuple):
    """One array that an event makes: what it is (`role`), of which tensor, and for which operand of the node.

    Where one edge alone feeds a gradient, what it adds is the gradient; elsewhere (and everywhere on a fork, where
    gradients may be overridden) each edge has a slot for what it adds, and the last one has the gradient besides.
    """

    role: str
    tensor: int
    position: int = NONE


class Layout:
    """Which arrays the events of a schedule make, the same in every iteration.

    `apart` keeps what edges add apart from gradients, everywhere.
    Without `states` updates make the parameter alone: so it was in recordings of the first version.
    """

    def __init__(self, schedule: Schedule, apart: bool = False, states: bool = True) -> None:
        self.graph, self.schedule, self.apart, self.states = schedule.graph, schedule, apart, states
        self._draws = DRAWN in self.graph.kinds.values()
        self._again = schedule.iterations > 1  # otherwise an event comes once, and is not worth keeping
        self._known: dict[int, tuple[Slot, ...]] = {}

    def sole(self, tensor: int) -> bool:
        """Whether a tensor's gradient is what a single edge adds."""
        return not self.apart and tensor not in self.graph.incoming and len(self.graph.edges_from(tensor)) == 1

    def slots(self, index: int) -> tuple[Slot, ...]:
        offset = index % self.schedule.per_iteration
        found = self._known.get(offset)
        if found is None:
            found = tuple(self._slots(offset))
            if self._again:
                self._known[offset] = found
        return found

    def _slots(self, offset: int) -> Iterator[Slot]:
        graph, moment = self.graph, self.schedule.place(offset)
        tensor = self.schedule.tensor(moment)
        if moment.phase == FORWARD:
            for t in graph.nodes[moment.nth].tensors if self._draws else ():
                if graph.kind(t) == DRAWN and graph.first_user(t) == moment.nth:
                    yield Slot(MASK, t)
            yield Slot(VALUE, tensor)
        elif moment.phase == BACKWARD:
            yield from self._edges(graph.backward_nodes[moment.nth])
        else:
            yield Slot(INCOMING if moment.phase == SEED else UPDATED, tensor)
            if moment.phase == UPDATE and self.states:
                yield from (Slot(KEPT, state) for state in graph.states.get(tensor, ()))

    def _edges(self, k: int) -> Iterator[Slot]:
        for position, tensor in self.graph.edges(k):
            if self.sole(tensor):
                yield Slot(GRADIENT, tensor, position)
            elif self.graph.has_gradient(tensor):
                yield Slot(ADDED, tensor, position)
                if self.graph.edges_from(tensor)[-1] == (k, position):
                    yield Slot(GRADIENT, tensor)
