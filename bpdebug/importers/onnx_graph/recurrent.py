"""Recurrent layers, unrolled: each step of time is steps of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bpdebug.importers.lowering import NoRule, Operand, refuse
from bpdebug.importers.onnx_graph.table import OnnxCall, Value, rule
from bpdebug.importers.onnx_graph.tensors import known
from bpdebug.importers.steps import cut, pieces

Cell = Callable[[OnnxCall, Operand, Operand, Any, Any], tuple[Operand, Any]]
"""Called with what the input and the last output give, both (N, gates * size), the last state and its memory."""
_STEPWISE = {"Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu"}


class Weights:
    """The weights of one direction: of the input, of the last output, both turned, and their biases."""

    def __init__(self, c: OnnxCall, w: Value, r: Value, b: Value | None, direction: int) -> None:
        self.w, self.r = (self._turned(c, v, direction) for v in (w, r))
        self.size = r.shape[-1]
        both = None if b is None else cut(c, c.held(b), 0, direction, "bias")
        self.biases = [None, None] if both is None else pieces(c, both, 0, [both.shape[0] // 2] * 2, "bias")

    def _turned(self, c: OnnxCall, w: Value, direction: int) -> Operand:
        one = cut(c, c.held(w), 0, direction, "weight")
        return c.emit("transpose", one, name="weight_T")

    def of_input(self, c: OnnxCall, x: Operand) -> Operand:
        return self._biased(c, c.emit("matmul", x, self.w), 0)

    def of_state(self, c: OnnxCall, h: Operand) -> Operand:
        return self._biased(c, c.emit("matmul", h, self.r), 1)

    def _biased(self, c: OnnxCall, found: Operand, which: int) -> Operand:
        bias = self.biases[which]
        return found if bias is None else c.emit("add", found, bias)


def _gates(c: OnnxCall, x: Operand, count: int) -> list[Operand]:
    return pieces(c, x, 1, [x.shape[1] // count] * count, "gate")


def _rnn(act: list[str], c: OnnxCall, x: Operand, h: Operand, state: Any, memory: Any) -> tuple[Operand, Any]:
    return c.emit(act[0], c.emit("add", x, h)), memory


def _lstm(act: list[str], c: OnnxCall, x: Operand, h: Operand, state: Any, memory: Any) -> tuple[Operand, Any]:
    """Hochreiter & Schmidhuber 1997, with a forget gate; the gates stand in the order input, output, forget, cell."""
    i, o, f, g = _gates(c, c.emit("add", x, h), 4)
    i, o, f = (c.emit(act[0], v) for v in (i, o, f))
    kept = c.emit("add", c.emit("mul", f, memory), c.emit("mul", i, c.emit(act[1], g)), name="c")
    return c.emit("mul", o, c.emit(act[2], kept), name="h"), kept


def _gru(
    act: list[str], before: bool, weights: Weights, c: OnnxCall, x: Operand, h: Operand, state: Any, memory: Any
) -> tuple[Operand, Any]:
    """Cho et al. 2014 (arXiv:1406.1078); the gates stand in the order update, reset, hidden."""
    (xz, xr, xh), (hz, hr, hh) = _gates(c, x, 3), _gates(c, h, 3)
    z, r = c.emit(act[0], c.emit("add", xz, hz)), c.emit(act[0], c.emit("add", xr, hr))
    if before:  # the reset gate is applied to the state, and not to what the state gives
        hidden = cut(c, weights.r, 1, (2 * weights.size, None, 1), "weight_T")
        hh = c.emit("matmul", c.emit("mul", r, state), hidden)
        if weights.biases[1] is not None:
            hh = c.emit("add", hh, cut(c, weights.biases[1], 0, (2 * weights.size, None, 1), "bias"))
        gated = hh
    else:
        gated = c.emit("mul", r, hh)
    new = c.emit(act[1], c.emit("add", xh, gated))
    apart = c.emit("mul", c.emit("sub", 1.0, z), new)
    return c.emit("add", apart, c.emit("mul", z, state), name="h"), memory


def _layer(
    c: OnnxCall, cell: Callable[[Weights, list[str]], Cell], x: Value, w: Value, r: Value, b: Value | None,
    start: list[Value | None], attrs: dict[str, Any], plain: tuple[str, ...],
) -> list[Operand | None]:  # fmt: skip
    """A layer over time, one direction after the other: Y (time, directions, N, size), and the last states."""
    direction = attrs.get("direction", "forward")
    refuse(direction in ("forward", "reverse", "bidirectional"), f"direction {direction}")
    refuse(not attrs.get("layout"), "layout 1")
    refuse("clip" not in attrs, "clip")
    count, (length, batch, _) = w.shape[0], x.shape
    names = attrs.get("activations") or list(plain) * count
    refuse(all(n in _STEPWISE for n in names) and len(names) == len(plain) * count, f"activations {names}")
    c.home.limits.check("nodes", count * length, "the steps of a recurrent layer")
    ends: list[list[Operand]] = [[], []]
    outputs: list[Operand] = []
    xs = [cut(c, c.held(x), 0, t, "x") for t in range(length)]
    for d in range(count):
        weights = Weights(c, w, r, b, d)
        act = [_STEPWISE[n] for n in names[d * len(plain) : (d + 1) * len(plain)]]
        zero = known("zeros", np.zeros((batch, weights.size), x.dtype))
        state, memory = (c.held(zero) if s is None else cut(c, c.held(s), 0, d, "start") for s in [*start, None][:2])
        step, made = cell(weights, act), []
        for one in reversed(xs) if direction == "reverse" or d else xs:
            state, memory = step(c, weights.of_input(c, one), weights.of_state(c, state), state, memory)
            made.append(state)
        outputs.append(c.emit("stack", *(made[::-1] if direction == "reverse" or d else made), axis=0, name="y"))
        ends[0].append(state)
        ends[1].append(memory)
    return [
        c.emit("stack", *outputs, axis=1, name="y"), c.emit("stack", *ends[0], axis=0, name="y_h"),
        c.emit("stack", *ends[1], axis=0, name="y_c") if plain == ("Sigmoid", "Tanh", "Tanh") else None,
    ]  # fmt: skip


@rule("RNN")
def rnn(
    c: OnnxCall, x: Value, w: Value, r: Value, b: Value | None = None, lengths: Value | None = None,
    h: Value | None = None, **attrs: Any,
) -> list[Operand | None]:  # fmt: skip
    _plainly(lengths)
    return _layer(c, lambda weights, act: partial(_rnn, act), x, w, r, b, [h], attrs, ("Tanh",))


@rule("GRU")
def gru(
    c: OnnxCall, x: Value, w: Value, r: Value, b: Value | None = None, lengths: Value | None = None,
    h: Value | None = None, linear_before_reset: int = 0, **attrs: Any,
) -> list[Operand | None]:  # fmt: skip
    _plainly(lengths)
    made = lambda weights, act: partial(_gru, act, not linear_before_reset, weights)  # noqa: E731  # a cell's maker
    return _layer(c, made, x, w, r, b, [h], attrs, ("Sigmoid", "Tanh"))


@rule("LSTM")
def lstm(
    c: OnnxCall, x: Value, w: Value, r: Value, b: Value | None = None, lengths: Value | None = None,
    h: Value | None = None, memory: Value | None = None, peepholes: Value | None = None, input_forget: int = 0,
    **attrs: Any,
) -> list[Operand | None]:  # fmt: skip
    _plainly(lengths, peepholes)
    refuse(not input_forget, "input_forget")
    return _layer(c, lambda weights, act: partial(_lstm, act), x, w, r, b, [h, memory], attrs,
                  ("Sigmoid", "Tanh", "Tanh"))  # fmt: skip


def _plainly(*left_out: Value | None) -> None:
    if any(v is not None for v in left_out):
        raise NoRule("lengths of their own, or peepholes")
