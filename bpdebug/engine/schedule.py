"""Which event comes when: integers alone, the same in every iteration."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.graph import Graph
from bpdebug.translation import N_

FORWARD, SEED, BACKWARD = N_("forward"), N_("seed"), N_("backward")
UPDATE, END = N_("update"), N_("end")
PHASES = (FORWARD, SEED, BACKWARD, UPDATE)


class Moment(Struct, frozen=True):
    """An event's number taken apart: its iteration, the phase, and which one of that phase."""

    iteration: int
    phase: str
    nth: int


class Schedule:
    """The numbering of events: `per_iteration` in each of the `iterations`, `counts` in each phase of one.

    `trained` are the parameters that are updated. Where a recording has fewer than the `planned` events, these are all
    the `events` there are. A position is an event that has just happened, or the end, when all have.
    """

    def __init__(self, graph: Graph, trained: Sequence[int], iterations: int = 1, recorded: int | None = None) -> None:
        self.graph, self.trained, self._seeds = graph, trained, tuple(graph.incoming)
        counts = (len(graph.nodes), len(self._seeds), len(graph.backward_nodes), len(trained))
        self.counts = dict(zip(PHASES, counts, strict=True))
        *self._starts, self.per_iteration = accumulate(counts, initial=0)
        self.planned = self.events = self.per_iteration * iterations
        self.iterations = iterations
        if recorded is not None:
            self.events = min(recorded, self.planned)
            self.iterations = max(1, -(-self.events // max(self.per_iteration, 1)))

    def is_over(self, at: int) -> bool:
        """Whether a position is the end, with all of the last iteration's events behind it."""
        return at >= self.events == self.planned > 0

    # --- which event, and of what ---------------------------------------------------------------------------------

    def place(self, index: int) -> Moment:
        """Which iteration and phase event `index` belongs to; the end belongs to the last iteration."""
        if not 0 <= index < self.events:
            return Moment(max(self.iterations - 1, 0), END, 0)
        iteration, k = divmod(index, self.per_iteration)
        phase = bisect_right(self._starts, k) - 1
        return Moment(iteration, PHASES[phase], k - self._starts[phase])

    def start(self, phase: str, iteration: int) -> int:
        """The number of the first event of a phase in an iteration."""
        return iteration * self.per_iteration + self._starts[PHASES.index(phase)]

    def tensor_at(self, index: int) -> int:
        """The tensor that event `index` is about."""
        return self.tensor(self.place(index))

    def tensor(self, moment: Moment) -> int:
        """The tensor that an event is about."""
        phase, nth = moment.phase, moment.nth
        if phase == FORWARD:
            return self.graph.tensor(nth)
        if phase == BACKWARD:
            return self.graph.tensor(self.graph.backward_nodes[nth])
        return self._seeds[nth] if phase == SEED else self.trained[nth]

    def index_of(self, phase: str, tensor: int, iteration: int = 0) -> int | None:
        """The number of a tensor's event in a phase, or None where it has none; a state's update is its parameter's."""
        nth = self._nth(phase, tensor)
        return None if nth is None else self.start(phase, iteration) + nth

    def _nth(self, phase: str, tensor: int) -> int | None:
        if phase == FORWARD:
            return self.graph.k(tensor)
        if phase == BACKWARD:
            rank = int(self._rank[tensor])
            return rank if rank >= 0 else None
        return self._ranked[phase].get(tensor)

    @cached_property
    def _ranked(self) -> dict[str, dict[int, int]]:
        seeds, updates = ({t: n for n, t in enumerate(tensors)} for tensors in (self._seeds, self.trained))
        return {SEED: seeds, UPDATE: updates | {s: updates[t] for s, t in self.graph.owners.items()}}

    @cached_property
    def _rank(self) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Each tensor's place in the backward pass, -1 where its node has no backward event."""
        rank, backward = np.full(len(self.graph.names), -1, np.int32), self.graph.backward_nodes
        rank[np.array(backward, np.int64) + self.graph.first] = np.arange(len(backward))
        return rank

    # --- how far things are at a position -------------------------------------------------------------------------

    def _last(self, at: int) -> int:
        """The last event that has happened at a position."""
        return min(at, self.events - 1)

    def iteration_at(self, at: int) -> int:
        """The iteration of a position."""
        return self.place(at).iteration

    def has_value(self, tensor: int, at: int) -> bool:
        """Whether a tensor's value exists at a position; leaves always do."""
        at = self._last(at)
        index = self.index_of(FORWARD, tensor, self.iteration_at(at))
        return index is None or index <= at

    def computed(self, at: int) -> int:
        """How many nodes, in program order, have a value at a position."""
        at = self._last(at)
        return min(at - self.start(FORWARD, self.iteration_at(at)) + 1, len(self.graph.nodes))

    def completed_by(self, tensor: int, iteration: int = 0) -> int | None:
        """The event that completes a tensor's gradient: its last contribution, or its seed; None without a path."""
        edges = self.graph.edges_from(tensor)
        if not edges:
            return self.index_of(SEED, tensor, iteration)
        return self.index_of(BACKWARD, self.graph.tensor(edges[-1][0]), iteration)

    def edges_done(self, tensor: int, at: int) -> int:
        """How many of a tensor's contributions are in at a position; they stand in event order."""
        at, graph = self._last(at), self.graph
        start = self.start(BACKWARD, self.iteration_at(at))
        return bisect_right(graph.edges_from(tensor), at - start, key=lambda e: int(self._rank[graph.tensor(e[0])]))

    def grad_status(self, tensor: int, at: int) -> str:
        """'value' (complete), 'partial', 'not-computed', or 'no-path', at a position."""
        at = self._last(at)
        t = self.iteration_at(at)
        last = self.completed_by(tensor, t)
        if last is None:
            return "no-path"
        if last <= at:
            return "value"
        seed = self.index_of(SEED, tensor, t)
        begun = (seed is not None and seed <= at) or self.edges_done(tensor, at) > 0
        return "partial" if begun else "not-computed"
