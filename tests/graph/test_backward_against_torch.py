"""Gradients of gradients against PyTorch's create_graph, in float64: values, and what comes back through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bpdebug

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
F = torch.nn.functional

SHAPES = {
    "X": (4, 3), "W": (3, 5), "b": (5,), "V": (5, 1), "img": (2, 2, 5, 5), "K": (3, 2, 3, 3), "c": (3,),
    "table": (6, 3), "q": (2, 3), "T": (4, 5), "g": (2,),
}  # fmt: skip
RNG = np.random.default_rng(7)
ARRAYS = {name: RNG.normal(size=shape) for name, shape in SHAPES.items()}
IDS = np.array([0, 2, 2, 5])
PENALTY = "P = mean((norm(G, axis=1) - 1) ** 2)"


def penalty(g: Any) -> Any:
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def grad(y: Any, x: Any, v: Any = None) -> Any:
    return torch.autograd.grad(y, x, grad_outputs=v, create_graph=True)[0]


def network(act: str, word: Callable[..., Any]) -> tuple[str, Callable[..., Any]]:
    program = f"H = {act}\ny = sum(H @ V)\nG = grad(y, X)\n{PENALTY}"
    return program, lambda X, W, b, V, **_: penalty(grad((word(X @ W + b) @ V).sum(), X))


def conv(img: Any, K: Any, c: Any, **_: Any) -> Any:
    y = torch.tanh(F.conv2d(img, K, c, stride=2, padding=1)).square().sum()
    return penalty(grad(y, img))


def softmaxed(X: Any, W: Any, b: Any, T: Any, **_: Any) -> Any:
    g = grad(F.cross_entropy(X @ W + b, torch.softmax(T, 1)), X)
    return g.square().sum() + grad(g.square().sum(), W).square().sum()


def normed(X: Any, W: Any, b: Any, **_: Any) -> Any:
    return penalty(grad((F.layer_norm(X @ W, (5,), b) ** 3).sum(), X))


def attention(X: Any, W: Any, q: Any, **_: Any) -> Any:
    y = torch.softmax(q @ X.T, -1) @ (X @ W)
    return grad((y**2).sum(), X).square().sum()


def looked_up(table: Any, V: Any, **_: Any) -> Any:
    rows = table[torch.from_numpy(IDS)]
    return grad((torch.sigmoid(rows).sum(1) ** 3).sum(), table).square().sum()


def third(X: Any, W: Any, **_: Any) -> Any:
    y = torch.tanh(X @ W).sum()
    first = grad(y, X)
    second = grad((first**2).sum(), X)
    return (second**3).sum()


def double_back(X: Any, W: Any, b: Any, T: Any, **_: Any) -> Any:
    """Forward mode out of two backward passes: the gradient with respect to what comes in."""
    y, v = torch.tanh(X @ W + b), T * 1
    g = grad(y, X, v)
    return (grad(g, v, X * X) ** 2).sum()


def products(X: Any, W: Any, **_: Any) -> Any:
    z = X * (X > 0)
    y = z.prod(1).sum() + torch.cumprod(z, 0).sum() + torch.cumsum(W, 1).prod(0).sum()
    return grad(y, X).square().sum() + grad(y, W).square().sum()


def normed_batch(img: Any, g: Any, **_: Any) -> Any:
    y = (F.batch_norm(img, None, None, g, training=True) ** 3).sum()
    return grad(y, img).square().sum() + (grad(y, g) ** 3).sum()


def pooled(img: Any, **_: Any) -> Any:
    y = (F.max_pool2d(img, 3, 2, 1) ** 3).sum() + (F.adaptive_avg_pool2d(img, (4, 3)) ** 3).sum()
    return grad(y, img).square().sum()


def attended(X: Any, T: Any, **_: Any) -> Any:
    q, k = X.reshape(1, 4, 3), X.tanh().reshape(1, 4, 3)
    y = (torch.softmax(q @ k.mT / 3**0.5, -1) @ T.reshape(1, 4, 5)).pow(3).sum()
    return grad(y, X).square().sum() + grad(y, T).square().sum()


CASES: dict[str, tuple[str, Callable[..., Any]]] = {
    "tanh": network("tanh(X @ W + b)", torch.tanh),
    "sigmoid": network("sigmoid(X @ W + b)", torch.sigmoid),
    "softplus": network("softplus(X @ W + b)", F.softplus),
    "gelu": network("gelu(X @ W + b)", F.gelu),
    "gelu tanh": network('gelu(X @ W + b, approximate="tanh")', lambda x: F.gelu(x, approximate="tanh")),
    "relu": network("relu(X @ W + b)", torch.relu),
    "silu": network("silu(X @ W + b)", F.silu),
    "elu": network("elu(X @ W + b)", F.elu),
    "conv2d": (
        "y = sum(square(tanh(conv2d(img, K, c, stride=2, padding=1))))\nG = flatten(grad(y, img), 1)\n" + PENALTY, conv,
    ),
    "softmax": (
        "y = cross_entropy(X @ W + b, softmax(T))\nG = grad(y, X)\nn = sum(square(G))\n"
        "P = n + sum(square(grad(n, W)))", softmaxed,
    ),
    "layer_norm": ("y = sum(layer_norm(X @ W, b) ** 3)\nG = grad(y, X)\n" + PENALTY, normed),
    "attention": ("y = softmax(q @ X.T) @ (X @ W)\nP = sum(square(grad(sum(y ** 2), X)))", attention),
    "embedding": (
        "y = sum(sum(sigmoid(embedding(table, ids)), axis=1) ** 3)\nP = sum(square(grad(y, table)))", looked_up,
    ),
    "batch_norm": (
        "y = sum(batch_norm(img, g) ** 3)\nGi, Gg = grad(y, (img, g))\nP = sum(Gi ** 2) + sum(Gg ** 3)", normed_batch,
    ),
    "pools": (
        "y = sum(max_pool2d(img, 3, stride=2, padding=1) ** 3) + sum(adaptive_avg_pool2d(img, (4, 3)) ** 3)\n"
        "P = sum(square(grad(y, img)))", pooled,
    ),
    "scaled_dot_product_attention": (
        "Q = reshape(X, (1, 4, 3))\nk = reshape(tanh(X), (1, 4, 3))\nv = reshape(T, (1, 4, 5))\n"
        "y = sum(scaled_dot_product_attention(Q, k, v) ** 3)\nGX, GT = grad(y, (X, T))\n"
        "P = sum(square(GX)) + sum(square(GT))", attended,
    ),
    "third order": (
        "y = sum(tanh(X @ W))\nG = grad(y, X)\nG2 = grad(sum(G ** 2), X)\nP = sum(G2 ** 3)", third,
    ),
    "forward mode": (
        "v = T * 1\ny = tanh(X @ W + b)\nG = grad(y, X, v)\nP = sum(grad(G, v, incoming=X * X) ** 2)", double_back,
    ),
    "products with zeros": (
        "z = X * where(X > 0, 1, 0 * X)\ny = sum(prod(z, axis=1)) + sum(cumprod(z, axis=0)) "
        "+ sum(prod(cumsum(W, axis=1), axis=0))\nGX, GW = grad(y, (X, W))\nP = sum(square(GX)) + sum(square(GW))",
        products,
    ),
}  # fmt: skip


def opened(program: str) -> bpdebug.Timeline:
    tensors = "".join(f"{n} = {a.tolist()}\n" for n, a in ARRAYS.items())
    ids = f'ids = {{ value = {IDS.tolist()}, dtype = "int64" }}\n'
    head = "format = 1\nconventions = 'torch'\n"
    text = f"{head}[inputs]\n{tensors}{ids}[graph]\nloss = \"P\"\nprogram = '''\n{program}\n'''\n"
    return bpdebug.run(bpdebug.load(text))


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_of_a_gradient_is_pytorchs(case: str) -> None:
    program, word = CASES[case]
    timeline = opened(program)
    leaves = {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in ARRAYS.items()}
    loss = word(**leaves)
    loss.backward()
    assert timeline.loss == pytest.approx(loss.item(), rel=1e-9)
    for name, leaf in leaves.items():
        found = timeline.grad(name)
        wanted = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
        found = np.zeros(leaf.shape) if found is None else found
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12, err_msg=name)
