"""Backward rules that a person writes, in the language of programs: traced on a plan's leaves like any op's own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from msgspec.structs import replace

from bpdebug.arrays import DType, Shape
from bpdebug.errors import BpdebugError, InputError, suggest
from bpdebug.graph import STATE, Graph, Lit, Step, Steps, check_dtypes
from bpdebug.language.names import Place
from bpdebug.language.primitives import VOCABULARY
from bpdebug.language.program import elaborate_value
from bpdebug.limits import Limits
from bpdebug.symbolic import Expr, Plan, Trace, TraceError

Build = Callable[[Plan], Any]
Written = Mapping[str, Mapping[str, str]]
MOST_STEPS = 200
"""Operations of a rule: a longer one is nothing to read."""
_RULE = Place("<rule>", 1, 0)
WORDS = ("sigmoid", "softmax", "log_softmax")
"""Ops for which the namespace has a word of its own, so that a formula reads as it was written."""


def as_rule(
    text: str, operands: Sequence[str], output: str, *, dtype: str = "float64", limits: Limits | None = None,
    place: Place | None = None, graph: Graph | None = None,
) -> Build:  # fmt: skip
    """An expression as a function of a plan; its names are the node's operands, its output, and the output's gradient.

    With the graph, every tensor's value may be named: at a backward event all are computed.
    Raises at once for what is no expression of the language or names anything else (E_SYNTAX, E_NAME, E_OP, E_ATTR,
    E_LIMIT), and when it is called for shapes and dtypes that do not fit (E_SHAPE, E_DTYPE).
    """
    limits = limits or Limits()
    near = [n for n in dict.fromkeys((*operands, output)) if not _is_number(n)]
    outside = {} if graph is None else _named_outside(text, graph, near)
    words = spelling([*near, *outside])
    gradient = words[f"∂{output}"]
    names = [*(words[n] for n in (*near, *outside)), gradient]
    try:
        built, read = _builder(text, names, words, dtype, limits, place or _RULE)
    except InputError as error:
        if error.code == "E_NAME":
            error.hint = f"a rule may name {', '.join(near)}, every tensor of the program, and ∂{output}"
        raise

    def rule(plan: Plan) -> Any:
        known: dict[str, Any] = {words[n]: o for n, o in zip(operands, plan.operands, strict=True) if n in near}
        known |= {words[output]: plan.y, gradient: plan.g}
        known |= {words[n]: plan.tensor(t, n, *typed) for n, (t, typed) in outside.items() if words[n] in read}
        return built(known, plan.xp, plan.dtype)

    return rule


def _named_outside(text: str, graph: Graph, near: Sequence[str]) -> dict[str, tuple[int, tuple[Shape, DType]]]:
    """The tensors of a graph that a text may speak of and that are not near: number, shape and dtype."""
    found = [n for n in graph.index if n in text and n not in near and graph.kind(graph.index[n]) != STATE]
    return {n: (t, (graph.shapes[t], graph.dtypes[t])) for n in found for t in (graph.index[n],)}


class UpdateLines(Protocol):
    """What a rule of an update reads: the lines before it, the settings, and the leaves of parameter and gradient."""

    xp: Trace
    w: Expr
    g: Expr

    @property
    def states(self) -> Mapping[str, Expr]: ...
    @property
    def scalars(self) -> Mapping[str, Expr]: ...
    @property
    def lines(self) -> Sequence[tuple[str, Expr]]: ...


def as_update(text: str, parameter: str, like: UpdateLines, *, dtype: str = "float64") -> Callable[[UpdateLines], Any]:
    """An expression as a function of an update: what a parameter becomes.

    It may name the parameter, its gradient, the states as they are after this step (`velocity` or `w.velocity`), the
    gradient `g` as clipping and decay leave it, the settings and `t`, the number of the step. Raises as `as_rule` does.
    """
    limits, shorts = Limits(), [name for name, _ in like.lines[:-1]] + list(like.scalars)
    full = {n: f"{parameter if n in like.states else 'train'}.{n}" for n in shorts}
    words = spelling([parameter, *full.values()])
    gradient = words[f"∂{parameter}"]
    plainly = [n for n in shorts if n not in (parameter, gradient)]
    names = [words[parameter], *(words[n] for n in full.values()), gradient, *plainly]
    built, _ = _builder(text, names, words, dtype, limits, _RULE)

    def rule(update: UpdateLines) -> Any:
        made = dict(update.lines) | dict(update.scalars)
        known: dict[str, Any] = {words[full[n]]: made[n] for n in shorts} | {n: made[n] for n in plainly}
        known |= {words[parameter]: update.w, gradient: update.g}
        return built(known, update.xp, update.w.dtype)

    return rule


def _builder(
    text: str, names: Collection[str], words: Mapping[str, str], dtype: str, limits: Limits, place: Place
) -> tuple[Callable[[dict[str, Any], Trace, DType], Any], set[Any]]:  # fmt: skip
    """What makes an expression of the text from the expressions that its names stand for, and what it reads."""
    steps, value = elaborate_value(text, names, limits=limits, place=place, dtype=dtype, words=words)
    limits.check("terms", len(steps) * (limits["terms"] // MOST_STEPS), "the operations of a rule")

    def built(known: dict[str, Any], xp: Trace, dtype: DType) -> Any:
        for step in steps:
            known[step.id] = made = traced(step, known, xp, dtype)
            if isinstance(made, Expr):
                limits.check("memory", made.nbytes, "what a rule computes on the way")
        return known[value] if isinstance(value, str) else value

    return built, {value, *(i for step in steps for i in step.inputs)}


def read_expression(text: str, graph: Graph, *, dtype: str = "float64") -> tuple[Steps, Any]:
    """An expression over a graph's tensors and their gradients, as steps, and the name (or number) it comes to.

    Raises as `elaborate` does.
    """
    words, place = spelling(nameable(graph)), Place("<answer>", 1, 0)
    return elaborate_value(text, words.values(), limits=Limits(), place=place, dtype=dtype, words=words)


def nameable(graph: Graph) -> list[str]:
    """The tensors of a graph that lines and answers may name: all but what an optimizer keeps."""
    return [n for i, n in enumerate(graph.names) if graph.kind(i) != STATE]


def spelling(names: Sequence[str]) -> dict[str, str]:
    """Names and those of their gradients as they are typed (`h.1`, `∂Y`, `dY`), and for each an identifier of its own.

    A dotted name, and ∂Y beside a tensor dY, get another than their own.
    """
    taken = set(names)

    def fresh(name: str) -> str:
        while name in taken:
            name += "_"
        taken.add(name)
        return name

    words = {name: fresh(name.replace(".", "_")) if "." in name else name for name in names}
    for name in dict.fromkeys(names):
        words[f"∂{name}"] = gradient = fresh(f"d{words[name]}")
        words.setdefault(f"d{name}", gradient)
    return words


def traced(step: Step, known: Mapping[str, Any], xp: Trace, dtype: DType) -> Any:
    """One operation of a rule on the plan's expressions; the words that the namespace has for whole ops stay words.

    Raises E_OP, E_ATTR, E_SHAPE or E_DTYPE where the op, its attributes or the expressions do not fit.
    """
    op = VOCABULARY[step.op]
    if op.is_drawn(len(step.inputs)):
        raise InputError(f"{op.name} draws a mask, and a rule must not", code="E_OP", hint="multiply by a mask")
    inputs = [i.value if isinstance(i, Lit) else known[i] for i in step.inputs]
    if op.name == "sum":  # formulas do not show the cast of booleans
        inputs = [xp.astype(i, dtype) if isinstance(i, Expr) and i.dtype == np.bool_ else i for i in inputs]
    typed = [(i.shape, i.dtype) if isinstance(i, Expr) else i for i in inputs]
    if op.operands and not any(isinstance(i, Expr) for i in inputs):
        raise InputError(f"{op.name} of numbers alone", code="E_ATTR", hint="write the number itself")
    check_dtypes(op, typed)
    attrs = op.of_value(step.attrs)
    op.check(*(t[0] if isinstance(t, tuple) else () for t in typed), **attrs)
    if op.name in WORDS:
        return xp.make(op.name, *inputs, **attrs)
    return op.forward(xp, *inputs, **attrs)


def with_rules(graph: Graph, written: Written, dtype: str, limits: Limits, place: Callable[[str], Place]) -> Graph:
    """The graph with backward rules of the file's own, by node and operand; `place(node)` is where one stands.

    Raises as `as_rule` does, and E_NAME for a node or an operand that is not there.
    """
    if not written:
        return graph
    plans = list(graph.plans)
    for name, rules in written.items():
        node = place(name)
        try:
            k = _node(graph, name)
            operands = graph.operand_names(k)
            for operand, text in rules.items():
                position = _position(graph, k, operand, operands)
                rule = as_rule(text, operands, name, dtype=dtype, limits=limits, place=node, graph=graph)
                plans[k] = plans[k].replacing({position: rule})
        except TraceError as error:
            hint = 'a rule gives an array of the operand\'s shape: X = "dY @ W.T"'
            raise InputError(f"the rule of '{name}' cannot be traced: {error}", code="E_OP", hint=hint).at(
                node.at(1)
            ) from None
        except BpdebugError as error:
            error.where = node.at(1)
            raise
    return replace(graph, plans=tuple(plans))


def _node(graph: Graph, name: str) -> int:
    tensor = graph.index.get(name)
    k = None if tensor is None else graph.k(tensor)
    if k is None:
        known = [n.id for n in graph.nodes[:5000]]
        raise InputError(f"a rule is for a node, and there is no node '{name}'", code="E_NAME",
                         hint=suggest(name, known, "names are exact: Y, h.1, layer1.matmul1"))  # fmt: skip
    return k


def _position(graph: Graph, k: int, operand: str, names: Sequence[str]) -> int:
    """The input that is meant; E_NAME where the node has none of that name, or gives it no gradient."""
    there = graph.positions(k, operand)
    found = [p for p, t in graph.edges(k) if p in there and graph.has_gradient(t)]
    if not found:
        choice = [names[p] for p, t in graph.edges(k) if graph.has_gradient(t)]
        what = "gives no gradient to" if there else "has no operand"
        hint = f"it gives one to {', '.join(choice)}" if choice else "it has no backward rule"
        raise InputError(f"'{graph.nodes[k].id}' {what} '{operand}'", code="E_NAME", hint=hint)
    return found[0]


def _is_number(name: str) -> bool:
    """Whether an operand is a literal: numbers are written, and have no name."""
    return not name[:1].isidentifier() or name in ("True", "False", "nan", "inf")
