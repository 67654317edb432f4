"""Running sums, products and maxima along an axis, and the product of all cells."""

from __future__ import annotations

from functools import partial
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Axis, axes_of, axis_of, kept
from bpdebug.ops.op import CUBE, MIXES, ROWS, Op, Sample, register


def _check_axis(x: Shape, axis: int) -> None:
    axis_of(axis, x)


def _check_axes(x: Shape, axis: Axis, keepdims: bool) -> None:
    axes_of(axis, x)


def _backwards(xp: Any, g: Any, axis: int) -> Any:
    """The running sum from the end."""
    return xp.flip(xp.cumsum(xp.flip(g, axis=axis), axis=axis), axis=axis)


def _cumprod_vjp(xp: Any, g: Any, y: Any, x: Any, axis: int) -> tuple[Any, ...]:
    """The product of the cells before, times what comes after, cell by cell from the end: right at zeros, too."""
    axis = axis_of(axis, x.shape)
    return (xp.before(x, axis=axis) * xp.horner(g, x, axis=axis),)


def _cummax_vjp(xp: Any, g: Any, y: Any, x: Any, axis: int, ties: str = "last") -> tuple[Any, ...]:
    axis = axis_of(axis, x.shape)
    where = xp.argcummax(x, axis=axis, first=ties == "first")
    return (xp.scatter_along_axis(g, where, axis=axis, size=x.shape[axis]),)


def _prod_vjp(xp: Any, g: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> tuple[Any, ...]:
    """By the product of the others, which is right at zeros, too."""
    return (kept(xp, g, x, axis, keepdims) * xp.others(x, axis=axis),)


_AXIS = Attr("int", positional=True)
_scan = partial(
    Op,
    attrs={"axis": _AXIS},
    check=_check_axis,
    samples=(Sample((ROWS,), {"axis": 1}), Sample((CUBE,), {"axis": 0}), Sample((CUBE,), {"axis": -2})),
)

register(
    _scan(
        "cumsum",
        "Running sums along an axis.",
        forward=lambda xp, x, axis: xp.cumsum(x, axis=axis_of(axis, x.shape)),
        vjp=lambda xp, g, y, x, axis: (_backwards(xp, g, axis_of(axis, x.shape)),),
        back="running sums from the end: each cell went into every sum from its own on",
        kinds=("fi",),
        linear_in=(0,),
    ),
    _scan(
        "cumprod",
        "Running products along an axis.",
        forward=lambda xp, x, axis: xp.cumprod(x, axis=axis_of(axis, x.shape)),
        vjp=_cumprod_vjp,
        back=MIXES,
    ),
    _scan(
        "cummax",
        "The largest cell so far along an axis.",
        forward=lambda xp, x, axis: xp.cummax(x, axis=axis_of(axis, x.shape)),
        vjp=_cummax_vjp,
        back="each gradient goes to where the largest cell so far was, and those that never were get 0",
        kinds=("fi",),
        conventions={"ties": Attr("str", "last", choices=("last", "first"))},
        kink="of tied cells the last one so far gets the gradient",
    ),
    Op(
        "prod",
        "The product over some axes, or over all.",
        forward=lambda xp, x, axis, keepdims: xp.prod(x, axis=axis, keepdims=keepdims),
        vjp=_prod_vjp,
        back="each cell gets the gradient times the product of the others",
        attrs={"axis": Attr("axis", None, positional=True), "keepdims": Attr("bool", False)},
        check=_check_axes,
        samples=(
            Sample((ROWS,)), Sample((ROWS,), {"axis": 1}), Sample((CUBE,), {"axis": (0, -1), "keepdims": True}),
            Sample((CUBE,), {"axis": (-2, 0)}),
        ),
    ),
)  # fmt: skip
