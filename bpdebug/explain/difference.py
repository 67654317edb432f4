"""Where two timelines part: the first event that made other bits, and by how much."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.engine import BACKWARD, FORWARD, SEED, Event, NodeEvent, Timeline
from bpdebug.engine.closeness import index_of, relative
from bpdebug.engine.layout import KEPT, MASK, NONE, Layout, Slot
from bpdebug.engine.stats import two_norm
from bpdebug.explain.answers import both_answer
from bpdebug.far import Far, equal
from bpdebug.symbolic.arrays import same
from bpdebug.translation import _


class Difference(Struct, frozen=True):
    """The first event at which two timelines differ, and what differs there.

    `what` says it in words (the value, of the node or of an updated parameter, the incoming gradient, a contribution, a
    leaf that was different from the beginning, the shape of one of them), or, where the events themselves are others,
    it is "event" or "end". `error` is the largest relative error, at `cell`, where the sides are `left` and
    `right`, numbers of this `dtype`; infinite where only one of them is finite, and None where there are no numbers to
    compare. `convention` says whose answers the two sides are, where they differ but where there is no derivative.
    """

    event: int
    node: str
    what: str
    error: float | None = None
    cell: tuple[int, ...] | None = None
    left: float | None = None
    right: float | None = None
    dtype: str | None = None
    convention: tuple[tuple[str, ...], tuple[str, ...]] | None = None


Allowed = Callable[[Difference, Slot, Array, Array], bool]
"""Whether two arrays that differ in some bit, as is said, are the same all the same."""


def first_difference(a: Timeline, b: Timeline, *, allowed: Allowed | None = None) -> Difference | None:
    """The first event that differs in any bit, but for what is `allowed`; None where all events are the same."""
    layouts = Layout(a.schedule, apart=True), Layout(b.schedule, apart=True)
    for index in range(min(len(a), len(b))):
        ours, theirs = (_named(t, index) for t in (a, b))
        if ours != theirs:
            return Difference(index, ours[2], "event")
        leaf = _leaves(a, b, index)
        if leaf is not None:
            return leaf
        found = _arrays(a, b, layouts, index, allowed)
        if found is not None:
            return replace(found, convention=_convention(a.event(index), b.event(index), found))
    if len(a) == len(b):
        return None
    index = min(len(a), len(b))
    longer = a if len(a) > len(b) else b
    return Difference(index, longer.graph.names[longer.schedule.tensor_at(index)], "end")


def _convention(left: Event, right: Event, found: Difference) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Whose answers a difference is one of, where both are some."""
    if not (isinstance(left, NodeEvent) and isinstance(right, NodeEvent)):
        return None
    return None if found.error is None else both_answer(left, right)


def _named(timeline: Timeline, index: int) -> tuple[int, str, str]:
    place = timeline.schedule.place(index)
    return place.iteration, place.phase, timeline.graph.names[timeline.schedule.tensor_at(index)]


def _leaves(a: Timeline, b: Timeline, index: int) -> Difference | None:
    """A leaf that differs, at the first event that uses it."""
    place = a.schedule.place(index)
    if place.phase != FORWARD or place.iteration > 0:
        return None
    read = [[t.graph.names[i] for i in t.graph.nodes[place.nth].tensors if t.graph.is_leaf(i)] for t in (a, b)]
    for name in read[0]:
        if name in read[1] and name in {leaf.name for leaf in a.graph.leaves}:
            x, y = (t.iteration(0).value(t.graph.index[name]) for t in (a, b))
            found = _compared(index, a, _("leaf {name}").format(name=name), x, y)
            if found is not None:
                return found
    return None


def _arrays(
    a: Timeline, b: Timeline, layouts: tuple[Layout, Layout], index: int, allowed: Allowed | None
) -> Difference | None:
    """What an event made, array by array; those of two recordings with the same hashes need not be read."""
    ours, theirs = a.recording, b.recording
    if ours is not None and theirs is not None and ours.digests(index) == theirs.digests(index):
        return None
    here, there = a.schedule.place(index), b.schedule.place(index)
    a.store.run_ahead(here)
    b.store.run_ahead(there)
    left, right = (
        {(s.role, t.graph.names[s.tensor], s.position): s for s in y.slots(index)}
        for t, y in zip((a, b), layouts, strict=True)
    )
    for key, slot in left.items():
        if key in right:
            what = _what(a, index, slot)
            x, y = a.store.made(here, slot), b.store.made(there, right[key])
            found = _compared(index, a, what, x, y)
            if found is not None and not (allowed is not None and allowed(found, slot, x, y)):
                return found
    alone = [(a, s) for key, s in left.items() if key not in right]
    alone += [(b, s) for key, s in right.items() if key not in left]
    if not alone or (alone[0][1].position == NONE and here.phase == BACKWARD):
        return None  # the sums of contributions that were the same
    side, slot = alone[0]
    what = _what(side, index, slot)
    if slot.position != NONE:
        what = _("{what} (operand {position})").format(what=what, position=slot.position)
    return Difference(index, _named(a, index)[2], what)


def _what(timeline: Timeline, index: int, slot: Slot) -> str:
    """An array in words, the same in every timeline."""
    phase, name = timeline.schedule.place(index).phase, timeline.graph.names[slot.tensor]
    if phase == BACKWARD:
        return f"∂{name}" if slot.position == NONE else _("contribution to {name}").format(name=name)
    if slot.role == KEPT:
        return _("state {name}").format(name=name)
    return _("incoming gradient") if phase == SEED else _("mask") if slot.role == MASK else _("value")


def _compared(index: int, timeline: Timeline, what: str, x: Array, y: Array) -> Difference | None:
    node = _named(timeline, index)[2]
    if x.shape != y.shape or x.dtype != y.dtype:
        words = _("shape of {what}") if x.shape != y.shape else _("dtype of {what}")
        return Difference(index, node, words.format(what=what))
    others = ~same(x, y) if isinstance(x, Far) or isinstance(y, Far) else _bits(x) != _bits(y)
    if not others.any():
        return None
    errors = np.where(others, relative(x.astype(np.float64), y.astype(np.float64)), -1.0)
    cell = index_of(errors)
    return Difference(index, node, what, float(errors[cell]), cell, float(x[cell]), float(y[cell]), x.dtype.name)


def _alike(a: Array, b: Array) -> bool:
    """The same to the bit; of what lies elsewhere, the same numbers."""
    return equal(a, b) if isinstance(a, Far) or isinstance(b, Far) else a.tobytes() == b.tobytes()


def _bits(array: Array) -> Array:
    return array.view(f"u{array.dtype.itemsize}")


class Change(Struct, frozen=True):
    """How one leaf's gradient differs: its norm on either side (None without a path), and the largest difference."""

    name: str
    left: float | None
    right: float | None
    largest: float | None


def gradient_changes(left: Timeline, right: Timeline) -> list[Change]:
    """The leaves whose gradient at the end is not the same, in their order; those of one side only are left out."""
    found = []
    for i, leaf in enumerate(left.graph.leaves):
        other = right.graph.index.get(leaf.name)
        if not left.graph.is_float(i) or other is None or other >= len(right.graph.leaves):
            continue
        a, b = left.grad(leaf.name), right.grad(leaf.name)
        if (a is None and b is None) or (a is not None and b is not None and _alike(a, b)):
            continue
        largest = None
        if a is not None and b is not None and a.shape == b.shape:
            with np.errstate(all="ignore"):
                largest = float(np.abs(a - b).max(initial=0.0))
        before, after = (None if g is None else two_norm(g) for g in (a, b))
        found.append(Change(leaf.name, before, after, largest))
    return found
