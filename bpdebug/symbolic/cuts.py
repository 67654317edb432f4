"""Windows, parts and cells beside one another cut out of images and added back: what rules need beyond NumPy."""

from __future__ import annotations

import math

import numpy as np

from bpdebug.arrays import Array, Shape
from bpdebug.ops.windows import padded, pairs, regions, windows
from bpdebug.progress import may_stop

FRAME = "size", "stride", "padding", "dilation"
"""What says where windows are, in the order of `ops.windows.windows`."""


def unfold(x: Array, size: Shape, stride: Shape, padding: Shape, dilation: Shape, fill: float = 0.0) -> Array:
    """Every window of (N, C, *space) as a row: (N, windows, C * prod(size)); im2col."""
    view = windows_of(x, size, stride, padding, dilation, fill)
    return as_rows(view, len(size))


def windows_of(x: Array, size: Shape, stride: Shape, padding: Shape, dilation: Shape, fill: float) -> Array:
    """Every window of (N, C, *space) with its padding: (N, *windows, C, *size), a view of one copy at most."""
    out = windows(x.shape[2:], size, stride, padding, dilation)
    if any(map(any, pairs(padding))):
        inner = tuple(slice(a, a + n) for (a, _), n in zip(pairs(padding), x.shape[2:], strict=True))
        wide = np.full((*x.shape[:2], *padded(x.shape[2:], padding)), fill, x.dtype)
        wide[(slice(None), slice(None), *inner)] = x
        x = wide
    # A step that is never taken may be of any size: NumPy's are of 64 bits.
    strides = x.strides[:2] + tuple(a * s * (n > 1) for a, s, n in zip(x.strides[2:], stride, out, strict=True))
    strides += tuple(a * d * (k > 1) for a, d, k in zip(x.strides[2:], dilation, size, strict=True))
    view = np.lib.stride_tricks.as_strided(x, (*x.shape[:2], *out, *size), strides, writeable=False)
    rank = len(size)
    return view.transpose(0, *range(2, 2 + rank), 1, *range(2 + rank, 2 + 2 * rank))


def as_rows(view: Array, rank: int) -> Array:
    """Windows (N, *windows, C, *size) as rows: (N, windows, C * prod(size))."""
    return view.reshape(len(view), math.prod(view.shape[1 : 1 + rank]), math.prod(view.shape[1 + rank :]))


