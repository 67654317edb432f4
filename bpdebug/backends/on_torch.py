"""PyTorch's tensors: its own function for each of our words, never one that is found by its name."""

from __future__ import annotations

import ctypes
import math
import warnings
from functools import partial
from typing import Any

import numpy as np

from bpdebug.arrays import Array, Key, Shape
from bpdebug.backends.backend import Backend
from bpdebug.backends.kernels import whole_kernels
from bpdebug.backends.reused import INTO
from bpdebug.backends.torch_kernels import kernels
from bpdebug.backends.words import upwards

FRESH = frozenset((
    "add", "subtract", "multiply", "divide", "negative", "matmul", "exp", "sqrt", "square", "sigmoid", "tanh", "where",
    "normal_cdf", "normal_pdf", "place", "contract", "rectified_x", "softmax", "softmax_x", "convolve", "convolve_x",
    "convolve_w",
))  # fmt: skip
"""Words that make a tensor of their own, whatever they are given."""


def torch(device: str | None = None) -> Backend:
    """PyTorch on a device, `cpu` or `cuda:0`."""
    import torch as library  # an extra, asked for by name

    place = library.device(device or "cpu")
    library.empty(0, device=place)  # or it would be missed when a pass runs
    own = {
        **_plain(library),
        **_reused(library),
        **_shaped(library),
        **_gathered(library, place),
        **_made(library, place),
        **kernels(library),
    }

    def dtype(name: str) -> Any:
        """The dtype of NumPy's name; TypeError where the device has none, as MPS has no float64."""
        return library.empty(0, dtype=getattr(library, name), device=place).dtype

    return Backend.of(
        f"torch {device or 'cpu'}", own, dtype=dtype, near=_near, shares=place.type == "cpu", within=library.no_grad,
        fused=whole_kernels, release=_trim() if place.type == "cpu" else None, halves=True, fresh=FRESH,
    )  # fmt: skip


def _trim() -> Any:
    """The C library's own word for it, where it has one.

    Tensors are aligned blocks: where one was freed, glibc has a hole that the next of its size does not fit into.
    """
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None) and partial(ctypes.CDLL(None).malloc_trim, 0)
    except (OSError, TypeError):  # elsewhere than on Unix a process is no library
        return None


def _near(x: Any) -> Array:
    half = x.is_floating_point() and x.dtype.itemsize < 4  # which NumPy has not, or not for long: float32 has them all
    found: Array = (x.float() if half else x).detach().cpu().numpy()
    return found


def _plain(t: Any) -> dict[str, Any]:
    """Cell by cell; numbers beside tensors are clamped to, which keeps NaN as NumPy's extremes do."""

    def extreme(both: Any, clamp: Any) -> Any:
        def word(a: Any, b: Any) -> Any:
            if isinstance(a, t.Tensor) and isinstance(b, t.Tensor):
                return both(a, b)
            return clamp(a, b) if isinstance(a, t.Tensor) else clamp(b, a)

        return word

    def tensors(both: Any) -> Any:
        def word(a: Any, b: Any) -> Any:
            like = a if isinstance(a, t.Tensor) else b
            return both(*(x if isinstance(x, t.Tensor) else t.full_like(like, x) for x in (a, b)))

        return word

    def chance(x: Any) -> Any:
        return t.mul(x, -math.sqrt(1 / 2)).erfc_().mul_(0.5)  # t.special.ndtr has no digits far below 0

    def density(x: Any) -> Any:
        return t.square(x).mul_(-0.5).exp_().mul_(1 / math.sqrt(2 * math.pi))

    return {
        "exp": t.exp, "expm1": t.expm1, "log": t.log, "log1p": t.log1p, "log2": t.log2, "log10": t.log10,
        "sqrt": t.sqrt, "square": t.square, "abs": t.abs, "sin": t.sin, "cos": t.cos, "tan": t.tan, "sinh": t.sinh,
        "cosh": t.cosh, "tanh": t.tanh, "floor": t.floor, "round": t.round, "erf": t.erf, "normal_cdf": chance,
        "normal_pdf": density, "sigmoid": t.sigmoid,
        "logical_or": t.logical_or, "logical_and": t.logical_and, "logical_not": t.logical_not,
        "sign": lambda x: t.where(x == x, t.sign(x), x),
        "maximum": extreme(t.maximum, t.clamp_min), "minimum": extreme(t.minimum, t.clamp_max),
        "atan2": tensors(t.atan2), "hypot": tensors(t.hypot), "logaddexp": tensors(t.logaddexp),
        "remainder": tensors(t.remainder), "where": t.where, "pow": lambda a, b: a**b,
        "astype": lambda x, dtype: x.to(dtype), "cast": lambda x, dtype: x.to(dtype),
        "as_float16": lambda x: x.to(t.float32).to(t.float16).to(t.float32),
        "as_bfloat16": lambda x: x.to(t.float32).to(t.bfloat16).to(t.float32),
    }  # fmt: skip


