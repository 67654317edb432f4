"""Gradients against central differences, end to end, in double precision."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from math import prod
from typing import Any

import numpy as np

from bpdebug.engine.events import Event
from bpdebug.engine.run import Code, Pass
from bpdebug.engine.timeline import BACKWARD, Timeline
from bpdebug.graph import Graph, Incoming, Leaf, Lit, Node, Step, build
from bpdebug.limits import Limits
from bpdebug.symbolic import Expr, Plan, trace, walk

Array = np.ndarray[Any, Any]

STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
"""Step sizes, relative to the cell or to 1; the best one counts, since rounding and curvature pull apart."""
LINEAR = (1.0,)
"""The step where the function is linear: any is exact, and a large one keeps the rounding small."""
EPS = float(np.finfo(np.float64).eps)
SURE = 1e-3
"""Part of a derivative that rounding may take of a difference for which the step was chosen afterwards."""
LARGE = 1e3
"""Size of what a rule computes on the way up to which its rounding excuses a derivative that is off by so little."""
MOST_CELLS = 64
"""Cells checked of one leaf; a larger leaf is sampled."""
LEAST_CELLS, MOST_WORK = 4, 2 * 10**10
"""Of a rule that takes more multiplications than this for all its cells, fewer are moved, and at least so many."""
FAIL, LOOK = 1e-4, 1e-7
"""Relative errors above which a gradient is wrong, or wants a look (cs231n.github.io, neural-networks-3)."""
Known = tuple[dict[int, Array], dict[int, Array]]
"""The arrays of the leaves, and those of the nodes that are held fixed."""
SEVERITY = ("pass", "look", "fail")


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
    kink: bool = False
    """The derivative does not exist here, and the rule's answer is one of those between the two sides."""

    @property
    def verdict(self) -> str:
        """'pass', 'look' or 'fail'; a kink wants a look, whatever the differences say."""
        return "look" if self.kink else "fail" if not self.error <= FAIL else "look" if self.error > LOOK else "pass"


def gradcheck(timeline: Timeline, seed: int = 0) -> list[Check]:
    """The first iteration's gradient of every float leaf against central differences; one row a leaf.

    With incoming gradients the function differentiated is the sum of outputs times what comes in.
    """
    graph, first = in_double(timeline.graph), timeline.iteration(0)
    number = graph.index
    arrays = {number[n]: first.value(t) for n, t in timeline.graph.index.items() if t < timeline.graph.first}
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
        numeric, error = min(differences(move, float(known[0][leaf][cell]), analytic), key=lambda pair: pair[1])
        if worst is None or not error <= worst.error:
            worst = Check(name, cell, analytic, numeric, error, len(chosen), size)
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
        return dataclasses.replace(leaf, dtype=double, read=lambda: leaf.read().astype(double))

    steps = [
        Step(
            n.id, n.op.name, tuple(i if isinstance(i, Lit) else graph.names[i] for i in n.inputs[: _given(n)]),
            {k: "float64" if k == "dtype" else v for k, v in n.attrs.items()}, n.block, n.line,
        )
        for n in graph.nodes
    ]  # fmt: skip
    incoming = {
        graph.names[t]: Incoming(None, partial(_widened_seed, read))
        for t, read in graph.incoming.items()
        if read is not None
    }
    loss = None if graph.loss is None else graph.names[graph.loss]
    wide = Limits({"memory": 2**62})  # what fitted in single precision was allowed; this is its copy
    made = build([widened(leaf) for leaf in graph.leaves], steps, loss=loss, incoming=incoming, limits=wide)
    plans = tuple(given_rules(plan, old) for plan, old in zip(made.plans, graph.plans, strict=True))
    return dataclasses.replace(made, plans=plans)


def given_rules(plan: Plan, old: Plan) -> Plan:
    """The plan with the rules that `old`, of the same node in another precision, has in place of its op's own."""
    for position, rule in old.replaced.items():
        plan = plan.with_gradient(position, rule)
    return plan


def _widened_seed(read: Callable[[], Array], shape: tuple[int, ...]) -> Array:
    return read().astype(np.float64)


def _given(node: Node) -> int:
    """How many operands the program wrote: a drawn mask is added again by the builder."""
    return len(node.inputs) - node.op.draws


def check_rule(event: Event, seed: int = 0) -> list[Check]:
    """One backward event's rule on its own inputs against central differences: is this rule wrong?

    The cotangent is random and not uniform, since one of ones hides mistakes (batch norm's gradient under it is zero
    by algebra). One row an operand, by name; large operands are sampled. Integer and boolean operands stay as they are.
    """
    timeline, graph = event.timeline, event.timeline.graph
    if event.phase != BACKWARD or event.node is None:
        return []
    k = event.tensor - graph.first
    run, node = timeline.iteration(event.iteration), event.node
    inputs = [i.value if isinstance(i, Lit) else _double(run.value(i)) for i in node.inputs]
    plan = trace(node.op, [(i.shape, i.dtype) if isinstance(i, np.ndarray) else i for i in inputs], _attrs(node))
    plan = given_rules(plan, graph.plans[k])
    rng = np.random.default_rng(seed)
    g = rng.uniform(0.5, 1.5, plan.shape) * rng.choice((-1.0, 1.0), plan.shape)
    with np.errstate(all="ignore"):
        y = plan.evaluate(plan.value, plan.leaves(inputs))
        weight = np.where(np.isfinite(y), g, np.nan) if node.op.infinite else g  # its infinities are no function of x
        rows = []
        for position, tensor in graph.edges(k):
            gradient = plan.evaluate(plan.summed(position), plan.leaves(inputs, y, g))
            if gradient.size:
                linear = node.op.is_linear_in(position)
                name = graph.names[tensor]
                rows.append(_worst_of_rule(plan, inputs, position, name, gradient, weight, rng, linear=linear))
    return rows


