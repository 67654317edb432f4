"""Products: matrices, convolutions, sums of products, attention."""

from __future__ import annotations

from typing import Any

from bpdebug.importers.lowering import NoRule, Operand, refuse
from bpdebug.importers.onnx_graph.table import OnnxCall, Value, rule
from bpdebug.importers.onnx_graph.windows import borders
from bpdebug.importers.steps import ALL, permute


def turned(c: OnnxCall, w: Value) -> Operand:
    """A matrix transposed, in a step of its own, so that it is seen."""
    held = c.held(w)
    return c.emit("transpose", held, name=f"{held.name.rpartition('.')[2]}_T")


def product(c: OnnxCall, a: Value, b: Value) -> Operand:
    """A product; a vector is a matrix of one row before it, of one column behind it."""
    left = a if a.rank > 1 else c.emit("expand_dims", c.held(a), axis=0)
    right = b if b.rank > 1 else c.emit("expand_dims", c.held(b), axis=1)
    found = c.emit("matmul", left, right)
    if a.rank > 1 and b.rank > 1:
        return found
    sizes = list(found.shape)
    del sizes[-1 if b.rank == 1 else -2]
    return c.reshape(found, sizes if a.rank > 1 or b.rank > 1 else sizes[:-1])


@rule("MatMul")
def matmul(c: OnnxCall, a: Value, b: Value) -> Operand:
    return product(c, a, b)


@rule("Gemm")
def gemm(
    c: OnnxCall, a: Value, b: Value, bias: Value | None = None, alpha: float = 1.0, beta: float = 1.0, transA: int = 0,
    transB: int = 0,
) -> Operand:  # fmt: skip
    left, right = turned(c, a) if transA else a, turned(c, b) if transB else b
    found = c.emit("matmul", left, right)
    found = found if alpha == 1 else c.emit("mul", found, alpha)
    if bias is None:
        return found
    return c.emit("add", found, bias if beta == 1 else c.emit("mul", bias, beta))


@rule("Einsum")
def einsum(c: OnnxCall, *xs: Value, equation: str) -> Operand:
    return c.emit("einsum", *map(c.held, xs), equation=equation.replace(" ", ""))


@rule("Conv")
def conv(
    c: OnnxCall, x: Value, w: Value, bias: Value | None = None, auto_pad: str = "NOTSET",
    dilations: list[int] | None = None, group: int = 1, kernel_shape: list[int] | None = None,
    pads: list[int] | None = None, strides: list[int] | None = None,
) -> Operand:  # fmt: skip
    rank = w.rank - 2
    refuse(1 <= rank <= 3, f"{rank} spatial axes")
    stride, dilation = tuple(strides or [1] * rank), tuple(dilations or [1] * rank)
    padding = borders(x.shape[2:], w.shape[2:], stride, dilation, pads, auto_pad)
    even = all(a == b for a, b in padding)
    operands = (x, w) if bias is None else (x, w, bias)
    return c.emit(
        f"conv{rank}d", *map(c.held, operands), stride=stride, dilation=dilation, groups=group,
        padding=tuple(a for a, _ in padding) if even else padding,
    )  # fmt: skip


