"""Central differences of a function of one cell, and the verdict on a derivative beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, Cell, Shape
from bpdebug.checks.kinks import KINK, TIE
from bpdebug.engine.closeness import rounding

STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
"""Step sizes, relative to the cell or to 1; the best one counts, since rounding and curvature pull apart.

A central difference errs by the third derivative times step**2 / 6, and by the rounding of both values over the step:
least near the cube root of the precision, 6e-6 (Nocedal and Wright, Numerical Optimization, 2006, section 8.1). The
larger steps are for functions that round more than one operation does.
"""
MOST_CELLS = 64
"""Cells checked of one leaf; a larger leaf is sampled."""
FAIL, LOOK = 1e-4, 1e-7
"""Relative errors above which a gradient is wrong, or wants a look (cs231n.github.io, neural-networks-3)."""
COMES = 1e-5
"""Part of its error at the largest step that a central difference has left at the smallest: 1e-6, and some rounding."""
FEW = 16
"""Units in the last place that each of the two values of a difference carries."""
SEVERITY = ("pass", "look", "fail")


class Check(Struct, frozen=True):
    """The worst cell of a leaf or an operand: its index, both derivatives, their relative error, how many were checked.

    `reason` says why it wants a look (see `kinks`), `says` that in words.
    """

    name: str
    cell: Cell
    analytic: float
    numeric: float
    error: float
    checked: int
    cells: int
    reason: str = ""
    says: str = ""

    @property
    def kink(self) -> bool:
        """Whether the derivative does not exist here, and the rule's answer is one of those between the two sides."""
        return self.reason in (KINK, TIE)

    @property
    def verdict(self) -> str:
        """'pass', 'look' or 'fail'; what has a reason wants a look, whatever the differences say."""
        return "look" if self.reason else "fail" if not self.error <= FAIL else "look" if self.error > LOOK else "pass"


def severity(row: Check) -> tuple[int, float]:
    """By what rows are compared for the worst: the verdict, then the error."""
    return SEVERITY.index(row.verdict), row.error


def sampled(flat: Array, shape: Shape, most: int, rng: Any) -> list[Cell]:
    """Cells of an array of this shape, given by flat index (1-d, int64): all, or `most` of them drawn."""
    chosen = flat if len(flat) <= most else np.sort(rng.choice(flat, most, replace=False))
    return [tuple(int(i) for i in np.unravel_index(at, shape)) for at in chosen.tolist()]


def differences(
    function: Callable[[float], float],
    at: float,
    analytic: float,
    steps: tuple[float, ...] = STEPS,
    base: float | None = None,
    most: float = np.inf,
) -> Iterator[tuple[float, float]]:
    """For each step size the central difference at a point and its relative error, rounding taken off.

    Steps are relative to `base`, by default the larger of the cell and 1. Of a step whose rounding is more than the
    part `most` of the derivative nothing is said.
    """
    for relative in steps:
        step = relative * (max(1.0, abs(at)) if base is None else base)
        above, below = function(at + step), function(at - step)
        width = (at + step) - (at - step)  # what was really moved, rounded as it is
        numeric = (above - below) / width if width else np.nan
        # Each value carries a few units of rounding; their difference over the step cannot be better than this.
        noise = rounding(max(abs(above), abs(below)), FEW) / step if step else 0.0
        scale = max(abs(analytic), abs(numeric))
        gap = abs(analytic - numeric)
        error = float("inf") if not np.isfinite(gap) else 0.0 if gap <= noise else (gap - noise) / scale
        if not noise > most * scale:
            yield numeric, error


def best(found: Sequence[tuple[float, float]], analytic: float) -> tuple[float, float]:
    """The difference that agrees best, and its error; the first of `found` are those at STEPS.

    Where a derivative is 0 and the next ones are too (x ** 3 at 0) no relative error tells anything; there it is
    right if the differences come to it as the steps shrink.
    """
    numeric, error = min(found, key=lambda pair: (pair[1], abs(pair[0] - analytic)))
    gaps = [abs(n - analytic) for n, _ in found[: len(STEPS)]]
    if error > LOOK and len(gaps) == len(STEPS) and gaps[-1] <= COMES * gaps[0] < np.inf:
        return found[len(STEPS) - 1][0], 0.0
    return numeric, error
