"""Cells put in order, and where the largest and smallest are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Axis, axis_of, check_cells, refuse
from bpdebug.ops.op import CUBE, ROWS, Op, Sample, register


def _check_axis(x: Shape, axis: int, descending: bool) -> None:
    axis_of(axis, x)


def _places(xp: Any, x: Any, axis: int, descending: bool) -> Any:
    """Where the cells of the sorted tensor come from; tied cells keep their order, and NaN is larger than all."""
    return xp.argsort(x, axis=axis, descending=True) if descending else xp.argsort(x, axis=axis)


def _sort(xp: Any, x: Any, axis: int, descending: bool) -> Any:
    axis = axis_of(axis, x.shape)
    return xp.take_along_axis(x, _places(xp, x, axis, descending), axis=axis)


def _sort_vjp(xp: Any, g: Any, y: Any, x: Any, axis: int, descending: bool) -> tuple[Any, ...]:
    axis = axis_of(axis, x.shape)
    return (xp.scatter_along_axis(g, _places(xp, x, axis, descending), axis=axis, size=x.shape[axis]),)


def _check_topk(x: Shape, k: int, axis: int, part: int) -> None:
    if k < 1:
        raise refuse(f"k={k} takes no cells", hint="k is how many of the largest cells are taken")
    if k > x[axis_of(axis, x)]:
        raise ShapeError(
            f"k={k} is more than axis {axis} of {x} has: {x[axis_of(axis, x)]}", hint="take fewer, or another axis"
        )


def _top(xp: Any, x: Any, k: int, axis: int) -> Any:
    """Where the k largest cells are, the largest first."""
    places = _places(xp, x, axis, True)
    return places if k == x.shape[axis] else places[(*(slice(None),) * axis, slice(0, k))]


def _topk(xp: Any, x: Any, k: int, axis: int, part: int) -> Any:
    axis = axis_of(axis, x.shape)
    places = _top(xp, x, k, axis)
    return places if part else xp.take_along_axis(x, places, axis=axis)


def _topk_vjp(xp: Any, g: Any, y: Any, x: Any, k: int, axis: int, part: int) -> tuple[Any, ...]:
    if part:
        return (None,)
    axis = axis_of(axis, x.shape)
    return (xp.scatter_along_axis(g, _top(xp, x, k, axis), axis=axis, size=x.shape[axis]),)


def _check_extreme(what: str) -> Callable[..., None]:
    def check(x: Shape, axis: Axis, keepdims: bool) -> None:
        check_cells(what, axis, x)

    return check


def _place(name: str) -> Callable[..., Any]:
    def forward(xp: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
        return getattr(xp, name)(x, axis=axis, keepdims=keepdims)

    return forward


def _two(attrs: Mapping[str, Any]) -> int:
    return 2


_sorting = partial(
    Op,
    attrs={"axis": Attr("int", -1, positional=True), "descending": Attr("bool", False)},
    check=_check_axis,
    kinds=("fi",),
    samples=(Sample((ROWS,)), Sample((CUBE,), {"axis": 1, "descending": True})),
)
_placing = partial(
    Op,
    vjp=lambda xp, g, y, x, axis, keepdims: (None,),
    attrs={"axis": Attr("int", None, positional=True), "keepdims": Attr("bool", False)},
    kinds=("fi",),
    samples=(Sample((ROWS,)), Sample((CUBE,), {"axis": 1}), Sample((CUBE,), {"axis": -1, "keepdims": True})),
)

register(
    _sorting(
        "sort",
        "Cells put in order along an axis, the smallest first.",
        forward=_sort,
        vjp=_sort_vjp,
        back="the same order undone: each cell's gradient goes back to where the cell came from",
        kink="tied cells keep their order, and each gets the gradient of its own place",
    ),
    _sorting(
        "argsort",
        "Where the cells of the sorted tensor come from; takes no gradient.",
        forward=lambda xp, x, axis, descending: _places(xp, x, axis_of(axis, x.shape), descending),
        vjp=lambda xp, g, y, x, axis, descending: (None,),
    ),
    Op(
        "topk",
        "The k largest cells along an axis, the largest first, and where they are: two tensors.",
        forward=_topk,
        vjp=_topk_vjp,
        back="each gradient goes back to where its cell was taken, and the others get 0",
        attrs={
            "k": Attr("int", positional=True),
            "axis": Attr("int", -1, positional=True),
            "part": Attr("int", 0, hidden=True),
        },
        check=_check_topk,
        parts_of=_two,
        kink="of tied cells the first are taken",
        samples=(
            Sample((ROWS,), {"k": 2, "part": 0}),
            Sample((CUBE,), {"k": 2, "axis": 1, "part": 0}),
            Sample((ROWS,), {"k": 2, "part": 1}),
        ),
    ),
    _placing(
        "argmax",
        "Where the largest cell is along an axis, or of all; takes no gradient.",
        forward=_place("argmax"),
        check=_check_extreme("argmax"),
    ),
    _placing(
        "argmin",
        "Where the smallest cell is along an axis, or of all; takes no gradient.",
        forward=_place("argmin"),
        check=_check_extreme("argmin"),
    ),
)
