"""Cell by cell: arithmetic, functions, activations, comparisons, casts."""

from __future__ import annotations

from functools import reduce
from math import isclose, prod
from typing import Any

import numpy as np

from bpdebug.importers import functions
from bpdebug.importers.lowering import Operand, Rule, refuse
from bpdebug.importers.onnx_graph.table import RULES, OnnxCall, Value, rule
from bpdebug.importers.onnx_graph.tensors import KnownTensor, held_as, type_name


def _one(op: str, **names: str) -> Rule:
    """The rule of an op that is one of ours; ONNX's attribute -> ours."""
    return lambda c, x, **attrs: c.emit(op, x, **{names[k]: v for k, v in attrs.items()})


_SAME = (
    "Relu Tanh Sigmoid Exp Log Neg Abs Sqrt Sin Cos Tan Sinh Cosh Erf Sign Floor Round Mish Softsign Softplus "
    "Reciprocal HardSwish"
)
RULES |= {name: _one(name.lower()) for name in _SAME.split()}
RULES |= {
    "Not": _one("logical_not"), "Elu": _one("elu", alpha="alpha"), "Celu": _one("celu", alpha="alpha"),
    "Gelu": _one("gelu", approximate="approximate"),
}  # fmt: skip


def _two(op: str) -> Rule:
    return lambda c, a, b: c.emit(op, a, b)


_PAIRS = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "And": "logical_and", "Or": "logical_or",
    "Xor": "not_equal", "Equal": "equal", "Less": "less", "LessOrEqual": "less_equal", "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
}  # fmt: skip
RULES |= {name: _two(op) for name, op in _PAIRS.items()}


@rule("Div")
def div(c: OnnxCall, a: Value, b: Value) -> Operand:
    refuse(a.dtype.kind == "f", "integers")  # which ONNX divides without a remainder
    return c.emit("div", a, b)


def _many(op: str) -> Rule:
    return lambda c, *xs: reduce(lambda a, b: c.emit(op, a, b), xs)


RULES |= {"Sum": _many("add"), "Max": _many("maximum"), "Min": _many("minimum")}


@rule("Mean")
def mean(c: OnnxCall, *xs: Value) -> Any:
    return c.emit("mul", _many("add")(c, *xs), 1 / len(xs), name="mean")


@rule("Identity")
def identity(c: OnnxCall, x: Value) -> Value:
    return x


@rule("Pow")
def power(c: OnnxCall, x: Value, exponent: Value) -> Operand:
    """With an exponent that the model holds as a number: its own gradient would need the logarithm of x."""
    if c.is_number(exponent) and exponent.rank <= x.rank:
        number = c.number(exponent, "exponents")
        return c.emit("square", x) if number == 2 else c.emit("pow", x, number)
    if exponent.dtype.kind == "i":
        exponent = c.emit("cast", c.held(exponent), dtype=x.dtype.name)
    return c.emit("pow", x, exponent)


@rule("Mod")
def mod(c: OnnxCall, a: Value, b: Value, fmod: int = 0) -> Operand:
    refuse(fmod == 1 and a.dtype.kind == "f", "integers")
    return functions.fmod(c, a, b)


RULES |= {
    "Acos": functions.acos, "Acosh": functions.acosh, "Asin": functions.asin, "Asinh": functions.asinh,
    "Atan": functions.atan, "Atanh": functions.atanh, "Ceil": functions.ceil,
}  # fmt: skip


@rule("LeakyRelu")
def leaky_relu(c: OnnxCall, x: Value, alpha: float = 0.01) -> Operand:
    return c.emit("leaky_relu", x, slope=alpha)


@rule("PRelu")
def prelu(c: OnnxCall, x: Value, slope: Value) -> Operand:
    """One slope, or one for a channel; others by a choice of cells."""
    sizes = (1,) * (x.rank - slope.rank) + slope.shape
    if prod(sizes) == 1 or (x.rank > 1 and prod(sizes) == sizes[1] == x.shape[1]):
        return c.emit("prelu", x, c.reshape(c.held(slope), (prod(sizes),)))
    return c.emit("where", c.emit("greater", x, 0.0), x, c.emit("mul", slope, x), name="prelu")


