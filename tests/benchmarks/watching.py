"""What watching a training step of PyTorch's costs, by hand: `python -m tests.benchmarks.watching`.

Ratios of a watched step to a plain one, of processor time in one process and one thread: steps of both kinds alternate,
and the median of the pairs' ratios counts. The largest of what is asked is 1.3 for ResNet-18 and 4 for a tiny GPT-2.
"""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

import bpdebug

Module: Any = nn.Module


class Basic(Module):  # type: ignore[misc]  # torch's types are not looked at
    """ResNet's basic block."""

    def __init__(self, before: int, behind: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, behind, 3, stride, 1, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(behind), nn.ReLU(inplace=True)
        self.conv2, self.bn2 = nn.Conv2d(behind, behind, 3, 1, 1, bias=False), nn.BatchNorm2d(behind)
        plain = stride == 1 and before == behind
        wide = nn.Sequential(nn.Conv2d(before, behind, 1, stride, bias=False), nn.BatchNorm2d(behind))
        self.shortcut = nn.Identity() if plain else wide

    def forward(self, x: Any) -> Any:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.shortcut(x))


def resnet18() -> tuple[Any, Any, Any]:
    stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
    sizes = [(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)]
    blocks = [b for before, behind, stride in sizes for b in (Basic(before, behind, stride), Basic(behind, behind, 1))]
    model = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    return model, torch.randn(16, 3, 64, 64), torch.arange(16) % 10


class GptBlock(Module):  # type: ignore[misc]  # as above
    """GPT-2's block."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads, self.ln_1, self.ln_2 = heads, nn.LayerNorm(size), nn.LayerNorm(size)
        self.c_attn, self.c_proj = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.up, self.down, self.drop = nn.Linear(size, 4 * size), nn.Linear(4 * size, size), nn.Dropout(0.1)

    def forward(self, x: Any) -> Any:
        parts = self.c_attn(self.ln_1(x)).split(x.shape[2], dim=2)
        q, k, v = (p.unflatten(2, (self.heads, -1)).transpose(1, 2) for p in parts)
        x = x + self.drop(
            self.c_proj(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        )
        return x + self.drop(self.down(F.gelu(self.up(self.ln_2(x)), approximate="tanh")))


class Gpt(Module):  # type: ignore[misc]  # as above
    def __init__(self, layers: int, size: int, heads: int, words: int) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(words, size), nn.Embedding(64, size)
        self.h, self.ln_f = nn.Sequential(*(GptBlock(size, heads) for _ in range(layers))), nn.LayerNorm(size)

    def forward(self, ids: Any) -> Any:
        x = self.h(self.wte(ids) + self.wpe(torch.arange(ids.shape[1])))
        return F.linear(self.ln_f(x), self.wte.weight).flatten(0, 1)


def gpt_tiny() -> tuple[Any, Any, Any]:
    ids = torch.randint(64, (2, 16))
    return Gpt(2, 32, 2, 64), ids, ids.roll(-1, 1).flatten()


def ratio(make: Callable[[], tuple[Any, Any, Any]], pairs: int) -> tuple[float, float]:
    """Seconds of a plain step, and how many times that a watched one takes."""
    model, x, target = make()

    def step() -> None:
        model.zero_grad(set_to_none=True)
        F.cross_entropy(model(x), target).backward()

    def watched() -> None:
        with bpdebug.watch(model):
            step()

    ratios, plain = [], []
    for n in range(pairs + 2):
        a = time.process_time()
        watched()
        b = time.process_time()
        step()
        c = time.process_time()
        if n >= 2:
            ratios.append((b - a) / (c - b))
            plain.append(c - b)
    return statistics.median(plain), statistics.median(ratios)


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(f"torch {torch.__version__}, load of the machine {os.getloadavg()[0]:.1f}")
    for name, make, pairs in (("GPT-2, tiny", gpt_tiny, 60), ("ResNet-18, 64 x 64, batch 16", resnet18, 12)):
        plain, times = ratio(make, pairs)
        print(f"{name:30} plain {1e3 * plain:7.1f} ms   watched {times:.2f}x")