def _reused(t: Any) -> dict[str, Any]:
    """What writes into an operand of its own, by the words of `reused.py`."""

    def into(word: Any) -> Any:
        return lambda *operands, into=0: word(*operands, out=operands[into])

    words = {
        "add": t.add, "subtract": t.sub, "multiply": t.mul, "divide": t.div, "exp": t.exp, "sqrt": t.sqrt,
        "square": t.square,
    }  # fmt: skip
    return {INTO[name].name: into(word) for name, word in words.items()}


def _shaped(t: Any) -> dict[str, Any]:
    """Reductions, scans and shapes."""

    def reducer(word: Any) -> Any:
        def reduce(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
            axes = tuple(range(x.ndim)) if axis is None else axis
            return x if axes == () else word(x, axes, keepdims)

        return reduce

    def prod(x: Any, axis: Any, keepdims: bool) -> Any:
        for a in sorted((a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis)), reverse=True):
            x = t.prod(x, a, keepdims)
        return x

    def squeezed(word: Any) -> Any:
        return lambda x, axis=None, keepdims=False: word(x, axis, keepdims) if x.ndim or axis is not None else word(x)

    return {
        "sum": reducer(t.sum), "prod": reducer(prod), "max": reducer(t.amax), "min": reducer(t.amin),
        "argmax": squeezed(t.argmax), "argmin": squeezed(t.argmin),
        "argsort": lambda x, axis, descending=False: t.argsort(x, dim=axis, stable=True, descending=descending),
        "cumsum": t.cumsum, "cumprod": t.cumprod,
        "cummax": lambda x, axis: t.cummax(x, axis).values,
        "reshape": lambda x, shape: x.reshape(shape), "permute_dims": lambda x, axes: x.permute(axes),
        "matrix_transpose": lambda x: x.mT, "broadcast_to": lambda x, shape: t.broadcast_to(x, shape),
        "concat": lambda *xs, axis: t.cat(xs, axis), "stack": lambda *xs, axis: t.stack(xs, axis),
        "flip": lambda x, axis: x.flip(tuple(range(x.ndim)) if axis is None else axis),
        "roll": lambda x, shift, axis: t.roll(x, shift, axis),
    }  # fmt: skip


def _gathered(t: Any, device: Any) -> dict[str, Any]:
    """Cells by their indices, and their adjoints."""

    def scatter_add(x: Any, ids: Any, axis: int, size: int) -> Any:
        lead, rest = x.shape[:axis], x.shape[axis + ids.ndim :]
        rows = x.reshape(*lead, ids.numel(), *rest)
        zeros = t.zeros((*lead, size, *rest), dtype=x.dtype, device=device)
        return zeros.index_add_(axis, t.where(ids < 0, ids + size, ids).reshape(-1), rows)

    def along(x: Any, ids: Any, axis: int) -> Any:
        return t.take_along_dim(x, t.where(ids < 0, ids + x.shape[axis], ids), axis)

    def scatter_along(x: Any, ids: Any, axis: int, size: int) -> Any:
        shape = list(t.broadcast_shapes(x.shape, ids.shape))
        ids, x = t.where(ids < 0, ids + size, ids).expand(shape), x.expand(shape)
        shape[axis] = size
        return t.zeros(shape, dtype=x.dtype, device=device).scatter_add_(axis, ids, x)

    def place(x: Any, shape: Shape, key: Key) -> Any:
        items, back = upwards(key, shape)
        out = t.zeros(shape, dtype=x.dtype, device=device)
        out[items] = x.flip(back) if back else x
        return out

    return {
        "take_rows": lambda x, ids, axis: t.index_select(x, axis, ids), "scatter_add": scatter_add,
        "take_along_axis": along, "scatter_along_axis": scatter_along, "place": place,
        "diagonal": lambda x, offset, axis1, axis2: t.diagonal(x, offset, axis1, axis2),
    }  # fmt: skip


def _made(t: Any, device: Any) -> dict[str, Any]:
    """Arrays of nothing but attributes."""

    def asarray(x: Any) -> Any:
        """What nobody may write into, nobody does: a tensor knows no such thing, and NumPy's flag makes a warning."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return t.as_tensor(x, device=device)

    return {
        "asarray": asarray,
        "full": lambda shape, value, dtype: t.full(shape, value, dtype=dtype, device=device),
        "ones": t.ones_like,
        "arange": lambda start, stop, step=1: t.arange(start, stop, step, device=device),
        "numpy_dtype": lambda x: np.dtype(
            "float32" if x.dtype in (t.float16, t.bfloat16) else str(x.dtype).removeprefix("torch.")
        ),
    }
