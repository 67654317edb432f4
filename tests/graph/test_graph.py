"""Who feeds whom, and where gradients go: the tables against what they mean, on random graphs."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given

from bpdebug.graph import Graph
from tests.graphs import Random, examples, graphs, make, step


def edges(graph: Graph) -> list[tuple[int, int, int]]:
    """Every differentiable edge as (tensor, node, position)."""
    return [(t, k, p) for k in range(len(graph)) for p, t in graph.edges(k)]


def reach(start: set[int], arrows: list[tuple[int, int]]) -> set[int]:
    """What is reached from `start` along arrows, by going round until nothing is added."""
    found, grown = set(start), True
    while grown:
        more = {b for a, b in arrows if a in found} - found
        found |= more
        grown = bool(more)
    return found


@examples(150)
@given(graphs())
def test_gradients_are_where_a_path_from_a_float_leaf_leads_to_an_output(random: Random) -> None:
    graph = random.build()
    down = [(t, graph.first + k) for t, k, _ in edges(graph)]
    leaves = {t for t in range(graph.first) if graph.is_float(t)}
    fed, reaching = reach(leaves, down), reach(set(graph.incoming), [(b, a) for a, b in down])
    wanted = fed & reaching
    tensors = range(len(graph.names))
    assert {t for t in tensors if graph.has_gradient(t)} == wanted
    assert {t for t in tensors if graph.leads_to_output(t)} == reaching
    assert list(graph.backward_nodes) == sorted((t - graph.first for t in wanted if t >= graph.first), reverse=True)
    for tensor in tensors:
        mine = [(k, p) for t, k, p in edges(graph) if t == tensor and graph.first + k in wanted and tensor in wanted]
        assert graph.edges_from(tensor) == sorted(mine, key=lambda e: (-e[0], e[1]))
        assert graph.contributions[tensor] == len(mine)


@examples(100)
@given(graphs())
def test_every_node_stands_after_what_it_uses(random: Random) -> None:
    graph = random.build()
    for k, node in enumerate(graph.nodes):
        assert all(t < graph.first + k for t in node.tensors)
        assert graph.node(graph.first + k) is node
        assert graph.names[graph.first + k] == node.id
        assert graph.index[node.id] == graph.first + k
        plan = graph.plans[k]
        assert (plan.shape, plan.dtype) == (graph.shapes[graph.first + k], graph.dtypes[graph.first + k])
        typed = [(o.shape, o.dtype) for o in plan.operands if hasattr(o, "shape")]
        assert typed == [(graph.shapes[t], graph.dtypes[t]) for t in node.tensors]


def chain() -> Graph:
    """1,000 nodes, one behind the other."""
    steps = [step(f"y{i}", "neg", f"y{i - 1}" if i else "x") for i in range(1000)]
    return make({"x": np.array(1.0)}, *steps, loss="y999")


def test_more_tensors_than_are_remembered() -> None:
    """The lists of edges are kept for some tensors only; what is forgotten is made again."""
    graph = chain()
    once = [graph.edges_from(t) for t in range(1000)]
    assert once == [[(t, 0)] for t in range(1000)]
    assert [graph.edges_from(t) for t in range(1000)] == once


def test_an_operand_at_position_1000() -> None:
    names = [f"x{i}" for i in range(1001)]
    graph = make({n: np.array(1.0) for n in names}, step("s", "stack", *names), step("L", "sum", "s"), loss="L")
    assert graph.edges_from(1000) == [(0, 1000)]


def test_two_threads_ask_for_edges_at_once() -> None:
    """The screen is painted while a command runs beside it."""
    graph, before = chain(), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(lambda: [graph.edges_from(t) for t in range(1000)]) for _ in range(100)]
        assert all(one.result() == asked[0].result() for one in asked)
    finally:
        sys.setswitchinterval(before)
