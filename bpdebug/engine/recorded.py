"""A timeline read from a recording: what was recorded is not computed again, and it ends where the recording does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bpdebug.engine.optimizers import Training
from bpdebug.engine.run import Code, Pass
from bpdebug.engine.store import Store
from bpdebug.engine.timeline import BACKWARD, FORWARD, SEED, UPDATE, Place, Timeline
from bpdebug.errors import BpdebugError
from bpdebug.graph import DRAWN, Graph
from bpdebug.limits import GIB

Array = np.ndarray[Any, Any]
VALUE, MASK, INCOMING, ADDED, GRADIENT, UPDATED = "value", "mask", "incoming", "added", "gradient", "updated"


@dataclass(frozen=True, slots=True)
class Slot:
    """One array that an event makes: what it is (`role`), of which tensor, and for which operand of the node.

    Where one edge alone feeds a gradient, what it adds is the gradient; elsewhere (and everywhere on a fork, where
    gradients may be overridden) each edge has a slot for what it adds, and the last one has the gradient besides.
    """

    role: str
    tensor: int
    position: int = -1


def sole(graph: Graph, tensor: int, apart: bool) -> bool:
    """Whether a tensor's gradient is what a single edge adds."""
    return not apart and tensor not in graph.incoming and len(graph.edges_from(tensor)) == 1


def slots(timeline: Timeline, index: int, apart: bool = False) -> tuple[Slot, ...]:
    """Which arrays an event makes, the same in every iteration; `apart` keeps all edges apart from gradients."""
    graph, phase, tensor = timeline.graph, timeline.place(index).phase, timeline.tensor_at(index)
    if phase == FORWARD:
        masks = (t for t in graph.nodes[tensor - graph.first].tensors if t < graph.first and graph.kind(t) == DRAWN)
        return (*(Slot(MASK, t) for t in masks), Slot(VALUE, tensor))
    if phase == SEED:
        return (Slot(INCOMING, tensor),)
    if phase == UPDATE:
        return (Slot(UPDATED, tensor),)
    k, found = tensor - graph.first, []
    for position, operand in graph.edges(k):
        if sole(graph, operand, apart):
            found.append(Slot(GRADIENT, operand, position))
        elif graph.has_gradient(operand):
            found.append(Slot(ADDED, operand, position))
            if graph.edges_from(operand)[-1] == (k, position):
                found.append(Slot(GRADIENT, operand))
    return tuple(found)


def made(timeline: Timeline, index: int, slot: Slot) -> Array:
    """The array of a slot; computed where the timeline does not have it yet."""
    t = timeline.place(index).iteration
    run = timeline.iteration(t)
    if slot.role in (VALUE, MASK):
        return run.value(slot.tensor)
    if slot.role == INCOMING:
        return run.seed(slot.tensor)
    if slot.role == UPDATED:
        return timeline.store.updated(slot.tensor, t)
    if slot.role == ADDED:
        return run.contribution(timeline.tensor_at(index) - timeline.graph.first, slot.position)
    found = run.gradient(slot.tensor)
    assert found is not None
    return found


def whole_pass(timeline: Timeline, index: int) -> None:
    """At the first event of a pass: computes it in one go, because all its events will be asked for."""
    place = timeline.place(index)
    if place.nth == 0 and place.phase in (FORWARD, BACKWARD):
        run = timeline.iteration(place.iteration)
        # A pass that fails half-way is computed event by event, and fails again where it must.
        with suppress(BpdebugError):
            run.run_forward() if place.phase == FORWARD else run.run_backward()


class Recording(Protocol):
    """What was recorded: the first `events` events of a timeline; `notice` says what else is to be known of it."""

    events: int
    notice: str
    apart: bool

    def read(self, index: int, slot: Slot) -> Array:
        """The array of a slot of a recorded event; InputError (E_TRACE) where its bytes are not what they were."""
        ...

    def digests(self, index: int) -> tuple[str, ...]:
        """The hashes of an event's arrays, in the order of its slots."""
        ...


class _Loaded(list[Any]):
    """A table of arrays that fills itself from a recording."""

    def __init__(self, size: int, load: Callable[[int], Array | None]) -> None:
        super().__init__([None] * size)
        self._load = load

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        if found is None:
            found = self._load(at)
            if found is not None:
                self[at] = found
        return found


Find = Callable[[str, int, Slot], Array | None]
"""The recorded array of a slot of the event (phase, tensor); None where that event is not recorded."""


