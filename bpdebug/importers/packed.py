"""An imported scenario as bytes: from the process that reads a file with another library to the one that asked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.errors import BpdebugError, InputError
from bpdebug.graph import DRAWN, Graph, Leaf, Lit, Step
from bpdebug.importers.finish import scenario_of
from bpdebug.importers.lowering import Draft, Operand
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario


class PackedLeaf(Struct, array_like=True):
    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    cells: bytes


class PackedStep(Struct, array_like=True):
    """A step; an operand that is a number stands in a list."""

    id: str
    op: str
    inputs: tuple[str | tuple[bool | int | float], ...]
    attrs: dict[str, Any]
    block: str
    line: int


class Packed(Struct, tag=True):
    """What `scenario_of` makes a scenario of; `ends` are where gradients of ones come in, without a loss."""

    where: str
    conventions: str
    leaves: list[PackedLeaf]
    steps: list[PackedStep]
    lines: list[str]
    loss: str | None
    ends: tuple[str, ...]
    remarks: tuple[str, ...]
    classes: dict[str, str]
    sources: dict[int, tuple[str, str]]
    aliases: dict[str, str]


class Refused(Struct, tag=True):
    """Why the other process could not read it."""

    message: str
    code: str
    hint: str
    where: str


def steps_of(graph: Graph) -> Iterator[Step]:
    """A graph's nodes as the steps that build it."""
    for node in graph.nodes:
        named = (i if isinstance(i, Lit) else graph.names[i] for i in node.inputs if not _is_drawn(graph, i))
        yield Step(node.id, node.op.name, tuple(named), node.attrs, node.block, node.line)


def _is_drawn(graph: Graph, operand: int | Lit) -> bool:
    return isinstance(operand, int) and graph.kind(operand) == DRAWN


def pack(scenario: Scenario | BpdebugError) -> bytes:
    """An imported scenario as bytes, or why there is none."""
    if isinstance(scenario, BpdebugError):
        error = scenario
        return msgspec.msgpack.encode(Refused(error.message, error.code, error.hint, error.where))
    graph, known = scenario.graph, scenario.graph.imported
    leaves = [PackedLeaf(x.name, x.kind, x.shape, x.dtype.str, x.array.tobytes()) for x in graph.leaves]
    steps = [
        PackedStep(
            s.id, s.op, tuple((i.value,) if isinstance(i, Lit) else i for i in s.inputs), dict(s.attrs), s.block, s.line
        )
        for s in steps_of(graph)
    ]
    loss, ends = (None if graph.loss is None else graph.names[graph.loss]), [graph.names[t] for t in graph.incoming]
    made = Packed(
        scenario.name, scenario.conventions, leaves, steps, list(scenario.lines), loss, tuple(ends), scenario.remarks,
        dict(known.classes), dict(known.sources), dict(known.aliases),
    )  # fmt: skip
    return msgspec.msgpack.encode(made)


def unpack(raw: bytes, limits: Limits) -> Scenario:
    """The scenario of bytes that `pack` made; raises what was packed, and what a graph's building raises."""
    found = msgspec.msgpack.decode(raw, type=Packed | Refused)
    if isinstance(found, Refused):
        raise InputError(found.message, code=found.code, hint=found.hint, where=found.where)
    draft = Draft(lines=found.lines, sources=found.sources)
    for one in found.leaves:
        array = np.frombuffer(one.cells, np.dtype(one.dtype)).reshape(one.shape)
        draft.leaves.append(Leaf(one.name, one.kind, array.shape, array.dtype, partial(_same, array)))
    for step in found.steps:
        inputs = tuple(i if isinstance(i, str) else Lit(i[0]) for i in step.inputs)
        attrs = {name: _tuples(value) for name, value in step.attrs.items()}
        draft.steps.append(Step(step.id, step.op, inputs, attrs, step.block, step.line))
    floats = next((leaf.dtype for leaf in draft.leaves if leaf.dtype.kind == "f"), np.dtype(np.float64))
    ends = [Operand(name, (), floats) for name in found.ends]
    return scenario_of(
        draft, found.loss, ends, found.where, limits, conventions=found.conventions, remarks=found.remarks,
        classes=found.classes, aliases=found.aliases,
    )  # fmt: skip


def _same(array: Array) -> Array:
    """An array of any shape and dtype, which is there."""
    return array


def _tuples(value: Any) -> Any:
    """An attribute as ops have it: sequences are tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
