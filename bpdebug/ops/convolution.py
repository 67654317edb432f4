"""Convolution and pooling, as products and reductions over unfolded windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Sizes, extreme_vjp, mean, mean_vjp, refuse
from bpdebug.ops.conventions import TIES
from bpdebug.ops.op import Op, Sample, register


def _each(value: Sizes, rank: int) -> tuple[int, ...]:
    """One number an axis, from one for all or a tuple."""
    return (value,) * rank if isinstance(value, int) else value


def _frame(rank: int, **given: Sizes) -> dict[str, tuple[int, ...]]:
    return {name: _each(value, rank) for name, value in given.items()}


def windows(space: Shape, size: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Shape:
    """How many windows fit along each of the spatial axes, whose sizes are `space`."""
    axes = zip(space, size, stride, padding, dilation, strict=True)
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes)


def _check_windows(x: Shape, rank: int, **window: Sizes) -> None:
    """ShapeError where x is not (N, C, ...) with `rank` spatial axes, or a window does not fit into it."""
    if len(x) != rank + 2:
        want = "(N, C, H, W)" if rank == 2 else "(N, C, W)"
        raise ShapeError(f"x of shape {x} is not {want}", hint="add axes with expand_dims, or use reshape")
    for name, value in window.items():
        if not isinstance(value, int) and len(value) != rank:
            raise refuse(f"{name}={value} for {rank} spatial axes", hint=f"give a number, or {rank} of them")
        least = 0 if name == "padding" else 1
        if min(_each(value, rank)) < least:
            raise refuse(f"{name}={value} is too small", hint=f"{name} is at least {least}")
    frame = _frame(rank, **window)
    if min(windows(x[2:], **frame)) < 1:
        raise ShapeError(
            f"a window of {frame['size']} with dilation {frame['dilation']} does not fit into {x[2:]}"
            f" with padding {frame['padding']}",
            hint="use a smaller window or more padding",
        )


# --- convolution


def _check_conv(rank: int) -> Callable[..., None]:
    def check(x: Shape, w: Shape, *b: Shape, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int) -> None:
        want = "(out, in/groups, kh, kw)" if rank == 2 else "(out, in/groups, k)"
        if len(w) != rank + 2:
            raise ShapeError(f"w of shape {w} is not {want}", hint="reshape w, or use the other conv")
        if groups < 1:
            raise refuse(f"groups={groups}", hint="groups is at least 1")
        _check_windows(x, rank, size=w[2:], stride=stride, padding=padding, dilation=dilation)
        if x[1] != w[1] * groups:
            raise ShapeError(
                f"x of shape {x} has {x[1]} channels, and w of shape {w} takes {w[1]} x {groups} (groups)",
                hint=f"w is {want}",
            )
        if w[0] % groups:
            raise ShapeError(
                f"the {w[0]} outputs of w {w} are not {groups} equal groups",
                hint="out must be a multiple of groups",
            )
        if b and b[0] != w[:1]:
            raise ShapeError(f"b of shape {b[0]} for w of shape {w}", hint=f"one b an output: shape {w[:1]}")

    return check


def _columns(xp: Any, x: Any, w: Any, frame: dict[str, Any], groups: int) -> Any:
    """The windows of x as rows: (N, positions, in * k), or (N, groups, positions, in/groups * k)."""
    rows = xp.unfold(x, size=w.shape[2:], **frame)
    if groups == 1:
        return rows
    split = xp.reshape(rows, (*rows.shape[:2], groups, prod(w.shape[1:])))
    return xp.permute_dims(split, (0, 2, 1, 3))


def _kernel(xp: Any, w: Any, groups: int) -> Any:
    """The kernels as rows: (out, in * k), or (groups, out/groups, in/groups * k)."""
    rows = (w.shape[0] // groups, prod(w.shape[1:]))
    return xp.reshape(w, rows if groups == 1 else (groups, *rows))


def _conv(xp: Any, x: Any, w: Any, *b: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int) -> Any:
    frame = _frame(len(x.shape) - 2, stride=stride, padding=padding, dilation=dilation)
    out = windows(x.shape[2:], w.shape[2:], **frame)
    product = _kernel(xp, w, groups) @ xp.matrix_transpose(_columns(xp, x, w, frame, groups))
    y = xp.reshape(product, (x.shape[0], w.shape[0], *out))
    return y + xp.reshape(b[0], (w.shape[0], *(1,) * len(out))) if b else y


def _conv_vjp(
    xp: Any, g: Any, y: Any, x: Any, w: Any, *b: Any,
    stride: Sizes, padding: Sizes, dilation: Sizes, groups: int,
) -> tuple[Any, ...]:  # fmt: skip
    """Chellapilla, Puri & Simard 2006: unfolded, a convolution is a matmul, and so is its gradient."""
    frame = _frame(len(x.shape) - 2, stride=stride, padding=padding, dilation=dilation)
    batch, outs, positions = x.shape[0], w.shape[0], prod(g.shape[2:])
    maps = (outs, positions) if groups == 1 else (groups, outs // groups, positions)
    flat = xp.reshape(g, (batch, *maps))
    rows = xp.matrix_transpose(flat) @ _kernel(xp, w, groups)
    if groups > 1:
        rows = xp.reshape(xp.permute_dims(rows, (0, 2, 1, 3)), (batch, positions, groups * rows.shape[-1]))
    into_x = xp.fold(rows, shape=x.shape, size=w.shape[2:], **frame)
    into_w = xp.reshape(xp.sum(flat @ _columns(xp, x, w, frame, groups), axis=0), w.shape)
    into_b = xp.sum(g, axis=(0, *range(2, len(x.shape))))
    return (into_x, into_w, into_b)[: 2 + len(b)]


# --- pooling: a reduction over each channel's windows


def _check_pool(x: Shape, size: Sizes, stride: Sizes | None, padding: Sizes) -> None:
    _check_windows(x, 2, size=size, stride=size if stride is None else stride, padding=padding, dilation=1)
    if any(2 * p > k for p, k in zip(_each(padding, 2), _each(size, 2), strict=True)):
        raise refuse(
            f"padding={padding} for size={size} makes windows of padding only",
            hint="padding is at most half of the size",
        )


def _maps(x: Any) -> Shape:
    """The shape of x with each channel on its own, so that a window is a row of one channel."""
    n, c, h, w = x.shape
    return (n * c, 1, h, w)


def _rows(xp: Any, x: Any, fill: float, size: Sizes, stride: Sizes | None, padding: Sizes) -> tuple[Any, Any]:
    """Every window of every channel as a row, (N * C, positions, cells), and the frame that cut it out."""
    frame = _frame(2, size=size, stride=size if stride is None else stride, padding=padding, dilation=1)
    return xp.unfold(xp.reshape(x, _maps(x)), **frame, fill=fill), frame


def _pool(reduction: Callable[..., Any], fill: float) -> Callable[..., Any]:
    """The forward rule of a pooling, from a reduction over one axis."""

    def forward(xp: Any, x: Any, **window: Any) -> Any:
        rows, frame = _rows(xp, x, fill, **window)
        return xp.reshape(reduction(xp, rows, axis=-1), (*x.shape[:2], *windows(x.shape[2:], **frame)))

    return forward


def _pool_vjp(reduction_vjp: Callable[..., tuple[Any]], fill: float) -> Callable[..., tuple[Any]]:
    """The reduction's own rule, row by row; then each window is added back where it was cut out."""

    def vjp(xp: Any, g: Any, y: Any, x: Any, *, ties: str | None = None, **window: Any) -> tuple[Any]:
        rows, frame = _rows(xp, x, fill, **window)
        each, chosen = (*rows.shape[:2], 1), {} if ties is None else {"ties": ties}
        (share,) = reduction_vjp(xp, xp.reshape(g, each), xp.reshape(y, each), rows, axis=-1, keepdims=True, **chosen)
        return (xp.reshape(xp.fold(share, shape=_maps(x), **frame), x.shape),)

    return vjp


