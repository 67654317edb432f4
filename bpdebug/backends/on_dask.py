"""Dask's arrays: in chunks, worked out when they are asked for, on this machine's cores or by a cluster's workers.

What goes cell by cell, by products, sums and shapes goes chunk by chunk. Words that move cells about go over an array
in one chunk, in which NumPy's word runs as it stands.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from msgspec.structs import replace

from bpdebug.arrays import Array, Key, decode_key
from bpdebug.backends.backend import Backend, standing
from bpdebug.symbolic import PRIMS, Trace

CELLS = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "square", "abs", "sign", "sin", "cos", "tan", "sinh",
    "cosh", "tanh", "floor", "round", "hypot", "logaddexp", "atan2", "remainder", "logical_or", "logical_and",
    "logical_not", "maximum", "minimum", "erf", "normal_cdf", "normal_pdf", "same", "sigmoid", "as_float16",
    "as_bfloat16",
)  # fmt: skip
"""Words that go cell by cell: NumPy's, on each chunk."""
RULES = ("softmax", "log_softmax", "norm", "unit", "one_hot", "pad0", "expand_dims", "squeeze")
"""Words that are made of others."""


def dask(scheduler: str | None = None) -> Backend:
    """Dask's arrays, on its threads on this machine, or on the workers of the scheduler at an address.

    Raises InputError (E_FILE) where no scheduler answers there, or workers have other versions.
    """
    import dask.array as da  # an extra, asked for by name

    from bpdebug.backends.planned.asking import PlannedBackend  # as above
    from bpdebug.backends.planned.here import Here
    from bpdebug.backends.planned.kept import Planned, quiet

    place: Any = Here()
    if scheduler is not None:
        from bpdebug.backends.planned.cluster import cluster  # as above

        place = cluster(scheduler)
    kept = Planned(place)
    name = "dask" if scheduler is None else f"dask at {scheduler}"
    made = PlannedBackend.of(
        name, _words(da), dtype=np.dtype, near=kept.near, settle=kept.settle, lying=kept.lying, shares=False,
        cells=partial(_cells_at, da), within=quiet,
    )  # fmt: skip
    return made if scheduler is None else replace(made, cluster=place, at_once=kept.at_once)


def _words(da: Any) -> dict[str, Any]:
    """Dask's functions, by our words."""
    from bpdebug.backends.planned.pieces import cut, spread  # as above

    words: dict[str, Any] = {name: partial(_cells, da, name) for name in CELLS}
    words |= {name: partial(_whole, da, name) for name in PRIMS if name not in words and name not in RULES}
    return words | {
        "asarray": lambda x: da.from_array(x, chunks=cut(np.shape(x), np.asarray(x).dtype)),
        "astype": lambda x, dtype: x.astype(dtype), "cast": lambda x, dtype: x.astype(dtype),
        "full": lambda shape, value, dtype: da.full(shape, value, dtype=dtype, chunks=cut(shape, np.dtype(dtype))),
        "where": da.where, "sum": standing(da.sum), "prod": standing(da.prod), "max": standing(da.max),
        "min": standing(da.min), "reshape": lambda x, shape: x.reshape(shape),
        "permute_dims": lambda x, axes: da.transpose(x, axes),
        "matrix_transpose": lambda x: da.swapaxes(x, -1, -2),
        "broadcast_to": spread,
        "concat": lambda *xs, axis: da.concatenate(xs, axis), "stack": lambda *xs, axis: da.stack(xs, axis),
        "argmax": partial(_argmax, da),
        "flip": lambda x, axis: da.flip(x, axis), "index": _index, "ones": da.ones_like,
        "numpy_dtype": lambda x: x.dtype,
    }  # fmt: skip


def _cells_at(da: Any, x: Any, key: tuple[Any, ...]) -> Any:
    """The cells at an index with arrays in it, where NumPy has them: Dask puts their axes first."""
    at = [n for n, k in enumerate(key) if not isinstance(k, slice)]
    found = x.vindex[key]
    rank = found.ndim - (x.ndim - len(at))
    return da.moveaxis(found, [*range(rank)], [*range(at[0], at[0] + rank)]) if at[-1] - at[0] < len(at) else found


def _argmax(da: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The first of the largest cells in NumPy's order: over all axes Dask's own is the first in that of its chunks."""
    if axis is not None or keepdims:
        return da.argmax(x, axis=axis, keepdims=keepdims)
    number: Any = 0
    for along, size in enumerate(x.shape):
        number = number * size + da.arange(size, chunks=(x.chunks[along],)).reshape(-1, *(1,) * (x.ndim - along - 1))
    return da.where((x == x.max()) | (x != x), number, x.size).min()


def _index(x: Any, key: Key) -> Any:
    return x[decode_key(key)]


def _cells(da: Any, name: str, *operands: Any) -> Any:
    """One of NumPy's words on every chunk; those of operands that were cut otherwise are cut alike first."""
    dtype = PRIMS[name].dtype(*_leaves(operands))
    return da.core.elemwise(PRIMS[name].run, *operands, dtype=dtype)


def _leaves(operands: tuple[Any, ...]) -> list[Any]:
    """Symbolic operands of the same shapes and dtypes: what the table's rows are asked with."""
    trace = Trace(PRIMS)
    return [trace.leaf("", tuple(x.shape), x.dtype) if hasattr(x, "dtype") else x for x in operands]


def _whole(da: Any, name: str, *operands: Any, **attrs: Any) -> Any:
    """One of NumPy's words on arrays of one chunk."""
    from dask import delayed  # as above

    prim, leaves = PRIMS[name], _leaves(operands)
    shape, dtype = prim.shape(*leaves, **attrs), prim.dtype(*leaves, **attrs)
    return da.from_delayed(delayed(_run)(name, *operands, **attrs), shape, dtype)


def _run(name: str, *operands: Any, **attrs: Any) -> Array:
    return np.asarray(PRIMS[name].run(*operands, **attrs))
