"""The ops of the scenario language: one record each, one file per family, one table."""

from bpdebug.ops import (
    activations,
    attention,
    classes,
    convolution,
    distances,
    einsum,
    elementwise,
    functions,
    gates,
    hard,
    indexing,
    joining,
    linear,
    loss,
    making,
    margins,
    masking,
    normalise,
    order,
    rearranging,
    reduce,
    scans,
    shaping,
)
from bpdebug.ops.attributes import REQUIRED, Attr, as_literal
from bpdebug.ops.op import OPS, Op, Sample

__all__ = [
    "Attr", "OPS", "Op", "REQUIRED", "Sample", "activations", "as_literal", "attention", "classes", "convolution",
    "distances", "einsum", "elementwise", "functions", "gates", "hard", "indexing", "joining", "linear", "loss",
    "making", "margins", "masking", "normalise", "order", "rearranging", "reduce", "scans", "shaping",
]  # fmt: skip
