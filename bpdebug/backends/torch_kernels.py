"""PyTorch's kernels for convolutions, pools, contractions and softmax, by the words of `kernels.py`."""

from __future__ import annotations

import math
from functools import partial, reduce
from typing import Any

from bpdebug.arrays import Shape

Steps = tuple[int, ...]


def kernels(t: Any) -> dict[str, Any]:
    """Of one, two or three spatial axes; `size` is the kernel's, and what `shape` says is what they give."""
    aten = t.ops.aten
    pools = {2: aten.max_pool2d_with_indices.default, 3: aten.max_pool3d_with_indices.default}
    back = {2: aten.max_pool2d_with_indices_backward.default, 3: aten.max_pool3d_with_indices_backward.default}

    def convolve(x: Any, w: Any, size: Shape, stride: Steps, padding: Steps, dilation: Steps) -> Any:
        return aten.convolution.default(x, w, None, stride, padding, dilation, False, [0] * len(size), 1)

    def adjoint(g: Any, x: Any, w: Any, which: int, stride: Steps, padding: Steps, dilation: Steps) -> Any:
        mask = [which == 0, which == 1, False]
        none = [0] * len(stride)
        found = aten.convolution_backward.default(g, x, w, None, stride, padding, dilation, False, none, 1, mask)
        return found[which]

    def convolve_x(g: Any, w: Any, size: Shape, shape: Shape, **how: Steps) -> Any:
        return adjoint(g, g.new_empty(shape), w, 0, **how)

    def convolve_w(g: Any, x: Any, size: Shape, shape: Shape, **how: Steps) -> Any:
        return adjoint(g, x, g.new_empty(shape), 1, **how)

    def pool_x(g: Any, x: Any, **how: Steps) -> Any:
        wide, frame = _two_axes(x, how)
        found, at = pools[len(frame[0])](wide, *frame)
        return back[len(frame[0])](g.reshape(found.shape), wide, *frame, False, at).reshape(x.shape)

    return {
        "convolve": convolve, "convolve_x": convolve_x, "convolve_w": convolve_w,
        "pool": partial(_pool, t), "pool_x": pool_x,
        "softmax": lambda x, axis: aten._softmax.default(x, axis, False),
        "softmax_x": lambda g, y, axis: aten._softmax_backward_data.default(g, y, axis, y.dtype),
        "rectified_x": lambda g, x: aten.threshold_backward.default(g, x, 0),
        "contract": lambda a, b: a.reshape(-1, a.shape[-1]).mT @ b.reshape(-1, b.shape[-1]),
    }  # fmt: skip


def _pool(t: Any, x: Any, shape: Shape, size: Shape, stride: Steps, padding: Steps, dilation: Steps) -> Any:
    """Along one axis after the other: PyTorch's own looks at each window's cells, which takes ten times as long."""
    if any(padding):
        x = t.constant_pad_nd(x, [p for p in reversed(padding) for _ in "<>"], -math.inf)
    for axis, (n, step, gap) in enumerate(zip(size, stride, dilation, strict=True), 2):
        ends = x.shape[axis] - gap * (n - 1)
        x = reduce(t.maximum, (x[(*[slice(None)] * axis, slice(at, at + ends, step))] for at in range(0, n * gap, gap)))
    return x.reshape(shape)


def _two_axes(x: Any, how: dict[str, Steps]) -> tuple[Any, list[Steps]]:
    """x and its windows, with an axis of one cell in front where there is a single one: that kernel does not exist."""
    frame = [how[name] for name in ("size", "stride", "padding", "dilation")]
    if x.ndim > 3:
        return x, frame
    return x.unsqueeze(2), [(one, *of) for one, of in zip((1, 1, 0, 1), frame, strict=True)]
