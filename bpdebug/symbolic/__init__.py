"""Expressions traced from rules: shape and dtype, text, parts, NumPy source, compiled functions."""

from bpdebug.symbolic.expr import Expr, Trace, TraceError, evaluate, stretched, walk
from bpdebug.symbolic.plan import Part, Plan, key_of, trace
from bpdebug.symbolic.prims import NUMPY, PRIMS

__all__ = [
    "NUMPY", "PRIMS", "Expr", "Part", "Plan", "Trace", "TraceError", "evaluate", "key_of",
    "stretched", "trace", "walk",
]  # fmt: skip
