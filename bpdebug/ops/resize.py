"""Images made larger or smaller: each cell is taken from its nearest, or is a weighted sum of those around it."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor, prod
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Sizes, refuse
from bpdebug.ops.convolution import IMAGE, LINE
from bpdebug.ops.op import Op, Sample, register
from bpdebug.ops.pooling import avg_pool, avg_pool_vjp
from bpdebug.ops.windows import LAYOUTS, each

FOR = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}
NEAREST = ("nearest", "nearest-exact")


def _sizes(x: Shape, size: Sizes | None, scale: float | None) -> Shape:
    if size is not None:
        return each(size, len(x) - 2)
    return tuple(floor(n * (scale or 1)) for n in x[2:])


def _check_interpolate(x: Shape, size: Sizes | None, scale: float | None, mode: str, align_corners: bool) -> None:
    if len(x) - 2 not in LAYOUTS or FOR.get(mode, len(x) - 2) != len(x) - 2:
        want = LAYOUTS[FOR[mode]] if mode in FOR else " or ".join(LAYOUTS.values())
        raise ShapeError(f'x of shape {x} is not {want}, which mode="{mode}" is for', hint="nearest is for any")
    if (size is None) == (scale is None):
        raise refuse(f"size={size} and scale={scale}", hint="give one of the two")
    if size is not None and not isinstance(size, int) and len(size) != len(x) - 2:
        raise refuse(f"size={size} for {len(x) - 2} spatial axes", hint=f"give a number, or {len(x) - 2} of them")
    if align_corners and mode not in FOR:
        raise refuse(f'align_corners with mode="{mode}"', hint="it is for the linear modes and the cubic one")
    if (scale is not None and scale <= 0) or prod(x[2:]) == 0 or min(_sizes(x, size, scale)) < 1:
        raise ShapeError(f"of x of shape {x} nothing is left", hint="give a larger size or scale")


def _axes(
    x: Any, size: Sizes | None, scale: float | None, mode: str, align_corners: bool
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each axis that changes, and where its cells are taken from."""
    for a, (n, k) in enumerate(zip(x.shape[2:], _sizes(x.shape, size, scale), strict=True), 2):
        # PyTorch leaves an axis as it is whose size is, whatever the scale, but in the cubic mode
        if n != k or (mode == "bicubic" and scale is not None and not align_corners):
            yield a, {"axis": a, "out": k, "scale": None if align_corners else scale, "corners": align_corners}


def _interpolate(xp: Any, x: Any, mode: str, **attrs: Any) -> Any:
    if mode == "area":
        return avg_pool(xp, x, size=_sizes(x.shape, attrs["size"], attrs["scale"]))
    y = x
    for axis, how in _axes(x, mode=mode, **attrs):
        if mode in NEAREST:
            y = xp.take(y, xp.sources(x, **how, nearest=True, middle=mode == "nearest-exact"), axis=axis)
            continue
        if mode == "bicubic":
            weights = xp.cubic(x, **how)
            y = weights @ y if axis == 2 else y @ xp.matrix_transpose(weights)
            continue
        share = _along(xp, x, axis, how)
        near, after = xp.take(y, xp.sources(x, **how), axis=axis), xp.take(y, xp.sources(x, **how, next=1), axis=axis)
        y = near * (1 - share) + after * share
    return y


def _interpolate_vjp(xp: Any, g: Any, y: Any, x: Any, mode: str, **attrs: Any) -> tuple[Any]:
    """Each cell's gradient goes back to where it was taken from, with the same weights."""
    if mode == "area":
        return avg_pool_vjp(xp, g, y, x, size=_sizes(x.shape, attrs["size"], attrs["scale"]))
    for axis, how in reversed(list(_axes(x, mode=mode, **attrs))):
        to = {"axis": axis, "size": x.shape[axis]}
        if mode in NEAREST:
            g = xp.scatter_add(g, xp.sources(x, **how, nearest=True, middle=mode == "nearest-exact"), **to)
            continue
        if mode == "bicubic":
            weights = xp.cubic(x, **how)
            g = xp.matrix_transpose(weights) @ g if axis == 2 else g @ weights
            continue
        share = _along(xp, x, axis, how)
        near = xp.scatter_add(g * (1 - share), xp.sources(x, **how), **to)
        g = near + xp.scatter_add(g * share, xp.sources(x, **how, next=1), **to)
    return (g,)


def _along(xp: Any, x: Any, axis: int, how: dict[str, Any]) -> Any:
    """What the next cell's share is, so that it broadcasts along an axis of x."""
    share, behind = xp.shares(x, **how), x.ndim - 1 - axis
    return xp.reshape(share, (how["out"], *(1,) * behind)) if behind else share


register(
    Op(
        "interpolate",
        "x (N, C, ...) made larger or smaller along its spatial axes, to a size or by a scale.",
        forward=_interpolate,
        vjp=_interpolate_vjp,
        attrs={
            "size": Attr("ints", None, positional=True),
            "scale": Attr("number", None),
            "mode": Attr("str", "nearest", choices=(*NEAREST, *FOR, "area")),
            "align_corners": Attr("bool", False),
        },
        back="each cell's gradient goes back to the cells it was taken from, with the same weights; there they add up",
        check=_check_interpolate,
        linear_in=(0,),
        samples=(
            Sample((IMAGE,), {"size": (2, 7)}),
            Sample((IMAGE,), {"scale": 1.5, "mode": "bilinear"}),
            Sample((LINE,), {"size": 8, "mode": "linear", "align_corners": True}),
            Sample((IMAGE,), {"size": (2, 7), "mode": "bicubic"}),
            Sample((IMAGE,), {"size": (2, 7), "mode": "nearest-exact"}),
            Sample((IMAGE,), {"size": (3, 2), "mode": "area"}),
        ),
    ),
)
