"""Comparisons, and what lets gradients through or holds them back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import refuse
from bpdebug.ops.op import ROUTES, ROWS, Op, Sample, register


def _check_dropout(x: Shape, *mask: Shape, p: float) -> None:
    if mask and mask[0] != x:
        raise ShapeError(f"a mask of shape {mask[0]} for x of shape {x}", hint="a mask is true where a cell is kept")
    if not 0 <= p < 1:
        raise refuse(f"p={p} is no share of cells to drop", hint="p is at least 0 and less than 1")


def _check_causal(scores: Shape) -> None:
    if len(scores) < 2:
        raise ShapeError(
            f"scores of shape {scores} have no two axes (queries, keys)",
            hint="causal_mask takes the matrix of scores, queries @ keys.T",
        )


def _past(xp: Any, x: Any) -> Any:
    """True where the key is not later than the query."""
    return xp.tri(x.shape[-2], x.shape[-1])


DTYPES = ("float64", "float32", "int64", "bool", "float16", "bfloat16")


def _cast(xp: Any, x: Any, dtype: str) -> Any:
    if dtype == "float16":
        return xp.as_float16(x)
    return xp.as_bfloat16(x) if dtype == "bfloat16" else xp.cast(x, dtype=np.dtype(dtype))


def _cast_vjp(xp: Any, g: Any, y: Any, x: Any, dtype: str) -> tuple[Any, ...]:
    """Back through what was cast to: a gradient in half precision is rounded to it, too."""
    half = _cast(xp, g, dtype) if dtype in ("float16", "bfloat16") else g
    return (_cast(xp, half, x.dtype.name) if x.dtype.kind == "f" else None,)


def _comparison(name: str, infix: str, words: str, forward: Callable[..., Any]) -> Op:
    return Op(
        name,
        f"True where a is {words} b; takes no gradient.",
        operands=("a", "b"),
        forward=forward,
        vjp=lambda xp, g, y, a, b: (None, None),
        kinds=("fib",),
        infix=infix,
        broadcasts="elementwise",
        samples=(Sample((ROWS, [[1.0, 2.0, 0.25], [-0.5, 3.0, 4.0]])), Sample((ROWS, 0.5))),
    )


def _logical(name: str, infix: str, says: str, forward: Callable[..., Any], *operands: str) -> Op:
    masks = ([[True, False, True], [False, False, True]], [True, False, False])
    return Op(
        name,
        f"{says}; takes no gradient.",
        operands=operands,
        forward=forward,
        vjp=lambda xp, g, y, *xs: (None,) * len(xs),
        kinds=("b",),
        infix=infix,
        broadcasts="elementwise",
        samples=(Sample(masks[: len(operands)]),),
    )


register(
    _logical("logical_and", "and", "True where both are", lambda xp, a, b: xp.logical_and(a, b), "a", "b"),
    _logical("logical_or", "or", "True where one of them is", lambda xp, a, b: xp.logical_or(a, b), "a", "b"),
    _logical("logical_not", "not", "True where it is not", lambda xp, x: xp.logical_not(x), "x"),
    _comparison("less", "<", "less than", lambda xp, a, b: a < b),
    _comparison("less_equal", "<=", "at most", lambda xp, a, b: a <= b),
    _comparison("greater", ">", "greater than", lambda xp, a, b: a > b),
    _comparison("greater_equal", ">=", "at least", lambda xp, a, b: a >= b),
    _comparison("equal", "==", "equal to", lambda xp, a, b: a == b),
    _comparison("not_equal", "!=", "not equal to", lambda xp, a, b: a != b),
    Op(
        "where",
        "Cells of a where cond is true, of b where it is not.",
        back="the same choice: each side gets the gradient where it was taken, and 0 elsewhere",
        operands=("cond", "a", "b"),
        forward=lambda xp, cond, a, b: xp.where(cond, a, b),
        vjp=lambda xp, g, y, cond, a, b: (None, xp.where(cond, g, 0), xp.where(cond, 0, g)),
        kinds=("b", "fib", "fib"),
        linear_in=(1, 2),
        broadcasts="elementwise",
        samples=(
            Sample(([[True, False, True], [False, False, True]], ROWS, [4.0, 0.5, -1.0])),
            Sample(([True, False, True], ROWS, 0)),
        ),
    ),
    Op(
        "masked_fill",
        "x, with value in place of the cells where the mask is true.",
        back="the gradient of the cells that were filled is 0",
        operands=("x", "mask"),
        forward=lambda xp, x, mask, value: xp.where(mask, value, x),
        vjp=lambda xp, g, y, x, mask, value: (xp.where(mask, 0, g), None),
        attrs={"value": Attr("float", positional=True)},
        kinds=("f", "b"),
        broadcasts="elementwise",
        infinite=True,
        samples=(
            Sample((ROWS, [[True, False, True], [False, False, True]]), {"value": 0.0}),
            Sample((ROWS, [True, False, True]), {"value": -2.0}),
        ),
    ),
    Op(
        "cast",
        "The same numbers in another dtype; those of float16 and bfloat16 are rounded and kept in float32.",
        back="the same numbers, cast back",
        forward=_cast,
        vjp=_cast_vjp,
        attrs={"dtype": Attr("str", positional=True, choices=DTYPES)},
        kinds=("fib",),
        linear_in=(0,),
        samples=(Sample((ROWS,), {"dtype": "float64"}), Sample(([0, 2, -3],), {"dtype": "float64"})),
    ),
    Op(
        "dropout",
        "A random share p of the cells, or those where a mask is false, set to 0, the others scaled by 1 / (1 - p).",
        operands=("x", "mask?"),
        back="the same mask and the same scale: what was dropped gets 0",
        forward=lambda xp, x, mask, p: xp.where(mask, x / (1 - p), 0),
        vjp=lambda xp, g, y, x, mask, p: (xp.where(mask, g / (1 - p), 0), None),
        attrs={"p": Attr("float", 0.5, positional=True)},
        kinds=("f", "b"),
        check=_check_dropout,
        linear_in=(0,),
        draws=True,
        samples=(
            Sample((ROWS,)),
            Sample((ROWS,), {"p": 0.25}),
            Sample((ROWS, [[True, False, True], [False, True, True]])),
        ),
    ),
    Op(
        "stop_gradient",
        "x itself, through which no gradient goes back.",
        back="nothing: no gradient goes through",
        forward=lambda xp, x: x,
        vjp=lambda xp, g, y, x: (None,),
        kinds=("fib",),
        samples=(Sample((ROWS,)),),
    ),
    Op(
        "causal_mask",
        "Scores of keys later than their query set to -inf, so that softmax gives them 0.",
        back=ROUTES,
        operands=("scores",),
        forward=lambda xp, x: xp.where(_past(xp, x), x, -math.inf),
        vjp=lambda xp, g, y, x: (xp.where(_past(xp, x), g, 0),),
        check=_check_causal,
        infinite=True,
        samples=(
            Sample((ROWS,)),
            Sample(([[[1.0, -2.0], [0.5, 3.0], [1.5, 0.25]], [[2.0, 1.0], [-1.0, 4.0], [0.75, -0.5]]],)),
        ),
    ),
)
