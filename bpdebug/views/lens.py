"""One event explained: axes, indices, what is turned, the same cells marked in every matrix."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import partial, reduce
from itertools import chain
from typing import Any

import numpy as np
from msgspec.structs import replace

from bpdebug.cells.marks import CellSet, Marks, lit_in
from bpdebug.cells.recipes import Links, laid, of_event
from bpdebug.debugger import State
from bpdebug.engine import UPDATE, Contribution
from bpdebug.engine.parts import Recipe
from bpdebug.explain.axes import AxisName
from bpdebug.explain.lens import Lens, Looked
from bpdebug.explain.update import UpdateLens
from bpdebug.graph import Subject
from bpdebug.symbolic import PRIMS, Trace
from bpdebug.symbolic.notation import bracketed, cell_of, derivative, gradient_of, line, numeral, symbol, transposed
from bpdebug.translation import _, listed
from bpdebug.views.answers import who_answers
from bpdebug.views.blocks import Block, Formula, Matrix, Row, Section, Text, between, signed
from bpdebug.views.matrices import forward_items, result_of
from bpdebug.views.numbers import number
from bpdebug.views.origin import cell_lines
from bpdebug.views.report import Report
from bpdebug.views.stage import READABLE, part_rows, rule_lines, sentence
from bpdebug.views.update import changes, line_text, settings_text, update_data

MOST_LONG = 12
"""Cells of a gradient beyond which it is not laid out as a column."""


def lens(state: State, found: Lens | UpdateLens) -> Report:
    """The call by indices and its axes; then each operand's gradient, with the reason of every transpose."""
    if isinstance(found, UpdateLens):
        return _update_lens(found)
    event = found.event
    title = f"{_('lens')}  {_(event.phase)}  {event.graph.statement(event.tensor)}"
    links = Links(lambda: chain(of_event(event), *(_laid(found, o) for o in found.operands)))
    return Report("lens", title, tuple(_blocks(found)), lambda: _data(found), links)


def _data(found: Lens) -> dict[str, Any]:
    event = found.event
    axes = [{"letter": a.letter, "size": a.size, "name": a.name, "contracted": a.contracted} for a in found.axes]
    return {
        "node": event.name, "op": event.op, "phase": event.phase, "axes": axes, "sum": found.sum or None,
        "operands": [_operand(o) for o in found.operands],
    }  # fmt: skip


def _operand(o: Looked) -> dict[str, Any]:
    kind = "matrix" if o.jacobian is not None else "slope" if o.slope is not None else None
    array = o.jacobian if o.jacobian is not None else o.slope
    return {
        "to": o.contribution.to, "formula": o.contribution.formula, "shape": list(o.shape), "sum": o.sum or None,
        "why": o.why or None, "says": o.says, "note": o.note or None,
        "wrong": o.wrong or None, "turned": o.transposed or None, "linear": o.linear,
        "kind": kind, "derivative": array, "outer": o.outer_count,
        "conventions": None if o.answers is None else {"cell": list(o.answers.cell), "answers": o.answers.by},
    }  # fmt: skip


def _blocks(found: Lens) -> Iterator[Block | Section]:
    event = found.event
    if found.sum:
        yield Formula(found.sum, _("the forward pass") if found.operands else "")
        yield Text(_("axes: {axes}").format(axes=listed(map(_axis, found.axes))), "dim")
    if not found.operands:
        yield from _forward(found)
        return
    for o in found.operands:
        yield Text("")
        yield Section(tuple(_looked(found, o)))
    if found.axes and len({a.size for a in found.axes[-3:]}) == 1:
        words = _("All three sizes are equal: shapes would let every product pass. candidates tries them.")
        yield Text(words, "note")
    if event.fault is not None:
        words = _("there is {kind} in {tensor}: why says where it began")
        yield Text(words.format(kind=event.fault.kind, tensor=event.fault.tensor), "bad")


def _axis(axis: AxisName) -> str:
    words = _("{letter} {name} {size} (summed over)") if axis.contracted else "{letter} {name} {size}"
    return words.format(letter=axis.letter, name=axis.name, size=axis.size)


