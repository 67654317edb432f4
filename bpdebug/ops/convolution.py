"""Convolutions and their transposes, as products of unfolded windows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, NamedTuple

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Sizes, refuse
from bpdebug.ops.op import Op, Sample, register
from bpdebug.ops.windows import LAYOUTS, WINDOW, Frame, Padding, check_windows, each, frame, windows

_KERNEL = {1: "k", 2: "kh, kw", 3: "kd, kh, kw"}


def _check_conv(rank: int) -> Callable[..., None]:
    def check(x: Shape, w: Shape, *b: Shape, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> None:
        want = f"(out, in/groups, {_KERNEL[rank]})"
        if len(w) != rank + 2:
            raise ShapeError(f"w of shape {w} is not {want}", hint="reshape w, or use the other conv")
        if groups < 1:
            raise refuse(f"groups={groups}", hint="groups is at least 1")
        check_windows(x, rank, size=w[2:], stride=stride, padding=padding, dilation=dilation)
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


def _kernel(xp: Any, w: Any, groups: int) -> Any:
    """The kernels as rows: (out, in * k), or (groups, out/groups, in/groups * k)."""
    rows = (w.shape[0] // groups, prod(w.shape[1:]))
    return xp.reshape(w, rows if groups == 1 else (groups, *rows))


def _conv(xp: Any, x: Any, w: Any, *b: Any, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Any:
    found = frame(x.ndim - 2, w.shape[2:], stride, padding, dilation)
    out = windows(x.shape[2:], **found)
    product = _kernel(xp, w, groups) @ xp.matrix_transpose(_grouped(xp, xp.unfold(x, **found), groups))
    y = xp.reshape(product, (x.shape[0], w.shape[0], *out))
    return y + xp.reshape(b[0], (w.shape[0], *(1,) * len(out))) if b else y


def _conv_vjp(
    xp: Any, g: Any, y: Any, x: Any, w: Any, *b: Any,
    stride: Sizes, padding: Padding, dilation: Sizes, groups: int,
) -> tuple[Any, ...]:  # fmt: skip
    """Chellapilla, Puri & Simard 2006: unfolded, a convolution is a matmul, and so is its gradient."""
    found = frame(x.ndim - 2, w.shape[2:], stride, padding, dilation)
    batch, outs, positions = x.shape[0], w.shape[0], prod(g.shape[2:])
    maps = (outs, positions) if groups == 1 else (groups, outs // groups, positions)
    flat = xp.reshape(g, (batch, *maps))
    rows = xp.matrix_transpose(flat) @ _kernel(xp, w, groups)
    if groups > 1:
        rows = xp.reshape(xp.permute_dims(rows, (0, 2, 1, 3)), (batch, positions, groups * rows.shape[-1]))
    into_x = xp.fold(rows, shape=x.shape, **found)
    into_w = xp.reshape(xp.sum(flat @ _grouped(xp, xp.unfold(x, **found), groups), axis=0), w.shape)
    into_b = xp.sum(g, axis=(0, *range(2, len(x.shape))))
    return (into_x, into_w, into_b)[: 2 + len(b)]


def _check_transposed(rank: int) -> Callable[..., None]:
    def check(
        x: Shape, w: Shape, *b: Shape,
        stride: Sizes, padding: Sizes, dilation: Sizes, output_padding: Sizes, groups: int,
    ) -> None:  # fmt: skip
        want = f"(in, out/groups, {_KERNEL[rank]})"
        if len(w) != rank + 2:
            raise ShapeError(f"w of shape {w} is not {want}", hint="reshape w, or use the other conv_transpose")
        if groups < 1:
            raise refuse(f"groups={groups}", hint="groups is at least 1")
        check_windows((*x[:2], *w[2:]), rank, size=w[2:], stride=stride, padding=padding, dilation=1)
        if len(x) != rank + 2:
            raise ShapeError(f"x of shape {x} is not {LAYOUTS[rank]}", hint="add axes with expand_dims, or use reshape")
        if x[1] != w[0] or x[1] % groups:
            raise ShapeError(
                f"x of shape {x} has {x[1]} channels, and w of shape {w} takes {w[0]} in {groups} equal groups",
                hint=f"w is {want}",
            )
        steps = map(max, each(stride, rank), each(dilation, rank))
        if any(not 0 <= more < step for more, step in zip(each(output_padding, rank), steps, strict=True)):
            what = f"output_padding={output_padding} for stride={stride} and dilation={dilation}"
            raise refuse(what, hint="it is at least 0, and less than the larger of stride and dilation")
        if min(_spread(x, w, stride, padding, dilation, output_padding).out) < 1 or prod(x[2:]) == 0:
            raise ShapeError(f"x of shape {x} with padding {padding} leaves nothing", hint="use less padding")
        if b and b[0] != (w[1] * groups,):
            raise ShapeError(f"b of shape {b[0]} for w of shape {w}", hint=f"one b an output: shape {(w[1] * groups,)}")

    return check


class _Spread(NamedTuple):
    """The spatial sizes of a transposed convolution's result, those that windows reach, and the windows' frame."""

    out: Shape
    reached: Shape
    frame: Frame


def _spread(x: Shape, w: Shape, stride: Sizes, padding: Sizes, dilation: Sizes, output_padding: Sizes) -> _Spread:
    rank = len(x) - 2
    found, more = frame(rank, w[2:], stride, padding, dilation), each(output_padding, rank)
    axes = zip(x[2:], w[2:], found["stride"], found["padding"], found["dilation"], more, strict=True)
    out = tuple((n - 1) * s - 2 * p + d * (k - 1) + 1 + m for n, k, s, p, d, m in axes)
    if all(m < s for m, s in zip(more, found["stride"], strict=True)):
        return _Spread(out, out, found)
    # one more window would begin in so many cells: less is cut off behind, and where nothing was, zeros are added
    own = tuple(zip(found["padding"], more, strict=True))
    reached = tuple(n - max(m - p, 0) for n, (p, m) in zip(out, own, strict=True))
    return _Spread(out, reached, {**found, "padding": tuple((p, max(p - m, 0)) for p, m in own)})


def _flat(xp: Any, x: Any, groups: int) -> Any:
    """Channels as rows: (N, in, positions), or (N, groups, in/groups, positions)."""
    channels = (x.shape[1],) if groups == 1 else (groups, x.shape[1] // groups)
    return xp.reshape(x, (x.shape[0], *channels, prod(x.shape[2:])))


def _grouped(xp: Any, rows: Any, groups: int) -> Any:
    """Windows of all channels as rows of each group's: (N, groups, positions, out/groups * k)."""
    if groups == 1:
        return rows
    return xp.permute_dims(xp.reshape(rows, (*rows.shape[:2], groups, rows.shape[-1] // groups)), (0, 2, 1, 3))


def _conv_transpose(
    xp: Any, x: Any, w: Any, *b: Any,
    stride: Sizes, padding: Sizes, dilation: Sizes, output_padding: Sizes, groups: int,
) -> Any:  # fmt: skip
    out, reached, found = _spread(x.shape, w.shape, stride, padding, dilation, output_padding)
    rows = xp.matrix_transpose(_flat(xp, x, groups)) @ _kernel(xp, w, groups)
    if groups > 1:
        rows = xp.permute_dims(rows, (0, 2, 1, 3))
        rows = xp.reshape(rows, (*rows.shape[:2], groups * rows.shape[-1]))
    y = xp.fold(rows, shape=(x.shape[0], w.shape[1] * groups, *reached), **found)
    if reached != out:
        y = xp.pad0(y, widths=((0, 0), (0, 0), *((0, n - k) for n, k in zip(out, reached, strict=True))))
    return y + xp.reshape(b[0], (w.shape[1] * groups, *(1,) * len(out))) if b else y


def _conv_transpose_vjp(
    xp: Any, g: Any, y: Any, x: Any, w: Any, *b: Any,
    stride: Sizes, padding: Sizes, dilation: Sizes, output_padding: Sizes, groups: int,
) -> tuple[Any, ...]:  # fmt: skip
    """Zeiler et al. 2010 (CVPR, 2528-2535): the transpose of a convolution, whose transpose is the convolution."""
    out, reached, found = _spread(x.shape, w.shape, stride, padding, dilation, output_padding)
    cut = g if reached == out else g[(slice(None), slice(None), *(slice(0, n) for n in reached))]
    rows = _grouped(xp, xp.unfold(cut, **found), groups)
    into_x = xp.reshape(_kernel(xp, w, groups) @ xp.matrix_transpose(rows), x.shape)
    into_w = xp.reshape(xp.sum(_flat(xp, x, groups) @ rows, axis=0), w.shape)
    into_b = xp.sum(g, axis=(0, *range(2, len(x.shape))))
    return (into_x, into_w, into_b)[: 2 + len(b)]


LINE = [[[1.0, -2.0, 0.5, 4.0, 0.25], [-0.25, 3.0, 1.5, 0.75, -1.0]],
         [[2.5, -1.0, 0.3, -3.0, 1.25], [0.1, 1.2, -0.6, 2.2, -4.0]]]  # fmt: skip
IMAGE = [[[[1.0, -2.0, 0.5, 4.0, 0.2], [-0.25, 3.0, 1.5, 0.75, -1.5], [2.5, -1.0, 0.25, -3.0, 1.1],
            [0.1, 1.2, -0.6, 2.2, 0.9]],
           [[1.75, -0.5, 3.5, -1.25, 0.6], [-2.25, 2.75, 5.0, 0.3, -0.8], [0.4, -1.75, 2.0, 1.4, 3.2],
            [-0.1, 0.7, -2.4, 1.6, 4.5]]]]  # fmt: skip
_FILTERS = [[[[1.0, -0.5], [0.25, 2.0], [-1.0, 0.5]], [[0.75, 1.5], [-2.0, 0.1], [0.3, -0.2]]],
            [[[0.5, 0.2], [-0.75, 1.0], [0.4, -1.5]], [[-0.3, 0.6], [1.2, -0.1], [0.8, 0.9]]],
            [[[1.1, 0.4], [0.7, -0.6], [-0.9, 0.1]], [[0.2, -1.3], [0.5, 1.4], [-0.4, 0.3]]]]  # fmt: skip
VOLUME = [[[[[1.0, -2.0, 0.5], [4.0, -0.25, 3.0], [1.5, 0.75, -1.5]],
            [[2.5, -1.0, 0.25], [-3.0, 1.1, 0.1], [1.2, -0.6, 2.2]]]]]  # fmt: skip
_CUBES = [
    [[[[1.0, -0.5], [0.25, 2.0]], [[0.75, -1.0], [0.5, 1.5]]]],
    [[[[-0.3, 0.6], [1.2, -0.1]], [[0.8, 0.9], [-2.0, 0.4]]]],
]
_UP = [[[[1.0, -0.5], [0.25, 2.0], [-1.0, 0.5]], [[0.75, 1.5], [-2.0, 0.1], [0.3, -0.2]]],
       [[[0.5, 0.2], [-0.75, 1.0], [0.4, -1.5]], [[-0.3, 0.6], [1.2, -0.1], [0.8, 0.9]]]]  # fmt: skip
_convolution = partial(
    Op,
    back="a product with the same factors: each gradient times its kernel goes to its window of x (a transposed "
    "convolution), times the window to w, by itself to b",
    operands=("x", "w", "b?"),
    forward=_conv,
    vjp=_conv_vjp,
    attrs={**WINDOW, "groups": Attr("int", 1)},
    linear_in=(0, 1),
)
_transposed = partial(
    Op,
    back="the convolution that it is the transpose of: a window of gradients times a kernel goes to each cell of x, "
    "times the cell to w, by itself to b",
    operands=("x", "w", "b?"),
    forward=_conv_transpose,
    vjp=_conv_transpose_vjp,
    attrs={**WINDOW, "padding": Attr("ints", 0), "output_padding": Attr("ints", 0), "groups": Attr("int", 1)},
    linear_in=(0, 1),
)

register(
    _convolution(
        "conv1d",
        "Each kernel's product with every window of x (N, C, W): a cross-correlation.",
        check=_check_conv(1),
        samples=(
            Sample((LINE, [[[1.0, -0.5, 2.0], [0.25, 1.5, -1.0]]] * 3, [0.5, -1.0, 0.25])),
            Sample(
                (LINE, [[[1.0, -0.5]], [[0.25, 1.5]], [[2.0, 0.75]], [[-1.0, 0.3]]]),
                {"groups": 2, "stride": 2, "padding": 1, "dilation": 2},
            ),
        ),
    ),
    _convolution(
        "conv2d",
        "Each kernel's product with every window of x (N, C, H, W): a cross-correlation.",
        check=_check_conv(2),
        samples=(
            Sample((IMAGE, _FILTERS, [0.5, -1.0, 0.25])),
            Sample((IMAGE, _FILTERS), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}),
            Sample((IMAGE, [[f[0]] for f in (*_FILTERS, _FILTERS[1])]), {"groups": 2}),
        ),
    ),
    _convolution(
        "conv3d",
        "Each kernel's product with every window of x (N, C, D, H, W): a cross-correlation.",
        check=_check_conv(3),
        samples=(
            Sample((VOLUME, _CUBES, [0.5, -1.0])),
            Sample((VOLUME, _CUBES), {"padding": ((1, 0), (0, 1), (0, 0))}),
        ),
    ),
    _transposed(
        "conv_transpose1d",
        "Every cell of x (N, C, W) times its kernel, added up where the kernels overlap: conv1d's transpose.",
        check=_check_transposed(1),
        samples=(
            Sample((LINE, [[[1.0, -0.5, 2.0]], [[0.25, 1.5, -1.0]]], [0.5])),
            Sample(
                (LINE, [[[1.0, -0.5]], [[0.25, 1.5]]], [0.5, -1.0]),
                {"groups": 2, "stride": 2, "padding": 1, "dilation": 2, "output_padding": 1},
            ),
        ),
    ),
    _transposed(
        "conv_transpose2d",
        "Every cell of x (N, C, H, W) times its kernel, added up where the kernels overlap: conv2d's transpose.",
        check=_check_transposed(2),
        samples=(
            Sample((IMAGE, _UP, [0.5, -1.0])),
            Sample((IMAGE, _UP), {"stride": (2, 1), "padding": (1, 0), "output_padding": (1, 0)}),
        ),
    ),
    _transposed(
        "conv_transpose3d",
        "Every cell of x (N, C, D, H, W) times its kernel, added up where the kernels overlap: conv3d's transpose.",
        check=_check_transposed(3),
        samples=(
            Sample((VOLUME, [_CUBES[0] + _CUBES[1]], [0.5, -1.0])),
            Sample((VOLUME, [_CUBES[0]]), {"stride": (2, 1, 1), "padding": (0, 1, 0), "output_padding": (1, 0, 0)}),
        ),
    ),
    Op(
        "im2col",
        "Every window of x (N, C, H, W) as a row: (N, positions, C*kh*kw).",
        back="col2im: each window is added back where it was cut out",
        forward=lambda xp, x, **window: xp.unfold(x, **frame(2, **window)),
        vjp=lambda xp, g, y, x, **window: (xp.fold(g, shape=x.shape, **frame(2, **window)),),
        attrs={"size": Attr("ints", positional=True), **WINDOW},
        check=lambda x, **window: check_windows(x, 2, **window),
        linear_in=(0,),
        samples=(
            Sample((IMAGE,), {"size": (3, 2)}),
            Sample((IMAGE,), {"size": 2, "stride": (2, 1), "padding": 1, "dilation": (1, 2)}),
        ),
    ),
)
