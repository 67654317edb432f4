"""The nodes of a program while it is read: what they compute from what, before they have their names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bpdebug.errors import InputError, shown
from bpdebug.graph import Lit, NewNode, Steps
from bpdebug.language.names import Place
from bpdebug.language.primitives import VOCABULARY
from bpdebug.limits import Limits
from bpdebug.ops import as_literal

Value = Any
"""NewNode, Known, a number, or a tuple of values."""


class Known(str):
    """A tensor that was there before: a leaf, by its name."""

    __slots__ = ()


def is_tensor(value: Value) -> bool:
    """Whether a value is a tensor, and no number and no tuple."""
    return type(value) is NewNode or type(value) is Known


class Nodes:
    """Columns with a row for each node; `path` is the block that new ones belong to."""

    def __init__(self, limits: Limits, place: Place) -> None:
        self.limits, self.place, self.path = limits, place, ""
        self.ops: list[str] = []
        self.inputs: list[tuple[Value, ...]] = []
        self.attrs: list[Mapping[str, Any]] = []
        self.blocks: list[str] = []
        self.lines: list[int] = []
        self.names: list[str | None] = []
        self._most = limits["nodes"]

    def add(self, op: str, inputs: tuple[Value, ...], attrs: Mapping[str, Any], line: int) -> NewNode:
        """A new node; numbers among its inputs become literals."""
        number = len(self.ops)
        if number >= self._most:
            self.limits.check("nodes", number + 1, "the nodes of the program")
        for value in inputs:
            if type(value) is not NewNode and type(value) is not Known and type(value) is not Lit:
                inputs = _with_literals(op, inputs)
                break
        self.ops.append(op)
        self.inputs.append(inputs)
        self.attrs.append(attrs)
        self.blocks.append(self.path)
        self.lines.append(line)
        self.names.append(None)
        return NewNode(number)

    def steps(self, taken: Collection[str]) -> Steps:
        """The nodes under their final names; `taken` are names that no node is called by on its own."""
        ids = _final_names(self.names, self.ops, self.blocks, taken)
        first, step = self.place.line(0), self.place.step
        lines = [first + n * step for n in self.lines]
        return Steps(ids, self.ops, self.inputs, self.attrs, self.blocks, lines, self.names)


def _final_names(
    named: Sequence[str | None], ops: Sequence[str], blocks: Sequence[str], taken: Collection[str]
) -> list[str]:  # fmt: skip
    """A unique name for each node, in program order.

    A name assigned again is h.1, h.2 ...; a node without a name is called by its op and counted per block, named
    ones not counted, and numbers that are taken (by leaves, by names assigned anywhere) are skipped.
    """
    names: list[str] = []
    times: dict[str | None, int] = {}
    for name in named:
        if name is None:
            names.append("")
            continue
        n = times.get(name, 0)
        times[name] = n + 1
        names.append(f"{name}.{n}" if n else name)
    used = {*taken, *times}  # no number behind a dot ends in what a counted name ends in: an op and a number
    counted: dict[str, dict[str, int]] = {}
    here, start, numbers = None, "", dict[str, int]()
    for i, (name, op, block) in enumerate(zip(named, ops, blocks, strict=True)):
        if name is None:
            if block is not here:  # nodes of a block stand together
                here, start, numbers = block, f"{block}." if block else "", counted.setdefault(block, {})
            n = numbers.get(op, 0) + 1
            while (called := f"{start}{op}{n}") in used:
                n += 1
            numbers[op] = n
            names[i] = called
            used.add(called)
    return names


def _with_literals(op: str, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
    """The inputs with numbers folded in; one of them, at least, is a tensor."""
    if not any(map(is_tensor, inputs)):
        numbers = ", ".join(shown(v, 20) for v in inputs[:4])
        hint = "write the number that it gives, or declare a tensor in [inputs]"
        raise InputError(f"{op} needs a tensor, and is given {numbers}", code="E_ATTR", hint=hint)
    return tuple([v if type(v) is NewNode or type(v) is Known else _literal(op, v) for v in inputs])


def _literal(op: str, value: Value) -> Lit:
    """A number among the inputs of an op; E_ATTR where the op takes none."""
    if type(value) is tuple:
        message = f"{op} takes one tensor here, and is given a tuple of {len(value)}"
        raise InputError(message, code="E_ATTR", hint="unpack it first: a, b = ...")
    if VOCABULARY[op].variadic:
        hint = f"attributes are keywords; did you mean axis={shown(value)}?"
        raise InputError(f"{op} joins tensors, and {shown(value)} is a number", code="E_ATTR", hint=hint)
    return Lit(as_literal(value))
