"""Scans along an axis, and the normal distribution, of words that every library has."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bpdebug.backends.indices import turned
from bpdebug.ops.axes import Axis, axes_of
from bpdebug.symbolic import normal


def cummax(xp: Any, x: Any, axis: int) -> Any:
    """By doubling: each step looks twice as far back."""
    x, step = turned(xp, x, axis, 0), 1
    while step < x.shape[0]:
        x = xp.concat(x[:step, ...], xp.maximum(x[step:, ...], x[:-step, ...]), axis=0)
        step *= 2
    return turned(xp, x, 0, axis)


def argcummax(xp: Any, x: Any, axis: int, first: bool = False) -> Any:
    x = turned(xp, x, axis, 0)
    top = xp.cummax(x, axis=0)
    new = xp.same(x, top)
    if first and x.shape[0]:
        again = xp.logical_not(xp.same(top[1:, ...], top[:-1, ...]))
        new = xp.concat(new[:1, ...], xp.logical_and(new[1:, ...], again), axis=0)
    count = xp.asarray(np.arange(x.shape[0]).reshape(-1, *(1,) * (x.ndim - 1)))
    found = xp.where(new, xp.broadcast_to(count, shape=tuple(x.shape)), xp.zero(count))
    return turned(xp, xp.cummax(found, axis=0), 0, axis)


def first_of(xp: Any, hit: Any, axis: Axis) -> Any:
    line, back = _line(xp, hit, axis)
    at = xp.argmax(xp.astype(line, dtype=xp.int64), axis=-1, keepdims=True)
    return back(xp.logical_and(line, at == xp.asarray(np.arange(line.shape[-1]))))


def last_of(xp: Any, hit: Any, axis: Axis) -> Any:
    every = tuple(range(hit.ndim))
    return xp.flip(first_of(xp, xp.flip(hit, axis=every), axis), axis=every) if hit.ndim else hit


def _line(xp: Any, x: Any, axis: Axis) -> tuple[Any, Callable[[Any], Any]]:
    """The axes as one, the last; and the way back to x's shape."""
    axes = axes_of(axis, tuple(x.shape))
    order = (*(a for a in range(x.ndim) if a not in axes), *axes)
    moved = xp.permute_dims(x, axes=order)
    flat = xp.reshape(moved, (*moved.shape[: x.ndim - len(axes)], math.prod(moved.shape[x.ndim - len(axes) :])))
    back = tuple(int(a) for a in np.argsort(order))
    return flat, lambda y: xp.permute_dims(xp.reshape(y, tuple(moved.shape)), axes=back)


def before(xp: Any, x: Any, axis: int) -> Any:
    x = turned(xp, x, axis, 0)
    if not x.shape[0]:
        return turned(xp, x, 0, axis)
    first = xp.full(shape=(1, *x.shape[1:]), value=1.0, dtype=x.dtype)
    return turned(xp, xp.concat(first, xp.cumprod(x[:-1, ...], axis=0), axis=0), 0, axis)


def others(xp: Any, x: Any, axis: Axis) -> Any:
    line, back = _line(xp, x, axis)
    last = line.ndim - 1
    return back(xp.before(line, axis=last) * xp.flip(xp.before(xp.flip(line, axis=last), axis=last), axis=last))


def between(xp: Any, x: Any, axis: int) -> Any:
    x = turned(xp, x, axis, 0)
    n, rest = x.shape[0], tuple(x.shape[1:])

    def full(count: int, value: float) -> Any:
        return xp.full(shape=(count, *rest), value=value, dtype=x.dtype)

    rows = [xp.concat(full(i, 0.0), full(1, 1.0), xp.cumprod(x[i + 1 :, ...], axis=0), axis=0) for i in range(n)]
    found = xp.stack(*rows, axis=0) if rows else xp.full(shape=(0, 0, *rest), value=0.0, dtype=x.dtype)
    return turned(xp, turned(xp, found, 0, axis), 0, axis) if axis else found


def horner(xp: Any, g: Any, x: Any, axis: int) -> Any:
    g, x = turned(xp, g, axis, 0), turned(xp, x, axis, 0)
    rows = [g[i, ...] for i in range(g.shape[0])]
    for i in range(len(rows) - 2, -1, -1):
        rows[i] = rows[i] + x[i + 1, ...] * rows[i + 1]
    return turned(xp, xp.stack(*rows, axis=0), 0, axis) if rows else turned(xp, g, 0, axis)


# --- functions


def _quotient(x: Any, polynomials: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
    found = []
    for highest, *lower in polynomials:
        total = x * 0.0 + highest
        for coefficient in lower:
            total = total * x + coefficient
        found.append(total)
    return found[0] / found[1]


def _tail(xp: Any, y: Any) -> Any:
    """The chance that a standard normal number is above y, for y from 0 on: see `symbolic/normal.py`."""
    y = xp.minimum(y, normal.BEYOND)
    bell, far = xp.exp(-(y * y) / 2), xp.maximum(y, normal.FAR_FROM)
    beyond = bell * (normal.PEAK - _quotient(1.0 / (far * far), normal.FAR) / (far * far)) / far
    middle = bell * _quotient(xp.minimum(y, normal.FAR_FROM), normal.MIDDLE)
    near = xp.minimum(y, normal.MIDDLE_FROM)
    close = 0.5 - near * _quotient(near * near, normal.NEAR)
    return xp.where(y < normal.MIDDLE_FROM, close, xp.where(y >= normal.FAR_FROM, beyond, middle))


def erf(xp: Any, x: Any) -> Any:
    y = xp.abs(x) * math.sqrt(2)
    near = xp.minimum(y, normal.MIDDLE_FROM)
    centre = 2.0 * near * _quotient(near * near, normal.NEAR)
    return xp.sign(x) * xp.where(y < normal.MIDDLE_FROM, centre, 1.0 - 2.0 * _tail(xp, y))


def normal_cdf(xp: Any, x: Any) -> Any:
    tail = _tail(xp, xp.abs(x))
    return xp.where(x > 0, 1.0 - tail, tail)


def normal_pdf(xp: Any, x: Any) -> Any:
    return normal.PEAK * xp.exp(-(x * x) / 2)


def same(xp: Any, a: Any, b: Any) -> Any:
    return xp.logical_or(a == b, xp.logical_and(a != a, b != b))
