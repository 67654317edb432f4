"""The immutable timeline: events are numbered, values are computed when asked and then remembered."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import overload

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine.assignments import assignments
from bpdebug.engine.budget import Budget
from bpdebug.engine.computed import Computed
from bpdebug.engine.contributions import contributions
from bpdebug.engine.edits import Edit, UpdateOverride, edited
from bpdebug.engine.faults import born, in_update, of_node
from bpdebug.engine.optimizers import Training
from bpdebug.engine.parts import Assignment, Contribution, Fault, Lazy, PartView, sealed
from bpdebug.engine.recorded import Recorded, Recording
from bpdebug.engine.run import Pass
from bpdebug.engine.schedule import BACKWARD, SEED, UPDATE
from bpdebug.engine.update import state_names
from bpdebug.errors import CommandError, did_you_mean
from bpdebug.graph import Graph, Node
from bpdebug.limits import GIB
from bpdebug.progress import may_stop
from bpdebug.symbolic import Plan


class Event(Lazy, frozen=True, eq=False, dict=True):
    """One step: of a node (computed, or its rule applied backwards), or of a leaf (updated); a seed's is of either."""

    index: int
    iteration: int
    phase: str
    tensor: int
    name: str
    timeline: Timeline

    @property
    def graph(self) -> Graph:
        return self.timeline.graph

    @property
    def run(self) -> Pass:
        """The pass that it belongs to."""
        return self.timeline.iteration(self.iteration)

    @property
    def node(self) -> Node | None:
        return self.graph.node(self.tensor)

    @property
    def op(self) -> str | None:
        return self.node.op.name if self.node else None

    @property
    def line(self) -> int | None:
        return self.node.line if self.node else None

    @property
    def block(self) -> str:
        return self.node.block if self.node else ""

    @cached_property
    def contributions(self) -> tuple[Contribution, ...]:
        """One for each operand that gets a gradient, in operand order; empty but in the backward phase."""
        return ()

    @cached_property
    def assignments(self) -> tuple[Assignment, ...]:
        """What an update computes, line by line; empty in the other phases."""
        return ()

    @cached_property
    def parts(self) -> tuple[tuple[Contribution | Assignment, PartView], ...]:
        """Every part of every contribution, or of every line of an update, in order: the stops of `stepi`."""
        owners: tuple[Contribution | Assignment, ...] = (*self.contributions, *self.assignments)
        return tuple((owner, part) for owner in owners for part in owner.parts)

    @property
    def value(self) -> Array:
        """What it computed, of its tensor's shape: a value, what comes in, the whole gradient, or the new parameter."""
        return sealed(self.timeline.store.result(self.phase, self.tensor, self.iteration))

    @cached_property
    def fault(self) -> Fault | None:
        """NaN or infinity that appears here first, in what the event computed; None where its operands had it."""
        return born(f"∂{self.name}", self.value, [])

    @property
    def rule(self) -> str | None:
        """The update rule as text, in the update phase."""
        return self.assignments[-1].formula if self.assignments else None


class NodeEvent(Event, frozen=True, eq=False, dict=True):
    """An event of node `k`."""

    k: int

    @property
    def node(self) -> Node:
        return self.graph.nodes[self.k]

    @property
    def plan(self) -> Plan:
        """The traced rule of the node."""
        return self.graph.plans[self.k]

    @property
    def operands(self) -> list[str]:
        """What the node's operands are called."""
        return self.graph.operand_names(self.k)

    @cached_property
    def contributions(self) -> tuple[Contribution, ...]:
        return contributions(self.timeline.store, self.iteration, self.k) if self.phase == BACKWARD else ()

    @cached_property
    def fault(self) -> Fault | None:
        if self.phase == SEED:
            return super().fault
        made = (lambda: self.contributions) if self.phase == BACKWARD else None
        return of_node(self.run, self.k, made, first=self.iteration == 0)


class LeafEvent(Event, frozen=True, eq=False, dict=True):
    """An event of a tensor that no node computes."""

    @cached_property
    def assignments(self) -> tuple[Assignment, ...]:
        return assignments(self.timeline.store, self.iteration, self.tensor) if self.phase == UPDATE else ()

    @cached_property
    def fault(self) -> Fault | None:
        return in_update(self.run, self.tensor, self.assignments) if self.phase == UPDATE else super().fault


