"""One parameter's update at one step: its rule traced, its lines in order, and their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from bpdebug.arrays import Array, DType, Shape, read_only
from bpdebug.engine.optimizers import DOUBLE, OPTIMIZERS, Training, clipped, norm
from bpdebug.errors import ShapeError
from bpdebug.symbolic import PRIMS, Expr, Trace, TraceError, evaluate, walk
from bpdebug.symbolic.notation import Notation, gradient_of
from bpdebug.symbolic.text import write

GRADIENT, NORM, PARAMETER = "g", "norm", "w"
SHOWN = 4
"""Gradients named in the formula of their common norm; of more, the first ones and the last."""


class UpdateLine(NamedTuple):
    """What an update computes under a name: the gradient it goes by (`g`), a state, or at last the parameter (`w`)."""

    name: str
    expr: Expr


class UpdateRule:
    """The update rule of one parameter, traced for its shape and dtype.

    `states` are the leaves for what was kept from the step before, `scalars` those for the settings, the number of the
    step `t` and the `norm` of all gradients; `rule` gives the new parameter in place of the optimizer's own.
    """

    def __init__(
        self, training: Training, shape: Shape, dtype: DType,
        rule: Callable[[UpdateRule], Any] | None = None,
    ) -> None:  # fmt: skip
        optimizer = OPTIMIZERS[training.optimizer]
        self.settings, defaults = optimizer.settings_of(training.settings), optimizer.settings_of({})
        self.xp = Trace(PRIMS)
        self.w, self.g = self.xp.leaf(PARAMETER, shape, dtype), self.xp.leaf(GRADIENT, shape, dtype)
        on = [name for name, value in self.settings.items() if value or defaults[name]]
        more = ("t", NORM) if "clip_norm" in on else ("t",)
        self.scalars = {name: self.xp.leaf(name, (), DOUBLE) for name in (*on, *more)}
        self.states: dict[str, Expr] = {}
        cast = partial(self.xp.astype, dtype=dtype)
        g = clipped(self.xp, cast, self.g, self.scalars)
        if "weight_decay" in on and not optimizer.decoupled:
            g = g + cast(self.scalars["weight_decay"]) * self.w
        result, new = optimizer.step(self.xp, cast, self.w, g, self._old, self.scalars)
        made = {} if g is self.g else {GRADIENT: g}
        made |= {name: new[name] for name in self.states} | {PARAMETER: result}
        self.lines = [UpdateLine(name, expr) for name, expr in made.items()]
        self.by_hand = rule is not None
        if rule is not None:
            self.lines[-1] = UpdateLine(PARAMETER, self._checked(rule(self)))

    def _old(self, name: str) -> Expr:
        """A state as it was before, made when the rule first asks for it."""
        if name not in self.states:
            self.states[name] = self.xp.leaf(name, self.w.shape, self.w.dtype)
        return self.states[name]

    def _checked(self, result: Any) -> Expr:
        """A rule by hand: cast last, and of the parameter's shape."""
        if not isinstance(result, Expr):
            raise TraceError("the new parameter is no array")
        if result.shape != self.w.shape:
            raise ShapeError(
                f"the rule gives {result.shape}, and the parameter is {self.w.shape}",
                hint="an update has the shape of its parameter: w - lr * dw",
            )
        made: Expr = result if result.dtype == self.w.dtype else self.xp.astype(result, self.w.dtype)
        return made

    @property
    def needs_norm(self) -> bool:
        """Whether the update depends on the gradients of the other parameters, too."""
        return "clip_norm" in self.scalars

    @cached_property
    def order(self) -> list[Expr]:
        """Everything that is computed, operands before what uses them."""
        return [e for e in walk(*(line.expr for line in self.lines)) if e.prim is not None]

    def numbers(self, t: int) -> dict[str, float]:
        """The settings that are on, as they are at step `t`, which counts from 1."""
        given = ((name, self.settings[name]) for name in self.scalars if name in self.settings)
        return {name: float(v[t - 1] if isinstance(v, Sequence) else v) for name, v in given}

    def leaves(self, w: Array, g: Array, states: Sequence[Array], t: int, norm: float | None) -> dict[int, Array]:
        """Values for `evaluate`, of the parameter's shape; `states` in the order of `self.states`, `t` from 1."""
        known = {id(self.w): w, id(self.g): g}
        known |= {id(leaf): value for leaf, value in zip(self.states.values(), states, strict=True)}
        return known | self.numbers_as_leaves(t, norm)

    def numbers_as_leaves(self, t: int, norm: float | None) -> dict[int, Array]:
        """The settings that are on, the number of the step and the norm as values for `evaluate`, in double."""
        numbers = {**self.numbers(t), "t": float(t), NORM: np.nan if norm is None else norm}
        return {id(leaf): np.asarray(numbers[name]) for name, leaf in self.scalars.items()}

    @property
    def kept(self) -> list[Expr]:
        """What the next step starts from: the states, in the order of `self.states`, and the parameter."""
        return [line.expr for line in self.lines[-len(self.states) - 1 :]]

    @property
    def scratch(self) -> int:
        """Bytes of all that is computed on the way."""
        return sum(e.nbytes for e in self.order if e.prim is not None and not e.prim.view)

    @cached_property
    def _used_last(self) -> dict[int, list[int]]:
        """For each expression the operands that nothing needs after it; those of lines are needed."""
        last = {id(a): id(e) for e in self.order for a in e.args if isinstance(a, Expr)}
        found: dict[int, list[int]] = {id(e): [] for e in self.order}
        for operand in last.keys() - {id(line.expr) for line in self.lines}:
            found[last[operand]].append(operand)
        return found

    def evaluate(self, leaves: Mapping[int, Array], *, lines_only: bool = False) -> dict[int, Array]:
        """The value of every expression of the rule (of its shape), or of its lines alone, by identity; read-only."""
        known: dict[int, Any] = dict(leaves)
        with np.errstate(all="ignore"):
            for e in self.order:
                made = PRIMS[e.applies].run(*(known[id(a)] if isinstance(a, Expr) else a for a in e.args), **e.attrs)
                known[id(e)] = read_only(np.asarray(made))
                for done in self._used_last[id(e)] if lines_only else ():
                    del known[done]
        return known

    def text(self, line: UpdateLine, called: Callable[[str], str]) -> Notation:
        """A line's formula without its name: `momentum * velocity + ∂w`."""
        return Notation(partial(write, line.expr, self.naming(line, called)))

    def naming(self, line: UpdateLine, called: Callable[[str], str]) -> Callable[[Expr], str | None]:
        """Names of leaves and of the lines above; `called` says how a short name is written.

        `called(PARAMETER)` is the parameter's own name.
        """
        names = {id(leaf): called(leaf.name) for leaf in (*self.states.values(), *self.scalars.values())}
        names |= {id(self.w): called(PARAMETER), id(self.g): gradient_of(called(PARAMETER))}
        for above in self.lines:
            if above is line:
                break
            names[id(above.expr)] = called(above.name)
        return lambda e: names.get(id(e))

    def parts(self, line: UpdateLine) -> list[Expr]:
        """The operations of a line in order, without those of the lines above; a leaf alone is one part."""
        known: set[int] = set()
        for above in self.lines:
            found = [e for e in walk(above.expr) if id(e) not in known and e.prim and e.prim.name != "astype"]
            if above is line:
                return [*found[:-1], line.expr] if found else [line.expr]
            known |= {id(e) for e in found}
        raise AssertionError("a line of another update")


