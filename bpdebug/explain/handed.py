"""Where another program's backward pass is not what our rules say: each of its nodes alone, on the numbers it had.

What came in at a node goes through our rules of its forward; what the node handed to its operands is held against
that. So a wrong one is named, and not all that it fed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np

from bpdebug.arrays import Array
from bpdebug.checks.rule import to_float64
from bpdebug.engine import Timeline
from bpdebug.engine.closeness import RIGHT, factor, gaps, index_of, top
from bpdebug.engine.observed import passed, reached
from bpdebug.engine.recorded import Application
from bpdebug.explain.leaf_gradients import LEAST, GradientRow
from bpdebug.ops.unwritten import OPAQUE
from bpdebug.progress import part
from bpdebug.translation import N_

KEPT = "handed"
"""What they are kept as, with their graph."""
ROUNDED = 8
"""So many times what our own rounding made of it, told by the same rule in a wider dtype, another's may have made."""
SINGLE = {"HardsigmoidBackward0": 2.0**-23, "CeluBackward0": 2.0**-20, "EluBackward0": 2.0**-20}
"""PyTorch's derivatives that hold a constant of single precision, also where everything else is double."""


def differences(timeline: Timeline) -> list[GradientRow]:
    """Every operand that was handed another gradient than our rule's, in backward order; none of what we computed."""
    if timeline.recording is None:
        return []
    kept = timeline.graph.kept
    if KEPT not in kept:
        applications, found = timeline.recording.applications, list[GradientRow]()
        largest = _largest(timeline, applications)
        for n, told in enumerate(reversed(applications)):
            with part(n, len(applications), N_("functions")):
                found += _of(timeline, told, largest)
        kept[KEPT] = found
    return list(kept[KEPT])


def known(timeline: Timeline) -> list[GradientRow]:
    """The same, where somebody asked for them already; else none."""
    return list(timeline.graph.kept.get(KEPT, ())) if timeline.recording is not None else []


def sides(timeline: Timeline, node: str) -> list[tuple[str, Array, Array]]:
    """What the application that ends in a node handed to each operand, and what our rule gives, of its shape."""
    graph, recording = timeline.graph, timeline.recording
    found = [] if recording is None else [t for t in recording.applications if graph.nodes[t.stop - 1].id == node]
    return [(name, theirs, ours) for told in found for name, theirs, ours in _sides(timeline, told)]


def _largest(timeline: Timeline, applications: Sequence[Application]) -> float:
    """The largest cell of all gradients that came in."""
    run, index = timeline.iteration(0), timeline.graph.index
    gradients = (run.gradient(index[name]) for told in applications for name in told.outputs)
    return max((top(g) for g in gradients if g is not None), default=0.0)


def edges_of(timeline: Timeline, told: Application, operand: int) -> list[tuple[int, int]]:
    """The edges of an application's steps to one of its operands."""
    return [e for e in timeline.graph.edges_from(operand) if told.first <= e[0] < told.stop]


def came_in(timeline: Timeline, told: Application) -> dict[int, Array]:
    """What came in at the outputs of an application from outside of it, of their shapes."""
    graph, run = timeline.graph, timeline.iteration(0)
    found: dict[int, Array] = {}
    for name in told.outputs:
        tensor = graph.index[name]
        edges = [e for e in graph.edges_from(tensor) if not told.first <= e[0] < told.stop]
        parts = [run.seed(tensor)] if tensor in graph.incoming else []
        parts += [run.contribution(*e) for e in edges]
        if len(edges) == len(graph.edges_from(tensor)) and (whole := run.gradient(tensor)) is not None:
            parts = [whole]
        found[tensor] = _sum(parts) if parts else np.zeros(graph.shapes[tensor], graph.dtypes[tensor])
    return found


def _of(timeline: Timeline, told: Application, largest: float) -> list[GradientRow]:
    graph = timeline.graph
    place = graph.nodes[told.stop - 1].id, told.module, told.function
    rows = [GradientRow(name, *place, name, line=told.line) for name in told.absent]
    steps = range(told.first, told.stop)
    if any(graph.nodes[k].op.name == OPAQUE for k in steps):
        return rows
    finer = cache(lambda: _finer(timeline, steps, came_in(timeline, told)))
    for name, theirs, ours in _sides(timeline, told):
        operand, least = graph.index[name], LEAST * largest
        if _differ(theirs, ours, least, told, lambda: finer()[operand]):  # noqa: B023 - called now
            rows.append(_row(name, place, theirs, ours, least, told))
    return rows


def _sides(timeline: Timeline, told: Application) -> Iterator[tuple[str, Array, Array]]:
    """Each operand that our steps lead to: what was handed to it, and what our rules give, of its shape."""
    graph, run = timeline.graph, timeline.iteration(0)
    ours, _ = passed(graph, range(told.first, told.stop), run.value, came_in(timeline, told))
    led = reached(graph, told)
    for name in told.operands:
        operand = graph.index[name]
        theirs = [run.contribution(*e) for e in edges_of(timeline, told, operand)]
        if operand in led and theirs:
            yield name, _sum(theirs), ours[operand]


def _sum(parts: Sequence[Array]) -> Array:
    """An array also where NumPy makes a number of it, of two without axes."""
    return np.asarray(sum(parts[1:], parts[0]))


def _finer(timeline: Timeline, steps: range, incoming: Mapping[int, Array]) -> Mapping[int, Array]:
    """What our rules make of the same numbers in a wider dtype."""
    run = timeline.iteration(0)
    return passed(
        timeline.graph, steps, lambda t: _wide(run.value(t)), {t: _wide(np.asarray(g)) for t, g in incoming.items()}
    )[0]


def _wide(array: Array) -> Array:
    wider = {4: np.float64, 8: np.longdouble}.get(array.dtype.itemsize) if array.dtype.kind == "f" else None
    return array if wider is None else array.astype(wider)


def _differ(theirs: Array, ours: Array, least: float, told: Application, finer: Callable[[], Array]) -> bool:
    """Whether they differ by more than their tolerance, and than rounding does."""
    largest, scale = float(gaps(theirs, ours).max(initial=0.0)), max(top(theirs, ours), least)
    tolerance = RIGHT.get(told.precision, RIGHT["float32"])
    allowed = max(tolerance, SINGLE.get(told.function, 0.0)) * scale
    if not largest > allowed:
        return False
    return largest > allowed + ROUNDED * float(gaps(ours, finer()).max(initial=0.0))


def _row(
    name: str, place: tuple[str, str, str], theirs: Array, ours: Array, least: float, told: Application
) -> GradientRow:
    gap, scale = gaps(theirs, ours), max(top(theirs, ours), least)
    cell, error = index_of(gap), float(gap.max(initial=0.0))
    near = RIGHT.get(told.precision, RIGHT["float32"])
    return GradientRow(
        name, *place, name, error / scale if scale and np.isfinite(error) else error, cell, float(theirs[cell]),
        float(ours[cell]), factor(to_float64(theirs), to_float64(ours), near), told.line,
    )  # fmt: skip
