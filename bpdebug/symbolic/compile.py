"""From plans to Python functions: one per distinct plan, and straight-line chunks for whole graphs.

The generator writes only table names (`np.`, `xp.`), numbered names (`v0`, `g0`, `x0`) and literals that passed the
one gate in `text.py`: no text of a user's reaches what is executed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod

from bpdebug.symbolic.expr import Expr, walk
from bpdebug.symbolic.library import Function, Library
from bpdebug.symbolic.on_numpy import ADD_ROWS, HERE
from bpdebug.symbolic.plan import Plan
from bpdebug.symbolic.text import named

FEW = 4
"""A table has so many times as many rows as are added to it, where they are added without a table of zeros."""


def _added(plan: Plan, position: int, to: Library) -> Expr:
    """What an operand's gradient gets; where it costs less, with the sum so far, the leaf `{s}`, which may be None."""
    e = plan.summed(position)
    if not to.numpy or e.applies != "scatter_add" or e.attrs["axis"] != 0 or prod(e.args[1].shape) * FEW > e.shape[0]:
        return e
    total = Expr(e.trace, None, (), {}, e.shape, e.dtype, "{s}")
    return Expr(e.trace, ADD_ROWS, (total, *e.args), e.attrs, e.shape, e.dtype)


def statements(
    targets: Sequence[Expr], names: Mapping[int, str], to: Library,
    halves: tuple[Mapping[int, str], Sequence[str]] | None = None,
) -> tuple[list[str], list[str], list[bool]]:  # fmt: skip
    """Lines that compute shared subexpressions once (`{t}0 = ...`), and the source of each target's expression.

    Last, whether the target is an array that nothing else has.

    A 0-d result is kept as a 0-d array: NumPy's scalars and arrays differ in last bits (`** 3`). `halves` are the half
    precisions of leaves, by identity, and of the targets, for a library that has such.
    """
    targets = to.instead(targets) if halves is None or to.halved is None else to.halved(targets, *halves)
    order = walk(*targets)
    known = {id(e): e.name for e in order if e.prim is None} | dict(names)
    uses = Counter(id(a) for e in order for a in e.operands()) + Counter(map(id, targets))
    lines: list[str] = []
    for e in order:
        if id(e) not in known and uses[id(e)] > 1:
            text = to.write(e, named(known))
            known[id(e)] = name = f"{{t}}{len(lines)}"
            lines.append(f"{name} = {text}")
    texts = [to.write(e, named(known)) for e in targets]
    scalars = [to.numpy and e.shape == () for e in targets]
    texts = [f"np.asarray({text})" if scalar else text for scalar, text in zip(scalars, texts, strict=True)]
    return lines, texts, [id(e) not in known and e.applies in to.fresh for e in targets]


def function(name: str, parameters: Sequence[str], lines: Sequence[str], to: Library) -> Function:
    """A function from generated lines."""
    body = "\n    ".join(lines) or "pass"
    made, text = dict[str, Function](), f"def {name}({', '.join(parameters)}):\n    {body}"
    exec(compile(text, f"<bpdebug {name}>", "exec"), to.scope, made)  # noqa: S102 - no text of a user's, as said above
    return made[name]


def _halves(plan: Plan, wanted: tuple[int, ...] | None) -> tuple[dict[int, str], list[str]]:
    """The half precisions of a plan's leaves, and of its value or of the operands at `wanted`."""
    *operands, value = plan.halves
    known = {id(o): half for o, half in zip(plan.operands, operands, strict=True) if isinstance(o, Expr)}
    return known | {id(plan.y): value, id(plan.g): value}, [value] if wanted is None else [operands[i] for i in wanted]


