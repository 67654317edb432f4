"""Products: matrices, linear layers, convolutions, attention."""

from __future__ import annotations

from typing import Any

from bpdebug.importers.aten.table import RULES, rule
from bpdebug.importers.lowering import Lowering, Operand, refuse
from bpdebug.importers.steps import pair


@rule("matmul.default", "mm.default", "bmm.default", "mv.default", "dot.default", "vdot.default")
def matmul(c: Lowering, a: Operand, b: Operand) -> Operand:
    """A product; a vector is a matrix of one row before it, of one column behind it."""
    left = a if a.rank > 1 else c.emit("expand_dims", a, axis=0)
    right = b if b.rank > 1 else c.emit("expand_dims", b, axis=1)
    return c.reshape(c.emit("matmul", left, right), c.shape)


@rule("linear.default")
def linear(c: Lowering, x: Operand, w: Operand, bias: Operand | None = None) -> Operand:
    """x @ wᵀ + bias: the transpose is a step, so that it is seen."""
    turned = c.emit("transpose", w, name=w.name.rpartition(".")[2] + "_T") if w.rank > 1 else w
    product = matmul(c, x, turned)
    return product if bias is None else c.emit("add", product, bias)


@rule("addmm.default", "addmv.default", "baddbmm.default")
def addmm(c: Lowering, bias: Operand, a: Operand, b: Operand, beta: float = 1, alpha: float = 1) -> Operand:
    product = matmul(c, a, b)
    product = product if alpha == 1 else c.emit("mul", product, alpha)
    return product if beta == 0 else c.emit("add", bias if beta == 1 else c.emit("mul", bias, beta), product)


@rule("addbmm.default")
def addbmm(c: Lowering, bias: Operand, a: Operand, b: Operand, beta: float = 1, alpha: float = 1) -> Operand:
    product = c.emit("sum", c.emit("matmul", a, b), axis=(0,))
    product = product if alpha == 1 else c.emit("mul", product, alpha)
    return product if beta == 0 else c.emit("add", bias if beta == 1 else c.emit("mul", bias, beta), product)


def _padding(padding: Any, w: Operand, dilation: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Cells before and behind each axis: "same" puts the odd one behind."""
    if not isinstance(padding, str):
        return (found := pair(padding, w.rank - 2)), found
    whole = [0 if padding == "valid" else d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
    return tuple(n // 2 for n in whole), tuple(n - n // 2 for n in whole)


@rule("conv1d.default", "conv1d.padding", "conv2d.default", "conv2d.padding", "conv3d.default", "conv3d.padding")
def conv(
    c: Lowering, x: Operand, w: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Operand:  # fmt: skip
    count = w.rank - 2
    stride, dilation = pair(stride, count), pair(dilation, count)
    before, behind = _padding(padding, w, dilation)
    single = x.rank == w.rank - 1
    x = c.emit("expand_dims", x, axis=0) if single else x
    if before != behind:
        x, before = c.emit("pad", x, widths=((0, 0), (0, 0), *zip(before, behind, strict=True))), (0,) * count
    operands = (x, w) if bias is None else (x, w, bias)
    y = c.emit(f"conv{count}d", *operands, stride=stride, padding=before, dilation=dilation, groups=groups)
    return c.reshape(y, c.shape) if single else y


@rule("conv_transpose1d.default", "conv_transpose2d.input", "conv_transpose3d.input")
def conv_transpose(
    c: Lowering, x: Operand, w: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, more: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Operand:  # fmt: skip
    count = w.rank - 2
    given = {"stride": stride, "padding": padding, "dilation": dilation, "output_padding": more}
    batch = c.emit("expand_dims", x, axis=0) if x.rank == w.rank - 1 else x
    operands = (batch, w) if bias is None else (batch, w, bias)
    attrs: dict[str, Any] = {name: pair(v, count) for name, v in given.items()}
    return c.reshape(c.emit(f"conv_transpose{count}d", *operands, groups=groups, **attrs), c.shape)


@rule("convolution.default")
def convolution(
    c: Lowering, x: Operand, w: Operand, bias: Operand | None, stride: Any, padding: Any, dilation: Any,
    transposed: bool, more: Any, groups: int,
) -> Operand:  # fmt: skip
    if transposed:
        return conv_transpose(c, x, w, bias, stride, padding, more, groups, dilation)
    return conv(c, x, w, bias, stride, padding, dilation, groups)


@rule("scaled_dot_product_attention.default")
def attention(
    c: Lowering, q: Operand, k: Operand, v: Operand, mask: Operand | None = None, dropout_p: float = 0,
    is_causal: bool = False, *, scale: float | None = None, enable_gqa: bool = False,
) -> Operand:  # fmt: skip
    refuse(dropout_p == 0, "dropout within")
    if enable_gqa and q.shape[-3] != k.shape[-3]:
        k, v = (_heads(c, x, q.shape[-3]) for x in (k, v))
    operands = (q, k, v) if mask is None else (q, k, v, mask)
    return c.emit("scaled_dot_product_attention", *operands, causal=is_causal, scale=scale)


@rule("_scaled_dot_product_flash_attention_for_cpu.default")
def attention_of_cpu(
    c: Lowering, q: Operand, k: Operand, v: Operand, dropout_p: float = 0, is_causal: bool = False, *,
    attn_mask: Operand | None = None, scale: float | None = None,
) -> list[Operand | None]:  # fmt: skip
    return [attention(c, q, k, v, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=True), None]


def _heads(c: Lowering, x: Operand, heads: int) -> Operand:
    """Each head of keys or values, as often as queries share it."""
    *before, own, length, size = x.shape
    wide = c.emit(
        "broadcast_to", c.emit("expand_dims", x, axis=x.rank - 2), shape=(*before, own, heads // own, length, size)
    )
    return c.reshape(wide, (*before, heads, length, size), "heads")


@rule("_trilinear.default")
def trilinear(
    c: Lowering, a: Operand, b: Operand, w: Operand, wide_a: Any, wide_b: Any, wide_w: Any, over: Any, unroll: int = 1
) -> Operand:  # fmt: skip
    """The product of three, each with axes of size 1 where they are given, summed over some: a bilinear layer's."""
    wide = [
        c.emit("expand_dims", x, axis=tuple(axes)) if axes else x for x, axes in ((a, wide_a), (b, wide_b), (w, wide_w))
    ]
    return c.emit("sum", c.emit("mul", c.emit("mul", *wide[:2]), wide[2]), axis=tuple(over))


@rule("_cdist_forward.default", "_euclidean_dist.default")
def cdist(c: Lowering, a: Operand, b: Operand, p: float = 2.0, mode: int | None = None) -> Operand:
    """The length of each difference of a row of one and a row of the other."""
    refuse(p > 0, "the number of cells that differ")
    apart = c.emit("sub", c.emit("expand_dims", a, axis=a.rank - 1), c.emit("expand_dims", b, axis=b.rank - 2))
    return c.emit("norm", apart, name="cdist", axis=-1, p=float(p))


RULES["outer.default"] = lambda c, a, b: c.emit("mul", c.emit("expand_dims", a, axis=1), b, name="outer")
