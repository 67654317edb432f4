"""The program as rows: leaves, nodes in order, gradients; built row by row, so that 100,000 of them are no burden."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import overload
from weakref import WeakKeyDictionary

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.debugger import State
from bpdebug.engine import BACKWARD, FORWARD, UPDATE, Timeline
from bpdebug.errors import BpdebugError
from bpdebug.graph import DRAWN, Graph, frames
from bpdebug.views.numbers import shape_text

DONE, CURRENT, LATER, PARTIAL, NO_PATH = "done", "current", "not computed yet", "partial", "no path"


class ProgramRow(Struct, frozen=True):
    """One line of the program pane. `index` is the event to seek to, None where there is none.

    `odd` is 'nan' or 'inf' where what is there is not finite.
    """

    kind: str
    tensor: str
    text: str
    shape: str
    status: str
    line: int | None
    index: int | None
    breakpoint: bool = False
    odd: str = ""


MOST_LOOKED = 100_000
"""Tensors of which it is remembered whether they are finite; then it begins anew."""


class Finite(Struct, eq=False):
    """What is known of a timeline's tensors: 'nan', 'inf' or ''; and of the events, ascending, that made such a one."""

    known: dict[tuple[int, int, bool], str] = field(default_factory=dict)
    faults: list[int] = field(default_factory=list)
    kinds: dict[int, str] = field(default_factory=dict)


_looked: WeakKeyDictionary[Timeline, Finite] = WeakKeyDictionary()


def faults(timeline: Timeline) -> Sequence[int]:
    """The events, ascending, that are known to have made NaN or infinity: those that were looked at so far."""
    return _looked[timeline].faults if timeline in _looked else ()


def fault_between(timeline: Timeline, first: int, end: int) -> str:
    """'nan' or 'inf' of the first such event from `first` to before `end`; '' where none is known."""
    found = faults(timeline)
    at = bisect_left(found, first)
    return _looked[timeline].kinds[found[at]] if at < len(found) and found[at] < end else ""


def odd(timeline: Timeline, tensor: int, at: int, *, gradient: bool = False) -> str:
    """'nan' or 'inf' where a tensor, or its gradient, is not finite at a position at which it is done; looked at once.

    A leaf is looked at from the first event on that reads it: a row is no reason to open a file.
    """
    t, graph = timeline.schedule.iteration_at(at), timeline.graph
    update = None if gradient else timeline.schedule.index_of(UPDATE, tensor, t)
    first = graph.first_user(tensor)
    if graph.is_leaf(tensor) and not gradient and (first is None or at < t * timeline.schedule.per_iteration + first):
        return ""
    updated = update is not None and update <= at
    key = (t + updated, tensor, gradient)  # an updated parameter is the next iteration's
    looked = _looked.setdefault(timeline, Finite())
    if key not in looked.known:
        if len(looked.known) > MOST_LOOKED:
            looked.known.clear()
        try:
            array = timeline.grad_at(tensor, at) if gradient else timeline.value_at(tensor, at)
        except BpdebugError:  # an index out of range: the event itself says so
            return ""
        looked.known[key] = "" if array is None else _odd(array)
        if looked.known[key]:
            event = update if updated else event_of(timeline, tensor, t, gradient=gradient)
            if event is not None and event not in looked.kinds:
                looked.kinds[event] = looked.known[key]
                insort(looked.faults, event)
    return looked.known[key]


def event_of(timeline: Timeline, tensor: int, iteration: int, *, gradient: bool) -> int | None:
    """The event after which a tensor or its gradient is there, of a leaf the first that reads it; None without one."""
    schedule, graph = timeline.schedule, timeline.graph
    if gradient:
        return schedule.completed_by(tensor, iteration)
    k = graph.first_user(tensor) if graph.is_leaf(tensor) else graph.k(tensor)
    return None if k is None else schedule.start(FORWARD, iteration) + k


def way_to(timeline: Timeline, name: str, iteration: int) -> str:
    """The command that goes to where a tensor's gradient is complete, or says that it has none."""
    at = event_of(timeline, timeline.graph.index[name], iteration, gradient=True)
    return f"print ∂{name}" if at is None else f"seek #{at}"


