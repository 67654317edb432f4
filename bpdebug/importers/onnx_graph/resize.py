"""Images made larger or smaller, in every way that ONNX has."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from bpdebug.importers.lowering import Operand, refuse
from bpdebug.importers.onnx_graph.table import OnnxCall, Value, rule


@rule("Resize")
def resize(
    c: OnnxCall, x: Value, roi: Value | None = None, scales: Value | None = None, sizes: Value | None = None, *,
    antialias: int = 0, axes: list[int] | None = None, coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75, exclude_outside: int = 0, extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch", mode: str = "nearest", nearest_mode: str = "round_prefer_floor",
) -> Operand:  # fmt: skip
    """Along one axis after the other: cells that are taken, or a product with a matrix of their shares."""
    coordinates = coordinate_transformation_mode
    refuse(keep_aspect_ratio_policy == "stretch" and not antialias, "antialias, or an aspect ratio that is kept")
    refuse(coordinates in _COORDINATES and mode in ("nearest", "linear", "cubic"), f"{mode}, {coordinates}")
    along = list(range(x.rank)) if axes is None else [a % x.rank for a in axes]
    given = None if scales is None else c.array(scales, "scales").ravel().tolist()
    if given is None:
        new = c.ints(sizes, "sizes") or []
        given = [size / x.shape[axis] for size, axis in zip(new, along, strict=True)]
    else:
        new = [int(np.floor(x.shape[axis] * scale)) for scale, axis in zip(given, along, strict=True)]
    refuse(min((*new, *x.shape), default=1) > 0, f"axes of {new} cells")
    c.home.room(tuple(dict(zip(along, new, strict=True)).get(d, n) for d, n in enumerate(x.shape)), x.dtype)
    found = c.held(x)
    for axis, size, scale in zip(along, new, given, strict=True):
        n = x.shape[axis]
        if (size, scale) == (n, 1.0):
            continue
        at = _COORDINATES[coordinates](np.arange(size), n, size, scale)
        if mode == "nearest":
            ids = np.clip(_NEAREST[nearest_mode](at), 0, n - 1).astype(np.int64)
            found = c.emit("gather", found, c.constant("ids", ids), name="resize", axis=axis)
        else:
            found = _mixed(c, found, axis, _weights(at, n, mode, cubic_coeff_a, bool(exclude_outside)))
    return found


_COORDINATES: dict[str, Callable[[Any, int, int, float], Any]] = {
    "half_pixel": lambda i, n, size, scale: (i + 0.5) / scale - 0.5,
    "half_pixel_symmetric": lambda i, n, size, scale: (
        n / 2 * (1 - size / (n * scale)) + (i + 0.5) / scale - 0.5
    ),
    "pytorch_half_pixel": lambda i, n, size, scale: (i + 0.5) / scale - 0.5 if size > 1 else i * 0.0,
    "align_corners": lambda i, n, size, scale: i * (n - 1) / (n * scale - 1) if n * scale > 1 else i * 0.0,
    "asymmetric": lambda i, n, size, scale: i / scale,
}  # fmt: skip
"""Which place of an axis of n cells each of `size` cells i is taken from (ONNX's Resize)."""
_NEAREST: dict[str, Callable[[Any], Any]] = {
    "round_prefer_floor": lambda at: np.ceil(at - 0.5), "round_prefer_ceil": lambda at: np.floor(at + 0.5),
    "floor": np.floor, "ceil": np.ceil,
}  # fmt: skip


def _weights(at: Any, n: int, mode: str, a: float, exclude: bool) -> Any:
    """The share of each of n cells, a column, in the cell at each place, a row; those beyond an end are the end's."""
    low = np.floor(at).astype(np.int64)
    share = at - low
    if mode == "linear":
        cells = [(low, 1 - share), (low + 1, share)]
    else:
        cells = [(low + k, _cubic(np.abs(share - k), a)) for k in (-1, 0, 1, 2)]
    found = np.zeros((len(at), n))
    for place, weight in cells:
        weight = np.where((place < 0) | (place >= n), 0, weight) if exclude else weight
        np.add.at(found, (np.arange(len(at)), np.clip(place, 0, n - 1)), weight)
    return found / found.sum(axis=1, keepdims=True) if exclude else found


def _cubic(d: Any, a: float) -> Any:
    """Keys 1981 (10.1109/TASSP.1981.1163711), equation 15: the weight of a cell at a distance."""
    near, far = ((a + 2) * d - (a + 3)) * d**2 + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def _mixed(c: OnnxCall, x: Operand, axis: int, weights: Any) -> Operand:
    """A matrix times an axis."""
    last = axis == x.rank - 1
    shares = c.constant("shares", (weights.T if last else weights).astype(x.dtype))
    if last:
        return c.emit("matmul", x, shares, name="resize")
    apart = c.reshape(x, (prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])))
    mixed = c.emit("matmul", shares, apart)
    return c.reshape(mixed, (*x.shape[:axis], weights.shape[0], *x.shape[axis + 1 :]), "resize")
