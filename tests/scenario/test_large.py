"""Opening many nodes: what is done for each of them, counted."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest

import bpdebug
from bpdebug.graph import Step
from bpdebug.language import calls
from bpdebug.language.calls import take_apart
from tests.counting import growth, work
from tests.large import HEAD, chain

KINDS: dict[str, Callable[[int], str]] = {
    "a loop": lambda n: f"h = X\nfor i in range({n}):\n    h = tanh(h @ W + b)\nL = sum(h)\n",
    "blocks": lambda n: (
        f"def f(x):\n    return x + 0.1 * tanh(x @ W)\nh = X\nfor i in range({n}):\n    h = f(h)\nL = sum(h)\n"
    ),
    "side by side": lambda n: f"s = sum(X)\nfor i in range({n}):\n    s = s + mean(X @ W, axis=0)\nL = sum(s)\n",
    "lines": lambda n: "h0 = X\n" + "".join(f"h{i + 1} = tanh(h{i} @ W + b)\n" for i in range(n)) + f"L = sum(h{n})\n",
}


@pytest.mark.parametrize("kind", KINDS)
def test_opening_is_in_proportion_to_the_nodes(kind: str) -> None:
    def opened(turns: int) -> None:
        bpdebug.load(f"{HEAD}{KINDS[kind](turns)}'''\n")

    assert growth(opened, 300) < 2.1


def test_a_node_of_a_loop_takes_few_lines_of_python() -> None:
    """Three nodes a turn, of which each is written, read, named and built."""
    small, large = (work(lambda n=n: chain(n)).lines for n in (100, 1100))  # type: ignore[misc]
    assert (large - small) / 3000 < 80


def test_no_object_is_made_for_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program's steps are columns; one is made where an error, a mask or an index has to be told of."""
    made: list[Any] = []

    def counted(*fields: Any) -> Step:
        made.append(fields)
        return Step(*fields)

    monkeypatch.setattr("bpdebug.graph.nodes.Step", counted)
    assert len(chain(500).graph) == 1501
    assert len(made) < 10


def test_a_call_that_is_carried_out_again_is_taken_apart_once(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[ast.Call] = []

    def counted(op: Any, node: ast.Call, constants: Any) -> Any:
        taken.append(node)
        return take_apart(op, node, constants)

    monkeypatch.setattr(calls, "take_apart", counted)
    graph = bpdebug.load(f"{HEAD}{KINDS['side by side'](50)}'''\n").graph
    assert len(taken) == 3
    assert all(n.attrs["axis"] == (0,) or n.attrs["axis"] == 0 for n in graph.nodes if n.op.name == "mean")


def test_an_attribute_that_changes_from_turn_to_turn_is_read_in_each() -> None:
    text = "s = sum(X)\nfor i in range(2):\n    s = s + sum(sum(X, axis=i))\nL = s * 1\n"
    graph = bpdebug.load(f"{HEAD}{text}'''\n").graph
    assert [n.attrs["axis"] for n in graph.nodes if n.op.name == "sum"] == [None, 0, None, 1, None]
