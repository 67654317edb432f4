"""The words that rules are written with and that are no ops of their own, as ops: with the derivative of a derivative.

A backward pass that is written out as steps (`grad`) is made of ops and of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from bpdebug.ops import OPS, REQUIRED, Attr, Op
from bpdebug.ops.axes import axes_of
from bpdebug.ops.op import MIXES, SCALES
from bpdebug.symbolic.expr import Prim
from bpdebug.symbolic.moves import MODES
from bpdebug.symbolic.prims import PRIMS

_KINDS = {
    "axis": "axis", "size": "ints", "shape": "ints", "key": "key", "rows": "int", "columns": "int",
    "stride": "ints", "padding": "padding", "dilation": "ints", "fill": "float", "first": "bool", "k": "int",
    "widths": "widths", "shift": "ints", "offset": "int", "axis1": "int", "axis2": "int", "out": "ints",
    "nearest": "bool", "middle": "bool", "corners": "bool", "scale": "number", "next": "int",
}  # fmt: skip
_OPERANDS = {
    "same": ("a", "b"),
    "add_at": ("x", "*ids?"),
    "tri": (),
    "horner": ("g", "x"),
}
_KINDS_TAKEN = {"add_at": ("f", "i"), "first_of": ("b",), "last_of": ("b",)}
"""Of the words whose operands are not of any kind."""
_WRITTEN_OTHERWISE = ("astype", "index", "matrix_transpose")


def _behind(xp: Any, x: Any, axis: int, by: int) -> Any:
    """Every cell moved on by one along an axis, or back where `by` is -1; 0 comes in."""
    from_, to = ((None, -1, None), (1, None, None)) if by > 0 else ((1, None, None), (None, -1, None))
    before = ((None, None, None),) * axis
    return xp.place(xp.index(x, key=(*before, from_)), shape=x.shape, key=(*before, to))


def _others_vjp(xp: Any, g: Any, y: Any, x: Any, axis: Any) -> tuple[Any, ...]:
    """Of each product the derivative by each other cell is the product of what is left: a table of all pairs."""
    axes = axes_of(axis, x.shape)
    order = (*axes, *(a for a in range(x.ndim) if a not in axes))
    back = tuple(sorted(range(x.ndim), key=order.__getitem__))
    turned = tuple(x.shape[a] for a in order)
    rest = turned[len(axes) :]
    cells = 1
    for size in turned[: len(axes)]:
        cells *= size
    line = xp.reshape(xp.permute_dims(x, order), (1, cells, *rest))
    into = xp.reshape(xp.permute_dims(g, order), (cells, 1, *rest))
    own = xp.reshape(xp.tri(cells, cells) != xp.tri(cells, cells, -1), (cells, cells, *(1 for _ in rest)))
    pairs = xp.others(xp.where(own, 1, line), axis=1)
    found = xp.sum(xp.where(own, 0, into * pairs), axis=0)
    return (xp.permute_dims(xp.reshape(found, turned), back),)


def _horner_vjp(xp: Any, g: Any, y: Any, into: Any, x: Any, axis: int) -> tuple[Any, ...]:
    """The same from the other end: what was carried on from cell to cell is carried back."""
    turned = xp.roll(xp.flip(x, axis=axis), shift=1, axis=axis)
    carried = xp.flip(xp.horner(xp.flip(g, axis=axis), turned, axis=axis), axis=axis)
    return carried, y * _behind(xp, carried, axis, 1)


def _unit_vjp(xp: Any, g: Any, y: Any, x: Any, axis: Any) -> tuple[Any, ...]:
    """What of the gradient does not lie along x, over x's length."""
    length = xp.norm(x, axis=axis, keepdims=True)
    along = xp.sum(g * y, axis=axis, keepdims=True)
    return ((g - along * y) / xp.where(length == 0, 1, length),)


class Rule(NamedTuple):
    """A word's vector-Jacobian product, what it does to a gradient, and the operands that the word is linear in."""

    vjp: Callable[..., tuple[Any, ...]]
    back: str
    linear_in: tuple[int, ...] = ()


