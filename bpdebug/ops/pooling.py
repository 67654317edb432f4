"""Pooling: a reduction over each channel's windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Sizes, extreme_vjp, refuse
from bpdebug.ops.conventions import TIES
from bpdebug.ops.convolution import IMAGE, LINE, VOLUME
from bpdebug.ops.op import Op, Sample, register
from bpdebug.ops.windows import LAYOUTS, Frame, ceiled, check_windows, each, frame, pairs, windows

Cut = Callable[[Any], Any]
Reduction = Callable[[Any, Any, Any], Any]


def _check_pool(rank: int) -> Callable[..., None]:
    def check(
        x: Shape, *, size: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes = 1, **attrs: Any
    ) -> None:
        stride = size if stride is None else stride
        check_windows(x, rank, size=size, stride=stride, padding=padding, dilation=dilation)
        spans = [d * (k - 1) + 1 for k, d in zip(each(size, rank), each(dilation, rank), strict=True)]
        if any(2 * p > span for p, span in zip(each(padding, rank), spans, strict=True)):
            raise refuse(
                f"padding={padding} for size={size} makes windows of padding only",
                hint="padding is at most half of the size",
            )
        if attrs.get("divisor_override") == 0:
            raise refuse("divisor_override=0 divides by nothing", hint="leave it out, or give another number")

    return check


def _check_adaptive(rank: int) -> Callable[..., None]:
    def check(x: Shape, *, size: Sizes) -> None:
        if len(x) != rank + 2:
            raise ShapeError(f"x of shape {x} is not {LAYOUTS[rank]}", hint="add axes with expand_dims, or use reshape")
        if not isinstance(size, int) and len(size) != rank:
            raise refuse(f"size={size} for {rank} spatial axes", hint=f"give a number, or {rank} of them")
        if min(each(size, rank)) < 1:
            raise refuse(f"size={size} is too small", hint="size is at least 1")
        if prod(x[2:]) == 0:
            raise ShapeError(f"x of shape {x} has no cells to pool", hint=f"x is {LAYOUTS[rank]}")

    return check


def _maps(x: Any) -> Shape:
    """The shape of x with each channel on its own, so that a window is a row of one channel."""
    return (prod(x.shape[:2]), 1, *x.shape[2:])


def _framed(
    x: Any, size: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes = 1, *, ceil_mode: bool, **attrs: Any
) -> Frame:
    found = frame(x.ndim - 2, size, size if stride is None else stride, padding, dilation)
    return ceiled(x.shape[2:], found) if ceil_mode else found


def _even(x: Any, size: Sizes) -> Frame | None:
    """The frame of an adaptive pooling whose windows are all equal; None where they are not."""
    count = each(size, x.ndim - 2)
    if any(n % k for n, k in zip(x.shape[2:], count, strict=True)):
        return None
    each_size = tuple(n // k for n, k in zip(x.shape[2:], count, strict=True))
    return frame(x.ndim - 2, each_size, each_size, 0, 1)


class _Windows:
    """How a pooling cuts x into rows, (N * C, windows, cells), and adds rows back where they were cut out."""

    def __init__(self, xp: Any, x: Any, fill: float, attrs: dict[str, Any]) -> None:
        self.xp, self.x, self.fill = xp, x, fill
        self.adaptive = "stride" not in attrs
        self.frame = _even(x, **attrs) if self.adaptive else _framed(x, **attrs)
        self.count = each(attrs["size"], x.ndim - 2) if self.adaptive else windows(x.shape[2:], **self.frame or {})

    def cut(self, x: Any, fill: float) -> Any:
        if self.frame is None:
            return self.xp.unfold_to(x, out=self.count, fill=fill)
        return self.xp.unfold(x, **self.frame, fill=fill)

    def rows(self) -> Any:
        return self.cut(self.xp.reshape(self.x, _maps(self.x)), self.fill)

    def back(self, rows: Any) -> Any:
        """The adjoint of `rows`."""
        if self.frame is None:
            return self.xp.reshape(self.xp.fold_to(rows, shape=_maps(self.x), out=self.count), self.x.shape)
        return self.xp.reshape(self.xp.fold(rows, shape=_maps(self.x), **self.frame), self.x.shape)

    def result(self, y: Any) -> Any:
        return self.xp.reshape(y, (*self.x.shape[:2], *self.count))

    def cells(self, padding: Sizes, count_include_pad: bool, divisor: int | None) -> Any:
        """What each window's sum is divided by: how many of its cells count, the same for all channels."""
        rank, xp = self.x.ndim - 2, self.xp
        if divisor is not None:
            return divisor
        one = xp.reshape(self.x, _maps(self.x))[0:1]
        if self.frame is None:
            return xp.sum(self.cut(xp.ones(one), 0.0), axis=-1)
        own = each(padding, rank) if count_include_pad else (0,) * rank
        rest = tuple((a - p, b - p) for (a, b), p in zip(pairs(self.frame["padding"]), own, strict=True))
        if not any(a or b for a, b in rest):
            return prod(self.frame["size"])
        one = xp.pad0(one, widths=((0, 0), (0, 0), *((p, p) for p in own))) if any(own) else one
        return xp.sum(xp.unfold(xp.ones(one), **{**self.frame, "padding": rest}, fill=0.0), axis=-1)


