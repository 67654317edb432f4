"""grad(y, x): the backward pass of y with respect to x written out, as steps of the program like any others.

Each rule is a block named after its node, in the block that is named after the gradient; cotangents are called as the
gradients they are: G.H.square1, G.dH.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct, field

from bpdebug.arrays import DType, Shape
from bpdebug.errors import InputError, ShapeError
from bpdebug.graph.lowering import call_of
from bpdebug.graph.nodes import Lit, Node, Step
from bpdebug.limits import Limits
from bpdebug.symbolic import Expr, Plan, walk
from bpdebug.translation import N_

GRAD = "grad"
"""What a step is called that is written out."""
SIGNATURE = "grad(y, x, incoming=1)"
SAYS = N_("The gradient of y with respect to x, as a tensor of the program: it has a gradient of its own.")
TELLS = N_("""\
G = grad(y, x) stands for the backward pass from y to x, step by step, in a block G: each rule is
a block named after its node (G.H.), and cotangents are called as gradients (G.dH). All that can
be asked of a step can be asked of these, and backwards they give the second derivative.

y is one number; of any other y, incoming=V gives the gradient that comes in, of y's shape, and
grad(sum(y), x) that of ones. GW, Gb = grad(y, (W, b)) asks for several in one pass. Where there is
no derivative, each rule answers as it does on the way back: the slope of relu at 0 is 0, and so is
the slope of that. A rule of one's own ([rules], set rule) is not among the steps.""")
_NUMBERED = re.compile(r"\.(?=\d+(?:\.|$))")


class Built(Protocol):
    """What is there of a graph when a step comes."""

    @property
    def index(self) -> Mapping[str, int]: ...
    @property
    def types(self) -> Sequence[tuple[Shape, DType]]: ...
    @property
    def nodes(self) -> Sequence[Node]: ...
    @property
    def plans(self) -> Sequence[Plan]: ...
    @property
    def first(self) -> int: ...
    def name(self, tensor: int) -> str: ...
    def number(self, name: str) -> int: ...


class _Pass(Struct, eq=False):
    """The backward pass of one y as far as it is written out, for all gradients that are asked of it.

    By name: the cotangents of tensors, and what node k contributes to its operand at a position; `made` has the
    expressions of each node's rule.
    """

    cotangents: dict[int, str] = field(default_factory=dict)
    contributions: dict[tuple[int, int], str] = field(default_factory=dict)
    made: dict[int, dict[int, str]] = field(default_factory=dict)


class Writer:
    """Writes gradients out, and remembers what it wrote: a second gradient of the same y takes it from there."""

    def __init__(self, built: Built, taken: set[str], limits: Limits) -> None:
        self.built, self.taken, self.limits = built, taken, limits
        self.passes: dict[tuple[int, str], _Pass] = {}
        self.blocks: set[str] = set()
        """The block of each gradient; those of its rules are inside."""
        self.walked = 0

    def steps(self, asked: Step) -> list[Step]:
        """The steps that a gradient is; the last that is of x bears its name.

        Raises E_NAME, E_DTYPE, E_SHAPE, E_LOSS where there is no path, E_OP where a rule cannot be derived again,
        E_LIMIT.
        """
        built = self.built
        y, x, *incoming = (built.number(str(name)) for name in asked.inputs)
        self._check(asked, y, x, incoming)
        seed = asked.inputs[2] if incoming else ""
        done = self.passes.setdefault((y, str(seed)), _Pass())
        one = _One(asked, built, self.taken, done, self.limits)
        self.blocks.add(one.path)
        if y not in done.cotangents:
            done.cotangents[y] = str(seed) if incoming else one.seed(y)
        if x not in done.cotangents:
            path = self._path(y, x)
            if not path:
                message = f"no way back leads from {built.name(y)} to {built.name(x)}"
                hint = f"it has no gradient; zeros of its shape are {built.name(x)} * 0"
                raise InputError(message, code="E_LOSS", hint=hint)
            one.write(path)
        return one.finished(x)

    def _check(self, asked: Step, y: int, x: int, incoming: Sequence[int]) -> None:
        built = self.built
        for t in (y, x, *incoming):
            dtype = built.types[t][1]
            if dtype.kind != "f":
                hint = "only float tensors have gradients"
                raise InputError(f"'{built.name(t)}' is {dtype}", code="E_DTYPE", hint=hint)
        (shape, dtype), name = built.types[y], built.name(y)
        if not incoming and shape != ():
            hint = f"take one number: grad(sum({name}), ...); or give what comes in: incoming=V, of {name}'s shape"
            raise ShapeError(f"'{name}' has shape {shape}, and a gradient begins at one number", hint=hint)
        if incoming and built.types[incoming[0]] != (shape, dtype):
            found = built.types[incoming[0]]
            message = f"the gradient coming in at '{name}' is {found[0]} {found[1]}, and {name} is {shape} {dtype}"
            raise ShapeError(message, hint="a gradient has the shape of what it is the gradient of")

    def _path(self, y: int, x: int) -> dict[int, list[int]]:
        """The nodes on the ways from x to y, the last first, and which of their operands lie on one."""
        built, first = self.built, self.built.first
        start = max(x - first + 1, 0)
        self.walked += max(y - first + 1 - start, 0)
        self.limits.check("calls", self.walked, "the nodes that gradients go back through")
        behind, positions = {x}, dict[int, list[int]]()
        for k in range(start, y - first + 1):
            inputs: Sequence[Any] = built.nodes[k].inputs
            found = [p for p in built.plans[k].differentiable if inputs[p] in behind]
            if found:
                behind.add(first + k)
                positions[k] = found
        reached, path = {y}, dict[int, list[int]]()
        for k in reversed(positions):
            if first + k in reached:
                path[k] = positions[k]
                reached.update(_operand(built.nodes[k], p) for p in positions[k])
        return path if x in reached else {}


