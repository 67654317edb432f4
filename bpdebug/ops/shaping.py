"""Other shapes for the same cells: reshape, slicing, padding."""

from __future__ import annotations

from math import prod
from typing import Any

from bpdebug.arrays import Key, Shape, decode_key
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Axis, Sizes, axes_of, axis_of, check_new_axes, refuse, tuple_of
from bpdebug.ops.op import CUBE, ROWS, Sample, moving, register

Widths = tuple[tuple[int, int], ...]


# --- reshape, flatten, squeeze, expand_dims, broadcast_to


def _target(x: Shape, shape: Sizes) -> Shape:
    """The shape that reshape is asked for, with its -1 worked out."""
    known = prod(n for n in tuple_of(shape) if n != -1)
    return tuple(prod(x) // known if n == -1 and known else n for n in tuple_of(shape))


def _check_reshape(x: Shape, shape: Sizes) -> None:
    asked = tuple_of(shape)
    known = prod(n for n in asked if n != -1)
    if any(n < -1 for n in asked):
        raise ShapeError(f"shape {asked} has a negative size", hint="only -1, once, for the size that is left over")
    if asked.count(-1) > 1:
        raise ShapeError(f"shape {asked} has more than one -1", hint="only one size can be worked out")
    if -1 in asked and known == 0:
        raise ShapeError(
            f"{x} to {asked}: beside a size of 0, any size fits in place of -1",
            hint="write the size instead of -1",
        )
    if prod(_target(x, asked)) != prod(x):
        cells = "a multiple of " if -1 in asked else ""
        raise ShapeError(
            f"{x} to {asked}: {prod(x)} cells do not make {cells}{known}",
            hint="a reshape keeps every cell; the product of the sizes must stay the same",
        )


def _flat(x: Shape, start: int) -> Shape:
    keep = start % len(x) if x else 0
    return (*x[:keep], prod(x[keep:]))


def _check_flatten(x: Shape, start: int) -> None:
    if x or start not in (0, -1):
        axis_of(start, x)


def _dropped(x: Shape, axis: Axis) -> Axis:
    """The axes that squeeze drops: those of size 1 where none is named."""
    return tuple(a for a, n in enumerate(x) if n == 1) if axis is None else axis


def _check_squeeze(x: Shape, axis: Axis) -> None:
    for a in axes_of(_dropped(x, axis), x):
        if x[a] != 1:
            raise ShapeError(
                f"axis {a} of {x} has size {x[a]}, and only an axis of size 1 can be dropped",
                hint="pick a cell with x[..., i], or reduce the axis with sum or mean",
            )


def _check_broadcast_to(x: Shape, shape: Sizes) -> None:
    asked = tuple_of(shape)
    if any(n < 0 for n in asked):
        raise ShapeError(f"shape {asked} has a negative size", hint="write every size out")
    if len(asked) < len(x):
        raise ShapeError(f"{x} to {asked}: broadcasting takes no axes away", hint="use sum, squeeze or reshape")
    for axis in range(-len(x), 0):
        if x[axis] not in (1, asked[axis]):
            raise ShapeError(
                f"{x} to {asked}: size {x[axis]} in axis {axis} cannot become {asked[axis]}",
                hint="sizes must be equal, or 1 before; axes are counted from the right",
            )


# --- slice, pad


def _spelt(key: Key, x: Shape) -> Key:
    """The index with its ellipsis written out."""
    if "..." not in key:
        return key
    at = key.index("...")
    return (*key[:at], *((None, None, None),) * (len(x) - len(key) + 1), *key[at + 1 :])


def _check_slice(x: Shape, key: Key) -> None:
    given = len(key) - key.count("...")
    if len(key) - given > 1:
        raise ShapeError("an index may hold one '...' only", hint="write the other axes out as :")
    if given > len(x):
        raise ShapeError(
            f"{given} indices for shape {x}, which has {len(x)} axes", hint="give at most one index an axis"
        )
    for axis, (item, size) in enumerate(zip(_spelt(key, x), x, strict=False)):
        if isinstance(item, tuple):
            if item[2] == 0:
                raise ShapeError("a slice with step 0 goes nowhere", hint="use a step of 1, 2, -1 ...")
        elif not -size <= item < size:
            cells = f"its cells are {-size} to {size - 1}" if size else "it has no cells"
            raise ShapeError(f"index {item} is out of range for axis {axis} of {x}", hint=cells)


def _widths(x: Shape, widths: Any) -> Widths:
    """NumPy's widths, one pair an axis: from an int, a pair for all axes, or a row an axis."""
    rows = (widths,) if isinstance(widths, int) or all(isinstance(w, int) for w in widths) else tuple(widths)
    rows = tuple(tuple_of(row) for row in rows)
    pairs = tuple((row[0], row[-1]) for row in rows)
    return pairs * len(x) if len(pairs) == 1 else pairs


MODES = ("constant", "reflect", "replicate", "circular")


def _check_pad(x: Shape, widths: Any, mode: str, value: float) -> None:
    rows = () if isinstance(widths, int) else widths if any(not isinstance(w, int) for w in widths) else (widths,)
    if any(len(tuple_of(row)) not in (1, 2) for row in rows) or len(_widths(x, widths)) != len(x):
        raise ShapeError(
            f"widths {widths} do not fit the {len(x)} axes of {x}",
            hint="give a number, a pair (before, after) for every axis, or one pair an axis",
        )
    if any(n < 0 for pair in _widths(x, widths) for n in pair):
        raise refuse(f"widths {widths} are negative", hint="cut cells off with a slice: x[1:-1]")
    if mode == "constant":
        return
    if value:
        raise refuse(f"value={value} for mode='{mode}', which takes the cells of x", hint="leave out one of them")
    for axis, (pair, n) in enumerate(zip(_widths(x, widths), x, strict=True)):
        most = {"reflect": max(n - 1, 0), "replicate": max(pair) if n else 0, "circular": n}[mode]
        if max(pair) > most:
            raise ShapeError(
                f"{max(pair)} cells to {mode} at axis {axis} of {x}, which has {most} for it", hint="make them fewer"
            )


def _pad(xp: Any, x: Any, widths: Any, mode: str, value: float) -> Any:
    pairs = _widths(x.shape, widths)
    if mode != "constant":
        return getattr(xp, f"pad_{mode}")(x, pairs)
    if x.dtype.kind != "f" and value not in range(2 if x.dtype.kind == "b" else 2**63):
        raise refuse(f"value={value} is none of a tensor of {x.dtype}", hint="cast the tensor to float64 first")
    return xp.pad0(x, pairs, value or 0.0)


def _pad_vjp(xp: Any, g: Any, y: Any, x: Any, widths: Any, mode: str, value: float) -> tuple[Any, ...]:
    pairs = _widths(x.shape, widths)
    if mode != "constant":
        return (getattr(xp, f"unpad_{mode}")(g, pairs, shape=x.shape),)
    return (g[tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, pairs, strict=True))],)