def since(timeline: Timeline, at: int) -> int:
    """The first node in program order that has handed its gradient on at a position; before the backward pass, none."""
    place = timeline.schedule.place(min(at, timeline.schedule.events - 1))
    if place.phase == BACKWARD:
        return timeline.graph.backward_nodes[place.nth]
    return 0 if place.phase == UPDATE else len(timeline.graph.nodes)


def _odd(array: Array) -> str:
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return ""
    return "nan" if np.isnan(array).any() else "inf"


@lru_cache(maxsize=4)
def _order(graph: Graph) -> tuple[list[int], list[int], dict[int, int], dict[int, int]]:
    """The leaves that are shown; the tensors in the order of the backward pass, those without a path last; places."""
    shown = [t for t in range(len(graph.leaves)) if graph.kind(t) != DRAWN]
    found = [graph.tensor(k) for k in graph.backward_nodes]
    found += [t for t in shown if graph.has_gradient(t)]
    there = set(found)
    found += [t for t in range(len(graph.names)) if graph.takes_gradient(t) and t not in there]
    return shown, found, {t: i for i, t in enumerate(found)}, {t: i for i, t in enumerate(shown)}


def is_backward(timeline: Timeline, at: int) -> bool:
    """Whether a gradient has come in at a position: from then on it is asked what became of it."""
    return timeline.schedule.place(min(at, timeline.schedule.events - 1)).phase != FORWARD


def matching(graph: Graph, text: str) -> list[int]:
    """The rows in whose name or op every word of a text stands; only a word with a capital asks for capitals."""
    shown, gradients, *_ = _order(graph)
    words = text.split()
    whole, small = [w for w in words if w != w.lower()], [w for w in words if w == w.lower()]
    said = chain(
        (f"{graph.names[t]} {graph.kind(t)}" for t in shown),
        (f"{node.id} {node.op.name}" for node in graph.nodes),
        (f"∂{graph.names[t]} d{graph.names[t]}" for t in gradients),
    )
    found = []
    for row, name in enumerate(said):
        if all(w in name for w in whole) and (not small or all(w in low for low in [name.lower()] for w in small)):
            found.append(row)
    return found


def short(name: str, block: str) -> str:
    """A name without the blocks that it is seen in."""
    inside = next((frame for frame in frames(block) if name.startswith(f"{frame}.")), None)
    return name if inside is None else name[len(inside) + 1 :]


def statement(graph: Graph, tensor: int) -> str:
    """How a tensor is computed, in the names of its block; the name alone of a leaf."""
    node = graph.node(tensor)
    if node is None:
        return graph.names[tensor]
    names = [short(name, node.block) for name in graph.operand_names(tensor - graph.first)]
    return f"{short(node.id, node.block)} = {graph.plans[tensor - graph.first].call_text(names)}"


