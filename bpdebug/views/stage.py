"""The event under the cursor: operands, operation, result; or each operand's gradient, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from bpdebug.debugger import State
from bpdebug.engine import FORWARD, SEED, Contribution, Event, Fault, NodeEvent, PartView
from bpdebug.ops.op import MIXES
from bpdebug.symbolic.notation import gradient_of, indented, line, numeral, symbol, words
from bpdebug.translation import N_, Translated, _
from bpdebug.views.blocks import Block, Formula, Matrix, Row, Section, Text, signed
from bpdebug.views.matrices import forward_items, part_items, parts_until, summary_items, tensor_matrix
from bpdebug.views.numbers import number, shape_text
from bpdebug.views.overrides import marked
from bpdebug.views.place import part_text
from bpdebug.views.report import Link, Report
from bpdebug.views.stream import end_object, event_object
from bpdebug.views.update import update_blocks

MANY_PARTS = 4
"""A rule of more operations shows its operands and its result; `stepi` walks through the rest."""
MOST_LEAVES = 20
"""Gradients shown at the end one by one: `info gradients` lists all of them."""
READABLE = 60
"""Characters of a formula beyond which the op says in words what it does."""


def stage(state: State) -> Report:
    """What has just happened, on its numbers; the scenario's notes for this stop come first."""
    event = state.event
    notes = said_here(state)
    if event is None:
        at_end = (*notes, *_end(state))
        return Report("event", _("the end: everything is done"), at_end, lambda: end_object(state.timeline))
    text = _("event {at}/{of}").format(at=event.index, of=len(state.timeline))
    title = f"{text}  {heading(state, event)}"
    blocks = (*notes, *marked(state, event_blocks(state, event)))
    return Report("event", title, blocks, lambda: event_object(event), links_of(event), spare(state, event))


def spare(state: State, event: Event) -> Callable[[], tuple[Block, ...]] | None:
    """Of a matmul's backward, the sums by indices, and so what is turned and why."""
    if not isinstance(event, NodeEvent) or event.phase == FORWARD or event.node.op.name != "matmul":
        return None
    shown = (parts_until(event, state.part)[0],) if state.part else event.contributions

    def made() -> Iterator[Block]:
        from bpdebug.explain.axes import matmul_axes  # start-up: an explanation is worked out where there is room

        index = matmul_axes(event.graph, event.k)
        for c in shown:
            if index is not None and isinstance(c, Contribution) and c.position not in event.plan.replaced:
                yield Formula(index.gradient(c.position, c.sign), index.forward())
                yield Text(index.why(c.position), "note")

    return lambda: tuple(made())


def links_of(event: Event) -> Link:
    """What belongs together among what an event makes."""

    @cache
    def made() -> Link:
        from bpdebug.cells.recipes import Links, of_event  # start-up: only a screen marks cells

        return Links(lambda: of_event(event))

    return lambda of, cells, shape: made()(of, cells, shape)


def said_here(state: State) -> tuple[Text, ...]:
    """The scenario's notes for this stop; in a fork it is said that they were not written for it."""
    notes = tuple(Text(n.text.strip(), "note", folds=True) for n in state.notes if n.stops.contains(state.cursor))
    if not notes or not state.fork:
        return notes
    return (*notes, Text(_("a note speaks of the file's numbers, not of this fork's"), "dim"))


def heading(state: State, event: Event) -> str:
    """'backward  Y = X @ W  (line 12)': the phase, the call, and the file's line."""
    said = [_(event.phase), event.graph.statement(event.tensor)]
    said += [_("(line {line})").format(line=event.line)] if event.line else []
    if state.timeline.schedule.iterations > 1:
        said.append(_("iteration {number}").format(number=event.iteration))
    return "  ".join(said)


def event_blocks(state: State, event: Event) -> Iterator[Block | Section]:
    """The blocks of one event; what is to be seen together is a section."""
    if event.phase == SEED:
        text = _("the gradient that comes in from the layer above: here the backward pass begins")
        if event.graph.loss is not None:
            text = _("the loss's gradient with respect to itself is 1: here the backward pass begins")
        yield Formula(gradient_of(event.name), text)
        yield Row((tensor_matrix(event.graph, event.tensor, event.value, "gradient", gradient=True),))
    elif isinstance(event, NodeEvent):
        if event.phase == FORWARD:
            yield Section(tuple(_forward(event)))
        else:
            yield from _backward(state, event)
    else:
        yield from update_blocks(state, event)
    if event.fault is not None:
        yield Text(_fault_words(event.fault), "bad")


def _fault_words(fault: Fault) -> str:
    """Where NaN or infinity appeared first, in a sentence."""
    text = _("NaN appears here first: {where}") if fault.kind == "nan" else _("infinity appears here first: {where}")
    return text.format(where=fault.where)


def _forward(event: NodeEvent) -> Iterator[Formula | Row]:
    items, result = forward_items(event)
    shapes = [shape_text(o.shape) if isinstance(o, Matrix) else o for o in items]
    infix = event.node.op.infix
    said = f" {infix} ".join(shapes) if infix and len(shapes) == 2 else ", ".join(shapes)
    made = shape_text(event.value.shape)
    note = _("{shape} from {operands}").format(shape=made, operands=said) if shapes else made
    yield Formula(event.graph.statement(event.tensor), note)
    yield Row((*signed(items, infix or event.node.op.name), "=", result))


