"""The event under the cursor: operands, operation, result; or each operand's gradient, part by part."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.debugger import State
from bpdebug.engine import FORWARD, SEED, Contribution, Event, NodeEvent
from bpdebug.ops.op import MIXES
from bpdebug.views.blocks import Block, Formula, Matrix, Row, Text, signed
from bpdebug.views.matrices import forward_items, part_items, summary_items, tensor_matrix
from bpdebug.views.numbers import number, shape_text
from bpdebug.views.overrides import marked
from bpdebug.views.report import Report
from bpdebug.views.stream import end_object, event_object
from bpdebug.views.update import update_blocks

MANY_PARTS = 4
"""A rule of more operations shows its operands and its result; `stepi` walks through the rest."""
MANY_SAID = "{} operations: stepi walks through them"
READABLE = 60
"""Characters of a formula beyond which the op says in words what it does."""


def stage(state: State) -> Report:
    """What has just happened, on its numbers; the scenario's notes for this stop come first."""
    event = state.event
    notes = said_here(state)
    if event is None:
        return Report(
            "event", "the end: everything is done", (*notes, *_end(state)), lambda: end_object(state.timeline)
        )
    title = f"event {event.index}/{len(state.timeline)}  {heading(state, event)}"
    return Report("event", title, (*notes, *marked(state, event_blocks(state, event))), lambda: event_object(event))


def said_here(state: State) -> tuple[Text, ...]:
    """The scenario's notes for this stop; in a fork it is said that they were not written for it."""
    notes = tuple(Text(n.text.strip(), "note") for n in state.notes if n.stops.contains(state.cursor))
    if not notes or not state.fork:
        return notes
    return (*notes, Text("a note speaks of the file's numbers, not of this fork's", "dim"))


def heading(state: State, event: Event) -> str:
    """'backward  Y = X @ W  (line 12)': the phase, the call, and the file's line."""
    call = f" = {event.graph.call_text(event.k)}" if isinstance(event, NodeEvent) else ""
    line = f"  (line {event.line})" if event.line else ""
    iteration = f"  iteration {event.iteration}" if state.timeline.schedule.iterations > 1 else ""
    return f"{event.phase}  {event.name}{call}{line}{iteration}"


def event_blocks(state: State, event: Event) -> Iterator[Block]:
    """The blocks of one event."""
    if event.phase == SEED:
        yield Formula(f"∂{event.name}", _seed_words(state, event))
        yield Row((tensor_matrix(state.timeline.graph, event.tensor, event.value, "gradient", gradient=True),))
    elif isinstance(event, NodeEvent):
        yield from _forward(event) if event.phase == FORWARD else _backward(state, event)
    else:
        yield from update_blocks(state, event)
    if event.fault is not None:
        yield Text(fault_words(event), "bad")


def fault_words(event: Event) -> str:
    """Where NaN or infinity appeared first, in a sentence."""
    fault = event.fault
    assert fault is not None
    kind = "NaN" if fault.kind == "nan" else "infinity"
    where = f", first at [{', '.join(map(str, fault.first))}]" if fault.first else ""
    return f"{kind} appears here first: {fault.cells} cell{'s' * (fault.cells != 1)} of {fault.tensor}{where}"


def _seed_words(state: State, event: Event) -> str:
    if state.timeline.graph.loss is not None:
        return "the loss's gradient with respect to itself is 1: here the backward pass begins"
    return "the gradient that comes in from the layer above: here the backward pass begins"


def _forward(event: NodeEvent) -> Iterator[Block]:
    items, result = forward_items(event)
    shapes = [shape_text(o.shape) if isinstance(o, Matrix) else o for o in items]
    infix = event.node.op.infix
    said = f" {infix} ".join(shapes) if infix and len(shapes) == 2 else ", ".join(shapes)
    yield Formula(f"{event.name} = {event.graph.call_text(event.k)}", f"{shape_text(event.value.shape)} from {said}")
    yield Row((*signed(items, infix or event.node.op.name), "=", result))


