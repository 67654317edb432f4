"""Which tensors are in half precision where a library has it: elsewhere float32 holds their numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.graph.graph import Graph
from bpdebug.graph.nodes import Leaf
from bpdebug.symbolic import Plan, moves

HALVES = {"bfloat16": moves.as_bfloat16, "float16": moves.as_float16}
"""What rounds an array to each, in float32 and of the same shape."""


def of_half(graph: Graph, half: str) -> Graph:
    """The graph as one of this half precision, empty for none: what its leaves hold are numbers of it."""
    if not half:
        return graph
    return replace(graph, half=half, leaves=tuple(_held(x, half) if x.dtype.kind == "f" else x for x in graph.leaves))


def _held(leaf: Leaf, half: str) -> Leaf:
    """It is read as a whole: no library that opens a file in parts has half precision."""
    return replace(leaf, read=partial(_read, leaf.read, half), parts=None)


def _read(read: Callable[[], Array], half: str) -> Array:
    return rounded(read(), half)


def rounded(array: Array, half: str) -> Array:
    """Floats as numbers of this half precision, in float32 and of their shape; where it is empty, as they are."""
    with np.errstate(over="ignore"):  # what is beyond its range is infinite, as the library makes it
        return HALVES[half](array) if half else array


def in_halves(graph: Graph) -> Graph:
    """The graph with its `halves`, of which its plans know, too; one without any as it is.

    Leaves are of the graph's own `half`, and so is what is made of no float. A cast gives the one that it names; what
    is computed of one half alone is of it, and what a wider float has a part in is wide.
    """
    if not graph.half and not any(_names_half(plan) for plan in {id(p): p for p in graph.plans}.values()):
        return graph
    found: Graph | None = graph.kept.get("in halves")
    if found is None:
        found = graph.kept["in halves"] = _found(graph)
    return found


def _names_half(plan: Plan) -> bool:
    return plan.rule.name == "cast" and plan.attrs["dtype"] in HALVES


def _found(graph: Graph) -> Graph:
    halves = {t: graph.half for t in range(graph.first) if graph.half and graph.is_float(t)}
    made, plans = dict[tuple[int, tuple[str, ...]], Plan](), list[Plan]()
    for k, (node, plan) in enumerate(zip(graph.nodes, graph.plans, strict=True)):
        of = tuple(halves.get(i, "") if isinstance(i, int) else "" for i in node.inputs)
        read = {halves.get(t, "") for t in node.tensors if graph.is_float(t)}
        half = half_of(node.op.name, node.attrs, read, graph.half) if plan.dtype.kind == "f" else ""
        if half:
            halves[graph.tensor(k)] = half
        if half or any(of):
            key = id(plan), (*of, half)
            plan = made.get(key) or made.setdefault(key, plan.in_halves(key[1]))
        plans.append(plan)
    incoming = {
        t: cache(partial(_read, read, halves[t])) if t in halves else read for t, read in graph.incoming.items()
    }
    return replace(graph, halves=halves, plans=tuple(plans), incoming=incoming)


def half_of(op: str, attrs: Mapping[str, Any], read: Collection[str], own: str) -> str:
    """The half of what an op gives as floats, of floats in these; empty where it is wide. `own` is the graph's."""
    if op == "cast":
        return attrs["dtype"] if attrs["dtype"] in HALVES else ""
    (half,) = read if len(read) == 1 else ("",) if read else (own,)
    return half
