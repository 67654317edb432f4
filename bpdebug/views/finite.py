"""Which tensors are known to hold NaN or infinity, and where that was made: each is looked at once, when a row asks."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from msgspec import Struct, field

from bpdebug.arrays import Array
from bpdebug.engine import FORWARD, UPDATE, Timeline
from bpdebug.engine.faults import finite
from bpdebug.errors import BpdebugError

MOST_LOOKED = 100_000
"""Tensors of which it is remembered whether they are finite; then it begins anew."""
Key = tuple[int, int, bool]


class Finite(Struct, eq=False):
    """What is known of a timeline's tensors: 'nan', 'inf' or ''; and of the events, ascending, that made such a one.

    What is `wanted` a row would say, and was not looked at: a tensor, a position, and whether its gradient is meant.
    """

    known: dict[Key, str] = field(default_factory=dict)
    faults: list[int] = field(default_factory=list)
    kinds: dict[int, str] = field(default_factory=dict)
    wanted: dict[Key, tuple[int, int, bool]] = field(default_factory=dict)


_looked: WeakKeyDictionary[Timeline, Finite] = WeakKeyDictionary()


def faults(timeline: Timeline) -> Sequence[int]:
    """The events, ascending, that are known to have made NaN or infinity: those that were looked at so far."""
    return _looked[timeline].faults if timeline in _looked else ()


def fault_between(timeline: Timeline, first: int, end: int) -> str:
    """'nan' or 'inf' of the first such event from `first` to before `end`; '' where none is known."""
    found = faults(timeline)
    at = bisect_left(found, first)
    return _looked[timeline].kinds[found[at]] if at < len(found) and found[at] < end else ""


def wanted(timeline: Timeline) -> bool:
    """Whether rows would say more if somebody looked."""
    return timeline in _looked and bool(_looked[timeline].wanted)


def look(timeline: Timeline) -> None:
    """Looks at what is wanted."""
    found = _looked[timeline].wanted
    for key, (tensor, at, gradient) in [*found.items()]:
        odd(timeline, tensor, at, gradient=gradient)
        found.pop(key, None)


def odd(timeline: Timeline, tensor: int, at: int, *, gradient: bool = False, looks: bool = True) -> str:
    """'nan' or 'inf' where a tensor, or its gradient, is not finite at a position at which it is done; looked at once.

    A leaf is looked at from the first event on that reads it: a row is no reason to open a file. Who `looks` not is
    told what is known, and the rest is wanted.
    """
    t, graph = timeline.schedule.iteration_at(at), timeline.graph
    update = None if gradient else timeline.schedule.index_of(UPDATE, tensor, t)
    first = graph.first_user(tensor)
    if graph.is_leaf(tensor) and not gradient and (first is None or at < t * timeline.schedule.per_iteration + first):
        return ""
    updated = update is not None and update <= at
    key = (t + updated, tensor, gradient)  # an updated parameter is the next iteration's
    looked = _looked.setdefault(timeline, Finite())
    if key in looked.known:
        return looked.known[key]
    if not looks:
        looked.wanted[key] = tensor, at, gradient
        return ""
    if len(looked.known) > MOST_LOOKED:
        looked.known.clear()
    try:
        array = timeline.grad_at(tensor, at) if gradient else timeline.value_at(tensor, at)
    except BpdebugError:  # an index out of range: the event itself says so
        array = None
    found = looked.known[key] = "" if array is None else _odd(array)
    event = (update if updated else event_of(timeline, tensor, t, gradient=gradient)) if found else None
    if event is not None and event not in looked.kinds:
        looked.kinds[event] = found
        insort(looked.faults, event)
    return found


def event_of(timeline: Timeline, tensor: int, iteration: int, *, gradient: bool) -> int | None:
    """The event after which a tensor or its gradient is there, of a leaf the first that reads it; None without one."""
    schedule, graph = timeline.schedule, timeline.graph
    if gradient:
        return schedule.completed_by(tensor, iteration)
    k = graph.first_user(tensor) if graph.is_leaf(tensor) else graph.k(tensor)
    return None if k is None else schedule.start(FORWARD, iteration) + k


def _odd(array: Array) -> str:
    if finite(array):
        return ""
    return "nan" if np.isnan(array).any() else "inf"
