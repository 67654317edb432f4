"""A question about a value or a gradient, the answers to it, and the numbers that every answer is made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.cells.trace import CellTracer
from bpdebug.engine import BACKWARD, FORWARD, Timeline
from bpdebug.engine.edits import overridden
from bpdebug.symbolic import Expr, Plan, evaluate, walk
from bpdebug.symbolic.text import factor

NO_PATH, CUT, MASKED, CANCELLED, NONZERO = "no-path", "cut", "masked", "cancelled", "nonzero"
ZERO_TIMES_INF, OVERFLOW, UNDEFINED = "zero-times-inf", "overflow", "undefined"
MOST_NAMED, FEW = 8, 4
"""Consumers of a tensor, or events on a way, that the evidence names one by one; rules whose numbers are kept."""


class Why(Struct, frozen=True):
    """The answer, the event where it was born (None: nowhere), and the evidence, a sentence each."""

    of: str
    answer: str
    born: int | None
    evidence: tuple[str, ...]


class Site(NamedTuple):
    """A tensor's value, or its gradient."""

    tensor: int
    gradient: bool


class Made(Struct, frozen=True, eq=False):
    """What node k makes: its value (position None), or what it gives to an operand; with every number on the way.

    `places` says by identity what the leaves of the expression `root` stand for.
    """

    k: int
    position: int | None
    plan: Plan
    root: Expr
    known: dict[int, Array]
    places: dict[int, Site]

    def value(self, expr: Expr) -> Array:
        return np.asarray(self.known[id(expr)])

    @property
    def result(self) -> Array:
        return self.value(self.root)


class Question(CellTracer):
    """A timeline's iteration, and words for what is in it."""

    def __init__(self, timeline: Timeline, iteration: int) -> None:
        super().__init__(timeline, iteration)
        self._made: dict[tuple[int, int | None], Made] = {}

    def array(self, site: Site) -> Array:
        """The numbers at a place; a gradient is the whole one."""
        found = self.run.gradient(site.tensor) if site.gradient else self.run.value(site.tensor)
        assert found is not None
        return found

    def made(self, k: int, position: int | None = None) -> Made:
        """What node k makes of this pass's numbers; the last few are kept, since a birth is looked at again."""
        if (k, position) not in self._made:
            if len(self._made) >= FEW:
                self._made.clear()
            g = None if position is None else self.array(Site(self.graph.tensor(k), True))
            self._made[k, position] = self.made_of(k, position, g)
        return self._made[k, position]

    def made_of(self, k: int, position: int | None, g: Array | None) -> Made:
        """What node k makes of this pass's numbers and a cotangent."""
        out, plan = self.graph.tensor(k), self.graph.plans[k]
        root = plan.value if position is None else plan.summed(position)
        with np.errstate(all="ignore"):
            known = evaluate(root, self.run.leaves(k, g))
        read = self.graph.read_by_rule(k)
        pairs = zip((*plan.operands, *(leaf for _, leaf in plan.outside.values())), read, strict=True)
        places = {id(o): Site(i, False) for o, i in pairs if isinstance(o, Expr) and isinstance(i, int)}
        places |= {id(plan.y): Site(out, False), id(plan.g): Site(out, True)}
        return Made(k, position, plan, root, known, places)

    def set_by_hand(self, site: Site) -> Array:
        """The cells of a place that a fork gave a value of their own."""
        cells = np.zeros(self.graph.shapes[site.tensor], bool)
        for override in overridden(self.timeline.edits, *site, self.iteration):
            cells[override.key] = True
        return cells

    # --- events ---------------------------------------------------------------------------------------------------

    def completed(self, site: Site) -> int | None:
        """The event after which the numbers at a place are whole; of a leaf's value the first that uses it."""
        tensor = site.tensor
        if site.gradient:
            return self.timeline.schedule.completed_by(tensor, self.iteration)
        users = self.graph.users(tensor) if self.graph.is_leaf(tensor) else ()
        return self.index(FORWARD, self.graph.tensor(users[0]) if users else tensor)

    def owner(self, tensor: int) -> int:
        """The parameter that an optimizer's state belongs to; any other tensor itself."""
        return self.graph.owners.get(tensor, tensor)

    def event(self, k: int, position: int | None) -> int | None:
        """Node k's event, forward where no operand's position is given."""
        return self.index(FORWARD if position is None else BACKWARD, self.graph.tensor(k))

    # --- words ----------------------------------------------------------------------------------------------------

    def name(self, site: Site, cells: Array | None = None) -> str:
        """'∂x', or '∂x[0,1]': the first of some cells."""
        name = f"{'∂' if site.gradient else ''}{self.graph.names[site.tensor]}"
        cell = "" if cells is None else ",".join(map(str, np.argwhere(cells)[0].tolist()))
        return f"{name}[{cell}]" if cell else name

    def cells(self, site: Site, cells: Array) -> str:
        """'W[0,1]', or of more cells than one 'W'."""
        return self.name(site, cells if np.count_nonzero(cells) == 1 else None)

    def uses(self, k: int, position: int | None, site: Site) -> bool:
        """Whether node k's rule for an operand has a tensor's value in it, or only the node's own cotangent."""
        inputs, plan = self.graph.nodes[k].inputs, self.graph.plans[k]
        leaves = [o for o, i in zip((*plan.operands, plan.y), (*inputs, self.graph.tensor(k)), strict=True)
                  if i == site.tensor and isinstance(o, Expr)]  # fmt: skip
        return position is not None and any(e is leaf for e in walk(plan.summed(position)) for leaf in leaves)

    def at(self, k: int, position: int | None) -> str:
        """'relu 'H' (event 7)'; of the forward pass, too."""
        node, ahead = self.graph.nodes[k], ", in the forward pass" if position is None else ""
        return f"{node.op.name} '{node.id}' (event {self.event(k, position)}{ahead})"

    def text(self, made: Made, expr: Expr) -> str:
        """An expression of a node's rule as a formula."""
        return made.plan.text_of(expr, self.graph.operand_names(made.k), self.graph.nodes[made.k].id)

    def factor(self, made: Made, expr: Expr) -> str:
        """The same in brackets where it is more than a name or a call."""
        return factor(expr, made.plan.naming(self.graph.operand_names(made.k), self.graph.nodes[made.k].id))

    def rule(self, made: Made) -> str:
        """The whole of it: the call as it is written, or the rule for an operand."""
        if made.position is None:
            return self.timeline.graph.call_text(made.k)
        return made.plan.formula(made.position, self.graph.operand_names(made.k), self.graph.nodes[made.k].id)


def shortened(said: list[str]) -> list[str]:
    """A long way's sentences: its beginning and its end."""
    half = MOST_NAMED // 2
    if len(said) <= MOST_NAMED:
        return said
    return [*said[:half], f"and so on, through {len(said) - 2 * half:,} events", *said[-half:]]


def one(cells: Array) -> Array:
    """The first of some cells alone."""
    found = np.zeros(cells.shape, bool)
    if cells.any():
        found[tuple(np.argwhere(cells)[0])] = True
    return found
