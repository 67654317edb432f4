"""A graph with blocks, fan-out, training, an unused parameter, integers, booleans and a mask; and short ways to ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bpdebug.engine import Timeline, Training
from bpdebug.errors import BpdebugError
from bpdebug.expression import Scope, Value, evaluate, parse
from bpdebug.graph import Graph
from tests.graphs import make, step

RNG = np.random.default_rng(7)
LEAVES: dict[str, Any] = {
    "X": RNG.normal(size=(4, 3)), "T": RNG.normal(size=(4, 2)), "ids": np.array([0, 2, 1, 0]),
    "W1": RNG.normal(size=(3, 3)), "W2": RNG.normal(size=(3, 2)), "unused": np.ones(2), "k": np.float64(0.5),
    "dk": np.array([7.0, 8.0]),
}  # fmt: skip
STEPS = (
    step("enc1.matmul1", "matmul", "X", "W1", block="enc1", line=3),
    step("H", "relu", "enc1.matmul1", block="enc1", line=4),
    step("enc1.attn1.q", "mul", "H", 2.0, block="enc1.attn1", line=6),
    step("D", "dropout", "enc1.attn1.q", line=7),
    step("h", "matmul", "H", "W2", line=9),
    step("h.1", "matmul", "D", "W2", line=9),
    step("Y", "add", "h", "h.1", line=10),
    step("late", "greater", "Y", 0.0, line=11),
    step("E", "sub", "Y", "T", block="head", line=13),
    step("head.square1", "square", "E", block="head", line=14),
    step("L", "mean", "head.square1", block="head", line=14),
)
ITERATIONS = 3


def graph() -> Graph:
    return make(LEAVES, *STEPS, loss="L", parameters=("W1", "W2", "unused", "k"))


def timeline(steps: int = ITERATIONS) -> Timeline:
    return Timeline(graph(), seed=3, training=Training("sgd", steps, {"lr": 0.001}))


TIMELINE = timeline()
END = len(TIMELINE)


def at(phase: str, name: str, iteration: int = 0) -> int:
    """The number of an event."""
    found = TIMELINE.schedule.index_of(phase, TIMELINE.graph.index[name], iteration)
    assert found is not None
    return found


def ask(text: str, position: int = END, *, condition: bool = False) -> Value:
    event = TIMELINE.event(position) if condition else None
    return evaluate(parse(text), Scope(TIMELINE, position, event))


def array(text: str, position: int = END, *, condition: bool = False) -> Any:
    found = ask(text, position, condition=condition)
    assert found.status == "value"
    assert found.array is not None
    return found.array


def error_of(function: Callable[[], Any]) -> BpdebugError | None:
    """The error of ours that a call ends in, checked for its code and column; None where it ends well."""
    try:
        function()
    except BpdebugError as error:
        found = error
    else:
        return None
    assert found.code == "E_EXPR"
    assert found.column is not None
    return found


def refused(text: str, *, position: int = END, condition: bool = False) -> BpdebugError:
    with pytest.raises(BpdebugError) as caught:
        ask(text, position, condition=condition)
    assert caught.value.code == "E_EXPR"
    assert caught.value.column is not None
    assert 1 <= caught.value.column <= len(text) + 1
    return caught.value
