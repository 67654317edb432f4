"""Combinations of an optimizer's settings, by what they show; two tests go through them."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.arrays import DType
from bpdebug.engine import Timeline, Training
from bpdebug.graph import Graph
from tests.graphs import DOUBLE, make, step

STEPS = 50
RNG = np.random.default_rng(4)
X, T = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))
W, B = RNG.normal(size=(3, 2)), RNG.normal(size=2)
FALLING = [0.2 / (1 + 0.1 * t) for t in range(STEPS)]

TABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("sgd", {"lr": 0.05}),
    "sgd, decay": ("sgd", {"lr": 0.05, "weight_decay": 0.1}),
    "sgd, momentum": ("sgd", {"lr": 0.05, "momentum": 0.5}),
    "sgd, a rate a step": ("sgd", {"lr": FALLING}),
    "momentum": ("momentum", {"lr": 0.02, "momentum": 0.9}),
    "momentum, dampening": ("momentum", {"lr": 0.05, "momentum": 0.8, "dampening": 0.4}),
    "momentum, dampening, decay": ("momentum", {"lr": 0.05, "momentum": 0.8, "dampening": 0.4, "weight_decay": 0.2}),
    "nesterov": ("momentum", {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    "nesterov, decay, a rate a step": ("sgd", {"lr": FALLING, "momentum": 0.3, "nesterov": True, "weight_decay": 0.1}),
    "adam": ("adam", {"lr": 0.05}),
    "adam, betas": ("adam", {"lr": 0.05, "beta1": 0.5, "beta2": 0.9, "eps": 1e-3}),
    "adam, no betas": ("adam", {"lr": 0.01, "beta1": 0.0, "beta2": 0.0}),
    "adam, decay": ("adam", {"lr": 0.05, "weight_decay": 0.3}),
    "adam, a rate a step": ("adam", {"lr": FALLING}),
    "adamw": ("adamw", {"lr": 0.05, "weight_decay": 0.01}),
    "adamw, decay": ("adamw", {"lr": 0.05, "weight_decay": 0.5}),
    "adamw, no decay": ("adamw", {"lr": 0.05, "weight_decay": 0.0}),
    "rmsprop": ("rmsprop", {"lr": 0.01}),
    "rmsprop, decay": ("rmsprop", {"lr": 0.003, "alpha": 0.97, "eps": 1e-6, "weight_decay": 0.1}),
    "rmsprop, centered": ("rmsprop", {"lr": 0.01, "centered": True}),
    "rmsprop, momentum": ("rmsprop", {"lr": 0.005, "momentum": 0.7}),
    "rmsprop, all": ("rmsprop", {"lr": 0.005, "momentum": 0.7, "centered": True, "weight_decay": 0.1, "alpha": 0.95}),
    "adagrad": ("adagrad", {"lr": 0.1}),
    "adagrad, decay": ("adagrad", {"lr": 0.2, "lr_decay": 0.1, "weight_decay": 0.1, "eps": 1e-6}),
    "norm clipped": ("sgd", {"lr": 0.05, "clip_norm": 0.5}),
    "norm clipped never": ("sgd", {"lr": 0.05, "clip_norm": 1e6}),
    "norm clipped, adam": ("adamw", {"lr": 0.05, "clip_norm": 0.1, "weight_decay": 0.1}),
    "value clipped": ("momentum", {"lr": 0.02, "momentum": 0.9, "clip_value": 0.2}),
    "both clipped": ("rmsprop", {"lr": 0.01, "clip_norm": 0.8, "clip_value": 0.3, "weight_decay": 0.1}),
}


def regression(dtype: DType = DOUBLE) -> Graph:
    """L = mean((X @ W + b - T) ** 2), W and b to be trained."""
    leaves = {n: a.astype(dtype) for n, a in {"X": X, "T": T, "W": W, "b": B}.items()}
    return make(
        leaves,
        step("Y", "matmul", "X", "W"), step("Z", "add", "Y", "b"), step("D", "sub", "Z", "T"), step("S", "square", "D"),
        step("L", "mean", "S"), loss="L", parameters=["W", "b"],
    )  # fmt: skip


def trained(name: str, dtype: DType = DOUBLE) -> Timeline:
    """The regression after all steps with the settings of a row."""
    optimizer, settings = TABLE[name]
    return Timeline(regression(dtype), training=Training(optimizer, STEPS, settings))