def forward_line(event: NodeEvent) -> Text:
    """What the node computed on the way there, with shapes: the line the backward pass is read against."""
    graph, call = event.graph, event.graph.call_text(event.k)
    shapes = ", ".join(f"{graph.names[t]} {shape_text(graph.shapes[t])}" for t in dict.fromkeys(event.node.tensors))
    text = _("forward  {node} {shape} = {call}  with {operands}")
    text = text.format(node=event.name, shape=shape_text(event.value.shape), call=call, operands=shapes)
    return Text(text, "dim")


def _backward(state: State, event: NodeEvent) -> Iterator[Block | Section]:
    yield forward_line(event)
    yield from _in_words(event)
    if not state.part:
        for c in event.contributions:
            yield Section(tuple(contribution_blocks(event, c, c.parts)))
        return
    contribution, parts = parts_until(event, state.part)
    assert isinstance(contribution, Contribution)
    text = _("{of}: {said}").format(of=part_text(state, event), said=_(WHY[parts[-1].why]))
    yield Text(text, "dim")
    yield Section(tuple(contribution_blocks(event, contribution, parts)))


def _in_words(event: NodeEvent) -> Iterator[Block]:
    """The op's rule in a sentence, where its formula is too long to say it; there is none of a rule set by hand."""
    rules, says, by_hand = event.contributions, event.node.op.back, event.plan.replaced
    long = any(len(c.formula) > READABLE for c in rules)
    if says and says != MIXES and long and not any(c.position in by_hand for c in rules):
        yield Text(sentence(_(says)), "note")


def sentence(text: str) -> str:
    """A clause as a sentence: its first letter, and its full stop."""
    return _("{clause}.").format(clause=text if isinstance(text, Translated) else text[:1].upper() + text[1:])


WHY = {
    "operand": N_("the incoming gradient as it is"),
    "transpose": N_("axes swapped"),
    "product": N_("the product"),
    "elementwise": N_("cell by cell"),
    "unbroadcast": N_("summed over the axes along which the operand was broadcast"),
    "accumulate": N_("added to what other consumers gave"),
}


def contribution_blocks(
    event: NodeEvent, c: Contribution, parts: tuple[PartView, ...]
) -> Iterator[Text | Formula | Row]:
    """One operand's gradient: the rule, then as many of its parts as are given; later ones are hidden."""
    yield from rule_lines(event, c)
    yield from part_rows(event, c, parts)


def part_rows(
    event: NodeEvent, c: Contribution, parts: tuple[PartView, ...], *, operands: bool = True
) -> Iterator[Text | Row]:
    """Parts of a contribution as matrices; where they are all and many, what goes in and comes out of the rule."""
    rule = c.rule
    if len(parts) == len(c.parts) and len(rule) > MANY_PARTS:
        yield Row(summary_items(event, c, operands=operands))
        text = _("{count} operations: stepi walks through them")
        yield Text(text.format(count=len(rule)), "dim")
        parts = tuple(p for p in parts if p not in rule)
    for part in parts:
        yield Row(part_items(part, c))


def rule_lines(event: NodeEvent, c: Contribution, *, alone: bool = True) -> Iterator[Formula]:
    """The rule of one operand with its shape; of a long one what is repeated stands below.

    Where it stands `alone`, it is said of a rule that was set by hand.
    """
    given, shape = event.plan.gradient(c.position), shape_text(c.shape)
    said = _("{shape}, as {operand} is")
    if given.shape != c.shape:
        said = _("{given}, summed to {shape}, as {operand} is")
    said = said.format(given=shape_text(given.shape), shape=shape, operand=c.to)
    if alone and c.position in event.plan.replaced:
        said = _("{said}, a rule set by hand").format(said=said)
    brief = event.plan.brief(given, event.operands, event.name)
    yield Formula(line(gradient_of(c.to), c.sign, brief.text), said)
    for name, text in brief.where:
        yield Formula(indented(line(name, "=", text)))


def _end(state: State) -> Iterator[Block]:
    """At the end: the loss, and the gradient of every leaf, of many those of the first."""
    timeline, graph = state.timeline, state.timeline.graph
    timeline.store.run_ahead(timeline.schedule.place(len(timeline)))
    if timeline.loss is not None:
        loss = line(symbol(graph.names[graph.loss or 0]), "=", numeral(number(timeline.loss)))
        yield Formula(loss, _("the loss"))
    shown = [i for i in range(graph.first) if graph.is_float(i)]
    for i in shown[:MOST_LEAVES]:
        name, gradient = graph.names[i], timeline.grad_at(i, len(timeline))
        if gradient is None:
            none = line(line(gradient_of(name), ":", gap=""), words(_("none")))
            yield Formula(none, _("no path leads from {name} to an output").format(name=name))
        else:
            yield Row((tensor_matrix(graph, i, gradient, "gradient", gradient=True),))
    if len(shown) > MOST_LEAVES:
        more = _("and {count:,} more: info gradients lists them all").format(count=len(shown) - MOST_LEAVES)
        yield Text(more, "dim", link="info gradients")
