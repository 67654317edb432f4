"""What if: forks of the timeline in which a tensor, a gradient or a rule is another."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.debugger.commands.table import command
from bpdebug.debugger.comparing import literal
from bpdebug.debugger.state import Fork, State
from bpdebug.engine import UPDATE, Timeline
from bpdebug.engine.edits import Edit, RuleOverride, UpdateOverride
from bpdebug.errors import CommandError
from bpdebug.expression.edits import read_edit, typed
from bpdebug.language.tokens import refuse
from bpdebug.translation import _


@command(
    "set", "what if: a fork in which this tensor, gradient or rule is another", "set Y = 0", key="e",
    args="NAME[i,j] = EXPR | dNAME[i,j] = EXPR | rule LOC OPERAND = EXPR | rule w@upd = EXPR", family="what if",
)  # fmt: skip
def set_(state: State, argument: str) -> State:
    """A fork in which cells of a tensor or of a gradient, or a rule, are others; the cursor stays."""
    timeline = state.timeline
    iteration = timeline.schedule.iteration_at(state.cursor)
    edit = read_edit(argument, timeline, iteration, partial(_numbers, state), state.scenario.dtype.name)
    with typed():
        timeline = timeline.fork(edit)
    forks = state.forks or (Fork(0, state.timeline),)
    made = Fork(max(f.number for f in forks) + 1, timeline, state.cursor, state.fork)
    state = replace(state, timeline=timeline, forks=(*forks, made), fork=made.number)
    said = _("fork {number}: {what}; switch {parent} goes back")
    return state.show("said", said.format(number=made.number, what=_said(edit, timeline), parent=made.parent))


def _numbers(state: State, text: str) -> Array:
    """What is set: numbers in brackets, or an expression at the cursor."""
    if text.startswith("["):
        return literal(text)
    value = state.value(text)
    if value.plain is not None:
        raise refuse(f"{text} is no number and no tensor", None, "set W[0, 1] = 2, set dY = 0")
    if value.array is None:
        raise refuse(f"'{text}' has no value here: {value.status}", None, "step on first, or write numbers")
    return value.array


def _said(edit: Edit, timeline: Timeline) -> str:
    """What holds in a fork."""
    graph = timeline.graph
    if isinstance(edit, RuleOverride):
        names, name = graph.operand_names(edit.k), graph.nodes[edit.k].id
        formula = f"∂{names[edit.position]} = {graph.plans[edit.k].formula(edit.position, names, name)}"
        return _("{formula} at {where}").format(formula=formula, where=name)
    if isinstance(edit, UpdateOverride):
        name, index = graph.names[edit.tensor], timeline.schedule.index_of(UPDATE, edit.tensor)
        formula = f"{name} = {timeline.event(index or 0).rule}"
        return _("{formula} at {where}").format(formula=formula, where=f"{name}@upd")
    return edit.line.removeprefix("set ")


def made_again(forks: tuple[Fork, ...]) -> Iterator[str]:
    """The lines that make forks again where there are none; they get the numbers that they have, in their order."""
    here = 0
    for made in forks[1:]:
        if made.parent != here:
            yield f"switch {made.parent}"
        yield from made.lines
        here = made.number


command("forks", "the timelines there are", "forks", family="what if")(lambda state: state.show("info", "forks", ""))


def chosen(state: State, argument: str) -> Fork:
    """A fork by its number; E_COMMAND where there is none."""
    known = state.forks or (Fork(0, state.timeline),)
    for made in known:
        if argument == str(made.number):
            return made
    raise CommandError(f"no fork '{argument[:40]}'", hint="there are: " + ", ".join(str(f.number) for f in known))


@command("switch", "another timeline", "switch 0", args="N", family="what if")
def switch(state: State, argument: str) -> State:
    """Another timeline; the cursor stays where it is."""
    made = chosen(state, argument)
    state = replace(state, timeline=made.timeline, fork=made.number)
    said = _("fork {number}: {what}").format(number=made.number, what=made.line or _("the scenario as it is"))
    return state.show("said", said)


@command(
    "compare", "the first event at which this fork differs from another, and by how much", "set Y = 0 ;; compare",
    args="[N]", family="what if",
)  # fmt: skip
def compare(state: State, argument: str) -> State:
    """Against the fork it was made from, or on fork 0 the newest; E_COMMAND where there is no other."""
    if not argument:
        here = next((f for f in state.forks if f.number == state.fork), None)
        if here is None:
            raise CommandError("there is one timeline only", hint="set W[0, 0] = 1 makes another")
        argument = str(here.parent if here.number else state.forks[-1].number)
    made = chosen(state, argument)
    return state.show("compare", made.timeline, _("fork {number}").format(number=made.number))
