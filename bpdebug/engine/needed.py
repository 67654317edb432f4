"""What has to be computed for what is asked: tensor by tensor where that is little, and by sweeps where it is much."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, repeat
from operator import is_
from typing import Any

import numpy as np

from bpdebug.engine.chunks import Row, reads
from bpdebug.graph import Graph
from bpdebug.graph.edges import Flags, listed
from bpdebug.symbolic import Plan
from bpdebug.symbolic import compile as code
from bpdebug.symbolic.library import Library

ALL = -1
"""Every tensor, in place of a tensor's number."""
FEW = 1000
"""Tensors that are found one by one, before all are looked at in one sweep."""
BITS = 50
"""Of so many operands, which of them are wanted is one number."""

Known = Callable[[int], bool]
Call = tuple[Plan, tuple[int, ...]]
"""A rule, and the positions of the operands that it adds to."""


class Rows:
    """Nodes in the order of the backward pass: node `nodes[i]` is there for the call `calls[kinds[i]]`."""

    __slots__ = ("calls", "kinds", "nodes")

    def __init__(
        self, nodes: Sequence[int] = (), kinds: Sequence[int] = (), calls: Sequence[Call] = ()
    ) -> None:  # fmt: skip
        self.nodes, self.kinds, self.calls = nodes, kinds, calls

    @classmethod
    def of(cls, graph: Graph, rows: Iterable[Row]) -> Rows:
        """Rows that were found one by one."""
        met: dict[tuple[int, tuple[int, ...]], int] = {}
        nodes, kinds, calls, plans = array("i"), array("i"), list[Call](), graph.plans
        for k, positions in rows:
            kind = met.setdefault((id(plans[k]), positions), len(calls))
            if kind == len(calls):
                calls.append((plans[k], positions))
            nodes.append(k)
            kinds.append(kind)
        return cls(nodes, kinds, calls)

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Row]:
        return ((k, self.calls[kind][1]) for k, kind in zip(self.nodes, self.kinds, strict=True))


def unknown(table: Sequence[Any]) -> Flags:
    """Of which tensors there is no array yet."""
    return np.fromiter(map(is_, table, repeat(None)), np.bool_, len(table))


def ancestors(graph: Graph, wanted: Iterable[int], V: Sequence[Any], known: Known | None = None) -> Sequence[int]:
    """The tensors among `wanted` and their ancestors that have no value yet, in program order."""
    first, nodes = graph.first, graph.nodes  # no calls in what runs once a node
    ends = [t for t in wanted if V[t] is None]
    needed, stack = set[int](), ends.copy()
    while stack:
        tensor = stack.pop()
        if tensor in needed or (known is not None and known(tensor)):
            continue
        needed.add(tensor)
        if tensor >= first:
            stack.extend([i for i in nodes[tensor - first].inputs if isinstance(i, int) and V[i] is None])
        if known is None and len(needed) > FEW:
            return listed(np.flatnonzero(graph.every_edge.read.before(ends, unknown(V))))
    return sorted(needed)


def descendants(graph: Graph, tensor: int, known: Known, most: int | None = None) -> dict[int, list[tuple[int, int]]]:
    """Tensors whose gradient is needed for this one's and is not known, with their edges, in backward order.

    Where there are more edges than `most`, none.
    """
    first, stack, edges = graph.first, [tensor], 0
    needed: dict[int, list[tuple[int, int]]] = {}
    while stack:
        t = stack.pop()
        if t in needed or known(t):
            continue
        edges += 0 if most is None else graph.every_edge.taken_by(t)
        if most is not None and edges > most:
            return {}
        needed[t] = graph.edges_into(t)
        stack.extend(first + k for k, _ in needed[t])
    return dict(sorted(needed.items(), reverse=True))


def backward(graph: Graph, tensor: int, G: Sequence[Any]) -> tuple[list[int], Rows]:
    """The outputs at which the way back to a tensor's gradient begins, and the rows on it; of ALL, to every one."""
    on_path = np.frombuffer(graph.on_path, np.bool_)
    if tensor == ALL:
        found = unknown(G)
    else:
        needed = descendants(graph, tensor, lambda t: G[t] is not None, FEW)
        if needed:
            return [t for t in graph.incoming if t in needed], _few(graph, needed)
        source = np.zeros(tensor + 1, np.bool_)
        source[tensor] = True
        found = graph.every_edge.flow.behind(source, unknown(G) & on_path)
    return [t for t in graph.incoming if found[t]], _many(graph, found & on_path)


def _few(graph: Graph, needed: dict[int, list[tuple[int, int]]]) -> Rows:
    passed_on = {t for t in needed if graph.has_gradient(t)}  # an output may have its seed alone
    nodes = sorted({k for found in needed.values() for k, _ in found}, reverse=True)
    return Rows.of(graph, ((k, tuple(p for p, t in graph.edges(k) if t in passed_on)) for k in nodes))


def _many(graph: Graph, passed_on: Flags) -> Rows:
    """The rows of all edges that add to these tensors."""
    edges, flow = graph.every_edge, graph.every_edge.flow
    wanted = passed_on[flow.operands] & np.frombuffer(graph.on_path, np.bool_)[graph.first :][flow.nodes]
    got, sizes = np.bincount(flow.nodes[wanted], minlength=len(graph.nodes)), np.diff(flow.start)
    nodes = np.flatnonzero(got)[::-1]
    kinds, calls = edges.kinds[nodes], [(rule, rule.differentiable) for rule in edges.rules]
    if len(part := np.flatnonzero(got[nodes] < sizes[nodes])):
        nth = np.arange(len(wanted)) - flow.start[flow.nodes]
        bits = np.bincount(flow.nodes[wanted], np.ldexp(1.0, np.minimum(nth[wanted], BITS)), len(graph.nodes))
        bits = np.where(sizes > BITS, -flow.start[:-1], bits)  # of many operands: no other's
        pairs = [*zip(kinds[part].tolist(), bits[nodes[part]].tolist(), strict=True)]
        like = dict(zip(pairs, nodes[part].tolist(), strict=True))
        kinds[part] = [*map(dict(zip(like, count(len(calls)), strict=False)).__getitem__, pairs)]
        for (kind, _), k in like.items():
            span = slice(flow.start[k], flow.start[k + 1])
            calls.append((edges.rules[kind], tuple(edges.positions[span][wanted[span]].tolist())))
    return Rows(listed(nodes), listed(kinds), calls)


def read(graph: Graph, rows: Rows, library: Library) -> Iterable[int]:
    """The tensors whose values the rows read."""
    if len(rows) <= FEW or len(rows.calls) > FEW:
        return {t for row in rows for t in reads(graph, *row, library)}
    edges, found = graph.every_edge, np.zeros(len(graph.names), np.bool_)
    nodes, kinds = np.array(rows.nodes), np.array(rows.kinds)
    for kind, call in enumerate(rows.calls):
        group = nodes[kinds == kind]
        for what, number in code.template(*call, library).used.values() if len(group) else ():
            if what == "value":
                found[group + graph.first] = True
            elif what == "tensor":
                found[number] = True
            elif what != "gradient":
                found[edges.taken[edges.inputs[group] + number]] = True
    return listed(np.flatnonzero(found))
