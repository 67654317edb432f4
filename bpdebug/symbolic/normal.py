"""The normal distribution and the error function, which NumPy has not."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from bpdebug.arrays import Array

NEAR = (0.065682337918207449113, 2.2352520354606839287, 161.02823106855587881, 1067.6894854603709582,
        18154.981253343561249), (1.0, 47.20258190468824187, 976.09855173777669322, 10260.932208618978205,
        45507.789335026729956)  # fmt: skip
MIDDLE = (1.0765576773720192317e-8, 0.39894151208813466764, 8.8831497943883759412, 93.506656132177855979,
          597.27027639480026226, 2494.5375852903726711, 6848.1904505362823326, 11602.651437647350124,
          9842.7148383839780218), (1.0, 22.266688044328115691, 235.38790178262499861, 1519.377599407554805,
          6485.558298266760755, 18615.571640885098091, 34900.952721145977266, 38912.003286093271411,
          19685.429676859990727)  # fmt: skip
FAR = (0.02307344176494017303, 0.21589853405795699, 0.1274011611602473639, 0.022235277870649807,
       0.001421619193227893466, 2.9112874951168792e-5), (1.0, 1.28426009614491121, 0.468238212480865118,
       0.0659881378689285515, 0.00378239633202758244, 7.29751555083966205e-5)  # fmt: skip
"""Numerators and denominators, the highest power first: W. J. Cody 1969, Rational Chebyshev approximations for the
error function (Math. Comp. 23, 631-637), in the form of his ANORM in ACM Algorithm 715 (1993)."""
MIDDLE_FROM, FAR_FROM = 0.66291, 5.65685
BEYOND = 40.0
"""So many deviations out the normal density is 0 in double precision."""
PEAK = 1 / math.sqrt(2 * math.pi)
"""The standard normal density at 0."""


def _quotient(x: Array, polynomials: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
    over, under = (np.full_like(x, highest) for (highest, *_) in polynomials)
    for total, (_, *others) in zip((over, under), polynomials, strict=True):
        for coefficient in others:
            total *= x
            total += coefficient
    return np.asarray(over / under)


def _deviations(x: Array) -> Array:
    """|x| in double precision, no larger than what can be told from infinity."""
    return np.minimum(np.abs(np.asarray(x, np.float64)), BEYOND)


def _bell(y: Array) -> Array:
    """exp(-y * y / 2), with the rounding of the square made good: it costs two digits at y = 14."""
    square, short = y * y, y.astype(np.float32).astype(np.float64)
    error = (short * short - square) + (y + short) * (y - short)
    bell = np.exp(-square / 2)
    return np.asarray(bell - bell * (error / 2))


def _centre(y: Array) -> Array:
    """The chance that a standard normal number is between 0 and y, for y up to MIDDLE_FROM."""
    return y * _quotient(y * y, NEAR)


def _pieced(y: Array, *pieces: tuple[Array, Callable[[Array], Array]]) -> Array:
    """A function of cells (1-d) that is another one where each of the masks holds; NaN where none does."""
    out = np.full_like(y, np.nan)
    for mask, function in pieces:
        at = np.flatnonzero(mask)
        if at.size == y.size:
            return function(y)
        if at.size:
            out[at] = function(y[at])
    return out


def _tail(y: Array) -> Array:
    """The chance that a standard normal number is above y, for y (1-d) from 0 to BEYOND."""
    near, far = y < MIDDLE_FROM, y >= FAR_FROM
    return _pieced(
        y,
        (near, lambda y: 0.5 - _centre(y)),
        (~(near | far) & (y == y), lambda y: _bell(y) * _quotient(y, MIDDLE)),
        (far, lambda y: _bell(y) * (PEAK - _quotient(y**-2, FAR) / (y * y)) / y),
    )


SOME = 2**14
"""Cells that are worked out together: what lies between stays in the processor's cache, and needs no memory anew."""
F = TypeVar("F", bound=Callable[[Array], Array])


def _some_at_a_time(function: F) -> F:
    """A function of float cells (1-d) for arrays of any shape; of what lies in another order there is no whole copy."""

    @wraps(function)
    def run(x: Array) -> Array:
        flat: Any = np.ravel(x) if x.flags.c_contiguous else x.flat
        out = np.empty(x.size, x.dtype)
        for at in range(0, x.size, SOME):
            out[at : at + SOME] = function(flat[at : at + SOME])
        return out.reshape(x.shape)

    return run  # type: ignore[return-value]  # wraps: of the same type


@_some_at_a_time
def erf(x: Array) -> Array:
    """The error function, to 5 units in the last place of the operand's dtype."""
    y = _deviations(np.asarray(x, np.float64) * math.sqrt(2))
    near = y < MIDDLE_FROM
    size = _pieced(y, (near, lambda y: 2 * _centre(y)), (y >= MIDDLE_FROM, lambda y: 1 - 2 * _tail(y)))
    return np.copysign(size, x)


@_some_at_a_time
def normal_cdf(x: Array) -> Array:
    """The chance Φ that a standard normal number is below `x`, to 5 units in the last place of the operand's dtype.

    Far below 0 it keeps its digits, where (1 + erf(x / √2)) / 2 has none left.
    """
    tail = _tail(_deviations(x))
    return np.where(x > 0, 1 - tail, tail)


@_some_at_a_time
def normal_pdf(x: Array) -> Array:
    """The standard normal density φ(x) = exp(-x² / 2) / √(2π), to 3 units in the last place of the operand's dtype."""
    return PEAK * _bell(_deviations(x))
