"""Functions that have no op, in steps whose values hold where the plain formula would overflow or cancel.

At the ends of their domains the slopes are infinite and not NaN: no step multiplies an infinity by 0.
"""

from __future__ import annotations

from math import pi
from typing import Any

from bpdebug.importers.lowering import Lowering, Operand
from bpdebug.importers.steps import cut


def other_leg(c: Lowering, x: Operand) -> Operand:
    """The other leg of the triangle whose hypotenuse is 1: of each factor a root, so that both keep their slopes."""
    roots = (c.emit("sqrt", c.emit("sub", 1.0, x)), c.emit("sqrt", c.emit("add", 1.0, x)))
    return c.emit("mul", *roots)


def asin(c: Lowering, x: Operand, **how: Any) -> Operand:
    return c.emit("atan2", x, other_leg(c, x), name="asin")


def acos(c: Lowering, x: Operand, **how: Any) -> Operand:
    return c.emit("atan2", other_leg(c, x), x, name="acos")


def atan(c: Lowering, x: Operand, **how: Any) -> Operand:
    return c.emit("atan2", x, 1.0, name="atan")


def asinh(c: Lowering, x: Operand, **how: Any) -> Operand:
    """The logarithm of |x| + sqrt(x² + 1), with x's sign."""
    size = c.emit("abs", x, at_zero="right")
    share = c.emit("div", size, c.emit("add", c.emit("hypot", x, 1.0), 1.0))
    positive = c.emit("log1p", c.emit("add", size, c.emit("mul", size, share)))
    return _signed(c, x, positive, "asinh")


def acosh(c: Lowering, x: Operand, **how: Any) -> Operand:
    above = c.emit("sub", x, 1.0)
    side = c.emit("mul", c.emit("sqrt", above), c.emit("sqrt", c.emit("add", x, 1.0)))
    return c.emit("log1p", c.emit("add", above, side), name="acosh")


def atanh(c: Lowering, x: Operand, **how: Any) -> Operand:
    apart = c.emit("sub", c.emit("log1p", x), c.emit("log1p", c.emit("neg", x)))
    return c.emit("mul", apart, 0.5, name="atanh")


def cbrt(c: Lowering, x: Operand, **how: Any) -> Operand:
    return _signed(c, x, c.emit("pow", c.emit("abs", x, at_zero="right"), 1 / 3), "cbrt")


def _signed(c: Lowering, x: Operand, positive: Operand, name: str) -> Operand:
    """An odd function of x, by that of its size."""
    return c.emit("where", c.emit("less", x, 0.0), c.emit("neg", positive), positive, name=name)


def sinc(c: Lowering, x: Operand, **how: Any) -> Operand:
    """sin πx / πx, and 1 at 0: the quotient has another number there, or the way back would divide 0 by 0."""
    zero = c.emit("equal", x, 0.0)
    turn = c.emit("mul", c.emit("where", zero, 1.0, x), pi)
    return c.emit("where", zero, 1.0, c.emit("div", c.emit("sin", turn), turn), name="sinc")


def fmod(c: Lowering, a: Any, b: Any) -> Operand:
    """What is left of a less b as often as it is in it, with a's sign: exact, where a - trunc(a / b) * b is not."""
    size = abs(b) if isinstance(b, int | float) else c.emit("abs", b)
    if isinstance(a, int | float):
        left = c.emit("mod", abs(a), size)
        return left if a >= 0 else c.emit("neg", left, name="fmod")
    negative = c.emit("neg", c.emit("mod", c.emit("neg", a), size))
    return c.emit("where", c.emit("less", a, 0.0), negative, c.emit("mod", a, size), name="fmod")


def floor_divide(c: Lowering, a: Any, b: Any) -> Operand:
    """How often b is in a, as Python has it: 9 times 0.1 in 1, whose quotient is rounded to 10; by 0 the quotient."""
    if isinstance(b, int | float) and b != 0:
        return _whole(c, a, b)
    found = c.emit("div", a, b)
    if isinstance(b, Operand):
        found = c.emit("where", c.emit("equal", b, 0.0), found, _whole(c, a, b))
    return c.emit("stop_gradient", found, name="floor_divide")  # it has no slope, and that of a quotient by 0 is NaN


def _whole(c: Lowering, a: Any, b: Any) -> Operand:
    return c.emit("round", c.emit("div", c.emit("sub", a, c.emit("mod", a, b)), b))


def ceil(c: Lowering, x: Operand, **how: Any) -> Operand:
    return c.emit("neg", c.emit("floor", c.emit("neg", x)), name="ceil")


def cumlogsumexp(c: Lowering, x: Operand, axis: int) -> Operand:
    """Running sums of exponentials as logarithms: each cell with the one before it, then 2, 4, 8 before it."""
    found, size, apart = x, x.shape[axis], 1
    while apart < size:
        done, rest, before = (
            cut(c, found, axis, ends) for ends in ((0, apart, 1), (apart, size, 1), (0, size - apart, 1))
        )
        found = c.emit("concat", done, c.emit("logaddexp", rest, before), name="cumlogsumexp", axis=axis)
        apart *= 2
    return found