class Norm:
    """The norm of all gradients together: traced once for all parameters of a graph."""

    def __init__(self, shapes: Sequence[Shape], dtypes: Sequence[DType]) -> None:
        self.xp = Trace(PRIMS)
        self.gradients = [self.xp.leaf("g", *typed) for typed in zip(shapes, dtypes, strict=True)]
        self.expr: Expr = norm(self.xp, self.gradients)

    def run(self, gradients: Sequence[Array]) -> float:
        """The norm of gradients of these shapes and dtypes, in double precision."""
        leaves = {id(leaf): g for leaf, g in zip(self.gradients, gradients, strict=True)}
        with np.errstate(all="ignore"):
            return float(evaluate(self.expr, leaves)[id(self.expr)])

    def text(self, names: Sequence[str]) -> Notation:
        """The norm's formula: `sqrt(sum(square(∂w)))`; of many gradients, some are left out."""
        some = self.gradients, list(names)
        expr = self.expr
        if len(names) > SHOWN:
            left_out = self.xp.leaf("…", (), DOUBLE)
            some = [*self.gradients[:2], left_out, self.gradients[-1]], [*names[:2], "…", names[-1]]
            expr = norm(self.xp, some[0])
        called = {id(leaf): name for leaf, name in zip(*some, strict=True)}
        return Notation(partial(write, expr, lambda e: called.get(id(e))))


def state_names(training: Training | None) -> tuple[str, ...]:
    """What the optimizer keeps for each parameter from step to step, by name."""
    return () if training is None else tuple(UpdateRule(training, (), DOUBLE).states)
