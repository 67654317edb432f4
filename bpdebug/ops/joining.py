"""Tensors joined and split along an axis."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from bpdebug.arrays import Key, Shape, decode_key
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Sizes, axis_of, check_new_axes, refuse
from bpdebug.ops.op import CUBE, ROWS, Sample, moving, register

ALL = slice(None)


def _check_concat(*xs: Shape, axis: int) -> None:
    first = xs[0]
    if not all(xs):
        raise ShapeError("concat joins along an axis that is there, and a number has none", hint="use stack")
    here = axis_of(axis, first)
    for place, x in enumerate(xs):
        if len(x) != len(first):
            raise ShapeError(
                f"{first} and {x} (operand {place + 1}) have not as many axes",
                hint="use expand_dims or reshape first",
            )
        for a, (m, n) in enumerate(zip(first, x, strict=True)):
            if a != here and m != n:
                raise ShapeError(
                    f"{first} and {x} (operand {place + 1}) along axis {axis}: sizes {m} and {n} of axis {a} differ",
                    hint=f"only axis {here} may differ; did you mean axis={a}?",
                )


def _concat_vjp(xp: Any, g: Any, y: Any, *xs: Any, axis: int) -> tuple[Any, ...]:
    before = (ALL,) * axis_of(axis, y.shape)
    ends = list(accumulate(x.shape[len(before)] for x in xs))
    return tuple(g[(*before, slice(a, b))] for a, b in zip([0, *ends], ends, strict=False))


def _check_stack(*xs: Shape, axis: int) -> None:
    for place, x in enumerate(xs):
        if x != xs[0]:
            raise ShapeError(
                f"{xs[0]} and {x} (operand {place + 1}) are not one shape, and stack needs that",
                hint="use concat to join along an axis that is there",
            )
    check_new_axes(xs[0], axis)


def _stack_vjp(xp: Any, g: Any, y: Any, *xs: Any, axis: int) -> tuple[Any, ...]:
    before = (ALL,) * axis_of(axis, y.shape)
    return tuple(g[(*before, i)] for i in range(len(xs)))


def _parts(attrs: Mapping[str, Any]) -> int:
    sections = attrs["sections"]
    return sections if isinstance(sections, int) else len(sections) + 1


def _check_split(x: Shape, sections: Sizes, axis: int, part: int) -> None:
    size = x[axis_of(axis, x)]
    if isinstance(sections, int) and sections < 1:
        raise refuse(f"{sections} sections", hint="give the number of parts, or a tuple of places to cut at")
    if isinstance(sections, int) and size % sections:
        raise ShapeError(
            f"axis {axis} of {x} has size {size}, which is not {sections} equal parts",
            hint="give the places to cut at: sections=(2, 5) makes [:2], [2:5] and [5:]",
        )


def _span(x: Shape, sections: Sizes, axis: int, part: int) -> Key:
    """Where part number `part` stands in x, as an index in plain data."""
    here = axis_of(axis, x)
    if isinstance(sections, int):
        step = x[here] // sections
        start, stop = part * step, (part + 1) * step
    else:
        start, stop = (0, *sections, x[here])[part : part + 2]
    return (*((None, None, None),) * here, (start, stop, None))


def _split_vjp(xp: Any, g: Any, y: Any, x: Any, sections: Sizes, axis: int, part: int) -> tuple[Any, ...]:
    return (xp.place(g, shape=x.shape, key=_span(x.shape, sections, axis, part)),)


def _check_unbind(x: Shape, axis: int, parts: int | None, part: int) -> None:
    size = x[axis_of(axis, x)]
    if parts is not None and parts != size:
        raise ShapeError(
            f"axis {axis} of {x} has size {size}, and there are {parts} names", hint="give one name for each slice"
        )


def _place(x: Shape, axis: int, part: int) -> Key:
    return (*((None, None, None),) * axis_of(axis, x), part)


def _unbind_vjp(xp: Any, g: Any, y: Any, x: Any, axis: int, parts: int | None, part: int) -> tuple[Any, ...]:
    return (xp.place(g, shape=x.shape, key=_place(x.shape, axis, part)),)


register(
    moving(
        "unbind",
        "The slices along an axis, each a tensor: a, b = unbind(x).",
        back="zeros with the gradient put back where the slice was",
        forward=lambda xp, x, axis, parts, part: x[decode_key(_place(x.shape, axis, part))],
        vjp=_unbind_vjp,
        attrs={
            "axis": Attr("int", 0, positional=True),
            "parts": Attr("int", None, hidden=True),
            "part": Attr("int", 0, hidden=True),
        },
        check=_check_unbind,
        parts_of=lambda attrs: attrs["parts"],
        samples=(Sample((ROWS,), {"part": 1}), Sample((CUBE,), {"axis": -1, "part": 3})),
    ),
    moving(
        "concat",
        "Tensors joined along an axis that is there.",
        back="a split: each operand gets its own piece back",
        operands=("*xs",),
        forward=lambda xp, *xs, axis: xp.concat(xs, axis=axis_of(axis, xs[0].shape)),
        vjp=_concat_vjp,
        attrs={"axis": Attr("int", 0)},
        check=_check_concat,
        samples=(
            Sample((ROWS, [[4.0, 0.75, -1.0]])),
            Sample((ROWS, [[4.0], [0.75]], [[2.0, 5.0], [-3.0, 0.1]]), {"axis": -1}),
        ),
    ),
    moving(
        "stack",
        "Tensors of one shape put side by side along a new axis.",
        back="a slice: each operand gets its own place along the new axis",
        operands=("*xs",),
        forward=lambda xp, *xs, axis: xp.stack(xs, axis=axis % (len(xs[0].shape) + 1)),
        vjp=_stack_vjp,
        attrs={"axis": Attr("int", 0)},
        check=_check_stack,
        samples=(
            Sample((ROWS, [[4.0, 0.75, -1.0], [2.0, 5.0, -3.0]])),
            Sample(([1.0, -2.0], [4.0, 0.75], [2.0, 5.0]), {"axis": -1}),
        ),
    ),
    moving(
        "split",
        "Parts along an axis: so many equal ones, or cut at the places given.",
        back="zeros with the gradient put back where the part was cut out",
        forward=lambda xp, x, **attrs: x[decode_key(_span(x.shape, **attrs))],
        vjp=_split_vjp,
        attrs={
            "sections": Attr("ints", positional=True),
            "axis": Attr("int", 0, positional=True),
            "part": Attr("int", 0, hidden=True),
        },
        check=_check_split,
        parts_of=_parts,
        samples=(
            Sample((CUBE,), {"sections": 3, "axis": 1, "part": 1}),
            Sample((CUBE,), {"sections": (1, 3), "axis": -1, "part": 2}),
        ),
    ),
)