def _operand(node: Node, position: int) -> int:
    found = node.inputs[position]
    assert isinstance(found, int), "a literal has no gradient"
    return found


class _One:
    """The steps of one gradient while they are written."""

    def __init__(self, asked: Step, built: Built, taken: set[str], done: _Pass, limits: Limits) -> None:
        self.asked, self.built, self.taken, self.done, self.limits = asked, built, taken, done, limits
        own = asked.id.removeprefix(f"{asked.block}.")
        local = own.replace(".", "_")
        self.prefix = asked.id[: len(asked.id) - len(own)] + local
        self.path = f"{asked.block}.{local}" if asked.block else local
        self.list: list[Step] = []
        self.numbers: Counter[str] = Counter()

    def seed(self, y: int) -> str:
        """What comes in at y where nothing is given: 1."""
        attrs = {"shape": (), "value": 1.0, "dtype": self.built.types[y][1].name}
        return self._add("full", (), attrs, self._gradient(y), self.path)

    def write(self, path: Mapping[int, Sequence[int]]) -> None:
        """The backward pass along a path: the events of the engine, and their sums in the same order."""
        built, done = self.built, self.done
        into: dict[int, list[tuple[int, int]]] = {}
        for k, positions in path.items():
            for p in positions:
                into.setdefault(_operand(built.nodes[k], p), []).append((k, p))
        for t in sorted(into, reverse=True):
            if t not in done.cotangents:
                name = self._gradient(t)
                found = [self._contribution(k, p, name if len(into[t]) == 1 else "") for k, p in into[t]]
                for i, more in enumerate(found[1:], 2):
                    found[0] = self._add("add", (found[0], more), {}, name if i == len(found) else "", self.path)
                done.cotangents[t] = found[0]

    def _contribution(self, k: int, position: int, name: str) -> str:
        """What node k's rule gives to an operand, each operation a step; the last is called `name`, if it is new."""
        found = self.done.contributions.get((k, position))
        if found is not None:
            return found
        built, plan, node = self.built, self.built.plans[k], self.built.nodes[k]
        made = self.done.made.get(k)
        if made is None:
            operands = zip(plan.operands, node.inputs, strict=True)
            made = {id(e): built.name(t) for e, t in operands if isinstance(t, int)}
            made |= {id(plan.y): node.id, id(plan.g): self.done.cotangents[built.first + k]}
            self.done.made[k] = made
        root = plan.summed(position)
        block = _NUMBERED.sub("_", node.id)
        for e in walk(root):
            if id(e) not in made:
                try:
                    op, attrs = call_of(e)
                except InputError as error:
                    hint = "grad(y, x) takes only what can be derived twice; stop_gradient cuts a way off"
                    message = f"the rule of {node.op.name} '{node.id}' cannot be derived again: {error.message}"
                    raise InputError(message, code="E_OP", hint=hint) from None
                inputs = tuple(made[id(a)] if isinstance(a, Expr) else Lit(a) for a in e.args)
                made[id(e)] = self._add(op, inputs, attrs, name if e is root else "", f"{self.path}.{block}")
        self.done.contributions[k, position] = made[id(root)]
        return made[id(root)]

    def finished(self, x: int) -> list[Step]:
        """The steps; where x's gradient is that of another tensor as it stands, one more bears the name asked for."""
        asked, found = self.asked, self.done.cotangents[x]
        if found == asked.id:
            return self.list
        shape = {"shape": self.built.types[x][0]}
        return [*self.list, Step(asked.id, "reshape", (found,), shape, asked.block, asked.line, asked.assigned)]

    def _gradient(self, tensor: int) -> str:
        """What the cotangent of a tensor is called: G.dH, G.layer1.dZ; that of x is the gradient that is asked for."""
        if self.built.name(tensor) == self.asked.inputs[1]:
            return self.asked.id
        head, dot, last = _NUMBERED.sub("_", self.built.name(tensor)).rpartition(".")
        return self._free(f"{self.prefix}.{head}{dot}d{last}")

    def _free(self, name: str) -> str:
        """The name, or where it is taken with a number behind it."""
        called = name
        while called in self.taken:
            self.numbers[name] += 1
            called = f"{name}.{self.numbers[name]}"
        return called

    def _counted(self, op: str, block: str) -> str:
        """A name for a step that has none: G.H.mul1, counted in the block of its rule."""
        start = f"{self.prefix}{block[len(self.path) :]}.{op}"
        while True:
            self.numbers[start] += 1
            if (called := f"{start}{self.numbers[start]}") not in self.taken:
                return called

    def _add(self, op: str, inputs: tuple[str | Lit, ...], attrs: Mapping[str, Any], name: str, block: str) -> str:
        """One step more, counted where it has no name."""
        asked = self.asked
        called = name or self._counted(op, block)
        self.taken.add(called)
        assigned = asked.assigned if called == asked.id else None
        self.list.append(Step(called, op, inputs, attrs, block, asked.line, assigned))
        total = len(self.built.nodes) + len(self.list)
        self.limits.check("nodes", total, "the nodes of the program, with those of its gradients")
        return called
