"""From the steps of a program to a checked graph: names, dtypes, shapes, outputs and bytes, before any value exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import DType, Shape
from bpdebug.errors import AtLine, BpdebugError, InputError, ShapeError, did_you_mean
from bpdebug.graph.backward import GRAD, Writer
from bpdebug.graph.dtypes import check_dtypes
from bpdebug.graph.graph import Graph
from bpdebug.graph.nodes import DRAWN, Leaf, Lit, NewNode, Node, Operand, Step, Steps, per_tensor
from bpdebug.graph.outputs import Incoming, outputs_of
from bpdebug.limits import Limits
from bpdebug.ops import OPS, Op, op_named
from bpdebug.ops.conventions import DEFAULT, chosen
from bpdebug.symbolic import Plan, attrs_key, trace
from bpdebug.symbolic.words import WORDS

_BOOL = np.dtype(np.bool_)
Typed = tuple[Shape, DType]


def _op_of(step: Step) -> Op:
    """A step's op or word; E_OP where there is none, E_ATTR where it takes another number of operands."""
    op = op_named(step.op) or WORDS.get(step.op)
    if op is None:
        raise InputError(f"no op '{step.op}'", code="E_OP", hint=did_you_mean(step.op, OPS) or "see bpdebug ops")
    (least, most), count = op.arity, len(step.inputs)
    if count < least or (most is not None and count > most):
        raise op.miscounted(count)
    return op


class Alike(Struct, frozen=True, eq=False):
    """What calls of an op with operands of the same shapes and dtypes share.

    What they give has the type with the number `kind`. Of their `own` they have a mask, or indices to be looked at.
    """

    op: Op
    plan: Plan
    attrs: Mapping[str, Any]
    typed: Typed
    kind: int
    own: bool


