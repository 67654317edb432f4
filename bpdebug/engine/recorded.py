"""A timeline read from a recording: what was recorded is not computed again, and it ends where the recording does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from bpdebug.arrays import Array
from bpdebug.engine.budget import Budget
from bpdebug.engine.optimizers import Training
from bpdebug.engine.run import Code, Pass
from bpdebug.engine.store import NOTHING, Store
from bpdebug.engine.timeline import BACKWARD, FORWARD, SEED, UPDATE, Place, Timeline
from bpdebug.errors import BpdebugError
from bpdebug.graph import DRAWN, STATE, Graph
from bpdebug.limits import GIB

VALUE, MASK, INCOMING, ADDED, GRADIENT, UPDATED = "value", "mask", "incoming", "added", "gradient", "updated"
KEPT = "state"


class Slot(NamedTuple):
    """One array that an event makes: what it is (`role`), of which tensor, and for which operand of the node.

    Where one edge alone feeds a gradient, what it adds is the gradient; elsewhere (and everywhere on a fork, where
    gradients may be overridden) each edge has a slot for what it adds, and the last one has the gradient besides.
    """

    role: str
    tensor: int
    position: int = -1


class Layout:
    """Which arrays the events of a timeline make, the same in every iteration.

    `events` are an iteration's, as phases and tensors; `apart` keeps what edges add apart from gradients, everywhere.
    Without `states` updates make the parameter alone: so it was in recordings of the first version.
    """

    def __init__(self, timeline: Timeline, apart: bool = False, states: bool = True) -> None:
        self.graph, self.apart, self.states = timeline.graph, apart, states
        self.per_iteration = timeline.per_iteration
        first, graph = timeline.graph.first, timeline.graph
        self.events = [(FORWARD, first + k) for k in range(len(graph.nodes))]
        self.events += [(SEED, tensor) for tensor in graph.incoming]
        self._backward = len(self.events)
        self.events += [(BACKWARD, first + k) for k in graph.backward_nodes]
        self.events += [(UPDATE, tensor) for tensor in timeline.store.parameters]
        self._draws = DRAWN in graph.kinds.values()
        self._again = timeline.iterations > 1  # otherwise an event comes once, and is not worth keeping
        self._known: dict[int, tuple[Slot, ...]] = {}

    @cached_property
    def _last(self) -> dict[int, tuple[tuple[int, int], bool]]:
        """For each tensor the edge that completes its gradient, and whether that is the only one."""
        graph, found = self.graph, {}
        for k in graph.backward_nodes:
            for position, tensor in graph.edges(k):
                if graph.has_gradient(tensor):
                    alone = tensor not in found and tensor not in graph.incoming and not self.apart
                    found[tensor] = ((k, position), alone)
        return found

    def sole(self, tensor: int) -> bool:
        """Whether a tensor's gradient is what a single edge adds."""
        return self._last[tensor][1]

    def compute(self, timeline: Timeline, index: int) -> None:
        """At the first event of a pass: computes all of it in one go, because its events will be asked for."""
        t, offset = divmod(index, self.per_iteration)
        if offset in (0, self._backward):
            run = timeline.iteration(t)
            # A pass that fails half-way is computed event by event, and fails again where it must.
            with suppress(BpdebugError):
                run.run_backward() if offset else run.run_forward()

    def slots(self, index: int) -> tuple[Slot, ...]:
        offset = index % self.per_iteration
        found = self._known.get(offset)
        if found is None:
            found = tuple(self._slots(offset))
            if self._again:
                self._known[offset] = found
        return found

    def _slots(self, offset: int) -> Iterator[Slot]:
        graph, (phase, tensor) = self.graph, self.events[offset]
        if phase == FORWARD:
            for t in graph.nodes[tensor - graph.first].tensors if self._draws else ():
                if t < graph.first and graph.kind(t) == DRAWN:
                    yield Slot(MASK, t)
            yield Slot(VALUE, tensor)
        elif phase == BACKWARD:
            yield from self._edges(tensor - graph.first)
        else:
            yield Slot(INCOMING if phase == SEED else UPDATED, tensor)
            if phase == UPDATE and self.states:
                yield from (Slot(KEPT, state) for state in graph.states.get(tensor, ()))

    def _edges(self, k: int) -> Iterator[Slot]:
        for position, tensor in self.graph.edges(k):
            edge, alone = self._last.get(tensor, (None, False))
            if alone:
                yield Slot(GRADIENT, tensor, position)
            elif edge is not None:
                yield Slot(ADDED, tensor, position)
                if edge == (k, position):
                    yield Slot(GRADIENT, tensor)


