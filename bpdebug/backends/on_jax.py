"""JAX's arrays: its words are NumPy's for the most part, and what is added to is another array."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bpdebug.arrays import Array, Key, Shape, decode_key
from bpdebug.backends.backend import Backend, standing


def jax_words(device: Any = None) -> dict[str, Any]:
    """JAX's functions, by our words."""
    import jax.numpy as jnp  # an extra, asked for by name
    from jax import device_put, lax  # as above
    from jax.scipy import special  # as above

    names = (
        "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "square", "abs", "sign", "sin", "cos", "tan", "sinh",
        "cosh", "tanh", "floor", "round", "maximum", "minimum", "atan2", "hypot", "logaddexp", "remainder",
        "logical_or", "logical_and", "logical_not", "permute_dims", "matrix_transpose", "flip", "roll", "where",
        "reshape", "broadcast_to", "argsort", "argmax", "argmin", "cumsum", "cumprod", "take_along_axis", "pow",
    )  # fmt: skip
    return {
        **{name: getattr(jnp, name) for name in names},
        **_moved(jnp),
        "asarray": jnp.asarray if device is None else lambda x: device_put(x, device),
        "astype": lambda x, dtype: x.astype(dtype), "cast": lambda x, dtype: x.astype(dtype),
        "full": lambda shape, value, dtype: jnp.full(shape, value, dtype),
        "sum": standing(jnp.sum), "prod": standing(jnp.prod), "max": _with_nan(jnp, jnp.max),
        "min": _with_nan(jnp, jnp.min),
        "cummax": lambda x, axis: lax.cummax(x, axis % x.ndim) if x.size else x,
        "concat": lambda *xs, axis: jnp.concatenate(xs, axis),
        "stack": lambda *xs, axis: jnp.stack(xs, axis),
        "take_rows": lambda x, ids, axis: jnp.take(x, ids, axis=axis, mode="clip"),
        "erf": special.erf, "normal_cdf": special.ndtr,
        "as_float16": lambda x: x.astype(jnp.float32).astype(jnp.float16).astype(jnp.float32),
        "as_bfloat16": lambda x: x.astype(jnp.float32).astype(jnp.bfloat16).astype(jnp.float32),
        "numpy_dtype": lambda x: np.dtype(np.float32 if x.dtype in (jnp.float16, jnp.bfloat16) else x.dtype),
    }  # fmt: skip


def _with_nan(jnp: Any, reduce: Any) -> Any:
    """An extreme that is NaN where a cell is: JAX 0.10.2 on a CPU drops it from 4,096 cells on."""

    def word(x: Any, **how: Any) -> Any:
        found = reduce(x, **how)
        return jnp.where(jnp.any(x != x, **how), jnp.nan, found) if x.dtype.kind == "f" else found

    return standing(word)


def _moved(jnp: Any) -> dict[str, Any]:
    """Cells by their indices, and their adjoints."""

    def added(shape: Shape, x: Any, key: tuple[Any, ...]) -> Any:
        return jnp.zeros(shape, x.dtype).at[key].add(x)

    def scatter_add(x: Any, ids: Any, axis: int, size: int) -> Any:
        shape = (*x.shape[:axis], size, *x.shape[axis + ids.ndim :])
        return added(shape, x, (*(slice(None) for _ in range(axis)), ids))

    def scatter_along_axis(x: Any, ids: Any, axis: int, size: int) -> Any:
        shape = list(jnp.broadcast_shapes(x.shape, ids.shape))
        grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in shape)])
        grid[axis] = jnp.broadcast_to(ids, shape)
        x = jnp.broadcast_to(x, shape)
        shape[axis] = size
        return added(tuple(shape), x, tuple(grid))

    return {
        "scatter_add": scatter_add, "scatter_along_axis": scatter_along_axis,
        "place": lambda x, shape, key: jnp.zeros(shape, x.dtype).at[decode_key(key)].set(x),
        "take_at": lambda x, *ids, key=(): x[_key(key, ids)],
        "add_at": lambda x, *ids, shape, key=(): added(shape, x, _key(key, ids)),
    }  # fmt: skip


def _key(key: Key, ids: tuple[Any, ...]) -> tuple[Any, ...]:
    return decode_key(key or (None,) * len(ids), ids)


def jax(device: str | None = None) -> Backend:
    """JAX on a device, `cpu` or `gpu:0`, in double precision where that is asked for."""
    import jax as library  # an extra, asked for by name

    found = None
    if device is not None:
        kind, _, number = device.partition(":")
        found = library.devices(kind)[int(number or 0)]
    within, shares = partial(library.enable_x64, True), (found or library.devices()[0]).platform == "cpu"
    name = f"jax {device or 'default'}"
    words = jax_words(found)
    return Backend.of(name, words, dtype=np.dtype, near=_near, shares=shares, within=within, halves=True)


def _near(x: Any) -> Array:
    found = np.asarray(x)
    return found.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind != "i" else found  # half precision
