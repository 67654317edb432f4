"""Products: `dot_general` as the matrices that its dimension numbers hide, and convolutions in every layout."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from bpdebug.importers.jaxpr.shaping import pad
from bpdebug.importers.jaxpr.table import array_like, rule
from bpdebug.importers.lowering import Lowering, Operand, refuse
from bpdebug.importers.steps import permute


@rule("dot_general")
def dot_general(c: Lowering, a: Any, b: Any, dimension_numbers: Any, **how: Any) -> Operand:
    """Axes in order (those of the batch, rows, columns), several made one, and a matrix product.

    The rows of the left factor stay several axes where the right one is one matrix: matmul broadcasts.
    """
    (of_a, of_b), (batch_a, batch_b) = dimension_numbers
    a, b = (_cast(c, array_like(c, x)) for x in (a, b))
    rows = [n for n in range(a.rank) if n not in (*of_a, *batch_a)]
    columns = [n for n in range(b.rank) if n not in (*of_b, *batch_b)]
    if not of_a:
        return _outer(c, a, b, batch_a, rows, batch_b, columns)
    inner = _order(b, of_a, of_b)
    of_a, of_b = [of_a[n] for n in inner], [of_b[n] for n in inner]
    batch = tuple(a.shape[n] for n in batch_a)
    high = [a.shape[n] for n in rows] if not batch and rows else [prod(a.shape[n] for n in rows)]
    size, wide = prod(a.shape[n] for n in of_a), prod(b.shape[n] for n in columns)
    left = c.reshape(_laid(c, a, [*batch_a, *rows, *of_a]), (*batch, *high, size))
    right = c.reshape(_laid(c, b, [*batch_b, *of_b, *columns]), (*batch, size, wide))
    return c.reshape(c.emit("matmul", left, right), c.shape)


def _said(sizes: Sequence[Any]) -> Any:
    """One number for all axes where it is the same."""
    return sizes[0] if len(set(sizes)) == 1 and isinstance(sizes[0], int) else tuple(sizes)


def _order(b: Operand, of_a: Sequence[int], of_b: Sequence[int]) -> list[int]:
    """The summed axes in the order in which the right factor has them."""
    return sorted(range(len(of_b)), key=lambda n: of_b[n])


def _laid(c: Lowering, x: Operand, order: Sequence[int]) -> Operand:
    """The axes in another order; a matrix that is turned bears that in its name."""
    return permute(c, x, order, name=x.name.rpartition(".")[2] + "_T" if x.rank == 2 and x.name else "")


def _cast(c: Lowering, x: Operand) -> Operand:
    """An operand in the dtype of the product; JAX multiplies floats by integers, which are known."""
    if x.dtype == c.dtype:
        return x
    if x.dtype.kind == "f":
        return c.emit("cast", x, dtype=c.dtype.name)
    return c.constant("const", c.known(x, "integers").astype(c.dtype))


def _outer(
    c: Lowering, a: Operand, b: Operand, batch_a: Sequence[int], rows: Sequence[int], batch_b: Sequence[int],
    columns: Sequence[int],
) -> Operand:  # fmt: skip
    """Nothing is summed: every cell of one times every cell of the other."""
    left = _laid(c, a, [*batch_a, *rows])
    right = _laid(c, b, [*batch_b, *columns])
    batch = right.shape[: len(batch_b)]
    left = c.reshape(left, (*left.shape, *(1 for _ in columns)))
    right = c.reshape(right, (*batch, *(1 for _ in rows), *right.shape[len(batch) :]))
    return c.emit("mul", left, right, name="outer")


@rule("conv_general_dilated")
def conv_general_dilated(
    c: Lowering, x: Any, w: Any, window_strides: Sequence[int], padding: Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int], rhs_dilation: Sequence[int], dimension_numbers: Any, feature_group_count: int,
    batch_group_count: int, **how: Any,
) -> Operand:  # fmt: skip
    """A convolution of channels first; the axes are brought there, and back."""
    refuse(batch_group_count == 1, "batch groups")
    count = len(window_strides)
    refuse(count in (1, 2, 3), f"{count} spatial axes")
    x = _laid(c, _cast(c, array_like(c, x)), dimension_numbers.lhs_spec)
    w = _laid(c, _cast(c, array_like(c, w)), dimension_numbers.rhs_spec)
    negative = any(n < 0 for ends in padding for n in ends)
    if negative or any(d > 1 for d in lhs_dilation):
        config = [(0, 0, 0)] * 2 + [(a, b, d - 1) for (a, b), d in zip(padding, lhs_dilation, strict=True)]
        x, padding = pad(c, x, 0.0, config), [(0, 0)] * count
    ends = [a if a == b else (a, b) for a, b in padding]
    y = c.emit(
        f"conv{count}d", x, w, stride=_said(window_strides), dilation=_said(rhs_dilation), groups=feature_group_count,
        padding=_said(ends if all(isinstance(end, int) for end in ends) else padding),
    )  # fmt: skip
    out = dimension_numbers.out_spec
    return _laid(c, y, sorted(range(len(out)), key=lambda n: out[n]))