def _double(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _attrs(node: Node) -> dict[str, Any]:
    return {key: "float64" if key == "dtype" else value for key, value in node.attrs.items()}


def _worst_of_rule(
    plan: Plan, inputs: list[Any], position: int, name: str, gradient: Array, g: Array, rng: Any, *, linear: bool
) -> Check:
    finite = np.flatnonzero(np.isfinite(inputs[position]))  # there is no slope at infinity: a mask's cells
    most = cells_to_move(plan, linear)
    chosen = finite.tolist() if len(finite) <= most else sorted(rng.choice(finite, most, replace=False).tolist())
    if not chosen:
        return Check(name, (0,) * gradient.ndim, float(gradient.flat[0]), float("nan"), 0.0, 0, 0, kink=True)

    def function(cell: tuple[int, ...], to: float) -> float:
        moved = inputs[position].copy()
        moved[cell] = to
        changed = [moved if p == position else i for p, i in enumerate(inputs)]
        weighed = plan.evaluate(plan.value, plan.leaves(changed)) * g
        return float(weighed.sum(where=~np.isnan(g)))

    @cache
    def size() -> float:
        return max(largest(plan.value, plan.leaves(inputs)), largest(plan.summed(position), plan.leaves(inputs, y, g)))

    y = plan.evaluate(plan.value, plan.leaves(inputs))
    weighed = y * g
    terms = float(np.abs(weighed).sum(where=~np.isnan(g)))
    rows = []
    for flat in chosen:
        cell = tuple(int(i) for i in np.unravel_index(flat, gradient.shape))
        analytic, at = float(gradient[cell]), float(inputs[position][cell])
        move = cache(partial(function, cell))
        steps = LINEAR if linear else STEPS
        found = list(differences(move, at, analytic, steps))
        if not linear and min(error for _, error in found) > LOOK:  # steps made for 1 are none for 1e-7 or 1e6
            for base in {1.0, abs(at)} - {max(1.0, abs(at)), 0.0}:
                found += differences(move, at, analytic, STEPS, base, SURE)
        numeric, error = min(found, key=lambda pair: pair[1])
        if error > LOOK and abs(numeric - analytic) <= 16 * EPS * min(size(), LARGE) / STEPS[0]:
            error = 0.0
        kink = kinked(move, at, analytic, error, terms) if not linear else not np.isfinite(move(at))
        rows.append(Check(name, cell, analytic, numeric, error, len(chosen), len(finite), kink))
    return max(rows, key=lambda row: (SEVERITY.index(row.verdict), row.error))


def largest(expr: Expr, leaves: Mapping[int, Any]) -> float:
    """The largest finite number that comes up in working out an expression: its last digits are the rounding."""
    known, top = dict(leaves), 0.0
    with np.errstate(all="ignore"):
        for e in walk(expr):
            if e.prim is not None and id(e) not in known:
                args = [known[id(a)] if isinstance(a, Expr) else a for a in e.args]
                known[id(e)] = e.prim.run(*args, **e.attrs)
            cells = np.abs(np.asarray(known[id(e)], dtype=np.float64))
            top = max(top, float(cells.max(initial=0.0, where=np.isfinite(cells))))
    return top


def cells_to_move(plan: Plan, linear: bool) -> int:
    """How many cells of an operand are moved: fewer of a rule that costs much each time, at least LEAST_CELLS."""
    work = sum(prod(e.shape) * (e.args[0].shape[-1] if e.prim.name == "matmul" else 1)
               for e in walk(plan.value) if e.prim is not None)  # fmt: skip
    times = 2 if linear else 2 * len(STEPS) + 6
    return int(min(MOST_CELLS, max(LEAST_CELLS, MOST_WORK // max(work * times, 1))))


def kinked(function: Callable[[float], float], at: float, analytic: float, error: float, terms: float) -> bool:
    """Whether the slopes to the left and to the right differ, however near, with the derivative given between them.

    A bend's slopes come together as the step shrinks, a kink's do not. Where the function itself is not finite on a
    side (the edge of a domain), differences cannot judge either. `terms` is the size of what the function sums.
    """
    slopes = []
    for relative in (STEPS[0], STEPS[2]):
        step = relative * max(1.0, abs(at))
        above, here, below = function(at + step), function(at), function(at - step)
        if not np.isfinite([above, here, below]).all():
            return not error <= LOOK
        slopes.append(((here - below) / step, (above - here) / step))
    (far_left, far_right), (left, right) = slopes
    scale, noise = max(abs(left), abs(right)), 64 * np.finfo(np.float64).eps * terms / step
    jump = abs(right - left)
    if jump <= 1e-3 * scale + noise or jump <= 0.5 * abs(far_right - far_left):
        return False
    slack = 1e-3 * scale + noise
    return bool(min(left, right) - slack <= analytic <= max(left, right) + slack)
