"""Images made larger or smaller: each cell is taken from its nearest, or is a weighted sum of those beside it."""

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
from bpdebug.ops.windows import LAYOUTS, each

LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3}


def _sizes(x: Shape, size: Sizes | None, scale: float | None) -> Shape:
    if size is not None:
        return each(size, len(x) - 2)
    return tuple(floor(n * (scale or 1)) for n in x[2:])


def _check_interpolate(x: Shape, size: Sizes | None, scale: float | None, mode: str, align_corners: bool) -> None:
    if len(x) - 2 not in LAYOUTS or LINEAR.get(mode, len(x) - 2) != len(x) - 2:
        want = LAYOUTS[LINEAR[mode]] if mode in LINEAR else " or ".join(LAYOUTS.values())
        raise ShapeError(f'x of shape {x} is not {want}, which mode="{mode}" is for', hint="nearest is for any")
    if (size is None) == (scale is None):
        raise refuse(f"size={size} and scale={scale}", hint="give one of the two")
    if size is not None and not isinstance(size, int) and len(size) != len(x) - 2:
        raise refuse(f"size={size} for {len(x) - 2} spatial axes", hint=f"give a number, or {len(x) - 2} of them")
    if align_corners and mode == "nearest":
        raise refuse('align_corners with mode="nearest"', hint="it is for the linear modes")
    if (scale is not None and scale <= 0) or prod(x[2:]) == 0 or min(_sizes(x, size, scale)) < 1:
        raise ShapeError(f"of x of shape {x} nothing is left", hint="give a larger size or scale")


def _axes(
    x: Any, size: Sizes | None, scale: float | None, mode: str, align_corners: bool
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each axis that changes, and where its cells are taken from."""
    for a, (n, k) in enumerate(zip(x.shape[2:], _sizes(x.shape, size, scale), strict=True), 2):
        if n != k:  # PyTorch leaves an axis as it is whose size is, whatever the scale
            yield a, {"axis": a, "out": k, "scale": None if align_corners else scale, "corners": align_corners}


def _interpolate(xp: Any, x: Any, mode: str, **attrs: Any) -> Any:
    y = x
    for axis, how in _axes(x, mode=mode, **attrs):
        if mode == "nearest":
            y = xp.take(y, xp.sources(x, **how, nearest=True), axis=axis)
            continue
        share = _along(xp, x, axis, how)
        near, after = xp.take(y, xp.sources(x, **how), axis=axis), xp.take(y, xp.sources(x, **how, next=1), axis=axis)
        y = near * (1 - share) + after * share
    return y


def _interpolate_vjp(xp: Any, g: Any, y: Any, x: Any, mode: str, **attrs: Any) -> tuple[Any]:
    """Each cell's gradient goes back to where it was taken from, with the same weights."""
    for axis, how in reversed(list(_axes(x, mode=mode, **attrs))):
        to = {"axis": axis, "size": x.shape[axis]}
        if mode == "nearest":
            g = xp.scatter_add(g, xp.sources(x, **how, nearest=True), **to)
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
            "mode": Attr("str", "nearest", choices=("nearest", "linear", "bilinear", "trilinear")),
            "align_corners": Attr("bool", False),
        },
        back="each cell's gradient goes back to the cells it was taken from, with the same weights; there they add up",
        check=_check_interpolate,
        linear_in=(0,),
        samples=(
            Sample((IMAGE,), {"size": (2, 7)}),
            Sample((IMAGE,), {"scale": 1.5, "mode": "bilinear"}),
            Sample((LINE,), {"size": 8, "mode": "linear", "align_corners": True}),
        ),
    ),
)
