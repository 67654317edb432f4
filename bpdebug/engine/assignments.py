"""The lines of an update event, read off its traced rule: formulas, parts and values on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine.parts import Assignment, PartView, Term
from bpdebug.engine.store import Store
from bpdebug.engine.update import NORM, PARAMETER, Line, Update
from bpdebug.graph import Subject, subject_among
from bpdebug.symbolic import Expr
from bpdebug.symbolic.leaves import Axes, shared_axes
from bpdebug.symbolic.text import FORMULA, write


def assignments(store: Store, t: int, tensor: int) -> tuple[Assignment, ...]:
    """What a parameter's update in iteration t computes, in order: the norm and the gradient it goes by, states, it."""
    return tuple(_Lines(store, t, tensor).made())


class _Lines:
    """One update event while its lines are made; nothing is computed before a value is asked for.

    It holds neither the event, which holds the lines (what goes in circles is freed late), nor the pass.
    """

    def __init__(self, store: Store, t: int, tensor: int) -> None:
        self.store, self.graph, self.t = store, store.graph, t
        self.tensor, self.name = tensor, store.graph.names[tensor]
        self.update: Update = store.update(tensor)
        self.numbers = dict(zip(self.update.states, self.graph.states.get(self.tensor, ()), strict=True))
        self.numbers[PARAMETER] = self.tensor
        self.computed = cache(partial(_computed, store, t, tensor))

    def called(self, name: str) -> str:
        """A short name as formulas write it; in full where a tensor of the program is called so."""
        if name == PARAMETER:
            return self.name
        if name not in self.graph.index:
            return name
        return f"{self.name if name in self.update.states else 'train'}.{name}"

    def made(self) -> Iterator[Assignment]:
        if self.update.needs_norm:
            yield self._norm()
        for line in self.update.lines:
            yield self._line(line, self.numbers.get(line.name))

    def _line(self, line: Line, tensor: int | None) -> Assignment:
        name, formula, t = self.called(line.name), self.update.text(line, self.called), self.t
        of = Subject(name if tensor is None else tensor)

        def value() -> Array:
            return self.computed()[id(line.expr)] if tensor is None else self.store.updated(tensor, t)

        return Assignment(
            to=name if tensor is None else self.graph.names[tensor], name=name, subject=of,
            formula=formula, shape=line.expr.shape, _value=value,
            _before=None if tensor is None else lambda: self.store.parameter(tensor, t),
            _parts=lambda: tuple(self._parts(line, f"{name} = {formula}", value, of)),
            _in_numbers=lambda cell, form: self._in_numbers(line, cell, form),
        )  # fmt: skip

    def _parts(self, line: Line, whole: str, value: Callable[[], Array], of: Subject) -> Iterator[PartView]:
        names, update, numbers = self.update.naming(line, self.called), self.update, self.numbers
        known = {id(update.w): (self.tensor, False), id(update.g): (self.tensor, True)}
        known |= {id(leaf): (numbers[name], False) for name, leaf in update.states.items()}
        text_of = partial(write, names=names, dialect=FORMULA)

        def term(arg: Any, axes: Mapping[int, Axes]) -> Term:
            if not isinstance(arg, Expr):
                return Term(text_of(arg), ())
            read, is_of = partial(self._computed, arg), subject_among(known, arg, text_of)
            return Term(text_of(arg), arg.shape, read, is_of, axes.get(id(arg)))

        for e in self.update.parts(line):
            last = e is line.expr
            inner = e.args[0] if e.prim is not None and e.prim.name == "astype" else e
            axes = shared_axes(inner, deep=False)
            terms = tuple(term(a, axes) for a in inner.args)
            sign = "" if inner.prim is None else inner.prim.infix or inner.prim.name
            why = "operand" if inner.prim is None else inner.prim.why
            text, read = (whole, value) if last else (text_of(e), partial(self._computed, e))
            is_of = of if last else subject_among(known, e, text_of)
            yield PartView(text, e.shape, why, read, sign, terms, is_of, axes[id(inner)])

    def _computed(self, e: Expr) -> Array:
        return self.computed()[id(e)]

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
        store, graph = self.store, self.graph
        name = self.called(NORM)
        formula = store.norm_rule.text([f"∂{graph.names[t]}" for t in store.parameters])
        value = cache(lambda: np.asarray(store.norm(store.iteration(self.t))))
        part = PartView(f"{name} = {formula}", (), "elementwise", value, subject=Subject(name), axes=())
        return Assignment(name, name, Subject(name), formula, (), value, None, lambda: (part,), lambda cell, form: "")


def _computed(store: Store, t: int, tensor: int) -> dict[int, Array]:
    run = store.iteration(t)
    return store.computed(tensor, run, t, store.norm(run))
