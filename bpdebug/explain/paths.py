"""The heaviest ways from a cell to an output: products of derivatives, whose sum over all ways is the gradient."""

from __future__ import annotations

import heapq
from itertools import count
from math import isnan

from msgspec import Struct

from bpdebug.arrays import Cell, cell_text
from bpdebug.cells.trace import CellTracer
from bpdebug.engine import Timeline
from bpdebug.expression import Target

MOST_CELLS = 3_000
"""Cells on the ways beyond which they are not all looked at, and the order of the ways is a good guess."""
MOST_STEPS = 20_000
"""Beginnings of ways that are followed before the search gives up."""
Place = tuple[int, Cell]


class Path(Struct, frozen=True):
    """A way: the cells it passes, from the one asked about to an output's, and the product along it.

    `share` is that product as a part of the cell's gradient; None where that is 0 or not finite. The shares of all
    ways add up to 1; some are larger, or negative, where ways cancel.
    """

    cells: tuple[str, ...]
    weight: float
    share: float | None


class Paths(Struct, frozen=True):
    """The heaviest ways, the heaviest first; `exact`: no other is heavier; `complete`: there are no others."""

    of: str
    gradient: float
    rows: tuple[Path, ...]
    exact: bool
    complete: bool


def heaviest(timeline: Timeline, goal: Target, iteration: int, most: int = 5) -> Paths:
    """The ways from one cell to the outputs along which the product of derivatives is largest in size.

    Best first: beginnings of ways are followed in the order of their product times the largest product that any way on
    from there has, so that ways are found in order (A*, Hart, Nilsson & Raphael 1968, with an exact estimate). Where
    there are too many cells for that, the gradient there takes the estimate's place.
    """
    tensor, names = goal.reference.tensor, timeline.graph.names
    search, start = Search(timeline, iteration), (tensor, goal.cell or ())
    gradient, exact = search.gradient(start), search.estimate(start)
    found, complete = search.ways(start, most) if search.run.gradient(tensor) is not None else ([], True)
    share = bool(gradient) and abs(gradient) < float("inf")
    rows = (
        Path(tuple(cell_text(names[t], c) for t, c in way), weight, weight / gradient if share else None)
        for way, weight in found
    )
    return Paths(f"∂{names[tensor]}", gradient, tuple(rows), exact, complete)


class Search:
    """Cells and the single derivatives between them, each worked out once."""

    def __init__(self, timeline: Timeline, iteration: int) -> None:
        self.tracer, self.graph = CellTracer(timeline, iteration), timeline.graph
        self.run = self.tracer.run
        self._next: dict[Place, list[tuple[Place, float]]] = {}
        self._best: dict[Place, float] | None = {}

    def onward(self, place: Place) -> list[tuple[Place, float]]:
        """The cells that a cell goes into, with the derivatives; zeros where what comes back is not finite, too."""
        found = self._next.get(place)
        if found is None:
            found = self._next[place] = []
            tensor, cell = place
            for k, position in self.graph.edges_from(tensor):
                out = self.graph.tensor(k)
                for there, slope in self.tracer.slopes(k, position, cell).items():
                    if slope or not abs(self.gradient((out, there))) < float("inf"):
                        found.append(((out, there), slope))
        return found

    def gradient(self, place: Place) -> float:
        found = self.run.gradient(place[0])
        return 0.0 if found is None else float(found[place[1]])

    def seed(self, place: Place) -> float:
        return float(self.run.seed(place[0])[place[1]]) if place[0] in self.graph.incoming else 0.0

    def estimate(self, start: Place) -> bool:
        """Works out, from the outputs back, the largest product from each cell on; False where there are too many."""
        seen, queue = {start}, [start]
        for place in queue:
            fresh = {there for there, _ in self.onward(place)} - seen
            seen |= fresh
            queue += fresh
            if len(seen) > MOST_CELLS:
                self._best = None
                return False
        best: dict[Place, float] = {}
        # Tensors are numbered in program order, so what lies further on has a larger number.
        for place in sorted(seen, reverse=True):
            best[place] = max([size(self.seed(place)), *(size(s * best[there]) for there, s in self.onward(place))])
        self._best = best
        return True

    def ways(self, start: Place, most: int) -> tuple[list[tuple[tuple[Place, ...], float]], bool]:
        """The first `most` ways, and whether these are all."""
        ticks, steps = count(), 0
        rows: list[tuple[tuple[Place, ...], float]] = []
        queue: list[tuple[float, int, tuple[Place, ...], float, bool]] = [(0.0, next(ticks), (start,), 1.0, False)]
        while queue and len(rows) < most and steps < MOST_STEPS:
            steps += 1
            _, _, way, weight, done = heapq.heappop(queue)
            if done:
                rows.append((way, weight))
                continue
            seeded = weight * seed if (seed := self.seed(way[-1])) else 0.0
            if seeded:
                heapq.heappush(queue, (-size(seeded), next(ticks), way, seeded, True))
            for there, slope in self.onward(way[-1]):
                on = self._best[there] if self._best is not None else self.gradient(there)
                if on:
                    heapq.heappush(
                        queue, (-size(weight * slope * on), next(ticks), (*way, there), weight * slope, False)
                    )
        return sorted(rows, key=lambda row: -size(row[1])), not queue


def size(weight: float) -> float:
    """How heavy a product is: NaN, which nothing outweighs, counts as infinite."""
    return float("inf") if isnan(weight) else abs(weight)
