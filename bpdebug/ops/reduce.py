"""Reductions over axes, and softmax with its relatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Axis, axes_of, cells, check_cells, extreme_vjp, kept, mean, mean_vjp, refuse
from bpdebug.ops.conventions import TIES, at_zero
from bpdebug.ops.op import CUBE, MIXES, ROUTES, ROWS, Op, Sample, register


def _check_axes(x: Shape, axis: Axis, keepdims: bool) -> None:
    axes_of(axis, x)


def _check_some(what: str) -> Callable[..., None]:
    """The check of a reduction that has no value over no cells."""

    def check(x: Shape, axis: Axis, keepdims: bool = False) -> None:
        check_cells(what, axis, x)

    return check


def _check_var(x: Shape, axis: Axis, keepdims: bool, ddof: int) -> None:
    check_cells("var", axis, x)
    n = cells(axis, x)
    if ddof < 0:
        raise refuse(f"ddof={ddof} is negative", hint="0 divides by n, 1 by n - 1")
    if ddof >= n:
        raise ShapeError(
            f"ddof={ddof} leaves nothing to divide by: var is over {n} cells of {x}",
            hint="use a smaller ddof, or another axis",
        )


def _sum_vjp(xp: Any, g: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> tuple[Any, ...]:
    return (xp.broadcast_to(kept(xp, g, x, axis, keepdims), x.shape),)


def _var(xp: Any, x: Any, axis: Axis, keepdims: bool, ddof: int) -> Any:
    off = x - mean(xp, x, axis, True)
    return xp.sum(xp.square(off), axis=axis, keepdims=keepdims) / (cells(axis, x.shape) - ddof)


def _var_vjp(xp: Any, g: Any, y: Any, x: Any, axis: Axis, keepdims: bool, ddof: int) -> tuple[Any, ...]:
    off = x - mean(xp, x, axis, True)
    return (kept(xp, g, x, axis, keepdims) * 2 * off / (cells(axis, x.shape) - ddof),)


def _not_zero(xp: Any, length: Any, at_zero: str) -> Any:
    """A length to divide by: 0, which all that is divided by it is then, by 1, unless NaN is wanted."""
    return length if at_zero == "nan" else xp.where(length == 0, 1, length)


def _std_vjp(
    xp: Any, g: Any, y: Any, x: Any, axis: Axis, keepdims: bool, ddof: int, at_zero: str = "zero"
) -> tuple[Any, ...]:  # fmt: skip
    off = x - mean(xp, x, axis, True)
    count = cells(axis, x.shape) - ddof
    return (kept(xp, g, x, axis, keepdims) * off / (count * _not_zero(xp, kept(xp, y, x, axis, keepdims), at_zero)),)


def _check_norm(x: Shape, axis: Axis, keepdims: bool, p: float) -> None:
    if not p >= 1:
        raise refuse(f"p={p:g} is no norm", hint="p is 2 (the length), 1, inf, or another number above 1")
    if p == math.inf:
        check_cells("norm with p=inf", axis, x)
    axes_of(axis, x)


def p_norm(xp: Any, x: Any, axis: Axis, keepdims: bool, p: float) -> Any:
    if p == math.inf:
        return xp.max(xp.abs(x), axis=axis, keepdims=keepdims)
    if p == 2:
        return xp.sqrt(xp.sum(xp.square(x), axis=axis, keepdims=keepdims))
    total = xp.sum(xp.abs(x) if p == 1 else xp.pow(xp.abs(x), p), axis=axis, keepdims=keepdims)
    return total if p == 1 else xp.pow(total, 1 / p)


def unit(xp: Any, x: Any, axis: Axis) -> Any:
    """x over its length along axes, 0 where that is 0: the length's gradient."""
    length = p_norm(xp, x, axis, True, 2)
    return x / _not_zero(xp, length, "zero")


def p_norm_vjp(
    xp: Any, g: Any, y: Any, x: Any, axis: Axis, keepdims: bool, p: float, at_zero: str = "zero"
) -> tuple[Any, ...]:  # fmt: skip
    into, length = kept(xp, g, x, axis, keepdims), _not_zero(xp, kept(xp, y, x, axis, keepdims), at_zero)
    if p == 1:
        return (into * xp.sign(x),)
    if p == math.inf:
        return (extreme_vjp(xp, g, y, xp.abs(x), axis, keepdims)[0] * xp.sign(x),)
    return (into * (x / length if p == 2 else xp.sign(x) * xp.pow(xp.abs(x) / length, p - 1)),)


