"""One event explained: the axes summed, what is turned and why, and the matrix whose transpose a rule is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, Cell
from bpdebug.cells.links import linked
from bpdebug.cells.marks import Marks
from bpdebug.cells.recipes import of_edge, of_value
from bpdebug.cells.trace import CellSource, CellTracer
from bpdebug.checks.rule import NodeRule, largest, rule_at, to_float64
from bpdebug.engine import BACKWARD, FORWARD, Contribution, Event, NodeEvent
from bpdebug.engine.closeness import RIGHT, largest_cell, rounding, worst
from bpdebug.errors import CommandError
from bpdebug.explain.answers import Answers, answers
from bpdebug.explain.axes import AxisName, Indexed, matmul_axes
from bpdebug.graph import Subject
from bpdebug.ops.op import MIXES, ROUTES, SCALES
from bpdebug.symbolic.leaves import uses
from bpdebug.symbolic.notation import Notation, cell_of, gradient_of, line, symbol, transposed
from bpdebug.translation import _, clauses

MOST_CELLS, MOST_LONG = 1600, 64
"""Cells of a matrix, and its rows or columns, beyond which it is not worked out."""
MOST_OUTER = 4
"""Outer products shown one by one."""
SMALL = 400
"""Cells of an outer product, beyond which they are not shown."""


class Looked(Struct, frozen=True, eq=False):
    """One operand of a backward event.

    `sum` is its gradient by indices (a matmul's), `why` says in a sentence what is turned and why. `transposed` names
    the operand that stands so in the rule. `jacobian` is the derivative of the flattened result by the flattened
    operand: for a linear op the op itself, whose transpose the rule is; `slope` the same where every cell depends on
    its own cell only. `cell` is the gradient's largest, `source` what it is made of, `marks` the cells of each matrix
    that it is made of: a row, a column or both. `outer` are the outer products a matmul's gradient is the sum of.
    `answers` is what libraries answer at a cell without a derivative. `meant` is the op's own gradient where a rule set
    by hand gives another one, and `wrong` says so.
    """

    contribution: Contribution
    shape: tuple[int, ...]
    says: str
    sum: Notation | None = None
    why: str = ""
    note: str = ""
    wrong: str = ""
    meant: Array | None = None
    transposed: str = ""
    linear: bool = False
    jacobian: Array | None = None
    slope: Array | None = None
    cell: Cell = ()
    source: CellSource | None = None
    marks: Marks | None = None
    outer: tuple[tuple[Notation, Array], ...] = ()
    outer_count: int = 0
    answers: Answers | None = None


class Lens(Struct, frozen=True, eq=False):
    """An event: the axes by their letters (a matmul's), the call by indices, and what each operand gets.

    Forwards, `operands` is empty, and `cell` the result's largest with the cells that it is made of.
    """

    event: NodeEvent
    axes: tuple[AxisName, ...]
    sum: Notation | None
    operands: tuple[Looked, ...]
    cell: Cell = ()
    source: CellSource | None = None
    marks: Marks | None = None


@np.errstate(all="ignore")
def lens(event: Event | None, at: Mapping[Subject, Cell] | None = None) -> Lens:
    """An event of the forward or of the backward pass, explained; CommandError at any other.

    `at` has the cells that are looked at, by what is made here (Y, ∂X): else the largest of each.
    """
    at = at or {}
    if not isinstance(event, NodeEvent) or event.phase not in (FORWARD, BACKWARD):
        raise CommandError(
            "lens explains an event of the forward or of the backward pass", code="E_EXPR",
            hint="step to one, or seek Y@bwd",
        )  # fmt: skip
    index = matmul_axes(event.graph, event.k) if event.node.op.name == "matmul" else None
    axes, text = (index.axes, index.forward()) if index else ((), None)
    tracer = CellTracer(event.timeline, event.iteration)
    if event.phase == FORWARD:
        value = event.value
        of = Subject(event.tensor)
        cell, source = at.get(of, largest_cell(value)), None
        if value.dtype.kind == "f" and value.size:
            source = next(tracer.of_value(event.tensor, cell), None)
        marks = linked([of_value(tracer, event.k)], of, cell, value.shape) if value.size else {}
        return Lens(event, axes, text, (), cell, source, marks)
    rule, y = rule_at(event), to_float64(event.run.value(event.tensor))
    looked = (
        OperandGradient(event, rule, y, tracer, index, c).operand(at.get(Subject(c.tensor, True)))
        for c in event.contributions
    )
    return Lens(event, axes, text, tuple(looked))


class OperandGradient:
    """One operand's gradient, and what there is to say of it."""

    def __init__(
        self, event: NodeEvent, rule: NodeRule, y: Array, tracer: CellTracer, index: Indexed | None, c: Contribution
    ) -> None:
        self.event, self.rule, self.y, self.tracer, self.index = event, rule, y, tracer, index
        self.contribution, self.position, self.op = c, c.position, event.node.op
        self.linear = self.op.is_linear_in(c.position, self.rule.node.attrs)

    def operand(self, at: Cell | None) -> Looked:
        """Everything about it, and about its cell `at` (None: its largest)."""
        value, c = self.contribution.value, self.contribution
        cell, source, marks = largest_cell(value) if at is None else at, None, Marks()
        if value.size:
            plan, k = self.event.plan, self.event.k
            formula = plan.total_text(self.position, self.event.operands, self.event.name)
            terms = self.tracer.contribution(k, self.position, cell)
            recipe = of_edge(self.tracer, k, self.position)
            marks = linked([recipe], recipe.of, cell, value.shape)
            source = self.tracer.source(k, self.event.index, formula, terms, plan.summed(self.position))
        turned, (note, wrong, meant) = self._transposed(), self._by_hand()
        slope = self._slope() if self.index is None else None
        jacobian = self._jacobian() if self.index is None and slope is None else None
        outer = tuple(self._outer()) if self.index is not None and self.position == 1 else ()
        return Looked(
            contribution=c, shape=value.shape, says=_(self.op.back), linear=self.linear,
            transposed="" if turned is None else self.event.graph.names[turned],
            sum=self.index.gradient(self.position, c.sign) if self.index else None,
            why=self.index.why(self.position) if self.index else "",
            note=clauses(note, *self._notes(turned)), wrong=wrong, meant=meant, jacobian=jacobian,
            slope=slope, cell=cell, source=source, marks=marks,
            outer=outer[:MOST_OUTER], outer_count=len(outer),
            answers=self._answers(cell) if value.size else None,
        )  # fmt: skip

    def _answers(self, cell: Cell) -> Answers | None:
        return answers(self.rule, self.position, self.y, to_float64(self.event.value), cell)

    def _transposed(self) -> int | None:
        """The operand that stands transposed in the rule that is in use."""
        plan = self.event.plan
        given = plan.gradients[self.position]
        turned = {id(use.of) for use in uses(given) if use.transposed} if given is not None else set()
        inputs = enumerate(self.event.node.inputs)
        others = (t for p, t in inputs if p != self.position and id(plan.operands[p]) in turned)
        return next((t for t in others if isinstance(t, int)), None)

    def _by_hand(self) -> tuple[str, str, Array | None]:
        """What to say of a rule set by hand that is right, or that is wrong, and then the op's own gradient."""
        if self.position not in self.event.plan.replaced:
            return "", "", None
        g = to_float64(self.event.value)
        given, right = (self.rule.gradient(self.position, self.y, g, own=own) for own in (False, True))
        own = self.rule.own
        text = own.total_text(self.position, self.event.operands, self.event.name)
        formula = f"∂{self.contribution.to} = {text}"
        noise = rounding(largest(own.summed(self.position), own.leaves(self.rule.inputs, self.y, g)))
        if worst(given, right, RIGHT["float64"], noise) is None:
            return _("this rule was set by hand, and it gives the same as {formula}").format(formula=formula), "", None
        return "", _("this rule was set by hand, and is wrong: it should be {formula}").format(formula=formula), right

    def _notes(self, turned: int | None) -> Iterator[str]:
        """What else must be said: an operand that was turned before, a broadcast."""
        graph, c = self.event.graph, self.contribution
        node = None if turned is None else graph.node(turned)
        if node is not None and node.op.name == "transpose":
            name, original = node.id, graph.names[node.tensors[0]]
            words = _("{name} is {original}ᵀ: the forward pass turned it, and {name}ᵀ is {original} itself")
            yield words.format(name=name, original=original)
        before = self.event.plan.before_sum(self.position)
        if before != c.shape:
            used = prod(before) // max(prod(c.shape), 1)
            words = _(
                "{name} was repeated to {shape}, each cell used {count} times: the transpose of repeating is a sum"
            )
            yield words.format(name=c.to, shape=before, count=used)

    def _outer(self) -> Iterator[tuple[Notation, Array]]:
        """∂W as a sum over the rows of X and ∂Y: of each a column times a row."""
        x, g = self.rule.inputs[0], to_float64(self.event.value)
        if x.ndim != 2 or g.ndim != 2 or x.shape[1] * g.shape[1] > SMALL or len(x) > MOST_CELLS:
            return
        name = self.event.operands[0]
        for row in range(len(x)):
            factors = transposed(cell_of(symbol(name), (row,))), cell_of(gradient_of(self.event.name), (row,))
            yield line(*factors), np.outer(x[row], g[row])

    def _slope(self) -> Array | None:
        """The derivative of each cell by its own cell, where it depends on no other."""
        x, op = self.rule.inputs[self.position], self.op
        alone = op.back in (SCALES, ROUTES) or (op.broadcasts == "elementwise" and op.back != MIXES)
        if x.shape != self.y.shape or not alone:
            return None
        return self.rule.gradient(self.position, self.y, np.ones_like(self.y), own=True)

    def _jacobian(self) -> Array | None:
        """The derivative of every cell by every cell: of a linear op by trying unit operands, else by unit cotangents.

        None where it is too large to show.
        """
        x, y = self.rule.inputs[self.position], self.y
        if not x.size or not y.size or x.size * y.size > MOST_CELLS or max(x.size, y.size) > MOST_LONG:
            return None
        if self.linear and np.isfinite(y).all():
            zero = self.rule.moved(self.position, np.zeros_like(x))
            columns = (self.rule.moved(self.position, unit) - zero for unit in _units(x.shape))
            return np.stack([c.reshape(-1) for c in columns], axis=1)
        rows = (self.rule.gradient(self.position, y, unit, own=True) for unit in _units(y.shape))
        return np.stack([r.reshape(-1) for r in rows])


def _units(shape: tuple[int, ...]) -> Iterator[Array]:
    for cell in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[cell] = 1.0
        yield unit
