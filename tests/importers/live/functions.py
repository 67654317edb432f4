"""Custom Functions whose backward is wrong in one way each, and the right step that each stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Function: Any = torch.autograd.Function
WRONG: dict[str, Callable[..., Any]] = {}
"""What is wrong -> the stage that has it: a tensor of 8 by 8 and a matrix of parameters, to a tensor of 8 by 8."""


def planted(forward: Callable[..., Any], backward: Callable[..., Any], name: str) -> Any:
    """A Function of its operands: `backward(g, y, *operands)` gives what it hands to them."""

    def go(ctx: Any, *operands: Any) -> Any:
        y = forward(*operands)
        ctx.save_for_backward(y, *operands)
        return y

    def back(ctx: Any, g: Any) -> Any:
        return backward(g, *ctx.saved_tensors)

    return type(name, (Function,), {"forward": staticmethod(go), "backward": staticmethod(back)})


def wrong(name: str, forward: Callable[..., Any], backward: Callable[..., Any], stage: Any = None) -> None:
    """Puts one into the table; `stage(apply, x, w)` says how it is used, by default on x alone."""
    made = planted(forward, backward, "".join(word.title() for word in name.split()))
    use = stage or (lambda apply, x, w: apply(x) @ w)
    WRONG[name] = lambda x, w: use(made.apply, x, w)


def product(apply: Any, x: Any, w: Any) -> Any:
    return apply(x, w)


def gelu_slope_of_tanh(x: Any) -> Any:
    """The derivative of gelu's approximation by tanh."""
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(torch.nn.functional.gelu(x, approximate="tanh").sum(), x)
    return slope


def softmax_back(g: Any, y: Any, axis: int) -> Any:
    return y * (g - (g * y).sum(axis, keepdim=True))


class SavedOverwritten(Function):  # type: ignore[misc]  # torch's types are not looked at
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.buffer = x.clone()
        y = ctx.buffer * ctx.buffer
        ctx.buffer.mul_(0.5)
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return 2 * g * ctx.buffer


EPS = 0.1
wrong("transpose of w missing", torch.matmul, lambda g, y, x, w: (g @ w, x.T @ g), product)
wrong("transpose of x missing", torch.matmul, lambda g, y, x, w: (g @ w.T, x @ g), product)
wrong("dw turned", torch.matmul, lambda g, y, x, w: (g @ w.T, (x.T @ g).T), product)
wrong("mask shifted", torch.relu, lambda g, y, x: g * (x > 0).roll(1, 1))
wrong("mask absent", torch.relu, lambda g, y, x: g)
wrong("factor", torch.tanh, lambda g, y, x: 2 * g * (1 - y * y))
wrong("a part in a thousand", torch.tanh, lambda g, y, x: 1.001 * g * (1 - y * y))
wrong("sign", torch.sin, lambda g, y, x: -g * torch.cos(x))
wrong(
    "mean for sum", lambda x: x.sum(0, keepdim=True), lambda g, y, x: g.expand_as(x) / x.shape[0],
    lambda apply, x, w: x @ w + apply(x),
)  # fmt: skip
wrong(
    "sum over the broadcast axis forgotten", lambda x, b: x + b, lambda g, y, x, b: (g, g[:1]),
    lambda apply, x, w: apply(x, w[:1]),
)  # fmt: skip
wrong("operands swapped", torch.mul, lambda g, y, x, w: (g * x, g * w), product)
WRONG["saved tensor overwritten"] = lambda x, w: SavedOverwritten.apply(x) @ w
wrong("value for gradient", torch.tanh, lambda g, y, x: g * (1 - x * x))
wrong("wrong axis", lambda x: torch.softmax(x, 1), lambda g, y, x: softmax_back(g, y, 0))
wrong("diagonal of softmax only", lambda x: torch.softmax(x, 1), lambda g, y, x: g * y * (1 - y))
wrong("gelu approximated", torch.nn.functional.gelu, lambda g, y, x: g * gelu_slope_of_tanh(x))
wrong("clip at one bound", lambda x: x.clamp(-0.02, 0.02), lambda g, y, x: g * (x < 0.02))
wrong(
    "eps inside for outside", lambda x: x / (x.square().mean(1, keepdim=True).sqrt() + EPS),
    lambda g, y, x: inside(g, x),
)  # fmt: skip
wrong(
    "stride ignored", lambda x: x[:, ::2], lambda g, y, x: torch.cat([g, torch.zeros_like(g)], 1),
    lambda apply, x, w: torch.cat([apply(x), apply(w)], 1),
)  # fmt: skip
wrong("detach where none belongs", lambda x: x * torch.sigmoid(x), lambda g, y, x: g * torch.sigmoid(x))
wrong("nothing handed", torch.matmul, lambda g, y, x, w: (g @ w.T, None), product)
wrong("straight through", lambda x: (x > 0).to(x.dtype), lambda g, y, x: g)


def inside(g: Any, x: Any) -> Any:
    """What x / sqrt(mean(x²) + eps) hands to x."""
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        (found,) = torch.autograd.grad(x / (x.square().mean(1, keepdim=True) + EPS).sqrt(), x, g)
    return found
