"""The same networks in other libraries, where they are installed (the extra `benchmark`), for the tables of road.py."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from bpdebug.arrays import Array

Runs = dict[str, Callable[[], Any]]


def mlp(leaves: dict[str, Array]) -> Runs:
    """The MLP of road.py, its loss and the gradient of every leaf."""
    found: Runs = {}
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        X, T, W0, b0, W1, b1, W2, b2 = own = [torch.tensor(a, requires_grad=True) for a in leaves.values()]

        def eager() -> Any:
            h = torch.relu(torch.relu(X @ W0 + b0) @ W1 + b1)
            loss = -(T * torch.log_softmax(h @ W2 + b2, dim=-1)).sum(dim=-1).mean()
            return loss.item(), torch.autograd.grad(loss, own)

        found["torch eager"] = eager
    if find_spec("jax"):
        import jax
        import jax.numpy as jnp

        def loss(leaves: Any) -> Any:
            X, T, W0, b0, W1, b1, W2, b2 = leaves
            h = jax.nn.relu(jax.nn.relu(X @ W0 + b0) @ W1 + b1)
            return -jnp.mean(jnp.sum(T * jax.nn.log_softmax(h @ W2 + b2), axis=-1))

        both, given = jax.jit(jax.value_and_grad(loss)), tuple(map(jnp.asarray, leaves.values()))
        found["jax jit"] = lambda: jax.block_until_ready(both(given))
    return found


def chain(leaves: dict[str, Array], turns: int) -> Runs:
    """The chain of road.py, its loss and the gradient of every leaf."""
    found: Runs = {}
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        X, W, b = own = [torch.tensor(a, requires_grad=True) for a in leaves.values()]

        def eager() -> Any:
            h = X
            for _ in range(turns):
                h = torch.tanh(h @ W + b)
            return torch.autograd.grad(h.sum(), own)

        found["torch eager"] = eager
    if find_spec("autograd"):
        import autograd.numpy as anp
        from autograd import grad

        def forward(X: Any, W: Any, b: Any) -> Any:
            h = X
            for _ in range(turns):
                h = anp.tanh(anp.dot(h, W) + b)
            return anp.sum(h)

        gradients = grad(forward, (0, 1, 2))
        found["autograd"] = lambda: gradients(*leaves.values())
    if find_spec("mygrad"):
        import mygrad

        def graph() -> Any:
            X, W, b = own = [mygrad.tensor(a) for a in leaves.values()]
            h = X
            for _ in range(turns):
                h = mygrad.tanh(h @ W + b)
            h.sum().backward()
            return [a.grad for a in own]

        found["MyGrad"] = graph
    if find_spec("jax"):
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def loss(leaves: Any) -> Any:
            X, W, b = leaves
            return jnp.sum(jax.lax.scan(lambda h, _: (jnp.tanh(h @ W + b), None), X, length=turns)[0])

        both, given = jax.jit(jax.value_and_grad(loss)), tuple(map(jnp.asarray, leaves.values()))
        found["jax jit"] = lambda: jax.block_until_ready(both(given))
    return found