class _Builder:
    """The tables while they grow; nodes are numbered after the leaves and the drawn masks."""

    def __init__(self, leaves: Sequence[Leaf], steps: Steps, limits: Limits, where: str, conventions: str) -> None:
        self.leaves, self.limits, self.where, self.conventions = leaves, limits, where, conventions
        self.steps = steps
        self.writer: Writer | None = None
        ids, ops, inputs, *_ = steps.columns
        drawing = {op for op in {*ops} if op in OPS and OPS[op].draws}
        drawn = [i for i, op in enumerate(ops) if op in drawing and OPS[op].is_drawn(len(inputs[i]))] if drawing else []
        self.names = [leaf.name for leaf in leaves] + [f"{ids[i]}.mask" for i in drawn]
        self.kinds = {i: leaf.kind for i, leaf in enumerate(leaves)}
        self.kinds.update(dict.fromkeys(range(len(leaves), len(self.names)), DRAWN))
        self.met: dict[Typed, int] = {}
        self.types: list[Typed] = [(leaf.shape, leaf.dtype) for leaf in leaves] + [((), _BOOL)] * len(drawn)
        self.kinds_of = [self.typed(t) for t in self.types]
        self.floats = {leaf.dtype for leaf in leaves if leaf.dtype.kind == "f"}
        self.first = len(self.names)
        self.index = {name: i for i, name in enumerate(self.names)}
        self.numbers: list[int] = []
        self.nodes: list[Node] = []
        self.plans: list[Plan] = []
        self.known: dict[Any, Alike] = {}
        for i, leaf in enumerate(leaves):
            if self.index[leaf.name] != i:
                raise named_twice(leaf.name).at(where)
            self._check_size(leaf.shape, leaf.dtype, f"{leaf.kind} '{leaf.name}' of shape {leaf.shape}", where)

    def typed(self, of: Typed) -> int:
        """A number for a shape and a dtype, the same wherever they are equal: by these numbers calls are told apart."""
        return self.met.setdefault(of, len(self.met))

    def add_all(self) -> None:
        """The steps in turn. What raises gets the line of its step."""
        index, known, types, kinds_of, numbers = self.index, self.known, self.types, self.kinds_of, self.numbers
        add_node, add_plan, n = self.nodes.append, self.plans.append, -1
        try:
            for n, (id, op, given, attrs, block, line, _) in enumerate(zip(*self.steps.columns, strict=True)):
                inputs: list[Operand] = []
                told = [op, attrs_key(attrs) if attrs else ()]
                for i in given:
                    if type(i) is Lit:
                        inputs.append(i)
                        told.append(repr(i.value))
                    elif (t := numbers[i] if type(i) is NewNode else index.get(i)) is not None:
                        inputs.append(t)
                        told.append(kinds_of[t])
                call = known.get(tuple(told)) if len(inputs) == len(given) else None
                if call is None or call.own:
                    self.add(self.steps[n])
                    numbers.append(index[id])
                    continue
                number = len(types)
                if index.setdefault(id, number) != number:
                    raise named_twice(id)
                types.append(call.typed)
                kinds_of.append(call.kind)
                numbers.append(number)
                add_node(Node(id, call.op, tuple(inputs), call.attrs, block, line))
                add_plan(call.plan)
        except BpdebugError as error:
            raise error.at(AtLine(self.where, self.steps[n].line)) from None

    def add(self, step: Step) -> None:
        """One step more: its operands found, its plan traced or shared, its bytes counted."""
        if step.op == GRAD:
            return self.write_out(step)
        index, types = self.index, self.types
        if step.id in index:
            raise named_twice(step.id)
        try:
            inputs: list[Operand] = [i if isinstance(i, Lit) else index[i] for i in step.inputs]
        except KeyError as missing:
            _op_of(step)
            raise self.unknown(missing.args[0]) from None
        op = OPS.get(step.op) or _op_of(step)
        if op.is_drawn(len(inputs)):
            self._draw(step, inputs)
        told = [repr(i.value) if isinstance(i, Lit) else self.kinds_of[i] for i in inputs]
        key = step.op, attrs_key(step.attrs), *told
        call = self.known.get(key)
        if call is None:
            call = self.known[key] = self._call(step, inputs)
        if op.indexes is not None:
            with _said(op.name, step):
                spans = op.indexes(tuple(map(self._shape, inputs)), call.attrs)
                for span in spans if isinstance(spans, list) else [spans]:
                    self._check_ids(span, inputs, call.attrs.get("ignore_index"))
        index[step.id] = len(types)
        types.append(call.typed)
        self.kinds_of.append(call.kind)
        self.nodes.append(Node(step.id, op, tuple(inputs), call.attrs, step.block, step.line))
        self.plans.append(call.plan)
        return None

    def write_out(self, step: Step) -> None:
        """The steps that `grad(y, x)` stands for."""
        if self.writer is None:
            self.writer = Writer(self, {*self.index, *self.steps.columns[0]}, self.limits)
        with _said(GRAD, step):
            steps = self.writer.steps(step)
        for one in steps:
            self.add(one)

    def _draw(self, step: Step, inputs: list[Operand]) -> None:
        """The mask that a step draws, of its first operand's shape, as its last operand."""
        _op_of(step)
        mask = self.index[f"{step.id}.mask"]
        self.types[mask] = self._shape(inputs[0]), _BOOL
        self.kinds_of[mask] = self.typed(self.types[mask])
        inputs.append(mask)
        self._check_size(*self.types[mask], f"the mask of '{step.id}'", AtLine(self.where, step.line))

    def _call(self, step: Step, inputs: Sequence[Operand]) -> Alike:
        """What calls of an op with operands of these shapes and dtypes share: plan, attributes, what they give."""
        op = _op_of(step)
        typed = [i.value if isinstance(i, Lit) else self.types[i] for i in inputs]
        attrs = op.bind(step.attrs)
        if self.conventions != DEFAULT:
            attrs = chosen(op, attrs, self.conventions)
        check_dtypes(op, typed, [isinstance(i, int) and i < len(self.leaves) for i in inputs])
        with _said(op.name, step):
            plan = self.plan(op, typed, attrs)
        gives = plan.shape, plan.dtype
        return Alike(op, plan, attrs, gives, self.typed(gives), op.draws or op.indexes is not None)

    def plan(self, op: Op, typed: Sequence[Any], attrs: Mapping[str, Any]) -> Plan:
        """The plan of a call seen for the first time, after everything that can be said in words was checked."""
        shapes = [t[0] if isinstance(t, tuple) else () for t in typed]
        op.check(*shapes, **op.of_value(attrs))
        plan = trace(op, typed, attrs)
        if op.name == "cast":
            self.floats.add(plan.dtype)
        if plan.dtype.kind == "f" and self.floats and plan.dtype not in self.floats:
            names = " and ".join(sorted(d.name for d in self.floats))
            message = f"the numbers here make a {plan.dtype} tensor, and the scenario's are {names}"
            hint = "let one operand be a float tensor: where(x > 0, x, 0), or multiply the mask with one"
            raise InputError(message, code="E_DTYPE", hint=hint)
        self._check_size(plan.shape, plan.dtype, f"the result {plan.shape}")
        if not self.limits.planned:
            self.limits.check("memory", plan.scratch, "what its rule computes on the way, forward and backward")
        return plan

    def _check_ids(self, span: tuple[int, int, int], inputs: Sequence[Operand], ignored: int | None) -> None:
        """Indices that are known (leaves) must be in range, but for the one that is passed over; those computed later
        are checked when they are."""
        position, least, size = span
        operand = inputs[position] if position < len(inputs) else None
        if not isinstance(operand, int) or operand >= len(self.leaves) or self.types[operand][1].kind != "i":
            return
        ids = self.leaves[operand].read()
        ids = ids if ignored is None else ids[ids != ignored]
        if ids.size and not (least <= int(ids.min()) and int(ids.max()) < size):
            bad = ids[(ids < least) | (ids >= size)].flat[0]
            message = f"'{self.names[operand]}' holds {int(bad)}, which is out of range for {size}"
            raise ShapeError(message, hint=f"indices run from {least} to {size - 1}")

    def name(self, tensor: int) -> str:
        """What a tensor is called that is there."""
        return self.names[tensor] if tensor < self.first else self.nodes[tensor - self.first].id

    def number(self, name: str) -> int:
        """The tensor of a name; E_NAME where there is none yet."""
        if name not in self.index:
            raise self.unknown(name)
        return self.index[name]

    def unknown(self, name: str) -> InputError:
        hint = did_you_mean(name, self.index) or "assign it first"
        return InputError(f"no tensor '{name}'", code="E_NAME", hint=hint)

    def _shape(self, operand: Operand) -> Shape:
        return () if isinstance(operand, Lit) else self.types[operand][0]

    def _check_size(self, shape: Shape, dtype: DType, what: str, where: str = "") -> None:
        self.limits.check("rank", len(shape), f"the axes of {what}", where=where)
        if not self.limits.planned:
            self.limits.check("memory", prod(shape) * dtype.itemsize, what, where=where)
        if prod(max(n, 1) for n in shape) * dtype.itemsize >= 2**62:
            hint = "make the zero-size tensor's other axes small"
            raise InputError(f"{what}: no machine can index it", code="E_LIMIT", where=where, hint=hint)


