"""From plans to Python functions: one per distinct plan, and straight-line chunks for whole graphs.

The generator writes only table names (`np.`, `xp.`), numbered names (`v0`, `g0`, `x0`) and literals that passed the
one gate in `text.py`: no text of a user's reaches what is executed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from bpdebug.symbolic.expr import Expr, walk
from bpdebug.symbolic.plan import Plan
from bpdebug.symbolic.prims import PRIMS
from bpdebug.symbolic.text import SOURCE, write

# `__builtins__` stays whole: with an empty one NumPy's own methods raise KeyError.
# Keywords at their defaults are not printed, so the words know them.
SCOPE: dict[str, Any] = {
    "np": np,
    "xp": SimpleNamespace(**{p.name: partial(p.run, **d) if (d := p.defaults) else p.run for p in PRIMS.values()}),
}

Function = Callable[..., Any]


def statements(
    targets: Sequence[tuple[str, Expr]], names: Mapping[int, str], prefix: str = "t"
) -> tuple[list[str], list[str]]:
    """Lines that compute shared subexpressions once, and the source of each target's expression.

    A 0-d result is kept as a 0-d array: NumPy's scalars and arrays differ in last bits (`** 3`).
    """
    known = dict(names)
    uses: Counter[int] = Counter()
    order = walk(*(e for _, e in targets))
    for e in order:
        uses.update(id(a) for a in e.operands())
    uses.update(id(e) for _, e in targets)
    lines: list[str] = []
    for e in order:
        if e.prim is not None and uses[id(e)] > 1:
            text = write(e, lambda x: known.get(id(x)), SOURCE)
            known[id(e)] = name = f"{prefix}{len(lines)}"
            lines.append(f"{name} = {text}")
    sources = []
    for _, e in targets:
        text = write(e, lambda x: known.get(id(x)), SOURCE)
        sources.append(f"np.asarray({text})" if e.shape == () else text)
    return lines, sources


def function(name: str, parameters: Sequence[str], lines: Sequence[str]) -> Function:
    """A function from generated lines."""
    body = "\n    ".join(lines) or "pass"
    scope = dict(SCOPE)
    exec(compile(f"def {name}({', '.join(parameters)}):\n    {body}", f"<bpdebug {name}>", "exec"), scope)  # noqa: S102
    made: Function = scope[name]
    return made


def _slots(plan: Plan, packed: bool) -> list[tuple[Expr, str, str]]:
    """Each tensor operand with its local name and the parameter (packed: item of the one parameter) with its number."""
    number = "i[{}]" if packed else "i{}"
    return [(o, f"x{i}", number.format(i)) for i, o in enumerate(plan.operands) if isinstance(o, Expr)]


def _numbers(plan: Plan) -> list[str]:
    """A parameter for every operand, literals too, so that a node's inputs can be passed as they are."""
    return [f"i{i}" for i in range(len(plan.operands))]


def _loads(plan: Plan, used: set[int], *, packed: bool = False) -> tuple[list[str], dict[int, str]]:
    """Lines that fetch the operands, the output and the cotangent which are used, and their names."""
    lines, names = [], {}
    for operand, local, number in _slots(plan, packed):
        if id(operand) in used:
            lines.append(f"{local} = V[{number}]")
            names[id(operand)] = local
    for tensor, (_, leaf) in plan.outside.items():
        if id(leaf) in used:
            lines.append(f"e{tensor} = V[{tensor}]")
            names[id(leaf)] = f"e{tensor}"
    for leaf, local, table in ((plan.y, "y", "V"), (plan.g, "g", "G")):
        if id(leaf) in used:
            lines.append(f"{local} = {table}[k]")
            names[id(leaf)] = local
    return lines, names


