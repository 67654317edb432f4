"""The lines of an update event, read off its traced rule: formulas, parts and values on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine.events import Assignment, Event, PartView, Term
from bpdebug.engine.update import NORM, PARAMETER, Line, Update
from bpdebug.symbolic import Expr
from bpdebug.symbolic.text import FORMULA, write

if TYPE_CHECKING:
    from bpdebug.engine.timeline import Timeline


def assignments(timeline: Timeline, event: Event) -> tuple[Assignment, ...]:
    """What an update event computes, in order: the norm and the gradient it goes by, states, the parameter."""
    return tuple(_Lines(timeline, event).made())


class _Lines:
    """One update event while its lines are made; nothing is computed before a value is asked for.

    It holds neither the event, which holds the lines (what goes in circles is freed late), nor the pass.
    """

    def __init__(self, timeline: Timeline, event: Event) -> None:
        self.timeline, self.store = timeline, timeline.store
        self.tensor, self.name, self.t = event.tensor, event.name, event.iteration
        self.update: Update = timeline.store.update(event.tensor)
        self.computed = cache(partial(_computed, timeline, event.tensor, event.iteration))

    def called(self, name: str) -> str:
        """A short name as formulas write it; in full where a tensor of the program is called so."""
        if name == PARAMETER:
            return self.name
        if name not in self.timeline.graph.index:
            return name
        return f"{self.name if name in self.update.states else 'train'}.{name}"

    def made(self) -> Iterator[Assignment]:
        if self.update.needs_norm:
            yield self._norm()
        numbers = dict(zip(self.update.states, self.timeline.graph.states.get(self.tensor, ()), strict=True))
        numbers[PARAMETER] = self.tensor
        for line in self.update.lines:
            yield self._line(line, numbers.get(line.name))

    def _line(self, line: Line, tensor: int | None) -> Assignment:
        name, formula, t = self.called(line.name), self.update.text(line, self.called), self.t

        def value() -> Array:
            return self.computed()[id(line.expr)] if tensor is None else self.store.updated(tensor, t)

        return Assignment(
            to=name if tensor is None else self.timeline.graph.names[tensor], name=name, formula=formula,
            shape=line.expr.shape, _value=value,
            _before=None if tensor is None else lambda: self.store.parameter(tensor, t),
            _parts=lambda: tuple(self._parts(line, f"{name} = {formula}", value)),
            _in_numbers=lambda cell, form: self._in_numbers(line, cell, form),
        )  # fmt: skip

    def _parts(self, line: Line, whole: str, value: Callable[[], Array]) -> Iterator[PartView]:
        names = self.update.naming(line, self.called)

        def term(arg: Any) -> Term:
            text = write(arg, names, FORMULA)
            return Term(text, arg.shape, lambda: self.computed()[id(arg)]) if isinstance(arg, Expr) else Term(text, ())

        for e in self.update.parts(line):
            last = e is line.expr
            inner = e.args[0] if e.prim is not None and e.prim.name == "astype" else e
            terms = tuple(map(term, inner.args)) if inner.prim is not None else ()
            sign = "" if inner.prim is None else inner.prim.infix or inner.prim.name
            text, why = whole if last else write(e, names, FORMULA), "operand" if inner.prim is None else inner.prim.why
            yield PartView(text, e.shape, why, value if last else lambda e=e: self.computed()[id(e)], sign, terms)  # type: ignore[misc]

    def _in_numbers(self, line: Line, cell: tuple[int, ...], form: Callable[[float], str]) -> str:
        """An optimizer's own rules work cell by cell; what is written by hand need not."""
        if line is self.update.lines[-1] and self.update.by_hand:
            return ""
        names, known = self.update.naming(line, self.called), self.computed()
        settings = {id(leaf) for name, leaf in self.update.scalars.items() if name in self.update.settings}

        def at(e: Expr) -> str | None:
            if names(e) is None:
                return None
            value = float(known[id(e)][cell] if e.shape else known[id(e)])
            text = form(value)
            if id(e) in settings and float(text.replace("−", "-")) != value:
                text = repr(value)  # what somebody wrote has all its digits: 1 - 0.99999 is not 1 - 1
            return text if text[0].isalnum() else f"({text})"

        return write(line.expr, at, FORMULA)

    def _norm(self) -> Assignment:
        """The norm of all gradients, in one part."""
        store, graph = self.store, self.timeline.graph
        name = self.called(NORM)
        formula = store.norm_rule.text([f"∂{graph.names[t]}" for t in store.parameters])
        value = cache(lambda: np.asarray(store.norm(self.timeline.iteration(self.t))))
        part = PartView(f"{name} = {formula}", (), "elementwise", value)
        return Assignment(name, name, formula, (), value, None, lambda: (part,), lambda cell, form: "")


def _computed(timeline: Timeline, tensor: int, t: int) -> dict[int, Array]:
    run = timeline.iteration(t)
    return timeline.store.computed(tensor, run, t, timeline.store.norm(run))
