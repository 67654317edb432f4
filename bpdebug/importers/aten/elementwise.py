"""Cell by cell: arithmetic, functions, activations, comparisons, masks."""

from __future__ import annotations

from math import prod
from typing import Any

from bpdebug.importers import functions
from bpdebug.importers.aten.table import RULES, rule
from bpdebug.importers.lowering import Lowering, Operand, Rule, refuse
from bpdebug.importers.steps import same

_OURS = (
    "relu tanh sigmoid silu exp log neg abs sqrt sin cos tan sinh cosh erf erfc expm1 log1p log2 log10 rsqrt "
    "reciprocal sign floor round mish selu relu6 hardswish hardsigmoid square"
)
RULES |= {f"{name}.default": same(name) for name in _OURS.split()}
RULES |= {
    "sgn.default": same("sign"),
    "gelu.default": same("gelu"),
    "leaky_relu.default": same("leaky_relu", "slope"),
    "celu.default": same("celu", "alpha"),
    "hardtanh.default": same("hardtanh", "min_val", "max_val"),
    "hardshrink.default": same("hardshrink", "lambd"),
    "softshrink.default": same("softshrink", "lambd"),
    "threshold.default": same("threshold", "threshold", "value"),
    "glu.default": same("glu", "axis"),
    "detach.default": same("stop_gradient"),
}


RULES |= {
    f"{rule.__name__}.default": rule
    for rule in (functions.acos, functions.acosh, functions.asin, functions.asinh, functions.atan, functions.atanh,
                 functions.ceil, functions.sinc)
}  # fmt: skip
RULES |= dict.fromkeys(("fmod.Tensor", "fmod.Scalar"), lambda c, a, b: functions.fmod(c, _like(c, a), _like(c, b)))


def _binary(op: str) -> Rule:
    """Two operands; what is known of them is a float where the result is one, and `alpha` times the second is meant."""

    def apply(c: Lowering, a: Any, b: Any, alpha: float = 1) -> Operand:
        return c.emit(op, _like(c, a), _times(c, _like(c, b), alpha))

    return apply


def _times(c: Lowering, x: Any, factor: float) -> Any:
    """An operand times a number."""
    return x if factor == 1 else c.emit("mul", x, factor) if isinstance(x, Operand) else x * factor


def _like(c: Lowering, x: Any) -> Any:
    """An operand as the result has it: a number of a tensor without axes that is known, integers as floats."""
    if not isinstance(x, Operand) or c.dtype.kind != "f" or x.dtype == c.dtype:
        return x
    if x.known is None:
        return x if x.dtype.kind == "b" else cast(c, x)
    if x.shape == ():
        return x.known.item()
    return c.constant(x.name.rpartition(".")[2], x.known.astype(c.dtype))


def cast(c: Lowering, x: Operand) -> Operand:
    """A tensor in the dtype of the call's output."""
    if x.dtype == c.dtype:
        return x
    return c.emit("cast", x, dtype=c.dtype.name)


_PAIRS = {
    "add sub mul div": ("Tensor", "Scalar"),
    "gt ge lt le eq ne": ("Tensor", "Scalar"),
    "maximum minimum atan2 hypot logaddexp": ("default",),
    "remainder": ("Tensor", "Scalar"),
    "xlogy": ("Tensor",),
}
_NAMES = {
    "remainder": "mod", "gt": "greater", "ge": "greater_equal", "lt": "less", "le": "less_equal", "eq": "equal",
    "ne": "not_equal",
}  # fmt: skip
RULES |= {
    f"{name}.{overload}": _binary(_NAMES.get(name, name))
    for names, overloads in _PAIRS.items()
    for name in names.split()
    for overload in overloads
}


@rule("rsub.Scalar", "rsub.Tensor")
def rsub(c: Lowering, a: Any, b: Any, alpha: float = 1) -> Operand:
    return c.emit("sub", _like(c, b), _times(c, _like(c, a), alpha))


@rule("pow.Tensor_Scalar", "pow.Tensor_Tensor", "pow.Scalar")
def power(c: Lowering, x: Any, exponent: Any) -> Operand:
    return c.emit("square", x) if exponent == 2 else c.emit("pow", _like(c, x), _like(c, exponent))


@rule("addcmul.default")
def addcmul(c: Lowering, x: Operand, a: Operand, b: Operand, value: float = 1) -> Operand:
    return c.emit("add", x, _times(c, c.emit("mul", a, b), value))


