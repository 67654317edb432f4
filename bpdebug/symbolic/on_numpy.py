"""NumPy as the place where generated code runs, and what is computed there in place of an expression: it costs less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from bpdebug.arrays import DType, Shape
from bpdebug.progress import may_stop
from bpdebug.symbolic.arrays import add_rows
from bpdebug.symbolic.by_samples import FOLDED, WINDOWED, by_samples
from bpdebug.symbolic.expr import Expr, Prim, Trace, walk
from bpdebug.symbolic.library import Library
from bpdebug.symbolic.notation import SOURCE
from bpdebug.symbolic.prims import PRIMS
from bpdebug.symbolic.text import write

# `__builtins__` stays whole: with an empty one NumPy's own methods raise KeyError.
# Keywords at their defaults are not printed, so the words know them.
SCOPE: dict[str, Any] = {
    "may_stop": may_stop,
    "np": np,
    "xp": SimpleNamespace(**{p.name: partial(p.run, **d) if (d := p.defaults) else p.run for p in PRIMS.values()}),
}


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
for _word in (SPREAD, TOTAL, LARGEST, ADD_ROWS, WINDOWED, FOLDED):
    setattr(SCOPE["xp"], _word.name, partial(_word.run, **_word.defaults))
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


def in_place(targets: Sequence[Expr]) -> list[Expr]:
    """The expressions that are computed in place of these."""
    made: dict[int, Expr] = {}
    targets = by_samples(targets)
    for e in walk(*targets):
        prim, args, attrs = _cheaper(e, tuple(made[id(a)] if isinstance(a, Expr) else a for a in e.args))
        changed = prim is not e.prim or any(a is not b for a, b in zip(args, e.args, strict=False))
        made[id(e)] = Expr(e.trace, prim, args, attrs, e.shape, e.dtype) if changed else e
    return [made[id(e)] for e in targets]


HERE = Library("numpy", SCOPE, partial(write, dialect=SOURCE), in_place, numpy=True)
