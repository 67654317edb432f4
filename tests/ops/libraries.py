"""The calls of other libraries that stand beside ours where there is no derivative, and their gradients there.

What comes in is 1; the gradient of 0 that meets sqrt's slope at 0 is that of the other side of a `where`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from bpdebug.ops.conventions import Point

Calls = dict[str, Callable[..., Any]]


def _over(x: Any, axis: Any, whole: Callable[..., Any], along: Callable[..., Any]) -> Any:
    return along(x) if isinstance(axis, int) else whole(x)


def _pools(call: Callable[[int], Callable[..., Any]], kind: str = "") -> Calls:
    """The pools of one, two and three axes."""
    return {f"{kind}max_pool{n}d": call(n) for n in (1, 2, 3)}


def torch_calls(torch: Any) -> Calls:
    f = torch.nn.functional
    return {
        "relu": torch.relu,
        "abs": torch.abs,
        "sqrt": lambda x: torch.where(x > 0, torch.sqrt(x), 0.0),
        "maximum": torch.maximum,
        "minimum": torch.minimum,
        "max": lambda x, axis: _over(x, axis, torch.max, lambda x: x.max(dim=axis).values),
        "min": lambda x, axis: _over(x, axis, torch.min, lambda x: x.min(dim=axis).values),
        "clip": torch.clip,
        "hardtanh": f.hardtanh,
        "relu6": f.relu6,
        "hardsigmoid": f.hardsigmoid,
        "hardswish": f.hardswish,
        "leaky_relu": lambda x, slope: f.leaky_relu(x, slope),
        "prelu": f.prelu,
        "elu": f.elu,
        "celu": f.celu,
        "selu": f.selu,
        "norm": torch.linalg.norm,
        "std": lambda x: torch.std(x, correction=0),
        "pow": lambda a, b: a**b,
        "prod": torch.prod,
        "cummax": lambda x, axis: torch.cummax(x, axis).values,
        "topk": lambda x, k: torch.topk(x, k).values,
        "cumprod": lambda x, axis: torch.cumprod(x, axis),
        "cross_entropy": lambda x, t, ignore_index: f.cross_entropy(x, t, ignore_index=ignore_index),
        "bce": f.binary_cross_entropy,
        "hinge_embedding": f.hinge_embedding_loss,
        "cosine_embedding": f.cosine_embedding_loss,
        "triplet_margin": f.triplet_margin_loss,
        "multi_margin": f.multi_margin_loss,
        **_pools(lambda n: lambda x, size: getattr(f, f"max_pool{n}d")(x, size)),
        **_pools(lambda n: lambda x, size: getattr(f, f"adaptive_max_pool{n}d")(x, size), "adaptive_"),
    }


def torch_gradients(torch: Any, call: Callable[..., Any], operands: list[Any], wrt: int) -> list[Any]:
    xs = [torch.tensor(array(x)) if isinstance(x, list) else x for x in operands]
    for x in xs[:wrt]:
        x.requires_grad_()
    y = call(*xs)
    return list(torch.autograd.grad(y, xs[:wrt], torch.ones_like(y)))


def jax_calls(jax: Any) -> Calls:
    jnp, nn = jax.numpy, jax.nn
    return {
        "relu": nn.relu,
        "abs": jnp.abs,
        "sqrt": lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0),
        "maximum": jnp.maximum,
        "minimum": jnp.minimum,
        "max": jnp.max,
        "min": jnp.min,
        "clip": jnp.clip,
        "hardtanh": nn.hard_tanh,
        "relu6": nn.relu6,
        "hardsigmoid": nn.hard_sigmoid,
        "hardswish": nn.hard_swish,
        "leaky_relu": lambda x, slope: nn.leaky_relu(x, slope),
        "elu": nn.elu,
        "celu": nn.celu,
        "selu": nn.selu,
        "prelu": lambda x, slope: jnp.where(x >= 0, x, slope * x),  # flax.linen.PReLU
        "norm": jnp.linalg.norm,
        "std": jnp.std,
        "pow": lambda a, b: a**b,
        "prod": jnp.prod,
        "cummax": lambda x, axis: jax.lax.cummax(x, axis),
        "topk": lambda x, k: jax.lax.top_k(x, k)[0],
        "cumprod": lambda x, axis: jnp.cumprod(x, axis),
        **_pools(
            lambda n: (
                lambda x, size: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, *size), (1, 1, *size), "VALID")
            )
        ),
    }


def jax_gradients(jax: Any, call: Callable[..., Any], operands: list[Any], wrt: int) -> list[Any]:
    jax.config.update("jax_enable_x64", True)
    xs = [jax.numpy.array(array(x)) if isinstance(x, list) else x for x in operands]
    y, back = jax.vjp(lambda *taken: call(*taken, *xs[wrt:]), *xs[:wrt])
    return list(back(jax.numpy.ones_like(y)))


def mlx_calls(mlx: Any) -> Calls:
    mx, nn = mlx.core, import_module("mlx.nn")
    return {
        "relu": nn.relu,
        "abs": mx.abs,
        "sqrt": lambda x: mx.where(x > 0, mx.sqrt(x), 0.0),
        "maximum": mx.maximum,
        "minimum": mx.minimum,
        "max": mx.max,
        "min": mx.min,
        "clip": lambda x, min, max: mx.clip(x, min, max),
        "hardtanh": nn.hard_tanh,
        "relu6": nn.relu6,
        "hardswish": nn.hardswish,
        "leaky_relu": lambda x, slope: nn.leaky_relu(x, slope),
        "elu": nn.elu,
        "celu": nn.celu,
        "selu": nn.selu,
        "prelu": nn.prelu,
        "norm": mx.linalg.norm,
        "std": mx.std,
        "pow": lambda a, b: a**b,
        "prod": mx.prod,
        "cummax": lambda x, axis: mx.cummax(x, axis=axis),
        "topk": lambda x, k: mx.topk(x, k),
        "cumprod": lambda x, axis: mx.cumprod(x, axis=axis),
        "triplet_margin": nn.losses.triplet_loss,
        **_pools(lambda n: lambda x, size: getattr(nn, f"MaxPool{n}d")(size)(mx.moveaxis(x, 1, -1))),
    }


def mlx_gradients(mlx: Any, call: Callable[..., Any], operands: list[Any], wrt: int) -> list[Any]:
    mx = mlx.core
    xs = [mx.array(x) if isinstance(x, list) else x for x in operands]
    y = call(*xs)
    _, back = mx.vjp(lambda *taken: call(*taken, *xs[wrt:]), xs[:wrt], [mx.ones(y.shape)])
    return list(back)


def tinygrad_calls(tinygrad: Any) -> Calls:
    return {
        "relu": lambda x: x.relu(),
        "abs": lambda x: x.abs(),
        "sqrt": lambda x: (x > 0).where(x.sqrt(), 0.0),
        "maximum": lambda a, b: a.maximum(b),
        "minimum": lambda a, b: a.minimum(b),
        "max": lambda x, axis: x.max(axis=axis),
        "min": lambda x, axis: x.min(axis=axis),
        "clip": lambda x, min, max: x.clip(min, max),
        "hardtanh": lambda x: x.hardtanh(),
        "relu6": lambda x: x.relu6(),
        "hardsigmoid": lambda x: x.hardsigmoid(),
        "hardswish": lambda x: x.hardswish(),
        "leaky_relu": lambda x, slope: x.leaky_relu(slope),
        "elu": lambda x, alpha: x.elu(alpha),
        "celu": lambda x, alpha: x.celu(alpha),
        "selu": lambda x: x.selu(),
        "norm": lambda x: x.square().sum().sqrt(),
        "std": lambda x: x.std(correction=0),
        "pow": lambda a, b: a**b,
        "prod": lambda x: x.prod(),
        "cummax": lambda x, axis: x.cummax(axis)[0],
        "topk": lambda x, k: x.topk(k)[0],
        "cumprod": lambda x, axis: x.cumprod(axis),
        "cross_entropy": lambda x, t, ignore_index: x.sparse_categorical_crossentropy(t, ignore_index=ignore_index),
        **_pools(lambda n: lambda x, size: x.max_pool2d(tuple(size))),
    }


def tinygrad_gradients(tinygrad: Any, call: Callable[..., Any], operands: list[Any], wrt: int) -> list[Any]:
    xs = [tinygrad.Tensor(x) if isinstance(x, list) else x for x in operands]
    return [d.numpy() for d in call(*xs).sum().gradient(*xs[:wrt])]


def tensorflow_calls(tf: Any) -> Calls:
    nn = tf.nn
    return {
        "relu": nn.relu,
        "abs": tf.abs,
        "sqrt": lambda x: tf.where(x > 0, tf.sqrt(x), tf.zeros_like(x)),
        "maximum": tf.maximum,
        "minimum": tf.minimum,
        "max": tf.reduce_max,
        "min": tf.reduce_min,
        "clip": lambda x, min, max: tf.clip_by_value(x, min, max),
        "relu6": nn.relu6,
        "leaky_relu": lambda x, slope: nn.leaky_relu(x, slope),
        "selu": nn.selu,
        "norm": tf.norm,
        "std": tf.math.reduce_std,
        "pow": lambda a, b: a**b,
        "prod": tf.reduce_prod,
        "topk": lambda x, k: nn.top_k(x, k).values,
        "cumprod": lambda x, axis: tf.math.cumprod(x, axis),
        **_pools(
            lambda n: (
                lambda x, size: getattr(nn, f"max_pool{n}d")(
                    tf.cast(tf.transpose(x, (0, *range(2, n + 2), 1)), tf.float32 if n == 3 else tf.float64),
                    *((1, *size, 1),) * 2 if n == 3 else (size, size),
                    "VALID",
                )
            )
        ),
    }


def tensorflow_gradients(tf: Any, call: Callable[..., Any], operands: list[Any], wrt: int) -> list[Any]:
    xs = [tf.constant(array(x)) if isinstance(x, list) else x for x in operands]
    with tf.GradientTape() as tape:
        for x in xs[:wrt]:
            tape.watch(x)
        y = call(*xs)
    return list(tape.gradient(y, xs[:wrt]))


def keras_calls(keras: Any) -> Calls:
    ops, act = keras.ops, keras.activations
    return {
        "relu": ops.relu,
        "abs": ops.abs,
        "sqrt": lambda x: ops.where(x > 0, ops.sqrt(x), ops.zeros_like(x)),
        "maximum": ops.maximum,
        "minimum": ops.minimum,
        "max": lambda x, axis: ops.max(x, axis=axis),
        "min": lambda x, axis: ops.min(x, axis=axis),
        "clip": lambda x, min, max: ops.clip(x, min, max),
        "hardtanh": act.hard_tanh,
        "relu6": act.relu6,
        "hardsigmoid": act.hard_sigmoid,
        "hardswish": act.hard_swish,
        "leaky_relu": lambda x, slope: act.leaky_relu(x, negative_slope=slope),
        "elu": act.elu,
        "celu": act.celu,
        "selu": act.selu,
        "prelu": lambda x, slope: ops.relu(x) - slope * ops.relu(-x),  # keras.layers.PReLU.call
        "bce": lambda p, t, reduction: ops.binary_crossentropy(t, p),
        "norm": ops.norm,
        "std": ops.std,
        "pow": lambda a, b: a**b,
        "prod": ops.prod,
        "topk": lambda x, k: ops.top_k(x, k)[0],
        "cumprod": lambda x, axis: ops.cumprod(x, axis),
        **_pools(
            lambda n: (
                lambda x, size: ops.max_pool(
                    ops.cast(ops.moveaxis(x, 1, -1), "float32" if n == 3 else "float64"),
                    size,
                    size,
                    data_format="channels_last",
                )
            )
        ),
    }


def keras_gradients(keras: Any, call: Callable[..., Any], operands: list[Any], wrt: int) -> list[Any]:
    return tensorflow_gradients(import_module("tensorflow"), call, operands, wrt)


def paddle_calls(paddle: Any) -> Calls:
    f = paddle.nn.functional
    return {
        "relu": f.relu,
        "abs": paddle.abs,
        "sqrt": lambda x: paddle.where(x > 0, paddle.sqrt(x), paddle.zeros_like(x)),
        "maximum": paddle.maximum,
        "minimum": paddle.minimum,
        "max": paddle.max,
        "min": paddle.min,
        "clip": paddle.clip,
        "hardtanh": f.hardtanh,
        "relu6": f.relu6,
        "hardsigmoid": f.hardsigmoid,
        "hardswish": f.hardswish,
        "leaky_relu": lambda x, slope: f.leaky_relu(x, slope),
        "prelu": f.prelu,
        "elu": f.elu,
        "celu": f.celu,
        "selu": f.selu,
        "norm": paddle.linalg.norm,
        "std": lambda x: paddle.std(x, unbiased=False),
        "pow": lambda a, b: a**b,
        "prod": paddle.prod,
        "cummax": lambda x, axis: paddle.cummax(x, axis)[0],
        "topk": lambda x, k: paddle.topk(x, k)[0],
        "cumprod": lambda x, axis: paddle.cumprod(x, axis),
        "cross_entropy": lambda x, t, ignore_index: f.cross_entropy(x, t, ignore_index=ignore_index),
        "bce": f.binary_cross_entropy,
        "hinge_embedding": f.hinge_embedding_loss,
        "cosine_embedding": f.cosine_embedding_loss,
        "triplet_margin": lambda a, p, n, eps, reduction: f.triplet_margin_loss(
            a, p, n, epsilon=eps, reduction=reduction
        ),
        "multi_margin": f.multi_margin_loss,
        **_pools(lambda n: lambda x, size: getattr(f, f"max_pool{n}d")(x, list(size))),
        **_pools(lambda n: lambda x, size: getattr(f, f"adaptive_max_pool{n}d")(x, list(size)), "adaptive_"),
    }


def paddle_gradients(paddle: Any, call: Callable[..., Any], operands: list[Any], wrt: int) -> list[Any]:
    xs = [paddle.to_tensor(array(x), stop_gradient=False) if isinstance(x, list) else x for x in operands]
    y = call(*xs)
    return list(paddle.grad(y, xs[:wrt], paddle.ones_like(y)))


def autograd_calls(autograd: Any) -> Calls:
    np_ = import_module("autograd.numpy")
    return {
        "abs": np_.abs,
        "sqrt": lambda x: np_.where(x > 0, np_.sqrt(x), 0.0),
        "maximum": np_.maximum,
        "minimum": np_.minimum,
        "max": np_.max,
        "min": np_.min,
        "clip": lambda x, min, max: np_.clip(x, min, max),
        "norm": np_.linalg.norm,
        "std": np_.std,
        "pow": lambda a, b: a**b,
        "prod": np_.prod,
    }


def autograd_gradients(autograd: Any, call: Callable[..., Any], operands: list[Any], wrt: int) -> list[Any]:
    xs = [np.array(x) if isinstance(x, list) else x for x in operands]
    backs = (autograd.make_vjp(lambda x, n=n: call(*xs[:n], x, *xs[n + 1 :]))(xs[n]) for n in range(wrt))
    return [back(np.ones_like(y)) for back, y in backs]


def pytensor_calls(pytensor: Any) -> Calls:
    pt = pytensor.tensor
    return {
        "abs": pt.abs,
        "sqrt": lambda x: pt.switch(x > 0, pt.sqrt(x), 0.0),
        "maximum": pt.maximum,
        "minimum": pt.minimum,
        "max": pt.max,
        "min": pt.min,
        "clip": lambda x, min, max: pt.clip(x, min, max),
        "norm": lambda x: pt.sqrt(pt.sum(pt.square(x))),
        "std": pt.std,
        "pow": lambda a, b: a**b,
        "prod": pt.prod,
        "cumprod": lambda x, axis: pt.cumprod(x, axis),
    }


def pytensor_gradients(pytensor: Any, call: Callable[..., Any], operands: list[Any], wrt: int) -> list[Any]:
    xs = [pytensor.tensor.tensor(dtype="float64", shape=np.shape(x)) if isinstance(x, list) else x for x in operands]
    y = call(*xs)
    grads = pytensor.grad(y.sum(), xs[:wrt])
    given = [(x, np.array(o)) for x, o in zip(xs, operands, strict=True) if isinstance(o, list)]
    run = pytensor.function([x for x, _ in given], grads, mode="FAST_COMPILE", on_unused_input="ignore")
    return list(run(*(o for _, o in given)))


COLUMNS: dict[str, tuple[str, Callable[[Any], Calls], Callable[..., list[Any]]]] = {
    "torch": ("torch", torch_calls, torch_gradients),
    "jax": ("jax", jax_calls, jax_gradients),
    "tensorflow": ("tensorflow", tensorflow_calls, tensorflow_gradients),
    "keras": ("keras", keras_calls, keras_gradients),
    "mlx": ("mlx.core", mlx_calls, mlx_gradients),
    "paddle": ("paddle", paddle_calls, paddle_gradients),
    "tinygrad": ("tinygrad", tinygrad_calls, tinygrad_gradients),
    "autograd": ("autograd", autograd_calls, autograd_gradients),
    "pytensor": ("pytensor", pytensor_calls, pytensor_gradients),
}


def measured(library: str, point: Point) -> list[float]:
    """What an installed library answers at a point, cell by cell; KeyError where there is no call to ask it with."""
    name, calls, gradients = COLUMNS[library]
    os.environ.setdefault("DEV", "PYTHON")  # tinygrad's device that needs no compiler
    pytest.importorskip(name, reason=f"{library} is an optional oracle")
    module = import_module(name.partition(".")[0])
    call = calls(module)[point.op]
    operands = [plain(x) for x in point.operands]
    with np.errstate(all="ignore"):
        found = gradients(module, lambda *xs: call(*xs, **given(point)), operands, point.wrt)
    return [float(n) for d in found for n in np.ravel(np.asarray(d))]


def given(point: Point) -> dict[str, Any]:
    """The attributes of a point's call; of those of max and min the axis always."""
    attrs = {k: tuple(v) if isinstance(v, list) else v for k, v in point.attrs.items()}
    return {"axis": None, **attrs} if point.op in ("max", "min") else attrs


def array(x: Any) -> Any:
    """An operand as an array: of float64, or of int64."""
    found = np.array(x)
    return found.astype(np.int64 if found.dtype.kind == "i" else np.float64)


def plain(x: Any) -> Any:
    """An operand as nested lists; None is NaN."""
    return [plain(i) for i in x] if isinstance(x, list) else math.nan if x is None else x
