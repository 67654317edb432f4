"""What has to be computed: sweeps find what is found one by one, and of a large graph take no Python for each node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.engine import needed
from bpdebug.engine.needed import ALL, ancestors, backward, read
from bpdebug.graph import Graph
from bpdebug.symbolic.on_numpy import HERE
from tests.counting import work
from tests.graphs import Random, examples, graphs
from tests.large import chain


def found(graph: Graph, V: Sequence[Any], G: Sequence[Any], tensor: int, few: int) -> list[Any]:
    """What a value needs, and a gradient, where so many are looked for one by one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(needed, "FEW", few)
        patch.setattr(needed, "BITS", 2)
        said: list[Any] = [list(ancestors(graph, [tensor], V))]
        if graph.has_gradient(tensor) or tensor in graph.incoming:
            for goal in (tensor, ALL):
                seeds, rows = backward(graph, goal, G)
                said += [seeds, list(rows), sorted(read(graph, rows, HERE))]
    return said


@examples(150)
@given(graphs(), st.randoms(use_true_random=False))
def test_sweeps_find_what_is_found_one_by_one(random: Random, chance: Any) -> None:
    """Whatever is known already: gradients from the outputs on, values with all of their ancestors."""
    graph = random.build()
    tensors = range(len(graph.names))
    V: list[Any] = [None] * len(tensors)
    for t in ancestors(graph, chance.sample(tensors, chance.randrange(3)), V):
        V[t] = True
    back = chance.randrange(len(tensors) + 1)
    G = [None if t < back or not graph.has_gradient(t) else True for t in tensors]
    tensor = chance.choice(tensors)
    G[tensor] = None
    assert found(graph, V, G, tensor, 10**9) == found(graph, V, G, tensor, -1)


@pytest.mark.parametrize("what", ["loss", "W", "end"])
def test_what_a_large_graph_needs_takes_no_python_for_each_node(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of 6,000 nodes are run one after the other; a fixed number of sweeps says which, and in which order."""
    monkeypatch.setattr(needed, "FEW", 10)
    nodes: list[Any] = []
    graph = chain(2000).graph
    V: list[Any] = [None] * len(graph.names)
    tensor = graph.index["W" if what == "W" else "L"]

    def asked() -> None:
        if what == "loss":
            nodes.append(ancestors(graph, [tensor], V))
        else:
            _, rows = backward(graph, ALL if what == "end" else tensor, V)
            nodes.append(read(graph, rows, HERE))

    asked()  # what is made once for a graph, or a rule, is there
    taken = work(asked)
    assert len(nodes[0]) > 2000
    assert taken.lines < 400, taken
