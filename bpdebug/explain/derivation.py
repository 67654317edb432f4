"""The reader's own backward pass, judged line by line against the engine's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from bpdebug.engine import Contribution, NodeEvent, Timeline
from bpdebug.engine.edits import Override, RuleOverride
from bpdebug.explain.judge import KINK, RIGHT, VALUE, Judge
from bpdebug.explain.mistakes import right
from bpdebug.graph import Step
from bpdebug.translation import _, clauses


class LineVerdict(Struct, frozen=True):
    """One line: the tensor whose gradient it assigns, the verdict, how far it is off, and what is meant instead.

    `error` is the largest difference as a part of the largest cell of the right one; None where shapes differ.
    """

    line: int
    to: str
    verdict: str
    error: float | None
    suggestion: str

    @property
    def name(self) -> str:
        return f"d{self.to}"


class Derived(Struct, frozen=True):
    """The lines in the reader's order, the first that is wrong, and what looks like a gradient and is none."""

    rows: tuple[LineVerdict, ...]
    first_wrong: str | None
    unknown: tuple[str, ...] = ()


def derivation(timeline: Timeline, steps: Sequence[Step], iteration: int) -> Derived:
    """Every line that assigns the gradient of a tensor; other names are the reader's own to use.

    A line is judged with the engine's gradients for the gradients it uses, so that one mistake does not condemn the
    lines after it. Assigned twice (`dH = dH + ...`), a gradient is judged where it is assigned last.
    """
    judge = Judge(by_the_ops(timeline), iteration)
    last = {s.assigned: s for s in steps}
    rows: list[LineVerdict] = []
    unknown: list[str] = []
    for step in steps:
        judge.carry_out(step)
        if (name := step.assigned) is None:
            continue
        tensor = judge.gradients.get(name)
        if tensor is None:
            unknown += [name] if _looks_like_one(name, judge.gradients) else []
        elif last[name] is step:
            rows.append(_judged(judge, step, tensor))
            judge.forget(step.id, tensor)
    wrong = next((r.name for r in rows if r.verdict not in (RIGHT, KINK)), None)
    return Derived(tuple(rows), wrong, tuple(dict.fromkeys(unknown)))


def _looks_like_one(name: str, gradients: Mapping[str, int]) -> bool:
    """Whether a name of the reader's may be meant for a gradient: `dU`, `dh` beside dH; `delta2` is none."""
    return name[:1] == "d" and (name[1:2].isupper() or name.casefold() in map(str.casefold, gradients))


def _judged(judge: Judge, step: Step, tensor: int) -> LineVerdict:
    graph = judge.graph
    to = graph.names[tensor]
    if judge.run.gradient(tensor) is None:
        text = _("no path leads from {name} to an output: it has no gradient").format(name=to)
        return LineVerdict(step.line, to, VALUE, None, text)
    found = judge.verdict(step.id, tensor)
    if found.verdict in (RIGHT, KINK):
        return LineVerdict(step.line, to, found.verdict, found.error, found.why)
    meant = right(graph, tensor)
    return LineVerdict(step.line, to, found.verdict, found.error, clauses(found.why, meant))


def by_the_ops(timeline: Timeline) -> Timeline:
    """The timeline without what was put in the place of gradients: rules of a file or a fork, and gradients set there.

    Values that were set stay set.
    """
    graph = timeline.graph
    kept = [e for e in timeline.edits if not (isinstance(e, RuleOverride) or (isinstance(e, Override) and e.gradient))]
    if len(kept) == len(timeline.edits) and not any(plan.replaced for plan in graph.plans):
        return timeline
    plans = tuple(p.own if p.replaced else p for p in graph.plans)
    return Timeline(
        replace(graph, plans=plans), seed=timeline.seed, training=timeline.training, budget=timeline.store.budget,
        edits=kept,
    )  # fmt: skip


def judged_edge(judge: Judge, event: NodeEvent, contribution: Contribution, value: str | float) -> tuple[str, bool]:
    """Whether a name (or a number) is what one event gives to an operand, and what to say of it."""
    found = judge.verdict(value, contribution.tensor, [(event.k, contribution.position)])
    if found.verdict == KINK:
        return found.why, True
    if found.verdict == RIGHT:
        return _("right: {rule}").format(rule=given(event, contribution)), True
    if found.why:
        return found.why, False
    if found.error is None:
        return _("the shape fits, the numbers do not"), False
    words = _("the shape fits, the numbers do not: off by {error:.2g} of the largest")
    return words.format(error=found.error), False


def given(event: NodeEvent, contribution: Contribution) -> str:
    """What an event gives to an operand, as the op has it: '∂b gets sum(∂Z, axis=0)'."""
    formula = event.plan.own.total_text(contribution.position, event.operands, event.name)
    return _("{gradient} gets {formula}").format(gradient=f"∂{contribution.to}", formula=formula)
