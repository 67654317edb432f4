"""Cells turned round, repeated, and taken from a triangle or a diagonal."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

from bpdebug.arrays import Key, Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Axis, Sizes, axes_of, axis_of, refuse, tuple_of
from bpdebug.ops.op import CUBE, ROWS, Sample, moving, register


def _check_flip(x: Shape, axis: Axis) -> None:
    axes_of(axis, x)


def _check_roll(x: Shape, shift: Sizes, axis: Axis) -> None:
    axes_of(axis, x)
    shifts, axes = (1 if isinstance(a, int | None) else len(a) for a in (shift, axis))
    if axis == ():
        raise refuse("axis=() names no axis to roll along", hint="leave it out to roll all cells in a row")
    if isinstance(shift, tuple) and shifts != axes:
        raise refuse(f"{shifts} shifts for {axes} axes", hint="give one shift for each axis: roll(x, (1, 2), (0, 1))")


def _back(shift: Sizes) -> Sizes:
    return -shift if isinstance(shift, int) else tuple(-n for n in shift)


# --- tile and repeat: an axis of its own for the repetitions, which a reshape then merges with the one repeated


def _check_tile(x: Shape, reps: Sizes) -> None:
    if any(n < 0 for n in tuple_of(reps)):
        raise refuse(f"reps {reps} are negative", hint="give how often the cells stand along each axis: (2, 1)")


def _tiles(x: Shape, reps: Sizes) -> tuple[Shape, Shape, tuple[int, ...]]:
    """x with axes of size 1 for the repetitions, the same with their counts, and which axes these are."""
    counts = (1,) * (len(x) - len(tuple_of(reps))) + tuple_of(reps)
    new = len(counts) - len(x)
    start, full, axes = [1] * new, list(counts[:new]), list(range(new))
    for n, count in zip(x, counts[new:], strict=True):
        if count != 1:
            axes.append(len(full))
            start.append(1)
            full.append(count)
        start.append(n)
        full.append(n)
    return tuple(start), tuple(full), tuple(axes)


def _tile(xp: Any, x: Any, reps: Sizes) -> Any:
    start, full, _ = _tiles(x.shape, reps)
    counts = (1,) * (len(x.shape) - len(tuple_of(reps))) + tuple_of(reps)
    sizes = (1,) * (len(counts) - len(x.shape)) + tuple(x.shape)
    out = tuple(n * count for n, count in zip(sizes, counts, strict=True))
    return xp.reshape(xp.broadcast_to(xp.reshape(x, start), full), out)


def _tile_vjp(xp: Any, g: Any, y: Any, x: Any, reps: Sizes) -> tuple[Any, ...]:
    _, full, axes = _tiles(x.shape, reps)
    return (xp.sum(xp.reshape(g, full), axis=axes[0] if len(axes) == 1 else axes) if axes else g,)


_MOST = 2**20
"""Cells along an axis whose places are written out one by one."""


def _check_repeat(x: Shape, repeats: Sizes, axis: int | None) -> None:
    axes_of(axis, x)
    if any(n < 0 for n in tuple_of(repeats)):
        raise refuse(f"repeats={repeats} is negative", hint="give how often each cell stands there")
    if isinstance(repeats, int):
        return
    shape, here = _each(x, axis)
    if len(repeats) != shape[here]:
        hint = "give one for each cell along the axis, or one number for all"
        raise refuse(f"{len(repeats)} repeats for {shape[here]} cells", hint=hint)
    if sum(repeats) > _MOST:
        hint = "one number for all cells has no such limit: repeat(x, 2)"
        raise ShapeError(f"{sum(repeats):,} cells along an axis, and at most {_MOST:,}", hint=hint, code="E_LIMIT")


def _each(x: Shape, axis: int | None) -> tuple[Shape, int]:
    """The shape whose cells are repeated, and the axis: all cells in a row where none is named."""
    return (x, axis_of(axis, x)) if axis is not None else ((prod(x),), 0)


def _places(repeats: Sizes, here: int) -> Key:
    """The index that takes each cell along an axis so many times: x[:, [0, 0, 1]]."""
    return (*((None, None, None),) * here, (tuple(i for i, n in enumerate(tuple_of(repeats)) for _ in range(n)),))


def _repeat(xp: Any, x: Any, repeats: Sizes, axis: int | None) -> Any:
    shape, here = _each(x.shape, axis)
    if not isinstance(repeats, int):
        return xp.take_at([xp.reshape(x, shape) if axis is None else x], key=_places(repeats, here))
    before, after = shape[: here + 1], shape[here + 1 :]
    column = xp.reshape(x, (*before, 1, *after))
    return xp.reshape(xp.broadcast_to(column, (*before, repeats, *after)), (*before[:-1], before[-1] * repeats, *after))


def _repeat_vjp(xp: Any, g: Any, y: Any, x: Any, repeats: Sizes, axis: int | None) -> tuple[Any, ...]:
    shape, here = _each(x.shape, axis)
    if not isinstance(repeats, int):
        added = xp.add_at([g], shape=shape, key=_places(repeats, here))
        return (added if axis is not None else xp.reshape(added, x.shape),)
    summed = xp.sum(xp.reshape(g, (*shape[: here + 1], repeats, *shape[here + 1 :])), axis=here + 1)
    return (summed if axis is not None else xp.reshape(summed, x.shape),)


# --- triangles and diagonals


def _check_triangle(x: Shape, k: int) -> None:
    if len(x) < 2:
        raise ShapeError(f"a triangle is cut from a matrix, and the shape is {x}", hint="the last two axes are cut")


def _lower(xp: Any, x: Any, of: Any, k: int) -> Any:
    """`x` below the diagonal number k of `of`'s matrices, and on it."""
    return xp.where(xp.tri(*of.shape[-2:], k=k), x, False if x.dtype.kind == "b" else 0)


