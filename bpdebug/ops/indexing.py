"""Cells picked by integers that are data, and put where integers say: gather, scatter_add, one_hot."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import axis_of, refuse
from bpdebug.ops.op import Op, Sample, Span, register


def _check_gather(x: Shape, ids: Shape, axis: int) -> None:
    axis_of(axis, x)


def _gather(xp: Any, x: Any, ids: Any, axis: int = 0) -> Any:
    return xp.take(x, ids, axis=axis_of(axis, x.shape))


def _gather_vjp(xp: Any, g: Any, y: Any, x: Any, ids: Any, axis: int = 0) -> tuple[Any, ...]:
    axis = axis_of(axis, x.shape)
    return xp.scatter_add(g, ids, axis=axis, size=x.shape[axis]), None


def _rows_of_x(shapes: tuple[Shape, ...], attrs: Mapping[str, Any]) -> Span:
    size = shapes[0][axis_of(attrs.get("axis", 0), shapes[0])]
    return 1, -size, size


def _held(attrs: Mapping[str, Any]) -> int | None:
    row: int | None = attrs["padding_idx"]
    return row


def _embedding_vjp(xp: Any, g: Any, y: Any, table: Any, ids: Any, padding_idx: int | None) -> tuple[Any, ...]:
    if padding_idx is not None:  # an id may count from the end
        rows = table.shape[0]
        g = xp.where(xp.expand_dims(xp.remainder(ids, rows) == padding_idx % rows, -1), 0, g)
    return xp.scatter_add(g, ids, axis=0, size=table.shape[0]), None


def _check_embedding(table: Shape, ids: Shape, padding_idx: int | None) -> None:
    if len(table) < 2:
        raise ShapeError(
            f"a table of shape {table} has no rows to look up",
            hint="a table is (entries, features); for one number an entry use gather",
        )
    if padding_idx is not None and not -table[0] <= padding_idx < table[0]:
        raise ShapeError(
            f"padding_idx={padding_idx} is no row of a table of shape {table}", hint=f"there are {table[0]} entries"
        )


def _check_along(x: Shape, ids: Shape, axis: int) -> None:
    here = axis_of(axis, x)
    if len(ids) != len(x):
        raise ShapeError(
            f"ids of shape {ids} for x of shape {x}: both need as many axes",
            hint="add axes of size 1 to ids with expand_dims, or use gather to pick whole slices",
        )
    for a, (m, n) in enumerate(zip(x, ids, strict=True)):
        if a != here and m != n and 1 not in (m, n):
            raise ShapeError(
                f"ids of shape {ids} for x of shape {x}: sizes {n} and {m} of axis {a} differ",
                hint=f"only axis {here} may differ; other sizes must be equal, or 1",
            )


def _along(xp: Any, x: Any, ids: Any, axis: int) -> Any:
    return xp.take_along_axis(x, ids, axis=axis_of(axis, x.shape))


def _along_vjp(xp: Any, g: Any, y: Any, x: Any, ids: Any, axis: int) -> tuple[Any, ...]:
    axis = axis_of(axis, x.shape)
    full = xp.scatter_along_axis(g, ids, axis=axis, size=x.shape[axis])
    repeated = tuple(a for a, n in enumerate(x.shape) if n == 1 and full.shape[a] != 1)
    return (xp.sum(full, axis=repeated, keepdims=True) if repeated else full), None


def _check_scatter(x: Shape, ids: Shape, size: int, axis: int) -> None:
    here, rank = _added_axis(x, ids, axis), len(ids)
    _check_size(size)
    if x[here : here + rank] != ids:
        raise ShapeError(
            f"ids of shape {ids} for x of shape {x} along axis {here}: each id needs a slice of x",
            hint=f"x must have the sizes {ids} there",
        )


def _check_size(size: int) -> None:
    if size < 0:
        raise refuse(f"size={size} is negative", hint="size is how many cells the result has along the axis")


def _added_axis(x: Shape, ids: Shape, axis: int) -> int:
    """The axis of the result that is meant, which has one in place of those of ids."""
    if len(ids) > len(x):
        raise ShapeError(f"ids of shape {ids} for x of shape {x}: x has fewer axes", hint="each id needs a slice of x")
    return axis_of(axis, (0,) * (len(x) - len(ids) + 1))


def _scatter(xp: Any, x: Any, ids: Any, size: int, axis: int) -> Any:
    return xp.scatter_add(x, ids, axis=_added_axis(x.shape, ids.shape, axis), size=size)


def _scatter_vjp(xp: Any, g: Any, y: Any, x: Any, ids: Any, size: int, axis: int) -> tuple[Any, ...]:
    return xp.take(g, ids, axis=_added_axis(x.shape, ids.shape, axis)), None


def _check_scatter_along(x: Shape, ids: Shape, size: int, axis: int) -> None:
    axis_of(axis, x)
    _check_size(size)
    if len(ids) != len(x) or any(n not in (m, 1) for m, n in zip(x, ids, strict=True)):
        raise ShapeError(
            f"ids of shape {ids} for x of shape {x}: each cell needs an id",
            hint="their sizes must be equal, or those of ids 1",
        )


def _scatter_along_vjp(xp: Any, g: Any, y: Any, x: Any, ids: Any, size: int, axis: int) -> tuple[Any, ...]:
    taken = xp.take_along_axis(g, ids, axis=axis_of(axis, x.shape))
    return taken if taken.shape == x.shape else xp.broadcast_to(taken, x.shape), None


def _size_of_result(shapes: tuple[Shape, ...], attrs: Mapping[str, Any]) -> Span:
    return 1, -attrs["size"], attrs["size"]


def _check_one_hot(ids: Shape, depth: int, dtype: str) -> None:
    if depth < 1:
        raise refuse(f"depth={depth} leaves no place for the one", hint="depth is the number of classes")


_TABLE = [[1.0, -2.0], [0.5, 4.0], [-0.25, 3.0], [1.5, 0.75]]
_ROWS = [[1.0, -2.0, 0.5, 4.0], [-0.25, 3.0, 1.5, 0.75], [2.5, -1.0, 0.25, -3.0]]

_picking = partial(Op, operands=("x", "ids"), kinds=("fib", "i"), linear_in=(0,), indexes=_rows_of_x)

register(
    _picking(
        "gather",
        "The slices of x at ids, along an axis; repeated ids add up in the gradient.",
        back="scatter-add: each slice goes back to its id, and repeated ids add up",
        forward=_gather,
        vjp=_gather_vjp,
        attrs={"axis": Attr("int", 0, positional=True)},
        check=_check_gather,
        samples=(
            Sample((_TABLE, [2, 0, 2])),
            Sample((_ROWS, [[3, 1], [1, -1], [0, 0], [2, 1], [3, 3]]), {"axis": -1}),
        ),
    ),
    _picking(
        "embedding",
        "The rows of a table at ids; repeated ids add up in the gradient.",
        back="scatter-add: each row goes back to its id, and repeated ids add up",
        operands=("table", "ids"),
        forward=lambda xp, table, ids, padding_idx: xp.take(table, ids, axis=0),
        vjp=_embedding_vjp,
        attrs={"padding_idx": Attr("int", None)},
        held=_held,
        check=_check_embedding,
        samples=(Sample((_TABLE, [3, 1, 3])), Sample((_TABLE, [[0, 2, 2], [1, 0, 2]]))),
    ),
    _picking(
        "take_along_axis",
        "One cell of x for each of ids, looked up along an axis.",
        back="scatter-add: each cell goes back to its id, and repeated ids add up",
        forward=_along,
        vjp=_along_vjp,
        attrs={"axis": Attr("int", positional=True)},
        check=_check_along,
        samples=(
            Sample((_ROWS, [[0, 2], [3, 3], [1, -1]]), {"axis": 1}),
            Sample((_ROWS, [[0, 2, 1, 2]]), {"axis": 0}),
        ),
    ),
    _picking(
        "scatter_add",
        "Zeros, size slices of them along an axis, to which those of x are added at ids; repeated ids add up.",
        back="a gather: each slice gets the gradient of the place it was added to",
        forward=_scatter,
        vjp=_scatter_vjp,
        attrs={"size": Attr("int", positional=True), "axis": Attr("int", 0, positional=True)},
        check=_check_scatter,
        indexes=_size_of_result,
        samples=(Sample((_TABLE, [2, 0, 2, 1]), {"size": 3}), Sample((_ROWS, [2, 0, 2, -1]), {"size": 4, "axis": 1})),
    ),
    _picking(
        "scatter_along_axis",
        "Zeros, size of them along an axis, to which each cell of x is added at its id; repeated ids add up.",
        back="take_along_axis: each cell gets the gradient of the place it was added to",
        forward=lambda xp, x, ids, size, axis: xp.scatter_along_axis(x, ids, axis=axis_of(axis, x.shape), size=size),
        vjp=_scatter_along_vjp,
        attrs={"size": Attr("int", positional=True), "axis": Attr("int", positional=True)},
        check=_check_scatter_along,
        indexes=_size_of_result,
        samples=(
            Sample((_ROWS, [[0, 2, 0, 1], [1, 1, 1, 1], [2, 0, 1, -1]]), {"size": 3, "axis": 1}),
            Sample((_ROWS, [[1], [0], [1]]), {"size": 2, "axis": 0}),
        ),
    ),
    Op(
        "one_hot",
        "Rows of zeros with a one at each id, along a new last axis; dtype is the scenario's.",
        operands=("ids",),
        forward=lambda xp, ids, depth, dtype: xp.one_hot(ids, depth=depth, dtype=np.dtype(dtype)),
        vjp=lambda xp, g, y, ids, depth, dtype: (None,),
        attrs={
            "depth": Attr("int", positional=True),
            "dtype": Attr("str", "float64", choices=("float64", "float32"), hidden=True),
        },
        kinds=("i",),
        check=_check_one_hot,
        indexes=lambda shapes, attrs: (0, 0, attrs["depth"]),
        samples=(Sample(([2, 0, 2],), {"depth": 4}), Sample(([[1, 0, 2], [2, 2, 1]],), {"depth": 4})),
    ),
)
