"""An iteration's rules with every number on the way, the answers that are made of them, and words for what is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, cell_text, number_text
from bpdebug.cells.follow import Traced, everything, having, traced, zeros
from bpdebug.cells.trace import CellTracer
from bpdebug.engine import BACKWARD, FORWARD, Timeline
from bpdebug.engine.edits import overridden
from bpdebug.graph import Site, sites
from bpdebug.symbolic import Expr, Plan, evaluate, walk
from bpdebug.symbolic.notation import Notation
from bpdebug.symbolic.text import factor
from bpdebug.translation import _

Answer = Literal["no-path", "cut", "masked", "cancelled", "nonzero", "zero-times-inf", "overflow", "undefined"]
MOST_NAMED, FEW = 8, 4
"""Consumers of a tensor, or events on a way, that the evidence names one by one; rules whose numbers are kept."""
Test = Callable[[Array], Array]
"""Which cells have what is looked for: NaN, an infinity, zero."""
Edge = tuple[int, int | None]
"""A node, and the position of the operand that its backward rule is for; None: the node's own value."""


class Why(Struct, frozen=True):
    """The answer, the event where it was born (None: nowhere), and the evidence, a sentence each."""

    answer: Answer
    born: int | None
    evidence: tuple[str, ...]


class EvaluatedRule(Struct, frozen=True, eq=False):
    """What an edge makes, its expression `root` evaluated: the numbers of all that it is made of, by identity.

    `sites` says what the leaves are.
    """

    edge: Edge
    plan: Plan
    root: Expr
    known: dict[int, Array]
    sites: dict[int, Site]

    def value(self, expr: Expr) -> Array:
        """An expression's numbers, of its shape and dtype."""
        return np.asarray(self.known[id(expr)])

    @property
    def result(self) -> Array:
        """The root's numbers, of the shape of the value or of the operand."""
        return self.value(self.root)

    def followed(self, cells: Array, test: Test | None = None, expr: Expr | None = None) -> Traced:
        """Cells of an expression (the root) followed to the leaves that pass the test, too, and to where that was born.

        `cells` is a mask of the expression's shape. Without a test, to all that they are made of.
        """
        hand = everything if test is None else having(test)
        if test is is_zero:
            hand = zeros(self.root, self.plan.g if self.edge[1] is not None else None)
        return traced(self.root if expr is None else expr, cells, self.value, hand)


class RuleTracer(CellTracer):
    """An iteration, followed from rule to rule, and words for what is in it."""

    def __init__(self, timeline: Timeline, iteration: int) -> None:
        super().__init__(timeline, iteration)
        self._rules: dict[Edge, EvaluatedRule] = {}

    def array(self, site: Site) -> Array:
        """The numbers at a site, of the tensor's shape; a gradient is the whole one."""
        found = self.run.gradient(site.tensor) if site.gradient else self.run.value(site.tensor)
        assert found is not None
        return found

    def rule(self, k: int, position: int | None = None) -> EvaluatedRule:
        """What an edge makes of this pass's numbers; the last few are kept, since a birth is looked at again."""
        if (k, position) not in self._rules:
            if len(self._rules) >= FEW:
                self._rules.clear()
            g = None if position is None else self.array(Site(self.graph.tensor(k), True))
            self._rules[k, position] = self.evaluated(k, position, g)
        return self._rules[k, position]

    def evaluated(self, k: int, position: int | None, g: Array | None) -> EvaluatedRule:
        """What an edge makes of this pass's numbers and a cotangent of node k's shape."""
        plan = self.graph.plans[k]
        root = plan.value if position is None else plan.summed(position)
        with np.errstate(all="ignore"):
            return EvaluatedRule((k, position), plan, root, evaluate(root, self.run.leaves(k, g)), sites(self.graph, k))

    def set_by_hand(self, site: Site) -> Array:
        """The cells of a site that a fork gave a value of their own, as a mask of the tensor's shape."""
        cells = np.zeros(self.graph.shapes[site.tensor], bool)
        for override in overridden(self.timeline.edits, *site, self.iteration):
            cells[override.key] = True
        return cells

    # --- events ---------------------------------------------------------------------------------------------------

    def completed(self, site: Site) -> int | None:
        """The event after which the numbers at a site are whole; of a leaf's value the first that uses it."""
        tensor = site.tensor
        if site.gradient:
            return self.timeline.schedule.completed_by(tensor, self.iteration)
        user = self.graph.first_user(tensor) if self.graph.is_leaf(tensor) else None
        return self.index(FORWARD, tensor if user is None else self.graph.tensor(user))

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
        return name if cells is None else cell_text(name, tuple(np.argwhere(cells)[0].tolist()))

    def cells(self, site: Site, cells: Array) -> str:
        """'W[0,1]', or of more cells than one 'W'."""
        return self.name(site, cells if np.count_nonzero(cells) == 1 else None)

    def reads(self, k: int, position: int | None, site: Site) -> bool:
        """Whether node k's rule for an operand has a tensor's value in it, or only the node's own cotangent."""
        known = sites(self.graph, k)
        return position is not None and any(
            known.get(id(e)) == site for e in walk(self.graph.plans[k].summed(position))
        )

    def at(self, k: int, position: int | None) -> str:
        """'relu 'H' (event 7)'; of the forward pass, too."""
        node, words = self.graph.nodes[k], _("{op} '{node}' (event {event})")
        if position is None:
            words = _("{op} '{node}' (event {event}, in the forward pass)")
        return words.format(op=node.op.name, node=node.id, event=self.event(k, position))

    def text(self, rule: EvaluatedRule, expr: Expr) -> Notation:
        """An expression of a rule as a formula."""
        return rule.plan.text_of(expr, *self.graph.leaf_names(rule.edge[0]))

    def factor(self, rule: EvaluatedRule, expr: Expr) -> str:
        """The same in brackets where it is more than a name or a call."""
        return factor(expr, rule.plan.naming(*self.graph.leaf_names(rule.edge[0])))

    def formula(self, rule: EvaluatedRule) -> Notation:
        """The whole of it: the call as it is written, or the rule for an operand."""
        k, position = rule.edge
        if position is None:
            return self.graph.call_text(k)
        return rule.plan.formula(position, *self.graph.leaf_names(k))


def is_zero(array: Array) -> Array:
    """Which cells are 0, as a mask of the array's shape."""
    return np.asarray(array == 0)


def number(value: object) -> str:
    """A number in a sentence, to four digits; a zero has no sign."""
    return number_text(float(value))  # type: ignore[arg-type]  # any NumPy number


def shortened(said: list[str]) -> list[str]:
    """A long way's sentences: its beginning and its end."""
    half = MOST_NAMED // 2
    if len(said) <= MOST_NAMED:
        return said
    return [*said[:half], _("and so on, through {count:,} events").format(count=len(said) - 2 * half), *said[-half:]]


def one(cells: Array) -> Array:
    """The first of some cells alone; both are masks of one shape."""
    found = np.zeros(cells.shape, bool)
    if cells.any():
        found[tuple(np.argwhere(cells)[0])] = True
    return found
