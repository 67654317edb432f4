"""Expressions that are met again, their names meaning tensors: the nodes are laid down as they were, not read anew."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from msgspec import Struct

from bpdebug.errors import BpdebugError
from bpdebug.graph import Lit, NewNode
from bpdebug.language.alike import Body
from bpdebug.language.expressions import MISSING, Expressions
from bpdebug.language.nodes import Known, Value, is_tensor
from bpdebug.language.parse import Parsed

Pick = Callable[[tuple[Value, ...]], tuple[Value, ...]]


class Mould(Struct, frozen=True, eq=False):
    """The nodes that an expression makes at a depth, or less deep, where its `names` mean tensors.

    `picks` take what goes into each from the literals, what the names mean, and the nodes, in this order. `lines`, and
    those of the numbers `written`, count from the expression's. The value is the node with the number `result`.
    """

    depth: int
    names: Sequence[ast.Name]
    literals: Sequence[Lit]
    ops: Sequence[str]
    picks: Sequence[Pick]
    attrs: Sequence[Mapping[str, Any]]
    lines: Sequence[int]
    unnamed: Sequence[str | None]
    written: Sequence[tuple[float, int]]
    result: int


class Again(Expressions):
    """Expressions of statements, of which each gets a mould when it is met for the second time, if it can have one."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.met: dict[int, bool | Mould] = {}
        """By the nodes of the tree; True where an expression was met once, False where it can have no mould."""

    def again(self, node: ast.expr, depth: int) -> Value:
        """The value of a statement's expression; raises as `expr` does."""
        mould = self.met.get(id(node))
        if mould is True:
            mould = self.met[id(node)] = self._mould(node, depth) or False
        elif mould is None:
            self.met[id(node)] = True
        made = self._cast(mould, node.lineno) if isinstance(mould, Mould) and depth <= mould.depth else None
        return self.expr(node, depth) if made is None else made

    def _cast(self, mould: Mould, line: int) -> NewNode | None:
        """The value that comes of a mould, its nodes made; None, and no node, where a name means no tensor."""
        scope, outer, found = self.scope, self.globals, list(mould.literals)
        for name in mould.names:
            value = scope.get(name.id, MISSING)
            if value is MISSING:
                value = outer.get(name.id)
            kind = type(value)
            if kind is not NewNode and kind is not Known:  # no call of ours
                return None
            found.append(value)
        start = len(self.ops)
        made = list(map(NewNode, range(start, start + len(mould.ops))))
        if start + len(made) > self._most:
            return None
        if self.written is not None:
            for number, n in mould.written:
                self.written(number, line + n)
        values = (*found, *made)
        self.ops += mould.ops
        self.inputs += [pick(values) for pick in mould.picks]
        self.attrs += mould.attrs
        self.blocks += [self.path] * len(made)
        self.lines += [line + n for n in mould.lines]
        self.names += mould.unnamed
        return made[mould.result]

    def _mould(self, node: ast.expr, depth: int) -> Mould | None:
        """The mould of an expression; None where it takes more than its names to know its nodes."""
        parts = list(ast.walk(node))
        called = {part.func for part in parts if isinstance(part, ast.Call)}
        names = [part for part in parts if isinstance(part, ast.Name) and part not in called]
        means = [self.scope.get(name.id, self.globals.get(name.id)) for name in names]
        if not all(map(is_tensor, means)) or any(isinstance(f, ast.Name) and f.id in self.defs for f in called):
            return None
        known = {str(i): NewNode(-1 - i) for i in range(len(names))}
        alone = Expressions(Parsed(Body([], ""), self.chains), self.defs, known, self.limits, self.place, self.dtype)
        written: list[tuple[float, int]] = []
        alone.apart, alone.repeats = self.apart, self.repeats
        alone.vocabulary, alone.written = self.vocabulary, lambda number, line: written.append((number, line))
        spelt = [name.id for name in names]
        _spell(names, list(known))  # in lines that are alike, what is one name here may be two there
        try:
            value = alone.expr(node, depth)
        except BpdebugError:
            return None
        finally:
            _spell(names, spelt)
        if type(value) is not NewNode or value < 0:
            return None
        literals, picks = _picks(alone.inputs, len(names))
        lines, written = [n - node.lineno for n in alone.lines], [(x, n - node.lineno) for x, n in written]
        return Mould(depth, names, literals, alone.ops, picks, alone.attrs, lines, alone.names, written, value)


def _spell(names: Sequence[ast.Name], spelt: Sequence[str]) -> None:
    for name, id in zip(names, spelt, strict=True):
        name.id = id


def _picks(inputs: Sequence[Sequence[Value]], names: int) -> tuple[list[Lit], list[Pick]]:
    """The literals among the inputs of nodes, and what picks each node's; below 0 are the names, from -1 downwards."""
    literals = [value for row in inputs for value in row if type(value) is Lit]
    count, literal = len(literals), iter(range(len(literals)))
    picks: list[Pick] = []
    for row in inputs:
        places = [next(literal) if type(v) is Lit else count - 1 - v if v < 0 else count + names + v for v in row]
        one = slice(places[0], places[0] + 1) if places else slice(0)  # a tuple, too
        picks.append(itemgetter(*places) if len(places) > 1 else itemgetter(one))
    return literals, picks
