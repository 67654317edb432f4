"""The heaviest ways from a cell to an output: products of derivatives, whose sum over all ways is the gradient."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count

from bpdebug.engine import Timeline
from bpdebug.explain.origin import Cell, FactorCell, Trail
from bpdebug.expression import Target

MOST_STEPS = 2_000
"""Cells looked at before the search gives up."""


@dataclass(frozen=True)
class Path:
    """A way: the cells it passes, from the one asked about to an output's, and the product along it.

    `share` is that product as a part of the cell's gradient; None where that is 0. Shares of all ways add up to 1.
    """

    cells: tuple[str, ...]
    weight: float
    share: float | None


@dataclass(frozen=True)
class Paths:
    """The heaviest ways found, the heaviest first; `complete` says that there are no others."""

    of: str
    gradient: float
    rows: tuple[Path, ...]
    complete: bool


def heaviest(timeline: Timeline, goal: Target, iteration: int, most: int = 5) -> Paths:
    """The ways from one cell to the outputs by which most of its gradient comes back.

    Best first, by the size of the product so far times the gradient where it has come to: what still comes back that
    way. Where all derivatives have one sign this is exact (A*, Hart, Nilsson & Raphael 1968); where terms cancel it is
    a good order, and `complete` tells whether all were seen.
    """
    tensor, cell = goal.reference.tensor, goal.cell or ()
    trail = Trail(timeline, iteration)
    graph, run = timeline.graph, trail.run
    whole = run.gradient(tensor)
    gradient = 0.0 if whole is None else float(whole[cell])
    ticks = count()
    Way = tuple[tuple[int, Cell], ...]
    queue: list[tuple[float, int, Way, float, bool]] = [(-abs(gradient), next(ticks), ((tensor, cell),), 1.0, False)]
    rows: list[Path] = []
    steps = 0
    while queue and len(rows) < most and steps < MOST_STEPS:
        _, _, way, weight, done = heapq.heappop(queue)
        if done:
            names = tuple(FactorCell(graph.names[t], c, 0.0).text for t, c in way)
            rows.append(Path(names, weight, weight / gradient if gradient else None))
            continue
        steps += 1
        here, at = way[-1]
        if here in graph.incoming:
            seeded = weight * float(run.seed(here)[at])
            if seeded:
                heapq.heappush(queue, (-abs(seeded), next(ticks), way, seeded, True))
        for k, position in graph.edges_from(here):
            out = graph.first + k
            rest = run.gradient(out)
            assert rest is not None
            for there, slope in trail.slopes(k, position, at).items():
                if slope:
                    value = abs(weight * slope * float(rest[there]))
                    heapq.heappush(queue, (-value, next(ticks), (*way, (out, there)), weight * slope, False))
    return Paths(f"∂{graph.names[tensor]}", gradient, tuple(rows), not queue)
