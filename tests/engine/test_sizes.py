"""What a graph takes is counted from shapes; a graph of many nodes has few rules."""

from __future__ import annotations

import numpy as np

from bpdebug.engine import sizes
from bpdebug.engine.lifetimes import Lifetimes
from bpdebug.graph import Graph
from tests.counting import work
from tests.graphs import make, step


def chain(layers: int) -> Graph:
    """h = tanh(h @ W) + h, so often."""
    steps, h = [], "X"
    for i in range(layers):
        steps += [step(f"A{i}", "matmul", h, "W"), step(f"T{i}", "tanh", f"A{i}"), step(f"M{i}", "add", f"T{i}", h)]
        h = f"M{i}"
    leaves = {"X": np.ones((4, 4)), "W": np.eye(4)}
    return make(leaves, *steps, step("L", "sum", h), loss="L")


def test_what_a_rule_says_is_asked_once_and_not_at_each_node() -> None:
    def lines(layers: int) -> tuple[int, int]:
        graph = chain(layers)
        lifetimes = Lifetimes(graph)
        del lifetimes._handed_on
        return work(lambda: sizes.at_work(graph)).lines, work(lambda: lifetimes._handed_on).lines

    lines(2)  # what is kept of expressions
    assert lines(200) == lines(100)


def test_operands_at_different_positions_are_kinds_of_their_own() -> None:
    graph = make(
        {"a": np.ones((8, 8)), "b": np.ones((8, 8))},
        step("p", "mul", "a", "b"), step("q", "mul", "p", "a"), step("r", "mul", "q", "q"), step("L", "sum", "r"),
        loss="L",
    )  # fmt: skip
    sole = sizes.sole_edges(graph)
    assert [graph.names[t] for t in np.flatnonzero(sole).tolist()] == ["b", "p", "r"]
    assert len([*sizes._kinds(graph, sole)]) == 4
