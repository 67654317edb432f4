"""The lines of an update event, read off its traced rule: formulas, parts and values on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
from msgspec.structs import replace

from bpdebug.arrays import Array, Cell
from bpdebug.engine.parts import Assignment, PartView, Recipe, part
from bpdebug.engine.store import Store
from bpdebug.engine.update import NORM, PARAMETER, UpdateLine, UpdateRule
from bpdebug.graph import Subject, subject_among
from bpdebug.symbolic import Expr
from bpdebug.symbolic.notation import Notation, bracketed, gradient_of, numeral, symbol
from bpdebug.symbolic.notation import line as equation
from bpdebug.symbolic.text import write


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
        self.update: UpdateRule = store.updates.rule(tensor)
        self.numbers = dict(zip(self.update.states, self.graph.states.get(self.tensor, ()), strict=True))
        self.numbers[PARAMETER] = self.tensor
        self.computed = cache(lambda: store.computed(tensor, t, store.norm(t)))

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

    def _line(self, line: UpdateLine, tensor: int | None) -> Assignment:
        name, formula, t = self.called(line.name), self.update.text(line, self.called), self.t
        of = Subject(name if tensor is None else tensor)

        def value() -> Array:
            return self.computed()[id(line.expr)] if tensor is None else self.store.updated(tensor, t)

        return Assignment(
            name if tensor is None else self.graph.names[tensor], formula, line.expr.shape,
            value, lambda: tuple(self._parts(line, equation(symbol(name), "=", formula), value, of)),
            name=name, subject=of, in_numbers=partial(self._in_numbers, line),
            _before=None if tensor is None else lambda: self.store.parameter(tensor, t),
            recipe=Recipe(of, line.expr, self._subjects(line), self._computed),
        )  # fmt: skip

    def _parts(self, line: UpdateLine, whole: str, value: Callable[[], Array], of: Subject) -> Iterator[PartView]:
        text_of, subject = self._text(line), self._subjects(line)
        for e in self.update.parts(line):
            shown = e.args[0] if e.prim is not None and e.prim.name == "astype" else e
            why = "operand" if shown.prim is None else shown.prim.why
            made = part(shown, text_of(e), why, self._computed, subject, text_of)
            yield replace(made, text=whole, read=value, subject=of) if e is line.expr else made

    def _text(self, line: UpdateLine) -> Callable[[Any], Notation]:
        names = self.update.naming(line, self.called)
        return lambda expr: Notation(partial(write, expr, names))

    def _subjects(self, line: UpdateLine) -> Callable[[Expr], Subject]:
        """What the expressions of a line are."""
        update, numbers = self.update, self.numbers
        known = {id(update.w): (self.tensor, False), id(update.g): (self.tensor, True)}
        known |= {id(leaf): (numbers[name], False) for name, leaf in update.states.items()}
        return lambda e: subject_among(known, e, self._text(line))

    def _computed(self, e: Expr) -> Array:
        return self.computed()[id(e)]

    def _in_numbers(self, line: UpdateLine, cell: Cell, form: Callable[[float], str]) -> Notation | None:
        """An optimizer's own rules work cell by cell; what is written by hand need not."""
        if line is self.update.lines[-1] and self.update.by_hand:
            return None
        names, known = self.update.naming(line, self.called), self.computed()
        settings = {id(leaf) for name, leaf in self.update.scalars.items() if name in self.update.settings}

        def at(e: Expr) -> str | None:
            if names(e) is None:
                return None
            value = float(known[id(e)][cell] if e.shape else known[id(e)])
            text = form(value)
            if id(e) in settings and float(text.replace("−", "-")) != value:
                text = repr(value)  # what somebody wrote has all its digits: 1 - 0.99999 is not 1 - 1
            shown = numeral(text)
            return shown if text[0].isalnum() else bracketed(shown)

        return Notation(partial(write, line.expr, at))

    def _norm(self) -> Assignment:
        """The norm of all gradients, in one part."""
        store, graph = self.store, self.graph
        name = self.called(NORM)
        formula = store.updates.norm_rule.text([gradient_of(graph.names[t]) for t in store.updates.parameters])
        value = cache(lambda: np.asarray(store.norm(self.t)))
        view = PartView(equation(symbol(name), "=", formula), (), "elementwise", value, subject=Subject(name))
        return Assignment(
            name, formula, (), value, lambda: (view,),
            name=name, subject=Subject(name), _before=None, in_numbers=lambda cell, form: None,
        )  # fmt: skip
