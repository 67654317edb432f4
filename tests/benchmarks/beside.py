"""What looks at a training step beside us, by hand: `python -m tests.benchmarks.beside TOOL`.

A step with a custom Function whose backward is wrong, and one of a Transformer's encoder. Printed of each: what is kept
of the pass there and of the way back, whether the wrong node is named, and the processor time of a step to a plain one,
one thread, the median of steps that alternate. torchlens wraps PyTorch for good: a process for each.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

Module: Any = nn.Module
Function: Any = torch.autograd.Function
STEPS = 9


class Product(Function):  # type: ignore[misc]  # torch's types are not looked at
    """A product that forgets a transpose on the way back."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any) -> Any:
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, w = ctx.saved_tensors
        return g @ w, x.T @ g


class Wrong(Module):  # type: ignore[misc]  # as above
    def __init__(self) -> None:
        super().__init__()
        self.a, self.w, self.b = nn.Linear(4, 4), nn.Parameter(torch.randn(4, 4)), nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.b(Product.apply(torch.tanh(self.a(x)), self.w))


def encoder() -> tuple[Any, Any]:
    layer = nn.TransformerEncoderLayer(256, 4, 1024, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, 2), torch.randn(8, 64, 256)


def plain(model: Any, x: Any) -> str:
    model(x).square().mean().backward()
    return ""


def torchlens(model: Any, x: Any) -> str:
    tl, options = import_module("torchlens"), import_module("torchlens.options")
    capture = options.CaptureOptions(backward_ready=True, save_grads="all")
    trace = tl.trace(model, x, capture=capture)
    trace.log_backward(trace[trace.output_layers[0]].out.square().mean())
    return f"{len(trace.layers)} tensors, {trace.num_saved_grad_layers} gradients; none is judged"


def tensorboard(model: Any, x: Any) -> str:
    writing = import_module("torch.utils.tensorboard")
    with tempfile.TemporaryDirectory() as folder, writing.SummaryWriter(folder) as writer:
        plain(model, x)
        for name, parameter in model.named_parameters():
            writer.add_histogram(name, parameter.grad, 0)
        writer.flush()
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    return f"{len(list(model.parameters()))} histograms of parameters' gradients, {size:,} bytes; none is judged"


def bpdebug(model: Any, x: Any) -> str:
    ours = import_module("bpdebug")
    with ours.watch(model) as watched:
        plain(model, x)
    timeline, rows = watched.timeline, watched.differences()
    named = ", ".join(f"{row.function} at {row.line}" for row in rows) or "none is wrong"
    return f"{len(timeline.graph.nodes)} tensors, {len(timeline)} events; {named}"


def ratio(step: Callable[[Any, Any], str], model: Any, x: Any) -> float:
    """The median of steps to plain ones."""
    found = []
    for _ in range(STEPS):
        times = []
        for each in (plain, step):
            model.zero_grad()
            began = time.process_time()
            each(model, x)
            times.append(time.process_time() - began)
        found.append(times[1] / times[0])
    return statistics.median(found)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    step = {f.__name__: f for f in (torchlens, tensorboard, bpdebug)}[sys.argv[1]]
    print(step(Wrong(), torch.randn(5, 4)))
    print(step(*encoder()))
    print(f"{ratio(step, *encoder()):.2f} times a plain step")