class Timeline(Computed, Sequence[Event]):
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
            stateful = training is not None and not graph.states
            graph = edited(graph.with_states(state_names(training)) if stateful else graph, edits)
        self.graph, self.seed, self.training, self.edits, self.recording = graph, seed, training, edits, recording
        self._plain = training is None and recording is None
        if parent is not None and parent.recording is None:
            self.schedule = parent.schedule
        store = None if parent is None else parent.store
        recorded = Recorded(recording, self.schedule) if recording else None
        self._given = budget, store, recorded
        self._alone = self._plain and parent is None and not edits and isinstance(budget, int)

    def fork(self, edit: Edit) -> Timeline:
        """The timeline with one edit more; it shares with this one what the edit does not reach.

        Later iterations start from what it leads to. Raises ShapeError where a rule gives another shape.
        """
        made = Timeline(
            edited(self.graph, [edit]), seed=self.seed, training=self.training, budget=self.store.budget,
            edits=(*self.edits, edit), parent=self,
        )  # fmt: skip
        if isinstance(edit, UpdateOverride):
            made.store.updates.rule(edit.tensor)
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
        place = operator.index(index)
        return self.event(place + len(self) if place < 0 else place)

    def __iter__(self) -> Iterator[Event]:
        return (self.event(i) for i in range(len(self)))

    @property
    def events(self) -> Sequence[Event]:
        """The events, built as they are asked for."""
        return self

    def event(self, index: int) -> Event:
        """Event number `index`, from 0, else IndexError; the one asked for last is kept, with what was made of it."""
        index = int(operator.index(index))  # True is a number, and would stand in JSON as one that is none
        if not 0 <= index < len(self):
            raise IndexError(f"no event {index}; there are {len(self)}")
        may_stop()
        recent: Event | None = self.store.budget.recent
        if recent is None or recent.index != index or recent.timeline is not self:
            tensor = self.schedule.tensor(moment := self.schedule.place(index))
            told = (index, moment.iteration, moment.phase, tensor, self.graph.names[tensor], self)
            k = self.graph.k(tensor)
            recent = self.store.budget.recent = LeafEvent(*told) if k is None else NodeEvent(*told, k)
        return recent

    # --- values and gradients -------------------------------------------------------------------------------------

    def number(self, name: str) -> int:
        """A tensor's number; CommandError with the nearest name where there is none."""
        if not isinstance(name, str):
            raise CommandError(f"a tensor's name is text, not {name!r}", code="E_NAME", hint='timeline.value("Y")')
        if name not in self.graph.index:
            hint = did_you_mean(name, self.graph.index) or "see info tensors"
            raise CommandError(f"no tensor '{name}'", code="E_NAME", hint=hint)
        return self.graph.index[name]

    def _position(self, at: int | None) -> int:
        """A position that was given from outside; CommandError where there is none like it."""
        if at is None:
            return len(self)
        if not isinstance(at, int | np.integer) or not 0 <= at <= len(self):
            raise CommandError(f"no position {at!r}", hint=f"positions run from 0 to {len(self)}, the end")
        return int(at)

    def value(self, name: str, at: int | None = None) -> Array:
        """A tensor's value, of its shape, at a position (default: the end); its ancestors are computed, nothing else.

        Raises CommandError where it is not computed yet at that position.
        """
        found = self.value_at(self.number(name), self._position(at))
        if found is None:
            raise CommandError(f"'{name}' is not computed yet at event {at}", code="E_EXPR", hint="step on first")
        return sealed(found)

    def value_at(self, tensor: int, at: int | None = None) -> Array | None:
        """The value by tensor number, of its shape; None where it is not computed yet."""
        schedule = self.schedule
        at = min(len(self) if at is None else at, len(self) - 1)
        t = schedule.iteration_at(at)
        if (index := schedule.index_of(UPDATE, tensor, t)) is not None:
            return self.store.updated(tensor, t) if index <= at else self.store.parameter(tensor, t)
        return self.iteration(t).value(tensor) if schedule.has_value(tensor, at) else None

    def grad(self, name: str, at: int | None = None) -> Array | None:
        """A tensor's gradient, of its shape, at a position (default: the end): the sum so far, or None."""
        try:
            number = self.graph.index[name]
        except (KeyError, TypeError):
            number = self.number(name)  # which says what is wrong with it
        plain = at is None and self._plain
        found = (self._begun or self.end()).gradient(number) if plain else self.grad_at(number, self._position(at))
        # what is a pass's own is read-only already
        return None if found is None else found.view() if plain and found.base is None else sealed(found)

    def grad_at(self, tensor: int, at: int) -> Array | None:
        """The gradient so far by tensor number, of its shape; the whole one once its last contribution is in."""
        status = "value" if self.schedule.is_over(at) else self.schedule.grad_status(tensor, at)
        run = self.iteration(self.schedule.iteration_at(at))
        if status == "value":
            return run.gradient(tensor)
        return run.partial(tensor, self.schedule.edges_done(tensor, at)) if status == "partial" else None

    @property
    def loss(self) -> float | None:
        """The loss of the last iteration; None where gradients come in instead, or a recording ends before it."""
        if self._plain and self.graph.loss is not None:
            return float(self.end().value(self.graph.loss))
        return self.loss_at(len(self))

    def loss_at(self, at: int) -> float | None:
        """The loss as known at a position: of this iteration, once it is computed."""
        if self.graph.loss is None or not self.schedule.has_value(self.graph.loss, at):
            return None
        return float(self.iteration(self.schedule.iteration_at(at)).value(self.graph.loss))

    def run(self) -> Timeline:
        """Both passes of every iteration at once, all gradients; returns the timeline."""
        for t in range(self.schedule.iterations):
            self.iteration(t).run_backward()
        return self

    def first_fault(self) -> Event | None:
        """The first event with a fault, or None; runs everything up to it."""
        return next((event for event in self if event.fault is not None), None)
