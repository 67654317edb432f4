"""A traced expression as a call of an op: what rules are written with, in the words of programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpdebug.errors import InputError
from bpdebug.ops import OPS
from bpdebug.symbolic import Expr
from bpdebug.symbolic.words import RULES, WORDS

_OPS = {
    "subtract": "sub", "multiply": "mul", "divide": "div", "negative": "neg", "matrix_transpose": "transpose",
    "permute_dims": "permute", "index": "slice", "take": "gather", "astype": "cast", "as_float16": "cast",
    "as_bfloat16": "cast", "pad0": "pad",
}  # fmt: skip
"""Words that the op for the same has another name than."""


def call_of(expr: Expr) -> tuple[str, Mapping[str, Any]]:
    """The op, or the word, that an operation is a call of, and the attributes; E_OP where it has no derivative."""
    word = expr.applies
    name = _OPS.get(word, word)
    attrs = {k: v.name if isinstance(v, np.dtype) else v for k, v in expr.attrs.items()}
    if word in ("as_float16", "as_bfloat16"):
        attrs = {"dtype": word.removeprefix("as_")}
    elif word == "pad0":
        attrs = {"widths": attrs["widths"], "value": attrs["fill"]}
    if name not in OPS and (name not in WORDS or (expr.dtype.kind == "f" and name not in RULES)):
        raise InputError(f"no derivative of {expr.prim.says if expr.prim else name}", code="E_OP")
    return name, attrs