def fold(x: Array, shape: Shape, size: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Array:
    """Rows of windows added back where they came from, into (N, C, *space): unfold's adjoint, col2im."""
    total = np.zeros((*shape[:2], *padded(shape[2:], padding)), x.dtype)
    add_windows(total, x, shape, size, stride, padding, dilation)
    return inner(total, shape, padding)


def add_windows(
    total: Array, x: Array, shape: Shape, size: Shape, stride: Shape, padding: Shape, dilation: Shape
) -> None:  # fmt: skip
    """Adds rows of windows where they came from to `total`, images with their padding; of `shape` all but N counts."""
    out = windows(shape[2:], size, stride, padding, dilation)
    rank = len(size)
    cols = x.reshape(x.shape[0], *out, shape[1], *size)
    cols = cols.transpose(0, 1 + rank, *range(1, 1 + rank), *range(2 + rank, 2 + 2 * rank))
    for offset in np.ndindex(*size):
        may_stop()
        here = tuple(slice(o * d, o * d + s * n, s) for o, d, s, n in zip(offset, dilation, stride, out, strict=True))
        total[(slice(None), slice(None), *here)] += cols[(Ellipsis, *offset)]


def inner(total: Array, shape: Shape, padding: Shape) -> Array:
    """Images of this shape, (N, C, *space), without the padding around them; a view."""
    return total[
        (slice(None), slice(None), *(slice(a, a + n) for (a, _), n in zip(pairs(padding), shape[2:], strict=True)))
    ]


def places(space: Shape, out: Shape) -> tuple[Array, Array]:
    """Which cell of `space`, by number, each cell of each part is (parts, cells), and whether it is one of the part."""
    spans = [regions(n, k) for n, k in zip(space, out, strict=True)]
    cells, inside = np.zeros((1, 1), np.int64), np.ones((1, 1), bool)
    for n, span in zip(space, spans, strict=True):
        starts, ends = np.array(span).reshape(-1, 2).T
        along = starts[:, None] + np.arange(max(ends - starts))
        many = (cells.shape[0] * along.shape[0], cells.shape[1] * along.shape[1])
        here = np.minimum(along, n - 1)[None, :, None, :]
        cells = (cells[:, None, :, None] * n + here).reshape(many)
        inside = (inside[:, None, :, None] & (along < ends[:, None])[None, :, None, :]).reshape(many)
    return cells, inside


def unfold_to(x: Array, out: Shape, fill: float = 0.0) -> Array:
    """Each of so many equal parts of (N, C, *space) as a row, (N, prod(out), C * cells); a smaller one is filled up."""
    cells, inside = places(x.shape[2:], out)
    rows = np.where(inside, x.reshape(*x.shape[:2], math.prod(x.shape[2:]))[:, :, cells], np.asarray(fill, x.dtype))
    return np.asarray(rows.transpose(0, 2, 1, 3)).reshape(x.shape[0], len(cells), x.shape[1] * cells.shape[1])


def fold_to(x: Array, shape: Shape, out: Shape) -> Array:
    """Rows of parts added back where they came from, into (N, C, *space): unfold_to's adjoint."""
    cells, inside = places(shape[2:], out)
    rows = x.reshape(shape[0], *cells.shape[:1], shape[1], cells.shape[1]).transpose(1, 3, 0, 2)
    total = np.zeros((math.prod(shape[2:]), *shape[:2]), x.dtype)
    np.add.at(total, cells[inside], rows[inside])
    return np.moveaxis(total, 0, -1).reshape(shape)


def _taken(cells: int, out: int, scale: float | None, corners: bool) -> Array:
    """Where each of `out` cells along an axis lies among `cells`: (out,), in double precision.

    As PyTorch has it: aten/src/ATen/native/UpSample.h.
    """
    if corners:
        return np.asarray(np.arange(out) * ((cells - 1) / (out - 1) if out > 1 else 0.0))
    return np.asarray((np.arange(out) + 0.5) * (cells / out if scale is None else 1 / scale) - 0.5)


def sources(
    x: Array, axis: int, out: int, scale: float | None, nearest: bool, middle: bool, corners: bool, next: int
) -> Array:
    """Which cell each of `out` along an axis of x is taken from, (out,) int64; the one behind it where `next` is 1.

    What is `nearest` to a cell's beginning, or to its `middle`, is found in single precision, as there.
    """
    cells = x.shape[axis]
    if nearest:
        step = np.float32(cells / out if scale is None else 1 / scale)
        at = np.asarray((np.arange(out, dtype=np.float32) + np.float32(0.5 * middle)) * step)
    else:
        at = np.maximum(_taken(cells, out, scale, corners), 0.0)
    return np.asarray(np.minimum(np.floor(at).astype(np.int64) + next, cells - 1))


def shares(x: Array, axis: int, out: int, scale: float | None, corners: bool) -> Array:
    """What each takes of the cell behind, (out,) of x's dtype: how far between the two it lies."""
    at = np.maximum(_taken(x.shape[axis], out, scale, corners), 0.0)
    return np.asarray(at - np.minimum(np.floor(at), x.shape[axis] - 1)).astype(x.dtype)


BEND = -0.75
"""The slope of the cubic's outer piece at 1, as PyTorch has it."""


def cubic(x: Array, axis: int, out: int, scale: float | None, corners: bool) -> Array:
    """What each of `out` takes of every cell along an axis of x, (out, cells) of x's dtype: of the four nearest.

    Keys 1981, Cubic convolution interpolation (IEEE ASSP 29, 1153-1160); beyond the ends the last cell is taken again.
    """
    cells = x.shape[axis]
    at = _taken(cells, out, scale, corners)
    found = np.zeros((out, cells))
    for step in range(-1, 3):
        place = np.floor(at) + step
        far = np.abs(at - place)
        near = ((BEND + 2) * far - (BEND + 3)) * far * far + 1
        outer = ((BEND * far - 5 * BEND) * far + 8 * BEND) * far - 4 * BEND
        here = np.clip(place, 0, cells - 1).astype(np.int64)
        np.add.at(found, (np.arange(out), here), np.where(far <= 1, near, outer))
    return found.astype(x.dtype)
