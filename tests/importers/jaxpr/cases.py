"""Functions for the test of the primitives' rules, away from kinks and ties; each takes float64 arrays alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

RNG = np.random.default_rng(7)
Case = tuple[Any, ...]


def r(*shape: int) -> Any:
    """Normal numbers of a shape, the same ones in every run."""
    return RNG.normal(size=shape)


def p(*shape: int) -> Any:
    """Numbers between 0.1 and 0.9."""
    return RNG.uniform(0.1, 0.9, size=shape)


def i(size: int, *shape: int) -> Any:
    return RNG.integers(size, size=shape)


def m(*shape: int) -> Any:
    return RNG.random(shape) < 0.5


X = (3, 4)
IDS, MASK, ROWS = i(4, 3, 2), m(*X), i(3, 5)
DOWN, DEEP, CELLS, STARTS = i(3, 2, 4), i(3, 2, 1, 4), i(4, 3), i(3, 4)
KEYS, ORDER = i(9, 3, 4), RNG.permutation(12)[:5]


def dot(numbers: Any) -> Callable[..., Any]:
    return lambda a, b: lax.dot_general(a, b, numbers)


def conv(*how: Any, **more: Any) -> Callable[..., Any]:
    return lambda x, w: lax.conv_general_dilated(x, w, *how, **more)


NCW = ("NCW", "OIW", "NCW")


def pool(op: Any, first: float, *how: Any) -> Callable[..., Any]:
    return lambda x: lax.reduce_window(x, first, op, *how)


def scanned(x: Any, w: Any, reverse: bool = False) -> Any:
    """A recurrent network over rows: its last state, and all of them."""
    last, all_ = lax.scan(lambda h, row: (jnp.tanh(h @ w + row), h * row), jnp.zeros(x.shape[1:]), x, reverse=reverse)
    return last.sum() + all_


UNARY = {
    "neg": lax.neg, "exp": lax.exp, "tanh": lax.tanh, "sin": lax.sin, "cos": lax.cos, "tan": lax.tan, "sinh": lax.sinh,
    "cosh": lax.cosh, "abs": lax.abs, "square": lax.square, "erf": lax.erf, "erfc": lax.erfc, "expm1": lax.expm1,
    "sign": lax.sign, "floor": lax.floor, "ceil": lax.ceil, "logistic": lax.logistic, "exp2": lax.exp2,
    "cbrt": lax.cbrt, "atan": lax.atan, "relu": jax.nn.relu, "relu6": jax.nn.relu6, "copy": jnp.copy,
    "asinh": lax.asinh,
}  # fmt: skip
POSITIVE = {
    "log": lax.log, "sqrt": lax.sqrt, "rsqrt": lax.rsqrt, "log1p": lax.log1p, "atanh": lax.atanh, "asin": lax.asin,
    "acos": lax.acos, "acosh": lambda x: lax.acosh(1 + x),
}  # fmt: skip
BINARY = {
    "add": lax.add, "sub": lax.sub, "mul": lax.mul, "div": lax.div, "max": lax.max, "min": lax.min, "atan2": lax.atan2,
    "logaddexp": jnp.logaddexp, "rem": lax.rem,
}  # fmt: skip
CASES: dict[str, list[Case]] = {
    **{name: [(f, r(*X)), (f, r())] for name, f in UNARY.items()},
    **{name: [(f, p(*X))] for name, f in POSITIVE.items()},
    **{name: [(f, r(*X), r(*X)), (f, r(), r())] for name, f in BINARY.items()},
    "pow": [(lax.pow, p(*X), r(*X)), (lambda x: lax.pow(x, 1.5), p(*X)), (lambda x: 2.0**x, r(*X))],
    "xlogy": [(jax.scipy.special.xlogy, r(*X), p(*X))],
    "integer_pow": [(lambda x: x**3, r(*X)), (lambda x: x**2, r(*X)), (lambda x: x**-1, r(*X)),
    (lambda x: x**-2, p(2))],
    "stop_gradient": [(lambda x: x * lax.stop_gradient(jnp.exp(x)), r(*X))],
    "round": [(lambda x: x * jnp.round(x), r(*X)), (lambda x: x * lax.round(x), np.array([-1.5, 0.4, 2.5]))],
    "scatter-mul": [(lambda x: x.at[1].multiply(3.0), r(*X)), (lambda x, y: x.at[:, 1].multiply(y), r(*X), r(3))],
    "scatter-max": [(lambda x, y: x.at[1].max(y), r(*X), r(4))], "scatter-min": [(lambda x: x.at[1].min(0.3), r(*X))],
    "frexp": [(lambda x: jnp.frexp(x)[0], r(*X)), (lambda x: jnp.ldexp(x, 3), r(*X))],
    "reduce_precision": [(lambda x: lax.reduce_precision(x, 11, 52), r(*X))],
    "optimization_barrier": [(lambda x, y: jnp.multiply(*lax.optimization_barrier((x, y))), r(*X), r(*X))],
    "add_any": [(lambda x: jax.grad(lambda y: jnp.sum(jnp.sin(y) * y))(x), r(*X))],
    "clamp": [
        (lambda x: lax.clamp(-0.5, x, 0.5), r(*X)), (lambda x, a: lax.clamp(a, x, a + 1), r(*X), r(*X)),
    ],
    "select_n": [
        (lambda x, y: jnp.where(MASK, x, y), r(*X), r(*X)), (lambda x: jnp.where(x > 0, x, 0.1), r(*X)),
        (lambda x: jnp.where(True, x * 2, x), r(*X)),
        (lambda x, y: lax.select_n(np.array([0, 1, 2, 1]), x, y, x * y), r(4), r(4)),
    ],
    "convert_element_type": [(lambda x: x.astype(jnp.float32).astype(jnp.float64) * 2, r(*X))],
    "reshape": [(lambda x: x.reshape(2, 6), r(*X))], "squeeze": [(jnp.squeeze, r(3, 1, 2))],
    "expand_dims": [(lambda x: lax.expand_dims(x, (1,)), r(*X))],
    "broadcast_in_dim": [
        (lambda x: jnp.broadcast_to(x, (2, 3, 4)), r(3, 1)),
        (lambda x: lax.broadcast_in_dim(x, (3, 2, 4), (0, 2)), r(*X)),
        (lambda x: jnp.full((2, 3), x), r()),
    ],
    "transpose": [(jnp.transpose, r(2, 3, 4)), (jnp.transpose, r(*X)), (lambda x: jnp.swapaxes(x, 1, 2), r(2, 3, 4))],
    "rev": [(lambda x: x[::-1, ::-1], r(*X))],
    "concatenate": [(lambda x, y: jnp.concatenate([x, y, x], 1), r(3, 2), r(3, 4))],
    "slice": [(lambda x: x[1:3, ::2], r(*X)), (lambda x: x[1] * x[-1, 2], r(*X))],
    "split": [(lambda x: jnp.multiply(*jnp.split(x, [2], axis=1)), r(3, 4))],
    "pad": [
        (lambda x: lax.pad(x, 2.0, [(1, 2, 0), (0, 1, 2)]), r(*X)),
        (lambda x: lax.pad(x, 0.0, [(-1, 2, 1), (1, -2, 0)]), r(*X)),
    ],
    "reduce_sum": [(jnp.sum, r(*X)), (lambda x: x.sum((0, 2)), r(2, 3, 4)), (lambda x: lax.reduce_sum(x, ()), r(2))],
    "reduce_max": [(jnp.max, r(*X)), (lambda x: x.max(1), r(*X))], "reduce_min": [(lambda x: x.min(0), r(*X))],
    "reduce_prod": [(lambda x: x.prod(1), r(*X))],
    **{
        name: [(lambda x, f=f, b=b: f(x, 1, reverse=b), r(*X)) for b in (False, True)]
        for name, f in {
            "cumsum": lax.cumsum, "cumprod": lax.cumprod, "cummax": lax.cummax, "cummin": lax.cummin,
            "cumlogsumexp": lax.cumlogsumexp,
        }.items()
    },
    "top_k": [(lambda x: lax.top_k(x, 2)[0], r(*X))],
    "sort": [
        (jnp.sort, r(*X)), (lambda x: jnp.sort(x, axis=0, descending=True), r(*X)),
        (lambda x, y: jnp.multiply(*lax.sort((x, y), dimension=1, num_keys=1)), r(*X), r(*X)),
        (lambda y: lax.sort((KEYS, y), num_keys=1)[1], r(*X)),
    ],
    "tile": [(lambda x: jnp.tile(x, (2, 1, 3)), r(*X))],
    "scan_row": [(lambda x, w: lax.scan(lambda h, v: (h * jnp.sin(v @ w), None), 1.0, x)[0], r(*X), r(4))],
    "stack": [(lambda x, y: jnp.stack([x, y], 1), r(*X), r(*X))],
    "scan_rows": [(scanned, r(*X), r(4, 4)), (lambda x, w: scanned(x, w, True), r(*X), r(4, 4))],
    "dot_general": [
        (jnp.matmul, r(3, 4), r(4, 2)), (jnp.matmul, r(2, 3, 4), r(4, 2)), (jnp.matmul, r(2, 3, 4), r(2, 4, 2)),
        (jnp.dot, r(4), r(4)), (jnp.dot, r(3, 4), r(4)), (jnp.dot, r(4), r(4, 2)),
        (lambda a, b: a.T @ b, r(4, 3), r(4, 2)), (lambda a, b: a @ b.T, r(3, 4), r(2, 4)),
        (lambda a, b: jnp.einsum("bqhd,bkhd->bhqk", a, b), r(2, 3, 2, 4), r(2, 5, 2, 4)),
        (lambda a, b: jnp.einsum("abc,cbd->ad", a, b), r(2, 3, 4), r(4, 3, 2)),
        (lambda a, b: jnp.tensordot(a, b, 2), r(2, 3, 4), r(3, 4, 5)),
        (lambda a, b: jnp.einsum("ij,kl->ikjl", a, b), r(2, 3), r(2, 4)),
        (dot((((0,), (1,)), ((), ()))), r(4, 3), r(2, 4)), (dot((((2, 0), (0, 1)), ((), ()))), r(2, 3, 4), r(4, 2, 5)),
        (dot((((1,), (0,)), ((2,), (1,)))), r(2, 3, 4), r(3, 4)), (dot((((), ()), ((0,), (0,)))), r(2, 3), r(2, 4)),
        (lambda a: a @ np.arange(8.0).reshape(4, 2), r(3, 4)), (lambda a: a @ np.arange(4), r(3, 4)),
        (lambda a, b: jax.vmap(jnp.dot)(a, b), r(3, 4), r(3, 4)),
    ],
    "conv_general_dilated": [
        (conv((1, 1), "SAME"), r(2, 3, 5, 6), r(4, 3, 3, 2)), (conv((2,), [(1, 0)]), r(2, 3, 7), r(4, 3, 3)),
        (conv((1, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")), r(2, 5, 6, 3), r(3, 2, 3, 4)),
        (conv((1, 1), [(0, 1), (2, 0)], rhs_dilation=(1, 2), feature_group_count=2), r(1, 4, 5, 6), r(6, 2, 3, 2)),
        (conv((1, 1), [(2, 2), (-1, 1)], lhs_dilation=(2, 1)), r(1, 2, 3, 4), r(2, 2, 3, 2)),
        (conv((1, 1, 1), "SAME", dimension_numbers=("NDHWC", "DHWIO", "NDHWC")), r(1, 3, 4, 3, 2), r(2, 2, 2, 2, 3)),
        (lambda x, w: lax.conv_transpose(x, w, (2, 2), "SAME"), r(1, 3, 4, 2), r(3, 3, 2, 3)),
        (lambda x, w: lax.conv_transpose(x, w, (2,), "VALID", dimension_numbers=NCW), r(1, 2, 3), r(3, 2, 3)),
        (lambda x, w: jnp.convolve(x, w, mode="same"), r(6), r(3)),
    ],
    "reduce_window_max": [
        (pool(lax.max, -np.inf, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"), r(2, 4, 5, 3)),
        (pool(lax.max, -np.inf, (1, 1, 3, 2), (1, 1, 2, 1), "SAME"), r(2, 3, 4, 5)),
        (pool(lax.max, -np.inf, (2,), (1,), [(1, 1)]), r(6)),
    ],
    "reduce_window_min": [(pool(lax.min, np.inf, (1, 2, 2, 1), (1, 1, 2, 1), "SAME"), r(2, 4, 5, 3))],
    "reduce_window_sum": [
        (pool(lax.add, 0.0, (1, 2, 2, 1), (1, 2, 1, 1), "SAME"), r(2, 4, 5, 3)),
        (pool(lax.add, 0.0, (1, 1), (1, 2), "VALID"), r(*X)),
        (pool(lax.add, 0.0, (2, 2, 2), (1, 1, 1), "VALID"), r(3, 3, 3)),
    ],
    "dynamic_slice": [
        (lambda x: lax.dynamic_slice(x, (1, 3), (2, 2)), r(*X)),
        (lambda x: x[jnp.asarray(2)] * x[jnp.asarray(-1)], r(*X)),
        (lambda x: lax.dynamic_index_in_dim(x, jnp.argmax(x[0]), 1), r(*X)),
    ],
    "dynamic_update_slice": [
        (lambda x, y: lax.dynamic_update_slice(x, y, (1, 1)), r(*X), r(2, 2)),
        (lambda y: lax.dynamic_update_slice(jnp.zeros(X), y, (1, 5)), r(2, 2)),
        (lambda x: lax.dynamic_update_slice(x, jnp.ones((2, 2)), (0, 0)), r(*X)),
        (lambda x, y: lax.dynamic_update_slice(x, y, (0, 0)), r(*X), r(*X)),
    ],
    "gather": [
        (lambda x: x[ROWS], r(*X)), (lambda x: x[:, IDS], r(*X)), (lambda x: x[:, -1 - IDS, :], r(2, 4, 3)),
        (lambda x: x[ROWS, ROWS + 1], r(*X)), (lambda x: x[:, ROWS, ROWS], r(2, 3, 4)),
        (lambda x: x[ROWS, :, ROWS], r(3, 2, 4)),
        (lambda x: x[ROWS[:, None], CELLS], r(*X)), (lambda x: x[MASK], r(*X)), (lambda x: x[1, ROWS], r(2, 3)),
        (lambda x: jnp.take(x, IDS, axis=1), r(*X)), (lambda x: jnp.take(x, IDS), r(*X)),
        (lambda x: jnp.take(x, IDS, axis=0, mode="clip"), r(4, 2)),
        (lambda x: jnp.take_along_axis(x, IDS, 1), r(*X)), (lambda x: jnp.take_along_axis(x, DOWN, 0), r(*X)),
        (lambda x: jnp.take_along_axis(x, DEEP, 1), r(2, 3, 4)),
        (lambda x: jax.vmap(lambda v, n: v[n])(x, CELLS), r(*X)),
        (lambda x: jax.vmap(lambda v, n: v[n])(x, IDS), r(*X)),
        (lambda x: jax.vmap(lambda n: lax.dynamic_slice(x, (n,), (3,)))(STARTS), r(6)),
        (lambda x: jnp.take_along_axis(x, lax.top_k(-x, 2)[1], 1), r(*X)), (lambda x: x[jnp.argsort(x[:, 0])], r(*X)),
        (lambda x: x.at[ROWS].get(), r(*X)), (lambda x: x[1:, ROWS], r(3, 3)), (lambda x: x[np.array([2])], r(*X)),
    ],
    "scatter-add": [
        (lambda x, y: x.at[ROWS].add(y), r(*X), r(5, 4)), (lambda x, y: x.at[:, ROWS].add(y), r(2, 3), r(2, 5)),
        (lambda x, y: x.at[1].add(y), r(*X), r(4)), (lambda x, y: x.at[ROWS, ROWS].add(y), r(*X), r(5)),
        (lambda y: jnp.zeros(X).at[ROWS].add(y), r(5, 4)), (lambda x: x.at[0, 1:3].add(2.0), r(*X)),
        (lambda y: jax.ops.segment_sum(y, ROWS, 4), r(5, 2)), (lambda x, y: x.at[IDS].add(y), r(4, 3), r(3, 2, 3)),
        (lambda x: jax.grad(lambda v: jnp.sum(v[ROWS] ** 3))(x), r(*X)),
        (lambda x: jax.grad(lambda v: jnp.sum(jnp.take_along_axis(v, IDS, 1) ** 3))(x), r(*X)),
    ],
    "scatter": [
        (lambda x, y: x.at[1].set(y), r(*X), r(4)), (lambda x: x.at[:, 2].set(0.0), r(*X)),
        (lambda x, y: x.at[1:3, ::2].set(y), r(*X), r(2, 2)),
        (lambda x, y: x.at[np.array([2, 0])].set(y), r(*X), r(2, 4)), (lambda x, y: x.at[ORDER].set(y), r(12), r(5)),
        (lambda x: x.at[MASK].set(1.0), r(*X)), (lambda y: jnp.zeros(X).at[:, 1].set(y), r(3)),
        (lambda x, y: x.at[np.array([0, 2]), np.array([1, 3])].set(y), r(*X), r(2)),
    ],
}  # fmt: skip
