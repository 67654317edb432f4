"""The cells of a tensor at several integers an index: x[i, :, [0, 2]]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpdebug.arrays import Key, Shape, is_list
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.op import CUBE, OPS, Op, Sample, Span, register


def spelt_key(key: Key, x: Shape, count: int) -> Key:
    """An index of arrays in plain data, an item for every axis; without one `count` arrays are of the first axes."""
    key = key or (None,) * count
    at = key.index("...") if "..." in key else len(key)
    missing = ((None, None, None),) * (len(x) - len(key) + key.count("..."))
    return (*key[:at], *missing, *key[at + 1 :])


def _is_array(item: Any) -> bool:
    return item is None or is_list(item)


def taken_shape(x: Shape, ids: Sequence[Shape], key: Key) -> Shape:
    """The shape of x[...] at an index of arrays: theirs, broadcast, stands where they stand side by side, or in front.

    An integer among them counts as one of them, as in NumPy.
    """
    key, shapes = spelt_key(key, x, len(ids)), iter(ids)
    own = [np.shape(k[0]) if is_list(k) else next(shapes) for k in key if _is_array(k)]
    places = [a for a, k in enumerate(key) if _is_array(k) or isinstance(k, int)]
    rest = [
        (a, len(range(*slice(*k).indices(n)))) for a, (k, n) in enumerate(zip(key, x, strict=True)) if a not in places
    ]
    together = places[-1] - places[0] < len(places)
    before = [n for a, n in rest if together and a < places[0]]
    return (*before, *np.broadcast_shapes(*own), *(n for _, n in rest[len(before) :]))


def _listed(item: Any) -> Any:
    """The integers of a list in an index; none of anything else. E_SHAPE where it is ragged."""
    try:
        return np.array(item[0] if is_list(item) else (), np.int64)
    except ValueError:
        raise ShapeError("a list in the index is ragged", hint="its lists must be of one length") from None


def _check_take_at(x: Shape, *ids: Shape, key: Key) -> None:
    given = len(key or ids) - (key or ()).count("...")
    if given > len(x):
        raise ShapeError(
            f"{given} indices for shape {x}, which has {len(x)} axes", hint="give at most one index an axis"
        )
    if not ids and not any(map(is_list, key or ())):
        raise ShapeError("no indices are given", hint="write x[i, j], with integer tensors or lists i and j")
    OPS["slice"].check(x, tuple((None, None, None) if _is_array(k) else k for k in key))
    for axis, (item, size) in enumerate(zip(spelt_key(key, x, len(ids)), x, strict=True)):
        listed = _listed(item)
        if listed.size and not (-size <= listed.min() and listed.max() < size):
            raise ShapeError(
                f"a list holds an index out of range for axis {axis} of {x}",
                hint=f"its cells are {-size} to {size - 1}",
            )
    try:
        taken_shape(x, ids, key)
    except ValueError:
        raise ShapeError(
            f"indices of shapes {' and '.join(map(str, ids))} do not broadcast",
            hint="each cell needs one of each: their sizes must be equal, or 1",
        ) from None


def _cells_of_x(shapes: tuple[Shape, ...], attrs: Mapping[str, Any]) -> list[Span]:
    x, *ids = shapes
    axes = [a for a, k in enumerate(spelt_key(attrs["key"], x, len(ids))) if k is None]
    return [(n + 1, -x[a], x[a]) for n, a in enumerate(axes)]


def _take_at(xp: Any, x: Any, *ids: Any, key: Key) -> Any:
    return xp.take_at((x, *ids), key=_shortest(key, x.shape))


def _take_at_vjp(xp: Any, g: Any, y: Any, x: Any, *ids: Any, key: Key) -> tuple[Any, ...]:
    return xp.add_at((g, *ids), shape=x.shape, key=_shortest(key, x.shape)), *(None for _ in ids)


def _shortest(key: Key, x: Shape) -> Key:
    """An index as formulas have it: without '...', and none where arrays alone are of the first axes."""
    key = spelt_key(key, x, 0) if "..." in key else key
    return key if any(item is not None for item in key) else ()


MATRIX = CUBE[0]

register(
    Op(
        "take_at",
        "The cells of x at several integers an index, x[i, j]; repeated ones add up in the gradient.",
        back="each cell's gradient is added where it was taken, and repeated ones add up",
        operands=("x", "*ids?"),
        kinds=("fib", "i"),
        linear_in=(0,),
        forward=_take_at,
        vjp=_take_at_vjp,
        attrs={"key": Attr("key", (), hidden=True)},
        check=_check_take_at,
        indexes=_cells_of_x,
        samples=(
            Sample((MATRIX, [0, 2, 0], [3, 1, 3])),
            Sample((MATRIX, [[0], [2]]), {"key": (None, ((0, 3, 3),))}),
            Sample((CUBE, [1, 0, 1]), {"key": (1, (None, None, None), None)}),
        ),
    ),
)
