"""Lists of what a graph has: tensors, gradients, parameters, blocks, and what its optimizer keeps."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import chain, compress, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from bpdebug.debugger import State
from bpdebug.engine import UPDATE
from bpdebug.graph import DRAWN, PARAMETER, STATE, Graph, frames
from bpdebug.graph.edges import Flags, listed
from bpdebug.translation import _
from bpdebug.views.blocks import OnDemand
from bpdebug.views.columns import Column, Listed, of_rows, on_demand
from bpdebug.views.numbers import exact, number, shape_text
from bpdebug.views.tensors import dtype_text, made_by

if TYPE_CHECKING:
    from bpdebug.explain.norms import Norms

STATUSES = ("no-path", "not-computed", "partial", "value")


def tensors(state: State) -> Listed:
    """Every tensor but masks, each of which belongs to its node."""
    graph = state.timeline.graph
    shown = np.ones(len(graph.names), np.bool_)
    shown[: graph.first] = _kinds(graph) != DRAWN
    found, done = np.flatnonzero(shown), graph.first + state.timeline.schedule.computed(state.cursor)
    name, alike = _names(graph, found, shown), _alike(graph, found)
    status = Column((_("not-computed"), _("value")), listed(found < done))
    columns = (
        name, alike(lambda t: made_by(graph, t)), alike(lambda t: shape_text(graph.shapes[t])),
        alike(lambda t: dtype_text(graph, t)), status,
    )  # fmt: skip
    return Listed(len(found), columns, lambda n: f"print {name[n]}")


def gradients(state: State, norms: Norms) -> Listed:
    """The gradients of all that takes one, each with its norm."""
    graph, schedule = state.timeline.graph, state.timeline.schedule
    shown = graph.taking_gradients
    found = np.flatnonzero(shown)
    name = _names(graph, found, shown, "∂")
    status = OnDemand(len(found), lambda n: STATUSES.index(schedule.grad_status(int(found[n]), state.cursor)))
    shape = _alike(graph, found)(lambda t: shape_text(graph.shapes[t]))
    columns = name, shape, Column([*map(_, STATUSES)], status), _norms(norms, found)
    return Listed(len(found), columns, lambda n: f"print {name[n]}", _first(norms, found))


def parameters(state: State) -> Listed:
    """The parameters, each with its norm at the cursor."""
    graph = state.timeline.graph
    found, norms = np.flatnonzero(_kinds(graph) == PARAMETER), _values(state)
    columns = (
        on_demand(len(found), lambda n: graph.names[found[n]]),
        on_demand(len(found), lambda n: shape_text(graph.shapes[found[n]])),
        on_demand(len(found), lambda n: dtype_text(graph, int(found[n]))),
        _norms(norms, found),
    )
    return Listed(len(found), columns, lambda n: f"print {graph.names[found[n]]}", _first(norms, found))


def blocks(state: State) -> Listed:
    """The blocks, each with its nodes and the line of the first one."""
    graph = state.timeline.graph
    of_nodes = [*map(attrgetter("block"), graph.nodes)]
    first = dict(zip(reversed(of_nodes), range(len(of_nodes) - 1, -1, -1), strict=True))
    counts, begin = Counter[str](), dict[str, int]()
    for block, count in Counter(of_nodes).items():
        for name in frames(block):
            counts[name] += count
            begin.setdefault(name, first[block])
    names, classes = [*counts], graph.imported.classes
    columns = (
        on_demand(len(names), lambda n: f"{names[n]} ({classes[names[n]]})" if names[n] in classes else names[n]),
        on_demand(len(names), lambda n: str(counts[names[n]])),
        on_demand(len(names), lambda n: str(graph.nodes[begin[names[n]]].line)),
    )
    return Listed(len(names), columns, lambda n: f"seek {names[n]}.")


def optimizer(state: State) -> Listed:
    """The optimizer, its settings in this step, and what it keeps of each parameter; empty without training."""
    timeline, graph = state.timeline, state.timeline.graph
    training, updates = timeline.training, timeline.store.updates
    if training is None or not updates.parameters:
        return of_rows((), 4)
    step = timeline.schedule.iteration_at(state.cursor) + 1
    head = [(training.optimizer, _("optimizer"), "", _("step {step} of {of}").format(step=step, of=training.steps))]
    numbers = updates.rule(updates.parameters[0]).numbers(step)
    head += [(name, _("setting"), "", exact(value)) for name, value in numbers.items()]
    by_hand = updates.by_hand
    told = [*_of_each(updates.parameters, {p: (p,) for p in by_hand}, graph.states)]
    norms, first = _values(state), len(head)

    def cell(n: int, column: int) -> str:
        if n < first:
            return head[n][column]
        t = told[n - first]
        if t in by_hand:
            return _rule(state, t) if column == 3 else (f"{graph.names[t]}@upd", _("rule set by hand"), "")[column]
        if column == 3:
            return _norm(norms, t, _("norm {norm}"))
        return (graph.names[t], _(STATE), shape_text(graph.shapes[t]))[column]

    def prepare(rows: Sequence[int]) -> None:
        head = bisect_left(rows, first)
        norms.work_out(OnDemand(len(rows) - head, lambda n: told[rows[n + head] - first]))

    def without_norms() -> Iterator[str]:
        yield from (row[3] for row in head)
        yield from (_rule(state, t) if t in by_hand else "" for t in told)

    cells = [OnDemand(first + len(told), partial(cell, column=i)) for i in range(4)]
    columns = *map(Column, cells[:3]), Column(cells[3], every=without_norms, dear=True)
    return Listed(first + len(told), columns, lambda _n: "", prepare)


def _of_each(keys: Sequence[int], *tables: Mapping[int, Sequence[int]]) -> Iterator[int]:
    """What tables have of each key, the first table's first; no Python for each of them."""
    found = zip(*(map(table.get, keys, repeat(())) for table in tables), strict=True)
    return chain.from_iterable(chain.from_iterable(found))


