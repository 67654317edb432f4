"""Where NaN, an infinity or a zero was born: the first event that made the cells asked about what they are."""

from __future__ import annotations

from bisect import bisect_left
from heapq import heappop, heappush

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.cells.follow import Born
from bpdebug.engine import SEED, UPDATE
from bpdebug.explain.why.tracer import Edge, EvaluatedRule, RuleTracer, Test, is_zero, number, one, shortened
from bpdebug.graph import Site
from bpdebug.translation import _


class Birth(Struct, frozen=True, eq=False):
    """The cells of a value or a gradient that got it at an event: from an edge's rule, or (`words`) from elsewhere.

    `way` says by which events it came from there to what was asked about; `updated` is the parameter and the iteration
    of an update that made it.
    """

    site: Site
    cells: Array
    event: int | None
    words: str = ""
    edge: Edge | None = None
    way: tuple[str, ...] = ()
    updated: tuple[int, int] | None = None


Hop = tuple[Site, Array, Edge]
"""Where cells have it from: a site, its cells, and the edge between."""
Step = tuple[list[Birth], list[Hop]]
"""What was born at a site, and where else to look."""


def birth(tracer: RuleTracer, start: Site, cells: Array, test: Test) -> Birth:
    """The earliest event that gave the cells what passes the test, of all whose numbers reach them.

    `cells` is a mask of the tensor's shape.
    """
    at, came = {start: cells}, dict[Site, tuple[Site, Edge]]()
    order, first = [(*_order(start), start)], list[Birth]()
    while order:
        *_, site = heappop(order)
        births, more = _step(tracer, site, at.pop(site), test)
        for b in births:
            if not first or (b.event or 0) <= (first[0].event or 0):
                first = [b]
        for onward, there, edge in more:
            if onward not in at:
                heappush(order, (*_order(onward), onward))
                came[onward] = site, edge
            at[onward] = at[onward] | there if onward in at else there
    (found,) = first
    return replace(found, cells=one(found.cells), way=_way(tracer, start, found.site, came))


def _order(site: Site) -> tuple[bool, int]:
    """Events backwards in time: gradients, those of the first tensors first; then values, the last ones first."""
    return (not site.gradient, site.tensor if site.gradient else -site.tensor)


def _step(tracer: RuleTracer, site: Site, cells: Array, test: Test) -> Step:
    hand = tracer.set_by_hand(site) & cells
    if hand.any():
        text = _("{name} was set to it by hand").format(name=tracer.name(site))
        return [Birth(site, hand, tracer.completed(site), text)], []
    if site.gradient:
        return _sum(tracer, site, cells, test)
    k = tracer.graph.k(site.tensor)
    return ([_given(tracer, site, cells, test)], []) if k is None else _edge(tracer, (k, None), site, cells, test)


def _sum(tracer: RuleTracer, site: Site, cells: Array, test: Test) -> Step:
    """Of a gradient: what comes in, what the edges give, or the sum of them alone."""
    births, more = list[Birth](), list[Hop]()
    graph, tensor = tracer.graph, site.tensor
    if tensor in graph.incoming and (came := cells & test(tracer.run.seed(tensor))).any():
        text = _("what comes in at {name} has it").format(name=graph.names[tensor])
        births.append(Birth(site, came, tracer.index(SEED, tensor), text))
    for edge in graph.edges_from(tensor):
        born, onward = _edge(tracer, edge, site, cells, test)
        births += born
        more += onward
    if not births and not more:
        text = _("the sum {name} makes it, of contributions without").format(name=tracer.name(site, cells))
        births.append(Birth(site, cells, tracer.completed(site), text))
    return births, more


def _edge(tracer: RuleTracer, edge: Edge, site: Site, cells: Array, test: Test) -> Step:
    """Through an edge's rule: the cells for which it was born there, and the leaves' cells that have it, too."""
    rule = tracer.rule(*edge)
    mine = cells & test(rule.result)
    found = rule.followed(mine, test)
    more = [(rule.sites[id(leaf)], c, edge) for leaf, c in found.leaves]
    already = _undefined_already(rule, mine, test) if found.born and site.gradient else []
    if found.born and not already:
        return [Birth(site, mine, tracer.event(*edge), edge=edge)], more
    return [], more + already


def _undefined_already(rule: EvaluatedRule, cells: Array, test: Test) -> list[Hop]:
    """The cells of a node's value where it is NaN, as is what its rule makes there: born in the forward pass."""
    if test is not np.isnan:
        return []
    y = rule.sites[id(rule.plan.y)]
    there = [c & test(rule.value(rule.plan.y)) for leaf, c in rule.followed(cells).leaves if leaf is rule.plan.g]
    return [(y, c, rule.edge) for c in there if c.any()]


def _given(tracer: RuleTracer, site: Site, cells: Array, test: Test) -> Birth:
    """A leaf; a parameter of a later iteration got it from an update."""
    store, t, tensor = tracer.timeline.store, tracer.iteration, site.tensor
    owner = tracer.owner(tensor)
    changes = owner in store.updates.parameters

    def had(updates: int) -> bool:
        return bool((cells & test(store.parameter(tensor, updates))).any())

    if changes and test is not is_zero:  # what is not a number stays so, and what is infinite was finite before
        t = bisect_left(range(t), True, key=had)
    while changes and t and had(t - 1):
        t -= 1
    name, value = tracer.name(site, cells), number(tracer.array(site)[one(cells)][0])
    if not (changes and t):
        text = _("{name} is {value} as given").format(name=name, value=value)
        return Birth(site, cells, tracer.completed(site), text)
    event = tracer.timeline.schedule.index_of(UPDATE, owner, t - 1)
    return Birth(site, cells, event, made_by_update(event, name, value), updated=(owner, t - 1))


def made_by_update(event: int | None, name: str, value: str) -> str:
    """'the update at event 12 made w[0] nan'."""
    return _("the update at event {event} made {name} {value}").format(event=event, name=name, value=value)


def _way(tracer: RuleTracer, start: Site, end: Site, came: dict[Site, tuple[Site, Edge]]) -> tuple[str, ...]:
    said = []
    while end != start:
        before, edge = came[end]
        at = tracer.at(*edge)
        words = _("{name} has it from {source}, at {node}")
        if before.gradient and not end.gradient and tracer.reads(*edge, end):
            words = _("{node} uses the value of {source}, which has it")
        elif before.gradient and not end.gradient:
            words = _("{node} has no slope at {source}, which has it")
        said.append(words.format(name=tracer.name(before), source=tracer.name(end), node=at))
        end = before
    return tuple(shortened(said[::-1]))


def born_in(rule: EvaluatedRule, found: Birth, test: Test) -> Born:
    """The operation inside a rule that made the cell of a birth."""
    return rule.followed(one(found.cells & test(rule.result)), test).born[-1]
