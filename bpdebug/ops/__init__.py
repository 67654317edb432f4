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
    indices,
    joining,
    linear,
    loss,
    making,
    margins,
    masking,
    normalise,
    order,
    pooling,
    rearranging,
    reduce,
    resize,
    scans,
    shaping,
)
from bpdebug.ops.attributes import REQUIRED, Attr, as_literal
from bpdebug.ops.op import OPS, Op, Sample
from bpdebug.ops.unwritten import UNWRITTEN, op_named

__all__ = [
    "OPS", "REQUIRED", "UNWRITTEN", "Attr", "Op", "Sample", "activations", "as_literal", "attention", "classes",
    "convolution", "distances", "einsum", "elementwise", "functions", "gates", "hard", "indexing", "indices", "joining",
    "linear", "loss", "making", "margins", "masking", "normalise", "op_named", "order", "pooling", "rearranging",
    "reduce", "resize", "scans", "shaping",
]  # fmt: skip
