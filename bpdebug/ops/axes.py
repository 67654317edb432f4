"""Axes and sizes as attributes name them, and rules over axes: what the families share."""

from __future__ import annotations

from math import prod
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError

Axis = int | tuple[int, ...] | None
Sizes = int | tuple[int, ...]


def refuse(message: str, hint: str) -> ShapeError:
    """The error for an attribute that no shape could make right (E_ATTR)."""
    return ShapeError(message, hint=hint, code="E_ATTR")


def axes_of(axis: Axis, shape: Shape) -> tuple[int, ...]:
    """The axes of `shape` meant by None (all), an int or a tuple, counted from the start; E_SHAPE where it has none."""
    rank = len(shape)
    given = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    for a in given:
        if not -rank <= a < rank:
            raise ShapeError(
                f"axis {a} is out of range for shape {shape}",
                hint=f"its axes run from {-rank} to {rank - 1}" if rank else "a number has no axes",
            )
    axes = tuple(a % rank for a in given)
    if len(set(axes)) < len(axes):
        raise ShapeError(f"axis {axis} names an axis of {shape} twice", hint="name each axis once")
    return axes


def axis_of(axis: int, shape: Shape) -> int:
    """The one axis of `shape` that is meant, counted from the start."""
    return axes_of(axis, shape)[0]


def tuple_of(sizes: Sizes) -> tuple[int, ...]:
    """One size as a tuple of one."""
    return (sizes,) if isinstance(sizes, int) else tuple(sizes)


def check_new_axes(x: Shape, axis: Sizes) -> None:
    """ShapeError where new axes of size 1 cannot stand at `axis` of the result."""
    rank = len(x) + len(tuple_of(axis))
    for a in tuple_of(axis):
        if not -rank <= a < rank:
            raise ShapeError(
                f"axis {a} is out of range for the {rank} axes that {x} would have",
                hint=f"give an axis from {-rank} to {rank - 1}",
            )
    if len({a % rank for a in tuple_of(axis)}) < rank - len(x):
        raise ShapeError(f"axis {axis} names an axis twice", hint="name each new axis once")


def cells(axis: Axis, shape: Shape) -> int:
    """How many cells of `shape` a reduction over `axis` puts into one."""
    return prod(shape[a] for a in axes_of(axis, shape))


def check_cells(what: str, axis: Axis, shape: Shape) -> None:
    """ShapeError where there is nothing to take the `what` of."""
    if cells(axis, shape) == 0:
        over = "all axes" if axis is None else f"axis {axis}"
        raise ShapeError(
            f"{what} over {over} of {shape} is over no cells, and has no value",
            hint="an axis of size 0 is most likely a slice that came out empty",
        )


def kept(xp: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """`y`, which is `x` reduced over `axis`, made to broadcast against x: axes of size 1 put back."""
    axes = axes_of(axis, x.shape)
    leading = sorted(axes) == list(range(len(axes)))
    return y if keepdims or leading else xp.expand_dims(y, axis)


def mean(xp: Any, x: Any, axis: Axis, keepdims: bool = False) -> Any:
    """The sum over some axes, divided by how many cells go into each."""
    return xp.sum(x, axis=axis, keepdims=keepdims) / cells(axis, x.shape)


def mean_vjp(xp: Any, g: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> tuple[Any]:
    """Each cell's share of the gradient, in the shape of x."""
    return (xp.broadcast_to(kept(xp, g, x, axis, keepdims) / cells(axis, x.shape), x.shape),)


def extreme_vjp(
    xp: Any, g: Any, y: Any, x: Any, axis: Axis, keepdims: bool, ties: str = "share"
) -> tuple[Any]:  # fmt: skip
    """The gradient of max or min, in the shape of x: to the cells that are the result, which share it equally.

    `ties` may also give it to the first of them, the last, or to all.
    """
    hit = xp.same(x, kept(xp, y, x, axis, keepdims))
    if ties != "share":
        hit = hit if ties == "all" else getattr(xp, f"{ties}_of")(hit, axis=axis)
        return (xp.where(hit, kept(xp, g, x, axis, keepdims), 0),)
    ties = xp.sum(xp.astype(hit, x.dtype), axis=axis, keepdims=True)
    return (xp.where(hit, kept(xp, g, x, axis, keepdims) / ties, 0),)