def forward_line(event: NodeEvent) -> Text:
    """What the node computed on the way there, with shapes: the line the backward pass is read against."""
    graph = event.graph
    shapes = ", ".join(f"{graph.names[t]} {shape_text(graph.shapes[t])}" for t in dict.fromkeys(event.node.tensors))
    call = graph.call_text(event.k)
    return Text(f"forward  {event.name} {shape_text(event.value.shape)} = {call}  with {shapes}", "dim")


def _backward(state: State, event: NodeEvent) -> Iterator[Block]:
    yield forward_line(event)
    yield from _in_words(event)
    if not state.part:
        for c in event.contributions:
            yield from contribution_blocks(state, event, c, len(c.parts))
        return
    seen = 0
    for c in event.contributions:
        if state.part <= seen + len(c.parts):
            part = c.parts[state.part - seen - 1]
            yield Text(f"part {state.part} of {len(event.parts)}: {WHY[part.why]}", "dim")
            yield from contribution_blocks(state, event, c, state.part - seen)
            return
        seen += len(c.parts)


def _in_words(event: NodeEvent) -> Iterator[Block]:
    """The op's rule in a sentence, where its formula is too long to say it; there is none of a rule set by hand."""
    rules, says = event.contributions, event.node.op.back
    if (
        says
        and says != MIXES
        and any(len(c.formula) > READABLE for c in rules)
        and not any(_set_by_hand(event, c) for c in rules)
    ):
        yield Text(sentence(says), "note")


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


WHY = {
    "operand": "the incoming gradient as it is",
    "transpose": "axes swapped",
    "product": "the product",
    "elementwise": "cell by cell",
    "unbroadcast": "summed over the axes along which the operand was broadcast",
    "accumulate": "added to what other consumers gave",
}


def contribution_blocks(state: State, event: NodeEvent, c: Contribution, upto: int) -> Iterator[Block]:
    """One operand's gradient: the rule, then its parts as far as `upto`; later ones are hidden."""
    sign = "+=" if any(p.why == "accumulate" for p in c.parts) else "="
    parts = c.parts[:upto]
    rule = c.rule
    made, shape = shape_text(rule[-1].shape), shape_text(c.shape)
    summed = f"{made}, summed to {shape}" if any(p.why == "unbroadcast" for p in c.parts) else shape
    own = ", a rule set by hand" if _set_by_hand(event, c) else ""
    yield from rule_lines(event, c, sign, f"{summed}, as {c.to} is{own}")
    if upto == len(c.parts) and len(rule) > MANY_PARTS:
        yield Row(summary_items(event, c))
        yield Text(MANY_SAID.format(len(rule)), "dim")
        parts = tuple(p for p in parts if p not in rule)
    for part in parts:
        yield Row(part_items(part, c))


def rule_lines(event: NodeEvent, c: Contribution, sign: str, note: str) -> Iterator[Block]:
    """The rule of one operand; of a long one what is repeated has a name, and stands below."""
    given = event.plan.gradients[c.position]
    assert given is not None
    brief = event.plan.brief(given, event.operands, event.name)
    yield Formula(f"∂{c.to} {sign} {brief.text}", note)
    for name, text in brief.where:
        yield Formula(f"  {name} = {text}")


def _set_by_hand(event: NodeEvent, c: Contribution) -> bool:
    """Whether the rule in use is not the op's own."""
    return c.position in event.plan.replaced


def _end(state: State) -> Iterator[Block]:
    """At the end: the loss, and every leaf's gradient."""
    timeline, graph = state.timeline, state.timeline.graph
    if timeline.loss is not None:
        yield Formula(f"{graph.names[graph.loss or 0]} = {number(timeline.loss)}", "the loss")
    for i, leaf in enumerate(graph.leaves):
        if graph.is_float(i):
            gradient = timeline.grad_at(i, len(timeline))
            if gradient is None:
                yield Formula(f"∂{leaf.name}: none", f"no path leads from {leaf.name} to an output")
            else:
                yield Row((tensor_matrix(graph, i, gradient, "gradient", gradient=True),))
