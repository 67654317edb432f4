"""How large cells are, as signs: what is not finite has its own, so that no colour is needed to see it."""

from __future__ import annotations

from math import ceil, log10

LEVELS = "▁▂▃▄▅▆▇█"
ZERO, NOT_A_NUMBER, INFINITE = "·✗∞"


def level(size: float, largest: float, *, log: bool = False) -> str:
    """A sign as high as a part of the largest, or a step lower a decade (`log`); whatever is not 0 is seen."""
    if size != size or size == float("inf"):
        return NOT_A_NUMBER if size != size else INFINITE
    if not size:
        return ZERO
    step = len(LEVELS) - 1 + ceil(log10(size) - log10(largest)) if log else int(size / largest * len(LEVELS))
    return LEVELS[min(max(step, 0), len(LEVELS) - 1)]
