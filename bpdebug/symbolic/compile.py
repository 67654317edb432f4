"""From plans to Python functions: one per distinct plan, and straight-line chunks for whole graphs.

The generator writes only table names (`np.`, `xp.`), numbered names (`v0`, `g0`, `x0`) and literals that passed the
one gate in `text.py`: no text of a user's reaches what is executed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from bpdebug.arrays import DType, Shape
from bpdebug.progress import may_stop
from bpdebug.symbolic.arrays import add_rows
from bpdebug.symbolic.expr import Expr, Prim, Trace, walk
from bpdebug.symbolic.plan import Plan
from bpdebug.symbolic.prims import PRIMS
from bpdebug.symbolic.text import SOURCE, named, write

# `__builtins__` stays whole: with an empty one NumPy's own methods raise KeyError.
# Keywords at their defaults are not printed, so the words know them.
SCOPE: dict[str, Any] = {
    "may_stop": may_stop,
    "np": np,
    "xp": SimpleNamespace(**{p.name: partial(p.run, **d) if (d := p.defaults) else p.run for p in PRIMS.values()}),
}

Function = Callable[..., Any]

COMPARES = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
COMPUTES = {"add", "subtract", "multiply", "divide", "maximum", "minimum"}
WEAK, NUMBERS = 2**15, 1000
"""Numbers are made arrays up to this size, which even float16 has, and so many of them."""
MANY = 1024
"""Cells from which on choosing between cells and 0 takes up to three times as long as a product."""
_UNSIGNED: dict[int, DType] = {2: np.dtype(np.uint16), 4: np.dtype(np.uint32), 8: np.dtype(np.uint64)}
VIEW = Prim("view", lambda x, dtype: x.view(dtype), attrs={"dtype": ...}, source="{0}.view({dtype})")
INVERT = Prim("invert", np.invert, infix="~", precedence=70)


def _spread(x: Any, shape: Shape) -> Any:
    """`broadcast_to`, in the same layout, in half of the time of NumPy's; of a single number in a tenth."""
    if not x.shape:
        return np.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
    return np.nditer(x, ("multi_index", "refs_ok", "zerosize_ok"), ("readonly",), itershape=shape, order="C").itviews[0]


TOTAL = Prim("total", np.add.reduce, attrs={"axis": ..., "keepdims": False})
LARGEST = Prim("largest", np.maximum.reduce, attrs=TOTAL.attrs)
SPREAD = Prim("spread", _spread, attrs=PRIMS["broadcast_to"].attrs)
ADD_ROWS = Prim("add_rows", add_rows, arrays=3, attrs=PRIMS["scatter_add"].attrs)
for _word in (SPREAD, TOTAL, LARGEST, ADD_ROWS):
    setattr(SCOPE["xp"], _word.name, _word.run)
FEW = 4
"""A table has so many times as many rows as are added to it, where they are added without a table of zeros."""
_NUMBERS: dict[tuple[str, str], Expr] = {}


def _number(value: Any, dtype: DType) -> Any:
    """A number as the 0-d array that NumPy would make of it beside an array of this dtype in every call."""
    key = repr(value), dtype.char
    if key not in _NUMBERS:
        if len(_NUMBERS) >= NUMBERS:
            return value
        name = f"c{len(_NUMBERS)}"
        SCOPE[name] = array = np.asarray(value, dtype)
        array.flags.writeable = False
        _NUMBERS[key] = Expr(Trace({}), None, (), {}, (), dtype, name)
    return _NUMBERS[key]


def _is_zero(x: Any) -> bool:
    return type(x) in (int, float) and repr(x) in ("0", "0.0")


def _chosen(e: Expr, x: Expr, mask: Expr, *, dense: bool) -> tuple[Prim, tuple[Any, ...], Mapping[str, Any]]:
    """`where(mask, x, 0)`, bit for bit and in the same layout: a cell's bits times 1 or 0."""
    bits = _UNSIGNED[e.dtype.itemsize]
    cells = Expr(e.trace, VIEW, (x,), {"dtype": bits}, x.shape, bits)
    if dense:  # cast in pieces, as the product does, it takes longer; of what is spread the layout would be another
        mask = Expr(e.trace, PRIMS["astype"], (mask,), {"dtype": bits}, mask.shape, bits)
    return VIEW, (Expr(e.trace, PRIMS["multiply"], (cells, mask), {}, e.shape, bits),), {"dtype": e.dtype}


