"""What rules need beyond NumPy: adjoints of indexing, the normal distribution, long products."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from bpdebug.arrays import Array, Key, Shape, decode_key
from bpdebug.ops.axes import Axis, axes_of
from bpdebug.progress import may_stop, part

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
    """A function of float cells (1-d) for arrays of any shape."""

    @wraps(function)
    def run(x: Array) -> Array:
        flat = np.ravel(x)
        out = np.empty_like(flat)
        for at in range(0, flat.size, SOME):
            out[at : at + SOME] = function(flat[at : at + SOME])
        return out.reshape(np.shape(x))

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


PRODUCTS: dict[float, Callable[[Array], Any]] = {3: lambda x: x * x * x, 4: lambda x: x * x * (x * x)}
"""Powers of floats that are computed as products, right to 2 units in the last place, in a hundredth of the time; a
square is one in NumPy, too."""


def is_product(x: Any, y: Any) -> bool:
    """Whether x ** y is computed as a product of x."""
    return type(y) in (int, float) and y in PRODUCTS and x.dtype.kind == "f"


def power(x: Any, y: Any) -> Any:
    """x ** y, of the shape to which they broadcast; small powers of floats as products."""
    return PRODUCTS[y](x) if is_product(x, y) else x**y


def same(a: Array, b: Array) -> Array:
    """a == b cell by cell, where a NaN is the same as another."""
    return np.asarray((a == b) | ((a != a) & (b != b)))


def place(x: Array, shape: Shape, key: Key) -> Array:
    """Zeros of `shape` with `x` at `key`: the adjoint of indexing."""
    out = np.zeros(shape, np.asarray(x).dtype)
    out[decode_key(key)] = x
    return out


def pad0(x: Array, widths: tuple[tuple[int, int], ...], fill: float = 0.0) -> Array:
    """Zeros (or a number) around `x`, `widths` before and after each axis."""
    out = np.full(tuple(n + a + b for n, (a, b) in zip(x.shape, widths, strict=True)), fill, x.dtype)
    out[tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, widths, strict=True))] = x
    return out


def scatter_add(x: Array, ids: Array, axis: int, size: int) -> Array:
    """Zeros with `size` rows along `axis`, to which the slices of `x` are added at `ids`: take's adjoint.

    Repeated ids add up, in the order in which they stand (`np.add.at`).
    """
    rank = np.ndim(ids)
    rows = np.moveaxis(x, tuple(range(axis, axis + rank)), tuple(range(rank)))
    out = np.zeros((size, *rows.shape[rank:]), x.dtype)
    np.add.at(out, ids, rows)
    return np.moveaxis(out, 0, axis)


def add_rows(total: Array | None, x: Array, ids: Array, axis: int, size: int) -> Array:
    """`total + scatter_add(x, ids, 0, size)`, bit for bit, without a table of zeros: other rows are added a 0."""
    if total is None:
        return scatter_add(x, ids, axis, size)
    at, place = np.unique(ids % size, return_inverse=True)
    out: Array = np.add(total, total.dtype.type(0))
    out[at] = total[at] + scatter_add(x, place.reshape(ids.shape), 0, len(at))
    return out


def scatter_along_axis(x: Array, ids: Array, axis: int, size: int) -> Array:
    """Zeros with `size` cells along `axis`, to which `x` is added at `ids`: take_along_axis's adjoint."""
    shape = list(np.broadcast_shapes(x.shape, ids.shape))
    ids = np.broadcast_to(ids, shape)
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in shape)])
    grid[axis] = ids
    shape[axis] = size
    out = np.zeros(shape, x.dtype)
    np.add.at(out, tuple(grid), x)
    return out


def argsort(x: Array, axis: int) -> Array:
    """Where the cells of the sorted array come from, of x's shape; tied cells keep their order."""
    return np.argsort(x, axis=axis, kind="stable")


def argcummax(x: Array, axis: int, first: bool = False) -> Array:
    """Where the largest cell so far is, of x's shape (int64): of tied ones the last or the first; NaN is largest."""
    count = np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    top = np.maximum.accumulate(x, axis=axis)
    new = same(x, top)
    if first:
        inner = np.moveaxis(new, axis, 0)
        inner[1:] &= ~same(np.moveaxis(top, axis, 0)[1:], np.moveaxis(top, axis, 0)[:-1])
    return np.maximum.accumulate(np.where(new, count, 0), axis=axis)


