"""Expressions traced from rules: shape and dtype, text, parts, NumPy source, compiled functions."""

from bpdebug.symbolic.expr import Expr, Trace, TraceError, evaluate, stretched, walk
from bpdebug.symbolic.plan import Part, Plan, attrs_key, trace
from bpdebug.symbolic.prims import NUMPY, PRIMS

__all__ = [
    "NUMPY", "PRIMS", "Expr", "Part", "Plan", "Trace", "TraceError", "attrs_key", "evaluate",
    "stretched", "trace", "walk",
]  # fmt: skip
