"""What is computed in half precision, where a library has it: in one of its kernels, or wide and rounded once.

A library's own kernels compute a sum, a product or an exponential in float32 and round what they give. So a rule of one
such word is computed in half precision as it stands. A rule of several would be rounded after each; a library that has
a kernel for the whole does not do so (a softmax, a layer's norm), and so it is computed in float32 here, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpdebug.backends.calls import Half
from bpdebug.symbolic import PRIMS, Expr, moves, walk

SINGLE = np.dtype(np.float32)
KERNELS = {
    "matmul", "contract", "convolve", "convolve_x", "convolve_w", "add", "subtract", "multiply", "divide", "sum", "exp",
    "log", "sqrt", "square", "tanh", "sin", "cos", "sigmoid",
}  # fmt: skip
"""Words that round what they give, for which libraries have kernels in half precision."""
EXACT = {
    "reshape", "permute_dims", "matrix_transpose", "broadcast_to", "expand_dims", "squeeze", "concat", "stack", "flip",
    "roll", "index", "place", "pad0", "where", "negative", "abs", "maximum", "minimum", "max", "min", "rectified_x",
    "pool", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and", "logical_or",
    "logical_not", "tri", "astype", "take", "full", "ones",
}  # fmt: skip
"""Words that give numbers of half precision where they are given such."""


def in_half(targets: Sequence[Expr], halves: Mapping[int, str], results: Sequence[str]) -> list[Expr]:
    """The expressions, each giving what `results` says: half precision, or empty where it is as wide as it was.

    `halves` are those of leaves, by identity; of other leaves it is not known whether they are.
    """
    wide: dict[int, Expr] = {}
    return [
        _narrow(e, half) if half and _is_narrow(e, halves, half) else _rounded(_wide(e, wide), half)
        for e, half in zip(targets, results, strict=True)
    ]


def widened(targets: Sequence[Expr], half: str) -> list[Expr]:
    """The expressions, of leaves that may be in half precision, computed wide, and what they give rounded to it."""
    wide: dict[int, Expr] = {}
    return [_rounded(_wide(e, wide), half) for e in targets]


def _is_narrow(root: Expr, halves: Mapping[int, str], half: str) -> bool:
    """Whether it is of nothing but this half, and rounded at most once."""
    order, rounded = walk(root), 0
    for e in order:
        if e.prim is None:
            if e.dtype.kind == "f" and halves.get(id(e)) != half:
                return False
        elif e.applies in KERNELS:
            rounded += 1
        elif e.applies not in EXACT:
            return False
        if e.dtype.kind == "f" and (e.dtype != SINGLE or not all(_is_exact(a, half) for a in e.args)):
            return False
    return rounded <= 1


def _is_exact(value: Any, half: str) -> bool:
    """Whether a literal is a number of this half: a library may round it before it computes."""
    return type(value) not in (int, float) or bool(getattr(moves, f"as_{half}")(value) == value)


def _narrow(root: Expr, half: str) -> Expr:
    """The same with this half wherever float32 is written."""
    made: dict[int, Expr] = {}
    for e in walk(root):
        attrs = {name: Half(half) if v == SINGLE else v for name, v in e.attrs.items() if isinstance(v, np.dtype)}
        args = tuple(made[id(a)] if isinstance(a, Expr) else a for a in e.args)
        changed = attrs or any(a is not b for a, b in zip(args, e.args, strict=True))
        made[id(e)] = Expr(e.trace, e.prim, args, {**e.attrs, **attrs}, e.shape, e.dtype) if changed else e
    return made[id(root)]


def _wide(root: Expr, made: dict[int, Expr]) -> Expr:
    """The same of leaves that are made as wide as they are said to be."""
    for e in walk(root):
        if id(e) in made:
            continue
        if e.prim is None:
            cast = e.dtype.kind == "f"
            made[id(e)] = Expr(e.trace, PRIMS["astype"], (e,), {"dtype": e.dtype}, e.shape, e.dtype) if cast else e
        else:
            args = tuple(made[id(a)] if isinstance(a, Expr) else a for a in e.args)
            made[id(e)] = Expr(e.trace, e.prim, args, e.attrs, e.shape, e.dtype)
    return made[id(root)]


def _rounded(e: Expr, half: str) -> Expr:
    return Expr(e.trace, PRIMS["astype"], (e,), {"dtype": Half(half)}, e.shape, e.dtype) if half else e
