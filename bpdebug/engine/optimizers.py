"""Update rules, traced like every other rule, so that what is shown is what is computed.

Names, defaults and formulas are PyTorch's (torch.optim), but for momentum's 0.9 and the learning rate of sgd, 0.01.
Constants such as 1 - beta2 are formed in double precision and cast last: in float32 1 - 0.999 is off by 6.8e-6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct, field

from bpdebug.translation import N_

Number = float | Sequence[float]
States = dict[str, Any]
Old = Callable[[str], Any]
Cast = Callable[[Any], Any]
DOUBLE = np.dtype(np.float64)


class Optimizer(Struct, frozen=True, eq=False):
    """`step(xp, cast, w, g, old, s)` gives the new parameter and the new states, by name.

    `cast` gives a number the parameter's dtype, `old` a state as it was, zeros at first. `s` holds the settings in
    double precision, and `t`, the number of the step from 1; one that is off (0 or false, as by default) is not in it.
    Weight decay is added to the gradient before, unless it is `decoupled`. `says` is what the rule does, in a sentence.
    """

    name: str
    says: str
    settings: Mapping[str, float]
    step: Callable[[Any, Cast, Any, Any, Old, Mapping[str, Any]], tuple[Any, States]]
    decoupled: bool = False

    def settings_of(self, given: Mapping[str, Number]) -> dict[str, Number]:
        """All settings of this optimizer, its own first: those that are given, the defaults of the rest."""
        return {**self.settings, **COMMON, **self.settings, **given}


class Training(Struct, frozen=True):
    """What [train] says: the optimizer's name, its settings, and how many steps.

    `lr` is a number, or one a step.
    """

    optimizer: str
    steps: int
    settings: Mapping[str, Number] = field(default_factory=dict)


SAYS = {
    "weight_decay": N_("Weight decay pulls every cell towards 0"),
    "clip_norm": N_("Where the norm of all gradients together is above clip_norm, all are scaled down to it"),
    "clip_value": N_("No cell of the gradient counts for more than clip_value"),
    "nesterov": N_("Nesterov looks one step of the velocity ahead"),
    "dampening": N_("Dampening takes a share of every gradient but the first away"),
    "centered": N_("Centered subtracts the square of the average gradient, so that only the variance is divided by"),
    "lr_decay": N_("The decay lr_decay makes the learning rate smaller with every step"),
}
"""What settings do that are off by default, in a sentence each."""

COMMON = {"weight_decay": 0.0, "clip_norm": 0.0, "clip_value": 0.0}
"""Settings of every optimizer; adamw has its own weight decay."""


def clipped(xp: Any, cast: Cast, g: Any, s: Mapping[str, Any]) -> Any:
    """The gradient as torch.nn.utils.clip_grad_norm_ and then clip_grad_value_ leave it; `norm` is of all gradients."""
    if "clip_norm" in s:
        g = g * cast(xp.minimum(s["clip_norm"] / (s["norm"] + 1e-6), 1.0))
    if "clip_value" in s:
        most = cast(s["clip_value"])
        g = xp.minimum(xp.maximum(g, -most), most)
    return g


def norm(xp: Any, gradients: Sequence[Any]) -> Any:
    """The 2-norm of all gradients together, in double precision."""
    squares = [xp.sum(xp.square(xp.astype(g, DOUBLE))) for g in gradients]
    return xp.sqrt(squares[0] if len(squares) == 1 else xp.sum(xp.stack(squares, axis=0)))


def _sgd(xp: Any, cast: Cast, w: Any, g: Any, old: Old, s: Mapping[str, Any]) -> tuple[Any, States]:
    """Sutskever et al. 2013 as PyTorch has it: the learning rate stands outside, the first step is not dampened."""
    if "momentum" not in s:
        return w - cast(s["lr"]) * g, {}
    added = g
    if "dampening" in s:
        added = cast(xp.where(s["t"] == 1, 1.0, 1 - s["dampening"])) * g
    velocity = cast(s["momentum"]) * old("velocity") + added
    step = g + cast(s["momentum"]) * velocity if "nesterov" in s else velocity
    return w - cast(s["lr"]) * step, {"velocity": velocity}


def _adam(xp: Any, cast: Cast, w: Any, g: Any, old: Old, s: Mapping[str, Any]) -> tuple[Any, States]:
    """Kingma and Ba 2015, algorithm 1."""
    m = cast(s["beta1"]) * old("m") + cast(1 - s["beta1"]) * g
    v = cast(s["beta2"]) * old("v") + cast(1 - s["beta2"]) * xp.square(g)
    left1, left2 = (cast(1 - s[name] ** s["t"]) for name in ("beta1", "beta2"))
    return w - cast(s["lr"]) * (m / left1) / (xp.sqrt(v / left2) + cast(s["eps"])), {"m": m, "v": v}


def _adamw(xp: Any, cast: Cast, w: Any, g: Any, old: Old, s: Mapping[str, Any]) -> tuple[Any, States]:
    """Loshchilov and Hutter 2019: the weights shrink by themselves, and no moment hears of it."""
    shrunk = w * cast(1 - s["lr"] * s["weight_decay"]) if "weight_decay" in s else w
    return _adam(xp, cast, shrunk, g, old, s)


def _rmsprop(xp: Any, cast: Cast, w: Any, g: Any, old: Old, s: Mapping[str, Any]) -> tuple[Any, States]:
    """Hinton 2012, lecture 6; centered as in Graves 2013, equations 38 to 45."""
    left = cast(1 - s["alpha"])
    states = {"square": cast(s["alpha"]) * old("square") + left * xp.square(g)}
    spread = states["square"]
    if "centered" in s:
        states["average"] = cast(s["alpha"]) * old("average") + left * g
        spread = spread - xp.square(states["average"])
    step = g / (xp.sqrt(spread) + cast(s["eps"]))
    if "momentum" in s:
        step = states["velocity"] = cast(s["momentum"]) * old("velocity") + step
    return w - cast(s["lr"]) * step, states


def _adagrad(xp: Any, cast: Cast, w: Any, g: Any, old: Old, s: Mapping[str, Any]) -> tuple[Any, States]:
    """Duchi, Hazan and Singer 2011; the learning rate decays as 1 / (1 + (t - 1) lr_decay)."""
    total = old("sum") + xp.square(g)
    lr = s["lr"] / (1 + (s["t"] - 1) * s["lr_decay"]) if "lr_decay" in s else s["lr"]
    return w - cast(lr) * g / (xp.sqrt(total) + cast(s["eps"])), {"sum": total}


_HEAVY = {"dampening": 0.0, "nesterov": False}
_MOMENTS = {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}

OPTIMIZERS: dict[str, Optimizer] = {
    o.name: o
    for o in (
        Optimizer(
            "sgd", N_("A step against the gradient, lr long for each unit of it"),
            {"lr": 0.01, "momentum": 0.0, **_HEAVY}, _sgd,
        ),
        Optimizer(
            "momentum",
            N_(
                "The velocity is the sum of all gradients so far, each counted momentum times less with every step; "
                "the step is lr times that"
            ),
            {"lr": 0.01, "momentum": 0.9, **_HEAVY}, _sgd,
        ),
        Optimizer(
            "adam",
            N_(
                "The means m of the gradients and v of their squares begin at 0, which dividing by 1 - beta ** t makes "
                "up for; a cell whose gradients agree moves by about lr, however small they are"
            ),
            _MOMENTS, _adam,
        ),
        Optimizer(
            "adamw",
            N_("As adam, but weight decay shrinks the parameter itself and is no part of the gradient"),
            {**_MOMENTS, "weight_decay": 0.01}, _adamw, decoupled=True,
        ),
        Optimizer(
            "rmsprop",
            N_("Each cell's step is its gradient divided by the root of square, the mean of its squared gradients"),
            {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "centered": False}, _rmsprop,
        ),
        Optimizer(
            "adagrad",
            N_("Each cell's step is its gradient divided by the root of sum, of all its squared gradients so far"),
            {"lr": 0.01, "lr_decay": 0.0, "eps": 1e-10}, _adagrad,
        ),
    )
}  # fmt: skip
