"""A call of another library's op while it becomes steps: what rules say their steps with, whatever the format."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct, field, structs

from bpdebug.arrays import Array, DType, Key, Shape
from bpdebug.graph import INPUT, Leaf, Lit, Step
from bpdebug.graph.dtypes import check_dtypes
from bpdebug.graph.halves import half_of
from bpdebug.ops import OPS, UNWRITTEN
from bpdebug.ops.attributes import spelt
from bpdebug.symbolic import attrs_key, trace

Rule = Callable[..., Any]
"""Called with the `Lowering` and the call's arguments, tensors as `Operand`: gives the output, or a list of outputs.

Of a list None stands for what nobody may ask for: an output that has no gradient. It raises NoRule where the
arguments are not covered.
"""

F = TypeVar("F", bound=Rule)


def putting_into(rules: dict[str, Rule]) -> Callable[..., Callable[[F], F]]:
    """A decorator that puts a rule into a table, for the names of a format's ops that it is given."""

    def rule(*names: str) -> Callable[[F], F]:
        def put(function: F) -> F:
            rules.update(dict.fromkeys(names, function))
            return function

        return put

    return rule


class NoRule(Exception):
    """No rule covers a call; the text says what of it."""


def refuse(unless: bool, what: str) -> None:
    """A call is refused, by NoRule, for what is not covered; nothing where that does not occur."""
    if not unless:
        raise NoRule(what)


class Operand(Struct, frozen=True, eq=False):
    """An operand of a call: its name in the graph, its shape and dtype.

    `read` gives its array, of that shape and dtype, where it depends on nothing that a gradient passes through. `half`
    is the half precision that it is of, where a library has it; else empty.
    """

    name: str
    shape: Shape
    dtype: DType
    read: Callable[[], Array] | None = None
    half: str = ""

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def known(self) -> Array | None:
        """Its array; None where it has to be computed."""
        return None if self.read is None else self.read()


class Names(set[str]):
    """The names that are taken, and for each that was asked for the number from which on one may be free."""

    def __init__(self) -> None:
        self._from: dict[str, int] = {}

    def take(self, wanted: str) -> str:
        """The name, or the first free one with a number behind it: relu, relu2, relu3."""
        count = self._from.get(wanted, 1)
        while (found := f"{wanted}{count}" if count > 1 else wanted) in self:
            count += 1
        self._from[wanted] = count
        self.add(found)
        return found

    def give_back(self, *names: str) -> None:
        """These are free again."""
        for name in names:
            self.discard(name)
            for at in range(len(name.rstrip("0123456789")), len(name) + 1):
                if name[:at] in self._from:
                    self._from[name[:at]] = min(self._from[name[:at]], int(name[at:] or 1))


