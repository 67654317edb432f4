"""An expression compiled for a graph: every name looked up and every shape checked once, then a list of steps.

The steps run on a stack, so that a sum of a thousand terms needs no recursion. Constants are folded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import DType, Shape
from bpdebug.expression import operations, syntax
from bpdebug.expression.frame import ABOUT, NO_PATH, Frame, Missing, gradient_of, value_of
from bpdebug.expression.kinds import NUMBER, TEXT, UNKNOWN, Kind, constant, tensor
from bpdebug.expression.kinds import number_dtype as dtype_of
from bpdebug.expression.names import Meaning, Reference, Word, look_up
from bpdebug.expression.syntax import Tree
from bpdebug.expression.tokens import refuse
from bpdebug.graph import Graph
from bpdebug.limits import spell_bytes

_CONSTANT = -1


Run = Callable[..., Any]
Step = tuple[int, Any, int]


class Program(Struct, frozen=True, eq=False):
    """Steps (operands taken, function or constant, column), and what they give."""

    steps: tuple[Step, ...]
    kind: Kind

    def run(self, frame: Frame) -> Any:
        """The value; Missing where an operand has none, E_EXPR where the numbers do not allow it."""
        if self.kind.absent:
            raise Missing(NO_PATH)
        stack: list[Any] = []
        arity, column = 0, 1
        try:
            for arity, function, column in self.steps:  # noqa: B007 - the column is for the error
                if arity == 2:
                    right = stack.pop()
                    stack[-1] = function(stack[-1], right)
                elif arity == 1:
                    stack[-1] = function(stack[-1])
                else:
                    stack.append(function if arity == _CONSTANT else function(frame))
        except (ArithmeticError, ValueError, MemoryError) as error:
            if arity == 0:
                raise
            raise refuse(operations.spelt(error), column) from None
        return stack[0]


class Setting(Struct, frozen=True):
    """What an expression is compiled for; programs are remembered by it.

    `condition`: words about the event are known; `about`: shape and dtype of its tensor, for `grad` and `out`.
    """

    graph: Graph
    memory: int
    condition: bool = False
    about: tuple[Shape, DType] | None = None


def compile_tree(tree: Tree, setting: Setting) -> Program:
    """The program of a tree; E_EXPR for names, shapes and sizes that do not fit."""
    compiler = _Compiler(setting)
    compiler.walk(tree)
    return Program(tuple(compiler.steps), compiler.stack[0])


class _Compiler:
    """The stack while the program is written: each operand's kind, and where its steps begin."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.steps: list[Step] = []
        self.stack: list[Kind] = []
        self.starts: list[int] = []
        self.held = 0

    def walk(self, root: Tree) -> None:
        """Operands before operators, without recursion along chains."""
        todo: list[tuple[Tree, bool]] = [(root, False)]
        while todo:
            tree, ready = todo.pop()
            below = () if isinstance(tree, syntax.Chain | syntax.Logic | syntax.Tuple) else syntax.children(tree)
            if below and not ready:
                todo.append((tree, True))
                todo.extend((child, False) for child in reversed(below))
            else:
                self.emit(tree)

    def emit(self, tree: Tree) -> None:
        if isinstance(tree, syntax.Number | syntax.Text):
            self.push(constant(tree.value), None, tree.column)
        elif isinstance(tree, syntax.Name):
            self.name(tree)
        elif isinstance(tree, syntax.Binary):
            left, right = self.stack[-2:]
            self.apply(2, *operations.binary(tree.op, left, right, tree.column), tree.column)
        elif isinstance(tree, syntax.Unary):
            self.apply(1, *operations.unary(tree.op, self.stack[-1], tree.column), tree.column)
        elif isinstance(tree, syntax.Attribute):
            self.apply(1, *operations.attribute(tree.name, self.stack[-1], tree.column), tree.column, view=True)
        elif isinstance(tree, syntax.Index):
            columns = [item.column for item in tree.items]
            kind, run = operations.take(self.stack[-1], places(tree, self.setting), columns)
            self.apply(1, kind, run, tree.column, view=True)
        elif isinstance(tree, syntax.Call):
            self.apply(1, *self.call(tree), tree.column)
        elif isinstance(tree, syntax.Tuple):
            items = tuple(known(item, self.setting, "a tuple holds numbers") for item in tree.items)
            self.push(constant(items), None, tree.column)
        else:
            kind, run = self.logic(tree) if isinstance(tree, syntax.Logic) else self.chain(tree)
            self.push(kind, run, tree.column)

    # --- the stack ------------------------------------------------------------------------------------------------

    def push(self, kind: Kind, run: Run | None, column: int) -> None:
        """An operand of its own: a constant, or what `run` fetches from the frame."""
        self.starts.append(len(self.steps))
        self.stack.append(kind)
        self.steps.append((_CONSTANT, kind.value, column) if run is None else (0, run, column))

    def apply(self, arity: int, kind: Kind, run: Run, column: int, *, view: bool = False) -> None:
        """Replace the last operands by a result; folded where they are constants."""
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
            self.steps[start:] = [(_CONSTANT, kind.value, column)]
        else:
            self.steps.append((arity, run, column))

    def fold(self, run: Run, operands: Sequence[Kind], column: int) -> Any:
        try:
            with np.errstate(all="ignore"):
                return run(*(k.value for k in operands))
        except (ArithmeticError, ValueError) as error:
            raise refuse(operations.spelt(error), column) from None

    # --- names ----------------------------------------------------------------------------------------------------

    def name(self, name: syntax.Name) -> None:
        meaning, attributes = look_up(self.setting.graph, name, self.setting.condition)
        kind, run = self.meaning(meaning)
        self.push(kind, run, name.column)
        column = name.column + len(name.text) + name.gradient - sum(len(a) + 1 for a in attributes) + 1
        for attribute in attributes:
            self.apply(1, *operations.attribute(attribute, self.stack[-1], column), column, view=True)
            column += len(attribute) + 1

    def meaning(self, meaning: Meaning) -> tuple[Kind, Run | None]:
        graph = self.setting.graph
        if isinstance(meaning, Reference):
            number, gradient = meaning.tensor, meaning.gradient
            absent = gradient and not graph.has_gradient(number) and number not in graph.incoming
            kind = tensor(graph.shapes[number], graph.dtypes[number], absent=absent)
            return kind, gradient_of(number) if gradient else value_of(number)
        if isinstance(meaning, Word):
            if meaning.name in ("grad", "out"):
                shape, dtype = self.setting.about or ((), dtype_of(0.0))
                return tensor(shape, dtype), ABOUT[meaning.name]
            text = meaning.name in ("node", "op", "phase")
            return Kind(TEXT) if text else Kind(NUMBER, dtype=dtype_of(0)), ABOUT[meaning.name]
        return constant(meaning), None

    # --- what has operands inside ---------------------------------------------------------------------------------

    def call(self, tree: syntax.Call) -> tuple[Kind, Run]:
        kind = self.stack[-1]
        keepdims = tree.keepdims is not None and known(tree.keepdims, self.setting, "keepdims is True or False")
        axis: tuple[int, ...] | None = None
        if tree.axis is not None:
            axes = tree.axis.items if isinstance(tree.axis, syntax.Tuple) else (tree.axis,)
            rank = len(kind.shape)
            axis = tuple(operations.one_axis(whole(a, self.setting), rank, a.column) for a in axes)
            if len(set(axis)) < len(axis):
                raise refuse("an axis is named twice", tree.axis.column)
        return operations.call(tree.function, kind, axis, bool(keepdims), tree.column)

    def logic(self, tree: syntax.Logic) -> tuple[Kind, Run]:
        programs = [compile_tree(item, self.setting) for item in tree.items]
        for item, program in zip(tree.items, programs, strict=True):
            operations.check_truth(program.kind, item.column)
        decides = tree.op == "or"

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

        return Kind(NUMBER, dtype=dtype_of(True)), run

    def chain(self, tree: syntax.Chain) -> tuple[Kind, Run]:
        programs = [compile_tree(item, self.setting) for item in tree.items]
        links: list[Run] = []
        for op, left, right in zip(tree.ops, programs, programs[1:], strict=False):
            kind, link = operations.binary(op, left.kind, right.kind, tree.column)
            operations.check_truth(kind, tree.column)
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
        return Kind(NUMBER, dtype=dtype_of(True), absent=absent), run


# --- constants inside -------------------------------------------------------------------------------------------------


def known(tree: Tree, setting: Setting, what: str) -> Any:
    """The number that a constant part (an index, an axis, a size) stands for."""
    kind = compile_tree(tree, setting).kind
    if kind.kind != NUMBER or not kind.constant:
        raise refuse(f"{kind} cannot stand here", tree.column, f"{what}, known before anything is computed")
    return kind.value


def whole(tree: Tree | None, setting: Setting) -> int | None:
    """The same for a place of an index: an integer."""
    if tree is None:
        return None
    found = known(tree, setting, "an index is a whole number")
    if type(found) is not int:
        raise refuse(f"{found} is no index", tree.column, "an index is a whole number")
    return found


def places(tree: syntax.Index, setting: Setting) -> list[Any]:
    """The integers, slices and `...` of an index."""
    found: list[Any] = []
    for item in tree.items:
        if isinstance(item, syntax.Rest):
            found.append(...)
        elif isinstance(item, syntax.Slice):
            found.append(slice(*(whole(part, setting) for part in (item.start, item.stop, item.step))))
        else:
            found.append(whole(item, setting))
    return found
