"""The immutable timeline: events are numbered, values are computed when asked and then remembered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import overload

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine.assignments import assignments
from bpdebug.engine.budget import Budget
from bpdebug.engine.contributions import contributions
from bpdebug.engine.edits import Edit, UpdateOverride, edited
from bpdebug.engine.events import Assignment, Contribution, Event, Fault, sealed
from bpdebug.engine.faults import find_fault
from bpdebug.engine.layout import ADDED, GRADIENT, INCOMING, KEPT, UPDATED, Slot
from bpdebug.engine.optimizers import Training
from bpdebug.engine.recorded import Recorded, Recording
from bpdebug.engine.run import Pass
from bpdebug.engine.schedule import BACKWARD, FORWARD, SEED, UPDATE, Schedule
from bpdebug.engine.store import Store
from bpdebug.engine.update import state_names
from bpdebug.errors import BpdebugError, CommandError, did_you_mean
from bpdebug.graph import Graph
from bpdebug.limits import GIB
from bpdebug.progress import may_stop


class Timeline(Sequence[Event]):
    """Both passes of a graph as a sequence of events; position len(timeline) is the end, everything done.

    `edits` are what was set by hand; they number tensors as `graph` does once the optimizer's states are among them. Of
    a recording the events are all there are. Nothing is computed by opening one. `value` and `grad` take a tensor's
    name and, if asked for, the position at which the question is put; all arrays are read-only.
    """

    def __init__(
        self, graph: Graph, *, seed: int = 0, training: Training | None = None, budget: int | Budget = 4 * GIB,
        edits: Sequence[Edit] = (), recording: Recording | None = None, parent: Timeline | None = None,
    ) -> None:  # fmt: skip
        if parent is None:
            graph = edited(graph if graph.states else graph.with_states(state_names(training)), edits)
        self.graph, self.seed, self.training, self.edits, self.recording = graph, seed, training, edits, recording
        if parent is None or parent.recording is not None:
            trained, steps = graph.trainable if training else (), training.steps if training else 1
            self.schedule = Schedule(graph, trained, steps, None if recording is None else recording.events)
        else:
            self.schedule = parent.schedule
        self.store: Store = Store(
            graph, seed, training, budget if isinstance(budget, Budget) else Budget(budget), edits=edits,
            parent=None if parent is None else parent.store,
            recorded=None if recording is None else Recorded(recording, self.schedule),
        )  # fmt: skip

    def fork(self, edit: Edit) -> Timeline:
        """The timeline with one edit more; it shares with this one what the edit does not reach.

        Later iterations start from what it leads to. Raises ShapeError where a rule gives another shape.
        """
        graph, edits = edited(self.graph, [edit]), (*self.edits, edit)
        made = Timeline(
            graph, seed=self.seed, training=self.training, budget=self.store.budget, edits=edits, parent=self
        )
        if isinstance(edit, UpdateOverride):
            made.store.update(edit.tensor)
        return made

    # --- the sequence of events -----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.schedule.events

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        if isinstance(index, slice):
            return [self.event(i) for i in range(*index.indices(len(self)))]
        return self.event(index + len(self) if index < 0 else index)

    def __iter__(self) -> Iterator[Event]:
        return (self.event(i) for i in range(len(self)))

    @property
    def events(self) -> Sequence[Event]:
        """The events, built as they are asked for."""
        return self

    def event(self, index: int) -> Event:
        """Event number `index`, from 0; the one asked for last is kept, with what was worked out of it."""
        if not 0 <= index < len(self):
            raise IndexError(f"no event {index}; there are {len(self)}")
        may_stop()
        recent = self.store.budget.recent
        if recent is None or recent.index != index or recent.timeline is not self:
            recent = self.store.budget.recent = self._made(index)
        return recent

    def _made(self, index: int) -> Event:
        place, tensor = self.schedule.place(index), self.schedule.tensor_at(index)
        node = self.graph.node(tensor)
        return Event(index, place.iteration, place.phase, tensor, self.graph.names[tensor], node, self)

    # --- values and gradients -------------------------------------------------------------------------------------

    def number(self, name: str) -> int:
        """A tensor's number; CommandError with the nearest name where there is none."""
        if not isinstance(name, str):
            raise CommandError(f"a tensor's name is text, not {name!r}", code="E_NAME", hint='timeline.value("Y")')
        found = self.graph.index.get(name)
        if found is None:
            raise CommandError(
                f"no tensor '{name}'", code="E_NAME", hint=did_you_mean(name, self.graph.index) or "see info tensors"
            )
        return found

    def _position(self, at: int | None) -> int:
        """A position that was given from outside; CommandError where there is none like it."""
        if at is None:
            return len(self)
        if not isinstance(at, int | np.integer) or not 0 <= at <= len(self):
            hint = f"positions run from 0 to {len(self)}, the end"
            raise CommandError(f"no position {at!r}", code="E_COMMAND", hint=hint)
        return int(at)

    def iteration(self, t: int) -> Pass:
        return self.store.iteration(t)

    def value(self, name: str, at: int | None = None) -> Array:
        """A tensor's value at a position (default: the end); its ancestors are computed, nothing else.

        Raises CommandError where it is not computed yet at that position.
        """
        found = self.value_at(self.number(name), self._position(at))
        if found is None:
            raise CommandError(f"'{name}' is not computed yet at event {at}", code="E_EXPR", hint="step on first")
        return sealed(found)

    def value_at(self, tensor: int, at: int | None = None) -> Array | None:
        """The value by tensor number; None where it is not computed yet."""
        schedule = self.schedule
        at = min(len(self) if at is None else at, len(self) - 1)
        t = schedule.iteration_at(at)
        index = schedule.index_of(UPDATE, tensor, t)
        if index is not None:
            return self.store.updated(tensor, t) if index <= at else self.store.parameter(tensor, t)
        return self.iteration(t).value(tensor) if schedule.has_value(tensor, at) else None

    def grad(self, name: str, at: int | None = None) -> Array | None:
        """A tensor's gradient at a position (default: the end): what has been added so far, None where nothing."""
        found = self.grad_at(self.number(name), self._position(at))
        return None if found is None else sealed(found)

    def grad_at(self, tensor: int, at: int) -> Array | None:
        """The gradient so far by tensor number; the whole one once its last contribution is in."""
        status = self.schedule.grad_status(tensor, at)
        run = self.iteration(self.schedule.iteration_at(at))
        if status == "value":
            return run.gradient(tensor)
        return run.partial(tensor, self.schedule.edges_done(tensor, at)) if status == "partial" else None

    @property
    def loss(self) -> float | None:
        """The loss of the last iteration; None where gradients come in instead, or a recording ends before it."""
        return self.loss_at(len(self))

    def loss_at(self, at: int) -> float | None:
        """The loss as known at a position: of this iteration, once it is computed."""
        if self.graph.loss is None or not self.schedule.has_value(self.graph.loss, at):
            return None
        return float(self.iteration(self.schedule.iteration_at(at)).value(self.graph.loss))

    def run_ahead(self, index: int) -> None:
        """At the first event of a pass: computes all of it in one go, because its events will be asked for."""
        moment = self.schedule.place(index)
        if moment.nth == 0 and moment.phase in (FORWARD, BACKWARD):
            run = self.iteration(moment.iteration)
            # A pass that fails half-way is computed event by event, and fails again where it must.
            with suppress(BpdebugError):
                run.run_forward() if moment.phase == FORWARD else run.run_backward()

    def made(self, index: int, slot: Slot) -> Array:
        """One of the arrays that an event makes, computed where need be."""
        (role, tensor, position), t = slot, self.schedule.iteration_at(index)
        if role in (UPDATED, KEPT):
            return self.store.updated(tensor, t)
        run = self.iteration(t)
        if role == ADDED:
            return run.contribution(self.schedule.tensor_at(index) - self.graph.first, position)
        found = (
            run.gradient(tensor) if role == GRADIENT else run.seed(tensor) if role == INCOMING else run.value(tensor)
        )
        assert found is not None
        return found

    def run(self) -> Timeline:
        """Both passes of every iteration at once, all gradients; returns the timeline."""
        for t in range(self.schedule.iterations):
            self.iteration(t).run_backward()
        return self

    # --- what events ask for --------------------------------------------------------------------------------------

    def result(self, event: Event) -> Array:
        """What an event computed (see Event.value)."""
        run = self.iteration(event.iteration)
        if event.phase == FORWARD:
            return run.value(event.tensor)
        if event.phase == SEED:
            return run.seed(event.tensor)
        if event.phase == UPDATE:
            return self.store.updated(event.tensor, event.iteration)
        found = run.gradient(event.tensor)
        assert found is not None
        return found

    def contributions(self, event: Event) -> tuple[Contribution, ...]:
        """The edges of a backward event."""
        return contributions(self, event) if event.phase == BACKWARD else ()

    def assignments(self, event: Event) -> tuple[Assignment, ...]:
        """The lines of an update event."""
        return assignments(self, event) if event.phase == UPDATE else ()

    def fault(self, event: Event) -> Fault | None:
        return find_fault(self, event)

    def first_fault(self) -> Event | None:
        """The first event with a fault, or None; runs everything up to it."""
        return next((event for event in self if event.fault is not None), None)
