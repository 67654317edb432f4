"""What stands beside an event, tab by tab: the tensor at hand, the stack, the stops, and what is displayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.debugger import State
from bpdebug.debugger.practice import question
from bpdebug.debugger.running import in_words
from bpdebug.debugger.state import Breakpoint
from bpdebug.engine import BACKWARD, FORWARD, SEED, UPDATE, Event, stats
from bpdebug.engine.closeness import top
from bpdebug.engine.distribution import histogram, peaks
from bpdebug.engine.stats import two_norm
from bpdebug.graph import Graph, Subject
from bpdebug.translation import N_, _, listed, ngettext, phrases
from bpdebug.views.blocks import Block, Matrix, Row, Table, Text
from bpdebug.views.heat import INFINITE, LEVELS, NOT_A_NUMBER, ZERO, level
from bpdebug.views.matrices import result_of
from bpdebug.views.numbers import number, number_format, shape_text
from bpdebug.views.place import stop_text
from bpdebug.views.report import Report
from bpdebug.views.stage import spare

USES = 40
"""Consumers of a tensor listed one by one."""
DONE = "✓"


class Shown(Struct, frozen=True, eq=False):
    """The tensor that an event (or a part of it) is about: its name, an array of any shape, and what it is."""

    event: Event
    name: str
    array: Array
    of: Subject | None

    @property
    def tensor(self) -> int | str | None:
        """Whose gradient it is, if it is one of a tensor."""
        return self.of.tensor if self.of is not None and self.of.gradient and not self.of.transposed else None


def inspector(state: State, tab: str = "facts") -> Report:
    """One of TABS, about the current event (or part)."""
    event, asked = state.event, question(state) is not None
    if tab in OF_THE_SESSION:
        title = _shown(state, event).name if event is not None and not asked else ""
        return Report("inspector", title, tuple(OF_THE_SESSION[tab](state)))
    if event is None:
        return Report("inspector", "", (Text(_("everything is done"), "dim"),))
    if asked:
        return Report("inspector", _("practice"), (Text(_("the numbers come when the answer is there"), "dim"),))
    shown = _shown(state, event)
    return Report("inspector", shown.name, tuple(OF_A_TENSOR[tab](state, shown)), spare=spare(state, event))


def _shown(state: State, event: Event) -> Shown:
    """The part that is looked at; else, in the backward pass, the first operand's gradient; else what was computed."""
    if state.part:
        line, part = event.parts[state.part - 1]
        name, of = result_of(part, line)
        return Shown(event, name, part.value, of)
    if event.contributions:
        first = event.contributions[0]
        return Shown(event, f"∂{first.to}", first.total, first.subject)
    gradient = event.phase not in (FORWARD, UPDATE)
    return Shown(event, f"{'∂' * gradient}{event.name}", event.value, Subject(event.tensor, gradient))


# --- the tensor at hand


def _precision(graph: Graph, tensor: int | str | None, array: Array) -> str:
    """What it is computed in; a part, which is worked out here, as it is held."""
    return graph.precision(tensor) if isinstance(tensor, int) else str(array.dtype)


def _facts(state: State, shown: Shown) -> Iterator[Block]:
    """Shape, dtype, statistics, and in a sentence where it goes."""
    event, array, tensor = shown.event, shown.array, shown.tensor
    yield Table(("", ""), ((shape_text(array.shape), _precision(event.graph, tensor, array)),))
    if isinstance(tensor, int):
        yield Text(_("type {name}").format(name=f"d{event.graph.names[tensor]}"), "dim")
    s = stats(array)
    said = ""
    rows = [(_("norm"), number(two_norm(array)))]
    rows += [(_("min"), number(s.min)), (_("max"), number(s.max)), (_("mean"), number(s.mean))]
    if event.phase == BACKWARD and tensor not in (None, event.tensor):  # a part, a transpose, has none
        rows.append((_("gain"), _gain(event, s.norm)))
        said = _("the gain: its norm by that of {gradient}").format(gradient=f"∂{event.name}")
    rows += [(_("zeros"), str(s.zeros)), ("nan, inf", f"{s.nans}, {s.infs}")]
    yield Table(("", ""), tuple(rows))
    yield from (Text(said, "dim"),) if said else ()
    yield from _goes_to(state, event, tensor)