class Draft(Struct, eq=False):
    """The leaves and steps so far, and the lines of a text that says them.

    `source` is where steps come from now, and `sources` where those of each line come from. `half` is the half
    precision that all its float leaves are of; else empty.
    """

    leaves: list[Leaf] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    names: Names = field(default_factory=Names)
    source: tuple[str, str] = ("", "")
    sources: dict[int, tuple[str, str]] = field(default_factory=dict)
    traced: dict[Any, tuple[Shape, DType]] = field(default_factory=dict)
    half: str = ""

    def named(self, block: str, name: str) -> str:
        """A name in a block that nothing else has: relu, relu2, relu3."""
        return self.names.take(f"{block}." * bool(block) + re.sub(r"[^\w.]", "_", name))

    def leaf(
        self, block: str, name: str, array: Array, kind: str = INPUT, *, passing: bool = False, stored: str = ""
    ) -> Operand:  # fmt: skip
        """A leaf of an array that is there; integers are held as int64. `passing`: a gradient is wanted of it.

        `stored` is what it was given as, where that is a narrower float.
        """
        array = array.astype(np.int64) if array.dtype.kind in "iu" else array
        half, read = self.half if array.dtype.kind == "f" else "", None if passing else lambda: array
        found = Operand(self.named(block, name), array.shape, array.dtype, read, half)
        self.leaves.append(Leaf(found.name, kind, array.shape, array.dtype, lambda: array, stored))
        return found

    def step(self, block: str, name: str, op: str, operands: Sequence[Any], attrs: Mapping[str, Any]) -> Operand:
        """One step more, in a block; its shape and dtype are those that the op's rule gives."""
        shape, dtype = self._typed(op, operands, attrs)
        read = {i.half for i in operands if isinstance(i, Operand) and i.dtype.kind == "f"}
        half = half_of(op, attrs, read, self.half) if dtype.kind == "f" else ""
        found = Operand(self.named(block, name), shape, dtype, half=half)
        inputs = tuple(i.name if isinstance(i, Operand) else Lit(i) for i in operands)
        self.steps.append(Step(found.name, op, inputs, attrs, block, len(self.lines) + 1))
        self.lines.append(_line(self.steps[-1]))
        if self.source[0]:
            self.sources[len(self.lines)] = self.source
        return found

    def _typed(self, op: str, operands: Sequence[Any], attrs: Mapping[str, Any]) -> tuple[Shape, DType]:
        typed = [(i.shape, i.dtype) if isinstance(i, Operand) else i for i in operands]
        key = op, tuple(t if isinstance(t, tuple) else repr(t) for t in typed), attrs_key(attrs)
        if key not in self.traced:
            known = OPS.get(op) or UNWRITTEN[op]
            bound = known.bind(attrs)
            if known.is_drawn(len(typed)):
                typed.append((typed[0][0], np.dtype(np.bool_)))
            check_dtypes(known, typed)
            known.check(*(t[0] if isinstance(t, tuple) else () for t in typed), **known.of_value(bound))
            plan = trace(known, typed, bound)
            self.traced[key] = plan.shape, plan.dtype
        return self.traced[key]

    def renamed(self, x: Operand, name: str) -> Operand:
        """The tensor of a step under another name, which is kept for it, wherever it stands."""
        for k, step in enumerate(self.steps):
            if x.name == step.id or x.name in step.inputs:
                inputs = tuple(name if i == x.name else i for i in step.inputs)
                own = name if step.id == x.name else step.id
                self.steps[k] = structs.replace(step, id=own, inputs=inputs)
                self.lines[step.line - 1] = _line(self.steps[k])
        self.names.give_back(x.name)
        return structs.replace(x, name=name)

    def undo(self, leaves: int, steps: int, lines: int) -> None:
        """Takes back what came behind so many leaves, steps and lines."""
        self.names.give_back(*(leaf.name for leaf in self.leaves[leaves:]), *(step.id for step in self.steps[steps:]))
        del self.leaves[leaves:], self.steps[steps:], self.lines[lines:]
        while self.sources and next(reversed(self.sources)) > lines:
            self.sources.popitem()


class Lowering:
    """What a rule is given beside the operands: where its steps go, and what the call's own library makes of it.

    `shape` and `dtype` are those of the call's output (of several, the first); `result(i)` is its array, computed by
    that library: for what a call draws or picks.
    """

    def __init__(self, program: Draft, block: str, shape: Shape, dtype: DType, result: Callable[[int], Array]) -> None:
        self.program, self.block = program, block
        self.shape, self.dtype, self.result = shape, dtype, result

    def emit(self, op: str, *operands: Any, name: str = "", **attrs: Any) -> Operand:
        """One step: operands are tensors and numbers, defaults are left out; raises NoRule for an op that is none."""
        if op not in OPS:
            raise NoRule(f"it needs the op {op}")
        floats = any(isinstance(i, Operand) and i.dtype.kind == "f" for i in operands)
        given = [float(i) if floats and type(i) is int else i for i in operands]
        attrs = {k: v for k, v in attrs.items() if OPS[op].is_given(k, v)}
        return self.program.step(self.block, name or op, op, given, attrs)

    def constant(self, name: str, array: Any) -> Operand:
        """A leaf for what a rule works out beforehand."""
        return self.program.leaf(self.block, name, np.asarray(array))

    def reshape(self, x: Operand, shape: Sequence[int], name: str = "") -> Operand:
        """A tensor in another shape, of which one size may be -1; the tensor itself where it has it."""
        return x if x.shape == tuple(shape) else self.emit("reshape", x, name=name, shape=tuple(shape))

    def known(self, x: Operand, what: str) -> Array:
        """An operand's array, of its shape and dtype; raises NoRule where it has to be computed."""
        if (found := x.known) is None:
            raise NoRule(f"{what} that are computed")
        return found


def _line(step: Step) -> str:
    """A step as it is written."""
    said = [i if isinstance(i, str) else str(i.value) for i in step.inputs]
    said += [f"{k}={spelt(v)}" for k, v in step.attrs.items()]
    called = f"{said[0]}[{index_text(step.attrs['key'])}]" if step.op == "slice" else f"{step.op}({', '.join(said)})"
    return f"{step.id} = {called}"


def index_text(key: Key) -> str:
    """An index as it is typed: 1, :, 0:2."""
    ends = [["" if v is None else str(v) for v in k] if isinstance(k, tuple) else [str(k)] for k in key]
    return ", ".join(":".join(e[:2] if e[2:] in ([""], ["1"]) else e) for e in ends)
