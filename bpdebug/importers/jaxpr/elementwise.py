"""Cell by cell: arithmetic, functions, choices, casts."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from bpdebug.importers.jaxpr.table import RULES, array_like, plain, rule
from bpdebug.importers.lowering import Lowering, Operand

_OURS = (
    "neg exp log tanh sin cos tan sinh cosh sqrt rsqrt abs square erf expm1 log1p sign floor atan2 pow mul div sub "
    "stop_gradient relu relu6 logaddexp xlogy"
)
RULES |= {name: plain(name) for name in _OURS.split()}
RULES |= {"add": plain("add"), "add_any": plain("add"), "logistic": plain("sigmoid")}


@rule("copy", "copy_p", "reduce_precision", "pvary")
def identity(c: Lowering, x: Operand, **how: Any) -> Operand:
    return x


@rule("optimization_barrier")
def barrier(c: Lowering, *xs: Operand) -> list[Operand]:
    return list(xs)


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
RULES["erfc"] = lambda c, x, **how: c.emit("sub", 1.0, c.emit("erf", x), name="erfc")
RULES["ceil"] = lambda c, x, **how: c.emit("neg", c.emit("floor", c.emit("neg", x)), name="ceil")
RULES["atan"] = lambda c, x, **how: c.emit("atan2", x, 1.0, name="atan")


@rule("cbrt")
def cbrt(c: Lowering, x: Operand, **how: Any) -> Operand:
    return c.emit("mul", c.emit("sign", x), c.emit("pow", c.emit("abs", x), 1 / 3), name="cbrt")


@rule("atanh")
def atanh(c: Lowering, x: Operand, **how: Any) -> Operand:
    difference = c.emit("sub", c.emit("log1p", x), c.emit("log1p", c.emit("neg", x)))
    return c.emit("mul", difference, 0.5, name="atanh")


def _other_leg(c: Lowering, x: Operand) -> Operand:
    """The other leg of the triangle whose hypotenuse is 1."""
    return c.emit("sqrt", c.emit("mul", c.emit("sub", 1.0, x), c.emit("add", 1.0, x)))


RULES["asin"] = lambda c, x, **how: c.emit("atan2", x, _other_leg(c, x), name="asin")
RULES["acos"] = lambda c, x, **how: c.emit("atan2", _other_leg(c, x), x, name="acos")


@rule("asinh")
def asinh(c: Lowering, x: Operand, **how: Any) -> Operand:
    """The logarithm of |x| + sqrt(x² + 1), with x's sign."""
    size, square = c.emit("abs", x), c.emit("square", x)
    beyond = c.emit("div", square, c.emit("add", c.emit("sqrt", c.emit("add", square, 1.0)), 1.0))
    positive = c.emit("log1p", c.emit("add", size, beyond))
    return c.emit("where", c.emit("less", x, 0.0), c.emit("neg", positive), positive, name="asinh")


@rule("acosh")
def acosh(c: Lowering, x: Operand, **how: Any) -> Operand:
    beyond = c.emit("sqrt", c.emit("mul", c.emit("sub", x, 1.0), c.emit("add", x, 1.0)))
    return c.emit("log", c.emit("add", x, beyond), name="acosh")


@rule("round")
def round_(c: Lowering, x: Operand, rounding_method: Any) -> Operand:
    """The nearest whole number; halves go to the even one, or away from zero."""
    if int(rounding_method) == 1:
        return c.emit("round", x)
    whole = c.emit("floor", c.emit("add", c.emit("abs", x), 0.5))
    return c.emit("mul", c.emit("sign", x), whole, name="round")


@rule("rem")
def rem(c: Lowering, a: Any, b: Any, **how: Any) -> Operand:
    """a less b as often as it is in it, counted towards zero: of that count no gradient comes."""
    quotient = c.emit("div", a, b)
    whole = c.emit("mul", c.emit("sign", quotient), c.emit("floor", c.emit("abs", quotient)), name="whole")
    return c.emit("sub", a, c.emit("mul", whole, b), name="rem")


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