class RecordedPass(Pass):
    """One iteration from a recording; only what was not recorded is computed."""

    def __init__(
        self, graph: Graph, compiled: Code, leaf: Callable[[int], Array], find: Find, apart: bool
    ) -> None:  # fmt: skip
        super().__init__(graph, compiled, leaf)
        self._find, self._apart = find, apart
        self.V = _Loaded(len(graph.names), self._value)
        self.G = _Loaded(len(graph.names), self._whole)

    def _value(self, tensor: int) -> Array | None:
        return self._find(FORWARD, tensor, Slot(VALUE, tensor)) if tensor >= self.graph.first else None

    def _whole(self, tensor: int) -> Array | None:
        edges = self.graph.edges_from(tensor)
        if not edges:
            return self._find(SEED, tensor, Slot(INCOMING, tensor)) if tensor in self.graph.incoming else None
        k, position = edges[-1]
        slot = Slot(GRADIENT, tensor, position if sole(self.graph, tensor, self._apart) else -1)
        return self._find(BACKWARD, self.graph.first + k, slot)

    def seed(self, tensor: int) -> Array:
        found = self._find(SEED, tensor, Slot(INCOMING, tensor))
        return super().seed(tensor) if found is None else found

    def contribution(self, k: int, position: int) -> Array:
        tensor = self.graph.nodes[k].inputs[position]
        assert isinstance(tensor, int)
        if sole(self.graph, tensor, self._apart):
            found = self.gradient(tensor)
        else:
            found = self._find(BACKWARD, self.graph.first + k, Slot(ADDED, tensor, position))
        return super().contribution(k, position) if found is None else found

    def run_forward(self) -> None:
        """Nothing: each array is read when somebody looks at it."""

    def run_backward(self) -> None:
        """Nothing, as well."""


class RecordedStore(Store):
    """The iterations of a recording; masks, and parameters after each update, were recorded, too."""

    def __init__(self, timeline: RecordedTimeline, training: Training | None, budget: int) -> None:
        super().__init__(timeline.graph, timeline.seed, training, budget)
        self._timeline = timeline

    def iteration(self, t: int) -> Pass:
        found = self._passes.get(t)
        if found is None:
            found = self._passes[t] = self.make(t, {})  # where it starts is recorded: nothing to work out before
            while len(self._passes) > self._keep:
                self._passes.popitem(last=False)
        self._passes.move_to_end(t)
        return found

    def make(self, t: int, changed: dict[int, Array]) -> Pass:
        timeline = self._timeline
        return RecordedPass(
            self.graph,
            self.code,
            lambda i: changed[i] if i in changed else self._recorded_leaf(i, t),
            lambda phase, tensor, slot: timeline.recorded(t, phase, tensor, slot),
            timeline.recording.apart,
        )

    def parameter(self, tensor: int, updates: int) -> Array:
        if updates == 0:
            return self._leaf(tensor, 0, {})
        found = self._timeline.recorded(updates - 1, UPDATE, tensor, Slot(UPDATED, tensor))
        return super().parameter(tensor, updates) if found is None else found

    def _recorded_leaf(self, tensor: int, t: int) -> Array:
        if tensor in self.parameters:
            return self.parameter(tensor, t)
        if self.graph.kind(tensor) == DRAWN:
            node = self.graph.index[self.graph.names[tensor].removesuffix(".mask")]
            found = self._timeline.recorded(t, FORWARD, node, Slot(MASK, tensor))
            return self._draw(tensor, t) if found is None else found
        return self._leaf(tensor, t, {})


class RecordedTimeline(Timeline):
    """A timeline whose events come from a recording. Its end is the recording's: no later event is known."""

    def __init__(
        self, graph: Graph, recording: Recording, *, seed: int = 0, training: Training | None = None,
        budget: int = 4 * GIB,
    ) -> None:  # fmt: skip
        super().__init__(graph, seed=seed, training=training, budget=budget)
        self.recording = recording
        self.planned = super().__len__()
        self._recorded = min(recording.events, self.planned)
        self.iterations = max(1, -(-self._recorded // max(self.per_iteration, 1)))
        self.store = RecordedStore(self, training, budget)

    def __len__(self) -> int:
        return self._recorded

    def recorded(self, t: int, phase: str, tensor: int, slot: Slot) -> Array | None:
        """The array of a slot of a tensor's event in a phase; None where the recording does not reach so far."""
        index = self.index_of(phase, tensor, t)
        return None if index is None or index >= self._recorded else self.recording.read(index, slot)

    def place(self, index: int) -> Place:
        return super().place(index) if index >= 0 else Place(0, FORWARD, 0)

    def _seen(self, at: int | None) -> int:
        """A position as the last event that has happened there: at the end, the last one that was recorded."""
        return self._recorded - 1 if at is None else min(at, self._recorded - 1)

    def value_at(self, tensor: int, at: int | None = None) -> Array | None:
        return super().value_at(tensor, self._seen(at))

    def has_value(self, tensor: int, at: int) -> bool:
        return super().has_value(tensor, self._seen(at))

    def grad_at(self, tensor: int, at: int) -> Array | None:
        return super().grad_at(tensor, self._seen(at))

    def grad_status(self, tensor: int, at: int) -> str:
        return super().grad_status(tensor, self._seen(at))

    @property
    def loss(self) -> float | None:
        return self.loss_at(self._recorded)

    def run(self) -> Timeline:
        return self
