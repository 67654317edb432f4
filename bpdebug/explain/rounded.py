"""One program on two libraries' arrays: what is rounding, and what only follows from other numbers that went in."""

from __future__ import annotations

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine import BACKWARD, FORWARD, Event, NodeEvent, Timeline
from bpdebug.engine.closeness import ALIKE, RIGHT, gaps, top
from bpdebug.engine.layout import NONE, Slot
from bpdebug.explain.difference import Difference
from bpdebug.far import near
from bpdebug.graph.halves import in_halves


class Rounded:
    """Allows what two libraries may make of one program: other last digits, and what follows from them.

    An event's own computation is right where NumPy makes the same of what went in, on either side. `first` is the first
    difference that is more than rounding and yet follows from what went in: something upstream has made much of little.
    """

    def __init__(self, left: Timeline, right: Timeline) -> None:
        self.sides = left, right
        # what is read is in no library's precision: it is in that which its program says
        self.graphs = [side.graph if side.graph.halves else in_halves(side.graph) for side in self.sides]
        self.first: Difference | None = None

    def __call__(self, found: Difference, slot: Slot, x: Array, y: Array) -> bool:
        """Whether a difference between two arrays of one event is allowed; where shapes or dtypes differ, it is not."""
        if found.error is None:
            return False
        within = [_error(graph.precision(slot.tensor)) for graph in self.graphs]
        if _near(x, y, max(within) * top(x, y)):
            return True
        rule, *_ = events = [side.event(found.event) for side in self.sides]
        if not all(_follows(e, rule, slot, made, by) for e, made, by in zip(events, (x, y), within, strict=True)):
            return False
        self.first = self.first or found
        return True


def _follows(event: Event, other: Event, slot: Slot, made: Array, within: float) -> bool:
    """Whether an event's array is what the rule of the `other` side's makes of the numbers that went in here.

    Half precision rounds what was made, each cell `within` a part of it: sums are taken in float32.
    """
    if not (isinstance(event, NodeEvent) and isinstance(other, NodeEvent)) or event.phase not in (FORWARD, BACKWARD):
        return True  # sums and updates of what was made before
    run, k, plan = event.run, event.k, other.plan
    if plan.outside.keys() != event.plan.outside.keys():
        return False  # a rule that was set, and reads what the other does not
    y, operands = run.value(event.tensor), run.operands(k)
    if event.phase == FORWARD:
        if slot.tensor != event.tensor:
            return True
        target, found = plan.value, plan.leaves(operands, y)
    elif slot.position == NONE:
        return True
    else:
        target, found = plan.summed(slot.position), plan.leaves(operands, y, run.cotangent(event.tensor))
    leaves = {leaf: near(array) for leaf, array in found.items()}  # where they lie, the library would judge itself
    with np.errstate(all="ignore"):
        again = plan.evaluate(target, leaves)
    went_in = [a for a in leaves.values() if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    own = _error(made.dtype.name)
    bound = own * top(made, *went_in) + (within * np.abs(again) if within > own else 0.0)
    return again.shape == made.shape and _near(again, made, bound)


def _error(precision: str) -> float:
    return RIGHT.get(precision, ALIKE)


def _near(x: Array, y: Array, bound: float | Array) -> bool:
    """Whether two arrays of one shape are apart by rounding alone; integers and booleans never are."""
    if x.dtype.kind != "f":
        return bool((x == y).all())
    return bool((gaps(x, y) <= bound).all())