def first_of(hit: Array, axis: Axis) -> Array:
    """The first True along axes (None: all), and False elsewhere; of hit's shape (bool)."""
    axes = axes_of(axis, hit.shape)
    order = (*(a for a in range(hit.ndim) if a not in axes), *axes)
    turned = hit.transpose(order)
    line = turned.reshape(*turned.shape[: hit.ndim - len(axes)], -1)
    found = np.zeros_like(line)
    np.put_along_axis(found, line.argmax(axis=-1, keepdims=True), True, axis=-1)
    return (found & line).reshape(turned.shape).transpose(np.argsort(order))


def last_of(hit: Array, axis: Axis) -> Array:
    """The last True along axes (None: all), and False elsewhere; of hit's shape (bool)."""
    return np.flip(first_of(np.flip(hit), axis))


def before(x: Array, axis: int) -> Array:
    """For each cell the product of those before it along an axis, of x's shape: 1 for the first."""
    out = np.ones_like(x)
    rows, factors = np.moveaxis(out, axis, 0), np.moveaxis(x, axis, 0)
    np.cumprod(factors[:-1], axis=0, out=rows[1:])
    return out


def others(x: Array, axis: Axis) -> Array:
    """For each cell the product of the others along axes (None: all), of x's shape; right at zeros, too."""
    axes = axes_of(axis, x.shape)
    order = (*(a for a in range(x.ndim) if a not in axes), *axes)
    turned = x.transpose(order)
    line = turned.reshape(*turned.shape[: x.ndim - len(axes)], math.prod(turned.shape[x.ndim - len(axes) :]))
    found = before(line, line.ndim - 1) * np.flip(before(np.flip(line, -1), line.ndim - 1), -1)
    return found.reshape(turned.shape).transpose(np.argsort(order))


def between(x: Array, axis: int) -> Array:
    """The products of the cells behind cell i up to cell j, along `axis` and a new axis behind it; 0 where j < i."""
    rows = np.moveaxis(x, axis, 0)
    out = np.zeros((len(rows), *rows.shape), x.dtype)
    for i in range(len(rows)):
        out[i, i] = 1
        np.cumprod(rows[i + 1 :], axis=0, out=out[i, i + 1 :])
    return np.moveaxis(out, (0, 1), (axis, axis + 1))


def horner(g: Array, x: Array, axis: int) -> Array:
    """For each cell g[i] + x[i+1] (g[i+1] + x[i+2] (g[i+2] + ...)) along an axis, of g's shape: cumprod's adjoint."""
    rows, factors = np.moveaxis(g, axis, 0), np.moveaxis(x, axis, 0)
    out = np.array(rows)
    for i in range(len(out) - 2, -1, -1):
        out[i] += factors[i + 1] * out[i + 1]
    return np.moveaxis(out, 0, axis)


def one_hot(ids: Array, depth: int, dtype: Any) -> Array:
    """A row of zeros with a one at each id, along a new last axis."""
    return np.asarray(np.asarray(ids)[..., None] == np.arange(depth)).astype(dtype)


BAND = 2**32
"""Multiplications of a long product between two places where it may be stopped: a fifth of a second or so."""
LONG = 2 * BAND
"""Multiplications from which on a product is long."""


def is_long(a: Any, b: Any) -> bool:
    """Whether the product of two matrices, or of batches of them, is long."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) if max(a.ndim, b.ndim) > 2 else ()
    return bool(min(a.ndim, b.ndim) > 1 and math.prod((*batch, *a.shape[-2:], b.shape[-1])) > LONG)


def product(a: Array, b: Array) -> Array:
    """a @ b of shape (..., n, m); a long one is made some matrices or rows at a time, so that it may be stopped."""
    if not is_long(a, b):
        short: Array = np.matmul(a, b)
        return short
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    out = np.empty((*batch, a.shape[-2], b.shape[-1]), np.result_type(a, b))
    _fill(out, np.broadcast_to(a, (*batch, *a.shape[-2:])), np.broadcast_to(b, (*batch, *b.shape[-2:])))
    return out


def _fill(out: Array, a: Array, b: Array) -> None:
    """Makes a long product in its place, as many at a time of its first axis as are no more than BAND."""
    each = max(out[:1].size * a.shape[-1], 1)
    count = max(1, BAND // each)
    for start in range(0, len(out), count):
        some, right = slice(start, start + count), b if out.ndim == 2 else b[start : start + count]
        with part(start, len(out)):
            may_stop()
            if out.ndim > 2 and each > BAND:
                _fill(out[start], a[start], b[start])
            else:
                np.matmul(a[some], right, out=out[some])