def _gain(event: Event, norm: float | None) -> str:
    before = stats(event.value).norm
    return number(norm / before) if norm is not None and before else "–"


def _goes_to(state: State, event: Event, tensor: int | str | None) -> Iterator[Block]:
    """Who uses the tensor next: consumers in the forward pass, contributions still to come in the backward pass."""
    timeline, graph = state.timeline, state.timeline.graph
    if event.phase not in (SEED, BACKWARD):
        users = graph.users(event.tensor)
        words = _("goes to {nodes} and {count:,} more") if len(users) > 6 else _("goes to {nodes}")
        words = words if users else _("goes nowhere: an output, or unused")
        yield Text(words.format(nodes=listed(graph.nodes[k].id for k in users[:6]), count=len(users) - 6))
        return
    if not isinstance(tensor, int):
        return
    edges, name = graph.edges_from(tensor), f"∂{graph.names[tensor]}"
    if len(edges) > 1:
        status = timeline.schedule.grad_status(tensor, state.cursor)
        words = (
            _("{name} is a sum of {count}, complete") if status == "value" else _("{name} is a sum of {count}, so far")
        )
        yield Text(words.format(name=name, count=len(edges)))
    elif edges:
        words = _("{name} comes from its only consumer, {node}")
        yield Text(words.format(name=name, node=graph.nodes[edges[0][0]].id))


def _map(state: State, shown: Shown) -> Iterator[Block]:
    """The largest |x| of each block of cells; what is not finite has signs of its own."""
    array, found = shown.array, peaks(shown.array)
    if not array.size:
        yield Text(_("empty: no cells"), "dim")
        return
    largest, times = top(found.sizes), 2 if found.sizes.shape[1] <= 8 else 1
    first = [str(row * found.high) for row in range(len(found.sizes))]
    lines = (
        f"{label.rjust(len(first[-1]))} {''.join(times * level(size, largest) for size in row)}"
        for label, row in zip(first, found.sizes.tolist(), strict=True)
    )
    yield Text("\n".join(lines))
    words = _("each sign is the largest size in {high}×{wide} cells: {zero} is 0, {full} up to {largest}")
    if found.high == found.wide == 1:
        words = _("each sign is a cell's size: {zero} is 0, {full} up to {largest}")
    words = words.format(high=found.high, wide=found.wide, zero=ZERO, full=LEVELS[-1], largest=number(largest))
    yield Text(words, "dim")
    if np.isnan(found.sizes).any():
        yield Text(_("{sign} has NaN in it").format(sign=NOT_A_NUMBER), "bad")
    if np.isinf(found.sizes).any():
        yield Text(_("{sign} has infinity in it").format(sign=INFINITE), "bad")


def _hist(state: State, shown: Shown) -> Iterator[Block]:
    """How many cells there are between numbers; zeros and what is not finite are counted apart."""
    found = histogram(shown.array)
    if found.counts:
        form = number_format(np.array(found.edges, shown.array.dtype))
        edges, most = [form.cell(edge) for edge in found.edges], max(max(found.counts), 1)
        rows = tuple((e, f"{n:,}".rjust(len(f"{most:,}"))) for e, n in zip(edges, found.counts, strict=False))
        yield Table((_("bins from"), _("cells"), ""), rows, tuple(count / most for count in found.counts))
        yield Text(_("{count} bins, to {end}").format(count=len(rows), end=edges[-1].strip()), "dim")
    rest = [(_("zeros, in no bin"), f"{found.zeros:,}"), ("NaN", f"{found.nans:,}")]
    yield Table(("", ""), (*rest, ("−inf, inf", f"{found.below:,}, {found.above:,}")))


