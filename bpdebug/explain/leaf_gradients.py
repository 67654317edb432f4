"""The gradients of the leaves that two different programs share, side by side, and the factor between them."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.checks.rule import to_float64
from bpdebug.engine import Timeline
from bpdebug.engine.closeness import RIGHT, factor, fraction, gaps, index_of, largest_cell, top

LEAST = 1e-6
"""Gradients below this part of the graph's largest one are judged as if they were as large as that part."""


class GradientRow(Struct, frozen=True):
    """A gradient that two sides have, and how far they are apart.

    `error` is the largest difference as a part of the larger one's largest cell, at `cell`, where the sides are `left`
    and `right` (where there is none, at the largest cell); None where the shapes differ. `factor` times the right one
    gives the left one, where one number does. `node`, `module`, `function`, `operand` and `line` say where it comes
    from; they are None of a leaf's whole gradient.
    """

    name: str
    node: str | None = None
    module: str | None = None
    function: str | None = None
    operand: str | None = None
    error: float | None = None
    cell: tuple[int, ...] | None = None
    left: float | None = None
    right: float | None = None
    factor: float | None = None
    line: str | None = None


class Leaves(Struct, frozen=True):
    """Two programs by their leaves: `rows` in the order of the left one's backward pass, `first` one that differs.

    `values` are the names of those that differ themselves; `left` and `right`, of those that one side alone has.
    """

    rows: tuple[GradientRow, ...]
    first: GradientRow | None
    values: tuple[str, ...]
    left: tuple[str, ...]
    right: tuple[str, ...]


def different_programs(a: Timeline, b: Timeline) -> bool:
    """Whether the two do not compute nodes of the same names in the same order: no event of one is one of the other."""
    return [n.id for n in a.graph.nodes] != [n.id for n in b.graph.nodes]


def by_leaves(a: Timeline, b: Timeline) -> Leaves:
    """What the leaves of the same names get in the first backward pass of either."""
    named = [{leaf.name: t.graph.index[leaf.name] for leaf in t.graph.leaves} for t in (a, b)]
    shared = [name for name in named[0] if name in named[1]]
    gradients = {n: [_gradient(t, i[n]) for t, i in zip((a, b), named, strict=True)] for n in shared}
    largest = max((top(g) for pair in gradients.values() for g in pair if g is not None), default=0.0)
    ends = {n: a.schedule.completed_by(named[0][n]) for n in shared}
    met = [n for n in shared if any(g is not None for g in gradients[n])]
    met.sort(key=lambda n: (ends[n] is None, ends[n] or 0))
    judged = [_row(n, gradients[n][0], gradients[n][1], largest * LEAST) for n in met]
    first = next((row for row, differs in judged if differs), None)
    values = tuple(n for n in shared if not _equal(*(t.value(n, 0) for t in (a, b))))
    alone = [tuple(n for n in named[i] if n not in named[1 - i]) for i in (0, 1)]
    return Leaves(tuple(row for row, _ in judged), first, values, *alone)


def _gradient(timeline: Timeline, leaf: int) -> Array | None:
    """A leaf's gradient, of its shape and dtype, where the first pass completes it; None where nothing does."""
    at = timeline.schedule.completed_by(leaf)
    return None if at is None or at >= len(timeline) else timeline.grad_at(leaf, at + 1)


def _equal(x: Array, y: Array) -> bool:
    return x.shape == y.shape and bool((gaps(to_float64(x), to_float64(y)) == 0).all())


def _row(name: str, x: Array | None, y: Array | None, least: float) -> tuple[GradientRow, bool]:
    """A leaf's row, and whether its gradients differ beyond rounding."""
    if x is None or y is None or x.shape != y.shape:
        return GradientRow(name), True
    near = max(RIGHT[g.dtype.name] for g in (x, y))
    x, y = to_float64(x), to_float64(y)
    gap, scale = gaps(x, y), max(top(x), top(y), least)
    if not x.size:
        return GradientRow(name, error=0.0), False
    cell = index_of(gap) if gap.any() else largest_cell(x)
    error = float(gap[cell]) / (scale if scale and np.isfinite(gap[cell]) else 1.0)
    times = factor(x, y, near) if gap.any() else 1.0
    row = GradientRow(name, error=error, cell=cell, left=float(x[cell]), right=float(y[cell]), factor=times)
    return row, error > near


def in_words(value: float | None) -> str | None:
    """A factor as a fraction: "2", "-1/3"; None where it is none."""
    found = None if value is None else fraction(value)
    return None if found is None or float(found) != value else str(found)
