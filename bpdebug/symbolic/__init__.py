"""Expressions traced from rules: shape and dtype, text, parts, NumPy source, compiled functions."""

from bpdebug.symbolic.expr import Expr, Trace, TraceError, evaluate, stretched, walk
from bpdebug.symbolic.plan import Part, Plan
from bpdebug.symbolic.prims import NUMPY, PRIMS
from bpdebug.symbolic.tracing import attrs_key, trace

__all__ = [
    "NUMPY", "PRIMS", "Expr", "Part", "Plan", "Trace", "TraceError", "attrs_key", "evaluate",
    "stretched", "trace", "walk",
]  # fmt: skip