def made(timeline: Timeline, t: int, event: int, slot: Slot) -> Array:
    """The array of a slot in iteration t; `event` is the tensor that the event is about. Computed where need be."""
    role, tensor, position = slot
    if role in (UPDATED, KEPT):
        return timeline.store.updated(tensor, t)
    run = timeline.iteration(t)
    if role == ADDED:
        return run.contribution(event - timeline.graph.first, position)
    found = run.gradient(tensor) if role == GRADIENT else run.seed(tensor) if role == INCOMING else run.value(tensor)
    assert found is not None
    return found


class Recording(Protocol):
    """What was recorded: the first `events` events of a timeline; `notice` says what else is to be known of it."""

    events: int
    notice: str
    apart: bool
    states: bool

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
        self, compiled: Code, leaf: Callable[[int], Array], find: Find, layout: Layout
    ) -> None:  # fmt: skip
        graph = layout.graph
        super().__init__(graph, compiled, leaf)
        self._find, self._layout = find, layout

        def value(tensor: int) -> Array | None:
            return find(FORWARD, tensor, Slot(VALUE, tensor)) if tensor >= graph.first else None

        def whole(tensor: int) -> Array | None:
            edges = graph.edges_from(tensor)
            if not edges:
                return find(SEED, tensor, Slot(INCOMING, tensor)) if tensor in graph.incoming else None
            k, position = edges[-1]
            slot = Slot(GRADIENT, tensor, position if layout.sole(tensor) else -1)
            return find(BACKWARD, graph.first + k, slot)

        # They do not hold the pass, which holds them: what goes in circles is freed late.
        self.V, self.G = _Loaded(len(graph.names), value), _Loaded(len(graph.names), whole)

    def seed(self, tensor: int) -> Array:
        found = self._find(SEED, tensor, Slot(INCOMING, tensor))
        return super().seed(tensor) if found is None else found

    def contribution(self, k: int, position: int) -> Array:
        tensor = self.graph.nodes[k].inputs[position]
        assert isinstance(tensor, int)
        if self._layout.sole(tensor):
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

    def __init__(self, timeline: RecordedTimeline, training: Training | None) -> None:
        super().__init__(timeline.graph, timeline.seed, training, timeline.store.budget)
        self._timeline = timeline

    def iteration(self, t: int) -> Pass:
        found = self._passes.get(t)
        if found is None:
            found = self._pass(t, NOTHING)  # where it starts is recorded: nothing to work out before
        self.used(t)
        return found

    def make(self, t: int, changed: dict[int, Array]) -> Pass:
        timeline = self._timeline
        return RecordedPass(
            self.code,
            lambda i: changed[i] if i in changed else self._recorded_leaf(i, t),
            lambda phase, tensor, slot: timeline.recorded(t, phase, tensor, slot),
            timeline.layout,
        )

    def parameter(self, tensor: int, updates: int) -> Array:
        if updates == 0:
            return self._leaf(tensor, 0, {})
        slot, known = Slot(UPDATED, tensor), True
        if self.graph.kind(tensor) == STATE:
            slot, known = Slot(KEPT, tensor), self._timeline.layout.states
        found = self._timeline.recorded(updates - 1, UPDATE, tensor, slot) if known else None
        return super().parameter(tensor, updates) if found is None else found

    def _recorded_leaf(self, tensor: int, t: int) -> Array:
        if tensor in self.parameters or tensor in self.graph.owners:
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
        budget: int | Budget = 4 * GIB,
    ) -> None:  # fmt: skip
        super().__init__(graph, seed=seed, training=training, budget=budget)
        self.recording = recording
        self.planned = super().__len__()
        self.layout = Layout(self, recording.apart, recording.states)
        self._recorded = min(recording.events, self.planned)
        self.iterations = max(1, -(-self._recorded // max(self.per_iteration, 1)))
        self.store = RecordedStore(self, training)

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