@contextmanager
def _said(op: str, step: Step) -> Iterator[None]:
    """An error inside names the op and the node."""
    try:
        yield
    except BpdebugError as error:
        raise type(error)(f"{op} '{step.id}': {error.message}", hint=error.hint, code=error.code) from None


def named_twice(name: str) -> InputError:
    """E_NAME for a second tensor of this name."""
    return InputError(f"'{name}' names two tensors", code="E_NAME", hint="give one of them another name")


def build(
    leaves: Iterable[Leaf], steps: Iterable[Step], *, loss: str | None = None,
    incoming: Mapping[str, Incoming] | None = None, limits: Limits | None = None, where: str = "",
    conventions: str = DEFAULT,
) -> Graph:  # fmt: skip
    """A graph from leaves and steps in program order; refuses what does not fit, with the line in `where`.

    `conventions` says whose answer holds where there is no derivative, in calls that do not choose it.
    Raises E_NAME, E_OP, E_ATTR, E_DTYPE, E_SHAPE, E_LOSS, E_LIMIT. Nothing is allocated; of the leaves only integer
    indices are read. Of the memory limit only what no budget could hold is refused here: a single tensor, or what a
    rule computes on the way.
    """
    limits = limits or Limits()
    steps = steps if isinstance(steps, Steps) else Steps.of(steps)
    limits.check("nodes", len(steps), "nodes in the program", where=where)
    builder = _Builder(tuple(leaves), steps, limits, where, conventions)
    builder.add_all()
    limits.check("nodes", len(builder.nodes), "nodes in the program, with those of its gradients", where=where)
    try:
        outputs = outputs_of(builder, loss, incoming or {})
    except BpdebugError as error:
        raise error.at(where) from None
    nodes, plans, first = tuple(builder.nodes), tuple(builder.plans), builder.first
    names, shapes, dtypes = per_tensor(builder.names[:first], builder.types[:first], nodes, plans)
    return Graph(
        names=names, index=builder.index, kinds=builder.kinds, leaves=tuple(builder.leaves), nodes=nodes,
        plans=plans, shapes=shapes, dtypes=dtypes, incoming=outputs, first=first,
        loss=builder.index[loss] if loss else None, gradients=builder.writer.blocks if builder.writer else (),
    )  # fmt: skip