@rule("addcdiv.default")
def addcdiv(c: Lowering, x: Operand, a: Operand, b: Operand, value: float = 1) -> Operand:
    return c.emit("add", x, _times(c, c.emit("div", a, b), value))


@rule("clamp.default", "clamp_min.default", "clamp_max.default", "clip.default")
def clamp(c: Lowering, x: Operand, min: float | None = None, max: float | None = None) -> Operand:
    return c.emit("clip", x, min=min, max=max)


RULES["clamp_max.default"] = lambda c, x, max: clamp(c, x, None, max)


@rule("clamp.Tensor")
def clamp_between(c: Lowering, x: Operand, low: Operand | None = None, high: Operand | None = None) -> Operand:
    """At a bound, which x may be, the gradient is x's alone."""
    x = x if low is None else c.emit("maximum", x, low, ties="first")
    return x if high is None else c.emit("minimum", x, high, ties="first")


@rule("exp2.default")
def exp2(c: Lowering, x: Operand) -> Operand:
    return c.emit("pow", 2.0, x, name="exp2")


@rule("trunc.default", "fix.default")
def trunc(c: Lowering, x: Operand) -> Operand:
    return c.emit("mul", c.emit("floor", c.emit("abs", x)), c.emit("sign", x), name="trunc")


@rule("div.Tensor_mode", "div.Scalar_mode")
def divide(c: Lowering, a: Any, b: Any, *, rounding_mode: str | None = None) -> Operand:
    a, b = _like(c, a), _like(c, b)
    if rounding_mode == "floor":
        return functions.floor_divide(c, a, b)
    found = c.emit("div", a, b)
    if rounding_mode is None:
        return found
    return trunc(c, c.emit("stop_gradient", found))  # it has no slope, and that of a quotient by 0 is NaN


@rule("elu.default")
def elu(c: Lowering, x: Operand, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Operand:
    refuse(scale == 1 and input_scale == 1, "scale")
    return c.emit("elu", x, alpha=alpha)


@rule("softplus.default")
def softplus(c: Lowering, x: Operand, beta: float = 1, threshold: float = 20) -> Operand:
    return c.emit("softplus", x, beta=float(beta), threshold=float(threshold))


@rule("prelu.default", "_prelu_kernel.default")
def prelu(c: Lowering, x: Operand, slope: Operand) -> Operand:
    return c.emit("prelu", x, c.reshape(slope, (prod(slope.shape),)))


@rule("log_sigmoid.default", "log_sigmoid_forward.default")
def log_sigmoid(c: Lowering, x: Operand) -> Operand:
    return c.emit("neg", c.emit("softplus", c.emit("neg", x)), name="log_sigmoid")


@rule(
    "alias.default", "clone.default", "contiguous.default", "lift_fresh_copy.default", "lift_fresh.default",
    "positive.default",
)  # fmt: skip
def identity(c: Lowering, x: Operand, **how: Any) -> Operand:
    return x


@rule("_to_copy.default", "to.dtype", "type_as.default")
def to_copy(c: Lowering, x: Operand, *how: Any, **more: Any) -> Operand:
    return cast(c, x)


@rule("copy.default")
def copy(c: Lowering, into: Operand, x: Operand, non_blocking: bool = False) -> Operand:
    x = cast(c, x)
    return x if x.shape == into.shape else c.emit("broadcast_to", x, shape=into.shape)


@rule("where.self", "where.ScalarSelf", "where.ScalarOther")
def where(c: Lowering, mask: Operand, a: Any, b: Any) -> Operand:
    return c.emit("where", mask, _like(c, a), _like(c, b))


@rule("masked_fill.Scalar", "masked_fill.Tensor")
def masked_fill(c: Lowering, x: Operand, mask: Operand, value: Any) -> Operand:
    if isinstance(value, Operand) and value.known is not None:
        value = value.known.item()
    if isinstance(value, Operand):
        return c.emit("where", mask, value, x, name="masked_fill")
    return c.emit("masked_fill", x, mask, value=float(value))


@rule("native_dropout.default")
def native_dropout(c: Lowering, x: Operand, p: float, train: bool | None = True) -> list[Operand | None]:
    """x where torch's own draw keeps it, scaled."""
    if not train or p == 0:
        return [x, None]
    refuse(p < 1, "p = 1")
    mask = c.constant("mask", c.result(1))
    return [c.emit("dropout", x, mask, p=float(p)), mask]
