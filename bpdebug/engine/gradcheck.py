"""Gradients against central differences, end to end, in double precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine.kinks import EPS, KINK, TIE, find_kink
from bpdebug.engine.rules import given_rules, wide
from bpdebug.engine.run import Code, Pass
from bpdebug.engine.timeline import Timeline
from bpdebug.graph import Graph, Incoming, Leaf, Lit, Node, Step, build
from bpdebug.limits import Limits

STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
"""Step sizes, relative to the cell or to 1; the best one counts, since rounding and curvature pull apart."""
MOST_CELLS = 64
"""Cells checked of one leaf; a larger leaf is sampled."""
FAIL, LOOK = 1e-4, 1e-7
"""Relative errors above which a gradient is wrong, or wants a look (cs231n.github.io, neural-networks-3)."""
COMES = 1e-5
"""Part of its error at the largest step that a central difference has left at the smallest: 1e-6, and some rounding."""
SEVERITY = ("pass", "look", "fail")
Known = tuple[dict[int, Array], dict[int, Array]]
"""The arrays of the leaves, and those of the nodes that are held fixed."""


@dataclass(frozen=True)
class Check:
    """The worst cell of one leaf: its index, both derivatives, their relative error, and how many were checked."""

    leaf: str
    cell: tuple[int, ...]
    analytic: float
    numeric: float
    error: float
    checked: int
    cells: int
    reason: str = ""
    """Why it wants a look (see `kinks`), and in words."""
    says: str = ""

    @property
    def kink(self) -> bool:
        """Whether the derivative does not exist here, and the rule's answer is one of those between the two sides."""
        return self.reason in (KINK, TIE)

    @property
    def verdict(self) -> str:
        """'pass', 'look' or 'fail'; what has a reason wants a look, whatever the differences say."""
        return "look" if self.reason else "fail" if not self.error <= FAIL else "look" if self.error > LOOK else "pass"


def gradcheck(timeline: Timeline, seed: int = 0) -> list[Check]:
    """The first iteration's gradient of every float leaf against central differences; one row a leaf.

    With incoming gradients the function differentiated is the sum of outputs times what comes in.
    """
    graph, first = in_double(timeline.graph), timeline.iteration(0)
    number = graph.index
    arrays = {
        number[n]: first.value(t) for n, t in timeline.graph.index.items() if number.get(n, graph.first) < graph.first
    }
    arrays = {t: a.astype(np.float64) if a.dtype.kind == "f" else a for t, a in arrays.items()}
    compiled = Code(graph)
    run = Pass(graph, compiled, arrays.__getitem__)
    held = {graph.first + k: run.value(graph.first + k) for k, n in enumerate(graph.nodes) if not passes(graph, k)}
    rng = np.random.default_rng(seed)
    rows = []
    for t, leaf in enumerate(graph.leaves):
        gradient = run.gradient(t) if graph.is_float(t) else None
        if gradient is not None and gradient.size:
            rows.append(_worst(graph, compiled, (arrays, held), t, leaf.name, gradient, rng))
    return rows


def _worst(graph: Graph, compiled: Code, known: Known, leaf: int, name: str, gradient: Array, rng: Any) -> Check:
    size = gradient.size
    chosen = range(size) if size <= MOST_CELLS else sorted(rng.choice(size, MOST_CELLS, replace=False).tolist())
    worst: Check | None = None
    for flat in chosen:
        cell = tuple(int(i) for i in np.unravel_index(flat, gradient.shape))
        analytic = float(gradient[cell])
        move = partial(_moved, graph, compiled, known, leaf, cell)
        at = float(known[0][leaf][cell])
        numeric, error = best(list(differences(move, at, analytic)), analytic)
        row = Check(name, cell, analytic, numeric, error, len(chosen), size)
        if row.verdict == "fail":
            kink = find_kink(lambda to: np.asarray(move(to)), at)  # noqa: B023 - called before the next cell
            row = replace(row, reason=KINK) if kink is not None and kink.finite else row
        if worst is None or (SEVERITY.index(row.verdict), row.error) > (SEVERITY.index(worst.verdict), worst.error):
            worst = row
    assert worst is not None
    return worst


