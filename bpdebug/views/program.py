"""The program as rows: leaves, nodes in order, gradients; built row by row, so that 100,000 of them are no burden."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import overload

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.debugger import State
from bpdebug.engine import BACKWARD, FORWARD, UPDATE, Timeline
from bpdebug.graph import DRAWN, Graph, frames
from bpdebug.graph.edges import listed
from bpdebug.translation import N_, _
from bpdebug.views.finite import event_of, odd
from bpdebug.views.numbers import shape_text

DONE, CURRENT, LATER = N_("done"), N_("current"), N_("not computed yet")
PARTIAL, NO_PATH = N_("partial"), N_("no path")


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


@lru_cache(maxsize=4)
def _order(graph: Graph) -> tuple[list[int], Sequence[int], Sequence[int], dict[int, int]]:
    """The leaves that are shown; the tensors in the order of the backward pass, those without a path last; places.

    The place of a tensor that takes no gradient is -1.
    """
    shown = [t for t in range(len(graph.leaves)) if graph.kind(t) != DRAWN]
    leaves = np.array([t for t in shown if graph.has_gradient(t)], np.int32)
    found = np.concatenate([np.array(graph.backward_nodes, np.int32) + graph.first, leaves])
    rest = graph.taking_gradients
    rest[found] = False
    found = np.concatenate([found, np.flatnonzero(rest)])
    rank = np.full(len(graph.names), -1, np.int32)
    rank[found] = np.arange(len(found))
    return shown, listed(found), listed(rank), {t: i for i, t in enumerate(shown)}


def under(state: State) -> tuple[str, int] | None:
    """The phase and the tensor of the event under the cursor, without the event itself; None at the end."""
    schedule = state.timeline.schedule
    place = schedule.place(state.cursor)
    return (place.phase, schedule.tensor(place)) if state.cursor < schedule.events else None


def is_backward(timeline: Timeline, at: int) -> bool:
    """Whether a gradient has come in at a position: from then on it is asked what became of it."""
    return timeline.schedule.place(min(at, timeline.schedule.events - 1)).phase != FORWARD


class OneText:
    """Lines in one text, so that those in which a word stands are found without Python for each of them."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.text = "\n".join(lines)
        self.starts = np.cumsum([0, *(len(line) + 1 for line in lines)], dtype=np.int64)

    def having(self, word: str) -> set[int]:
        """The lines in which it stands."""
        at = [found.start() for found in re.finditer(re.escape(word), self.text)]
        return {*(np.searchsorted(self.starts, at, side="right") - 1).tolist()}


@lru_cache(maxsize=2)
def _searched(graph: Graph, *, small: bool) -> OneText:
    """The rows of nodes and gradients as they are searched; `small` without capitals."""
    nodes = [f"{node.id} {node.op.name}" for node in graph.nodes]
    lines = [*nodes, *(f"∂{graph.names[t]} d{graph.names[t]}" for t in _order(graph)[1])]
    return OneText([line.lower() for line in lines] if small else lines)


def matching(graph: Graph, text: str) -> list[int]:
    """The rows in whose name or op every word of a text stands; only a word with a capital asks for capitals."""
    shown, gradients = _order(graph)[:2]
    leaves = [f"{graph.names[t]} {kind} {_(kind)}" for t in shown for kind in [graph.kind(t)]]
    found: set[int] | None = None
    for word in text.split():
        small = word == word.lower()
        near = OneText([line.lower() for line in leaves] if small else leaves).having(word)
        rows = near | {len(leaves) + row for row in _searched(graph, small=small).having(word)}
        found = rows if found is None else found & rows
    return [*range(len(shown) + len(graph.nodes) + len(gradients))] if found is None else sorted(found)


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
    """The rows of a state, made when asked for; `current` is the row of the event under the cursor.

    Whether a number is not finite is looked at where it `looks`, else what is known is said.
    """

    def __init__(self, state: State, looks: Callable[[], bool] = lambda: True) -> None:
        self.state, self.looks, self._graph = state, looks, state.timeline.graph
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
        state, old = self.state, before.state
        same = state.timeline is old.timeline and state.breakpoints is old.breakpoints
        same = same and state.practice is old.practice and self._at == before._at
        if not same or abs(state.cursor - old.cursor) > 1:
            return None
        return self.at(state.cursor) | self.at(old.cursor)

    def at(self, index: int) -> set[int]:
        """The rows of what an event reads and makes."""
        found = set[int | None]()
        if index < len(self.state.timeline):
            tensor = self.state.timeline.schedule.tensor_at(index)
            node = self._graph.node(tensor)
            for t in (tensor, *(() if node is None else node.tensors)):
                found |= {self._row_of(t), self.gradients_from + self._rank[t] if self._rank[t] >= 0 else None}
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
        if (here := under(self.state)) is None:
            return None
        phase, tensor = here
        return (
            self.gradients_from + self._rank[tensor]
            if phase != FORWARD and self._rank[tensor] >= 0
            else self._row_of(tensor)
        )

    def _odd(self, tensor: int, *, gradient: bool = False) -> str:
        return odd(self.state.timeline, tensor, self.state.cursor, gradient=gradient, looks=self.looks())

    def _leaf(self, tensor: int, text: str) -> ProgramRow:
        leaf = self._graph.leaves[tensor]
        index = self.state.timeline.schedule.index_of(UPDATE, tensor, self._at)
        status = CURRENT if index == self.state.cursor else DONE
        text, found = text or f"{leaf.name}  {_(leaf.kind)}", self._odd(tensor)
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
        found = "" if status == LATER else self._odd(tensor)
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
        phase, here = under(self.state) or (FORWARD, None)
        if phase != FORWARD and here == tensor:
            status = CURRENT
        index = timeline.schedule.completed_by(tensor, self._at)
        asked = self.state.practice is not None and index is not None and index >= cursor
        shape = "?" if asked else shape_text(self._graph.shapes[tensor])
        found = self._odd(tensor, gradient=True) if status in (DONE, CURRENT) and not asked else ""
        return ProgramRow("gradient", name, name, shape, status, None, index, odd=found)
