"""From an exported program to a scenario: what a gradient passes through becomes steps, the rest inputs."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch

from bpdebug.arrays import Array
from bpdebug.graph import INPUT, PARAMETER
from bpdebug.importers.aten.export import Exported
from bpdebug.importers.aten.families import ruled
from bpdebug.importers.aten.names import Blocks, own, source_of
from bpdebug.importers.aten.tensors import HALVES, array_of, dtype_of
from bpdebug.importers.calls import Calls
from bpdebug.importers.finish import no_rules
from bpdebug.importers.lowering import Lowering, Operand, refuse

Node: TypeAlias = Any
_FRESH = {"zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "new_zeros", "new_ones",
          "new_full", "new_empty", "bernoulli"}  # fmt: skip
"""Ops that take a tensor's shape, and no value of it that a gradient could pass through."""


def op_of(node: Node) -> str:
    """aten's name for a call, with the overload: linear.default."""
    return str(node.target).removeprefix("aten.")


class Importer:
    """An exported program while it is read: what each of its nodes is in the graph, and what torch makes of it."""

    def __init__(self, exported: Exported, where: str, fold: bool, *, pure: bool = True) -> None:
        self.exported, self.where, self.fold = exported, where, fold
        self.pure = pure  # whether all float leaves may be of one half precision
        self.nodes: list[Node] = list(exported.program.graph.nodes)
        calls = [n for n in self.nodes if n.op == "call_function" and n.target is not operator.getitem]
        self.calls = Calls()
        self.program, self.blocks = self.calls.program, Blocks(calls, self.calls.within)
        self.values: dict[Node, Any] = {}
        self.found: dict[Node, Any] = {}
        self.folded = 0
        self._placeholders()
        self.given = len(self.program.leaves)
        self.passing = self._passing()

    # --- leaves

    def _placeholders(self) -> None:
        """The model's inputs as leaves, then its parameters: tied ones are one, by the first of their names."""
        program, given = self.exported.program, iter(self.exported.inputs.items())
        specs = {s.arg.name: s for s in program.graph_signature.input_specs}
        held = {**program.constants, **program.state_dict}
        given_floats = {v.dtype for v in (*held.values(), *self.exported.inputs.values()) if _is_float(v)}
        if self.pure and len(given_floats) == 1:
            self.program.half = HALVES.get(given_floats.pop(), "")
        parameters: dict[int, list[Node]] = {}
        self.names: dict[Node, str] = {}
        for node in self.nodes:
            if node.op != "placeholder":
                continue
            spec = specs[node.name]
            if spec.kind.name == "USER_INPUT":
                name, self.values[node] = next(given)
                if isinstance(self.values[node], torch.Tensor) and node.users:
                    self._leaf(node, name, INPUT)
                continue
            self.names[node], self.values[node] = own(spec.target), held[spec.target]
            if spec.kind.name == "PARAMETER":
                parameters.setdefault(id(held[spec.target]), []).append(node)
        self.tied = [[self.names[node] for node in nodes] for nodes in parameters.values() if len(nodes) > 1]
        for first, *also in parameters.values():
            self._leaf(first, self.names[first], PARAMETER if self.values[first].requires_grad else INPUT)
            self.found.update(dict.fromkeys(also, self.found[first]))

    def _leaf(self, node: Node, name: str, kind: str) -> None:
        array = array_of(self.values[node], self.where).copy()  # training goes on, in place
        leaf = self.program.leaf("", name, array, kind, passing=array.dtype.kind == "f")
        self.found[node] = self._given(leaf, "", self.values[node])

    def _given(self, leaf: Operand, block: str, tensor: torch.Tensor) -> Operand:
        """A leaf in the precision of torch's; where that is another than the others', they are not all of one."""
        found = self._of(leaf, block, tensor)
        self.pure = self.pure and found is leaf
        return found

    def _of(self, x: Operand, block: str, tensor: torch.Tensor) -> Operand:
        """A tensor in the precision of torch's, cast where it is another."""
        half = HALVES.get(tensor.dtype, "")
        if x.dtype.kind != "f" or half == x.half:
            return x
        return self.program.step(block, "cast", "cast", [x], {"dtype": half or x.dtype.name})

    def _passing(self) -> set[Node]:
        """The nodes on a path along which a gradient passes, from a float leaf to an output."""
        outputs = set(self.exported.program.graph_signature.user_outputs)
        reached: set[Node] = set()
        for node in reversed(self.nodes):
            if node.name in outputs or any(user in reached for user in node.users if user.op != "output"):
                reached.add(node)
        passing = {n for n in self.found if n.meta["val"].is_floating_point()}
        for node in self.nodes:
            if node.op == "call_function" and any(i in passing for i in node.all_input_nodes) and _floats(node):
                passing.add(node)
        return passing & reached

    # --- values that torch computes

    def value(self, node: Node) -> Any:
        """What torch makes of a node: computed once, with what it needs."""
        waiting = [node]
        while waiting:
            last = waiting[-1]
            needed = [i for i in last.all_input_nodes if i not in self.values]
            waiting += needed
            if needed:
                continue
            waiting.pop()
            if last not in self.values:
                self.values[last] = self._run(last)
        return self.values[node]

    def _run(self, node: Node) -> Any:
        if node.op == "get_attr":
            return getattr(self.exported.program.graph_module, str(node.target))
        args, kwargs = torch.fx.map_arg((node.args, node.kwargs), lambda n: self.values[n])
        return node.target(*args, **kwargs)

    def array(self, node: Node, part: int | None = None) -> Array:
        """What torch makes of a node, or of a part of it, of its shape and dtype; integers are int64."""
        found = self.value(node)
        found = found if part is None or isinstance(found, torch.Tensor) else found[part]
        array = array_of(found, self.where)
        return array.astype(np.int64) if array.dtype.kind in "iu" else array

    # --- nodes

    def read(self) -> None:
        """Every node; E_OP with all calls that no rule covers."""
        for node in self.nodes:
            if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
                self.value(node)  # in the program's order, so that each draws what it would
            if node.op != "call_function":
                continue
            if node.target is operator.getitem and node.args[0] in self.found:
                self.found[node] = self.found[node.args[0]][node.args[1]]
            elif node in self.passing and node.target is not operator.getitem:
                self._call(node)
            elif node.target is not operator.getitem and not self.fold:
                self._perhaps(node)
        if self.calls.lacking:
            raise no_rules(self.calls.lacking, self.calls.places, self.where)
        read = {i for step in self.program.steps for i in step.inputs if isinstance(i, str)}
        made = self.program.leaves[self.given :]  # an operand of a call, as its running mean, may be of no use
        self.program.leaves[self.given :] = [leaf for leaf in made if leaf.name in read]

    def _perhaps(self, node: Node) -> None:
        """A call that no gradient passes through, as steps where it depends on what is in the graph and has a rule."""
        if any(i in self.found for i in node.all_input_nodes) and isinstance(node.meta.get("val"), torch.Tensor):
            known = self.calls.lacking.copy()
            self._call(node)
            if isinstance(found := self.found.get(node), Operand):
                self.found[node] = Operand(found.name, found.shape, found.dtype, partial(self.array, node))
            self.calls.lacking = known

    def _call(self, node: Node) -> None:
        """One call by its rule; of several steps it is a block, unless its module does nothing else."""
        block, what = self.blocks.of(node), op_of(node)
        complexes = any(p.is_complex() for n in (node, *node.all_input_nodes) for p in _parts(n))
        args, kwargs = (
            ((), {}) if complexes else torch.fx.map_arg((node.args, node.kwargs), partial(self._operand, block))
        )

        def apply(within: str) -> Any:
            refuse(not complexes, "complex numbers")
            return self._ruled(node, within, args, kwargs)

        name = what.partition(".default")[0].lstrip("_")
        result = self.calls.call(what, name, block, source_of(node), apply, alone=self.blocks.alone(node))
        if result is not None:
            self.found[node] = result

    def _ruled(self, node: Node, block: str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        val = node.meta["val"]
        first = val if isinstance(val, torch.Tensor) else val[0]
        call = Lowering(self.program, block, tuple(first.shape), dtype_of(first), partial(self.array, node))
        found = ruled(op_of(node), call, args, kwargs)
        if isinstance(found, Operand):
            return self._of(found, block, first)
        pairs = zip(found, _parts(node), strict=False) if isinstance(found, list) else ()
        return [self._of(x, block, t) if isinstance(x, Operand) else x for x, t in pairs] or found

    def _operand(self, block: str, node: Node) -> Any:
        """A node as an operand: of the graph, or a leaf of what torch makes of it."""
        if node not in self.found:
            if not isinstance(node.meta.get("val"), torch.Tensor):
                return self.value(node)
            self.folded += node.op == "call_function"
            where, name = ("", self.names[node]) if node in self.names else (block, node.name)
            leaf = self.program.leaf(where, name, self.array(node))
            self.found[node] = self._given(leaf, where, node.meta["val"])
        return self.found[node]


def _is_float(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _floats(node: Node) -> bool:
    """Whether a call's result can have a gradient: floats, and complex numbers, which have no rule."""
    if op_of(node).partition(".")[0] in _FRESH:
        return False
    return any(p.is_floating_point() or p.is_complex() for p in _parts(node))


def _parts(node: Node) -> list[torch.Tensor]:
    """The tensors that a node gives, as torch.export knows them."""
    val = node.meta.get("val")
    return [p for p in (val if isinstance(val, list | tuple) else [val]) if isinstance(p, torch.Tensor)]
