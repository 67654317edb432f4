"""How the gradient's size changes on its way back: a norm and a gain for each backward event."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import hypot

import numpy as np
from msgspec import Struct

from bpdebug.engine import BACKWARD, Timeline
from bpdebug.engine.stats import two_norm
from bpdebug.graph import PARAMETER, Graph, frames
from bpdebug.progress import TimeOver, may_stop, part, until
from bpdebug.translation import N_

VANISHED, EXPLODED = 1e-3, 1e3
"""Parts of the first event's norm beyond which a gradient has vanished, or exploded."""


class Flow(Struct, frozen=True):
    """One backward event: the norm of what arrives there, and how much larger what it hands on is.

    `gain` is the norm of all it gives to its operands over the norm that came in; None where that is 0 or not finite.
    """

    event: int
    node: str
    op: str
    norm: float
    gain: float | None


class Through(Struct, frozen=True):
    """A block: the norm of the gradients that enter it, of those it hands on to tensors outside, and their ratio.

    What it gives to parameters is not handed on.
    """

    block: str
    entering: float
    leaving: float
    gain: float | None


class Flowing(Struct, frozen=True):
    """Every backward event of an iteration, every block, and where the norm has vanished or exploded, or is NaN.

    `of` so many events `looked_at` were, the nearest to the loss, before the time was over; a block of which not all
    were is left out.
    `vanished` and `exploded` are the first events whose norm is VANISHED or EXPLODED times that of the first event
    (an infinite one has exploded), `undefined` the first whose norm is NaN.
    """

    rows: tuple[Flow, ...]
    blocks: tuple[Through, ...]
    vanished: int | None
    exploded: int | None
    undefined: int | None
    of: int

    @property
    def looked_at(self) -> int:
        return len(self.rows)

    @property
    def turn(self) -> tuple[int, str] | None:
        """The event where it vanishes, explodes or becomes NaN, and which: NaN, else what happens first; or None."""
        if self.undefined is not None:  # numbers beside a NaN say nothing of the gradient as a whole
            return self.undefined, "nan"
        found = ((self.vanished, "vanishes"), (self.exploded, "explodes"))
        return min(((event, what) for event, what in found if event is not None), default=None)

    @property
    def verdict(self) -> str:
        """'vanishes', 'explodes', 'nan' or 'steady'; 'unknown' where not all was looked at, and none was seen."""
        return self.turn[1] if self.turn else "steady" if self.looked_at == self.of else "unknown"


def flow(timeline: Timeline, iteration: int, over: Callable[[], bool] | None = None) -> Flowing:
    """The norms of an iteration's backward pass, in event order, until the time is `over`; how far it is, is reported.

    With a time no gradient is computed before its event's turn, so that there are norms however long the pass takes.
    """
    graph, start = timeline.graph, timeline.schedule.start(BACKWARD, iteration)
    rows = list[Flow]()
    blocks: dict[str, list[float]] = {}
    many = len(graph.backward_nodes)
    ahead = many if over is None else 0
    with suppress(TimeOver), until(over):
        run = timeline.iteration(iteration)
        if over is None:
            with part(0, 2):
                run.run_backward()
        for n, (index, k) in enumerate(zip(range(start, len(timeline)), graph.backward_nodes, strict=False)):
            may_stop()
            with part(ahead + n, ahead + many, N_("norms")):
                norm = two_norm(run.cotangent(graph.tensor(k)))
                parts = [(t, two_norm(run.contribution(k, p))) for p, t in graph.edges(k) if graph.has_gradient(t)]
            node, given = graph.nodes[k], two_norm(np.array([size for _, size in parts]))
            rows.append(Flow(index, node.id, node.op.name, norm, _ratio(given, norm)))
            _pass_blocks(graph, k, norm, parts, blocks)
    for k in graph.backward_nodes[len(rows) :]:
        for block in frames(graph.nodes[k].block):
            blocks.pop(block, None)
    first = next((r.norm for r in rows if r.norm and np.isfinite(r.norm)), 0.0)
    return Flowing(
        tuple(rows), tuple(Through(b, i, o, _ratio(o, i)) for b, (i, o) in blocks.items()),
        vanished=next((r.event for r in rows if r.norm < VANISHED * first), None),
        exploded=next((r.event for r in rows if r.norm > EXPLODED * first > 0 or np.isinf(r.norm)), None),
        undefined=next((r.event for r in rows if np.isnan(r.norm)), None), of=many,
    )  # fmt: skip


def _pass_blocks(
    graph: Graph, k: int, norm: float, parts: list[tuple[int, float]], blocks: dict[str, list[float]]
) -> None:
    """Adds node k's norm, and those of what it gives, to what enters and what leaves each block that it is in."""
    tensor = graph.tensor(k)
    for block in frames(graph.nodes[k].block):
        sums = blocks.setdefault(block, [0.0, 0.0])
        users = (graph.nodes[k] for k in graph.users(tensor))
        if tensor in graph.incoming or any(block not in frames(user.block) for user in users):
            sums[0] = hypot(sums[0], norm)
        for t, size in parts:
            made = graph.node(t)
            outside = made is None or block not in frames(made.block)
            if outside and graph.kind(t) != PARAMETER:
                sums[1] = hypot(sums[1], size)


def _ratio(given: float, norm: float) -> float | None:
    return given / norm if norm and np.isfinite(norm) and np.isfinite(given) else None
