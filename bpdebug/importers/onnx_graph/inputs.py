"""The leaves of a model: its inputs, as they are given or drawn, and the tensors that the file holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache, partial
from typing import Any

import numpy as np

from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import InputError, ShapeError, shown, suggest
from bpdebug.graph import INPUT, PARAMETER
from bpdebug.importers import ModelOptions
from bpdebug.importers.onnx_graph.reading import OnnxReader
from bpdebug.importers.onnx_graph.tensors import KnownTensor, held_as, narrow, type_name
from bpdebug.scenario.arrays import stream
from bpdebug.scenario.files import bad
from bpdebug.scenario.narrow import WIDENED

_HINT = "export the model again, or check the copy"


def read_inputs(reader: OnnxReader, feeds: Mapping[str, Any], options: ModelOptions) -> None:
    """The model's inputs, then its initialisers; each becomes a leaf where it is used.

    Raises E_NAME for a name that is not there, or twice; E_SHAPE and E_DTYPE for arrays that do not fit; E_FILE.
    """
    graph, tensors = reader.model.graph, reader.top.tensors
    if graph.sparse_initializer:
        raise InputError("sparse initialisers", code="E_OP", hint="export the model with dense ones")
    held = {i.name for i in graph.initializer}
    inputs = [i for i in graph.input if i.name not in held]
    if list(feeds) == [""] and len(inputs) == 1:  # an .npy file
        feeds = {inputs[0].name: feeds[""]}
    _all_known(feeds, [i.name for i in graph.input], "input")
    sizes = dict(options.dim)
    used: set[str] = set()
    for one in inputs:
        found = _input(one, feeds.get(one.name), sizes, used, reader)
        tensors[one.name] = found
    _all_known(options.dim, used, "open axis")
    statistics = _statistics(graph)
    for proto in graph.initializer:
        if proto.name in tensors:
            raise InputError(f"two tensors '{shown(proto.name)}'", code="E_NAME", hint=_HINT)
        found = reader.tensor(proto)
        found.own = True
        if found.dtype.kind == "f" and proto.name not in statistics:
            frozen = any(fnmatchcase(proto.name, glob) for glob in options.freeze)
            found.kind = INPUT if frozen else PARAMETER
        tensors[proto.name] = found
    for glob in options.freeze:
        if not any(fnmatchcase(name, glob) for name in held):
            hint = f"there are: {', '.join(shown(n, 30) for n in sorted(held)[:10])}"
            raise InputError(f"no parameter is like '{shown(glob)}'", code="E_NAME", hint=hint)


def _statistics(graph: Any) -> set[str]:
    """The tensors that are nothing but means and variances of batch normalisation: nobody trains them."""
    nodes = graph.node
    found = {name for node in nodes if node.op_type == "BatchNormalization" for name in node.input[3:5]}
    for node in nodes:
        found.difference_update(node.input[:3] if node.op_type == "BatchNormalization" else node.input)
    return found


def _all_known(given: Any, names: Iterable[str], what: str) -> None:
    for name in given:
        if name not in names:
            listed = f"there are: {', '.join(shown(n, 30) for n in [*names][:10])}"
            hint = suggest(name, names, listed if names else "there is none")
            raise InputError(f"the model has no {what} '{shown(name)}'", code="E_NAME", hint=hint)


def _input(one: Any, feed: Any, sizes: dict[str, int], used: set[str], reader: OnnxReader) -> KnownTensor:
    """An input, as it is given or drawn; axes of one name have one size."""
    name = one.name
    if one.type.WhichOneof("value") != "tensor_type":
        kind = (one.type.WhichOneof("value") or "of no type").removesuffix("_type")
        raise InputError(f"the input '{shown(name)}' is a {kind}", code="E_OP", hint="only tensors can be opened")
    declared = one.type.tensor_type
    stored = type_name(declared.elem_type, name)
    dtype = held_as(stored)
    array = None if feed is None else _fed(np.asarray(feed), dtype, name)
    axes = list(declared.shape.dim) if declared.HasField("shape") else [None] * (array.ndim if array is not None else 0)
    if array is not None and array.ndim != len(axes):
        raise ShapeError(f"'{shown(name)}' has {len(axes)} axes in the model, and is given as {array.shape}",
                         hint="give an array with the axes that the model says")  # fmt: skip
    shape = tuple(
        _size(axis, i, name, None if array is None else array.shape[i], sizes, used) for i, axis in enumerate(axes)
    )  # fmt: skip
    reader.footprint.add(shape, dtype, shown(name))
    read = partial(_drawn, name, shape, stored) if array is None else lambda: array
    kind = INPUT if dtype.kind == "f" else ""
    return KnownTensor(name, shape, dtype, cache(read), kind, narrow(stored), own=True)


def _fed(array: Array, dtype: DType, name: str) -> Array:
    """An array that is given as the model wants it: floats become its floats, integers its integers."""
    array = array.astype(np.float32) if array.dtype.name in WIDENED else array
    if array.dtype.kind != dtype.kind and not (array.dtype.kind in "iu" and dtype.kind in "iuf"):
        message = f"'{shown(name)}' is {dtype} in the model, and is given as {array.dtype}"
        raise InputError(message, code="E_DTYPE", hint="convert the array")
    return array.astype(dtype)


def _size(axis: Any, i: int, name: str, given: int | None, sizes: dict[str, int], used: set[str]) -> int:
    """The size of an axis: as the file says, as it is given, as another of that name, or 2."""
    said = axis.dim_value if axis is not None and axis.HasField("dim_value") else None
    param = axis.dim_param if axis is not None else ""
    used.add(param)
    if said is not None and said < 0:
        raise bad(f"'{shown(name)}' has an axis of {said} cells", _HINT)
    wanted = said if said is not None else sizes.get(param)
    found = wanted if wanted is not None else 2 if given is None else given
    if given is not None and found != given:
        place = f"axis {i} ({shown(param)})" if param else f"axis {i}"
        message = f"{place} of '{shown(name)}' is {found}, and is given as {given}"
        raise ShapeError(message, hint="axes of one name have one size")
    if param:
        sizes[param] = found
    return found


def _drawn(name: str, shape: Shape, stored: str) -> Array:
    """What an input is that nobody gives: normal numbers, zeros for integers, true."""
    dtype = held_as(stored)
    if dtype.kind == "f":
        return stream(0, name).standard_normal(shape).astype(dtype)
    return np.ones(shape, dtype) if dtype.kind == "b" else np.zeros(shape, dtype)
