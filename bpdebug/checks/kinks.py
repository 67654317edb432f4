"""Where a function of one cell has no derivative, and what a rule may answer there: one-sided differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.engine.closeness import index_of, rounding

KINK, TIE, SECOND, ROUNDING, SMALL = "kink", "tie", "second derivative jumps", "rounding", "small"
"""Why a check wants a look: no derivative here; none, since two cells are equal; differences err; off by little."""
FAR, NEAR, AT = 1e-3, 1e-5, 1e-12
"""Steps, relative to the cell or to 1. One-sided slopes of a smooth function differ by f'' times the step, at NEAR a
hundredth of what they do at FAR; those of a kink by the same at both. Within AT, a cell's own rounding, it is here."""
TORN = 0.01
"""By how much of itself what a function rises by over two steps may differ where it jumps, however short they are."""
SLACK = 1e-3
"""Part of the slopes by which those left and right may differ without a kink: at NEAR an f'' of 100 times the slope."""


class Kink(Struct, frozen=True):
    """The result that bends the most, as an index, and the least and the largest that a derivative may be there.

    `finite` is False where the function has no number at the cell or beside it: then, as at a jump, every answer is
    possible.
    `here` is False of a kink that is near, so that the derivative exists and differences have stepped across.
    """

    result: tuple[int, ...]
    low: float = -np.inf
    high: float = np.inf
    finite: bool = True
    here: bool = True

    def allows(self, analytic: float) -> bool:
        """Whether a rule's answer is one of those between the two sides; NaN is none of them."""
        return not self.finite or self.low <= analytic <= self.high


Function = Callable[[float], Array | float]
"""A function of one number, whose results are looked at one by one."""


def find_kink(function: Function, at: float) -> Kink | None:
    """The kink of a function of one number at a point, or None where every result is smooth.

    Every result has its own sides, since a convention chooses for each on its own: a cell that is tied in several
    windows may win in some and not in others, so that its derivative is anything between the sums of the smaller and
    of the larger slopes (Clarke, Optimization and Nonsmooth Analysis, 1983, section 2.3: the gradient of a sum).
    """
    unit = max(1.0, abs(at))
    far = _sides(function, at, FAR * unit)
    near = _sides(function, at, NEAR * unit)
    if isinstance(far, Kink):
        return far
    if isinstance(near, Kink):
        return near
    closest = _sides(function, at, AT * (abs(at) or 1.0))
    if isinstance(closest, Sides):
        same = np.abs(near.rise - closest.rise) <= TORN * closest.rise
        torn = same & (closest.steepest > 10 * closest.slack)
        if torn.any():
            return Kink(index_of(torn))
    bent = near.bent & (near.jump > 0.5 * far.jump)
    if not bent.any():
        return None
    here = isinstance(closest, Sides) and bool((closest.bent & bent).any())
    slack = float(near.slack.sum())
    low, high = np.minimum(near.left, near.right).sum(), np.maximum(near.left, near.right).sum()
    return Kink(index_of(np.where(bent, near.jump, -1)), float(low) - slack, float(high) + slack, here=here)


class Sides(Struct, frozen=True, eq=False):
    """The slopes of every result to the left and right, and by how much they may differ without a kink."""

    left: Array
    right: Array
    slack: Array
    step: float

    @property
    def jump(self) -> Array:
        """By how much the two slopes of each result differ, of the results' shape."""
        return np.asarray(np.abs(self.right - self.left))

    @property
    def steepest(self) -> Array:
        """The larger slope of each result, of the results' shape."""
        return np.asarray(np.maximum(np.abs(self.left), np.abs(self.right)))

    @property
    def rise(self) -> Array:
        """By how much each result changes over the steeper step, of the results' shape."""
        return self.steepest * self.step

    @property
    def bent(self) -> Array:
        """Which results bend (bool)."""
        return np.asarray(self.jump > self.slack)


def _sides(function: Function, at: float, step: float) -> Sides | Kink:
    """Both sides' slopes at a step; the first result that is not finite, where there is one."""
    above, here, below = map(np.asarray, (function(at + step), function(at), function(at - step)))
    broken = ~(np.isfinite(above) & np.isfinite(here) & np.isfinite(below))
    if broken.any():
        return Kink(index_of(broken), finite=False)
    left, right = (here - below) / step, (above - here) / step
    noise = rounding(np.maximum(np.abs(above), np.abs(below))) / step
    return Sides(left, right, SLACK * np.maximum(np.abs(left), np.abs(right)) + noise, step)


def second_jumps(function: Callable[[float], Array], at: float) -> float:
    """By how much the second derivative of a float64 array's sum jumps; 0 where it is continuous, or lost in rounding.

    The second difference to the right less that to the left (Abramowitz and Stegun 1964, section 25.3), which shrinks
    with the step where the derivative is continuous.
    """
    jumps = []
    for relative in (FAR, FAR / 10):
        step = relative * max(1.0, abs(at))
        two_below, below, here, above, two_above = (function(at + n * step) for n in (-2, -1, 0, 1, 2))
        jumps.append(abs(float((two_above - 2 * above + 2 * below - two_below).sum())) / step**2)
        noise = rounding(float(np.abs(here).sum())) / step**2
    far, near = jumps
    return near if near > noise and near > 0.5 * far else 0.0