def _max_pool(xp: Any, x: Any, **attrs: Any) -> Any:
    cut = _Windows(xp, x, -math.inf, attrs)
    return cut.result(xp.max(cut.rows(), axis=-1))


def _max_pool_vjp(xp: Any, g: Any, y: Any, x: Any, *, ties: str = "share", **attrs: Any) -> tuple[Any]:
    """max's own rule, row by row; then each window is added back where it was cut out."""
    cut = _Windows(xp, x, -math.inf, attrs)
    rows = cut.rows()
    one = (*rows.shape[:2], 1)
    (share,) = extreme_vjp(xp, xp.reshape(g, one), xp.reshape(y, one), rows, axis=-1, keepdims=True, ties=ties)
    return (cut.back(share),)


def _counted(cut: _Windows, attrs: dict[str, Any]) -> Any:
    return cut.cells(attrs.get("padding", 0), attrs.get("count_include_pad", True), attrs.get("divisor_override"))


def avg_pool(xp: Any, x: Any, **attrs: Any) -> Any:
    """Means of windows, or of `size` parts of x where there is no stride, of shape (N, C, ...)."""
    cut = _Windows(xp, x, 0.0, attrs)
    return cut.result(xp.sum(cut.rows(), axis=-1) / _counted(cut, attrs))


def avg_pool_vjp(xp: Any, g: Any, y: Any, x: Any, **attrs: Any) -> tuple[Any]:
    """Each gradient spread over its window, and added up, of x's shape."""
    cut = _Windows(xp, x, 0.0, attrs)
    cells, rows = _counted(cut, attrs), (prod(x.shape[:2]), prod(cut.count))
    one = (*rows, 1)
    into = xp.reshape(g, one) / (cells if isinstance(cells, int) else xp.expand_dims(cells, -1))
    many = prod(cut.frame["size"]) if cut.frame is not None else cut.rows().shape[-1]
    return (cut.back(xp.broadcast_to(into, (*rows, many))),)


_WINDOW = {"size": Attr("ints", positional=True), "stride": Attr("ints", None), "padding": Attr("ints", 0)}
_CEIL = {"ceil_mode": Attr("bool", False)}
_CELLS = {"count_include_pad": Attr("bool", True), "divisor_override": Attr("int", None)}
_OF: dict[int, tuple[Any, Sizes, dict[str, Any]]] = {
    1: (LINE, 2, {"size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    2: (IMAGE, 2, {"size": (3, 2), "stride": (1, 2), "padding": (1, 0)}),
    3: (VOLUME, (1, 2, 2), {"size": (2, 2, 1), "stride": (1, 2, 2), "ceil_mode": True}),
}
_DILATED: dict[int, dict[str, Any]] = {
    1: {"size": 2, "stride": 1, "dilation": 2}, 2: {"size": 2, "dilation": (1, 3), "ceil_mode": True},
    3: {"size": (1, 2, 2), "stride": 1, "dilation": (1, 1, 2)},
}  # fmt: skip
_OUT: dict[int, tuple[Sizes, Sizes]] = {1: (1, 3), 2: ((2, 1), (3, 2)), 3: ((1, 3, 1), 2)}
_max = partial(
    Op,
    forward=_max_pool,
    vjp=_max_pool_vjp,
    back="each window's gradient goes to its largest cell; equal ones share",
    conventions=TIES,
    kink="tied cells of a window share the gradient equally",
)
_avg = partial(
    Op,
    forward=avg_pool,
    vjp=avg_pool_vjp,
    back="each gradient spread evenly over its window; where windows overlap they add up",
    linear_in=(0,),
)


def _pools(rank: int) -> tuple[Op, ...]:
    x, plain, wide = _OF[rank]
    of = f"every window of x {LAYOUTS[rank]}"
    adaptive = partial(
        Op, attrs={"size": Attr("ints", positional=True)}, check=_check_adaptive(rank),
        samples=tuple(Sample((x,), {"size": size}) for size in _OUT[rank]),
    )  # fmt: skip
    samples = (Sample((x,), {"size": plain}), Sample((x,), wide))
    return (
        _max(
            f"max_pool{rank}d", f"The largest cell of {of}; padding never wins.", check=_check_pool(rank),
            attrs={**_WINDOW, "dilation": Attr("ints", 1), **_CEIL}, samples=(*samples, Sample((x,), _DILATED[rank])),
        ),
        _avg(
            f"avg_pool{rank}d", f"The mean of {of}; padding counts as zeros.", check=_check_pool(rank),
            attrs={**_WINDOW, **_CEIL, **_CELLS},
            samples=(*samples, Sample((x,), {"size": 2, "padding": 1, "count_include_pad": False})),
        ),
        adaptive(
            f"adaptive_max_pool{rank}d", f"The largest cell of each of so many equal parts of x {LAYOUTS[rank]}.",
            forward=_max_pool, vjp=_max_pool_vjp, back=_max.keywords["back"], kink=_max.keywords["kink"],
            conventions=TIES,
        ),
        adaptive(
            f"adaptive_avg_pool{rank}d", f"The mean of each of so many equal parts of x {LAYOUTS[rank]}.",
            forward=avg_pool, vjp=avg_pool_vjp, back=_avg.keywords["back"], linear_in=(0,),
        ),
    )  # fmt: skip


register(*_pools(1), *_pools(2), *_pools(3))
