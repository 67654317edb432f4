"""Why a value or a gradient is zero, not finite or absent: where that was born, and by what."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine import UPDATE, Timeline
from bpdebug.engine.closeness import rounding
from bpdebug.engine.stats import two_norm
from bpdebug.explain.why.absent import absent
from bpdebug.explain.why.births import Birth, birth, is_zero, number
from bpdebug.explain.why.causes import PRODUCT, QUOTIENT, SUM, told
from bpdebug.explain.why.question import (
    CANCELLED,
    MASKED,
    NONZERO,
    OVERFLOW,
    UNDEFINED,
    ZERO_TIMES_INF,
    Question,
    Site,
    Why,
    one,
)
from bpdebug.explain.why.zero import zero
from bpdebug.expression import Target


def why(timeline: Timeline, goal: Target, iteration: int, of: str, cursor: int = 0) -> Why:
    """What made a value or a gradient (or cells of it) what it is, in an iteration's whole two passes.

    A parameter, or a state, is what its update made of it, where the cursor is at that event or beyond.
    """
    asked, site = Question(timeline, iteration), Site(goal.reference.tensor, goal.reference.gradient)
    update = None if site.gradient else asked.index(UPDATE, asked.owner(site.tensor))
    if update is not None and update <= cursor:
        found = _changed(asked, goal, of, update)
        if found is not None:
            return found
    if site.gradient and asked.run.gradient(site.tensor) is None:
        return absent(asked, of, site.tensor)
    array = asked.array(site)
    mask = np.zeros(array.shape, bool)
    mask[goal.key] = True
    cells = array[mask]
    for test in (np.isnan, np.isinf):
        if test(cells).any():
            return _not_finite(asked, of, site, mask & test(array), test)
    if cells.size and not cells.any():
        return zero(asked, of, site, mask) if site.gradient else _zero_value(asked, of, site, mask)
    by_hand = asked.set_by_hand(site)[mask].any()
    if site.gradient and cells.size and not by_hand and _is_rounding(asked, site, mask, cells):
        text = f"its terms cancel: what is left, at most {np.abs(cells).max():.2g}, is their rounding"
        return Why(of, CANCELLED, asked.completed(site), (text,))
    return _nonzero(of, cells, asked.completed(site))


def _nonzero(of: str, cells: Array, event: int | None) -> Why:
    zeros = int(cells.size - np.count_nonzero(cells))
    text = f"norm {two_norm(cells):.4g}; {zeros} of {cells.size} cells {'is' if zeros == 1 else 'are'} zero"
    return Why(of, NONZERO, event, (text,))


def _changed(asked: Question, goal: Target, of: str, event: int) -> Why | None:
    """Of what an update made: its own answer, or None where the cells had it before."""
    site, store = Site(goal.reference.tensor, False), asked.timeline.store
    array, before = store.updated(site.tensor, asked.iteration), asked.array(site)
    mask = np.zeros(array.shape, bool)
    mask[goal.key] = True
    for test in (np.isnan, np.isinf, is_zero):
        found = mask & test(array)
        if test is is_zero and not found[mask].all():
            return _nonzero(of, array[mask], event)
        if found.any():
            cells = one(found & ~test(before))
            if not cells.any():
                return None
            words = f"the update at event {event} made {asked.name(site, cells)} {number(array[cells][0])}"
            if test is is_zero:
                return Why(of, CANCELLED, event, (words, *_in_numbers(asked.timeline, event, cells, test)))
            updated = (asked.owner(site.tensor), asked.iteration)
            return _updated(asked.timeline, of, Birth(site, cells, event, words, updated=updated), test)
    return None


def _not_finite(asked: Question, of: str, site: Site, mask: Array, test: Any) -> Why:
    """NaN or an infinity, from where it was born; NaN made of an infinity that overflowed counts as overflow."""
    found = birth(asked, site, mask, test)
    if found.updated is not None:
        return _updated(asked.timeline, of, found, test)
    said, kind, overflowed = told(asked, found, test)
    backward = found.edge is not None and found.edge[1] is not None
    answer = OVERFLOW if overflowed or test is np.isinf else UNDEFINED
    if test is np.isnan and backward and kind in (PRODUCT, QUOTIENT):
        answer = ZERO_TIMES_INF
    return Why(of, answer, found.event, (*found.way, *said))


def _updated(timeline: Timeline, of: str, found: Birth, test: Any) -> Why:
    """Of an update that made it: what was wrong with the gradient, an iteration before."""
    assert found.updated is not None
    tensor, iteration = found.updated
    asked, said = Question(timeline, iteration), (*found.way, found.words)
    gradient = asked.array(Site(tensor, True))
    bad = found.cells & ~np.isfinite(gradient)
    if not bad.any():
        assert found.event is not None
        said += _in_numbers(timeline, found.event, found.cells, test)
        return Why(of, OVERFLOW if test is np.isinf else UNDEFINED, found.event, said)
    same = bool(test(gradient[bad]).any())
    made = _not_finite(asked, of, Site(tensor, True), bad, test if same else np.isinf)
    event = made.born if same else found.event
    return Why(of, made.answer, event, (*said, f"∂{asked.graph.names[tensor]} was not finite there", *made.evidence))


def _in_numbers(timeline: Timeline, event: int, cells: Array, test: Any) -> tuple[str, ...]:
    """The first line of an update that makes it, in numbers at the cell."""
    cell = tuple(map(int, np.argwhere(cells)[0]))
    for a in timeline.event(event).assignments:
        if a.shape == cells.shape and test(a.value[cell]) and (numbers := a.in_numbers(cell, number)):
            return (f"{a.name} = {a.formula}", f"{a.name} = {numbers} is {number(a.value[cell])}")
    return ()


def _zero_value(asked: Question, of: str, site: Site, mask: Array) -> Why:
    found = birth(asked, site, mask, is_zero)
    said, kind, _ = told(asked, found, is_zero)
    return Why(of, CANCELLED if kind == SUM else MASKED, found.event, (*found.way, *said))


def _is_rounding(asked: Question, site: Site, mask: Array, cells: Array) -> bool:
    """Whether the largest of the cells is small beside the terms it is the sum of: zero, but for rounding."""
    top = float(np.abs(cells).max())
    at = np.argwhere(mask & (np.abs(asked.array(site)) == top))[0]
    products = [t.products for s in asked.of_gradient(site.tensor, tuple(map(int, at))) for t in s.terms]
    size = sum(float(np.abs(p).sum()) for p in products)
    count = sum(len(p) for p in products)
    return top <= rounding(size, 2 * (count + 8), asked.graph.dtypes[site.tensor]) and count > 1
