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
from bpdebug.engine import BACKWARD, FORWARD, SEED, UPDATE, Contribution, Event, Timeline
from bpdebug.engine.stats import two_norm
from bpdebug.errors import CommandError, did_you_mean
from bpdebug.expression import Expression, Scope, Stops, evaluate, names_in, parse
from bpdebug.translation import _

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
        was, is_now = in_words(argument, timeline, at - 1), in_words(argument, timeline, at)
        return _("{watched}: {before} → {after}").format(watched=argument, before=_(was), after=_(is_now))

    made = Breakpoint(
        state.next_number, "watch", f"watch {argument}", argument, changes(expression, state.timeline), test=test
    )
    if here.dtype == "bool" and here.array is not None and here.array.size == 1:  # a condition holds where it is true
        at = min(state.cursor, len(state.timeline) - 1) if here.array.all() else None
    else:
        at = held(state, made)
    return add(state, made, _("watch {number} on {what}").format(number=made.number, what=argument), at)


def _fault(kind: str, timeline: Timeline, at: int) -> str | None:
    fault = timeline.event(at).fault
    if fault is None or fault.kind != kind:
        return None
    said = _("NaN in {where}; its operands have none: why says more")
    if kind == "inf":
        said = _("infinity in {where}; its operands have none: why says more")
    return said.format(where=fault.where)


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
    event = timeline.event(at)
    for to, norm, own, gain in _gains(timeline, event):
        if norm > 0 and (gain < threshold if below else gain > threshold):
            said = _(
                "gain {gain:.3g} from ∂{name} (norm {own:.3g}) to ∂{to} (norm {norm:.3g}), "
                "above the threshold {threshold:g}; look at {op}'s operands"
            )
            if below:
                said = _(
                    "gain {gain:.3g} from ∂{name} (norm {own:.3g}) to ∂{to} (norm {norm:.3g}), "
                    "below the threshold {threshold:g}; look at {op}'s operands"
                )
            return said.format(gain=gain, name=event.name, own=own, to=to, norm=norm, threshold=threshold, op=event.op)
    return None


def emptied(event: Event) -> Contribution | None:
    """What first is nothing but zeros among what an event hands on, though what came in is not zero; or None."""
    if not np.any(event.value):
        return None
    return next((c for c in event.contributions if c.value.size and not np.any(c.value)), None)


def _zero(timeline: Timeline, at: int) -> str | None:
    event = timeline.event(at)
    c = emptied(event)
    if c is None:
        return None
    said = _("∂{to} gets nothing but zeros ({n} cells) from ∂{name}, which is not zero; why d{to} says more")
    return said.format(to=c.to, n=c.value.size, name=event.name)


def _check(timeline: Timeline, at: int) -> str | None:
    from bpdebug.checks.differences import FAIL  # start-up: a rule is checked when asked for
    from bpdebug.checks.one_rule import check_rule

    for row in check_rule(timeline.event(at)):
        if row.verdict == "fail":
            said = _(
                "the rule of {name}: {analytic:.6g}{cell}, and finite differences give {numeric:.6g}; relative error "
                "{error:.2g}, above the threshold {threshold:g}; candidates and check say more"
            )
            return said.format(
                name=row.name, analytic=row.analytic, cell=at_cell(row.cell), numeric=row.numeric, error=row.error,
                threshold=FAIL,
            )  # fmt: skip
    return None


def _phase(timeline: Timeline, at: int) -> str | None:
    place, before = timeline.schedule.place(at), timeline.schedule.place(at - 1) if at else None
    if before is None or (place.iteration, place.phase) == (before.iteration, before.phase):
        return None
    return _("from {before} to {after}").format(before=_(before.phase), after=_(place.phase))


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


@command(
    "catch", "stop where it first happens: nan, inf, zero-grad, vanish, explode, gradcheck, phase", "catch nan",
    args="WHAT [X]", family="stops",
)  # fmt: skip
def catch(state: State, argument: str) -> State:
    """Stop where something of a kind first happens; E_COMMAND for no such kind."""
    word, _blank, text = argument.partition(" ")
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
    said = _("catchpoint {number} on {what}").format(number=made.number, what=argument)
    return add(state, made, said, held(state, made, since))
