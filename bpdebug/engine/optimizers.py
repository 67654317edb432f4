"""Update rules, traced like every other rule, so that what is shown is what is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bpdebug.symbolic import PRIMS, Trace, worked_out
from bpdebug.symbolic.text import FORMULA, write

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Optimizer:
    """`step(xp, w, g, states, settings)` gives the new parameter and the new states; `t` counts from 1."""

    name: str
    states: tuple[str, ...]
    settings: Mapping[str, float]
    step: Callable[[Any, Any, Any, Sequence[Any], Mapping[str, Any]], tuple[Any, tuple[Any, ...]]]


@dataclass(frozen=True)
class Training:
    """What [train] says: the optimizer's name, its settings (lr and the rest), and how many steps."""

    optimizer: str
    steps: int
    settings: Mapping[str, float] = field(default_factory=dict)


def _sgd(xp: Any, w: Any, g: Any, states: Sequence[Any], s: Mapping[str, Any]) -> tuple[Any, tuple[Any, ...]]:
    return w - xp.astype(s["lr"], w.dtype) * g, ()


def _momentum(xp: Any, w: Any, g: Any, states: Sequence[Any], s: Mapping[str, Any]) -> tuple[Any, tuple[Any, ...]]:
    lr, momentum = (xp.astype(s[name], w.dtype) for name in ("lr", "momentum"))
    velocity = momentum * states[0] + g
    return w - lr * velocity, (velocity,)


def _adam(xp: Any, w: Any, g: Any, states: Sequence[Any], s: Mapping[str, Any]) -> tuple[Any, tuple[Any, ...]]:
    """Kingma and Ba 2015, algorithm 1."""
    lr, beta1, beta2, eps = (xp.astype(s[name], w.dtype) for name in ("lr", "beta1", "beta2", "eps"))
    # The bias corrections are near 0 and are computed in double precision before the cast.
    left1, left2 = (xp.astype(1 - s[name] ** s["t"], w.dtype) for name in ("beta1", "beta2"))
    m = beta1 * states[0] + (1 - beta1) * g
    v = beta2 * states[1] + (1 - beta2) * xp.square(g)
    return w - lr * (m / left1) / (xp.sqrt(v / left2) + eps), (m, v)


OPTIMIZERS: dict[str, Optimizer] = {
    o.name: o
    for o in (
        Optimizer("sgd", (), {"lr": 0.01}, _sgd),
        Optimizer("momentum", ("velocity",), {"lr": 0.01, "momentum": 0.9}, _momentum),
        Optimizer("adam", ("m", "v"), {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}, _adam),
    )
}


class Update:
    """One parameter's update rule, traced for its shape and dtype."""

    def __init__(self, training: Training, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.optimizer = OPTIMIZERS[training.optimizer]
        self.settings = {**self.optimizer.settings, **training.settings}
        self.xp = Trace(PRIMS)
        double = np.dtype(np.float64)
        self.w, self.g = self.xp.leaf("w", shape, dtype), self.xp.leaf("g", shape, dtype)
        self.states = [self.xp.leaf(name, shape, dtype) for name in self.optimizer.states]
        self.scalars = {name: self.xp.leaf(name, (), double) for name in (*self.settings, "t")}
        self.result, self.new_states = self.optimizer.step(self.xp, self.w, self.g, self.states, self.scalars)

    def text(self, name: str) -> str:
        """The rule as a formula: `W - lr * ∂W`."""
        names = {id(self.w): name, id(self.g): f"∂{name}"}
        names |= {id(leaf): leaf.name for leaf in (*self.states, *self.scalars.values())}
        names |= {id(e): state for e, state in zip(self.new_states, self.optimizer.states, strict=True)}
        return write(self.result, lambda e: names.get(id(e)), FORMULA)

    def run(self, w: Array, g: Array, states: Sequence[Array], t: int) -> tuple[Array, tuple[Array, ...]]:
        """The new parameter and optimizer states at step `t`, which counts from 1."""
        known: dict[int, Any] = {id(self.w): w, id(self.g): g}
        known |= {id(leaf): value for leaf, value in zip(self.states, states, strict=True)}
        known |= {id(leaf): np.asarray(self.settings.get(n, float(t))) for n, leaf in self.scalars.items()}
        roots = (self.result, *self.new_states)
        for e in roots:
            known = worked_out(e, known)
        out = [np.asarray(known[id(e)]) for e in roots]
        return out[0], tuple(out[1:])