def _upper(xp: Any, x: Any, of: Any, k: int) -> Any:
    return xp.where(xp.tri(*of.shape[-2:], k=k - 1), False if x.dtype.kind == "b" else 0, x)


def _check_diagonal(x: Shape, offset: int, axis1: int, axis2: int) -> None:
    if len(x) < 2:
        raise ShapeError(f"a diagonal is of a matrix, and the shape is {x}", hint="tril, triu: of a matrix, too")
    if axis_of(axis1, x) == axis_of(axis2, x):
        raise ShapeError(f"axis1 and axis2 are both axis {axis_of(axis1, x)} of {x}", hint="name two axes: 0, 1")
    if abs(offset) >= 2**31:  # beyond the last diagonal there is an empty one, and beyond C's int an OverflowError
        raise ShapeError(f"offset={offset} is beyond all diagonals of {x}", hint="0 is the main one, 1 that above it")


def _trace(xp: Any, x: Any, offset: int, axis1: int, axis2: int) -> Any:
    return xp.sum(xp.diagonal(x, offset=offset, axis1=axis1, axis2=axis2), axis=-1)


def _trace_vjp(xp: Any, g: Any, y: Any, x: Any, **which: int) -> tuple[Any, ...]:
    line = xp.diagonal(x, **which).shape
    spread = xp.broadcast_to(xp.expand_dims(g, -1) if len(line) > 1 else g, line)
    return (xp.on_diagonal(spread, shape=x.shape, **which),)


_AXIS = Attr("axis", None, positional=True)
_triangle = partial(
    moving,
    back="the same triangle: the gradient of what was cut off is 0",
    attrs={"k": Attr("int", 0, positional=True)},
    check=_check_triangle,
    samples=(Sample((ROWS,)), Sample((CUBE,), {"k": 1}), Sample((CUBE,), {"k": -1})),
)
_diagonal = partial(
    moving,
    attrs={
        "offset": Attr("int", 0, positional=True),
        "axis1": Attr("int", 0, positional=True),
        "axis2": Attr("int", 1, positional=True),
    },
    check=_check_diagonal,
    samples=(Sample((ROWS,)), Sample((ROWS,), {"offset": 1}), Sample((CUBE,), {"axis1": -1, "axis2": 1})),
)

