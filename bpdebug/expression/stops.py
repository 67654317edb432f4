"""Where a location stands on a timeline: the offsets of its events within an iteration."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from bpdebug.engine import BACKWARD, FORWARD, SEED, UPDATE, Timeline
from bpdebug.engine.schedule import PHASES, Schedule
from bpdebug.errors import CommandError, did_you_mean
from bpdebug.expression.location import BLOCK, EVENT, LINE, NAME, REGEX, SOURCE, Location
from bpdebug.expression.names import nearest
from bpdebug.expression.regex import compile_glob, compile_regex
from bpdebug.graph import DRAWN, Graph, Node, frames
from bpdebug.language.tokens import counted, refuse


class Stops(Struct, frozen=True, eq=False):
    """Events of a schedule: `offsets` within an iteration, ascending; in `iteration`, or in every one (None)."""

    schedule: Schedule
    offsets: Sequence[int]
    iteration: int | None = None

    def next_after(self, index: int) -> int | None:
        """The first of these events after `index`."""
        n = self._before(index + 1)
        return self._event(n) if n < len(self) else None

    def last_before(self, index: int) -> int | None:
        """The last of these events before `index`, which may be the end."""
        n = min(self._before(index), len(self))
        return self._event(n - 1) if n else None

    def contains(self, index: int) -> bool:
        return index >= 0 and self.next_after(index - 1) == index

    def first(self) -> int:
        """The first of these events; the end of a timeline that has none."""
        return min(self._event(0), self.schedule.events)

    def __len__(self) -> int:
        return self._before(self.schedule.events)

    def __iter__(self) -> Iterator[int]:
        """Every event number, ascending."""
        return map(self._event, range(len(self)))

    def _before(self, index: int) -> int:
        """How many of these events come before `index`; those behind the end of a recording count, too."""
        per = self.schedule.per_iteration
        if self.iteration is not None:
            return bisect_left(self.offsets, index - self.iteration * per)
        t, offset = divmod(max(index, 0), per) if per else (0, 0)
        return t * len(self.offsets) + bisect_left(self.offsets, offset)

    def _event(self, n: int) -> int:
        """The number of the n-th of these events."""
        t, n = divmod(n, len(self.offsets))
        return (t if self.iteration is None else self.iteration) * self.schedule.per_iteration + self.offsets[n]


@counted
def resolve(location: Location, timeline: Timeline) -> Stops:
    """The events a location means; E_EXPR with the nearest name where there are none."""
    if location.kind == EVENT:
        return _one_event(location, timeline)
    schedule = timeline.schedule
    if location.iteration is not None and location.iteration >= schedule.iterations:
        last = schedule.iterations - 1
        hint = f"iterations: 0 to {last}" if last > 0 else "without [train] there is iteration 0 only"
        raise refuse(f"no iteration {location.iteration}", location.column, hint)
    tensors = _tensors(location, timeline.graph)
    phases = PHASES if location.phase is None else (location.phase,)
    offsets = sorted({offset for t in tensors for offset in _offsets(timeline, t, phases)})
    if not offsets:
        raise _no_event(location, timeline, tensors)
    found = Stops(schedule, offsets, location.iteration)
    if schedule.iterations and not len(found):
        hint = f"the recording ends at event {len(timeline)}"
        raise refuse("this place was not recorded", location.column, hint)
    return found


def _one_event(location: Location, timeline: Timeline) -> Stops:
    if location.number >= len(timeline):
        hint = f"events: 0 to {len(timeline) - 1}" if len(timeline) else "there are no events"
        raise refuse(f"no event {location.number}", location.column, hint)
    schedule = timeline.schedule
    t, offset = divmod(location.number, schedule.per_iteration)
    return Stops(schedule, (offset,), t)


def _offsets(timeline: Timeline, tensor: int, phases: Iterable[str]) -> Iterator[int]:
    """A tensor's events in these phases; of a leaf, `backward` is the event that completes its gradient."""
    leaf = timeline.graph.is_leaf(tensor)
    for phase in phases:
        if leaf and phase == BACKWARD:
            found = timeline.schedule.completed_by(tensor) if timeline.graph.has_gradient(tensor) else None
        elif (leaf and phase in (FORWARD, SEED)) or (phase == SEED and tensor not in timeline.graph.incoming):
            found = None
        else:
            found = timeline.schedule.index_of(phase, tensor)
        if found is not None:
            yield found


# --- which tensors ------------------------------------------------------------------------------------------------


