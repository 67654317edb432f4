"""Small ONNX models, made node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from bpdebug.arrays import Array


def declared(name: str, array: Any) -> Any:
    """An input of the shape and dtype of an array."""
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def open_ended(name: str) -> Any:
    """An output of whatever it is."""
    return helper.make_empty_tensor_value_info(name)


def model(
    nodes: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[str], held: Mapping[str, Array] | None = None,
    opset: int = 21, **more: Any,
) -> Any:  # fmt: skip
    """A model of these nodes, which holds these arrays."""
    initializers = [numpy_helper.from_array(np.asarray(array), name) for name, array in (held or {}).items()]
    graph = helper.make_graph(nodes, "g", inputs, [open_ended(o) for o in outputs], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10, **more)


def node(op: str, inputs: str, outputs: str, **attrs: Any) -> Any:
    """A node; names are words, and `_` is an input that is left out."""
    names = ["" if name == "_" else name for name in inputs.split()]
    return helper.make_node(op, names, outputs.split(), **attrs)


def one(op: str, args: Sequence[Any], outputs: int, opset: int, attrs: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A model of one node, and its inputs: floats are fed, integers and booleans held; None is left out."""
    names = ["" if a is None else f"x{i}" for i, a in enumerate(args)]
    feeds = {n: np.asarray(a) for n, a in zip(names, args, strict=True) if a is not None}
    fed = {n: a for n, a in feeds.items() if a.dtype.kind == "f"}
    made = helper.make_node(op, names, [f"y{i}" for i in range(outputs)], **attrs)
    held = {n: a for n, a in feeds.items() if n not in fed}
    inputs = [declared(n, a) for n, a in fed.items()]
    return model([made], inputs, [f"y{i}" for i in range(outputs)], held, opset), fed


def small() -> bytes:
    """A good model of some four hundred bytes: convolution, shapes, a constant that is worked out, a linear layer."""
    nodes = [
        node("Conv", "x w", "c", pads=[1, 1, 1, 1]), node("Relu", "c", "r"), node("Shape", "x", "size", start=0, end=1),
        node("Concat", "size rest", "s", axis=0), node("Reshape", "r s", "f"), node("Gemm", "f v", "y", transB=1),
    ]  # fmt: skip
    held = {"w": np.ones((2, 1, 3, 3), np.float32), "rest": np.array([-1]), "v": np.ones((2, 18), np.float32)}
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 1, 3, 3])
    found: bytes = model(nodes, [x], ["y"], held).SerializeToString()
    return found


__all__ = ["declared", "model", "node", "one", "onnx", "open_ended", "small"]