_SHAPE = Attr("ints", positional=True)


def _back(xp: Any, g: Any, y: Any, x: Any, **attrs: Any) -> tuple[Any, ...]:
    return (xp.reshape(g, x.shape),)


register(
    moving(
        "reshape",
        "The same cells, row by row, in another shape; one size may be -1.",
        back="a reshape back",
        forward=lambda xp, x, shape: xp.reshape(x, _target(x.shape, shape)),
        vjp=_back,
        attrs={"shape": _SHAPE},
        check=_check_reshape,
        samples=(Sample((ROWS,), {"shape": (3, 2)}), Sample((CUBE,), {"shape": (4, -1)})),
    ),
    moving(
        "flatten",
        "The axes from start on made one.",
        back="a reshape back",
        forward=lambda xp, x, start: xp.reshape(x, _flat(x.shape, start)),
        vjp=_back,
        attrs={"start": Attr("int", 0, positional=True)},
        check=_check_flatten,
        samples=(Sample((CUBE,)), Sample((CUBE,), {"start": 1})),
    ),
    moving(
        "squeeze",
        "Axes of size 1 dropped: those named, or all.",
        back="expand_dims: the axes of size 1 are put back",
        forward=lambda xp, x, axis: xp.squeeze(x, _dropped(x.shape, axis)),
        vjp=lambda xp, g, y, x, axis: (xp.expand_dims(g, _dropped(x.shape, axis)),),
        attrs={"axis": Attr("axis", None, positional=True)},
        check=_check_squeeze,
        samples=(Sample(([[[1.0], [-2.0], [0.5]]],), {"axis": 2}), Sample(([[[1.0], [-2.0], [0.5]]],))),
    ),
    moving(
        "expand_dims",
        "A new axis of size 1, where it will stand in the result.",
        back="squeeze: the axes of size 1 are dropped again",
        forward=lambda xp, x, axis: xp.expand_dims(x, axis),
        vjp=lambda xp, g, y, x, axis: (xp.squeeze(g, axis),),
        attrs={"axis": _SHAPE},
        check=check_new_axes,
        samples=(Sample((ROWS,), {"axis": 1}), Sample((ROWS,), {"axis": (0, -1)})),
    ),
    moving(
        "broadcast_to",
        "The same cells repeated over new axes and axes of size 1.",
        back="a sum over the axes along which the cells were repeated",
        forward=lambda xp, x, shape: xp.broadcast_to(x, tuple_of(shape)),
        vjp=lambda xp, g, y, x, shape: (g,),
        attrs={"shape": _SHAPE},
        check=_check_broadcast_to,
        broadcasts="elementwise",
        samples=(Sample(([[1.0], [-2.0]],), {"shape": (4, 2, 3)}),),
    ),
    moving(
        "slice",
        "The cells at an index, x[1, :, 0:2]; an integer drops its axis.",
        back="zeros with the gradient put back at the index",
        forward=lambda xp, x, key: x[decode_key(_spelt(key, x.shape))],
        vjp=lambda xp, g, y, x, key: (xp.place(g, shape=x.shape, key=_spelt(key, x.shape)),),
        attrs={"key": Attr("key", hidden=True)},
        check=_check_slice,
        samples=(
            Sample((CUBE,), {"key": (1, (None, None, None), (0, 2, None))}),
            Sample((CUBE,), {"key": ("...", (None, None, -2))}),
        ),
    ),
    moving(
        "pad",
        "Cells added before and after each axis: value, or those of x mirrored, repeated at the edge, or in a circle.",
        back="the border is cut off; where its cells were x's own, their gradients are added to those",
        forward=_pad,
        vjp=_pad_vjp,
        attrs={
            "widths": Attr("widths", positional=True),
            "mode": Attr("str", "constant", positional=True, choices=MODES),
            "value": Attr("float", 0.0),
        },
        check=_check_pad,
        samples=(
            Sample((ROWS,), {"widths": ((1, 0), (0, 2))}),
            Sample((ROWS,), {"widths": 1}),
            *(Sample((ROWS,), {"widths": ((0, 0), (1, 2)), "mode": mode}) for mode in MODES[1:]),
        ),
    ),
)
