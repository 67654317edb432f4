"""From a model's nodes to steps: what a gradient passes through by rules, the rest worked out once.

What has no rule, and is defined in other ops by ONNX or by the model itself, is taken apart into those, as a block.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from math import prod
from typing import Any

from msgspec import Struct, field

from bpdebug.arrays import DType, Shape
from bpdebug.errors import BpdebugError, InputError, shown
from bpdebug.graph import INPUT
from bpdebug.importers.finish import no_rules
from bpdebug.importers.lowering import Draft, NoRule, Operand
from bpdebug.importers.onnx_graph import (
    elementwise,
    fold_shapes,
    indexing,
    linear,
    normalise,
    recurrent,
    reduce,
    resize,
    shaping,
    windows,
)  # fmt: skip
from bpdebug.importers.onnx_graph.definitions import OWN, attributes_of, body_of, referred, schema_of
from bpdebug.importers.onnx_graph.fold import FOLDS, cast_to, folded
from bpdebug.importers.onnx_graph.places import NodePlaces, path_of
from bpdebug.importers.onnx_graph.table import RULES, OnnxCall, Pieces
from bpdebug.importers.onnx_graph.tensors import KnownTensor, known, tensor, type_name
from bpdebug.limits import Limits, spell_bytes
from bpdebug.scenario.arrays import Footprint

FAMILIES = (elementwise, fold_shapes, indexing, linear, normalise, recurrent, reduce, resize, shaping, windows)
"""The files whose rules are in the table once they are imported."""
_signature = cache(inspect.signature)
_ODD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a node raises whose inputs nobody thought of: damaged, or against the definition of its op."""


_SHARE, _TIMES = 16, 4
"""What is worked out before anything runs may take this part of the memory, and so many times the model's own size."""


class Lost(Struct, frozen=True):
    """A tensor that is not there, and why: '' where that was said already."""

    why: str = ""


Seen = Operand | KnownTensor | Pieces | Lost | None
"""What a name in a model stands for; None for an input that is left out."""


class NodeScope(Struct, frozen=True):
    """What nodes see: tensors by name, the opset, and, inside of a function, the attributes of its call."""

    tensors: dict[str, Seen]
    opset: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    depth: int = 0


