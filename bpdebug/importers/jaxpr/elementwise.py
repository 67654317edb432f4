"""Cell by cell: arithmetic, functions, choices, casts."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from bpdebug.importers import functions
from bpdebug.importers.jaxpr.table import RULES, array_like, plain, rule
from bpdebug.importers.lowering import Lowering, Operand, refuse

_OURS = (
    "neg exp log tanh sin cos tan sinh cosh sqrt rsqrt abs square erf erfc expm1 log1p sign floor atan2 pow mul div "
    "sub stop_gradient relu relu6 logaddexp xlogy"
)
RULES |= {name: plain(name) for name in _OURS.split()}
RULES |= {"add": plain("add"), "add_any": plain("add"), "logistic": plain("sigmoid")}


@rule("copy", "copy_p", "pvary")
def identity(c: Lowering, x: Operand, **how: Any) -> Operand:
    return x


_KEPT = {(8, 7): "bfloat16", (5, 10): "float16", (8, 23): "float32"}
"""The dtypes that have so many bits for exponents and for digits."""


@rule("reduce_precision")
def reduce_precision(c: Lowering, x: Operand, exponent_bits: int, mantissa_bits: int) -> Operand:
    """Rounded as a narrower dtype has it; x itself where its own is no wider."""
    own = jnp.finfo(x.dtype)
    if exponent_bits >= own.nexp and mantissa_bits >= own.nmant:
        return x
    narrow = _KEPT.get((exponent_bits, mantissa_bits), "")
    refuse(bool(narrow), f"{exponent_bits} bits of exponents and {mantissa_bits} of digits")
    narrowed = c.emit("cast", x, dtype=narrow)
    return narrowed if narrowed.dtype == x.dtype else c.emit("cast", narrowed, dtype=x.dtype.name)


@rule("optimization_barrier")
def barrier(c: Lowering, *xs: Operand) -> list[Operand]:
    return list(xs)


@rule("frexp")
def frexp(c: Lowering, x: Operand, **how: Any) -> list[Operand | None]:
    """x over the power of 2 that leaves it from 1/2 to 1, of which no gradient comes; the exponent passes none."""
    return [c.emit("mul", x, c.constant("scale", np.ldexp(np.ones((), c.dtype), -c.result(1))), name="frexp"), None]


@rule("max")
def maximum(c: Lowering, a: Any, b: Any) -> Operand:
    """The larger; a maximum over an axis begins with -inf, which nothing is less than."""
    first, second = (b, a) if isinstance(b, float) else (a, b)
    return second if first == -np.inf else c.emit("maximum", a, b)


@rule("min")
def minimum(c: Lowering, a: Any, b: Any) -> Operand:
    first, second = (b, a) if isinstance(b, float) else (a, b)
    return second if first == np.inf else c.emit("minimum", a, b)


@rule("integer_pow")
def integer_pow(c: Lowering, x: Operand, y: int) -> Operand:
    if y == 1:
        return x
    return c.emit("square", x) if y == 2 else c.emit("reciprocal", x) if y == -1 else c.emit("pow", x, y)


RULES["exp2"] = lambda c, x, **how: c.emit("pow", 2.0, x)
RULES |= {
    "acos": functions.acos, "acosh": functions.acosh, "asin": functions.asin, "asinh": functions.asinh,
    "atan": functions.atan, "atanh": functions.atanh, "cbrt": functions.cbrt, "ceil": functions.ceil,
}  # fmt: skip
RULES["rem"] = lambda c, a, b, **how: functions.fmod(c, a, b)


@rule("round")
def round_(c: Lowering, x: Operand, rounding_method: Any) -> Operand:
    """The nearest whole number; halves go to the even one, or away from zero."""
    if int(rounding_method) == 1:
        return c.emit("round", x)
    size = c.emit("abs", x)
    whole = c.emit("floor", size)  # to which 0.5 is not added: the sum of 0.5 and what is just below is rounded to 1
    up = c.emit("greater_equal", c.emit("sub", size, whole), 0.5)
    return c.emit("mul", c.emit("sign", x), c.emit("where", up, c.emit("add", whole, 1.0), whole), name="round")


@rule("clamp")
def clamp(c: Lowering, low: Any, x: Operand, high: Any) -> Operand:
    """x between bounds, at which nothing passes; bounds that are tensors are chosen by comparing."""
    if isinstance(low, float) and isinstance(high, float):
        return c.emit("clip", x, min=low, max=high, at_bounds=0.0)
    raised = c.emit("where", c.emit("less", x, low), low, x)
    return c.emit("where", c.emit("greater", raised, high), high, raised, name="clamp")


@rule("select_n")
def select_n(c: Lowering, which: Any, *cases: Any) -> Operand:
    """One of several, cell by cell; where all cells are of one case, that."""
    if not isinstance(which, Operand):
        return array_like(c, cases[int(which)])
    if which.dtype.kind == "b":
        return c.emit("where", which, cases[1], cases[0])
    known, found = c.known(which, "cases"), array_like(c, cases[-1])
    for n in reversed(range(len(cases) - 1)):
        found = c.emit("where", c.constant(f"is_{n}", known == n), cases[n], found)
    return found


@rule("convert_element_type")
def convert_element_type(c: Lowering, x: Operand, new_dtype: Any, **how: Any) -> Operand:
    """A cast that is seen, but where the numbers stay what they are: half precision is kept in single."""
    half = jnp.finfo(new_dtype).bits < 32
    return c.emit("cast", x, dtype=np.dtype(new_dtype).name) if half or x.dtype != c.dtype else x
