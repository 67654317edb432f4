"""Where NaN, an infinity or a zero was born: the first event that made the cells asked about what they are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from heapq import heappop, heappush

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.cells.follow import Born, Hand, everything, having, traced, zeros
from bpdebug.engine import SEED, UPDATE
from bpdebug.explain.why.question import Made, Question, Site, one, shortened

Test = Callable[[Array], Array]


def is_zero(array: Array) -> Array:
    return np.asarray(array == 0)


class Birth(Struct, frozen=True, eq=False):
    """The cells of a value or a gradient that got it at an event: from an operation, or (`words`) from elsewhere.

    `way` says by which events it came from there to what was asked about; `updated` is the parameter and the iteration
    of an update that made it.
    """

    site: Site
    cells: Array
    event: int | None
    words: str = ""
    edge: tuple[int, int | None] | None = None
    way: tuple[str, ...] = ()
    updated: tuple[int, int] | None = None


Hop = tuple[Site, int, int | None]
Next = list[tuple[Site, Array, tuple[int, int | None]]]


def birth(asked: Question, start: Site, cells: Array, test: Test) -> Birth:
    """The earliest event that gave the cells what passes the test, of all whose numbers reach them."""
    at, came = {start: cells}, dict[Site, Hop]()
    order, first = [_order(start)], list[Birth]()
    while order:
        later, number = heappop(order)
        site = Site(-number if later else number, not later)
        births, more = _step(asked, site, at.pop(site), test)
        for b in births:
            if not first or (b.event if b.event is not None else -1) <= (first[0].event or 0):
                first = [b]
        for onward, there, edge in more:
            if onward not in at:
                heappush(order, _order(onward))
                came[onward] = (site, *edge)
            at[onward] = at[onward] | there if onward in at else there
    (found,) = first
    way = _way(asked, start, found.site, came)
    return replace(found, cells=one(found.cells), way=way)


def _order(site: Site) -> tuple[bool, int]:
    """Events backwards in time: gradients, those of the first tensors first; then values, the last ones first."""
    return (not site.gradient, site.tensor if site.gradient else -site.tensor)


def _step(asked: Question, site: Site, cells: Array, test: Test) -> tuple[list[Birth], Next]:
    """What was born at a site, and what its cells have from elsewhere."""
    hand = asked.set_by_hand(site) & cells
    if hand.any():
        return [Birth(site, hand, asked.completed(site), f"{asked.name(site)} was set to it by hand")], []
    return _gradient(asked, site, cells, test) if site.gradient else _value(asked, site, cells, test)


def _gradient(asked: Question, site: Site, cells: Array, test: Test) -> tuple[list[Birth], Next]:
    births, more = list[Birth](), Next()
    graph, tensor = asked.graph, site.tensor
    if tensor in graph.incoming and (came := cells & test(asked.run.seed(tensor))).any():
        births.append(Birth(site, came, asked.index(SEED, tensor), f"what comes in at {graph.names[tensor]} has it"))
    for k, position in graph.edges_from(tensor):
        made = asked.made(k, position)
        found, onward = _through(made, site, cells, test)
        already = _undefined_already(made, found, test)
        births += [Birth(site, c, asked.event(k, position), edge=(k, position)) for c in found if not already]
        more += onward + already
    if not births and not more:
        text = f"the sum {asked.name(site, cells)} makes it, of contributions without"
        births.append(Birth(site, cells, asked.completed(site), text))
    return births, more


def _value(asked: Question, site: Site, cells: Array, test: Test) -> tuple[list[Birth], Next]:
    k = asked.graph.k(site.tensor)
    if k is None:
        return [_given(asked, site, cells, test)], []
    found, more = _through(asked.made(k), site, cells, test)
    return [Birth(site, c, asked.event(k, None), edge=(k, None)) for c in found], more


def _through(made: Made, site: Site, cells: Array, test: Test) -> tuple[list[Array], Next]:
    """Through a node's rule: the cells for which it was born there, and the leaves' cells that have it, too."""
    mine = cells & test(made.result)
    found = traced(made.root, mine, made.value, hand_of(made, test))
    edge = (made.k, made.position)
    return [mine] if found.born else [], [(made.places[id(leaf)], c, edge) for leaf, c in found.leaves]


def _undefined_already(made: Made, found: list[Array], test: Test) -> Next:
    """The cells of a node's value where it is NaN, as is what its rule makes there: born in the forward pass."""
    if not found or test is not np.isnan:
        return []
    leaves = traced(made.root, found[0], made.value, everything).leaves
    y = Site(made.places[id(made.plan.g)].tensor, False)
    there = [c & test(made.known[id(made.plan.y)]) for leaf, c in leaves if leaf is made.plan.g]
    return [(y, c, (made.k, made.position)) for c in there if c.any()]


def hand_of(made: Made, test: Test) -> Hand:
    return zeros(made.root, None if made.position is None else made.plan.g) if test is is_zero else having(test)


def _given(asked: Question, site: Site, cells: Array, test: Test) -> Birth:
    """A leaf; a parameter of a later iteration got it from an update."""
    store, t, tensor = asked.timeline.store, asked.iteration, site.tensor
    owner = asked.owner(tensor)
    changes = owner in store.parameters

    def had(updates: int) -> bool:
        return bool((cells & test(store.parameter(tensor, updates))).any())

    if changes and test is not is_zero:  # what is not a number stays so, and what is infinite was finite before
        t = bisect_left(range(t), True, key=had)
    while changes and t and had(t - 1):
        t -= 1
    name, value = asked.name(site, cells), number(asked.array(site)[one(cells)][0])
    if not (changes and t):
        return Birth(site, cells, asked.completed(site), f"{name} is {value} as given")
    event = asked.timeline.schedule.index_of(UPDATE, owner, t - 1)
    return Birth(site, cells, event, f"the update at event {event} made {name} {value}", updated=(owner, t - 1))


def _way(asked: Question, start: Site, end: Site, came: dict[Site, Hop]) -> tuple[str, ...]:
    said = []
    while end != start:
        before, k, position = came[end]
        at = asked.at(k, position)
        if before.gradient and not end.gradient:
            uses = asked.uses(k, position, end)
            said.append(f"{at} {'uses the value of' if uses else 'has no slope at'} {asked.name(end)}, which has it")
        else:
            said.append(f"{asked.name(before)} has it from {asked.name(end)}, at {at}")
        end = before
    return tuple(shortened(said[::-1]))


def born_at(asked: Question, found: Birth, test: Test) -> tuple[Made, Born]:
    """The operation inside a rule that made the cell of a birth."""
    assert found.edge is not None
    made = asked.made(*found.edge)
    mine = one(found.cells & test(made.result))
    return made, traced(made.root, mine, made.value, hand_of(made, test)).born[-1]


def number(value: object) -> str:
    """A number in a sentence, to four digits; a zero has no sign."""
    return f"{float(value) + 0.0:.4g}"  # type: ignore[arg-type]  # any NumPy number
