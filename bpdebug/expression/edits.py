"""Edits as they are typed: `W[0, 1] = 2`, `dY = 0`, `rule Y@bwd X = dY @ W`, `rule w@upd = w - lr * dw`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine import BACKWARD, UPDATE, Event, NodeEvent, Timeline
from bpdebug.engine.edits import Edit, Override, RuleOverride, UpdateOverride
from bpdebug.errors import CommandError, InputError
from bpdebug.expression.location import parse_location
from bpdebug.expression.parse import parse
from bpdebug.expression.stops import resolve
from bpdebug.expression.target import target
from bpdebug.graph import Lit
from bpdebug.graph.halves import rounded
from bpdebug.language import as_rule, as_update
from bpdebug.language.tokens import refuse

CODES = dict.fromkeys(("E_SYNTAX", "E_NAME", "E_OP", "E_ATTR"), "E_EXPR")
"""What is wrong with the text of a rule is wrong with an expression, where it is typed."""
_RULES = "set rule Y@bwd X = dY @ W.T, set rule w@upd = w - lr * dw"
_SET = r"(?s)(rule\s+)?(.+?)\s*(?<![<>=!])=(?!=)\s*(.+)"


def read_edit(text: str, timeline: Timeline, iteration: int, numbers: Callable[[str], Array], dtype: str) -> Edit:
    """What is set, and to what; `numbers` gives the array of what cells are set to, `dtype` that of a rule's numbers.

    Cells are set in one iteration, rules in all. Raises CommandError where there is no such place, or what it is set
    to does not fit.
    """
    match = re.fullmatch(_SET, text)
    if match is None:
        hint = "set W[0, 1] = 2, set dY = 0, set rule Y@bwd X = dY @ W"
        raise CommandError("set takes a place and a value", hint=hint)
    place, value = match[2].strip(), match[3].strip()
    line = f"set {'rule ' if match[1] else ''}{place} = {value}"
    if match[1]:
        return _rule(timeline, place, value, line, dtype)
    return _cells(timeline, place, value, line, iteration, numbers)


def _cells(
    timeline: Timeline, place: str, text: str, line: str, iteration: int, numbers: Callable[[str], Array]
) -> Override:
    """An override of cells of a tensor or a gradient."""
    graph = timeline.graph
    _refuse_setting(timeline, place)
    goal = target(parse(place), graph)
    reference, array = goal.reference, numbers(text)
    dtype = graph.dtypes[reference.tensor]
    if dtype.kind != "f" and array.dtype.kind == "f" and not np.array_equal(array, np.trunc(array)):
        raise refuse(f"{reference} is {dtype}, and {text} is not whole", None, "write whole numbers")
    try:
        np.broadcast_to(array, goal.shape)
    except ValueError:
        message = f"{place} has shape {goal.shape}, and {text} has {array.shape}"
        raise refuse(message, None, "give one number, or as many") from None
    if reference.gradient and not graph.has_gradient(reference.tensor):
        raise refuse(f"{reference} has no path to an output", None, f"why {reference} says more")
    with np.errstate(all="ignore"):
        cast = rounded(array.astype(dtype), graph.halves.get(reference.tensor, ""))
    return Override(reference.tensor, reference.gradient, goal.key, cast, iteration, line)


def _refuse_setting(timeline: Timeline, name: str) -> None:
    """CommandError for a setting of the optimizer's: no tensor, and forks are of rules."""
    training, updates = timeline.training, timeline.store.updates
    if training is None or name in timeline.graph.index or not updates.parameters:
        return
    first = updates.parameters[0]
    if name in updates.rule(first).numbers(1):
        w = timeline.graph.names[first]
        hint = f"set rule {w}@upd = {w} - 0.01 * d{w}, of each parameter; or another {name} below [train]"
        raise CommandError(f"'{name}' is a setting of {training.optimizer}, no tensor", code="E_EXPR", hint=hint)


def _rule(timeline: Timeline, place: str, text: str, line: str, dtype: str) -> Edit:
    """Another backward rule for one operand of one node, or another update rule for one parameter."""
    location, _, operand = place.rpartition(" ")
    event = timeline.event(resolve(parse_location((location or operand).strip()), timeline).first())
    if event.phase == UPDATE:
        return _update(timeline, event, operand if location else "", text, line, dtype)
    if not location:
        raise CommandError("set rule takes a location and an operand", hint=_RULES)
    if not isinstance(event, NodeEvent):
        raise CommandError(f"{location} is no node", hint="name a node: set rule Y@bwd X = dY @ W.T")
    graph, k, names = timeline.graph, event.k, event.operands
    found = graph.positions(k, operand)
    if not found:
        there = [graph.names[i] for i in event.node.inputs if not isinstance(i, Lit)]
        raise CommandError(f"{event.name} has no operand '{operand}'", hint="operands: " + ", ".join(there))
    position = found[0]
    if position not in graph.plans[k].differentiable or timeline.schedule.index_of(BACKWARD, event.tensor) is None:
        raise CommandError(f"{event.name} gives {operand} no gradient", hint="there is no rule to replace")
    with typed():
        return RuleOverride(k, position, as_rule(text, names, event.name, dtype=dtype, graph=graph), line)


def _update(timeline: Timeline, event: Event, operand: str, text: str, line: str, dtype: str) -> UpdateOverride:
    """Another update rule for one parameter."""
    if operand:
        hint = f"set rule {event.name}@upd = {event.name} - lr * d{event.name}"
        raise CommandError(f"an update has no operand '{operand[:40]}'", hint=hint)
    with typed():
        rule = as_update(text, event.name, timeline.store.updates.rule(event.tensor), dtype=dtype)
        return UpdateOverride(event.tensor, rule, line)


@contextmanager
def typed() -> Iterator[None]:
    """What is wrong with the text of a rule, as a CommandError."""
    try:
        yield
    except InputError as error:
        raise CommandError(error.message, code=CODES.get(error.code, error.code), hint=error.hint) from None
    except TypeError as error:
        raise refuse(f"this rule cannot be traced: {error}", None, _RULES) from None