def _linear(back: str, vjp: Callable[..., Any], linear_in: tuple[int, ...] = (0,)) -> Rule:
    return Rule(lambda xp, g, y, *xs, **attrs: (vjp(xp, g, *xs, **attrs),), back, linear_in)


_FOLDED = "every window of the gradient is added back where it was cut from"
_CUT = "each window gets the gradient of where it was added"
RULES: dict[str, Rule] = {
    "place": _linear("the cells at the index", lambda xp, g, x, shape, key: xp.index(g, key=key)),
    "add_at": _linear(
        "each cell gets the gradient of where it was added",
        lambda xp, g, x, *ids, shape, key: xp.take_at([g, *ids], key=key),
    ),
    "on_diagonal": _linear("the diagonal", lambda xp, g, x, shape, **at: xp.diagonal(g, **at)),
    "unfold": _linear(_FOLDED, lambda xp, g, x, fill, **window: xp.fold(g, shape=x.shape, **window), ()),
    "fold": _linear(_CUT, lambda xp, g, x, shape, **window: xp.unfold(g, **window)),
    "unfold_to": _linear(_FOLDED, lambda xp, g, x, out, fill: xp.fold_to(g, shape=x.shape, out=out), ()),
    "fold_to": _linear(_CUT, lambda xp, g, x, shape, out: xp.unfold_to(g, out=out)),
    **{
        f"pad_{mode}": _linear(
            "the border's gradients are added to the cells that it repeats",
            lambda xp, g, x, widths, mode=mode: getattr(xp, f"unpad_{mode}")(g, widths=widths, shape=x.shape),
        )
        for mode in MODES
    },
    **{
        f"unpad_{mode}": _linear(
            "each cell's gradient again in the border",
            lambda xp, g, x, widths, shape, mode=mode: getattr(xp, f"pad_{mode}")(g, widths=widths),
        )
        for mode in MODES
    },
    "normal_cdf": Rule(lambda xp, g, y, x: (g * xp.normal_pdf(x),), SCALES),
    "normal_pdf": Rule(lambda xp, g, y, x: (-g * x * y,), SCALES),
    "others": Rule(_others_vjp, MIXES),
    "unit": Rule(_unit_vjp, MIXES),
    "before": Rule(lambda xp, g, y, x, axis: (y * xp.horner(_behind(xp, g, axis, -1), x, axis=axis),), MIXES),
    "horner": Rule(_horner_vjp, MIXES, (0,)),
    **dict.fromkeys(("ones", "shares", "cubic"), Rule(lambda *_, **__: (None,), "nothing: it goes by the shape alone")),
}  # fmt: skip
"""Of words that give floats; one without a rule here has none, and what is made with it cannot be derived again."""


def _forward(prim: Prim) -> Callable[..., Any]:
    return lambda xp, *xs, **attrs: getattr(xp, prim.name)(*([xs] if prim.arrays < 0 else xs), **attrs)


def _word(prim: Prim) -> Op:
    """A primitive as an op; where it has no rule, nothing is differentiated through it."""
    rule = RULES.get(prim.name, Rule(lambda *_, **__: (None,), ""))
    operands = _OPERANDS.get(prim.name, ("x",))
    return Op(
        prim.name, "A word of formulas.", forward=_forward(prim), vjp=rule.vjp, operands=operands, back=rule.back,
        attrs={n: Attr(_KINDS[n], REQUIRED if default is ... else default) for n, default in prim.attrs.items()},
        kinds=_KINDS_TAKEN.get(prim.name, ("fib",)), linear_in=rule.linear_in,
        broadcasts="elementwise" if prim.name == "same" else "",
    )  # fmt: skip


WORDS: Mapping[str, Op] = MappingProxyType(
    {
        prim.name: _word(prim)
        for prim in PRIMS.values()
        if not prim.infix and prim.says not in OPS and prim.name not in _WRITTEN_OTHERWISE
    }
)
"""By name; none is checked before it is carried out, for rules write them as they must be."""