class ProgramRows(Sequence[ProgramRow]):
    """The rows of a state, made when asked for; `current` is the row of the event under the cursor."""

    def __init__(self, state: State) -> None:
        self.state, self._graph = state, state.timeline.graph
        self._shown, self._gradients, self._rank, self._leaf_rank = _order(self._graph)
        self._leaves = len(self._shown)
        self._at = state.timeline.schedule.iteration_at(state.cursor)

    def __len__(self) -> int:
        return self.gradients_from + len(self._gradients)

    @overload
    def __getitem__(self, index: int) -> ProgramRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[ProgramRow]: ...
    def __getitem__(self, index: int | slice) -> ProgramRow | list[ProgramRow]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index < self.gradients_from:
            return self.of(self._shown[index] if index < self._leaves else self._graph.tensor(index - self._leaves))
        return self._gradient(self._gradients[index - self.gradients_from])

    def others(self, before: ProgramRows) -> set[int] | None:
        """The rows that may say something else than at the event next to this one; None where all of them may."""
        state, old, graph = self.state, before.state, self._graph
        same = state.timeline is old.timeline and state.breakpoints is old.breakpoints
        same = same and state.practice is old.practice and self._at == before._at
        if not same or abs(state.cursor - old.cursor) > 1:
            return None
        found, schedule = set[int | None](), state.timeline.schedule
        for index in {state.cursor, old.cursor} - {len(state.timeline)}:
            tensor = schedule.tensor(schedule.place(index))
            node = graph.node(tensor)
            for t in (tensor, *(() if node is None else node.tensors)):
                found |= {self._row_of(t), self.gradients_from + self._rank[t] if t in self._rank else None}
        return {row for row in found if row is not None}

    def _row_of(self, tensor: int) -> int | None:
        k = self._graph.k(tensor)
        return self._leaf_rank.get(tensor) if k is None else self._leaves + k

    def brief(self, index: int) -> ProgramRow:
        """A row with names as they are in its block, `…S = Q @ Kt`, `∂…S`; outside of all, as it is."""
        row, graph, at = self[index], self._graph, index - self.gradients_from
        tensor = self._gradients[at] if at >= 0 else graph.tensor(index - self._leaves) if index >= self._leaves else 0
        node = graph.node(tensor)
        if node is None or not node.block:
            return row
        return replace(row, text=f"∂…{short(node.id, node.block)}" if at >= 0 else f"…{statement(graph, tensor)}")

    def of(self, tensor: int, text: str = "") -> ProgramRow:
        """The row of a leaf, or of what a node computes; with another text, where one is given."""
        return self._leaf(tensor, text) if self._graph.is_leaf(tensor) else self._node(tensor, text)

    @property
    def gradients_from(self) -> int:
        """The row at which the gradients begin."""
        return self._leaves + len(self._graph.nodes)

    @property
    def current(self) -> int | None:
        """The row of the event under the cursor: a node in the forward pass, its gradient in the backward pass."""
        event = self.state.event
        if event is None:
            return None
        if event.phase != FORWARD and event.tensor in self._rank:
            return self.gradients_from + self._rank[event.tensor]
        return self._row_of(event.tensor)

    def _leaf(self, tensor: int, text: str) -> ProgramRow:
        leaf = self._graph.leaves[tensor]
        index = self.state.timeline.schedule.index_of(UPDATE, tensor, self._at)
        status = CURRENT if index == self.state.cursor else DONE
        text, found = text or f"{leaf.name}  {leaf.kind}", odd(self.state.timeline, tensor, self.state.cursor)
        return ProgramRow("leaf", leaf.name, text, shape_text(leaf.shape), status, None, index, odd=found)

    def _node(self, tensor: int, text: str) -> ProgramRow:
        graph, timeline, k = self._graph, self.state.timeline, tensor - self._graph.first
        node = graph.nodes[k]
        index = timeline.schedule.start(FORWARD, self._at) + k
        status = CURRENT if index == self.state.cursor else DONE if index < self.state.cursor else LATER
        backward = timeline.schedule.index_of(BACKWARD, tensor, self._at)
        stop = any(
            b.located and b.enabled and b.stops.contains(i)
            for b in self.state.breakpoints
            for i in (index, backward)
            if i is not None
        )
        found = "" if status == LATER else odd(timeline, tensor, self.state.cursor)
        return ProgramRow(
            "node",
            node.id,
            text or graph.statement(tensor),
            shape_text(graph.shapes[tensor]),
            status,
            node.line,
            index,
            stop,
            found,
        )

    def _gradient(self, tensor: int) -> ProgramRow:
        timeline, cursor = self.state.timeline, self.state.cursor
        name = f"∂{self._graph.names[tensor]}"
        status = {"value": DONE, "partial": PARTIAL, "not-computed": LATER, "no-path": NO_PATH}[
            timeline.schedule.grad_status(tensor, cursor)
        ]
        event = self.state.event
        if event is not None and event.phase != FORWARD and event.tensor == tensor:
            status = CURRENT
        index = timeline.schedule.completed_by(tensor, self._at)
        asked = self.state.practice is not None and index is not None and index >= cursor
        shape = "?" if asked else shape_text(self._graph.shapes[tensor])
        found = odd(timeline, tensor, cursor, gradient=True) if status in (DONE, CURRENT) and not asked else ""
        return ProgramRow("gradient", name, name, shape, status, None, index, odd=found)
