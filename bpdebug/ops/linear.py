"""Products and transposes: what the debugger was made for."""

from __future__ import annotations

from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.op import Op, Sample, register


def _check_matmul(a: Shape, b: Shape) -> None:
    if len(a) < 2 or len(b) < 2:
        short, words = (a, "(1, n)") if len(a) < 2 else (b, "(n, 1)")
        what = "a number" if not short else f"shape {short}"
        raise ShapeError(
            f"{a} @ {b}: matmul takes matrices, and the {'left' if short is a else 'right'} operand is {what}",
            hint=f"write it as {words}: expand_dims(x, axis={0 if short is a else 1})"
            if short
            else "use * for a number",
        )
    if a[-1] != b[-2]:
        turned = a[-1] == b[-1] or a[-2] == b[-2]
        hint = "the left one's columns must be the right one's rows"
        if turned:
            hint = "did you mean the transpose, .T, of the right operand?" if a[-1] == b[-1] else (
                "did you mean the transpose, .T, of the left operand?"
            )  # fmt: skip
        raise ShapeError(f"{a} @ {b}: inner sizes {a[-1]} and {b[-2]} differ", hint=hint)
    for m, n in zip(reversed(a[:-2]), reversed(b[:-2]), strict=False):
        if m != n and 1 not in (m, n):
            raise ShapeError(
                f"{a} @ {b}: batch sizes {m} and {n} do not broadcast", hint="they must be equal, or one of them 1"
            )


def _check_vectors(a: Shape, b: Shape) -> None:
    for x in (a, b):
        if len(x) != 1:
            hint = "of matrices: a @ b" if len(x) > 1 else "of a number: a * b"
            raise ShapeError(f"shapes {a} and {b}: both must be vectors, of one axis", hint=hint)


def _check_dot(a: Shape, b: Shape) -> None:
    _check_vectors(a, b)
    if a != b:
        raise ShapeError(f"sizes {a[0]} and {b[0]} differ", hint="each cell meets the one at its own place")


def _outer_vjp(xp: Any, g: Any, y: Any, a: Any, b: Any) -> tuple[Any, ...]:
    columns = (xp.expand_dims(v, 1) for v in (a, b))
    left, right = (turned @ column for turned, column in zip((xp.matrix_transpose(g), g), columns, strict=True))
    return xp.squeeze(right, 1), xp.squeeze(left, 1)


def _check_transpose(x: Shape) -> None:
    if len(x) < 2:
        raise ShapeError(
            f".T swaps the last two axes, and shape {x} has {len(x)}",
            hint="make it a row with expand_dims(x, axis=0) first",
        )


def _check_permute(x: Shape, axes: tuple[int, ...] | int) -> None:
    axes = (axes,) if isinstance(axes, int) else axes
    if sorted(a % len(x) if x and -len(x) <= a < len(x) else -1 for a in axes) != list(range(len(x))):
        raise ShapeError(
            f"axes {axes} are no permutation of the {len(x)} axes of {x}",
            hint=f"name each of the axes 0 to {len(x) - 1} once",
        )


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    rank = len(axes)
    places = {a % rank: i for i, a in enumerate(axes)}
    return tuple(places[a] for a in range(rank))


def _permute_vjp(xp: Any, g: Any, y: Any, x: Any, axes: tuple[int, ...] | int) -> tuple[Any, ...]:
    return (xp.permute_dims(g, _inverse((axes,) if isinstance(axes, int) else axes)),)


register(
    Op(
        "matmul",
        "The matrix product of the last two axes; batch axes broadcast.",
        back="a product with the other operand's transpose",
        operands=("a", "b"),
        forward=lambda xp, a, b: a @ b,
        vjp=lambda xp, g, y, a, b: (g @ xp.matrix_transpose(b), xp.matrix_transpose(a) @ g),
        check=_check_matmul,
        linear_in=(0, 1),
        infix="@",
        broadcasts="matmul",
        samples=(
            Sample(([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[1.0, 0.5], [-1.0, 2.0], [0.0, 3.0]])),
            Sample(
                (
                    [[[1.0, 2.0, 0.5]], [[-1.0, 3.0, 2.0]]],
                    [[1.0, 0.5, 2.0, 1.5], [-1.0, 2.0, 0.25, 4.0], [0.0, 3.0, 1.0, -2.0]],
                )
            ),
        ),
    ),
    Op(
        "dot",
        "The products of two vectors' cells, added up.",
        back="the other vector, times the gradient",
        operands=("a", "b"),
        forward=lambda xp, a, b: xp.sum(a * b),
        vjp=lambda xp, g, y, a, b: (g * b, g * a),
        check=_check_dot,
        linear_in=(0, 1),
        samples=(Sample(([1.0, 2.0, 3.0], [0.5, -1.0, 2.0])),),
    ),
    Op(
        "outer",
        "Every cell of one vector times every cell of another: a column times a row.",
        back="a product with the other vector: ∂a = ∂y @ b, ∂b = ∂yᵀ @ a",
        operands=("a", "b"),
        forward=lambda xp, a, b: xp.expand_dims(a, 1) @ xp.expand_dims(b, 0),
        vjp=_outer_vjp,
        check=_check_vectors,
        linear_in=(0, 1),
        samples=(Sample(([1.0, 2.0, 3.0], [0.5, -1.0])),),
    ),
    Op(
        "transpose",
        "The last two axes swapped, written x.T.",
        back="a transpose: it is its own",
        forward=lambda xp, x: xp.matrix_transpose(x),
        vjp=lambda xp, g, y, x: (xp.matrix_transpose(g),),
        kinds=("fib",),
        check=_check_transpose,
        linear_in=(0,),
        samples=(Sample(([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],)),),
    ),
    Op(
        "permute",
        "The axes in another order.",
        back="the inverse permutation",
        forward=lambda xp, x, axes: xp.permute_dims(x, (axes,) if isinstance(axes, int) else axes),
        vjp=_permute_vjp,
        attrs={"axes": Attr("ints", positional=True)},
        kinds=("fib",),
        check=_check_permute,
        linear_in=(0,),
        samples=(Sample(([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]],), {"axes": (2, 0, 1)}),),
    ),
)
