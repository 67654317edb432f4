"""An expression compiled for a graph: every name looked up and every shape checked once; constants are folded."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from operator import methodcaller
from typing import Any

import numpy as np
from msgspec.structs import replace

from bpdebug.arrays import takes_arrays
from bpdebug.errors import InputError, shown
from bpdebug.expression import operations
from bpdebug.expression.compiled import CONSTANT, NO_PATH, WORDS, Frame, Missing, Program, Run, Setting, Step, spelt
from bpdebug.expression.functions import FUNCTIONS
from bpdebug.expression.kinds import NUMBER, TENSOR, TEXT, TUPLE, UNKNOWN, Kind, constant, number, number_dtype
from bpdebug.expression.names import Meaning, Reference, look_up
from bpdebug.expression.parse import Expression
from bpdebug.language.calls import index_of, indices_of, take_apart
from bpdebug.language.constants import NotConstant
from bpdebug.language.primitives import VOCABULARY
from bpdebug.language.tokens import refuse
from bpdebug.language.words import SYMBOLS
from bpdebug.limits import spell_bytes
from bpdebug.ops import Op


def compile_tree(expression: Expression, setting: Setting, tree: ast.expr | None = None) -> Program:
    """The program of an expression, or of a part of its tree; E_EXPR for names, shapes and sizes that do not fit."""
    compiler = Compiler(expression, setting)
    compiler.walk(expression.root if tree is None else tree)
    return Program(tuple(compiler.steps), compiler.stack[0])


class Compiler:
    """The stack while the program is written: each operand's kind, and where its steps begin."""

    def __init__(self, expression: Expression, setting: Setting) -> None:
        self.expression, self.setting = expression, setting
        self.steps: list[Step] = []
        self.stack: list[Kind] = []
        self.starts: list[int] = []
        self.calls: dict[int, tuple[Op, Sequence[ast.expr], Any]] = {}
        self.held = 0
        self.emitters: dict[type[ast.expr], Callable[[Any, int], None]] = {
            ast.Constant: self._constant, ast.Name: self._name, ast.BinOp: self._binary, ast.UnaryOp: self._unary,
            ast.Compare: self._binary, ast.BoolOp: self._logic, ast.Attribute: self._attribute,
            ast.Subscript: self._index, ast.Call: self._call, ast.Tuple: self._tuple,
        }  # fmt: skip

    def walk(self, root: ast.expr) -> None:
        """Operands before operators, without recursion along chains."""
        todo: list[tuple[ast.expr, bool]] = [(root, False)]
        while todo:
            tree, ready = todo.pop()
            below = () if ready else self.operands(tree)
            if below:
                todo.append((tree, True))
                todo.extend((child, False) for child in reversed(below))
            else:
                self.emitters[type(tree)](tree, self.expression.column(tree))

    def operands(self, tree: ast.expr) -> Sequence[ast.expr]:
        """What is computed before a tree is: not what must be constant, nor what may be left out."""
        if isinstance(tree, ast.BinOp):
            return tree.left, tree.right
        if isinstance(tree, ast.Compare) and len(tree.ops) == 1:
            return tree.left, tree.comparators[0]
        if isinstance(tree, ast.UnaryOp):
            return (tree.operand,)
        if isinstance(tree, ast.Call):
            return self._taken(tree, tree, None)
        if isinstance(tree, ast.Subscript) and isinstance(tree.value, ast.Call) and _op(tree.value).parts_of:
            return self._taken(tree.value, tree, index_of(tree.slice, self))
        if isinstance(tree, ast.Subscript):
            return self._indexed(tree)
        if isinstance(tree, ast.Attribute):
            return (tree.value,)
        return ()

    def _indexed(self, tree: ast.Subscript) -> Sequence[ast.expr]:
        """What an index is into, and the arrays of integers in it."""
        items = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
        if all(isinstance(item, ast.Slice | ast.Constant) for item in items):
            return (tree.value,)
        key, arrays = indices_of(tree.slice, self)
        if not takes_arrays(key):
            return (tree.value,)
        self.calls[id(tree)] = VOCABULARY["take_at"], [tree.value, *arrays], {"key": key}
        return self.calls[id(tree)][1]

    def _taken(self, call: ast.Call, tree: ast.expr, key: tuple[Any, ...] | None) -> Sequence[ast.expr]:
        """The operands of a call, which is taken apart; `key` is the index behind one that gives several tensors."""
        op = _op(call)
        with self.at(call):
            operands, attrs = take_apart(op, call, self)
            if op.parts_of is not None:
                parts = op.parts_of(attrs)
                one = key is not None and len(key) == 1 and type(key[0]) is int
                if key is None or not one or (parts is not None and not -parts <= key[0] < parts):
                    hint = f"name one of them by an integer: {op.name}(...)[0]"
                    words = "several tensors" if parts is None else f"a tuple of {parts}"
                    raise InputError(f"{op.name} gives {words}", code="E_EXPR", hint=hint)
                attrs = {**attrs, "part": key[0] % parts if parts else key[0]}
        if "dtype" in attrs and op.attrs["dtype"].hidden:
            floats = (d.name for d in self.setting.graph.dtypes if d.kind == "f")
            attrs = {**attrs, "dtype": next(floats, "float64")}
        self.calls[id(tree)] = op, operands, attrs
        return operands

    # --- what must be known before anything is computed: indices and attributes ------------------------------------

    def at(self, node: ast.AST) -> AbstractContextManager[None]:
        """Errors get the column of a piece of the expression."""
        return operations.placed(self.expression.column(node))

    def value(self, node: ast.expr) -> Any:
        """A number, a text, None or a tuple of them; raises NotConstant with words where it is none."""
        if isinstance(node, ast.Tuple):
            return tuple(self.value(item) for item in node.elts)
        if isinstance(node, ast.Constant) and node.value is None:
            return None
        if isinstance(node, ast.List):
            raise NotConstant("a list")
        kind = compile_tree(self.expression, self.setting, node).kind
        if kind.constant and kind.kind in (NUMBER, TUPLE, TEXT):
            return kind.value
        raise NotConstant(f"'{self.expression.names[node.id].text}'" if isinstance(node, ast.Name) else str(kind))

    # --- the stack ------------------------------------------------------------------------------------------------

    def push(self, kind: Kind, run: Run | None, column: int) -> None:
        """An operand of its own: a constant, or what `run` fetches from the frame."""
        self.starts.append(len(self.steps))
        self.stack.append(kind)
        self.steps.append((CONSTANT, kind.value, column) if run is None else (0, run, column))

    def apply(self, arity: int, kind: Kind, run: Run, column: int, *, view: bool = False) -> None:
        """Replace the last operands by a result, folded where it is constant; E_EXPR where it takes too much memory."""
        operands = self.stack[-arity:]
        before = sum(k.held for k in operands)
        if kind.held and not view and self.held + kind.held > self.setting.memory:
            size, limit = spell_bytes(self.held + kind.held), spell_bytes(self.setting.memory)
            hint = "take a slice first, or raise the limit with --memory SIZE"
            raise refuse(f"the result {kind.shape} takes {size}, and the limit 'memory' is {limit}", column, hint)
        absent = any(k.absent for k in operands)
        if not absent and not kind.constant and all(k.constant for k in operands):
            kind = replace(kind, value=self.fold(run, operands, column))
        start = self.starts[-arity]
        del self.stack[-arity:], self.starts[-arity:]
        self.stack.append(replace(kind, absent=True, value=UNKNOWN) if absent else kind)
        self.starts.append(start)
        self.held += kind.held - before
        if kind.constant and not absent:
            self.steps[start:] = [(CONSTANT, kind.value, column)]
        else:
            self.steps.append((arity, run, column))

    def fold(self, run: Run, operands: Sequence[Kind], column: int) -> Any:
        """What an operation makes of constants; E_EXPR where the numbers do not allow it."""
        try:
            with np.errstate(all="ignore"):
                return run(*(k.value for k in operands))
        except (ArithmeticError, ValueError) as error:
            raise refuse(spelt(error), column) from None

    # --- leaves ---------------------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant, column: int) -> None:
        if node.value is None or node.value is ...:
            raise refuse(f"'{shown(node.value)}' is no value", column, "None is for attributes: axis=None")
        self.push(constant(node.value), None, column)

    def _tuple(self, node: ast.Tuple, column: int) -> None:
        try:
            found = self.value(node)
            wrong = next((shown(item) for item in found if type(item) not in (bool, int, float)), "")
        except NotConstant as error:
            wrong = error.args[0]
        if wrong:
            raise refuse(f"{wrong} cannot stand here", column, "a tuple holds numbers")
        self.push(constant(found), None, column)

    def _name(self, node: ast.Name, column: int) -> None:
        name = self.expression.names[node.id]
        meaning, attributes = look_up(self.setting.graph, name, self.setting.condition)
        kind, run = self.meaning(meaning)
        self.push(kind, run, column)
        column += len(name.text) + name.gradient - sum(len(a) + 1 for a in attributes) + 1
        for attribute in attributes:
            self.apply(1, *operations.attribute(attribute, self.stack[-1], column), column, view=True)
            column += len(attribute) + 1

    def meaning(self, meaning: Meaning) -> tuple[Kind, Run | None]:
        graph = self.setting.graph
        if isinstance(meaning, Reference):
            tensor = meaning.tensor
            absent = meaning.gradient and not graph.has_gradient(tensor) and tensor not in graph.incoming
            kind = Kind(TENSOR, graph.shapes[tensor], graph.dtypes[tensor], absent=absent)
            return kind, methodcaller("gradient" if meaning.gradient else "value", tensor)
        if isinstance(meaning, str):
            if meaning in ("grad", "out"):
                return Kind(TENSOR, *(self.setting.about or ((), number_dtype(0.0)))), WORDS[meaning]
            return Kind(TEXT) if meaning in ("node", "op", "phase") else number(0), WORDS[meaning]
        return constant(meaning), None

    # --- what has operands ----------------------------------------------------------------------------------------

    def _binary(self, node: ast.BinOp | ast.Compare, column: int) -> None:
        if isinstance(node, ast.Compare) and len(node.ops) > 1:
            return self._chain(node, column)
        op, (left, right) = node.op if isinstance(node, ast.BinOp) else node.ops[0], self.stack[-2:]
        return self.apply(2, *operations.binary(SYMBOLS[type(op)], left, right, column), column)

    def _unary(self, node: ast.UnaryOp, column: int) -> None:
        self.apply(1, *operations.unary(SYMBOLS[type(node.op)], self.stack[-1], column), column)

    def _attribute(self, node: ast.Attribute, column: int) -> None:
        self.apply(1, *operations.attribute(node.attr, self.stack[-1], column), column, view=True)

    def _index(self, node: ast.Subscript, column: int) -> None:
        if id(node) in self.calls:
            return self._call(node, column)
        key, columns = index_of(node.slice, self), self.expression.columns_of(node.slice)
        return self.apply(1, *operations.take(self.stack[-1], key, columns), column, view=True)

    def _call(self, node: ast.expr, column: int) -> None:
        op, operands, attrs = self.calls[id(node)]
        kind, run = operations.call(op, self.stack[len(self.stack) - len(operands) :], attrs, column)
        if operands:
            self.apply(len(operands), kind, run, column)
        else:
            self.push(kind, lambda frame: run(), column)

    def _logic(self, node: ast.BoolOp, column: int) -> None:
        programs = [compile_tree(self.expression, self.setting, item) for item in node.values]
        if any(operations.is_mask(program.kind) for program in programs):
            return self._masks(node, programs, column)
        for item, program in zip(node.values, programs, strict=True):
            operations.check_truth(program.kind, self.expression.column(item))
        decides = isinstance(node.op, ast.Or)

        def run(frame: Frame) -> bool:
            """What decides is enough; else a missing operand leaves the answer open."""
            missing: str | None = None
            for program in programs:
                try:
                    if bool(program.run(frame)) == decides:
                        return decides
                except Missing as absent:
                    missing = NO_PATH if NO_PATH in (missing, absent.status) else absent.status
            if missing is not None:
                raise Missing(missing)
            return not decides

        self.push(number(True), run, column)

    def _masks(self, node: ast.BoolOp, programs: Sequence[Program], column: int) -> None:
        """Of masks, cell by cell, as in programs."""
        op = VOCABULARY["logical_or" if isinstance(node.op, ast.Or) else "logical_and"]
        kind, run = programs[0].kind, programs[0].run
        for program in programs[1:]:
            kind, join = operations.call(op, (kind, program.kind), op.defaults, column)
            run = partial(_joined, join, run, program.run)
        self.push(kind, run, column)

    def _chain(self, node: ast.Compare, column: int) -> None:
        """`1 < x < 3`: every link must hold, and each operand is computed once."""
        programs = [compile_tree(self.expression, self.setting, item) for item in (node.left, *node.comparators)]
        links: list[Run] = []
        for op, left, right in zip(node.ops, programs, programs[1:], strict=False):
            kind, link = operations.binary(SYMBOLS[type(op)], left.kind, right.kind, column)
            operations.check_truth(kind, column)
            links.append(link)

        def run(frame: Frame) -> bool:
            left = programs[0].run(frame)
            for link, program in zip(links, programs[1:], strict=True):
                right = program.run(frame)
                if not link(left, right):
                    return False
                left = right
            return True

        absent = any(program.kind.absent for program in programs)
        self.push(replace(number(True), absent=absent), run, column)


def _joined(join: Run, left: Run, right: Run, frame: Frame) -> Any:
    return join(left(frame), right(frame))


def _op(call: ast.Call) -> Op:
    assert isinstance(call.func, ast.Name)
    return FUNCTIONS.get(call.func.id) or VOCABULARY[call.func.id]
