"""The words that formulas are written with and programs do not have: the namespace's, as ops without a rule.

What the screen says can be typed back with them, at the prompt and in rules, derivations and answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops import OPS, REQUIRED, Attr, Op
from bpdebug.symbolic import NUMPY, PRIMS, Trace
from bpdebug.symbolic.expr import Prim

_KINDS = {
    "axis": "axis", "size": "ints", "shape": "ints", "key": "key", "rows": "int", "columns": "int",
    "stride": "ints", "padding": "padding", "dilation": "ints", "fill": "float", "first": "bool", "k": "int",
    "widths": "widths", "shift": "ints", "offset": "int", "axis1": "int", "axis2": "int", "out": "ints",
    "nearest": "bool", "corners": "bool", "scale": "number", "next": "int",
}  # fmt: skip
_OPERANDS = {
    "same": ("a", "b"),
    "add_at": ("x", "*ids?"),
    "tri": (),
    "horner": ("g", "x"),
}
_KINDS_TAKEN = {"add_at": ("f", "i"), "first_of": ("b",), "last_of": ("b",)}
"""Of the words whose operands are not of any kind."""
_TRIED = {"i": np.int64, "b": np.bool_}
_MOST_TRIED = 2**28
"""Bytes up to which a word is tried on zeros, to see whether its attributes fit."""


def _forward(prim: Prim) -> Callable[..., Any]:
    return lambda xp, *xs, **attrs: getattr(xp, prim.name)(*([xs] if prim.arrays < 0 else xs), **attrs)


def _check(prim: Prim, kinds: tuple[str, ...]) -> Callable[..., None]:
    """Whether a word can be: it is typed, then carried out on zeros of these shapes."""
    dtypes = [np.dtype(_TRIED.get(kind, np.float64)) for kind in kinds]

    def check(*shapes: Shape, **attrs: Any) -> None:
        typed = [*zip(shapes, [*dtypes, *dtypes[-1:] * len(shapes)], strict=False)]
        hint = "write it as a formula on the screen does"
        try:
            made = _forward(prim)(Trace(PRIMS), *(Trace(PRIMS).leaf("x", *t) for t in typed), **attrs)
            if made.nbytes > _MOST_TRIED:
                raise ShapeError(f"{prim.name} would be of shape {made.shape}", hint=hint, code="E_LIMIT")
            found = _forward(prim)(NUMPY, *(np.broadcast_to(np.zeros((), d), s) for s, d in typed), **attrs)
        except (TypeError, ValueError, IndexError, ArithmeticError) as error:
            raise ShapeError(f"{prim.name} of {', '.join(map(str, shapes))}: {error}", hint=hint) from None
        if found.shape != made.shape:
            raise ShapeError(f"{prim.name} of {', '.join(map(str, shapes))} does not fit its attributes", hint=hint)

    return check


def _word(prim: Prim) -> Op:
    """A primitive as an op that nothing is differentiated through."""
    operands = _OPERANDS.get(prim.name, ("x",))
    kinds = _KINDS_TAKEN.get(prim.name, ("fib",))
    attrs = {n: Attr(_KINDS[n], REQUIRED if default is ... else default) for n, default in prim.attrs.items()}
    cellwise = prim.name == "same"
    return Op(
        prim.name, "A word of formulas.", forward=_forward(prim), vjp=lambda *_, **__: (None,), operands=operands,
        attrs=attrs, kinds=kinds, check=_check(prim, kinds), broadcasts="elementwise" if cellwise else "",
    )  # fmt: skip


_WRITTEN_OTHERWISE = ("astype", "index", "matrix_transpose")
WORDS: Mapping[str, Op] = MappingProxyType(
    {
        prim.name: _word(prim)
        for prim in PRIMS.values()
        if not prim.infix and prim.says not in OPS and prim.name not in _WRITTEN_OTHERWISE
    }
)
VOCABULARY: Mapping[str, Op] = MappingProxyType({**OPS, **WORDS})
"""Everything that can be called where nothing needs a gradient of it."""