def _logsumexp(xp: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    top = xp.max(x, axis=axis, keepdims=True)
    top = xp.where(xp.abs(top) < math.inf, top, 0)  # all -inf must give -inf, not -inf - -inf
    total = xp.log(xp.sum(xp.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else xp.squeeze(total, axes_of(axis, x.shape) if axis is None else axis)


def _logsumexp_vjp(xp: Any, g: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> tuple[Any, ...]:
    return (kept(xp, g, x, axis, keepdims) * xp.exp(x - kept(xp, y, x, axis, keepdims)),)


def softmax(xp: Any, x: Any, axis: Axis = -1) -> Any:
    """exp(x) over its sum, taken after the largest cell is subtracted."""
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


def log_softmax(xp: Any, x: Any, axis: Axis = -1) -> Any:
    """The logarithm of softmax, without the detour over exp and log."""
    low = x - xp.max(x, axis=axis, keepdims=True)
    return low - xp.log(xp.sum(xp.exp(low), axis=axis, keepdims=True))


def _softmax_vjp(xp: Any, g: Any, y: Any, x: Any, axis: Axis) -> tuple[Any, ...]:
    return (y * (g - xp.sum(g * y, axis=axis, keepdims=True)),)


def _log_softmax_vjp(xp: Any, g: Any, y: Any, x: Any, axis: Axis) -> tuple[Any, ...]:
    return (g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True),)


_AXIS = Attr("axis", None, positional=True)
_OVER = {"axis": _AXIS, "keepdims": Attr("bool", False)}
_SHARE = "tied cells share the gradient equally"
_SAMPLES = (
    Sample((ROWS,)),
    Sample((ROWS,), {"axis": 1}),
    Sample((CUBE,), {"axis": (0, -1), "keepdims": True}),
    Sample((CUBE,), {"axis": (-2, 0)}),
)

_reduction = partial(Op, attrs=_OVER, samples=_SAMPLES)
_spread = partial(
    _reduction,
    back=MIXES,
    attrs={**_OVER, "ddof": Attr("int", 0)},
    check=_check_var,
    samples=(*_SAMPLES, Sample((ROWS,), {"axis": 1, "ddof": 1})),
)
_along = partial(Op, back=MIXES, attrs={"axis": Attr("axis", -1, positional=True)})

register(
    _reduction(
        "sum",
        "The sum over some axes, or over all.",
        back="a broadcast: every cell gets the gradient of the sum it went into",
        forward=lambda xp, x, axis, keepdims: xp.sum(x, axis=axis, keepdims=keepdims),
        vjp=_sum_vjp,
        kinds=("fib",),
        check=_check_axes,
        linear_in=(0,),
    ),
    _reduction(
        "mean",
        "The mean over some axes, or over all.",
        back="a broadcast, divided by the count: every cell gets its share of the mean's gradient",
        forward=mean,
        vjp=mean_vjp,
        check=_check_some("mean"),
        linear_in=(0,),
    ),
    _reduction(
        "max",
        "The largest cell over some axes, or over all.",
        back=ROUTES,
        forward=lambda xp, x, axis, keepdims: xp.max(x, axis=axis, keepdims=keepdims),
        vjp=extreme_vjp,
        kinds=("fi",),
        check=_check_some("max"),
        conventions=TIES,
        kink=_SHARE,
    ),
    _reduction(
        "min",
        "The smallest cell over some axes, or over all.",
        back=ROUTES,
        forward=lambda xp, x, axis, keepdims: xp.min(x, axis=axis, keepdims=keepdims),
        vjp=extreme_vjp,
        kinds=("fi",),
        check=_check_some("min"),
        conventions=TIES,
        kink=_SHARE,
    ),
    _spread(
        "var",
        "The mean square distance from the mean, divided by n - ddof.",
        forward=_var,
        vjp=_var_vjp,
    ),
    _spread(
        "std",
        "The square root of the variance.",
        forward=lambda xp, x, **attrs: xp.sqrt(_var(xp, x, **attrs)),
        vjp=_std_vjp,
        conventions=at_zero("zero", "nan"),
        kink="where all cells are equal the gradient is taken to be 0",
    ),
    _reduction(
        "norm",
        "The p-norm: the length for p = 2, the sum of magnitudes for 1, the largest for inf.",
        back=MIXES,
        forward=p_norm,
        vjp=p_norm_vjp,
        attrs={**_OVER, "p": Attr("float", 2.0)},
        check=_check_norm,
        conventions=at_zero("zero", "nan"),
        kink="the gradient of a norm of 0 is taken to be 0, as is that of a magnitude at 0; tied largest cells share",
        samples=(
            *_SAMPLES,
            Sample((ROWS,), {"p": 1.0}),
            Sample((ROWS,), {"axis": 1, "p": math.inf}),
            Sample((ROWS,), {"axis": 0, "p": 3.0}),
        ),
    ),
    _reduction(
        "logsumexp",
        "The logarithm of the sum of exponentials: a smooth maximum.",
        back=MIXES,
        forward=_logsumexp,
        vjp=_logsumexp_vjp,
        check=_check_some("logsumexp"),
    ),
    _along(
        "softmax",
        "Exponentials divided by their sum, so that an axis adds up to 1.",
        forward=softmax,
        vjp=_softmax_vjp,
        check=_check_some("softmax"),
        samples=(Sample((ROWS,)), Sample((ROWS,), {"axis": 0}), Sample((CUBE,), {"axis": 1})),
    ),
    _along(
        "log_softmax",
        "The logarithm of softmax.",
        forward=log_softmax,
        vjp=_log_softmax_vjp,
        check=_check_some("log_softmax"),
        samples=(Sample((ROWS,)), Sample((ROWS,), {"axis": 0}), Sample((CUBE,), {"axis": 1})),
    ),
)