_LINE = [[[1.0, -2.0, 0.5, 4.0, 0.25], [-0.25, 3.0, 1.5, 0.75, -1.0]],
         [[2.5, -1.0, 0.3, -3.0, 1.25], [0.1, 1.2, -0.6, 2.2, -4.0]]]  # fmt: skip
_IMAGE = [[[[1.0, -2.0, 0.5, 4.0, 0.2], [-0.25, 3.0, 1.5, 0.75, -1.5], [2.5, -1.0, 0.25, -3.0, 1.1],
            [0.1, 1.2, -0.6, 2.2, 0.9]],
           [[1.75, -0.5, 3.5, -1.25, 0.6], [-2.25, 2.75, 5.0, 0.3, -0.8], [0.4, -1.75, 2.0, 1.4, 3.2],
            [-0.1, 0.7, -2.4, 1.6, 4.5]]]]  # fmt: skip
_FILTERS = [[[[1.0, -0.5], [0.25, 2.0], [-1.0, 0.5]], [[0.75, 1.5], [-2.0, 0.1], [0.3, -0.2]]],
            [[[0.5, 0.2], [-0.75, 1.0], [0.4, -1.5]], [[-0.3, 0.6], [1.2, -0.1], [0.8, 0.9]]],
            [[[1.1, 0.4], [0.7, -0.6], [-0.9, 0.1]], [[0.2, -1.3], [0.5, 1.4], [-0.4, 0.3]]]]  # fmt: skip