def _forward(found: Lens) -> Iterator[Block]:
    event, node = found.event, found.event.node
    if not found.sum:
        yield Text(_(node.op.says))
    items, result = forward_items(event)
    yield _with_marks(Row((*signed(items, node.op.infix or node.op.name), "=", result)), found.marks)
    if found.source is not None:
        yield from cell_lines(cell_of(symbol(event.name), found.cell), "=", found.source)
    if node.op.back:
        yield Text(_("On the way back: {rule}.").format(rule=_(node.op.back)), "note")


def _looked(found: Lens, o: Looked) -> Iterator[Block]:
    c = o.contribution
    rule = rule_lines(found.event, c, alone=False)
    words = _said(found, o) if o.meant is None else (Text(sentence(o.wrong), "bad"),)
    yield from (*words, *rule) if len(c.formula) > READABLE and o.meant is None else (*rule, *words)
    yield from _numbers(found, o)
    if o.source is not None:
        yield from cell_lines(cell_of(gradient_of(c.to), o.cell), c.sign, o.source, said=True)
    if o.answers is not None:
        yield Text(who_answers(o.answers, f"∂{c.to}"), "note")
    if o.meant is not None:
        yield Text(_("What {gradient} should be:").format(gradient=f"∂{c.to}"), "note")
        yield Row((Matrix(gradient_of(c.to), o.meant, o.shape, _("as it should be"), "gradient", subject=c.subject),))
        yield from _said(found, o)
    yield from _outer(o)
    yield from _derivative(found, o)


def _said(found: Lens, o: Looked) -> Iterator[Block]:
    """The sum by indices and what is turned, or what the rule's transpose is; and what is special here."""
    if o.sum:
        yield Formula(o.sum)
        yield Text(o.why, "note")
    else:
        repeated = found.event.plan.gradient(o.contribution.position).shape != o.shape
        words = "{rule}"
        if o.linear:
            words = _("the transpose of {op}, as a function of {operand}, is {rule}")
        if o.linear and repeated:
            words = _("the transpose of {op}, as a function of {operand} once it is repeated, is {rule}")
        words = words.format(op=found.event.op, operand=o.contribution.to, rule=o.says)
        yield Text(sentence(words), "note")
    if o.note:
        yield Text(_("{clause}.").format(clause=o.note), "note")


def _numbers(found: Lens, o: Looked) -> Iterator[Block]:
    """The operand beside its transpose, the product, the sum over broadcast axes, the accumulation."""
    for block in part_rows(found.event, o.contribution, o.contribution.parts, operands=False):
        yield _with_marks(block, o.marks) if isinstance(block, Row) else block


def _with_marks(row: Row, marks: Marks | None) -> Row:
    """The same matrices with the cells marked that belong to the cell that is looked at."""
    return Row(tuple(i if isinstance(i, str) else _marked(i, marks or {}) for i in row.items))


def _outer(o: Looked) -> Iterator[Block]:
    """∂W once more, as a sum of columns times rows."""
    if o.outer_count < 2:
        return
    c, more = o.contribution, o.outer_count - len(o.outer)
    drawn = partial(Matrix, shape=o.shape, marked=_at(o.cell, o.shape))
    items = between("+", (drawn(name, array, mark="operand", subject=Subject(name)) for name, array in o.outer))
    items += [_("+ {count} more").format(count=more)] * (more > 0)
    words = _("The same as a sum of outer products, one for each row of the batch ({count}):")
    yield Text(words.format(count=o.outer_count), "note")
    total, (name, of) = c.value if o.meant is None else o.meant, _given(c)
    yield Row((*items, "=", drawn(name, total, mark="gradient", subject=of)))


def _laid(found: Lens, o: Looked) -> Iterator[Recipe]:
    """The sum of outer products, and the product with the derivative as a matrix, as they are laid out above."""
    xp, c, double = Trace(PRIMS), o.contribution, np.dtype(float)
    outer = {xp.leaf(name, o.shape, double): Subject(name) for name, _ in o.outer}
    if of := _given(c)[1] if outer else None:
        yield laid(of, reduce(operator.add, outer), outer)
    if o.jacobian is not None:
        called, (rows, columns) = derivative(found.event.name, c.to), o.jacobian.shape
        j, g = xp.leaf("", (rows, columns), double), xp.leaf("", (rows, 1), double)
        known = {j: Subject(called), g: Subject(f"{called}, ∂{found.event.name}")}
        yield laid(Subject(f"{called}, ∂{c.to}"), xp.matrix_transpose(j) @ g, known)


