"""Who reads whom in arrays, for what looks at all of a graph: a sweep costs no Python for each node.

Lists in compressed-row form: of row r the entries `start[r]:start[r + 1]`. All numbers are int32.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from bpdebug.graph.nodes import Node
from bpdebug.symbolic import Plan

Numbers = np.ndarray[Any, np.dtype[np.int32]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


class Arrows:
    """From node k to the operands `operands[start[k]:start[k + 1]]`, among `tensors` tensors; node 0 is `first`."""

    def __init__(self, first: int, start: Numbers, operands: Numbers) -> None:
        self.first, self.tensors, self.start, self.operands = first, first + len(start) - 1, start, operands

    @cached_property
    def nodes(self) -> Numbers:
        """The node that each arrow begins at."""
        return np.repeat(np.arange(len(self.start) - 1, dtype=np.int32), np.diff(self.start))

    @cached_property
    def by_operand(self) -> tuple[Numbers, Numbers]:
        """Of each tensor the arrows that lead to it, those of the last node first: starts, arrows."""
        key = (self.operands.astype(np.int64) + 1) * self.tensors - self.nodes
        return starts(np.bincount(self.operands, minlength=self.tensors)), np.argsort(key, kind="stable").astype(
            np.int32
        )

    def before(self, ends: Iterable[int], among: Flags) -> Flags:
        """Of the tensors `among` which to look: the ends, and those to which arrows lead from one of them.

        All are taken to be; who is no end and taken by nobody is not, and then those that only such nodes take.
        """
        found = among.copy()
        counts = np.bincount(self.operands[among[self.first :][self.nodes]], minlength=self.tensors)
        for t in ends:
            counts[t] += 1
        lost = found & (counts == 0)
        stack = np.flatnonzero(lost).tolist()
        if stack:
            found &= ~lost
            left, start, operands = counts.tolist(), self.start.tolist(), self.operands.tolist()
        while stack:
            k = stack.pop() - self.first
            if k >= 0:
                for t in operands[start[k] : start[k + 1]]:
                    left[t] -= 1
                    if not left[t] and found[t]:
                        found[t] = False
                        stack.append(t)
        return found

    def behind(self, sources: Flags, among: Flags) -> Flags:
        """Of the tensors `among` which to look: the first ones, as far as `sources` goes, that are sources; and of
        those after them the nodes from which an arrow leads to one that is found.
        """
        stop = max(self.first, len(sources))
        found = among.copy()
        found[: len(sources)] &= sources
        found[len(sources) : self.first] = False
        counts = np.bincount(self.nodes[found[self.operands]], minlength=self.tensors - self.first)
        lost = found[stop:] & (counts[stop - self.first :] == 0)
        stack = (np.flatnonzero(lost) + stop).tolist()
        if stack:
            found[stop:] &= ~lost
            start, arrows = self.by_operand
            left, begin, takers = counts.tolist(), start.tolist(), self.nodes[arrows].tolist()
        while stack:
            t = stack.pop()
            for k in takers[begin[t] : begin[t + 1]]:
                left[k] -= 1
                if not left[k] and k + self.first >= stop and found[k + self.first]:
                    found[k + self.first] = False
                    stack.append(k + self.first)
        return found


class Edges:
    """The edges of a graph. Node k has the rule `rules[kinds[k]]`.

    `read` leads from nodes to all the tensors that they take, `flow` to those that may get a gradient from them, at
    `positions` among their inputs. Node k's input at p is `taken[inputs[k] + p]`; -1 is a literal.
    """

    def __init__(self, nodes: Sequence[Node], plans: Sequence[Plan], first: int) -> None:
        inputs, count = [node.inputs for node in nodes], len(nodes)
        self.inputs = starts(np.fromiter(map(len, inputs), np.int32, count))
        taken = (i if type(i) is int else -1 for i in chain.from_iterable(inputs))
        self.taken = np.fromiter(taken, np.int32, int(self.inputs[-1]))
        rules = {id(plan): plan for plan in plans}
        numbers = dict(zip(rules, range(len(rules)), strict=True))
        self.rules = tuple(rules.values())
        self.kinds = np.fromiter(map(numbers.__getitem__, map(id, plans)), np.int32, count)
        flows = [plan.differentiable for plan in self.rules]
        table = starts(np.fromiter(map(len, flows), np.int32, len(flows)))
        places = np.fromiter(chain.from_iterable(flows), np.int32, int(table[-1]))
        start = starts(np.diff(table)[self.kinds])
        nth = np.arange(start[-1], dtype=np.int32) - np.repeat(start[:-1] - table[self.kinds], np.diff(start))
        self.positions = places[nth]
        at = np.repeat(self.inputs[:-1], np.diff(start)) + self.positions
        self.flow = Arrows(first, start, self.taken[at])

    @cached_property
    def read(self) -> Arrows:
        whole = Arrows(self.flow.first, self.inputs, self.taken)
        tensors = self.taken >= 0
        sizes = np.bincount(whole.nodes[tensors], minlength=len(self.kinds))
        return Arrows(whole.first, starts(sizes), self.taken[tensors])

    @cached_property
    def users(self) -> tuple[Numbers, Numbers]:
        """Of each tensor the nodes that take it, each once, the first node's first: starts, nodes."""
        read = self.read
        order = np.argsort(read.operands, kind="stable")
        taken, nodes = read.operands[order], read.nodes[order]
        new = np.ones(len(taken), np.bool_)
        new[1:] = (taken[1:] != taken[:-1]) | (nodes[1:] != nodes[:-1])
        return starts(np.bincount(taken[new], minlength=read.tensors)), nodes[new]

    def taken_by(self, tensor: int) -> int:
        """How many edges lead to a tensor."""
        start, _ = self.flow.by_operand
        return int(start[tensor + 1] - start[tensor])

    def consumers(self, tensor: int) -> tuple[list[int], list[int]]:
        """The edges that lead to a tensor, those of the last node first: nodes, positions."""
        start, arrows = self.flow.by_operand
        row = arrows[start[tensor] : start[tensor + 1]]
        return self.flow.nodes[row].tolist(), self.positions[row].tolist()


def starts(counts: Any) -> Numbers:
    """Where each row begins that has so many entries, and where the last one ends."""
    found = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=found[1:])
    return found


def listed(numbers: Any) -> Sequence[int]:
    """The numbers, which give Python's, four bytes each."""
    return array("i", numbers.astype(np.int32).tobytes())
