"""A rule traced once: what it gives for these shapes, dtypes and attributes, in every form it is needed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cached_property
from math import prod
from typing import Any, Protocol

from msgspec import Struct

from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import ShapeError
from bpdebug.far import as_array
from bpdebug.symbolic.brief import Brief, brief
from bpdebug.symbolic.expr import Expr, Trace, TraceError, broadcasted, evaluate, stretched, walk
from bpdebug.symbolic.notation import FORMULA, SOURCE, Dialect, Notation, gradient_of, line, symbol
from bpdebug.symbolic.prims import PRIMS
from bpdebug.symbolic.text import Names, addend, named, write

Build = Callable[["Plan"], Any]
"""What builds a gradient from a plan's leaves."""


class Traceable(Protocol):
    """What is traced: a forward function and its vector-Jacobian product."""

    @property
    def name(self) -> str: ...
    @property
    def forward(self) -> Callable[..., Any]: ...
    @property
    def vjp(self) -> Callable[..., tuple[Any, ...]]: ...
    @property
    def broadcasts(self) -> str: ...
    @property
    def infix(self) -> str: ...
    @property
    def leads(self) -> str: ...
    def is_given(self, attr: str, value: Any) -> bool: ...
    def of_value(self, attrs: Mapping[str, Any]) -> Mapping[str, Any]: ...


class Part(Struct, frozen=True, eq=False):
    """One micro-step inside a rule: what it says, and the expression that computes it."""

    text: Notation
    shape: Shape
    why: str
    expr: Expr


