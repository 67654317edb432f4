"""Expressions of a program: each becomes a tensor (a new node, or one that is there), a number or a tuple."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any

from bpdebug.arrays import takes_arrays
from bpdebug.errors import BpdebugError, InputError, ShapeError, shown
from bpdebug.graph import NewNode
from bpdebug.graph.backward import GRAD
from bpdebug.language.alike import Body
from bpdebug.language.blocks import Def
from bpdebug.language.calls import Apart, index_of, indices_of, no_op, no_stars
from bpdebug.language.constants import (
    COMPARISONS,
    ProgramConstants,
    check_number,
    check_tuple,
    fold,
    is_constant,
    negative,
)  # fmt: skip
from bpdebug.language.elsewhere import op_hint
from bpdebug.language.gradients import gradients
from bpdebug.language.names import Place
from bpdebug.language.nodes import Nodes, Value, is_tensor
from bpdebug.language.order import unknown_name
from bpdebug.language.parse import Parsed
from bpdebug.language.words import BY_SIGN, SYMBOLS, refusal
from bpdebug.limits import Limits
from bpdebug.ops import OPS, Op
from bpdebug.ops.attributes import misfit

MISSING = object()
_OPERATORS = {kind: BY_SIGN[sign] for kind, sign in SYMBOLS.items() if sign in BY_SIGN}


class Expressions(Nodes):
    """The nodes made so far, the names in sight, and the rule for every kind of expression."""

    vocabulary: Mapping[str, Op] = OPS
    """What can be called: the ops, and the words of formulas where nothing needs a gradient."""

    def __init__(
        self, program: Parsed, defs: Mapping[str, Def], known: Mapping[str, Value], limits: Limits, place: Place,
        dtype: str,
    ) -> None:  # fmt: skip
        super().__init__(limits, place)
        self.chains, self.defs, self.dtype = program.chains, defs, dtype
        self.scope: dict[str, Value] = dict(known)
        self.globals = self.scope
        self.body: Body | Sequence[ast.stmt] = program.body
        self.statement: ast.stmt | None = None
        self.written: Callable[[float, int], None] | None = None
        self.nesting, self.terms = limits["nesting"], limits["terms"]
        self.apart, self.repeats = Apart(dtype), False

    def expr(self, node: ast.expr, depth: int = 0) -> Value:
        """The value of an expression; what `elaborate` raises (E_SYNTAX ... E_LIMIT) gets its line."""
        if type(node) is ast.Name and depth <= self.nesting:  # by far the most expressions
            value = self.scope.get(node.id, MISSING)
            if value is MISSING:
                value = self.globals.get(node.id, MISSING)
            if value is not MISSING:
                return value
        rule = _RULES.get(type(node))
        try:
            if rule is None:
                raise refusal(node)
            if depth > self.nesting:
                self.limits.check("nesting", depth, "the depth of an expression, with the blocks around it")
            return rule(self, node, depth)
        except BpdebugError as error:
            raise error.at(self.place.at(node.lineno)) from None

    @property
    def constants(self) -> ProgramConstants:
        """What reads constants with the names in sight; not kept, so that all this is freed when it is read."""
        return ProgramConstants(self.name, self.chains, self.limits)

    # --- names and numbers

    def name(self, name: str) -> Value:
        """What a name means here: in the block, or else in the program; E_NAME, or E_CYCLE, where it means nothing."""
        value = self.scope.get(name, MISSING)
        if value is MISSING:
            value = self.globals.get(name, MISSING)
            if value is MISSING:
                seen = [*self.scope, *self.globals]
                body = self.body.whole() if isinstance(self.body, Body) else self.body
                raise unknown_name(name, self.statement, body, seen, self.defs, self.place.line)
        return value

    def _name(self, node: ast.Name, depth: int) -> Value:
        return self.expr(self.chains[node.id], depth) if node.id in self.chains else self.name(node.id)

    def _constant(self, node: ast.Constant, depth: int) -> Value:
        if type(node.value) is bool:
            return node.value
        if not isinstance(node.value, int | float):
            raise refusal(node)
        if self.written is not None:
            self.written(node.value, node.lineno)
        return check_number(node.value, self.limits)

    def _tuple(self, node: ast.Tuple, depth: int) -> Value:
        self.limits.check("terms", len(node.elts), "the values of a tuple")
        return check_tuple(tuple([self.expr(item, depth + 1) for item in node.elts]), self.limits)

    # --- operators

    def _binary(self, node: ast.BinOp, depth: int) -> Value:
        """An operator; chains to the left, of any length, are walked and not recursed into."""
        spine, first = [node], node.left
        while True:
            if type(first) is ast.BinOp:
                spine.append(first)
                first = first.left
            elif type(first) is ast.Name and first.id in self.chains:
                first = self.chains[first.id]
            else:
                break
        if len(spine) >= self.terms:
            self.limits.check("terms", len(spine) + 1, "the terms of an expression")
        value = self.expr(first, depth + 1)
        for part in reversed(spine):
            right = part.right
            other = self.scope.get(right.id, MISSING) if type(right) is ast.Name else MISSING  # no call of ours
            value = self._operate(
                part, type(part.op), value, self.expr(right, depth + 1) if other is MISSING else other
            )
        return value

    def _operate(self, node: ast.expr, kind: type[ast.AST], a: Value, b: Value) -> Value:
        if type(a) is NewNode or is_tensor(a) or is_tensor(b):
            op = _OPERATORS.get(kind)
            if op is None:
                raise refusal(kind()).at(self.place.at(node.lineno))
            return self.add(op.name, (a, b), op.defaults, node.lineno)
        try:
            return fold(kind, a, b, self.limits)
        except BpdebugError as error:
            raise error.at(self.place.at(node.lineno)) from None

    def _unary(self, node: ast.UnaryOp, depth: int) -> Value:
        if type(node.op) is ast.Not:
            return self._logical("logical_not", [node.operand], node, depth)
        if type(node.op) is not ast.USub:
            raise refusal(node.op)
        if type(node.operand) is ast.Name and node.operand.id == "inf":
            return -inf
        value = self.expr(node.operand, depth + 1)
        return self.add("neg", (value,), OPS["neg"].defaults, node.lineno) if is_tensor(value) else negative(value)

    def _logic(self, node: ast.BoolOp, depth: int) -> Value:
        name = "logical_and" if type(node.op) is ast.And else "logical_or"
        return self._logical(name, node.values, node, depth)

    def _logical(self, name: str, operands: Sequence[ast.expr], node: ast.expr, depth: int) -> Value:
        """Masks joined one after the other, or the opposite of one; of constants there is nothing to compute."""
        self.limits.check("terms", len(operands), "the terms of an expression")
        first, *rest = [self.expr(operand, depth + 1) for operand in operands]
        if not any(map(is_tensor, (first, *rest))):
            hint = "join masks, such as comparisons of tensors: a > 0 and b > 0"
            raise InputError(f"{OPS[name].infix} of numbers", code="E_SYNTAX", hint=hint)
        if not rest:
            return self.add(name, (first,), OPS[name].defaults, node.lineno)
        for value in rest:
            first = self.add(name, (first, value), OPS[name].defaults, node.lineno)
        return first

    def _compare(self, node: ast.Compare, depth: int) -> Value:
        if len(node.ops) > 1:
            hint = "compare two tensors at a time, and join the masks: 0 < x and x < 1"
            raise InputError("a chained comparison is not in the language of programs", code="E_SYNTAX", hint=hint)
        kind = type(node.ops[0])
        if kind not in _OPERATORS:
            raise refusal(node.ops[0])
        a, b = self.expr(node.left, depth + 1), self.expr(node.comparators[0], depth + 1)
        if is_tensor(a) or is_tensor(b):
            return self._operate(node, kind, a, b)
        if not (is_constant(a) and is_constant(b)) or isinstance(a, tuple) or isinstance(b, tuple):
            raise InputError("a tuple cannot be compared", code="E_SYNTAX", hint="unpack it first: a, b = ...")
        return bool(COMPARISONS[SYMBOLS[kind]](a, b))

    def _attribute(self, node: ast.Attribute, depth: int) -> Value:
        if node.attr != "T":
            raise refusal(node)
        return self.add("transpose", (self.expr(node.value, depth + 1),), OPS["transpose"].defaults, node.lineno)

    # --- indices

    def _subscript(self, node: ast.Subscript, depth: int) -> Value:
        value = self.expr(node.value, depth + 1)
        if is_tensor(value):
            key, arrays = indices_of(node.slice, self.constants)
            if not key:
                raise InputError("the index is empty", code="E_SYNTAX", hint="write x[0], x[:, 1] or x[..., 0]")
            if takes_arrays(key):
                ids = [self.expr(array, depth + 1) for array in arrays]
                plain = len(ids) == len(key)
                return self.add("take_at", (value, *ids), {"key": () if plain else key}, node.lineno)
            return self.add("slice", (value,), {"key": key}, node.lineno)
        key = index_of(node.slice, self.constants)
        if not isinstance(value, tuple) or len(key) != 1 or type(key[0]) is not int:
            hint = "only tensors have an index, and tuples an integer"
            raise InputError("a number has no cells", code="E_SYNTAX", hint=hint)
        if not -len(value) <= key[0] < len(value):
            hint = f"its parts are 0 to {len(value) - 1}"
            raise ShapeError(f"index {shown(key[0])} is out of range for a tuple of {len(value)}", hint=hint)
        return value[key[0]]

    # --- calls

    def _call(self, node: ast.Call, depth: int) -> Value:
        if type(node.func) is not ast.Name:
            raise self._no_name(node.func, depth)
        name = node.func.id
        if name in self.defs:
            no_stars(node)
            return self.call_block(self.defs[name], node, depth)
        op = self.vocabulary.get(name)
        if op is None or name == "slice":
            if name != GRAD or self.vocabulary is not OPS:
                raise self._no_op(name)
            add = partial(self.add, GRAD, attrs={}, line=node.lineno)
            return gradients(node, partial(self.expr, depth=depth + 1), add)
        operands, attrs = self.apart.get(id(node)) or self.apart.take(op, node, self.constants, keep=self.repeats)
        if len(operands) > self.terms:
            self.limits.check("terms", len(operands), "the operands of a call")
        inputs = tuple([self.expr(operand, depth + 1) for operand in operands])
        if op.parts_of is not None:
            return self._parts(op, inputs, attrs, node)
        return self.add(name, inputs, attrs, node.lineno)

    def _no_name(self, called: ast.expr, depth: int) -> InputError:
        """What is called has no plain name: the receiver of a method is looked at first, as Python would."""
        if isinstance(called, ast.Attribute):
            start = called.value
            while isinstance(start, ast.Attribute):
                start = start.value
            if not isinstance(start, ast.Name | ast.Constant):
                self.expr(called.value, depth + 1)
        return no_op(called, [*self.vocabulary, *self.defs], {*self.scope, *self.globals})

    def _no_op(self, name: str) -> InputError:
        if name == "slice":
            return InputError("slice is not called", code="E_OP", hint="write an index: x[1, :, 0:2]")
        if name in self.scope or name in self.globals:
            hint = "to multiply: x * y or x @ y; to pick cells: x[0]"
            return InputError(f"'{shown(name)}' is a tensor or a number, and no op", code="E_OP", hint=hint)
        return InputError(f"no op '{shown(name)}'", code="E_OP", hint=op_hint(name, [*self.vocabulary, *self.defs]))

    def _parts(self, op: Op, inputs: tuple[Value, ...], attrs: Mapping[str, Any], node: ast.Call) -> Value:
        """One node for each part of an op that gives a tuple."""
        assert op.parts_of is not None
        parts = op.parts_of(attrs)
        if parts is None:
            parts = self._names_for(node)
            attrs = {**attrs, "parts": parts}
        if parts < 1:
            words, example = f"must be at least 1, not {shown(parts)}", op.attrs["sections"].example("sections")
            raise misfit(op.name, "sections", words, example)
        self.limits.check("nodes", len(self.ops) + parts, "the nodes of the program")
        self.check_unpacked(node, parts)
        return tuple([self.add(op.name, inputs, {**attrs, "part": i}, node.lineno) for i in range(parts)])

    def _names_for(self, node: ast.Call) -> int:
        """How many names the statement has for the tensors of a call, which is its right side."""
        statement = self.statement
        target = statement.targets[0] if isinstance(statement, ast.Assign) and statement.value is node else None
        if not isinstance(target, ast.Tuple):
            hint = "give each a name: a, b = unbind(x); for one of them: x[0]"
            raise InputError("unbind gives as many tensors as the axis has cells", code="E_ATTR", hint=hint)
        return len(target.elts)

    def check_unpacked(self, node: ast.expr, found: int) -> None:
        """E_SHAPE where the statement has not as many names as the expression, which is its right side, has values."""
        statement = self.statement
        targets = statement.targets if isinstance(statement, ast.Assign) and statement.value is node else []
        for target in targets:
            if isinstance(target, ast.Tuple) and len(target.elts) != found:
                hint = "give as many names as there are values; split gives a tuple, x[0] a part of a tensor"
                raise ShapeError(f"{len(target.elts)} names for a tuple of {found:,}", hint=hint)

    def call_block(self, block: Def, node: ast.Call, depth: int) -> Value:
        """The value of a call of a def; statements come in program.py."""
        raise NotImplementedError


_RULES: dict[type[ast.AST], Callable[[Expressions, Any, int], Value]] = {
    ast.Name: Expressions._name, ast.Constant: Expressions._constant, ast.BinOp: Expressions._binary,
    ast.UnaryOp: Expressions._unary, ast.Compare: Expressions._compare, ast.BoolOp: Expressions._logic,
    ast.Call: Expressions._call, ast.Attribute: Expressions._attribute, ast.Subscript: Expressions._subscript,
    ast.Tuple: Expressions._tuple,
}  # fmt: skip