_WINDOW = {"stride": Attr("ints", 1), "padding": Attr("ints", 0), "dilation": Attr("ints", 1)}
_convolution = partial(
    Op,
    back="a product with the same factors: each gradient times its kernel goes to its window of x (a transposed "
    "convolution), times the window to w, by itself to b",
    operands=("x", "w", "b?"),
    forward=_conv,
    vjp=_conv_vjp,
    attrs={**_WINDOW, "groups": Attr("int", 1)},
    linear_in=(0, 1),
)
_pooling = partial(
    Op,
    attrs={"size": Attr("ints", positional=True), "stride": Attr("ints", None), "padding": Attr("ints", 0)},
    check=_check_pool,
    samples=(Sample((_IMAGE,), {"size": 2}), Sample((_IMAGE,), {"size": (3, 2), "stride": (1, 2), "padding": (1, 0)})),
)

register(
    _convolution(
        "conv1d",
        "Each kernel's product with every window of x (N, C, W): a cross-correlation.",
        check=_check_conv(1),
        samples=(
            Sample((_LINE, [[[1.0, -0.5, 2.0], [0.25, 1.5, -1.0]]] * 3, [0.5, -1.0, 0.25])),
            Sample(
                (_LINE, [[[1.0, -0.5]], [[0.25, 1.5]], [[2.0, 0.75]], [[-1.0, 0.3]]]),
                {"groups": 2, "stride": 2, "padding": 1, "dilation": 2},
            ),
        ),
    ),
    _convolution(
        "conv2d",
        "Each kernel's product with every window of x (N, C, H, W): a cross-correlation.",
        check=_check_conv(2),
        samples=(
            Sample((_IMAGE, _FILTERS, [0.5, -1.0, 0.25])),
            Sample((_IMAGE, _FILTERS), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}),
            Sample((_IMAGE, [[f[0]] for f in (*_FILTERS, _FILTERS[1])]), {"groups": 2}),
        ),
    ),
    _pooling(
        "max_pool2d",
        "The largest cell of every window of x (N, C, H, W); padding never wins.",
        back="each window's gradient goes to its largest cell; equal ones share",
        forward=_pool(lambda xp, rows, axis: xp.max(rows, axis=axis), -math.inf),
        vjp=_pool_vjp(extreme_vjp, -math.inf),
        conventions=TIES,
        kink="tied cells of a window share the gradient equally",
    ),
    _pooling(
        "avg_pool2d",
        "The mean of every window of x (N, C, H, W); padding counts as zeros.",
        back="each gradient spread evenly over its window; where windows overlap they add up",
        forward=_pool(mean, 0.0),
        vjp=_pool_vjp(mean_vjp, 0.0),
        linear_in=(0,),
    ),
    Op(
        "im2col",
        "Every window of x (N, C, H, W) as a row: (N, positions, C*kh*kw).",
        back="col2im: each window is added back where it was cut out",
        forward=lambda xp, x, **window: xp.unfold(x, **_frame(2, **window)),
        vjp=lambda xp, g, y, x, **window: (xp.fold(g, shape=x.shape, **_frame(2, **window)),),
        attrs={"size": Attr("ints", positional=True), **_WINDOW},
        check=lambda x, **window: _check_windows(x, 2, **window),
        linear_in=(0,),
        samples=(
            Sample((_IMAGE,), {"size": (3, 2)}),
            Sample((_IMAGE,), {"size": 2, "stride": (2, 1), "padding": 1, "dilation": (1, 2)}),
        ),
    ),
)
