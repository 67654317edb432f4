"""The immutable timeline: events are numbered, values are computed when asked and then remembered."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any, overload

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine.assignments import assignments
from bpdebug.engine.budget import Budget
from bpdebug.engine.events import Assignment, Contribution, Event, Fault, PartView, Term, sealed
from bpdebug.engine.faults import find_fault
from bpdebug.engine.optimizers import Training
from bpdebug.engine.run import Pass
from bpdebug.engine.store import Store
from bpdebug.engine.update import state_names
from bpdebug.errors import CommandError, did_you_mean
from bpdebug.graph import Graph, Lit
from bpdebug.limits import GIB
from bpdebug.symbolic import Expr

FORWARD, SEED, BACKWARD, UPDATE, END = "forward", "seed", "backward", "update", "end"


@dataclass(frozen=True)
class Place:
    """An event's number taken apart: the iteration, the phase, and which one of that phase."""

    iteration: int
    phase: str
    nth: int


class Timeline(Sequence[Event]):
    """Both passes of a graph as a sequence of events; position len(timeline) is the end, everything done.

    Nothing is computed by opening one. `value` and `grad` take a tensor's name and, if asked for, the position at
    which the question is put; all arrays are read-only.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        seed: int = 0,
        training: Training | None = None,
        budget: int | Budget = 4 * GIB,
        store: Store | None = None,
    ) -> None:
        graph = graph if graph.states else graph.with_states(state_names(training))
        self.graph, self.seed, self.training = graph, seed, training
        shared = budget if isinstance(budget, Budget) else Budget(budget)
        self.store = store or Store(graph, seed, training, shared)
        self._forward = len(graph.nodes)
        self._seeds = tuple(graph.incoming)
        self._backward = graph.backward_nodes
        self.iterations = training.steps if training else 1
        self.per_iteration = self._forward + len(self._seeds) + len(self._backward) + len(self.store.parameters)

    # --- the sequence of events -----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.per_iteration * self.iterations

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

    def place(self, index: int) -> Place:
        """Which iteration and phase event `index` belongs to; the end belongs to the last iteration."""
        if index >= len(self):
            return Place(max(self.iterations - 1, 0), END, 0)
        iteration, k = divmod(index, self.per_iteration)
        for phase, count in zip(
            (FORWARD, SEED, BACKWARD, UPDATE), (self._forward, len(self._seeds), len(self._backward), None), strict=True
        ):
            if count is None or k < count:
                return Place(iteration, phase, k)
            k -= count
        raise AssertionError("unreachable")

    def tensor_at(self, index: int) -> int:
        """The tensor that event `index` is about."""
        place, first = self.place(index), self.graph.first
        if place.phase == FORWARD:
            return first + place.nth
        if place.phase == SEED:
            return self._seeds[place.nth]
        return first + self._backward[place.nth] if place.phase == BACKWARD else self.store.parameters[place.nth]

    def event(self, index: int) -> Event:
        """Event number `index`, from 0; the one asked for last is kept, with what was worked out of it."""
        if not 0 <= index < len(self):
            raise IndexError(f"no event {index}; there are {len(self)}")
        recent = self.store.budget.recent
        if recent is None or recent.index != index or recent.timeline is not self:
            recent = self.store.budget.recent = self._made(index)
        return recent

    def _made(self, index: int) -> Event:
        place, tensor = self.place(index), self.tensor_at(index)
        node = self.graph.node(tensor)
        return Event(index, place.iteration, place.phase, tensor, self.graph.names[tensor], node, self)

    def index_of(self, phase: str, tensor: int, iteration: int = 0) -> int | None:
        """The number of a tensor's event in a phase, or None where it has none."""
        start = iteration * self.per_iteration
        if phase == FORWARD:
            return start + tensor - self.graph.first if tensor >= self.graph.first else None
        start += self._forward
        if phase == SEED:
            return start + self._seeds.index(tensor) if tensor in self._seeds else None
        start += len(self._seeds)
        if phase == BACKWARD:
            rank = self._rank[tensor]
            return start + int(rank) if rank >= 0 else None
        start += len(self._backward)
        tensor, parameters = self.graph.owners.get(tensor, tensor), self.store.parameters
        return start + parameters.index(tensor) if tensor in parameters else None

    @cached_property
    def _rank(self) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Each tensor's place in the backward pass, -1 where its node has no backward event."""
        rank = np.full(len(self.graph.names), -1, np.int32)
        rank[np.array(self._backward, np.int64) + self.graph.first] = np.arange(len(self._backward))
        return rank

    def completed_by(self, tensor: int, iteration: int = 0) -> int | None:
        """The event that completes a tensor's gradient: its last contribution, or its seed; None without a path."""
        edges = self.graph.edges_from(tensor)
        if not edges:
            return self.index_of(SEED, tensor, iteration)
        return self.index_of(BACKWARD, self.graph.first + edges[-1][0], iteration)

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

    def iteration_at(self, at: int | None) -> int:
        return self.place(len(self) if at is None else at).iteration

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
        at = len(self) if at is None else at
        t = self.iteration_at(at)
        index = self.index_of(UPDATE, tensor, t) if tensor < self.graph.first else None
        if index is not None:
            return self.store.updated(tensor, t) if index <= at else self.store.parameter(tensor, t)
        return self.iteration(t).value(tensor) if self.has_value(tensor, at) else None

    def has_value(self, tensor: int, at: int) -> bool:
        """Whether a tensor's value exists at a position; leaves always do."""
        index = self.index_of(FORWARD, tensor, self.iteration_at(at))
        return index is None or index <= at

    def grad(self, name: str, at: int | None = None) -> Array | None:
        """A tensor's gradient at a position (default: the end): what has been added so far, None where nothing."""
        found = self.grad_at(self.number(name), self._position(at))
        return None if found is None else sealed(found)

    def grad_at(self, tensor: int, at: int) -> Array | None:
        """The gradient so far by tensor number; the whole one once its last contribution is in."""
        status = self.grad_status(tensor, at)
        run = self.iteration(self.iteration_at(at))
        if status == "value":
            return run.gradient(tensor)
        if status != "partial":
            return None
        return run.partial(tensor, self._edges_done(tensor, at))

    def grad_status(self, tensor: int, at: int) -> str:
        """'value' (complete), 'partial', 'not-computed', or 'no-path', at a position."""
        t = self.iteration_at(at)
        last = self.completed_by(tensor, t)
        if last is None:
            return "no-path"
        if last <= at:
            return "value"
        seed = self.index_of(SEED, tensor, t)
        begun = (seed is not None and seed <= at) or self._edges_done(tensor, at) > 0
        return "partial" if begun else "not-computed"

    def _edges_done(self, tensor: int, at: int) -> int:
        """How many of a tensor's contributions are in at a position; they stand in event order."""
        t = self.iteration_at(at)
        start = t * self.per_iteration + self._forward + len(self._seeds)
        return bisect_right(
            self.graph.edges_from(tensor), at, key=lambda e: start + int(self._rank[self.graph.first + e[0]])
        )

    @property
    def loss(self) -> float | None:
        """The loss of the last iteration; None where gradients come in instead."""
        return None if self.graph.loss is None else float(self.iteration(self.iterations - 1).value(self.graph.loss))

    def loss_at(self, at: int) -> float | None:
        """The loss as known at a position: of this iteration, once it is computed."""
        if self.graph.loss is None or not self.has_value(self.graph.loss, at):
            return None
        return float(self.iteration(self.iteration_at(at)).value(self.graph.loss))

    def run(self) -> Timeline:
        """Both passes of every iteration at once, all gradients; returns the timeline."""
        for t in range(self.iterations):
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
        if event.phase != BACKWARD:
            return ()
        graph, k, t = self.graph, event.tensor - self.graph.first, event.iteration
        plan, node, names = graph.plans[k], graph.nodes[k], self.graph.operand_names(k)
        made = []
        for position, tensor in graph.edges(k):
            if not graph.has_gradient(tensor):
                continue

            # These hold neither the event, which holds them (what goes in circles is freed late), nor the pass.
            @cache
            def value(position: int = position) -> Array:
                return self.iteration(t).contribution(k, position)

            def total(tensor: int = tensor, edge: tuple[int, int] = (k, position)) -> Array:
                found = self.iteration(t).partial(tensor, graph.edges_from(tensor).index(edge) + 1)
                assert found is not None
                return found

            made.append(
                Contribution(
                    to=graph.names[tensor],
                    operand=sum(not isinstance(i, Lit) for i in node.inputs[:position]),
                    formula=plan.formula(position, names, event.name),
                    shape=graph.shapes[tensor],
                    tensor=tensor,
                    position=position,
                    _value=value,
                    _total=total,
                    _parts=partial(self._parts, t, k, position, tensor, value),
                )
            )
        return tuple(made)

    def call_text(self, k: int) -> str:
        """Node k's forward call as it is written, without its name: `X @ W`."""
        return self.graph.plans[k].call_text(self.graph.operand_names(k))

    def _parts(
        self, t: int, k: int, position: int, tensor: int, value: Callable[[], Array]
    ) -> tuple[PartView, ...]:  # fmt: skip
        """The parts of one edge: the rule's, the sum over broadcast axes, and the accumulation where there is one."""
        graph, plan, node = self.graph, self.graph.plans[k], self.graph.nodes[k]
        names, name, whole = graph.operand_names(k), node.id, plan.summed(position)

        def read(expr: Expr) -> Array:
            if expr is whole:
                return value()
            run = self.iteration(t)
            with np.errstate(all="ignore"):
                found = plan.evaluate(expr, run.leaves(k, run.gradient(graph.first + k)))
            found.flags.writeable = False
            return found

        def term(arg: Any) -> Term:
            text = plan.text_of(arg, names, name)
            return Term(text, arg.shape, lambda: read(arg)) if isinstance(arg, Expr) else Term(text, ())

        parts = []
        for p in plan.parts(position, names, name):
            prim = p.expr.prim
            terms = () if prim is None else tuple(term(a) for a in p.expr.args)
            sign = "" if prim is None else prim.infix or prim.name
            parts.append(PartView(p.text, p.shape, p.why, lambda e=p.expr: read(e), sign, terms))  # type: ignore[misc]
        edges = graph.edges_from(tensor)
        at = edges.index((k, position))
        if tensor in graph.incoming or at > 0:
            added = plan.total_text(position, names, name)
            text = plan.sum_text(f"∂{graph.names[tensor]}", position, names, name)
            parts.append(self._accumulation(t, tensor, at, added, text))
        return tuple(parts)

    def _accumulation(self, t: int, tensor: int, at: int, added: str, text: str) -> PartView:
        """The sum that adds edge number `at` to what a tensor's gradient was before."""
        graph = self.graph
        edges, shape, name = graph.edges_from(tensor), graph.shapes[tensor], f"∂{graph.names[tensor]}"
        return PartView(
            text, shape, "accumulate",
            lambda: np.asarray(self.iteration(t).partial(tensor, at + 1)), "+",
            (
                Term(name, shape, lambda: np.asarray(self.iteration(t).partial(tensor, at))),
                Term(added, shape, lambda: self.iteration(t).contribution(*edges[at])),
            ),
        )  # fmt: skip

    def assignments(self, event: Event) -> tuple[Assignment, ...]:
        """The lines of an update event."""
        return assignments(self, event) if event.phase == UPDATE else ()

    def fault(self, event: Event) -> Fault | None:
        return find_fault(self, event)

    def first_fault(self) -> Event | None:
        """The first event with a fault, or None; runs everything up to it."""
        return next((event for event in self if event.fault is not None), None)