register(
    moving(
        "flip",
        "The cells in the opposite order along some axes, or along all.",
        back="the same flip: it is its own",
        forward=lambda xp, x, axis: xp.flip(x, axis=axis),
        vjp=lambda xp, g, y, x, axis: (xp.flip(g, axis=axis),),
        attrs={"axis": _AXIS},
        check=_check_flip,
        samples=(Sample((ROWS,), {"axis": 1}), Sample((CUBE,)), Sample((CUBE,), {"axis": (0, -1)})),
    ),
    moving(
        "roll",
        "The cells moved on along an axis; those that go over its end come in at its beginning.",
        back="a roll the other way",
        forward=lambda xp, x, shift, axis: xp.roll(x, shift=shift, axis=axis),
        vjp=lambda xp, g, y, x, shift, axis: (xp.roll(g, shift=_back(shift), axis=axis),),
        attrs={"shift": Attr("ints", positional=True), "axis": _AXIS},
        check=_check_roll,
        samples=(
            Sample((ROWS,), {"shift": 1, "axis": 1}), Sample((ROWS,), {"shift": -2}),
            Sample((CUBE,), {"shift": (1, -1), "axis": (0, 2)}),
        ),
    ),
    moving(
        "tile",
        "The whole tensor repeated along its axes, and along new ones in front of them.",
        back="a sum over the copies: each cell went into all of them",
        forward=_tile,
        vjp=_tile_vjp,
        attrs={"reps": Attr("ints", positional=True)},
        check=_check_tile,
        samples=(Sample((ROWS,), {"reps": (2, 1)}), Sample((ROWS,), {"reps": (2, 1, 3)}), Sample((ROWS,), {"reps": 2})),
    ),
    moving(
        "repeat",
        "Each cell so many times in a row along an axis, or each its own number; without an axis, all cells in a row.",
        back="a sum over the copies: each cell went into all of them",
        forward=_repeat,
        vjp=_repeat_vjp,
        attrs={"repeats": Attr("ints", positional=True), "axis": Attr("int", None, positional=True)},
        check=_check_repeat,
        samples=(
            Sample((ROWS,), {"repeats": 2, "axis": 1}), Sample((ROWS,), {"repeats": 3}),
            Sample((CUBE,), {"repeats": 2, "axis": 0}), Sample((CUBE,), {"repeats": (2, 0, 3), "axis": 1}),
        ),
    ),
    _triangle(
        "tril",
        "The lower triangle of the last two axes, up to the diagonal number k; zeros above.",
        forward=lambda xp, x, k: _lower(xp, x, x, k),
        vjp=lambda xp, g, y, x, k: (_lower(xp, g, x, k),),
    ),
    _triangle(
        "triu",
        "The upper triangle of the last two axes, from the diagonal number k on; zeros below.",
        forward=lambda xp, x, k: _upper(xp, x, x, k),
        vjp=lambda xp, g, y, x, k: (_upper(xp, g, x, k),),
    ),
    _diagonal(
        "diagonal",
        "The cells on a diagonal of two axes, as the last axis; offset=1 is the one above the main one.",
        back="zeros with the gradient put back on the diagonal",
        forward=lambda xp, x, **which: xp.diagonal(x, **which),
        vjp=lambda xp, g, y, x, **which: (xp.on_diagonal(g, shape=x.shape, **which),),
    ),
    _diagonal(
        "trace",
        "The sum of the cells on a diagonal of two axes.",
        back="zeros with the gradient on the diagonal: each of its cells went into the sum once",
        kinds=("fi",),
        forward=_trace,
        vjp=_trace_vjp,
    ),
)  # fmt: skip