def _cheaper(e: Expr, args: tuple[Any, ...]) -> tuple[Prim | None, tuple[Any, ...], Mapping[str, Any]]:
    """What is computed in place of an expression, `args` being in place of its own, because it costs less."""
    name, floats = e.applies, [a for a in args if isinstance(a, Expr) and a.shape and a.dtype.kind == "f"]
    if name in COMPARES or name in COMPUTES:
        weak = [type(a) in (int, float) and abs(a) <= WEAK for a in args]
        if len(floats) == 1 and any(weak):
            made = tuple(_number(a, floats[0].dtype) if w else a for a, w in zip(args, weak, strict=True))
            return e.prim, made, e.attrs
    if name == "where" and prod(e.shape) >= MANY and e.dtype.kind == "f":
        mask, a, b = args
        dense = isinstance(mask, Expr) and mask.applies in COMPARES and mask.shape == e.shape
        if isinstance(mask, Expr) and isinstance(a, Expr) and a.dtype == e.dtype and _is_zero(b):
            return _chosen(e, a, mask, dense=dense)
        if dense and isinstance(b, Expr) and b.dtype == e.dtype and _is_zero(a):
            return _chosen(e, b, Expr(e.trace, INVERT, (mask,), {}, e.shape, mask.dtype), dense=True)
    if name == "pow" and floats and args[0] is floats[0] and type(args[1]) is int and args[1] == 2:
        return PRIMS["multiply"], (args[0], args[0]), {}
    if name == "expand_dims" and isinstance(args[0], Expr):
        return PRIMS["reshape"], args, {"shape": e.shape}
    if name in ("sum", "max") and isinstance(args[0], Expr):
        return TOTAL if name == "sum" else LARGEST, args, e.attrs
    if name == "broadcast_to" and isinstance(args[0], Expr):
        return SPREAD, args, e.attrs
    return e.prim, args, e.attrs


def _in_place(targets: Sequence[Expr]) -> list[Expr]:
    """The expressions that are computed in place of these."""
    made: dict[int, Expr] = {}
    for e in walk(*targets):
        prim, args, attrs = _cheaper(e, tuple(made[id(a)] if isinstance(a, Expr) else a for a in e.args))
        changed = prim is not e.prim or any(a is not b for a, b in zip(args, e.args, strict=False))
        made[id(e)] = Expr(e.trace, prim, args, attrs, e.shape, e.dtype) if changed else e
    return [made[id(e)] for e in targets]


def _added(plan: Plan, position: int) -> Expr:
    """What an operand's gradient gets; where it costs less, with the sum so far, the leaf `{s}`, which may be None."""
    e = plan.summed(position)
    if e.applies != "scatter_add" or e.attrs["axis"] != 0 or prod(e.args[1].shape) * FEW > e.shape[0]:
        return e
    total = Expr(e.trace, None, (), {}, e.shape, e.dtype, "{s}")
    return Expr(e.trace, ADD_ROWS, (total, *e.args), e.attrs, e.shape, e.dtype)


def statements(targets: Sequence[Expr], names: Mapping[int, str]) -> tuple[list[str], list[str]]:
    """Lines that compute shared subexpressions once (`{t}0 = ...`), and the source of each target's expression.

    A 0-d result is kept as a 0-d array: NumPy's scalars and arrays differ in last bits (`** 3`).
    """
    targets = _in_place(targets)
    order = walk(*targets)
    known = {id(e): e.name for e in order if e.prim is None} | dict(names)
    uses = Counter(id(a) for e in order for a in e.operands()) + Counter(map(id, targets))
    lines: list[str] = []
    for e in order:
        if id(e) not in known and uses[id(e)] > 1:
            text = write(e, named(known), SOURCE)
            known[id(e)] = name = f"{{t}}{len(lines)}"
            lines.append(f"{name} = {text}")
    texts = [write(e, named(known), SOURCE) for e in targets]
    return lines, [f"np.asarray({text})" if e.shape == () else text for e, text in zip(targets, texts, strict=True)]


def function(name: str, parameters: Sequence[str], lines: Sequence[str]) -> Function:
    """A function from generated lines."""
    body = "\n    ".join(lines) or "pass"
    made, text = dict[str, Function](), f"def {name}({', '.join(parameters)}):\n    {body}"
    exec(compile(text, f"<bpdebug {name}>", "exec"), SCOPE, made)  # noqa: S102 - no text of a user's, as said above
    return made[name]


