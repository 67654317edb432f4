"""Why a value or a gradient is zero, not finite or absent: where that was born, and by what."""

from __future__ import annotations

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine import UPDATE, Timeline
from bpdebug.engine.closeness import rounding
from bpdebug.engine.stats import two_norm
from bpdebug.explain.why.absent import absent
from bpdebug.explain.why.births import Birth, birth, made_by_update
from bpdebug.explain.why.causes import PRODUCT, QUOTIENT, SUM, told
from bpdebug.explain.why.tracer import Answer, RuleTracer, Test, Why, is_zero, number, one
from bpdebug.explain.why.zero import zero
from bpdebug.expression import Target
from bpdebug.graph import Site
from bpdebug.translation import _, ngettext


def why(timeline: Timeline, goal: Target, iteration: int, cursor: int = 0) -> Why:
    """What made a value or a gradient (or cells of it) what it is, in an iteration's whole two passes.

    A parameter, or a state, is what its update made of it, where the cursor is at that event or beyond.
    """
    tracer, site = RuleTracer(timeline, iteration), Site(goal.reference.tensor, goal.reference.gradient)
    mask = np.zeros(timeline.graph.shapes[site.tensor], bool)
    mask[goal.key] = True
    update = None if site.gradient else tracer.index(UPDATE, tracer.owner(site.tensor))
    if update is not None and update <= cursor and (found := _changed(tracer, site, mask, update)):
        return found
    if site.gradient and tracer.run.gradient(site.tensor) is None:
        return absent(tracer, site.tensor)
    cells = tracer.array(site)[mask]
    test = _kind(cells)
    if test is is_zero and site.gradient:
        return zero(tracer, site, mask)
    if test is not None:
        return _born(tracer, site, mask, test)
    by_hand = tracer.set_by_hand(site)[mask].any()
    if site.gradient and cells.size and not by_hand and _is_rounding(tracer, site, mask, cells):
        text = _("its terms cancel: what is left, at most {size:.2g}, is their rounding")
        return Why("cancelled", tracer.completed(site), (text.format(size=np.abs(cells).max()),))
    return _nonzero(cells, tracer.completed(site))


def _kind(cells: Array) -> Test | None:
    """What there is to explain of some cells: that one is NaN, else infinite, else that all are zero."""
    for test in (np.isnan, np.isinf):
        if test(cells).any():
            return test
    return is_zero if cells.size and not cells.any() else None


def _nonzero(cells: Array, event: int | None) -> Why:
    zeros = int(cells.size - np.count_nonzero(cells))
    words = ngettext(
        "norm {norm:.4g}; {zeros} of {count} cells is zero", "norm {norm:.4g}; {zeros} of {count} cells are zero", zeros
    )
    return Why("nonzero", event, (words.format(norm=two_norm(cells), zeros=zeros, count=cells.size),))


def _changed(tracer: RuleTracer, site: Site, mask: Array, event: int) -> Why | None:
    """Of what an update made: its own answer, or None where the cells had it before."""
    timeline, array = tracer.timeline, tracer.timeline.store.updated(site.tensor, tracer.iteration)
    test = _kind(array[mask])
    if test is None:
        return _nonzero(array[mask], event)
    cells = one(mask & test(array) & ~test(tracer.array(site)))
    if not cells.any():
        return None
    words = made_by_update(event, tracer.name(site, cells), number(array[cells][0]))
    if test is is_zero:
        return Why("cancelled", event, (words, *_in_numbers(timeline, event, cells, test)))
    return _updated(timeline, Birth(site, cells, event, words), (tracer.owner(site.tensor), tracer.iteration), test)


def _born(tracer: RuleTracer, site: Site, mask: Array, test: Test) -> Why:
    """Cells that pass the test, from where that was born; NaN made of an infinity that overflowed is an overflow."""
    found = birth(tracer, site, mask & test(tracer.array(site)), test)
    if found.updated is not None and test is not is_zero:
        return _updated(tracer.timeline, found, found.updated, test)
    said, kind, overflowed = told(tracer, found, test)
    backward = found.edge is not None and found.edge[1] is not None
    if test is is_zero:
        answer: Answer = "cancelled" if kind == SUM else "masked"
    elif test is np.isnan and backward and kind in (PRODUCT, QUOTIENT):
        answer = "zero-times-inf"
    else:
        answer = "overflow" if overflowed or test is np.isinf else "undefined"
    return Why(answer, found.event, (*found.way, *said))


def _updated(timeline: Timeline, found: Birth, update: tuple[int, int], test: Test) -> Why:
    """Of an update (a parameter's, in an iteration) that made it: what was wrong with the gradient there."""
    tensor, iteration = update
    tracer, said, site = RuleTracer(timeline, iteration), (*found.way, found.words), Site(tensor, True)
    gradient = tracer.array(site)
    bad = found.cells & ~np.isfinite(gradient)
    if not bad.any():
        assert found.event is not None
        said += _in_numbers(timeline, found.event, found.cells, test)
        return Why("overflow" if test is np.isinf else "undefined", found.event, said)
    same = bool(test(gradient[bad]).any())
    made = _born(tracer, site, bad, test if same else np.isinf)
    said += (_("{name} was not finite there").format(name=tracer.name(site)),)
    return Why(made.answer, made.born if same else found.event, (*said, *made.evidence))


def _in_numbers(timeline: Timeline, event: int, cells: Array, test: Test) -> tuple[str, ...]:
    """The first line of an update that makes it, in numbers at the cell."""
    cell = tuple(map(int, np.argwhere(cells)[0]))
    for a in timeline.event(event).assignments:
        if a.shape == cells.shape and test(a.value[cell]) and (numbers := a.in_numbers(cell, number)):
            words = _("{name} = {numbers} is {value}")
            words = words.format(name=a.name, numbers=numbers, value=number(a.value[cell]))
            return (f"{a.name} = {a.formula}", words)
    return ()


def _is_rounding(tracer: RuleTracer, site: Site, mask: Array, cells: Array) -> bool:
    """Whether the largest of the cells is small beside the terms it is the sum of: zero, but for rounding."""
    top = float(np.abs(cells).max())
    at = np.argwhere(mask & (np.abs(tracer.array(site)) == top))[0]
    size, count = 0.0, 0
    for terms in tracer.terms_of_gradient(site.tensor, tuple(map(int, at))):
        for products in (t.products for t in terms):
            size += float(np.abs(products).sum())
            count += len(products)
    return top <= rounding(size, 2 * (count + 8), tracer.graph.dtypes[site.tensor]) and count > 1