def forward(plan: Plan) -> Function:
    """`f(V, k, *inputs)`: computes the node's value into V[k]."""
    made = plan.compiled.get("forward")
    if made is None:
        loads, names = _loads(plan, {id(e) for e in walk(plan.value)})
        lines, (value,) = statements([("", plan.value)], names)
        made = plan.compiled["forward"] = function(
            "forward", ["V", "k", *_numbers(plan)], [*loads, *lines, f"V[k] = {value}"]
        )
    return made


def backward(plan: Plan, wanted: tuple[int, ...]) -> Function:
    """`b(V, G, k, *inputs)`: adds the gradients of the operands at `wanted` to G, in their order."""
    made = plan.compiled.get(wanted)
    if made is None:
        targets = [(f"i{i}", plan.summed(i)) for i in wanted]
        loads, names = _loads(plan, {id(e) for e in walk(*(e for _, e in targets))})
        lines, sources = statements(targets, names)
        body = [*loads, *lines]
        for (number, expr), source in zip(targets, sources, strict=True):
            total = "np.asarray(t + c)" if expr.shape == () else "t + c"
            body += [f"c = {source}", f"t = G[{number}]", f"G[{number}] = c if t is None else {total}"]
        made = plan.compiled[wanted] = function("backward", ["V", "G", "k", *_numbers(plan)], body)
    return made


def contribution(plan: Plan, position: int) -> Function:
    """`c(V, G, k, *inputs)`: the un-broadcast gradient that one edge contributes."""
    made = plan.compiled.get(position)
    if made is None:
        loads, names = _loads(plan, {id(e) for e in walk(plan.summed(position))}, packed=True)
        lines, (source,) = statements([("", plan.summed(position))], names)
        body = [*loads, *lines, f"return {source}"]
        # One parameter for all numbers: an op of 1,000 operands has 1,000 of these functions.
        made = plan.compiled[position] = function("contribution", ["V", "G", "k", "*i"], body)
    return made


# --- whole graphs -----------------------------------------------------------------------------------------------------


class Template:
    """A plan's statements with blanks for names (`{x0}`, `{y}`, `{g}`, and `{t}` before temporaries).

    A tensor outside is `{e17}`, by its number.

    `used` says which blanks there are; `sources` are the targets' expressions in the order asked for.
    """

    def __init__(self, plan: Plan, targets: Sequence[Expr]) -> None:
        leaves = {id(o): f"x{i}" for i, o in enumerate(plan.operands) if isinstance(o, Expr)}
        leaves |= {id(plan.y): "y", id(plan.g): "g"}
        leaves |= {id(leaf): f"e{number}" for number, (_, leaf) in plan.outside.items()}
        below = {id(e) for e in walk(*targets)}
        self.used = [name for leaf, name in leaves.items() if leaf in below]
        names = {leaf: f"{{{name}}}" for leaf, name in leaves.items()}
        self.lines, self.sources = statements([("", e) for e in targets], names, prefix="{t}")
        self.scalars = [e.shape == () for e in targets]


def forward_template(plan: Plan) -> Template:
    """The template of a node's value."""
    found: Template | None = plan.templates.get("forward")
    if found is None:
        found = plan.templates["forward"] = Template(plan, [plan.value])
    return found


def backward_template(plan: Plan, wanted: tuple[int, ...]) -> Template:
    """The template of what a node contributes to the operands at `wanted`."""
    found: Template | None = plan.templates.get(wanted)
    if found is None:
        found = plan.templates[wanted] = Template(plan, [plan.summed(i) for i in wanted])
    return found


_CHUNKS: dict[str, Function] = {}


def chunk(lines: Sequence[str]) -> Function:
    """`c(V, G, n)` from generated lines, `n` being tensor numbers; chunks with equal lines share one function."""
    text = "\n".join(lines)
    found = _CHUNKS.get(text)
    if found is None:
        if len(_CHUNKS) > 500:
            _CHUNKS.clear()
        found = _CHUNKS[text] = function("chunk", ["V", "G", "n"], lines)
    return found