def _given(c: Contribution) -> tuple[str, Subject | None]:
    """What a contribution is called: the gradient, or what is added to it."""
    return result_of(c.parts[-1 if c.sign == "=" else -2], c)


def _at(cell: tuple[int, ...], shape: tuple[int, ...]) -> frozenset[tuple[int, int]]:
    """A cell as what is marked of its matrix."""
    return CellSet(np.ravel_multi_index(cell, shape).reshape(1), shape).pairs if cell else frozenset()


def _derivative(found: Lens, o: Looked) -> Iterator[Block]:
    """The op as a matrix and its transpose; or the slope at each cell."""
    event, name, to = found.event, found.event.name, o.contribution.to
    called = derivative(name, to)
    if o.slope is not None and o.slope.size and (o.slope != o.slope[(0,) * o.slope.ndim]).any():
        words = _("The slope at each cell of {operand}, by which its gradient is multiplied:")
        yield Text(words.format(operand=to), "note")
        yield Row((Matrix(called, o.slope, o.slope.shape, mark="operand", marked=_at(o.cell, o.shape)),))
    if o.jacobian is None:
        return
    words = _(
        "How {op} changes at these numbers, as a matrix, {node} and {operand} laid out as columns; "
        "∂{operand} is its transpose times ∂{node}:"
    )
    if o.linear:
        words = _(
            "{op} as a matrix, {node} and {operand} laid out as columns; ∂{operand} is its transpose times ∂{node}:"
        )
    yield Text(words.format(op=event.op, node=name, operand=to), "note")
    back, row = o.jacobian.T, int(np.ravel_multi_index(o.cell, o.shape)) if o.cell else 0
    along = frozenset((r, row) for r in range(len(o.jacobian)))
    whole = Matrix(called, o.jacobian, back.shape[::-1], "", "operand", along, Subject(called))
    across, of = frozenset((r, c) for c, r in along), Subject(called, transposed=True)
    turned = Matrix(transposed(bracketed(called)), back, back.shape, _("transposed"), "transpose", across, of)
    yield Row((whole, "→", turned))
    if max(back.shape) <= MOST_LONG:
        total = o.contribution.value if o.meant is None else o.meant
        g, made = (np.asarray(a).reshape(-1, 1) for a in (event.value, total))
        incoming = Matrix(
            gradient_of(name), g, g.shape, _("as a column"), "operand", subject=Subject(f"{called}, ∂{name}")
        )
        cell = frozenset({(row, 0)})
        of = Subject(f"{called}, ∂{to}")
        gives = Matrix(_given(o.contribution)[0], made, made.shape, _("as a column"), "gradient", cell, of)
        yield Row((turned, "@", incoming, "=", gives))


def _marked(matrix: Matrix, marks: Marks) -> Matrix:
    """A matrix with its marks."""
    lit = lit_in(marks, matrix.subject, matrix.shape)
    return matrix if matrix.subject is None else replace(matrix, marked=lit.pairs if lit else frozenset())


def _update_lens(found: UpdateLens) -> Report:
    """What the rule does, and every line of it in numbers at the cell that moved most."""
    title = f"{_('lens')}  {_(UPDATE)}  {found.event.name} = {found.event.rule}"
    links = Links(lambda: of_event(found.event))
    return Report("lens", title, tuple(_update_blocks(found)), lambda: _update_data(found), links)


def _update_blocks(found: UpdateLens) -> Iterator[Block]:
    event = found.event
    for says in found.says:
        yield Text(_("{clause}.").format(clause=says), "note")
    yield Text(settings_text(event), "dim")
    for a in event.assignments:
        yield Text("")
        yield Formula(line_text(a))
        value = numeral(number(float(a.value[found.cell] if a.shape else a.value)))
        numbers = a.in_numbers(found.cell, number)
        made = cell_of(symbol(a.to), found.cell if a.shape else ())
        yield Formula(line(made, *(("=", numbers) if numbers else ()), "=", value))
    yield Text("")
    yield from changes(event)
    if event.fault is not None:
        words = _("there is {kind} in {tensor} for the first time")
        yield Text(words.format(kind=event.fault.kind, tensor=event.fault.tensor), "bad")


def _update_data(found: UpdateLens) -> dict[str, Any]:
    event = found.event
    return {
        "node": event.name, "op": None, "phase": event.phase, "says": list(found.says), "cell": list(found.cell),
        **update_data(event),
    }  # fmt: skip
