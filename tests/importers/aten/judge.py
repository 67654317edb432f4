"""The judge of imported models: PyTorch's own loss and gradients, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import bpdebug
from bpdebug.scenario import Scenario


def judged(model: Any, args: tuple[Any, ...], loss: Callable[[Any], Any], *, seed: int = 0) -> Scenario:
    """The scenario of a model whose loss and gradients are torch's; AssertionError with the first that is not."""
    import torch  # where a test has found it

    torch.manual_seed(seed)
    scenario = bpdebug.from_torch(model, args, loss)
    torch.manual_seed(seed)
    compare(scenario, model, args, loss)
    return scenario


def compare(scenario: Scenario, model: Any, args: tuple[Any, ...], loss: Callable[[Any], Any]) -> None:
    """The loss to 1e-12, each leaf's gradient to 1e-9 of its largest cell (or of 1e-6 of the graph's largest)."""
    wanted = dict(model.named_parameters())
    names = {leaf.name: leaf for leaf in scenario.graph.leaves}
    for position, x in enumerate(x for x in args if x.is_floating_point()):
        name = [leaf.name for leaf in scenario.graph.leaves if leaf.kind == "input"][position]
        wanted[name] = x.requires_grad_(True)
    for tensor in wanted.values():
        tensor.grad = None
    out = loss(model(*args))
    out.backward()
    timeline = bpdebug.run(scenario)
    assert timeline.loss is not None
    assert abs(float(timeline.loss) - out.item()) <= 1e-12 * max(1.0, abs(out.item())), "loss"
    largest = max(float(t.grad.abs().max()) for t in wanted.values() if t.grad is not None)
    for name, tensor in wanted.items():
        assert name in names, name
        mine, theirs = timeline.grad(name), tensor.grad
        mine = np.zeros(tensor.shape) if mine is None else mine
        theirs = np.zeros(tensor.shape) if theirs is None else theirs.numpy()
        assert mine.shape == theirs.shape, name
        error = float(np.abs(mine - theirs).max()) / max(float(np.abs(theirs).max()), 1e-6 * largest)
        assert error <= 1e-9, f"{name}: {error}"
