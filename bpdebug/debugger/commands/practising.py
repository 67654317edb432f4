"""Practice: at each backward event the shape and the formula are asked for before they are shown."""

from __future__ import annotations

import re

from msgspec.structs import replace

from bpdebug.debugger.commands.table import command
from bpdebug.debugger.practice import Exercise, question
from bpdebug.debugger.running import move
from bpdebug.debugger.state import Practice, State
from bpdebug.engine import BACKWARD, Timeline
from bpdebug.errors import CommandError
from bpdebug.expression.operations import placed
from bpdebug.language import read_expression
from bpdebug.translation import _

PATIENCE = 2
"""Wrong answers after which the right one is told with the explanation."""


@command(
    "practice", "ask before showing: the shape, then the formula of each gradient", "practice", key="p", args="[off]",
    family="explain",
)  # fmt: skip
def practice(state: State, argument: str) -> State:
    """Asks here in a backward pass, or begins with its first matmul; `off` ends it; E_COMMAND where there is none.

    Where all is answered it begins anew.
    """
    if argument == "off":
        if state.practice is None:
            raise CommandError("there is no practice going on", hint="practice begins one")
        said = _("practice is over: {right} of {asked} right")
        said = said.format(right=state.practice.right, asked=state.practice.asked)
        return replace(state, practice=None).show("said", said)
    if argument:
        raise CommandError(f"practice '{argument[:40]}'", hint="practice, or practice off")
    at = _first_asked(state.timeline, state.cursor)
    state = replace(state, practice=state.practice or Practice())
    state = state.show("event") if at == state.cursor else move(state, at, "step")
    return state if question(state) is not None else replace(state, practice=Practice())


def _first_asked(timeline: Timeline, cursor: int) -> int:
    """Where practice begins: here in a backward pass, else at the first matmul of the one that lies ahead.

    One without a matmul begins with its first event. Where none lies ahead it is the first of all.
    """
    schedule, graph = timeline.schedule, timeline.graph
    if schedule.place(cursor).phase == BACKWARD:
        return cursor
    nth = next((n for n, k in enumerate(graph.backward_nodes) if graph.nodes[k].op.name == "matmul"), 0)
    now = schedule.iteration_at(cursor)
    starts = [schedule.start(BACKWARD, iteration) + nth for iteration in (now, now + 1, 0)]
    there = [at for at in starts if at < len(timeline) and schedule.place(at).phase == BACKWARD]
    if not there:
        raise CommandError("there is no event of the backward pass", hint="a loss that depends on a tensor makes some")
    return next((at for at in there if at > cursor), there[-1])


@command(
    "answer", "the answer to what practice asks; alone, it gives the question up", "practice ;; answer 2x3", key="=",
    args="SHAPE | EXPR | nothing", family="explain",
)  # fmt: skip
def answer(state: State, argument: str) -> State:
    """A shape or a formula; without one, the question is given up; E_COMMAND where nothing is asked."""
    asked = question(state)
    if asked is None or state.practice is None:
        hint = "practice begins to ask" if state.practice is None else "step on: the next backward event asks"
        raise CommandError("nothing is asked here", hint=hint)
    made = replace(state.practice, at=asked.event.index, asked=state.practice.asked + 1)
    argument = " ".join(argument.split())
    if not argument:
        return _after(state, asked, replace(made, said=_told(asked), well=False))
    said, well = _shape(asked, argument) if asked.asks == "shape" else _formula(state, asked, argument)
    made = replace(made, said=said, well=well, right=made.right + well, tries=made.tries + 1)
    if well:
        return _after(state, asked, made)
    if made.tries >= PATIENCE:
        told = _("{said}. {told}; `answer` alone goes on").format(said=said, told=_told(asked))
        made = replace(made, said=told)
    return replace(state, practice=made).show("event")


def _told(asked: Exercise) -> str:
    from bpdebug.explain.derivation import given  # start-up: the answer is worded when it is told

    if asked.asks == "shape":
        said = _("∂{name} is {shape}, as {name} is")
        return said.format(name=asked.contribution.to, shape=asked.contribution.shape)
    return _by_hand(given(asked.event, asked.contribution), asked)


def _by_hand(said: str, asked: Exercise) -> str:
    """An answer, and what to add where another rule than the op's own was set: answers are judged by the op's."""
    if asked.contribution.position not in asked.event.plan.replaced:
        return said
    return _("{said} (set here by hand: {formula})").format(said=said, formula=asked.contribution.formula)


def _after(state: State, asked: Exercise, made: Practice) -> State:
    """The question is answered: its formula comes after its shape, then the next operand."""
    key = {(asked.event.index, asked.number)}
    shape = asked.asks == "shape"
    made = replace(made, shapes=made.shapes | key, done=made.done | (set() if shape else key), tries=0)
    return replace(state, practice=made).show("event")


_SHAPE = r"\(? ?(\d{1,9}(?: ?[x×,] ?\d{1,9})*)? ?,? ?\)?"
_NAMED = r"[d∂][\w.]+ ?\+?=(?!=) ?"


def _shape(asked: Exercise, text: str) -> tuple[str, bool]:
    match = re.fullmatch(_SHAPE, text)
    if match is None:
        raise CommandError(f"'{text[:40]}' is no shape", hint="answer (5, 7), or 5x7; () is a number")
    found = tuple(int(n) for n in re.findall(r"\d+", match[1] or ""))
    to = asked.contribution.to
    if found == asked.contribution.shape:
        return _("right: ∂{name} has the shape of {name}, {shape}").format(name=to, shape=found), True
    said = _("{shape} is not the shape: a gradient has that of what it is the gradient of, and that is {name}")
    return said.format(shape=found, name=to), False


def _formula(state: State, asked: Exercise, text: str) -> tuple[str, bool]:
    """The answer on the numbers, against what the op's own rule gives to this operand at this event."""
    from bpdebug.explain.derivation import by_the_ops, judged_edge  # start-up: answers are judged when there is one
    from bpdebug.explain.judge import Judge  # start-up: the same

    text = text[named.end() :] if (named := re.match(_NAMED, text)) else text
    if re.fullmatch(_SHAPE, text) and ("," in text or "x" in text):
        raise CommandError(
            f"'{text[:40]}' is a shape; the formula is asked",
            hint="answer with names: answer dY @ W.T",
        )  # fmt: skip
    timeline = state.timeline
    with placed():
        steps, value = read_expression(text, timeline.graph, dtype=state.scenario.dtype.name)
    if isinstance(value, tuple):
        raise CommandError("these are several values; one formula is asked", code="E_EXPR", hint="answer dY @ W.T")
    judge = Judge(by_the_ops(timeline), timeline.schedule.iteration_at(state.cursor))
    for step in steps:
        judge.carry_out(step)
    said, well = judged_edge(judge, asked.event, asked.contribution, value)
    return _by_hand(said, asked) if well else said, well