class Plan:
    """The traced rule of one (op, shapes, dtypes, attributes).

    `operands` are the symbolic operands (or the literals), `y` the output as a leaf of the backward rule, `g` its
    cotangent; `value` is the forward expression; `gradients[i]` the expression for operand i, or None. `replaced` holds
    the rules, by operand, that stand in place of the op's.
    `outside` holds the tensors of the graph, by number, that a written rule reads beside these: names and leaves.
    `halves` are the half precisions of the operands, and of the value, where any of them is in one; else empty.
    """

    def __init__(
        self, rule: Traceable, operands: Sequence[tuple[Shape, DType] | Any], attrs: Mapping[str, Any],
        replaced: Mapping[int, Build] | None = None,
    ) -> None:  # fmt: skip
        self.rule, self.attrs = rule, attrs
        self.xp = Trace(PRIMS)
        self.operands: tuple[Any, ...] = tuple(
            self.xp.leaf(f"x{i}", *o) if isinstance(o, tuple) else o for i, o in enumerate(operands)
        )
        value = rule.forward(self.xp, *self.operands, **rule.of_value(attrs))
        if not isinstance(value, Expr):
            raise TraceError(f"{rule.name}: the forward rule gave {type(value).__name__}, not an array")
        self.value: Expr = value
        self.shape, self.dtype, self.nbytes = value.shape, value.dtype, value.nbytes
        self.y = self.xp.leaf("y", self.shape, self.dtype)
        self.g = self.xp.leaf("g", self.shape, self.dtype)
        self.compiled: dict[Any, Callable[..., Any]] = {}
        self.templates: dict[Any, Any] = {}
        self.outside: dict[int, tuple[str, Expr]] = {}
        self._written: dict[Any, list[str]] = {}
        self._steps: dict[int, list[tuple[Expr, str]]] = {}
        self.replaced = replaced or {}
        self.halves: tuple[str, ...] = ()

    @cached_property
    def gradients(self) -> tuple[Expr | None, ...]:
        """The gradient for each operand, the op's or the one that replaces it; None where there is none."""
        found = list(self.own_gradients)
        for position, rule in self.replaced.items():
            found[position] = self.check(position, rule(self))
        return tuple(found)

    @cached_property
    def own_gradients(self) -> tuple[Expr | None, ...]:
        """What the op's rule gives for each operand, checked for shape and dtype; None where there is no gradient."""
        if self.dtype.kind != "f":
            return (None,) * len(self.operands)
        found = self.rule.vjp(self.xp, self.g, self.y, *self.operands, **self.attrs)
        pairs = zip(self.operands, (*found, *(None,) * len(self.operands)), strict=False)
        return tuple(
            self.check(i, g) if g is not None and isinstance(operand, Expr) and operand.dtype.kind == "f" else None
            for i, (operand, g) in enumerate(pairs)
        )

    @property
    def own(self) -> Plan:
        """A plan of the same call with the op's gradients alone."""
        return self._with({})

    def replacing(self, rules: Mapping[int, Build]) -> Plan:
        """A plan of the same call with other rules for some operands, beside those that are replaced already.

        `rule(plan)` builds an operand's gradient from the plan's leaves, and may use its `own_gradients`. Raises
        ShapeError where the shape is neither the operand's nor one that sums to it, TraceError where it is no array.
        """
        made = self._with({**self.replaced, **rules})
        made.gradients  # noqa: B018 - a rule that does not fit is refused here
        return made

    def _with(self, replaced: Mapping[int, Build]) -> Plan:
        operands = [(o.shape, o.dtype) if isinstance(o, Expr) else o for o in self.operands]
        made = Plan(self.rule, operands, self.attrs, replaced)
        made.halves = self.halves
        return made

    def in_halves(self, halves: tuple[str, ...]) -> Plan:
        """The same plan where operands and the value are in half precision; of functions it has none yet."""
        made, nbytes = copy(self), self.nbytes // (2 if halves[-1] else 1)
        vars(made).update(halves=halves, compiled={}, templates={}, nbytes=nbytes)
        return made

    def check(self, position: int, gradient: Any) -> Expr:
        """The gradient; E_SHAPE, E_DTYPE or TraceError where operand `position` needs another, before its sum."""
        operand = self.operands[position]
        if not isinstance(gradient, Expr):
            raise TraceError(f"{self.rule.name}: the gradient of operand {position} is no array")
        allowed = {operand.shape, self.before_sum(position)}
        if gradient.shape not in allowed:
            raise ShapeError(
                f"{self.rule.name}: the rule gives a gradient of shape {gradient.shape} for operand {position} "
                f"of shape {operand.shape}",
                hint="a gradient has the shape of what it is the gradient of: "
                + " or, before the sum, ".join(dict.fromkeys(map(str, (operand.shape, self.before_sum(position))))),
            )
        if gradient.dtype != operand.dtype:
            raise ShapeError(
                f"{self.rule.name}: the rule gives a {gradient.dtype} gradient for a {operand.dtype} operand",
                hint="cast nothing in a rule",
                code="E_DTYPE",
            )
        return gradient

    def before_sum(self, position: int) -> Shape:
        """The shape of a gradient before it is summed over the axes its operand was broadcast along."""
        operand = self.operands[position]
        if self.rule.broadcasts == "elementwise":
            return broadcasted(self.value, *self.operands)
        if self.rule.broadcasts == "matmul":
            return self.shape[:-2] + tuple(operand.shape[-2:])
        return tuple(operand.shape)

    @cached_property
    def differentiable(self) -> tuple[int, ...]:
        """The positions of the operands that have a gradient; literals have none."""
        return tuple(i for i, gradient in enumerate(self.gradients) if gradient is not None)

    def gradient(self, position: int) -> Expr:
        """The gradient of an operand, before it is un-broadcast; TraceError where it has none."""
        gradient = self.gradients[position]
        if gradient is None:
            raise TraceError(f"{self.rule.name}: operand {position} has no gradient")
        return gradient

    def summed(self, position: int) -> Expr:
        """The gradient of an operand, un-broadcast to its shape: what is accumulated; TraceError where it has none."""
        return unbroadcast(self.xp, self.gradient(position), self.operands[position].shape)

    def tensor(self, number: int, name: str, shape: Shape, dtype: DType) -> Expr:
        """A tensor of the graph that is no operand, as a leaf; floats are of this plan's precision."""
        if number not in self.outside:
            leaf = self.xp.leaf(name, shape, self.dtype if dtype.kind == "f" else dtype)
            self.outside[number] = (name, leaf)
        return self.outside[number][1]

    # --- text -----------------------------------------------------------------------------------------------------

    def naming(self, operands: Sequence[str], output: str) -> Callable[[Expr], str | None]:
        """Names of the leaves: operands as given, `y` the output, `g` its gradient ∂output."""
        table = {id(o): n for o, n in zip(self.operands, operands, strict=True) if isinstance(o, Expr)}
        table[id(self.y)], table[id(self.g)] = output, gradient_of(output)
        table.update({id(leaf): name for name, leaf in self.outside.values()})
        return named(table)

    def text_of(
        self, expr: Any, operands: Sequence[str], output: str, to: Callable[[Any, Names, Dialect], str] = write
    ) -> Notation:
        """Any expression of this plan (or a literal of it) as a formula; its text is written once, names filled in."""
        pieces = self._written.get((id(expr), to))
        if pieces is None:
            blanks = [f"\0{i}\0" for i in range(len(operands) + 1)]
            pieces = to(expr, self.naming(blanks[:-1], blanks[-1]), FORMULA).split("\0")
            if isinstance(expr, Expr):
                self._written[id(expr), to] = pieces
        text = "".join((*operands, output)[int(piece)] if i % 2 else piece for i, piece in enumerate(pieces))
        return Notation(lambda dialect: to(expr, self.naming(operands, output), dialect), text)

    def formula(self, position: int, operands: Sequence[str], output: str) -> Notation:
        """The rule for one operand, as a book writes it: `∂Y @ Wᵀ`."""
        return self.text_of(self.gradients[position], operands, output)

    def parts(self, position: int, operands: Sequence[str], output: str) -> list[Part]:
        """Every operation of one operand's rule in order, then the sum over broadcast axes where there is one."""
        if position not in self._steps:
            self._steps[position] = self._operations(position)
        return [Part(self.text_of(e, operands, output), e.shape, why, e) for e, why in self._steps[position]]

    def _operations(self, position: int) -> list[tuple[Expr, str]]:
        gradient = self.gradients[position]
        if gradient is None:
            return []
        found = [(e, e.prim.why) for e in walk(gradient) if e.prim is not None and e.prim.name != "astype"]
        total = self.summed(position)
        return (found or [(gradient, "operand")]) + ([(total, "unbroadcast")] if total is not gradient else [])

    def brief(self, root: Expr, operands: Sequence[str], output: str) -> Brief:
        """A formula with names for what is repeated in it, where it is long; with them it can be read."""
        return brief(root, self.naming(operands, output))

    def call_text(self, operands: Sequence[str]) -> Notation:
        """The forward call as it is written: `X @ W`, `Wᵀ`, `X[0, :]`, `relu(Z)`, `sum(Z, axis=0)`."""
        prim = self.value.prim
        plain = prim is not None and (self.rule.infix or prim.name in ("matrix_transpose", "index", "take_at"))
        if plain and all(not isinstance(a, Expr) or a.prim is None for a in self.value.args):
            return self.text_of(self.value, operands, "y")
        return Notation(lambda dialect: self._call(operands, dialect))

    def _call(self, operands: Sequence[str], dialect: Dialect) -> str:
        leads, given = self.rule.leads, self.rule.is_given
        first = [self.attrs[leads]] if leads else []
        words = [dialect.quoted(v) if isinstance(v, str) else dialect.value(v) for v in first]
        pairs = zip(self.operands, operands, strict=False)
        words += [dialect.of(name) if isinstance(o, Expr) else dialect.value(o) for o, name in pairs]
        rest = [(k, v) for k, v in self.attrs.items() if k != leads and given(k, v)]
        return dialect.call(self.rule.name, [*words, *(dialect.keyword(k, dialect.value(v)) for k, v in rest)])

    def total_text(self, position: int, operands: Sequence[str], output: str) -> Notation:
        """What is accumulated, as text: the rule, un-broadcast."""
        return self.text_of(self.summed(position), operands, output)

    def sum_text(self, before: str, position: int, operands: Sequence[str], output: str) -> Notation:
        """The accumulation as text: `∂X + ∂Y @ Wᵀ`, what is added in brackets where it is a sum itself."""
        return line(symbol(before), "+", self.text_of(self.summed(position), operands, output, addend))

    def source(self, operands: Sequence[str], output: str = "y", gradient: str = "g") -> list[str]:
        """Readable NumPy of the whole rule: forward, then each operand's gradient."""
        names = self.naming(operands, output)
        targets = [(output, self.value), *((f"d{n}", g) for n, g in zip(operands, self.gradients, strict=True))]
        both = lambda e: gradient if e is self.g else names(e)  # noqa: E731 - a two-word closure
        return [f"{name} = {write(e, both, SOURCE)}" for name, e in targets if e is not None]

    # --- running --------------------------------------------------------------------------------------------------

    def evaluate(self, expr: Expr, leaves: Mapping[int, Any]) -> Array:
        """The value of an expression, of its shape, given its leaves by identity: the interpreter behind parts."""
        found: Array = as_array(evaluate(expr, leaves)[id(expr)])
        return found

    def leaves(self, inputs: Sequence[Any], y: Any = None, g: Any = None) -> dict[int, Any]:
        """Values for `evaluate`: this plan's operands, what it reads outside where that is given after them, and the
        output and cotangent where known."""
        names = (*self.operands, *(leaf for _, leaf in self.outside.values()))
        table = {id(o): v for o, v in zip(names, inputs, strict=False) if isinstance(o, Expr)}
        table.update({id(self.y): y, id(self.g): g})
        return table

    @property
    def scratch(self) -> int:
        """Bytes of every intermediate array of the rule, forward and backward: a bound on what one event allocates."""
        roots = [self.value, *(self.summed(i) for i, g in enumerate(self.gradients) if g is not None)]
        total = 0
        for e in walk(*roots):
            if e.prim is not None:
                total += (0 if e.prim.view else e.nbytes) + e.prim.scratch(e) * e.dtype.itemsize
        return total


def unbroadcast(xp: Trace, gradient: Expr, shape: Shape) -> Expr:
    """A gradient summed over the axes its operand was broadcast along, if any; TraceError where that is not `shape`."""
    if gradient.shape == shape:
        return gradient
    axes = stretched(gradient.shape, shape)
    if len(axes) == gradient.ndim - len(shape):
        return xp.sum(gradient, axis=axes if len(axes) > 1 else axes[0])
    kept: Expr = xp.sum(gradient, axis=axes if len(axes) > 1 else axes[0], keepdims=True)
    if prod(kept.shape) != prod(shape):
        raise TraceError(f"{gradient.shape} does not sum to {shape}")
    return kept if kept.shape == shape else xp.reshape(kept, shape)
