"""Watchpoints and catchpoints: stop where something changes, or goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from bpdebug.arrays import at_cell
from bpdebug.debugger.commands.stops import add, held
from bpdebug.debugger.commands.table import command
from bpdebug.debugger.ranges import typed_number
from bpdebug.debugger.running import in_words
from bpdebug.debugger.state import Breakpoint, State
from bpdebug.engine import BACKWARD, FORWARD, SEED, UPDATE, Event, Timeline
from bpdebug.engine.stats import two_norm
from bpdebug.errors import CommandError, did_you_mean
from bpdebug.expression import Expression, Scope, Stops, evaluate, names_in, parse

VANISH, EXPLODE = 1e-3, 1e3
"""Gains, from a node's gradient to an operand's, beyond which catch vanish and catch explode stop by default."""


def changes(expression: Expression, timeline: Timeline) -> Stops:
    """The events at which an expression can change: where its tensors and gradients are computed or added to."""
    schedule, graph = timeline.schedule, timeline.graph
    offsets = {0} if schedule.iterations > 1 else set()
    for reference in names_in(expression, graph):
        tensor = reference.tensor
        found: list[int | None] = []
        if reference.gradient:
            found.append(schedule.index_of(SEED, tensor))
            found += [schedule.index_of(BACKWARD, graph.tensor(k)) for k, _ in graph.edges_from(tensor)]
        else:
            found += [schedule.index_of(FORWARD, tensor), schedule.index_of(UPDATE, tensor)]
        offsets |= {i for i in found if i is not None}
    return Stops(schedule, sorted(offsets))


@command(
    "watch", "stop when an expression changes; back in time: who last changed it", "watch 1 + 1", key="w",
    args="EXPR", family="stops",
)  # fmt: skip
def watch(state: State, argument: str) -> State:
    """Stop where an expression's value changes, in either direction; E_COMMAND without one."""
    if not argument:
        raise CommandError("watch takes an expression", hint="watch dW[1,2]")
    expression = parse(argument)
    here = evaluate(expression, Scope(state.timeline, state.cursor))

    def test(timeline: Timeline, at: int) -> str | None:
        now = evaluate(expression, Scope(timeline, at))
        before = evaluate(expression, Scope(timeline, at - 1)) if at else None
        if before is None or now.same(before):
            return None
        return f"{argument}: {in_words(argument, timeline, at - 1)} → {in_words(argument, timeline, at)}"

    made = Breakpoint(
        state.next_number, "watch", f"watch {argument}", argument, changes(expression, state.timeline), test=test
    )
    if here.dtype == "bool" and here.array is not None and here.array.size == 1:  # a condition holds where it is true
        at = min(state.cursor, len(state.timeline) - 1) if here.array.all() else None
    else:
        at = held(state, made)
    return add(state, made, f"watch {made.number} on {argument}", at)


def _fault(kind: str, timeline: Timeline, at: int) -> str | None:
    fault = timeline.event(at).fault
    if fault is None or fault.kind != kind:
        return None
    name = "NaN" if kind == "nan" else "infinity"
    return f"{name} in {fault.where}; its operands have none: print them"


def _gains(timeline: Timeline, event: Event) -> Iterator[tuple[str, float, float, float]]:
    """Each operand's gradient against the node's own: name, norm, the node's norm, and their ratio.

    Only where both are finite: with NaN in it a gradient has neither vanished nor exploded.
    """
    own = two_norm(event.value)
    for c in event.contributions:
        norm = two_norm(c.value)
        if own and np.isfinite([own, norm]).all():
            yield c.to, norm, own, norm / own


def _gain(timeline: Timeline, at: int, *, below: bool, threshold: float) -> str | None:
    event, sign = timeline.event(at), "below" if below else "above"
    for to, norm, own, gain in _gains(timeline, event):
        if norm > 0 and (gain < threshold if below else gain > threshold):
            return (
                f"gain {gain:.3g} from ∂{event.name} (norm {own:.3g}) to ∂{to} (norm {norm:.3g}), "
                f"{sign} the threshold {threshold:g}; look at {event.op}'s operands"
            )
    return None


def _zero(timeline: Timeline, at: int) -> str | None:
    event = timeline.event(at)
    if not np.any(event.value):
        return None
    for c in event.contributions:
        if c.value.size and not np.any(c.value):
            return (
                f"∂{c.to} gets nothing but zeros ({c.value.size} cells) from ∂{event.name}, which is not zero; "
                f"why d{c.to} says more"
            )
    return None


def _check(timeline: Timeline, at: int) -> str | None:
    from bpdebug.checks.differences import FAIL  # start-up: a rule is checked when asked for
    from bpdebug.checks.one_rule import check_rule

    for row in check_rule(timeline.event(at)):
        if row.verdict == "fail":
            return (
                f"the rule of {row.name}: {row.analytic:.6g}{at_cell(row.cell)}, and finite "
                f"differences give {row.numeric:.6g}; relative error {row.error:.2g}, above the threshold {FAIL:g}; "
                "candidates and check say more"
            )
    return None


def _phase(timeline: Timeline, at: int) -> str | None:
    place, before = timeline.schedule.place(at), timeline.schedule.place(at - 1) if at else None
    if before is None or (place.iteration, place.phase) == (before.iteration, before.phase):
        return None
    return f"from {before.phase} to {place.phase}"


CATCHES: dict[str, Callable[..., str | None]] = {
    "nan": partial(_fault, "nan"),
    "inf": partial(_fault, "inf"),
    "zero-grad": _zero,
    "vanish": partial(_gain, below=True, threshold=VANISH),
    "explode": partial(_gain, below=False, threshold=EXPLODE),
    "gradcheck": _check,
    "phase": _phase,
}
THRESHOLDS = ("vanish", "explode")
LASTING = ("nan", "inf")
"""What is still there after the event at which it was born."""


@command("catch", "stop where it first happens: " + ", ".join(CATCHES), "catch nan", args="WHAT [X]", family="stops")
def catch(state: State, argument: str) -> State:
    """Stop where something of a kind first happens; E_COMMAND for no such kind."""
    word, _, text = argument.partition(" ")
    if word not in CATCHES:
        raise CommandError(
            f"nothing to catch called '{word[:40]}'" if word else "catch takes a word",
            hint=did_you_mean(word, CATCHES) or "one of: " + ", ".join(CATCHES),
        )  # fmt: skip
    test = CATCHES[word]
    if text.strip():
        threshold = typed_number(text.strip()) if word in THRESHOLDS else None
        if threshold is None or not 0 < threshold < float("inf"):
            raise CommandError(f"catch {word} takes no '{text[:40]}'", hint="catch vanish 0.01")
        test = partial(test, threshold=threshold)
    schedule = state.timeline.schedule
    made = Breakpoint(
        state.next_number,
        "catch",
        f"catch {argument}",
        argument,
        Stops(schedule, range(schedule.per_iteration)),
        test=test,
    )
    since = 0 if word in LASTING else None
    return add(state, made, f"catchpoint {made.number} on {argument}", held(state, made, since))
