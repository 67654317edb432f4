"""Long names said short are read back as what they are, wherever one stands; in lessons there are none."""

from __future__ import annotations

import numpy as np
import pytest

from bpdebug.arrays import Array
from bpdebug.errors import CommandError
from bpdebug.expression.short import Shorts, typed
from bpdebug.graph import Graph
from bpdebug.scenario import expected_error, find, load, shipped
from tests.graphs import make, step


def layers() -> Graph:
    """Two equal layers of a model, whose parts are named by their modules."""
    leaves: dict[str, Array] = {"inputs": np.ones((2, 3))}
    steps, h = [], "inputs"
    for n in range(2):
        at = f"transformer.layers.{n}.feed_forward"
        leaves[f"{at}.linear.weight"] = np.full((3, 3), 0.5)
        leaves[f"{at}.linear.down"] = np.ones(3)
        steps += [
            step(f"{at}.linear.matmul", "matmul", h, f"{at}.linear.weight", block=f"{at}.linear"),
            step(f"{at}.linear.add", "add", f"{at}.linear.matmul", f"{at}.linear.down", block=f"{at}.linear"),
            step(f"{at}.act.tanh1", "tanh", f"{at}.linear.add", block=f"{at}.act"),
        ]
        h = f"{at}.act.tanh1"
    return make(leaves, *steps, step("loss", "sum", h), loss="loss")


def shorts_of_layers() -> Shorts:
    found = Shorts.of(layers())
    assert found is not None
    return found


AT = "transformer.layers.1.feed_forward"


@pytest.mark.parametrize(
    ("name", "block", "short"),
    [
        (f"{AT}.linear.weight", f"{AT}.linear", "weight"),
        (f"{AT}.linear.weight", f"{AT}.act", "weight"),
        (f"{AT}.linear.weight", "transformer.layers.0.feed_forward.act", "layers.1.feed_forward.linear.weight"),
        (f"{AT}.linear.weight", "", "layers.1.feed_forward.linear.weight"),
        (f"{AT}.linear.matmul", f"{AT}.linear", "linear.matmul"),  # matmul is an op
        (f"{AT}.linear.down", f"{AT}.linear", "down"),
        ("inputs", f"{AT}.linear", "inputs"),
        ("loss", "", "loss"),
    ],
)
def test_a_name_is_as_short_as_it_can_be_where_one_stands(name: str, block: str, short: str) -> None:
    assert shorts_of_layers().short(name, block) == short


def test_what_is_read_can_be_typed_in_every_block() -> None:
    graph, shorts = layers(), shorts_of_layers()
    for block in ("", *{node.block for node in graph.nodes}):
        for name in graph.names:
            text = f"sum(∂{name} @ {name}ᵀ, axis=0) + {name}[0] if op == matmul"
            said = shorts.said(text, block)
            assert typed(said, shorts, block) == text
            assert len(said) <= len(text)
            assert typed(f"d{shorts.short(name, block)}", shorts, block) == f"d{name}"


def test_one_of_several_is_refused_with_all_of_them() -> None:
    with pytest.raises(CommandError, match="'weight' could be 2 tensors") as refused:
        typed("norm(weight)", shorts_of_layers(), "")
    assert refused.value.column == 6
    assert "transformer.layers.0.feed_forward.linear.weight, transformer.layers.1" in refused.value.hint


@pytest.mark.parametrize(
    "text", ["max(loss) > nan", '"weight"', "linear.*", "layers.1.", "/we.ght/", "a.py:12", "weights", "#3", "loss.T"]
)
def test_what_is_no_short_name_stays(text: str) -> None:
    assert typed(text, shorts_of_layers(), f"{AT}.linear") == text


def test_in_lessons_and_where_no_name_is_long_nothing_is_said_short() -> None:
    lessons = [one.name for one in shipped() if not expected_error(find(one.name))]
    assert not [name for name in lessons if Shorts.of(load(find(name)).graph)]
    assert Shorts.of(make({"x": np.ones(2)}, step("a.b", "exp", "x"), step("L", "sum", "a.b"), loss="L")) is None