def _rule(state: State, parameter: int) -> str:
    """The rule by which a parameter is updated, as it was set by hand."""
    index = state.timeline.schedule.index_of(UPDATE, parameter)
    assert index is not None
    return state.timeline.event(index).rule or ""


def _norm(norms: Norms, tensor: int, words: str = "{norm}") -> str:
    """A tensor's norm in words; '' where it has no array."""
    if norms.left_out(tensor):
        return _("left out")
    norm = norms.norm(tensor)
    return "" if norm is None else words.format(norm=number(norm))


def _kinds(graph: Graph) -> Any:
    """What kind each leaf, mask and state is."""
    return np.array([*map(graph.kinds.__getitem__, range(graph.first))])


def _names(graph: Graph, found: Any, shown: Flags, sign: str = "") -> Column:
    """The names of the tensors that are shown, with a sign before each."""
    words = OnDemand(len(found), lambda n: f"{sign}{graph.names[found[n]]}")
    return Column(words, every=lambda: map(sign.__add__, compress(graph.names, shown)))


def _alike(graph: Graph, found: Any) -> Callable[[Callable[[int], str]], Column]:
    """Makes columns of what is said alike of equal nodes: of the first of them, and of each leaf."""
    kinds, first = graph.every_edge.kinds, graph.first
    examples = [*range(first), *(np.unique(kinds, return_index=True)[1] + first).tolist()]
    numbers = listed(np.concatenate([np.arange(first), kinds + first])[found])
    return lambda say: Column(OnDemand(len(examples), cache(lambda n: say(examples[n]))), numbers)


def _values(state: State) -> Norms:
    """The norms of values at the cursor."""
    from bpdebug.explain.norms import Norms  # start-up: worked out when asked for

    return Norms(lambda t: state.timeline.value_at(t, state.cursor))


def _norms(norms: Norms, found: Any) -> Column:
    """The norm of each tensor."""
    return Column(OnDemand(len(found), lambda n: _norm(norms, int(found[n]))), dear=True)


def _first(norms: Norms, found: Any) -> Callable[[Sequence[int]], None]:
    """Works out the norms of the rows that are seen first."""
    return lambda rows: norms.work_out(OnDemand(len(rows), lambda n: int(found[rows[n]])))
