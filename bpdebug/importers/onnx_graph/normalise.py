"""Normalisation, softmax and losses."""

from __future__ import annotations

from typing import Any

from bpdebug.importers.lowering import Operand, Rule, refuse
from bpdebug.importers.onnx_graph.table import RULES, OnnxCall, Value, rule


def _soft(op: str) -> Rule:
    return lambda c, x, axis=-1: c.emit(op, x, axis=axis)


RULES |= {"Softmax": _soft("softmax"), "LogSoftmax": _soft("log_softmax")}


@rule("BatchNormalization")
def batch_norm(
    c: OnnxCall, x: Value, scale: Value, bias: Value, mean: Value, var: Value, epsilon: float = 1e-5,
    momentum: float = 0.9, training_mode: int = 0,
) -> list[Operand | None]:  # fmt: skip
    """With the batch's own statistics in training, else with those that the model holds, which nobody trains."""
    given = () if training_mode else (c.held(c.fixed(mean)), c.held(c.fixed(var)))
    return [c.emit("batch_norm", x, scale, bias, *given, eps=epsilon), None, None]


@rule("InstanceNormalization")
def instance_norm(c: OnnxCall, x: Value, scale: Value, bias: Value, epsilon: float = 1e-5) -> Operand:
    return c.emit("instance_norm", x, scale, bias, eps=epsilon)


@rule("GroupNormalization")
def group_norm(
    c: OnnxCall, x: Value, scale: Value, bias: Value, num_groups: int, epsilon: float = 1e-5, stash_type: int = 1
) -> Operand:
    """Since opset 21 a channel has its own scale; before, a group had."""
    if c.version < 21:
        each = x.shape[1] // num_groups
        scale, bias = (c.emit("repeat", c.held(v), repeats=each, axis=0) for v in (scale, bias))
    return c.emit("group_norm", x, scale, bias, groups=num_groups, eps=epsilon)


@rule("LayerNormalization")
def layer_norm(
    c: OnnxCall, x: Value, scale: Value, bias: Value | None = None, axis: int = -1, epsilon: float = 1e-5,
    stash_type: int = 1,
) -> list[Operand | None]:  # fmt: skip
    operands = (scale,) if bias is None else (scale, bias)
    return [_normed(c, "layer_norm", x, operands, axis, epsilon), None, None]


@rule("RMSNormalization")
def rms_norm(
    c: OnnxCall, x: Value, scale: Value, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Operand:
    return _normed(c, "rms_norm", x, (scale,), axis, epsilon)


def _normed(c: OnnxCall, op: str, x: Value, operands: tuple[Value, ...], axis: int, eps: float) -> Operand:
    """Over the axes from one on; a scale of another shape than theirs comes after."""
    count = x.rank - axis if axis >= 0 else -axis
    axes: Any = -1 if count == 1 else tuple(range(-count, 0))
    if all(v.shape == x.shape[-count:] for v in operands):
        return c.emit(op, x, *operands, axis=axes, eps=eps)
    found = c.emit("mul", c.emit(op, x, axis=axes, eps=eps), operands[0])
    return found if len(operands) == 1 else c.emit("add", found, operands[1])


@rule("LRN")
def local_response(
    c: OnnxCall, x: Value, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> Operand:
    """Krizhevsky et al. 2012, section 3.3: each cell over a power of the squares of the channels beside it."""
    n, channels, *rest = x.shape
    squares = c.reshape(c.emit("square", x), (n, 1, channels, -1))
    before = (size - 1) // 2
    framed = c.emit("pad", squares, widths=((0, 0), (0, 0), (before, size - 1 - before), (0, 0)))
    mean = c.emit("avg_pool2d", framed, size=(size, 1), stride=(1, 1))
    base = c.emit("add", c.emit("mul", c.reshape(mean, (n, channels, *rest)), alpha), bias)
    return c.emit("div", x, c.emit("pow", base, beta), name="lrn")


def _classes(
    c: OnnxCall, op: str, x: Value, labels: Value, w: Value | None, ignored: int | None, reduction: str
) -> Operand:
    operands = (x, labels) if w is None else (x, labels, w)
    return c.emit(op, *map(c.held, operands), axis=1, ignore_index=ignored, reduction=reduction)


@rule("SoftmaxCrossEntropyLoss")
def cross_entropy(
    c: OnnxCall,
    x: Value,
    labels: Value,
    w: Value | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> list[Operand | None]:
    loss = _classes(c, "cross_entropy", x, labels, w, ignore_index, reduction)
    return [loss, c.emit("log_softmax", x, axis=1) if any(c.outputs[1:]) else None]


@rule("NegativeLogLikelihoodLoss")
def nll(
    c: OnnxCall,
    x: Value,
    labels: Value,
    w: Value | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Operand:
    return _classes(c, "nll", x, labels, w, ignore_index, reduction)


@rule("MeanVarianceNormalization")
def mean_variance(c: OnnxCall, x: Value, axes: list[int] | None = None) -> Operand:
    """ONNX adds its 1e-9 to the deviation, and not to the variance."""
    how: dict[str, Any] = {"axis": tuple(a % x.rank for a in (axes or [0, 2, 3])), "keepdims": True}
    refuse(bool(how["axis"]), "no axes")
    apart = c.emit("sub", x, c.emit("mean", x, **how))
    deviation = c.emit("sqrt", c.emit("mean", c.emit("square", apart), **how))
    return c.emit("div", apart, c.emit("add", deviation, 1e-9), name="mean_variance_normalization")
