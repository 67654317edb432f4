"""A model from a file or in memory: its inputs, where its gradients begin, and what its reader should know."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from bpdebug.errors import InputError, shown, suggest
from bpdebug.graph import PARAMETER
from bpdebug.importers import ModelOptions
from bpdebug.importers.finish import ends_of, scenario_of
from bpdebug.importers.lowering import Operand
from bpdebug.importers.onnx_graph.inputs import read_inputs
from bpdebug.importers.onnx_graph.places import text_of
from bpdebug.importers.onnx_graph.reading import OnnxReader
from bpdebug.importers.onnx_graph.wire import check_records
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario
from bpdebug.scenario.files import bad
from bpdebug.scenario.paths import open_ordinary

OPSETS = range(13, 24)
"""The versions of ONNX's ops that rules are written for."""
CONVENTIONS = {"pytorch": "torch", "tf2onnx": "tensorflow"}
"""Who wrote a file -> whose answers hold where there is no derivative; of others ours."""
_HINT = "export the model again, or check the copy"
_MADE = re.compile(r"(val_\d+|onnx::\w+|lifted_tensor_\d+|(clone|scalar_tensor\w*)(_\d+)?)")
"""Names that PyTorch's exporters make."""
_MENTIONED = re.compile(r"%p_(\w+)")


def opened(given: Any, feeds: Mapping[str, Any], options: ModelOptions, limits: Limits) -> Scenario:
    """What `from_onnx` gives, and raises, where onnx is there."""
    reader = read_model(given, feeds, options, limits)
    try:
        reader.check()
        return _ended(reader, options, limits)
    except InputError as error:
        raise error.at(reader.where) from None


def read_model(given: Any, feeds: Mapping[str, Any], options: ModelOptions, limits: Limits) -> OnnxReader:
    """A model that is read, with what has no rule in it; raises as `from_onnx` does, but for that."""
    if isinstance(given, onnx.ModelProto):
        model, folder, where = given, None, shown(given.graph.name or "model")
    else:
        path = os.fspath(given)
        model, folder, where = _parsed(path, limits), os.path.dirname(path) or ".", os.path.basename(path)
    reader = OnnxReader(model, folder, where, limits)
    if reader.top.opset not in OPSETS:
        hint = f"opset {OPSETS[0]} to {OPSETS[-1]} can be read: export it with one of them"
        raise bad(f"the model is of opset {reader.top.opset}", hint).at(where)
    try:
        read_inputs(reader, feeds, options)
        reader.read(_needed(model.graph, options.loss), reader.top)
        reader.name_outputs()
    except InputError as error:
        raise error.at(where) from None
    return reader


def _parsed(path: str, limits: Limits) -> Any:
    with open_ordinary(path, "name a file with the ending .onnx") as file:
        size = os.fstat(file.fileno()).st_size
        limits.check("memory", size, "the size of the model", where=os.path.basename(path))
        raw = file.read()
    try:
        check_records(raw, limits)
        return onnx.ModelProto.FromString(raw)
    except DecodeError:
        raise bad("this is no ONNX model", _HINT).at(os.path.basename(path)) from None
    except InputError as error:
        raise error.at(os.path.basename(path)) from None


def _needed(graph: Any, loss: str | None) -> list[Any]:
    """The nodes that the outputs, or the loss, depend on, in the file's order."""
    wanted = {o.name for o in graph.output} if loss is None else {loss}
    found = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            found.append(node)
    return found[::-1]


def _ended(reader: OnnxReader, options: ModelOptions, limits: Limits) -> Scenario:
    """The scenario: from the loss that is named, from the only output where it is one number, or from ones."""
    tensors, names = reader.top.tensors, [o.name for o in reader.model.graph.output]
    if options.loss is not None and options.loss not in tensors:
        hint = suggest(options.loss, tensors, f"its outputs are: {', '.join(shown(n, 30) for n in names)}")
        raise InputError(f"the model has no tensor '{shown(options.loss)}'", code="E_LOSS", hint=hint)
    found = [tensors.get(name) for name in ([options.loss] if options.loss is not None else names)]
    steps = {step.id for step in reader.program.steps}
    ends = [x for x in found if isinstance(x, Operand) and x.dtype.kind == "f" and x.name in steps]
    if not ends:
        hint = "name a tensor that is computed from floats: --loss NAME"
        raise InputError("no gradient passes to the output", code="E_LOSS", hint=hint)
    end = ends[0]
    if (options.loss is not None or len(ends) == 1) and all(n == 1 for n in end.shape):
        end = reader.program.step("", "loss", "reshape", [end], {"shape": ()}) if end.shape else end
    if options.loss is not None and end.shape:
        hint = "a loss is one number; without it a gradient of ones comes in at each output"
        raise InputError(f"the loss '{shown(options.loss)}' has shape {end.shape}", code="E_LOSS", hint=hint)
    order = {name: i for i, name in enumerate(tensors)}
    place = {operand.name: order.get(x.name, len(order)) for x, operand in reader.leaves.values()}
    reader.program.leaves.sort(key=lambda leaf: place.get(leaf.name, len(order)))
    loss = end.name if not end.shape and (options.loss is not None or len(ends) == 1) else None
    said = CONVENTIONS.get(reader.model.producer_name, "default")
    ends = ends_of(reader.program, ends)
    return scenario_of(
        reader.program, loss, ends, reader.where, limits, conventions=said, remarks=_remarks(reader),
    )  # fmt: skip


def _remarks(reader: OnnxReader) -> list[str]:
    """What the reader of an imported model should know."""
    said = []
    used = [x for x, _ in reader.leaves.values()]
    own = {i.name for i in reader.model.graph.initializer}
    folded = sum(not x.own and 0 not in x.shape for x in used)
    if folded:
        said.append(
            f"tensors that were worked out beforehand, inputs here, since no gradient passes through them: {folded}"
        )
    narrow = Counter(x.stored for x in used if x.stored)
    for stored, count in narrow.items():
        said.append(f"{stored} in the file, float32 here: {count} tensors; only casts round")
    properties = (text_of(entry.value) for node in reader.model.graph.node for entry in node.metadata_props)
    mentioned = {name.lower() for said_there in properties for name in _MENTIONED.findall(said_there)}
    there = {re.sub(r"\W", "_", name).lower() for name in own if not _MADE.fullmatch(name)}
    gone = sorted(mentioned - there)
    made = [x.name for x in used if x.kind == PARAMETER and _MADE.fullmatch(x.name)]
    keep = "export with optimize=False to keep the model's own"
    if gone:
        share, some = f"{len(gone)} of {len(mentioned | there)}", ", ".join(gone[:3])
        said.append(f"the exporter folded or merged {share} parameters ({some} ...): {keep}")
    if made:
        said.append(f"{len(made)} parameters have names that the exporter made ({made[0]} ...): {keep}")
    return said