def differences(
    function: Callable[[float], float],
    at: float,
    analytic: float,
    steps: tuple[float, ...] = STEPS,
    base: float | None = None,
    most: float = np.inf,
) -> Iterator[tuple[float, float]]:
    """For each step size the central difference at a point and its relative error, rounding taken off.

    Steps are relative to `base`, by default the larger of the cell and 1. Of a step whose rounding is more than the
    part `most` of the derivative nothing is said.
    """
    for relative in steps:
        step = relative * (max(1.0, abs(at)) if base is None else base)
        above, below = function(at + step), function(at - step)
        width = (at + step) - (at - step)  # what was really moved, rounded as it is
        numeric = (above - below) / width if width else np.nan
        # Each value carries a few units of rounding; their difference over the step cannot be better than this.
        noise = 16 * EPS * max(abs(above), abs(below)) / step
        scale = max(abs(analytic), abs(numeric))
        gap = abs(analytic - numeric)
        error = float("inf") if not np.isfinite(gap) else 0.0 if gap <= noise else (gap - noise) / scale
        if not noise > most * scale:
            yield numeric, error


def best(found: Sequence[tuple[float, float]], analytic: float) -> tuple[float, float]:
    """The difference that agrees best, and its error; the first of `found` are those at STEPS.

    Where a derivative is 0 and the next ones are too (x ** 3 at 0) no relative error tells anything; there it is
    right if the differences come to it as the steps shrink.
    """
    numeric, error = min(found, key=lambda pair: (pair[1], abs(pair[0] - analytic)))
    gaps = [abs(n - analytic) for n, _ in found[: len(STEPS)]]
    if error > LOOK and len(gaps) == len(STEPS) and gaps[-1] <= COMES * gaps[0] < np.inf:
        return found[len(STEPS) - 1][0], 0.0
    return numeric, error


def passes(graph: Graph, k: int) -> bool:
    """Whether node k passes gradients on where it could: a stop_gradient does not, and is held fixed by the check."""
    return graph.nodes[k].op.name != "stop_gradient"


def _moved(graph: Graph, compiled: Code, known: Known, leaf: int, cell: tuple[int, ...], to: float) -> float:
    """The function's value with one cell of one leaf moved, and what is cut off from gradients as it was."""
    arrays, held = known
    changed = arrays[leaf].copy()
    changed[cell] = to
    run = Pass(graph, compiled, lambda t: changed if t == leaf else arrays[t])
    for tensor, value in held.items():
        run.V[tensor] = value
    total = 0.0
    with np.errstate(all="ignore"):
        for out in graph.incoming:
            total += float((run.value(out) * run.seed(out)).sum())
    return total


def in_double(graph: Graph) -> Graph:
    """The same graph in float64; itself where it is that already."""
    if all(d.kind != "f" or d == np.float64 for d in graph.dtypes):
        return graph
    double = np.dtype(np.float64)

    def widened(leaf: Leaf) -> Leaf:
        if leaf.dtype.kind != "f":
            return leaf
        return replace(leaf, dtype=double, read=lambda: leaf.read().astype(double))

    steps = [
        Step(
            n.id, n.op.name, tuple(i if isinstance(i, Lit) else graph.names[i] for i in n.inputs[: _given(n)]),
            wide(n.attrs), n.block, n.line,
        )
        for n in graph.nodes
    ]  # fmt: skip
    incoming = {
        graph.names[t]: Incoming(None, partial(_widened_seed, read))
        for t, read in graph.incoming.items()
        if read is not None
    }
    loss = None if graph.loss is None else graph.names[graph.loss]
    limits = Limits({"memory": 2**62})  # what fitted in single precision was allowed; this is its copy
    made = build([widened(leaf) for leaf in graph.leaves], steps, loss=loss, incoming=incoming, limits=limits)
    plans = tuple(given_rules(plan, old) for plan, old in zip(made.plans, graph.plans, strict=True))
    for plan in plans:  # tensors are numbered otherwise here: an optimizer's states are left out
        if plan.outside:
            plan.outside = {made.index[name]: (name, leaf) for name, leaf in plan.outside.values()}
    return replace(made, plans=plans)


def _widened_seed(read: Callable[[], Array], shape: tuple[int, ...]) -> Array:
    return read().astype(np.float64)


def _given(node: Node) -> int:
    """How many operands the program wrote: a drawn mask is added again by the builder."""
    return len(node.inputs) - node.op.draws
