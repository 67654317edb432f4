"""Small models with a stage of 8 by 8 in the middle, in which something can be planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

Module: Any = nn.Module
Stage = Callable[[Any, Any], Any]
CLASSES = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3])


def plain(x: Any, w: Any) -> Any:
    """The stage in which nothing is planted."""
    return torch.tanh(x) @ w


class Staged(Module):  # type: ignore[misc]  # torch's types are not looked at
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.w = stage, nn.Parameter(0.5 * torch.randn(8, 8))

    def forward(self, x: Any) -> Any:
        return self.stage(x, self.w)


class Attention(Module):  # type: ignore[misc]  # as above
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: Any) -> Any:
        q, k, v = (p.unflatten(2, (2, 4)).transpose(1, 2) for p in self.qkv(self.norm(x)).split(8, dim=2))
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return x + self.out(heads.transpose(1, 2).flatten(2))


class TinyGpt(Module):  # type: ignore[misc]  # as above
    """A block of GPT-2 on two sequences of four tokens, its head tied to its embedding."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(10, 8), nn.Embedding(4, 8)
        self.attention, self.norm, self.staged = Attention(), nn.LayerNorm(8), Staged(stage)
        self.up, self.down, self.last = nn.Linear(8, 16), nn.Linear(16, 8), nn.LayerNorm(8)

    def forward(self, ids: Any) -> Any:
        x = self.attention(self.tokens(ids) + self.places(torch.arange(4)))
        x = x + self.staged(self.norm(x).flatten(0, 1)).unflatten(0, (2, 4))
        x = x + self.down(F.gelu(self.up(x), approximate="tanh"))
        return F.linear(self.last(x), self.tokens.weight).flatten(0, 1)


def mlp(stage: Stage) -> tuple[Any, Any]:
    layers = nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 8), Staged(stage), nn.ReLU(), nn.Linear(8, 4)
    return nn.Sequential(*layers), torch.randn(8, 6)


def lenet(stage: Stage) -> tuple[Any, Any]:
    convolutions = nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AvgPool2d(2)
    layers = nn.Flatten(), nn.Linear(12, 8), Staged(stage), nn.Linear(8, 4)
    return nn.Sequential(*convolutions, *layers), torch.randn(8, 1, 14, 14)


def gpt(stage: Stage) -> tuple[Any, Any]:
    return TinyGpt(stage), torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])


NETS: dict[str, Callable[[Stage], tuple[Any, Any]]] = {"mlp": mlp, "lenet": lenet, "gpt": gpt}


def loss_of(model: Any, x: Any) -> Any:
    return F.cross_entropy(model(x), CLASSES)