class OnnxReader:
    """A model while it is read: what was drafted, and what has no rule."""

    def __init__(self, model: Any, folder: str | None, where: str, limits: Limits) -> None:
        self.model, self.folder, self.where, self.limits = model, folder, where, limits
        self.program, self.places = Draft(), NodePlaces(model.graph.node)
        self.footprint, self.bytes, self.calls = Footprint(limits), 0, 0
        self.lacking: Counter[str] = Counter()
        self.first: dict[str, str] = {}
        self.leaves: dict[int, tuple[KnownTensor, Operand]] = {}
        self.functions = {(f.domain, f.name, f.overload): f for f in model.functions}
        self.opsets = {o.domain: o.version for o in model.opset_import}
        self.top = NodeScope({}, self.opsets.get("", self.opsets.get("ai.onnx", 0)))
        graph = model.graph
        names = dict.fromkeys(t.name for t in (*graph.output, *graph.input, *graph.initializer))
        self.kept = {name: self.program.named("", name) for name in names}
        self.made: set[str] = set()
        self.size = model.ByteSize()
        self.ends = [o.name for o in graph.output]

    # --- leaves

    def tensor(self, proto: Any) -> KnownTensor:
        """A tensor that the file holds; raises as `tensors.tensor` does."""
        return tensor(proto, self.folder, self.footprint)

    def leaf(self, x: KnownTensor, block: str) -> Operand:
        """A known tensor as a leaf, made where it is used first; those of the model itself are in no block."""
        if id(x) not in self.leaves:
            self.limits.check("name", len(x.name), "the characters of a tensor's name")
            array = x.known
            where, name = ("", self.kept[x.name]) if x.own else (block, x.name)
            if x.own and name not in self.made:
                self.program.names.give_back(name)  # which was kept for it
                self.made.add(name)
            found = self.program.leaf(where, name, array, x.kind or INPUT, passing=bool(x.kind), stored=x.stored)
            self.leaves[id(x)] = x, found
        return self.leaves[id(x)][1]

    def room(self, shape: Shape, dtype: DType) -> None:
        """E_LIMIT where an array of this shape and dtype, with those before it, is too large to be worked out."""
        size = self.bytes + prod(max(n, 1) for n in shape) * dtype.itemsize
        if size > self.limits["memory"] // _SHARE + _TIMES * self.size:
            what = f"constants that are worked out take {spell_bytes(size)}, the last of shape {shown(shape, 80)}"
            raise InputError(what, code="E_LIMIT", hint="export the model with smaller ones, or raise --memory")

    # --- nodes

    def read(self, nodes: Sequence[Any], scope: NodeScope, block: str | None = None) -> None:
        """Nodes in their order, in a block, or each in that of its module.

        Raises E_NAME for a tensor that no node before makes, or two do, and E_LIMIT for too many.
        """
        for node in nodes:
            self.calls += 1
            self.limits.check("nodes", self.calls, "nodes in the model", where=self.where)
            found: Sequence[Seen] = ()
            try:
                inputs = [self._input(name, scope) for name in node.input]
                if Lost() not in inputs:
                    found = self._made(node, inputs, scope, path_of(node) if block is None else block)
            except NoRule as error:
                what = f"{node.domain}.{node.op_type}" if node.domain not in OWN else node.op_type
                self.lacking[what := shown(what) + (f": {shown(error, 100)}" if str(error) else "")] += 1
                self.first.setdefault(what, shown(node.name))
            except BpdebugError as error:
                raise error.at(f"{self.where}: {shown(node.op_type)} '{shown(node.name)}'") from None
            for i, name in enumerate(node.output):
                if name in scope.tensors and name:
                    message = f"two nodes make '{shown(name)}'"
                    raise InputError(message, code="E_NAME", where=self.where, hint="each tensor is made once")
                lost = Lost(f"output {i + 1} of {node.op_type}" if found else "")
                scope.tensors[name] = (found[i] if i < len(found) else None) or lost

    def _input(self, name: str, scope: NodeScope) -> Seen:
        if not name:
            return None
        if name not in scope.tensors:
            message = f"no tensor '{shown(name)}' before the node that reads it"
            raise InputError(message, code="E_NAME", hint="nodes stand in the order in which they run")
        found = scope.tensors[name]
        if isinstance(found, Lost) and found.why:
            raise NoRule(f"it reads {found.why}")
        return found

    def _made(self, node: Any, inputs: list[Seen], scope: NodeScope, block: str) -> Sequence[Seen]:
        """What a node gives: folded, by its rule, or by the function that defines it; raises NoRule."""
        function = self.functions.get((node.domain, node.op_type, node.overload))
        if function is not None:
            return self._expanded(function, node, inputs, scope, block)
        if node.domain not in OWN or any(a.type in (5, 10) for a in node.attribute):  # a graph within
            raise NoRule("")
        while inputs and inputs[-1] is None:
            inputs.pop()
        schema = schema_of(node.op_type, scope.opset)
        if not schema.min_input <= len(inputs) <= schema.max_input:
            raise NoRule(f"{len(inputs)} inputs")
        attrs = attributes_of(node, schema, scope.attributes, self.tensor)
        read = inputs[:1] if node.op_type == "CastLike" else inputs
        if all(x is None or (isinstance(x, KnownTensor) and not x.kind) for x in read):
            done = self._folded(node, inputs, attrs)
            if done is not None:
                return done
        mark = len(self.program.leaves), len(self.program.steps), len(self.program.lines)
        try:
            return self._ruled(node, schema.since_version, inputs, attrs, block)
        except NoRule:
            self._undo(mark)
            body = body_of(schema, node, inputs, scope.opset)
            if body is None:
                raise
            defaults = [a.default_value for a in schema.attributes.values() if a.default_value.name]
            return self._expanded(body, node, inputs, scope, block, defaults)

    def _undo(self, mark: tuple[int, int, int]) -> None:
        self.program.undo(*mark)
        self.leaves = {k: v for k, v in self.leaves.items() if v[1].name in self.program.names}
        self.made = {operand.name for _, operand in self.leaves.values()}

    def _folded(self, node: Any, inputs: Sequence[Any], attrs: dict[str, Any]) -> list[Seen] | None:
        """A node whose inputs are known; None where it is not of those that are worked out."""
        arrays = [x.known if isinstance(x, KnownTensor) else None for x in inputs]
        given = {k: v.known if isinstance(v, KnownTensor) else v for k, v in attrs.items()}
        if node.op_type in ("Cast", "CastLike"):
            like = inputs[-1].stored if isinstance(inputs[-1], KnownTensor) else ""
            stored = type_name(attrs["to"], node.name) if "to" in attrs else like or inputs[-1].dtype.name
            made = [cast_to(inputs[0].known, stored)]
        elif node.op_type in FOLDS:
            given |= {"outputs": len(node.output)} if node.op_type == "Split" else {}
            made = folded(node.op_type, self.room, arrays, given)
        else:
            return None
        self.bytes += sum(a.nbytes for a in made)
        return [known(name, array) for name, array in zip(node.output, made, strict=False)]

    def _ruled(
        self, node: Any, version: int, inputs: Sequence[Any], attrs: Mapping[str, Any], block: str
    ) -> Sequence[Seen]:
        """The steps of a node's rule: those of several are a block, unless its module does nothing else."""
        rule = RULES.get(node.op_type)
        if rule is None:
            raise NoRule("")
        mark = len(self.program.leaves), len(self.program.steps), len(self.program.lines)

        def steps(within: str) -> list[Any]:
            call = OnnxCall(self, within, version, [bool(name) for name in node.output])
            try:
                _signature(rule).bind(call, *inputs, **attrs)
                found = rule(call, *inputs, **attrs)
            except _ODD as error:
                raise NoRule(str(error)) from None
            return list(found) if isinstance(found, list) else [found]

        found = steps(block)
        if len(self.program.steps) - mark[1] > len(found) and not self.places.alone(block):
            self._undo(mark)
            found = steps(self.places.within(block, node.op_type))
        for value, name in zip(found, node.output, strict=False):
            if isinstance(value, KnownTensor) and not value.own:
                value.name = name
        return found

    def name_outputs(self) -> None:
        """Gives the steps that the model's outputs come from the outputs' names, the first of several for one step."""
        own = {step.id for step in self.program.steps}
        for name in self.ends:
            x = self.top.tensors.get(name)
            if isinstance(x, Operand) and x.name in own and x.name not in self.kept.values():
                found = self.program.renamed(x, self.kept[name])
                for other, value in self.top.tensors.items():
                    if isinstance(value, Operand) and value.name == x.name:
                        self.top.tensors[other] = found

    # --- functions

    def _expanded(
        self,
        function: Any,
        node: Any,
        inputs: Sequence[Seen],
        scope: NodeScope,
        block: str,
        defaults: Sequence[Any] = (),
    ) -> list[Seen]:
        """A node by the nodes that define it; `defaults` are the attributes that an op of ONNX's has without a word."""
        self.limits.check("nesting", scope.depth + 1, "functions within each other", where=self.where)
        given = {a.name: a for a in (*defaults, *function.attribute_proto, *node.attribute)}
        own = {name: referred(a, scope.attributes) for name, a in given.items()}
        opset = next((o.version for o in function.opset_import if o.domain in OWN), scope.opset)
        tensors: dict[str, Seen] = dict.fromkeys(function.input)
        tensors |= zip(function.input, inputs, strict=False)
        inner = NodeScope(tensors, opset, {k: a for k, a in own.items() if a is not None}, scope.depth + 1)
        self.read(function.node, inner, self.places.within(block, node.op_type))
        return [inner.tensors.get(name) for name in function.output]

    def check(self) -> None:
        """E_OP with all nodes that have no rule."""
        if self.lacking:
            raise no_rules(self.lacking, self.first, self.where)