class Template:
    """A plan's statements with blanks for names (`{x0}`, its transpose `{m0}`, `{y}`, `{g}`; `{t}` before temporaries).

    They are those of the value, or of what is contributed to the operands at `wanted`. `used` says which blanks there
    are, and what stands for each; `sources` are the targets' expressions in the order asked for, `scalars` those that
    have no axes, `onto` those that add to the sum so far, `{s}`, `fresh` those that make an array of their own.
    """

    def __init__(self, plan: Plan, wanted: tuple[int, ...] | None, to: Library) -> None:
        targets = [plan.value] if wanted is None else [_added(plan, i, to) for i in wanted]
        self.onto = [e.prim is ADD_ROWS for e in targets]
        leaves = [(o, f"x{i}", "operand", i) for i, o in enumerate(plan.operands)]
        leaves += [(leaf, f"e{tensor}", "tensor", tensor) for tensor, (_, leaf) in plan.outside.items()]
        leaves += [(plan.y, "y", "value", 0), (plan.g, "g", "gradient", 0)]
        order = walk(*targets)
        turned = {id(e.args[0]): e for e in order if to.numpy and e.applies == "matrix_transpose"}
        leaves += [(turned[id(o)], f"m{i}", "transposed", i) for i, o in enumerate(plan.operands) if id(o) in turned]
        below = {id(e) for e in order}
        used = [leaf for leaf in leaves if id(leaf[0]) in below]
        self.used = {name: (what, number) for _, name, what, number in used}
        names = {id(leaf): f"{{{name}}}" for leaf, name, _, _ in used}
        halves = _halves(plan, wanted) if plan.halves else None
        self.lines, self.sources, self.fresh = statements(targets, names, to, halves)
        self.scalars = [to.numpy and e.shape == () for e in targets]

    def loaded(self, operand: str = "V[i{}]") -> tuple[list[str], list[str]]:
        """The lines and the targets' expressions, each blank loaded from the tables into a local of its name."""
        places = {"operand": operand, "tensor": "V[{}]", "value": "V[k]", "gradient": "G[k]"}
        loads = [f"{n} = {places[what].format(i)}" for n, (what, i) in self.used.items() if what in places]
        blanks = {n: n if what in places else f"x{i}.mT" for n, (what, i) in self.used.items()} | {"t": "t", "s": "s"}
        lines, sources = ([text.format_map(blanks) for text in texts] for texts in (self.lines, self.sources))
        return loads + lines, sources

    def totals(self) -> list[str]:
        """Each target, `c`, with the sum so far, `s`."""
        sums = ("np.asarray(s + c)" if scalar else "s + c" for scalar in self.scalars)
        return ["c" if onto else f"c if s is None else {total}" for onto, total in zip(self.onto, sums, strict=True)]


def template(plan: Plan, wanted: tuple[int, ...] | None = None, to: Library = HERE) -> Template:
    """The template of a node's value, or of what it contributes to the operands at `wanted`."""
    found: Template | None = plan.templates.get(key := wanted if to is HERE else to.key(wanted))
    if found is None:
        found = plan.templates[key] = Template(plan, wanted, to)
    return found


def _parameters(plan: Plan) -> list[str]:
    """One for every operand, literals too, so that a node's inputs can be passed as they are."""
    return [f"i{i}" for i in range(len(plan.operands))]


def forward(plan: Plan, to: Library = HERE) -> Function:
    """`f(V, k, *inputs)`: computes the node's value into V[k]."""
    made = plan.compiled.get(key := "forward" if to is HERE else to.key("forward"))
    if made is None:
        lines, (value,) = Template(plan, None, to).loaded()
        made = function("forward", ["V", "k", *_parameters(plan)], [*lines, f"V[k] = {value}"], to)
        plan.compiled[key] = made
    return made


def backward(plan: Plan, wanted: tuple[int, ...], to: Library = HERE) -> Function:
    """`b(V, G, k, *inputs)`: adds the gradients of the operands at `wanted` to G, in their order."""
    made = plan.compiled.get(key := wanted if to is HERE else to.key(wanted))
    if made is None:
        template = Template(plan, wanted, to)
        lines, sources = template.loaded()
        for i, source, total in zip(wanted, sources, template.totals(), strict=True):
            lines += [f"s = G[i{i}]", f"c = {source}", f"G[i{i}] = {total}"]
        made = plan.compiled[key] = function("backward", ["V", "G", "k", *_parameters(plan)], lines, to)
    return made


def contribution(plan: Plan, position: int, to: Library = HERE) -> Function:
    """`c(V, G, k, s, *inputs)`: the un-broadcast gradient that one edge contributes, added to the sum s if not None."""
    made = plan.compiled.get(key := position if to is HERE else to.key(position))
    if made is None:
        # One parameter for all numbers: an op of 1,000 operands has 1,000 of these functions.
        template = Template(plan, (position,), to)
        lines, (source,) = template.loaded("V[i[{}]]")
        lines += [f"c = {source}", f"return {template.totals()[0]}"]
        made = function("contribution", ["V", "G", "k", "s", "*i"], lines, to)
        plan.compiled[key] = made
    return made


def chunk(lines: Sequence[str], to: Library = HERE) -> Function:
    """`c(V, G, S, n)` from generated lines, `n` being tensor numbers; chunks with equal lines share one function."""
    import hashlib  # here alone: it loads OpenSSL, and many graphs have no chunk

    key = hashlib.sha256("\n".join(lines).encode()).digest()
    found = to.chunks.get(key)
    if found is None:
        if len(to.chunks) > 500:
            to.chunks.clear()
        found = to.chunks[key] = function("chunk", ["V", "G", "S", "n"], lines, to)
    return found
