"""Softmax, a layer's norm and GELU, found in the sums and quotients that their rules are made of.

What is a dozen words for a whole array, each of them read and written again, is one pass over it.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from bpdebug.arrays import Shape
from bpdebug.backends.forms import Call, below
from bpdebug.ops.axes import axes_of
from bpdebug.symbolic import Expr


class Unit(NamedTuple):
    """x with mean 0 and variance 1 over its last axes, of this size."""

    x: Expr
    size: Shape
    eps: float


def _mean(e: Any) -> tuple[Expr, Shape] | None:
    """Of what it is the mean over the last axes, which stay, and their size; None of other expressions."""
    total = below(e, "divide", 0, "sum")
    if total is None or not total.attrs["keepdims"]:
        return None
    x, axes = total.args[0], sorted(axes_of(total.attrs["axis"], total.args[0].shape))
    size = x.shape[-len(axes) :]
    last = axes == list(range(x.ndim - len(axes), x.ndim))
    return (x, size) if last and type(e.args[1]) is int and e.args[1] == prod(size) else None


def _unit(e: Any) -> Unit | None:
    off, shifted = below(e, "divide", 0, "subtract"), below(e, "divide", 1, "sqrt", 0, "add")
    if off is None or shifted is None or type(shifted.args[1]) not in (int, float):
        return None
    (x, centre), (variance, eps) = off.args, shifted.args
    of, squares = _mean(centre), _mean(variance)
    if of is None or squares is None or of[0] is not x or below(squares[0], "square", 0) is not off:
        return None
    return Unit(x, of[1], float(eps)) if squares[1] == of[1] else None


def _scales(unit: Unit, *scales: Any) -> bool:
    """Whether there is a number for each of the cells that are brought to mean 0."""
    return all(isinstance(s, Expr) and (s.shape, s.dtype) == (unit.size, unit.x.dtype) for s in scales)


def _layer_norm(e: Expr) -> Call | None:
    scaled, shift = e.args if below(e, "add") is not None else (e, None)
    standard, gamma = scaled.args if below(scaled, "multiply") is not None else (scaled, None)
    unit = _unit(standard)
    given = [s for s in (gamma, shift) if s is not None]
    if unit is None or (shift is not None and gamma is None) or not _scales(unit, *given):
        return None
    return "layer_norm", (unit.x, *given), {"size": unit.size, "eps": unit.eps}


def _layer_norm_x(e: Expr) -> Call | None:
    """(into - mean(into) - unit * mean(into * unit)) / deviation, `into` being g, or g times gamma."""
    centred, share = below(e, "divide", 0, "subtract", 0, "subtract"), below(e, "divide", 0, "subtract", 1, "multiply")
    if centred is None or share is None or (unit := _unit(share.args[0])) is None:
        return None
    into, both = centred.args[0], _mean(share.args[1])
    along = below(both[0], "multiply") if both is not None else None
    parts = _mean(centred.args[1]) == (into, unit.size) and share.args[0].args[1] is e.args[1]
    if along is None or not parts or along.args != (into, share.args[0]):
        return None
    g, *gamma = into.args if below(into, "multiply") is not None and _scales(unit, into.args[1]) else (into,)
    whole = isinstance(g, Expr) and (g.shape, g.dtype) == (unit.x.shape, unit.x.dtype)
    return ("layer_norm_x", (g, unit.x, *gamma), {"size": unit.size, "eps": unit.eps}) if whole else None


def _softmax(e: Expr) -> Call | None:
    power, total = below(e, "divide", 0, "exp"), below(e, "divide", 1, "sum")
    off = below(power, 0, "subtract")
    largest = below(off, 1, "max")
    if total is None or largest is None or total.args[0] is not power or largest.args[0] is not off.args[0]:
        return None
    along = _along_one(total) and total.attrs == largest.attrs
    return ("softmax", (off.args[0],), {"axis": total.attrs["axis"]}) if along else None


def _softmax_x(e: Expr) -> Call | None:
    """y * (g - sum(g * y)), whatever made y."""
    total = below(e, "multiply", 1, "subtract", 1, "sum")
    if total is None or below(total, 0, "multiply") is None or not _along_one(total):
        return None
    y, g = e.args[0], e.args[1].args[0]
    whole = total.args[0].args == (g, y) and _alike(e, g, y)
    return ("softmax_x", (g, y), {"axis": total.attrs["axis"]}) if whole else None


def _along_one(e: Expr) -> bool:
    return type(e.attrs["axis"]) is int and e.attrs["keepdims"] is True


def _alike(e: Expr, *arrays: Any) -> bool:
    return all(isinstance(a, Expr) and (a.shape, a.dtype) == (e.shape, e.dtype) for a in arrays)


def _gelu(e: Expr) -> Call | None:
    x = below(e, "multiply", 1, "normal_cdf", 0)
    return ("gelu", (x,), {}) if x is not None and e.args[0] is x and _alike(e, x) else None


def _gelu_x(e: Expr) -> Call | None:
    """g * (Φ(x) + x φ(x))"""
    x, density = below(e, "multiply", 1, "add", 0, "normal_cdf", 0), below(e, "multiply", 1, "add", 1, "multiply")
    if x is None or density is None or density.args[0] is not x or below(density.args[1], "normal_pdf", 0) is not x:
        return None
    return ("gelu_x", (e.args[0], x), {}) if _alike(e, e.args[0], x) else None


ROW_FORMS = {
    "layer_norm": _layer_norm, "layer_norm_x": _layer_norm_x, "softmax": _softmax, "softmax_x": _softmax_x,
    "gelu": _gelu, "gelu_x": _gelu_x,
}  # fmt: skip
"""What finds each of the words; those that end in a letter are the adjoints."""