def _uses(state: State, shown: Shown) -> Iterator[Block]:
    """Every consumer: whether it has been computed, or in the backward pass has given its part of the gradient."""
    yield from _goes_to(state, shown.event, shown.tensor)
    graph, schedule = state.timeline.graph, state.timeline.schedule
    if shown.event.phase not in (SEED, BACKWARD):
        nodes = graph.users(shown.event.tensor)
        done = [schedule.has_value(graph.tensor(k), state.cursor) for k in nodes[:USES]]
    elif isinstance(shown.tensor, int):
        nodes = [k for k, _p in graph.edges_from(shown.tensor)]
        given = schedule.edges_done(shown.tensor, state.cursor)
        done = [n < given for n in range(len(nodes[:USES]))]
    else:
        return
    said = ((DONE if d else ZERO, graph.statement(graph.tensor(k))) for d, k in zip(done, nodes, strict=False))
    yield Table(("", ""), tuple(said))
    if len(nodes) > USES:
        yield Text(_("and {count:,} more").format(count=len(nodes) - USES), "dim")


OF_A_TENSOR: dict[str, Callable[[State, Shown], Iterator[Block]]] = {
    N_("facts"): _facts, N_("map"): _map, N_("hist"): _hist, N_("uses"): _uses,
}  # fmt: skip


# --- the session


def _stack(state: State) -> Iterator[Block]:
    from bpdebug.views.lists import where  # start-up: the first tab is seen first

    found = where(state)
    yield Text(found.title, "dim")
    yield from (block for block in found.blocks if isinstance(block, Table))


def _stops(state: State) -> Iterator[Block]:
    """Every stop, how often it was hit, and what a watched expression is here."""
    for b in state.breakpoints:
        yield Text(f"{b.number} {phrases([stop_text(b), _hits(b)])}", "title")
        yield Text(f"  {b.location}" + (f" if {b.condition_text}" if b.condition else ""))
        if b.kind == "watch" and question(state) is None:
            found = in_words(b.location, state.timeline, state.cursor)
            yield Text(f"  = {_(found)}")
    if not state.breakpoints:
        yield Text(_("no stops: b sets one here, w watches an expression"), "dim")


def _hits(b: Breakpoint) -> str:
    words = ngettext("{count} hit", "{count} hits", b.hits).format(count=b.hits)
    return _("{hits}, {ignore} to pass over").format(hits=words, ignore=b.ignore) if b.ignore else words


def _displays(state: State) -> Iterator[Block]:
    """Every display with its value here."""
    if not state.displays:
        yield Text(_("no displays: D shows an expression at every stop"), "dim")
    elif question(state) is not None:
        yield Text(_("the numbers come when the answer is there"), "dim")
    else:
        found = _displayed(state)
        yield from (block for block in found.blocks or (Text(found.title, "bad"),) if isinstance(block, Text | Row))


def _displayed(state: State) -> Report:
    from bpdebug.views.tensors import displayed  # start-up: as above

    return displayed(state)


OF_THE_SESSION: dict[str, Callable[[State], Iterator[Block]]] = {
    N_("stack"): _stack, N_("stops"): _stops, N_("displays"): _displays,
}  # fmt: skip
TABS = (*OF_A_TENSOR, *OF_THE_SESSION)


def watched(state: State, *, displays: bool) -> list[str]:
    """What is watched, and the displays if they are wanted, in a few words each, for where the inspector is not."""
    if question(state) is not None:
        return []
    found = list[str]()
    for b in state.breakpoints:
        if b.kind == "watch":
            value = in_words(b.location, state.timeline, state.cursor)
            said = f"watch {b.number} {b.location} = {_(value)}"
            found.append(phrases([said, _hits(b)]) if b.hits else said)
    for block in _displayed(state).blocks if displays and state.displays else ():
        if isinstance(block, Text):
            found.append(block.text)
        elif isinstance(block, Row):
            found += [f"{m.name} {shape_text(m.shape)}" for m in block.items if isinstance(m, Matrix)]
    return found
