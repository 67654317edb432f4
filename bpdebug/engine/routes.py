"""From where a pass stands to one thing more: worked out once for a graph, and taken by every pass of it.

What has to be computed for a tensor follows from the tensor and from what is there already. So passes that are asked
for the same things in the same order take the same routes: first the nodes' functions in a loop, then generated code.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from bpdebug.arrays import Array
from bpdebug.engine.chunks import LARGE, Chunk, backward_chunks, forward_chunks
from bpdebug.engine.needed import ALL, Rows
from bpdebug.graph import Graph
from bpdebug.progress import Step, may_stop, report, steps
from bpdebug.symbolic import compile as code
from bpdebug.symbolic.library import Function, Library
from bpdebug.symbolic.on_numpy import HERE
from bpdebug.translation import N_

SOME = 256
"""Small nodes of which one says how far a pass is; each large one does."""
LOOPS = 2
"""Runs of a route before code is generated for it; equal chunks share theirs, so that it soon pays."""
ROUTES = 64
"""So many routes a graph remembers at most, and as many more for each of its leaves: stepping asks for everything."""

SHORT = 100
"""So many times the rows of a short route are fewer than a graph's tensors: to copy all gradients would take longer."""

EVENTS = N_("events")
"""What is counted of a pass: each node once on its way there, and once on its way back."""

Ask = tuple[int, bool]
"""A tensor's number, and whether its gradient is meant."""


class Beside(dict[int, Any]):
    """What a route makes of gradients, by tensor number, beside those that were there."""

    def __init__(self, there: list[Any]) -> None:
        self._there = there

    def __missing__(self, tensor: int) -> Any:
        return self._there[tensor]


class Route:
    """A route reads `leaves`, computes values of nodes, and goes back from what comes in at the outputs `seeds`.

    `tensors` and `rows` are in the order of computation. `onward` are the routes from where it ends, by what is asked
    for there. All are on arrays of one `library`.
    """

    __slots__ = ("_alone", "_chunks", "_events", "_loop", "_runs", "leaves", "library", "onward", "seeds")

    def __init__(
        self, graph: Graph, tensors: Sequence[int] = (), seeds: Iterable[int] = (), rows: Rows | None = None,
        library: Library = HERE,
    ) -> None:  # fmt: skip
        self.library = library
        self.leaves, self.seeds = tuple(t for t in tensors if t < graph.first), tuple(seeds)
        self._alone = [t for t in self.seeds if not graph.edges_into(t)]
        self.onward: dict[Ask, Route] = {}
        nodes = array("i", (t for t in tensors if t >= graph.first))
        back = Rows() if rows is None else rows
        self._loop: tuple[Sequence[int], Rows] | None = nodes, back
        self._events = len(nodes) + len(back)
        self._chunks: tuple[Chunk, ...] = ()
        self._runs = 0

    @classmethod
    def start(cls, graph: Graph, library: Library = HERE) -> Route:
        """Where nothing is computed."""
        kept, key = graph.kept, "routes" if library is HERE else f"routes of {library.name}"
        found: Route | None = kept.get(key)
        if found is None:
            found = kept[key] = cls(graph, library=library)
            kept.setdefault("more", ROUTES * (1 + len(graph.leaves)))
        return found

    @staticmethod
    def may_lead(graph: Graph, ask: Ask) -> bool:
        """Whether one route more may be remembered: always to everything, and to single tensors while there is room."""
        graph.kept["more"] -= ask[0] != ALL
        return ask[0] == ALL or graph.kept["more"] >= 0

    def run(self, graph: Graph, V: list[Any], G: list[Any], sums: dict[int, Array]) -> list[Any]:
        """Computes values into V, in which the leaves are, and gives the gradients that there are then: G, or a copy.

        `sums` begin with what comes in. However it ends, and whoever looks on, in G is no half of a sum.
        """
        self._runs += 1
        if self._loop is not None:
            tensors, rows = self._loop
            if self._runs <= LOOPS:
                with steps(self._events, EVENTS) as step:
                    _values(graph, tensors, V, self.library, step)
                    return _gradients(graph, rows, V, G, sums, self.library, step, len(tensors)) if sums or rows else G
            back = backward_chunks(graph, list(rows), self.seeds, self.library)
            self._chunks = (*forward_chunks(graph, tensors, self.library), *back)
            self._loop = None
        for tensor in self._alone:
            G[tensor] = sums[tensor]
        if len(self._chunks) == 1:  # of one only that it begins: steps cost as much as a small one
            ((run, numbers, _),) = self._chunks
            may_stop()
            report(0, self._events, EVENTS)
            run(V, G, sums, numbers)
            return G
        with steps(self._events, EVENTS) as step:
            before = 0
            for run, numbers, count in self._chunks:
                may_stop()
                if step is not None:
                    step(before)
                run(V, G, sums, numbers)
                before += count
        return G


def _values(graph: Graph, tensors: Sequence[int], V: list[Any], library: Library, step: Step | None) -> None:
    """The functions of nodes one by one."""
    nodes, plans, first = graph.nodes, graph.plans, graph.first
    for n, tensor in enumerate(tensors):
        may_stop()
        if step is not None and (not n % SOME or plans[tensor - first].nbytes >= LARGE):
            step(n)
        code.forward(plans[tensor - first], library)(V, tensor, *nodes[tensor - first].inputs)


def _gradients(
    graph: Graph, rows: Rows, V: list[Any], G: list[Any], sums: dict[int, Array], library: Library,
    step: Step | None, before: int,
) -> list[Any]:  # fmt: skip
    """The same, backwards: what nodes add to their operands at the positions."""
    nodes, plans, first = graph.nodes, graph.plans, graph.first
    short = len(rows) * SHORT < len(G)
    made: Any = Beside(G) if short else G.copy()
    for tensor, seed in sums.items():
        made[tensor] = seed
    functions: list[Function | None] = [None] * len(rows.calls)
    for n, (k, kind) in enumerate(zip(rows.nodes, rows.kinds, strict=True)):
        may_stop()
        if step is not None and (not n % SOME or plans[k].nbytes >= LARGE):
            step(before + n)
        run = functions[kind]
        if run is None:
            run = functions[kind] = code.backward(*rows.calls[kind], library)
        run(V, made, first + k, *nodes[k].inputs)
    if not short:
        whole: list[Any] = made
        return whole
    for tensor, found in made.items():
        G[tensor] = found
    return G
