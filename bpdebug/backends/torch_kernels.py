"""PyTorch's own kernels, by the words of `kernels.py` and `row_forms.py`."""

from __future__ import annotations

import math
from typing import Any

from bpdebug.arrays import Shape

Steps = tuple[int, ...]
SLANT, DENSITY = math.sqrt(1 / 2), 1 / math.sqrt(2 * math.pi)
"""Of the normal distribution: Φ(x) = (1 + erf(SLANT x)) / 2, and its density at 0."""


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

    def pool(x: Any, shape: Shape, **how: Steps) -> Any:
        x, frame = _two_axes(x, how)
        return pools[len(frame[0])](x, *frame)[0].reshape(shape)

    def pool_x(g: Any, x: Any, **how: Steps) -> Any:
        wide, frame = _two_axes(x, how)
        found, at = pools[len(frame[0])](wide, *frame)
        return back[len(frame[0])](g.reshape(found.shape), wide, *frame, False, at).reshape(x.shape)

    return {
        **_of_rows(t),
        "convolve": convolve, "convolve_x": convolve_x, "convolve_w": convolve_w, "pool": pool, "pool_x": pool_x,
        "rectified_x": lambda g, x: aten.threshold_backward.default(g, x, 0),
        "contract": lambda a, b: a.reshape(-1, a.shape[-1]).mT @ b.reshape(-1, b.shape[-1]),
    }  # fmt: skip


def _two_axes(x: Any, how: dict[str, Steps]) -> tuple[Any, list[Steps]]:
    """x and its windows, with an axis of one cell in front where there is a single one: that kernel does not exist."""
    frame = [how[name] for name in ("size", "stride", "padding", "dilation")]
    if x.ndim > 3:
        return x, frame
    return x.unsqueeze(2), [(one, *of) for one, of in zip((1, 1, 0, 1), frame, strict=True)]


def _of_rows(t: Any) -> dict[str, Any]:
    aten = t.ops.aten

    def layer_norm(x: Any, gamma: Any = None, beta: Any = None, *, size: Shape, eps: float) -> Any:
        return aten.native_layer_norm.default(x, size, gamma, beta, eps)[0]

    def layer_norm_x(g: Any, x: Any, gamma: Any = None, *, size: Shape, eps: float) -> Any:
        """Of x itself the kernel loses its digits where the mean is large; of what has mean 0 and variance 1 not."""
        unit, _, scale = aten.native_layer_norm.default(x, size, None, None, eps)
        plain, mask = (t.zeros_like(scale), t.ones_like(scale)), [True, False, False]
        found = aten.native_layer_norm_backward.default(g, unit, size, *plain, gamma, None, mask)[0]
        return found.mul_(scale)

    def chance(x: Any) -> Any:
        return t.mul(x, SLANT).erf_().add_(1).mul_(0.5)

    def gelu_x(g: Any, x: Any) -> Any:
        density = t.square(x).mul_(-0.5).exp_()
        return chance(x).addcmul_(density, x, value=DENSITY).mul_(g)

    return {
        "layer_norm": layer_norm, "layer_norm_x": layer_norm_x,
        # PyTorch's own for GELU, in float32, has fewer digits, and NaN at infinity
        "gelu": lambda x: chance(x).mul_(x), "gelu_x": gelu_x,
        "softmax": lambda x, axis: aten._softmax.default(x, axis, False),
        "softmax_x": lambda g, y, axis: aten._softmax_backward_data.default(g, y, axis, y.dtype),
    }  # fmt: skip