def _tensors(location: Location, graph: Graph) -> list[int]:
    """The tensors that a location speaks of: by name first, then by op."""
    kind, what = location.kind, location.what
    if kind == LINE:
        found = _computed(graph, lambda n: n.line == location.number)
    elif kind == SOURCE:
        place = f"{os.path.basename(what)}:{location.number}"
        lines = {line for line, (there, _) in graph.imported.sources.items() if there == place}
        found = _computed(graph, lambda n: n.line in lines)
    elif kind == BLOCK:
        found = _computed(graph, lambda n: what in frames(n.block))
    elif kind == NAME:
        found = [graph.index[what]] if what in graph.index else _computed(graph, lambda n: n.op.name == what)
    else:
        matches = compile_regex(what, location.column + 1) if kind == REGEX else compile_glob(what, location.column)
        found = [i for i, name in enumerate(graph.names) if matches(name) and graph.kind(i) != DRAWN]
        if not found:
            ops = {op for op in {n.op.name for n in graph.nodes} if matches(op)}
            found = _computed(graph, lambda n: n.op.name in ops)
    if not found:
        raise refuse(*_nowhere(location, graph))
    return found


def _computed(graph: Graph, keep: Callable[[Node], bool]) -> list[int]:
    """The tensors of some nodes."""
    return [graph.tensor(k) for k, n in enumerate(graph.nodes) if keep(n)]


def _nowhere(location: Location, graph: Graph) -> tuple[str, int, str]:
    """Why a location means no tensor: message, column and hint."""
    kind, what, column = location.kind, location.what, location.column
    if kind in (LINE, SOURCE):
        return _no_line(location, graph)
    if kind == BLOCK:
        blocks = sorted({f"{n.block}." for n in graph.nodes if n.block})
        hint = did_you_mean(what + ".", blocks) or "blocks: " + ", ".join(blocks[:8])
        return f"no block '{what}.'", column, hint if blocks else "the program has no blocks"
    if kind != NAME:
        return f"nothing matches '{location}'", column, "see info tensors"
    if what[0] == "d" and what[1:] in graph.index:
        return f"no tensor or op '{what}'", column, f"its gradient is computed at {what[1:]}@bwd"
    if any(what in frames(n.block) for n in graph.nodes):
        return f"'{what}' is a block", column, f"write {what}. with a dot"
    return f"no tensor or op '{what}'", column, nearest(what, graph, more={n.op.name for n in graph.nodes})


def _no_line(location: Location, graph: Graph) -> tuple[str, int, str]:
    """The same of a line, of the program or of the source behind it, with the lines beside it that compute."""
    file = os.path.basename(location.what)
    lines = sorted({n.line for n in graph.nodes})
    if location.kind == SOURCE:
        places = [place.rpartition(":") for place, _ in graph.imported.sources.values()]
        lines = sorted({int(line) for there, _, line in places if there == file})
        if not lines:
            known = sorted({there for there, *_ in places})
            hint = f"files: {', '.join(known[:8])}" if known else "the program has no source in another file"
            return f"no line of '{file}' computes anything", location.column, hint
    at = bisect_left(lines, location.number)
    near = " and ".join(f"{file}:{line}" for line in lines[max(at - 1, 0) : at + 1])
    what = f"{file}:{location.number}" if file else f"line {location.number}"
    return f"{what} computes nothing", location.column, f"lines beside it that do: {near}"


def _no_event(location: Location, timeline: Timeline, tensors: list[int]) -> CommandError:
    """E_EXPR for tensors that have no event in the phase asked for, with the reason."""
    graph, phase = timeline.graph, location.phase
    what = f"'{graph.names[tensors[0]]}'" if len(tensors) == 1 else f"'{location}'"
    leaf = all(graph.is_leaf(t) for t in tensors)
    if phase == FORWARD:
        return refuse(f"{what} has no forward event", location.column, "inputs and parameters are there from the start")
    if phase == SEED:
        outputs = ", ".join(f"{graph.names[t]}@seed" for t in list(graph.incoming)[:8])
        return refuse(f"no gradient comes in at {what}", location.column, f"it does at {outputs}")
    if phase == UPDATE:
        trained = timeline.training is not None
        hint = "updates are of parameters: see info parameters" if trained else "the scenario has no [train]"
        return refuse(f"{what} is never updated", location.column, hint)
    kind = "leaf" if leaf else "node"
    hint = f"no path leads from this {kind} to an output" if leaf else "it is not between a float leaf and an output"
    return refuse(f"{what} has no backward event", location.column, hint)
