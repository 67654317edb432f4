"""What ONNX says of an op: the attributes that it takes, and the function that defines it in other ops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import onnx

from bpdebug.errors import shown
from bpdebug.importers.lowering import NoRule
from bpdebug.importers.onnx_graph.table import shortest
from bpdebug.importers.onnx_graph.tensors import TYPES, KnownTensor

OWN = ("", "ai.onnx")
"""The names of ONNX's own domain."""
_NUMBERS = {name: number for number, name in TYPES.items()}


@cache
def schema_of(op: str, opset: int) -> Any:
    """The definition of an op that an opset has; raises NoRule where it has none."""
    try:
        return onnx.defs.get_schema(op, opset, "")
    except (onnx.defs.SchemaError, UnicodeError, ValueError, OverflowError):
        raise NoRule("") from None


def body_of(schema: Any, node: Any, inputs: Sequence[Any], opset: int) -> Any:
    """The function that defines an op in other ops, for these inputs; None where none does."""
    if schema.has_function:
        return schema.function_body
    if not schema.has_context_dependent_function:
        return None
    types = [_type(x) for x in inputs]
    fitting = [v for v in schema.context_dependent_function_opset_versions if v <= opset]
    raw = schema.get_context_dependent_function_with_opset_version(
        max(fitting), node.SerializeToString(), types
    ) if fitting else b""  # fmt: skip
    return onnx.FunctionProto.FromString(raw) if raw else None


def _type(x: Any) -> bytes:
    """The type of an input as a function's definition is asked with it."""
    if x is None:
        return b""
    number = _NUMBERS[x.stored if isinstance(x, KnownTensor) and x.stored else x.dtype.name]
    raw: bytes = onnx.helper.make_tensor_type_proto(number, x.shape).SerializeToString()
    return raw


def referred(attribute: Any, given: Mapping[str, Any]) -> Any:
    """An attribute, or that of a function's call that it stands for; None where the call has none."""
    return given.get(attribute.ref_attr_name) if attribute.ref_attr_name else attribute


def attributes_of(
    node: Any, schema: Any, given: Mapping[str, Any], tensor: Callable[[Any], KnownTensor]
) -> dict[str, Any]:
    """The attributes of a node as Python has them, of the types that its op takes; raises NoRule for others."""
    found: dict[str, Any] = {}
    for said in node.attribute:
        one = referred(said, given)
        if one is None:
            continue
        declared = schema.attributes.get(said.name)
        if declared is None or int(declared.type.value) != one.type:
            raise NoRule(f"attribute {shown(said.name)}")
        found[said.name] = _value(one, tensor)
    return found


def _value(one: Any, tensor: Callable[[Any], KnownTensor]) -> Any:
    """A number, a text, a list of them, or a tensor; a float is the shortest that is the same float32."""
    if one.type == 1:
        return shortest(np.float32(one.f))
    if one.type == 6:
        return [shortest(np.float32(v)) for v in one.floats]
    if one.type == 4:
        return tensor(one.t)
    plain: dict[int, Callable[[], Any]] = {
        2: lambda: one.i, 3: lambda: one.s.decode("utf-8", "replace"), 7: lambda: list(one.ints),
        8: lambda: [s.decode("utf-8", "replace") for s in one.strings],
    }  # fmt: skip
    if one.type not in plain:
        raise NoRule(f"attribute {shown(one.name)}")
    return plain[one.type]()
