"""Small models in plain JAX, with their parameters and data: of the kinds that people have."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

RNG = np.random.default_rng(0)
NHWC = ("NHWC", "HWIO", "NHWC")


def n(*shape: int) -> Any:
    return 0.5 * RNG.normal(size=shape)


def ids(size: int, *shape: int) -> Any:
    return RNG.integers(size, size=shape)


def rms(x: Any, gain: Any) -> Any:
    return x * lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-6) * gain


def layer_norm(x: Any, gain: Any, shift: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5) * gain + shift


def picked(logits: Any, y: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[..., None], -1))


def mlp(params: Any, x: Any, y: Any) -> Any:
    h = x
    for i, layer in enumerate(params["layers"]):
        with jax.named_scope(f"layer{i}"):
            h = h @ layer["w"] + layer["b"]
            h = jax.nn.relu(h) if i == 0 else h
    return picked(h, y)


def rope(x: Any) -> Any:
    size = x.shape[-1]
    angle = jnp.arange(x.shape[1])[:, None] / 10000 ** (jnp.arange(0, size, 2) / size)
    (a, b), cos, sin = jnp.split(x, 2, -1), jnp.cos(angle)[:, None], jnp.sin(angle)[:, None]
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1)


def llama(params: Any, x: Any, y: Any) -> Any:
    """A block with RMSNorm, rotary positions, causal attention and SwiGLU, between an embedding and its transpose."""
    h, p = params["embedding"][x], params["block"]
    z = rms(h, p["n1"])
    q, k, v = (jnp.einsum("btd,dhk->bthk", z, p[w]) for w in ("wq", "wk", "wv"))
    scores = jnp.einsum("bqhd,bkhd->bhqk", rope(q), rope(k)) / np.sqrt(q.shape[-1])
    scores = jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], bool)), scores, -jnp.inf)
    h = h + jnp.einsum("bhqk,bkhd,hde->bqe", jax.nn.softmax(scores), v, p["wo"])
    z = rms(h, p["n2"])
    h = h + (jax.nn.silu(z @ p["w1"]) * (z @ p["w3"])) @ p["w2"]
    return picked(rms(h, params["norm"]) @ params["embedding"].T, y)


def vae(params: Any, x: Any, key: Any) -> Any:
    mean, spread = jnp.split(jnp.tanh(x @ params["encode"]) @ params["mixed"], 2, -1)
    z = mean + jnp.exp(0.5 * spread) * jax.random.normal(key, mean.shape)
    out = jax.nn.sigmoid(jax.nn.relu(z @ params["decode"]) @ params["out"])
    likelihood = jnp.mean(x * jnp.log(out) + (1 - x) * jnp.log1p(-out))
    return -likelihood - 0.5 * jnp.mean(1 + spread - mean**2 - jnp.exp(spread))


def conv_net(params: Any, x: Any, y: Any) -> Any:
    """Convolutions with channels last, a max pool, batch statistics."""
    h = jax.nn.relu(lax.conv_general_dilated(x, params["c1"], (1, 1), "SAME", dimension_numbers=NHWC) + params["b1"])
    h = lax.reduce_window(h, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    h = (h - h.mean((0, 1, 2))) / jnp.sqrt(h.var((0, 1, 2)) + 1e-5)
    h = jax.nn.gelu(lax.conv_general_dilated(h, params["c2"], (2, 2), "SAME", dimension_numbers=NHWC))
    logits = h.reshape(len(x), -1) @ params["w"]
    return jnp.mean(jax.nn.logsumexp(logits, 1) - logits[jnp.arange(len(x)), y])


@jax.checkpoint  # type: ignore[untyped-decorator]  # JAX's types are not looked at
def gpt_block(h: Any, p: Any) -> Any:
    qkv = (layer_norm(h, p["g1"], p["b1"]) @ p["qkv"] + p["bias"]).reshape(*h.shape[:2], 3, 2, -1)
    q, k, v = jnp.moveaxis(qkv, 2, 0)
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / 2
    scores = scores + jnp.where(jnp.tril(jnp.ones(scores.shape[-2:])) == 1, 0, -1e9)
    h = h + jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v).reshape(h.shape) @ p["out"]
    return h + jax.nn.gelu(layer_norm(h, p["g2"], p["b2"]) @ p["up"]) @ p["down"]


def gpt(params: Any, text: Any) -> Any:
    """Blocks that are scanned over and checkpointed, and an embedding that is the head's weight."""
    h = params["wte"][text[:, :-1]] + params["wpe"][: text.shape[1] - 1]
    h, _ = lax.scan(lambda h, p: (gpt_block(h, p), None), h, params["blocks"])
    return picked(h @ params["wte"].T, text[:, 1:])


BLOCKS = {
    "g1": n(2, 4), "b1": n(2, 4), "g2": n(2, 4), "b2": n(2, 4), "qkv": n(2, 4, 12), "bias": n(2, 12), "out": n(2, 4, 4),
    "up": n(2, 4, 8), "down": n(2, 8, 4),
}  # fmt: skip
BLOCK = {
    "n1": n(8), "n2": n(8), "wq": n(8, 2, 4), "wk": n(8, 2, 4), "wv": n(8, 2, 4), "wo": n(2, 4, 8), "w1": n(8, 6),
    "w3": n(8, 6), "w2": n(6, 8),
}  # fmt: skip
CONVOLUTIONS = {"c1": n(3, 3, 2, 4), "b1": n(4), "c2": n(3, 3, 4, 5), "w": n(20, 3)}
LAYERS = [{"w": n(4, 4), "b": n(4)}, {"w": n(4, 3), "b": n(3)}]
MODELS: dict[str, tuple[Any, ...]] = {
    "mlp": (mlp, {"layers": LAYERS}, n(5, 4), ids(3, 5)),
    "llama": (llama, {"embedding": n(7, 8), "block": BLOCK, "norm": n(8)}, ids(7, 2, 5), ids(7, 2, 5)),
    "vae": (vae, {"encode": n(6, 5), "mixed": n(5, 4), "decode": n(2, 5), "out": n(5, 6)}, n(3, 6), jax.random.key(0)),
    "conv net": (
        conv_net,
        {"c1": n(3, 3, 2, 4), "b1": n(4), "c2": n(3, 3, 4, 5), "w": n(20, 3)},
        n(3, 8, 8, 2),
        ids(3, 3),
    ),
    "gpt": (gpt, {"wte": n(7, 4), "wpe": n(6, 4), "blocks": BLOCKS}, ids(7, 2, 5)),
}
"""The loss, its parameters and what else it is given."""
