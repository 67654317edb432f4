"""What if: forks of the timeline in which a tensor, a gradient or a backward rule is another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from bpdebug.arrays import Array
from bpdebug.debugger.commands.table import Command, nothing, register
from bpdebug.debugger.comparing import literal
from bpdebug.debugger.state import Fork, State
from bpdebug.engine import BACKWARD, UPDATE, Event, Timeline
from bpdebug.engine.fork import Override, fork, fork_rule, fork_update
from bpdebug.errors import CommandError, InputError
from bpdebug.expression import Scope, evaluate, parse, parse_location, resolve, target
from bpdebug.graph import Lit
from bpdebug.language import as_rule, as_update

CODES = dict.fromkeys(("E_SYNTAX", "E_NAME", "E_OP", "E_ATTR"), "E_EXPR")
"""What is wrong with the text of a rule is wrong with an expression, where it is typed."""
_SET = re.compile(r"(rule\s+)?(.+?)\s*(?<![<>=!])=(?!=)\s*(.+)", re.DOTALL)


def set_(state: State, argument: str) -> State:
    """A fork in which cells of a tensor or of a gradient, or a backward rule, are others; the cursor stays."""
    match = _SET.fullmatch(argument)
    if match is None:
        raise CommandError(
            "set takes a place and a value",
            code="E_COMMAND",
            hint="set W[0, 1] = 2, set dY = 0, set rule Y@bwd X = dY @ W",
        )
    place, text = match[2].strip(), match[3].strip()
    timeline, said = _rule(state, place, text) if match[1] else _cells(state, place, text)
    forks = state.forks or (Fork(0, state.timeline),)
    made = Fork(max(f.number for f in forks) + 1, timeline, f"set {argument}", state.fork)
    state = replace(state, timeline=timeline, forks=(*forks, made), fork=made.number)
    return state.show("said", f"fork {made.number}: {said}; switch {made.parent} goes back")


def _cells(state: State, place: str, text: str) -> tuple[Timeline, str]:
    """An override of cells of a tensor or a gradient."""
    timeline, graph = state.timeline, state.timeline.graph
    goal = target(parse(place), graph)
    reference = goal.reference
    array = _numbers(state, text)
    dtype = graph.dtypes[reference.tensor]
    if dtype.kind != "f" and array.dtype.kind == "f" and not np.array_equal(array, np.trunc(array)):
        raise CommandError(
            f"{reference} is {dtype}, and {text} is not whole", code="E_EXPR", hint="write whole numbers"
        )
    try:
        np.broadcast_to(array, goal.shape)
    except ValueError:
        raise CommandError(
            f"{place} has shape {goal.shape}, and {text} has {array.shape}",
            code="E_EXPR",
            hint="give one number, or as many",
        ) from None
    if reference.gradient and not graph.has_gradient(reference.tensor):
        raise CommandError(f"{reference} has no path to an output", code="E_EXPR", hint=f"why {reference} says more")
    with np.errstate(all="ignore"):
        cast = array.astype(dtype)
    override = Override(reference.tensor, reference.gradient, goal.key, cast)
    made = fork(timeline, override, timeline.schedule.iteration_at(state.cursor))
    return made, f"{place} = {text}"


def _numbers(state: State, text: str) -> Array:
    """What is set: numbers in brackets, or an expression at the cursor."""
    if text.startswith("["):
        return literal(text)
    value = evaluate(parse(text), Scope(state.timeline, state.cursor))
    if value.array is None:
        raise CommandError(
            f"'{text}' has no value here: {value.status}", code="E_EXPR", hint="step on first, or write numbers"
        )
    return value.array


def _rule(state: State, place: str, text: str) -> tuple[Timeline, str]:
    """A fork with another backward rule for one operand of one node, or another update rule for one parameter."""
    location, _, operand = place.rpartition(" ")
    timeline, graph = state.timeline, state.timeline.graph
    event = timeline.event(resolve(parse_location((location or operand).strip()), timeline).first())
    if event.phase == UPDATE:
        return _update(state, event, operand if location else "", text)
    if not location:
        raise CommandError(
            "set rule takes a location and an operand", code="E_COMMAND",
            hint="set rule Y@bwd X = dY @ W.T, set rule w@upd = w - lr * dw",
        )  # fmt: skip
    if event.node is None:
        raise CommandError(f"{location} is no node", code="E_COMMAND", hint="name a node: set rule Y@bwd X = dY @ W.T")
    k = event.tensor - graph.first
    names = timeline.graph.operand_names(k)
    if operand not in names:
        raise CommandError(
            f"{event.name} has no operand '{operand}'",
            code="E_COMMAND",
            hint="operands: " + ", ".join(_tensors(timeline, k)),
        )
    position = names.index(operand)
    if not graph.plans[k].differentiable(position) or timeline.schedule.index_of(BACKWARD, event.tensor) is None:
        raise CommandError(
            f"{event.name} gives {operand} no gradient", code="E_COMMAND", hint="there is no rule to replace"
        )
    with _typed("set rule Y@bwd X = dY @ W.T"):
        rule = as_rule(text, names, event.name, dtype=state.scenario.dtype.name, graph=graph)
        made = fork_rule(timeline, k, position, rule)
    written = made.graph.plans[k].formula(position, names, event.name)
    return made, f"∂{operand} = {written} at {event.name}"


def _update(state: State, event: Event, operand: str, text: str) -> tuple[Timeline, str]:
    """A fork with another update rule for one parameter, in every iteration."""
    timeline, name = state.timeline, event.name
    hint = f"set rule {name}@upd = {name} - lr * d{name}"
    if operand:
        raise CommandError(f"an update has no operand '{operand[:40]}'", code="E_COMMAND", hint=hint)
    with _typed(hint):
        rule = as_update(text, name, timeline.store.update(event.tensor), dtype=state.scenario.dtype.name)
        made = fork_update(timeline, event.tensor, rule)
    return made, f"{name} = {made.event(event.index).rule} at {name}@upd"


@contextmanager
def _typed(hint: str) -> Iterator[None]:
    """What is wrong with the text of a rule, as what is wrong with a command; `hint` is a rule that would do."""
    try:
        yield
    except InputError as error:
        raise CommandError(error.message, code=CODES.get(error.code, error.code), hint=error.hint) from None
    except TypeError as error:
        raise CommandError(f"this rule cannot be traced: {error}", code="E_EXPR", hint=hint) from None


def _tensors(timeline: Timeline, k: int) -> list[str]:
    return [timeline.graph.names[i] for i in timeline.graph.nodes[k].inputs if not isinstance(i, Lit)]


def forks(state: State, argument: str) -> State:
    """The timelines there are."""
    nothing(argument, "forks")
    return state.show("info", "forks", "")


def chosen(state: State, argument: str) -> Fork:
    """A fork by its number."""
    known = state.forks or (Fork(0, state.timeline),)
    for made in known:
        if argument == str(made.number):
            return made
    raise CommandError(
        f"no fork '{argument[:40]}'", code="E_COMMAND", hint="there are: " + ", ".join(str(f.number) for f in known)
    )


def switch(state: State, argument: str) -> State:
    """Another timeline; the cursor stays where it is."""
    made = chosen(state, argument)
    state = replace(state, timeline=made.timeline, fork=made.number)
    return state.show("said", f"fork {made.number}: {made.line or 'the scenario as it is'}")


register(
    Command(
        "set", set_, "what if: a fork in which this tensor, gradient or rule is another", "set Y = 0",
        args="NAME[i,j] = EXPR | dNAME[i,j] = EXPR | rule LOC OPERAND = EXPR | rule w@upd = EXPR", key="e",
        family="what if",
    ),
    Command("forks", forks, "the timelines there are", "forks", family="what if"),
    Command("switch", switch, "another timeline", "switch 0", args="N", family="what if"),
)  # fmt: skip