class Template:
    """A plan's statements with blanks for names (`{x0}`, its transpose `{m0}`, `{y}`, `{g}`; `{t}` before temporaries).

    `used` says which blanks there are, and what stands for each; `sources` are the targets' expressions in the order
    asked for, `scalars` those that have no axes, `onto` those that add to the sum so far, `{s}`.
    """

    def __init__(self, plan: Plan, targets: Sequence[Expr]) -> None:
        self.onto = [e.prim is ADD_ROWS for e in targets]
        leaves = [(o, f"x{i}", "operand", i) for i, o in enumerate(plan.operands)]
        leaves += [(leaf, f"e{tensor}", "tensor", tensor) for tensor, (_, leaf) in plan.outside.items()]
        leaves += [(plan.y, "y", "value", 0), (plan.g, "g", "gradient", 0)]
        order = walk(*targets)
        turned = {id(e.args[0]): e for e in order if e.applies == "matrix_transpose"}
        leaves += [(turned[id(o)], f"m{i}", "transposed", i) for i, o in enumerate(plan.operands) if id(o) in turned]
        below = {id(e) for e in order}
        used = [leaf for leaf in leaves if id(leaf[0]) in below]
        self.used = {name: (what, number) for _, name, what, number in used}
        self.lines, self.sources = statements(targets, {id(leaf): f"{{{name}}}" for leaf, name, _, _ in used})
        self.scalars = [e.shape == () for e in targets]

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


def template(plan: Plan, wanted: tuple[int, ...] | None = None) -> Template:
    """The template of a node's value, or of what it contributes to the operands at `wanted`."""
    found: Template | None = plan.templates.get(wanted)
    if found is None:
        targets = [plan.value] if wanted is None else [_added(plan, i) for i in wanted]
        found = plan.templates[wanted] = Template(plan, targets)
    return found


def _parameters(plan: Plan) -> list[str]:
    """One for every operand, literals too, so that a node's inputs can be passed as they are."""
    return [f"i{i}" for i in range(len(plan.operands))]


def forward(plan: Plan) -> Function:
    """`f(V, k, *inputs)`: computes the node's value into V[k]."""
    made = plan.compiled.get("forward")
    if made is None:
        lines, (value,) = Template(plan, [plan.value]).loaded()
        made = function("forward", ["V", "k", *_parameters(plan)], [*lines, f"V[k] = {value}"])
        plan.compiled["forward"] = made
    return made


def backward(plan: Plan, wanted: tuple[int, ...]) -> Function:
    """`b(V, G, k, *inputs)`: adds the gradients of the operands at `wanted` to G, in their order."""
    made = plan.compiled.get(wanted)
    if made is None:
        template = Template(plan, [_added(plan, i) for i in wanted])
        lines, sources = template.loaded()
        for i, source, total in zip(wanted, sources, template.totals(), strict=True):
            lines += [f"s = G[i{i}]", f"c = {source}", f"G[i{i}] = {total}"]
        made = plan.compiled[wanted] = function("backward", ["V", "G", "k", *_parameters(plan)], lines)
    return made


def contribution(plan: Plan, position: int) -> Function:
    """`c(V, G, k, s, *inputs)`: the un-broadcast gradient that one edge contributes, added to the sum s if not None."""
    made = plan.compiled.get(position)
    if made is None:
        # One parameter for all numbers: an op of 1,000 operands has 1,000 of these functions.
        template = Template(plan, [_added(plan, position)])
        lines, (source,) = template.loaded("V[i[{}]]")
        lines += [f"c = {source}", f"return {template.totals()[0]}"]
        made = function("contribution", ["V", "G", "k", "s", "*i"], lines)
        plan.compiled[position] = made
    return made


_CHUNKS: dict[bytes, Function] = {}


def chunk(lines: Sequence[str]) -> Function:
    """`c(V, G, S, n)` from generated lines, `n` being tensor numbers; chunks with equal lines share one function."""
    import hashlib  # here alone: it loads OpenSSL, and many graphs have no chunk

    key = hashlib.sha256("\n".join(lines).encode()).digest()
    found = _CHUNKS.get(key)
    if found is None:
        if len(_CHUNKS) > 500:
            _CHUNKS.clear()
        found = _CHUNKS[key] = function("chunk", ["V", "G", "S", "n"], lines)
    return found
