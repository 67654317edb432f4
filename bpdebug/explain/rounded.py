"""One program on two libraries' arrays: what is rounding, and what only follows from other numbers that went in."""

from __future__ import annotations

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine import BACKWARD, FORWARD, Event, NodeEvent, Timeline
from bpdebug.engine.closeness import ALIKE, RIGHT, gaps, top
from bpdebug.engine.layout import NONE, Slot
from bpdebug.explain.difference import Difference
from bpdebug.far import near


class Rounded:
    """Allows what two libraries may make of one program: other last digits, and what follows from them.

    An event's own computation is right where NumPy makes the same of what went in, on either side. `first` is the first
    difference that is more than rounding and yet follows from what went in: something upstream has made much of little.
    """

    def __init__(self, left: Timeline, right: Timeline) -> None:
        self.sides = left, right
        self.first: Difference | None = None

    def __call__(self, found: Difference, slot: Slot, x: Array, y: Array) -> bool:
        """Whether a difference between two arrays of one event is allowed; where shapes or dtypes differ, it is not."""
        if found.error is None:
            return False
        if _near(x, y, top(x, y)):
            return True
        if not all(
            _follows(side.event(found.event), slot, made) for side, made in zip(self.sides, (x, y), strict=True)
        ):
            return False
        self.first = self.first or found
        return True


def _follows(event: Event, slot: Slot, made: Array) -> bool:
    """Whether an event's array is what its rule makes of the numbers that went in, on the same side."""
    if not isinstance(event, NodeEvent) or event.phase not in (FORWARD, BACKWARD):
        return True  # sums and updates of what was made before
    run, k, plan = event.run, event.k, event.plan
    if event.phase == FORWARD:
        if slot.tensor != event.tensor:
            return True
        target, found = plan.value, run.leaves(k)
    elif slot.position == NONE:
        return True
    else:
        target, found = plan.summed(slot.position), run.leaves(k, run.cotangent(event.tensor))
    leaves = {leaf: near(array) for leaf, array in found.items()}  # where they lie, the library would judge itself
    with np.errstate(all="ignore"):
        again = plan.evaluate(target, leaves)
    went_in = [a for a in leaves.values() if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    return again.shape == made.shape and _near(again, made, top(made, *went_in))


def _near(x: Array, y: Array, scale: float) -> bool:
    """Whether two arrays of one shape are apart by rounding alone; integers and booleans never are."""
    if x.dtype.kind != "f":
        return bool((x == y).all())
    return bool((gaps(x, y) <= RIGHT.get(x.dtype.name, ALIKE) * scale).all())