@rule("ConvTranspose")
def conv_transpose(
    c: OnnxCall, x: Value, w: Value, bias: Value | None = None, auto_pad: str = "NOTSET",
    dilations: list[int] | None = None, group: int = 1, kernel_shape: list[int] | None = None,
    output_padding: list[int] | None = None, output_shape: list[int] | None = None, pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Operand:  # fmt: skip
    """Where both ends lose alike that is the padding; else they are cut off, and the bias comes after."""
    rank = w.rank - 2
    refuse(rank in (1, 2), f"{rank} spatial axes")
    stride, dilation = tuple(strides or [1] * rank), tuple(dilations or [1] * rank)
    more = tuple(output_padding or [0] * rank)
    axes = zip(x.shape[2:], w.shape[2:], stride, dilation, strict=True)
    full = [s * (n - 1) + d * (k - 1) + 1 for n, k, s, d in axes]
    ends = _cut_ends(full, x.shape[2:], stride, more, pads, auto_pad, output_shape)
    even = all(a == b for a, b in ends) and all(m < s for m, s in zip(more, stride, strict=True))
    held = [c.held(v) for v in ((x, w, bias) if bias is not None and even else (x, w))]
    how: dict[str, Any] = {"stride": stride, "dilation": dilation, "groups": group}
    if even:
        return c.emit(
            f"conv_transpose{rank}d", *held, padding=tuple(a for a, _ in ends), output_padding=more, **how
        )  # fmt: skip
    found = c.emit(f"conv_transpose{rank}d", *held, **how)
    lost = [(a, b - m) for (a, b), m in zip(ends, more, strict=True)]
    refuse(all(a >= 0 for a, _ in lost), "cells before the first")
    key = (ALL, ALL, *((a, n - max(b, 0), 1) for n, (a, b) in zip(full, lost, strict=True)))
    found = c.emit("slice", found, key=key)
    if any(b < 0 for _, b in lost):
        found = c.emit("pad", found, widths=((0, 0), (0, 0), *((0, max(-b, 0)) for _, b in lost)))
    if bias is None:
        return found
    return c.emit("add", found, c.reshape(c.held(bias), (bias.shape[0], *(1,) * rank)), name="conv_transpose")


def _cut_ends(
    full: list[int], sizes: tuple[int, ...], stride: tuple[int, ...], more: tuple[int, ...], pads: list[int] | None,
    auto_pad: str, output_shape: list[int] | None,
) -> list[tuple[int, int]]:  # fmt: skip
    """How many cells a transposed convolution loses before and behind each axis."""
    rank = len(full)
    if output_shape is None and auto_pad in ("NOTSET", "VALID"):
        given = pads or [0] * 2 * rank
        return list(zip(given[:rank], given[rank:], strict=True))
    wanted = [s * n for s, n in zip(stride, sizes, strict=True)] if output_shape is None else output_shape[-rank:]
    ends = []
    for n, m, w in zip(full, more, wanted, strict=True):
        total = n + m - w
        refuse(total >= 0, "an output_shape beyond all cells")
        half = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
        ends.append((half, total - half))
    return ends


@rule("Attention")
def attention(
    c: OnnxCall, q: Value, k: Value, v: Value, mask: Value | None = None, *past: Value | None, is_causal: int = 0,
    kv_num_heads: int = 0, q_num_heads: int = 0, qk_matmul_output_mode: int = 0, scale: float | None = None,
    softcap: float = 0.0, softmax_precision: int | None = None,
) -> list[Operand | None]:  # fmt: skip
    """Attention over heads; what remembers, or clamps its scores, is taken apart as ONNX defines it."""
    refuse(not any(p is not None for p in past) and not softcap, "a past or a softcap")
    refuse(not any(c.outputs[1:]), "more than the first output")
    refuse(not is_causal or q.shape[-2] == k.shape[-2], "causal, of two lengths")
    whole = q.rank == 4
    if not whole:
        q, k, v = (_heads(c, x, n) for x, n in ((q, q_num_heads), (k, kv_num_heads), (v, kv_num_heads)))
    if q.shape[1] != k.shape[1]:
        k, v = (_shared(c, x, q.shape[1]) for x in (k, v))
    operands = (q, k, v) if mask is None else (q, k, v, mask)
    found = c.emit(
        "scaled_dot_product_attention", *map(c.held, operands), causal=bool(is_causal),
        scale=None if scale is None else float(scale),
    )  # fmt: skip
    if whole:
        return [found]
    n, heads, length, size = found.shape
    return [c.reshape(permute(c, found, (0, 2, 1, 3)), (n, length, heads * size), "attention")]


def _heads(c: OnnxCall, x: Value, heads: int) -> Operand:
    """(N, length, heads * size) as (N, heads, length, size)."""
    if not heads or x.shape[-1] % heads:
        raise NoRule(f"{heads} heads")
    n, length, size = x.shape
    return permute(c, c.reshape(c.held(x), (n, length, heads, size // heads)), (0, 2, 1, 3))


def _shared(c: OnnxCall, x: Value, heads: int) -> Operand:
    """Each head of keys or values, as often as queries share it."""
    n, own, length, size = x.shape
    refuse(heads % own == 0, f"{heads} heads of {own}")
    wide = c.emit("expand_dims", c.held(x), axis=2)
    wide = c.emit("broadcast_to", wide, shape=(n, own, heads // own, length, size))
    return c.reshape(wide, (n, heads, length, size), "heads")
