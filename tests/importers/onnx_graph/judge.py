"""Judges of opened models: the values of a model's outputs, and gradients by differences of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.engine import Timeline
from bpdebug.graph import Incoming, build
from bpdebug.importers import ModelOptions
from bpdebug.importers.lowering import Operand
from bpdebug.importers.onnx_graph.tensors import KnownTensor
from bpdebug.limits import Limits


def ours(model: Any, feeds: Mapping[str, Any], *, gradients: bool = True) -> tuple[list[Array | None], Timeline]:
    """The outputs of a model as it is opened (None of one that has no rule to it), and its timeline.

    At each output that has a gradient `weight` comes in. Raises E_OP where a node has no rule.
    """
    from bpdebug.importers.onnx_graph.opening import read_model  # where a test has found onnx

    reader = read_model(model, feeds, ModelOptions(), Limits())
    reader.check()
    program = reader.program
    found = [reader.top.tensors[o.name] for o in model.graph.output]
    steps = {step.id for step in program.steps}
    ends = {x.name: x for x in found if isinstance(x, Operand) and x.dtype.kind == "f" and x.name in steps}
    incoming = {name: Incoming(None, partial(weight, dtype=x.dtype)) for name, x in ends.items()}
    if not incoming or not gradients:  # nothing to begin a backward pass from: the values alone
        end = program.step("", "end", "sum", [program.leaf("", "w", np.ones(2))], {})
        incoming = {end.name: Incoming(None, np.ones)}
    timeline = Timeline(build(program.leaves, program.steps, incoming=incoming))
    arrays = [
        x.known if isinstance(x, KnownTensor) else timeline.value(x.name) if isinstance(x, Operand) else None
        for x in found
    ]
    return arrays, timeline


def weight(shape: tuple[int, ...], dtype: Any) -> Array:
    """The gradient that comes in: not alike from cell to cell."""
    cells: Array = np.cos(np.arange(float(np.prod(shape))) + 1).reshape(shape).astype(dtype)
    return cells
