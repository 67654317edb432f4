"""The graph: its leaves and its nodes in program order, and who feeds whom."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from bpdebug.arrays import Array, DType, Shape
from bpdebug.graph.edges import Edges, Flags, listed
from bpdebug.graph.nodes import NODE, PARAMETER, STATE, Imported, Leaf, LeafArrays, Lit, Node, Operand, per_tensor
from bpdebug.symbolic import Plan
from bpdebug.symbolic.notation import Notation, line, symbol

T = TypeVar("T", int, Operand)


class Graph(Struct, frozen=True, eq=False, dict=True):
    """Leaves, drawn masks, an optimizer's states and nodes, numbered in this order; node k is tensor `first + k`.

    `incoming` maps an output's tensor number to what gives the gradient that comes in there: 1 at the loss.
    `plans` holds each node's traced rule; equal nodes share one. `states` maps a parameter to the numbers of its
    states. `imported` is what is known of the program that it was read from. `gradients` are blocks that `grad` made.
    `half` is the half precision that the scenario's floats are of, and `halves` those of tensors, by number, where a
    library has them (halves.py): all of them are held in float32 elsewhere.
    """

    names: Sequence[str]
    index: Mapping[str, int]
    kinds: Mapping[int, str]
    leaves: tuple[Leaf, ...]
    nodes: tuple[Node, ...]
    plans: tuple[Plan, ...]
    shapes: Sequence[Shape]
    dtypes: Sequence[DType]
    incoming: Mapping[int, Callable[[], Array]]
    loss: int | None
    first: int
    states: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    imported: Imported = field(default_factory=Imported)
    gradients: Collection[str] = ()
    half: str = ""
    halves: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        out = "gradients come in" if self.loss is None else f"loss {self.names[self.loss]}"
        return f"<Graph: {len(self.leaves)} leaves, {len(self.nodes)} nodes, {out}>"

    def tensor(self, k: int) -> int:
        """The number of the tensor that node k computes."""
        return self.first + k

    def is_leaf(self, tensor: int) -> bool:
        """Whether no node computes a tensor: an input, a parameter, a drawn mask or an optimizer's state."""
        return tensor < self.first

    def k(self, tensor: int) -> int | None:
        """The number of the node that computes a tensor; None for leaves, drawn masks and states."""
        return tensor - self.first if tensor >= self.first else None

    def node(self, tensor: int) -> Node | None:
        """The node that computes a tensor; None for leaves, drawn masks and states."""
        return self.nodes[tensor - self.first] if tensor >= self.first else None

    def kind(self, tensor: int) -> str:
        return NODE if tensor >= self.first else self.kinds[tensor]

    def nbytes(self, tensor: int) -> int:
        if tensor >= self.first:
            return self.plans[tensor - self.first].nbytes
        return prod(self.shapes[tensor]) * (2 if tensor in self.halves else self.dtypes[tensor].itemsize)

    def precision(self, tensor: int) -> str:
        """The dtype in which a tensor is computed, by name: half precision where it is in one, else its own."""
        return self.halves.get(tensor) or self.dtypes[tensor].name

    def is_float(self, tensor: int) -> bool:
        return self.dtypes[tensor].kind == "f"

    def takes_gradient(self, tensor: int) -> bool:
        """Whether to speak of a tensor's gradient at all: of floats, but not of what an optimizer keeps."""
        return self.is_float(tensor) and tensor not in self.owners

    @property
    def taking_gradients(self) -> Flags:
        """The same of every tensor, in one array."""
        edges = self.every_edge
        leaves = [self.takes_gradient(t) for t in range(self.first)]
        rules = np.array([rule.dtype.kind == "f" for rule in edges.rules], np.bool_)
        return np.concatenate([np.array(leaves, np.bool_), rules[edges.kinds]])

    def operand_names(self, k: int) -> list[str]:
        """What node k's operands are called: tensors by name, literals as they are written."""
        return [str(i.value) if isinstance(i, Lit) else self.names[i] for i in self.nodes[k].inputs]

    def leaf_names(self, k: int) -> tuple[list[str], str]:
        """What the leaves of node k's plan are called: its operands, and its output."""
        return self.operand_names(k), self.nodes[k].id

    def positions(self, k: int, operand: str) -> list[int]:
        """The places among node k's inputs that are meant: all of a name, or one by number (`X @ X`: 1 and 2)."""
        names = self.operand_names(k)
        if operand.isascii() and operand.isdigit():
            return [p for p in range(len(names)) if str(p + 1) == operand]
        return [p for p, name in enumerate(names) if name == operand]

    def call_text(self, k: int) -> Notation:
        """Node k's forward call as it is written, without its name: `X @ W`."""
        return self.plans[k].call_text(self.operand_names(k))

    def statement(self, tensor: int) -> Notation:
        """How a tensor is computed, as it is written: `Y = X @ W`; the name alone of what no node computes."""
        k, name = self.k(tensor), self.names[tensor]
        return symbol(name) if k is None else line(symbol(name), "=", self.call_text(k))

    def read_by_rule(self, k: int) -> tuple[Operand, ...]:
        """What node k's rule reads beside its output: its operands, and the tensors that a written rule names."""
        return (*self.nodes[k].inputs, *self.plans[k].outside)

    def operand(self, k: int, position: int) -> int:
        """The tensor that node k takes at `position`, where a gradient goes."""
        found = self.nodes[k].inputs[position]
        assert isinstance(found, int), "a literal has no gradient"
        return found

    def edges(self, k: int) -> list[tuple[int, int]]:
        """Node k's differentiable edges, as (position among its inputs, tensor number)."""
        inputs: Sequence[Any] = self.nodes[k].inputs
        return [(position, inputs[position]) for position in self.plans[k].differentiable]

    @cached_property
    def every_edge(self) -> Edges:
        """Who reads whom, in arrays."""
        return Edges(self.nodes, self.plans, self.first)

    @cached_property
    def backward_nodes(self) -> Sequence[int]:
        """The nodes between a float leaf and an output, in reverse program order: those with a backward event."""
        return listed(np.flatnonzero(np.frombuffer(self.on_path, np.bool_)[self.first :])[::-1])

    def has_gradient(self, tensor: int) -> bool:
        """Whether a differentiable path leads from a float leaf to this tensor and on to an output."""
        return bool(self.on_path[tensor])

    def leads_to_output(self, tensor: int) -> bool:
        return bool(self._reaching[tensor])

    @cached_property
    def _reaching(self) -> bytes:
        """Per tensor: is there a differentiable path from it to an output?"""
        return self.every_edge.flow.before(self.incoming, np.ones(len(self.names), np.bool_)).tobytes()

    @cached_property
    def on_path(self) -> bytes:
        """Per tensor: does a path to an output lead through it, and come from a float leaf?"""
        leaves = np.array([self.is_float(t) for t in range(self.first)], np.bool_)
        return self.every_edge.flow.behind(leaves, np.frombuffer(self._reaching, np.bool_)).tobytes()

    @property
    def trainable(self) -> tuple[int, ...]:
        """The parameters that training changes: those with a path to an output."""
        return tuple(i for i, leaf in enumerate(self.leaves) if leaf.kind == PARAMETER and self.has_gradient(i))

    def with_states(self, names: Sequence[str]) -> Graph:
        """The same graph with a tensor `w.velocity` for each state of an optimizer and each parameter it updates.

        Nodes are numbered on by as many. A tensor of the program that is called so keeps its name for itself.
        """
        owners = [(p, name) for p in self.trainable for name in names]
        if not owners:
            return self
        first, more = self.first, len(owners)
        called = [f"{self.names[p]}.{name}" for p, name in owners]
        numbers = range(first, first + more)
        like = (*range(first), *(p for p, _ in owners))
        nodes = tuple(
            Node(
                n.id, n.op, tuple([i + more if type(i) is int and i >= first else i for i in n.inputs]), n.attrs,
                n.block, n.line,
            )
            for n in self.nodes
        )  # fmt: skip
        before = [(self.shapes[t], self.dtypes[t]) for t in like]
        leaves = [*map(self.names.__getitem__, range(first)), *called]
        every, shapes, dtypes = per_tensor(leaves, before, nodes, self.plans)
        return replace(
            self,
            names=every,
            index=dict(zip(called, numbers, strict=True)) | {n: _moved(t, first, more) for n, t in self.index.items()},
            kinds={**self.kinds, **dict.fromkeys(numbers, STATE)},
            nodes=nodes,
            shapes=shapes,
            dtypes=dtypes,
            incoming={_moved(t, first, more): read for t, read in self.incoming.items()},
            loss=None if self.loss is None else self.loss + more,
            first=first + more,
            states={p: tuple(numbers[k : k + len(names)]) for k, (p, _) in enumerate(owners) if k % len(names) == 0},
        )

    @cached_property
    def owners(self) -> Mapping[int, int]:
        """The parameter that each state belongs to."""
        return {t: p for p, states in self.states.items() for t in states}

    def users(self, tensor: int) -> list[int]:
        """The nodes that take a tensor as an operand, in program order, whether or not a gradient flows there."""
        start, nodes = self.every_edge.users
        found: list[int] = nodes[start[tensor] : start[tensor + 1]].tolist()
        return found

    def first_user(self, tensor: int) -> int | None:
        """The first node that takes a tensor as an operand; a weight may have 100,000 of them."""
        start, nodes = self.every_edge.users
        return int(nodes[start[tensor]]) if start[tensor] < start[tensor + 1] else None

    def edges_from(self, tensor: int) -> list[tuple[int, int]]:
        """The edges that contribute to a tensor's gradient, (node, input position), in event order.

        Empty where the tensor has no gradient. The list is shared: not to be changed.
        """
        found = self._edges.pop(tensor, None)
        if found is None:
            found = self.edges_into(tensor)
            if len(self._edges) > 256:
                self._edges.popitem(last=False)  # in one go: the screen may ask while a command is at work
        self._edges[tensor] = found  # the newest last: one that is asked for again and again stays
        return found

    def edges_into(self, tensor: int) -> list[tuple[int, int]]:
        """The same, a list of one's own; of a weight that 100,000 nodes use it is large."""
        if not self.on_path[tensor]:
            return []
        on_path, first = self.on_path, self.first
        return [(k, p) for k, p in zip(*self.every_edge.consumers(tensor), strict=True) if on_path[first + k]]

    @cached_property
    def contributions(self) -> Sequence[int]:
        """How many edges contribute to each tensor's gradient."""
        on_path, flow = np.frombuffer(self.on_path, np.bool_), self.every_edge.flow
        counted = np.bincount(flow.operands[on_path[self.first :][flow.nodes]], minlength=len(on_path))
        return listed(counted * on_path)

    def edge_rank(self, tensor: int, k: int, position: int) -> int:
        """How many edges contribute to a tensor's gradient before the one from node k's operand at `position`."""
        return bisect_left(self.edges_from(tensor), (-k, position), key=lambda edge: (-edge[0], edge[1]))

    @cached_property
    def arrays(self) -> LeafArrays:
        """The arrays of leaves, read when first asked for, once for every timeline."""
        return LeafArrays(self.leaves)

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What others work out of the graph once, for every timeline of it."""
        return {}

    @cached_property
    def _edges(self) -> OrderedDict[int, list[tuple[int, int]]]:
        return OrderedDict()


def _moved(operand: T, first: int, more: int) -> T:
    """An operand once `more` tensors stand before the nodes."""
    return operand + more if isinstance(operand, int) and operand >= first else operand


def frames(block: str) -> list[str]:
    """A block and those around it, innermost first, without the outermost ''."""
    found = []
    while block:
        found.append(block)
        block = block.rpartition(".")[0]
    return found