@rule("Selu")
def selu(c: OnnxCall, x: Value, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805) -> Operand:
    if isclose(alpha, 1.6732632423543772, rel_tol=1e-6) and isclose(gamma, 1.0507009873554805, rel_tol=1e-6):
        return c.emit("selu", x)
    return c.emit("mul", c.emit("elu", x, alpha=alpha), gamma, name="selu")


@rule("HardSigmoid")
def hard_sigmoid(c: OnnxCall, x: Value, alpha: float = 0.2, beta: float = 0.5) -> Operand:
    if isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return c.emit("hardsigmoid", x)
    line = c.emit("add", c.emit("mul", x, alpha), beta)
    return c.emit("clip", line, name="hardsigmoid", min=0.0, max=1.0)


@rule("ThresholdedRelu")
def thresholded_relu(c: OnnxCall, x: Value, alpha: float = 1.0) -> Operand:
    return c.emit("threshold", x, threshold=alpha, value=0.0)


@rule("Shrink")
def shrink(c: OnnxCall, x: Value, lambd: float = 0.5, bias: float = 0.0) -> Operand:
    refuse(bias in (0, lambd), "a bias that is not lambd")
    return c.emit("softshrink" if bias else "hardshrink", x, lambd=lambd)


@rule("Clip")
def clip(c: OnnxCall, x: Value, least: Value | None = None, most: Value | None = None) -> Operand:
    if least is None and most is None:
        return c.held(x)
    if all(end is None or c.is_number(end) for end in (least, most)):
        return c.emit("clip", x, min=c.number(least, "bounds"), max=c.number(most, "bounds"))
    x = x if least is None else c.emit("maximum", x, least)
    return c.held(x) if most is None else c.emit("minimum", x, most)


@rule("Where")
def where(c: OnnxCall, mask: Value, a: Value, b: Value) -> Operand:
    return c.emit("where", c.held(mask), a, b)


@rule("IsNaN")
def is_nan(c: OnnxCall, x: Value) -> Operand:
    return c.emit("not_equal", x, x, name="isnan")


def _cast(c: OnnxCall, x: Value, stored: str) -> Value:
    """In the dtype of a type; one that is held in another is rounded, and the step says so."""
    refuse("8_" not in stored, stored)
    kind = np.dtype(bool if stored == "bool" else "int64" if np.dtype(held_as(stored)).kind in "iu" else "float64").kind
    if kind != "f" and x.dtype.kind == "f" and kind == "i":
        refuse(stored in ("int64", "int32"), f"a cast to {stored}")
    if stored == x.dtype.name or (kind == "i" == x.dtype.kind):
        return x
    return c.emit("cast", c.held(x), dtype="int64" if kind == "i" else stored)


@rule("Cast")
def cast(c: OnnxCall, x: Value, to: int, saturate: int = 1, round_mode: str = "up") -> Value:
    return _cast(c, x, type_name(to, x.name))


@rule("CastLike")
def cast_like(c: OnnxCall, x: Value, like: Value, saturate: int = 1, round_mode: str = "up") -> Value:
    stored = like.stored if isinstance(like, KnownTensor) and like.stored else like.dtype.name
    return _cast(c, x, stored)


@rule("Dropout")
def dropout(
    c: OnnxCall, x: Value, ratio: Value | None = None, training: Value | None = None, seed: int = 0
) -> list[Value | None]:
    """x itself, but in training: then a mask is drawn here, which is not the one that another runtime draws."""
    share = 0.5 if ratio is None else c.number(ratio, "ratios")
    if training is None or not c.number(training, "modes") or share == 0:
        return [x, None]
    refuse(share is not None and 0 < share < 1, f"ratio {share}")
    return [c.emit("dropout", x, p=share), None]
