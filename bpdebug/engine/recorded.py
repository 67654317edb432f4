"""A timeline read from a recording: what was recorded is not computed again, and it ends where the recording does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from bpdebug.arrays import Array
from bpdebug.engine.budget import Budget
from bpdebug.engine.optimizers import Training
from bpdebug.engine.run import Code, Pass
from bpdebug.engine.schedule import BACKWARD, FORWARD, SEED, UPDATE, Schedule
from bpdebug.engine.store import NOTHING, Store
from bpdebug.engine.timeline import Timeline
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

    `apart` keeps what edges add apart from gradients, everywhere.
    Without `states` updates make the parameter alone: so it was in recordings of the first version.
    """

    def __init__(self, timeline: Timeline, apart: bool = False, states: bool = True) -> None:
        self.graph, self.schedule, self.apart, self.states = timeline.graph, timeline.schedule, apart, states
        self._draws = DRAWN in timeline.graph.kinds.values()
        self._again = timeline.schedule.iterations > 1  # otherwise an event comes once, and is not worth keeping
        self._known: dict[int, tuple[Slot, ...]] = {}

    def sole(self, tensor: int) -> bool:
        """Whether a tensor's gradient is what a single edge adds."""
        return not self.apart and tensor not in self.graph.incoming and len(self.graph.edges_from(tensor)) == 1

    def compute(self, timeline: Timeline, index: int) -> None:
        """At the first event of a pass: computes all of it in one go, because its events will be asked for."""
        moment = self.schedule.place(index)
        if moment.nth == 0 and moment.phase in (FORWARD, BACKWARD):
            run = timeline.iteration(moment.iteration)
            # A pass that fails half-way is computed event by event, and fails again where it must.
            with suppress(BpdebugError):
                run.run_forward() if moment.phase == FORWARD else run.run_backward()

    def slots(self, index: int) -> tuple[Slot, ...]:
        offset = index % self.schedule.per_iteration
        found = self._known.get(offset)
        if found is None:
            found = tuple(self._slots(offset))
            if self._again:
                self._known[offset] = found
        return found

    def _slots(self, offset: int) -> Iterator[Slot]:
        graph, moment, tensor = self.graph, self.schedule.place(offset), self.schedule.tensor_at(offset)
        if moment.phase == FORWARD:
            for t in graph.nodes[moment.nth].tensors if self._draws else ():
                if graph.kind(t) == DRAWN:
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
        self.layout = Layout(self, recording.apart, recording.states)
        self.schedule = Schedule(self.graph, self.schedule.trained, self.schedule.iterations, recording.events)
        self.store = RecordedStore(self, training)

    def recorded(self, t: int, phase: str, tensor: int, slot: Slot) -> Array | None:
        """The array of a slot of a tensor's event in a phase; None where the recording does not reach so far."""
        index = self.schedule.index_of(phase, tensor, t)
        return None if index is None or index >= len(self) else self.recording.read(index, slot)

    def run(self) -> Timeline:
        return self
