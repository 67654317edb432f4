"""Activations made of straight lines: hard ends, dead zones, thresholds."""

from __future__ import annotations

from functools import partial
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import refuse
from bpdebug.ops.conventions import Share, shares
from bpdebug.ops.op import ROUTES, SCALES, Op, Sample, register


def _between(
    xp: Any, x: Any, least: float, most: float, slope: Any, at_bounds: Share = 0.0, above: Any = None
) -> Any:  # fmt: skip
    """The slope inside, 0 below, 0 or `above` above, and at the ends a share of the slope inside; a NaN is inside."""
    low, high = shares(at_bounds)
    found = xp.where(x <= least, 0, xp.where(x >= most, 0 if above is None else above, slope))
    if low:
        found = xp.where(x == least, slope if low == 1 else low * slope, found)
    if not high:
        return found
    inside = slope if high == 1 else high * slope
    return xp.where(x == most, inside if above is None or high == 1 else inside + (1 - high) * above, found)


def _ends(xp: Any, x: Any, least: float, most: float) -> Any:
    return xp.minimum(xp.maximum(x, least), most)


def _check_ends(x: Shape, min_val: float, max_val: float) -> None:
    if min_val >= max_val:
        raise refuse(f"min_val={min_val} is not below max_val={max_val}", hint="swap the two")


def _check_lambd(x: Shape, lambd: float) -> None:
    if lambd < 0:
        raise refuse(f"lambd={lambd} is negative", hint="cells up to lambd away from 0 are set to 0: 0.5")


def _hardswish_vjp(xp: Any, g: Any, y: Any, x: Any, at_bounds: Share = 0.0) -> tuple[Any, ...]:
    """Howard et al. 2019 (arXiv:1905.02244), section 5.2: x * relu6(x + 3) / 6."""
    return (_between(xp, x, -3, 3, g * (x / 3 + 0.5), at_bounds, g),)


_ROWS = [[1.25, -2.0, 0.25], [-0.25, 4.0, -5.0]]
_BOUNDS = {"at_bounds": Attr("share", 0.0)}
_AT_ENDS = "the derivative at both ends is taken to be 0"
_hard = partial(Op, back=ROUTES, samples=(Sample((_ROWS,)),))
_shrink = partial(
    _hard,
    attrs={"lambd": Attr("float", 0.5)},
    check=_check_lambd,
    kink="the derivative at -lambd and lambd is taken to be 0",
    samples=(Sample((_ROWS,)), Sample((_ROWS,), {"lambd": 1.5})),
)

register(
    _hard(
        "hardtanh",
        "x held between min_val and max_val; unlike clip, no gradient passes at the ends.",
        forward=lambda xp, x, min_val, max_val: _ends(xp, x, min_val, max_val),
        vjp=lambda xp, g, y, x, min_val, max_val, at_bounds=0.0: (_between(xp, x, min_val, max_val, g, at_bounds),),
        conventions=_BOUNDS,
        attrs={"min_val": Attr("float", -1.0), "max_val": Attr("float", 1.0)},
        check=_check_ends,
        kink=_AT_ENDS,
        samples=(Sample((_ROWS,)), Sample((_ROWS,), {"min_val": -3.0, "max_val": 0.75})),
    ),
    _hard(
        "relu6",
        "x held between 0 and 6.",
        forward=lambda xp, x: _ends(xp, x, 0, 6),
        vjp=lambda xp, g, y, x, at_bounds=0.0: (_between(xp, x, 0, 6, g, at_bounds),),
        conventions=_BOUNDS,
        kink=_AT_ENDS,
        samples=(Sample(([[1.25, -2.0, 0.25], [-0.25, 4.0, 7.5]],)),),
    ),
    _hard(
        "hardsigmoid",
        "(x + 3) / 6 held between 0 and 1: a sigmoid of straight lines.",
        forward=lambda xp, x: _ends(xp, x + 3, 0, 6) / 6,
        vjp=lambda xp, g, y, x, at_bounds=0.0: (_between(xp, x, -3, 3, g / 6, at_bounds),),
        conventions=_BOUNDS,
        back=SCALES,
        kink=_AT_ENDS,
    ),
    _hard(
        "hardswish",
        "x times its hardsigmoid.",
        forward=lambda xp, x: x * _ends(xp, x + 3, 0, 6) / 6,
        vjp=_hardswish_vjp,
        conventions=_BOUNDS,
        back=SCALES,
        kink="the derivative at -3 is taken to be 0, at 3 to be 1",
    ),
    _shrink(
        "hardshrink",
        "Cells up to lambd away from 0 set to 0.",
        forward=lambda xp, x, lambd: xp.where(xp.abs(x) <= lambd, 0, x),
        vjp=lambda xp, g, y, x, lambd: (xp.where(xp.abs(x) <= lambd, 0, g),),
    ),
    _shrink(
        "softshrink",
        "Cells brought nearer to 0 by lambd, as far as 0.",
        forward=lambda xp, x, lambd: x - _ends(xp, x, -lambd, lambd),
        vjp=lambda xp, g, y, x, lambd: (xp.where(xp.abs(x) <= lambd, 0, g),),
    ),
    _hard(
        "threshold",
        "Cells that are not above a threshold replaced by a value.",
        forward=lambda xp, x, threshold, value: xp.where(x <= threshold, value, x),
        vjp=lambda xp, g, y, x, threshold, value: (xp.where(x <= threshold, 0, g),),
        attrs={"threshold": Attr("float", positional=True), "value": Attr("float", positional=True)},
        kink="the derivative at the threshold is taken to be 0",
        samples=(
            Sample((_ROWS,), {"threshold": 0.5, "value": 2.0}),
            Sample((_ROWS,), {"threshold": -1.0, "value": 0.0}),
        ),
    ),
)
