"""The little language: a program's statements carried out symbolically, into a list of steps."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf, nan
from typing import Any

from bpdebug.errors import BpdebugError, InputError, ShapeError, shown, suggest
from bpdebug.graph import Lit, NewNode, Steps
from bpdebug.language.again import Again
from bpdebug.language.blocks import Def, count, read_defs, weight
from bpdebug.language.constants import NotConstant
from bpdebug.language.names import NUMBERS, Place, check_name
from bpdebug.language.nodes import Known, Value, is_tensor
from bpdebug.language.parse import NOTHING, PARTS, parse, quiet
from bpdebug.language.primitives import VOCABULARY
from bpdebug.language.words import LANGUAGE, described, refusal
from bpdebug.limits import Limits
from bpdebug.ops import OPS, as_literal


def elaborate(
    text: str, leaves: Collection[str], *, known: Collection[str] = (), limits: Limits | None = None,
    place: Place | None = None, dtype: str = "float64", words: Mapping[str, str] = NOTHING,
    written: Callable[[float, str], None] | None = None,
) -> Steps:  # fmt: skip
    """The nodes of a program in order, with their names; nothing is executed, and shapes are not looked at.

    `leaves` can be read and not assigned; `known` are names that can be read before they are assigned (gradients in
    a derivation). `words` has identifiers for those that Python does not take. Lines are those of
    `place`. `written` is told of every number that is written, and where, before it is calculated with. Raises
    E_SYNTAX, E_NAME, E_OP, E_ATTR, E_SHAPE, E_CYCLE, E_LIMIT.
    """
    limits, place = limits or Limits(), place or Place("<program>")
    with _shallow(place):
        program = parse(text, limits, place, words)
        defs = read_defs(program.body.statements, leaves, limits, place)
        reader = Reader(program, defs, {name: Known(name) for name in (*known, *leaves)}, limits, place, dtype)
        reader.leaves = frozenset(leaves)
        reader.written = None if written is None else lambda number, line: written(number, place.at(line))
        if known:
            reader.kept, reader.copies = "a tensor of the program", frozenset(known)
            reader.as_formulas()
        reader.run(reader.body, 0)
        return reader.steps(reader.globals.keys())


def elaborate_value(
    text: str, names: Collection[str], *, limits: Limits, place: Place, dtype: str, words: Mapping[str, str] = NOTHING
) -> tuple[Steps, Value]:
    """The nodes of one expression, and what it comes to: the name of a node or of `names`, or a number.

    Raises as `elaborate` does.
    """
    with _shallow(place):
        program = parse(text.strip(), limits, place, words)
        first, *more = [*program.body, None]
        if len(more) != 1 or not isinstance(first, ast.Expr):
            hint = "write what it is, without a name before it: dY @ W.T"
            raise InputError("this is not one expression", code="E_SYNTAX", where=place.at(1), hint=hint)
        reader = Reader(program, {}, {name: Known(name) for name in names}, limits, place, dtype)
        reader.as_formulas()
        value = reader.expr(first.value)
        steps = reader.steps(reader.globals.keys())
        return steps, steps[value].id if type(value) is NewNode else value


@contextmanager
def _shallow(place: Place) -> Iterator[None]:
    """Python's parser quiet, and its recursion an error with words."""
    with quiet():
        try:
            yield
        except RecursionError:
            raise InputError("the program is nested too deep", code="E_LIMIT", where=place.name, hint=PARTS) from None


class Reader(Again):
    """Carries out statements: names are bound, loops unrolled, blocks entered and left."""

    leaves: frozenset[str] = frozenset()
    kept = "an input or a parameter"
    copies: frozenset[str] = frozenset()
    """Names that get a node with every line: in a derivation also `dZ = dY`, and `dL = 1`, are looked at."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.prefix = ""
        self.params: Collection[str] = ()
        self.carried = 0
        self.most, self.longest = self.limits["calls"], self.limits["name"]
        self.calls: dict[str, int] = {}
        self.groups: set[str] = set()

    def as_formulas(self) -> None:
        """Let it hold what formulas hold: words without a gradient, and numbers that are not finite."""
        self.vocabulary = VOCABULARY
        self.globals |= {"inf": inf, "nan": nan}

    def run(self, body: Iterable[ast.stmt], depth: int) -> None:
        """Carry out the statements of a body; what `elaborate` raises (E_SYNTAX ... E_LIMIT) gets its line."""
        for node in body:
            self.statement = node
            self.carried += 1
            try:
                if self.carried > self.most:
                    self.limits.check("calls", self.carried, "the statements carried out")
                if type(node) is ast.Assign:
                    self._assign(node, depth)
                elif type(node) is ast.For:
                    self._for(node, depth + 1)
                elif type(node) is ast.With:
                    self._with(node, depth + 1)
                elif type(node) is ast.Expr:
                    self._bare(node, depth)
                elif type(node) is not ast.FunctionDef or depth or self.scope is not self.globals:
                    raise refusal(node)
            except BpdebugError as error:
                raise error.at(self.place.at(node.lineno)) from None

    def _bare(self, node: ast.Expr, depth: int) -> None:
        """A docstring; anything else makes a value that nobody could name."""
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return
        self.expr(node.value, depth + 1)
        raise InputError("the value is not assigned to a name", code="E_SYNTAX", hint=f"write Y = ...; {LANGUAGE}")

    # --- assignments

    def _assign(self, node: ast.Assign, depth: int) -> None:
        goals = [self._goal(target) for target in node.targets]
        start = len(self.ops)
        value = self.again(node.value, depth + 1)
        named: set[int] = set()
        for goal in goals:
            if isinstance(goal, str):
                self._bind(goal, value, start, named)
                continue
            if type(value) is not tuple:
                what = "tensor" if is_tensor(value) else "number"
                hint = "split gives several tensors; a part of a tensor is x[0]"
                raise ShapeError(f"{len(goal)} names for one {what}", hint=hint)
            self.check_unpacked(node.value, len(value))
            for name, part in zip(goal, value, strict=True):
                self._bind(name, part, start, named)

    def _goal(self, target: ast.expr) -> str | list[str]:
        """The name, or the names, that a target binds; E_SYNTAX or E_NAME where it cannot."""
        if type(target) is ast.Name:
            self._check_assignable(target.id)
            return target.id
        names = []
        for place in target.elts if isinstance(target, ast.Tuple) else (target,):
            if not isinstance(place, ast.Name):
                raise self._no_target(place)
            self._check_assignable(place.id)
            names.append(place.id)
        return names

    def _no_target(self, node: ast.expr) -> InputError:
        if isinstance(node, ast.Starred):
            return refusal(node)
        what = {ast.Subscript: "an index", ast.Tuple: "a tuple in a tuple", ast.Attribute: "an attribute"}
        words = what.get(type(node)) or described(node)[0]
        hint = "write a name, or names with commas: Y = ..., a, b = ..."
        return InputError(f"{words} cannot be assigned to", code="E_SYNTAX", hint=hint)

    def _check_assignable(self, name: str) -> None:
        if name in self.defs or (name in self.leaves and name not in self.params):
            kept = "a block" if name in self.defs else self.kept
            message = f"'{name}' is {kept}, and cannot be assigned"
            raise InputError(message, code="E_NAME", hint="assign to another name")
        if len(name) > self.longest or name in NUMBERS:
            check_name(name, self.limits)

    def _bind(self, name: str, value: Value, start: int, named: set[int]) -> None:
        """Let a name mean a value; a node that this statement made bears the name from now on."""
        made = type(value) is NewNode and value >= start
        if self.copies and not made and (name in self.copies or is_tensor(value)):
            if type(value) is tuple:
                hint = "a gradient is one array, of the shape of its tensor"
                raise InputError(f"{name} would be {len(value)} values", code="E_ATTR", hint=hint)
            line = self.statement.lineno if self.statement is not None else 1
            copied = value if is_tensor(value) else Lit(as_literal(value))
            value, made = self.add("stop_gradient", (copied,), OPS["stop_gradient"].defaults, line), True
        self.scope[name] = value
        if made and value not in named:
            self.names[value] = self.prefix + name
            named.add(value)

    # --- loops and blocks

    def _for(self, node: ast.For, depth: int) -> None:
        numbers = self._range(node)
        if node.orelse:
            message = "else after for is not in the language of programs"
            raise InputError(message, code="E_SYNTAX", hint="write it behind the loop")
        if not isinstance(node.target, ast.Name):
            raise InputError("a loop has one variable", code="E_SYNTAX", hint="write for t in range(3):")
        self._check_assignable(node.target.id)
        times = count(numbers)
        what = f"the statements of a loop over range({shown(times, 30)})"
        self.limits.check("calls", self.carried + times, what)
        self.limits.check("calls", self.carried + times * weight([*node.body], self.defs, self.limits), what)
        self.limits.check("nesting", depth, "the depth of loops and blocks")
        outer, self.repeats = self.repeats, True
        for t in numbers:
            self.scope[node.target.id] = t
            self.run(node.body, depth)
        self.repeats = outer

    def _range(self, node: ast.For) -> range:
        """The numbers of a loop."""
        hint = "write for t in range(3):, with integers that are constants"
        call = node.iter
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range"):
            raise InputError("a loop runs over range(...) only", code="E_SYNTAX", hint=hint)
        try:
            bounds = [self.constants.value(arg) for arg in call.args]
        except NotConstant as error:
            message = f"range takes integers, and {error.args[0]} stands there"
            raise InputError(message, code="E_SYNTAX", hint=hint) from None
        if call.keywords or not 1 <= len(bounds) <= 3 or any(type(b) is not int for b in bounds) or bounds[2:] == [0]:
            raise InputError("range takes one to three integers, and no step of 0", code="E_SYNTAX", hint=hint)
        return range(*bounds)

    def _with(self, node: ast.With, depth: int) -> None:
        call = node.items[0].context_expr
        hint = 'write with block("head"):'
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "block"):
            raise InputError("with is for blocks only", code="E_SYNTAX", hint=hint)
        plain = len(node.items) == len(call.args) == 1 and not call.keywords and node.items[0].optional_vars is None
        name = call.args[0].value if plain and isinstance(call.args[0], ast.Constant) else None
        if not isinstance(name, str):
            raise InputError("block takes one name in quotes", code="E_SYNTAX", hint=hint)
        check_name(name, self.limits, "name of a block", keywords=True)
        self.limits.check("nesting", depth, "the depth of loops and blocks")
        outer = self.path
        self.path = f"{outer}.{name}" if outer else name
        self.groups.add(self.path)
        self.run(node.body, depth)
        self.path = outer

    def call_block(self, block: Def, node: ast.Call, depth: int) -> Value:
        """Enter a def: a scope, a block and a prefix of its own; what it returns is the caller's to name."""
        scope = self._arguments(block, node, depth)
        if self.carried + block.weight > self.most:  # nothing is worded that nobody reads
            self.limits.check(
                "calls", self.carried + block.weight, f"the statements carried out by {shown(block.name)}"
            )
        if depth >= self.nesting:
            self.limits.check("nesting", depth + 1, "the depth of calls")
        outer = self.scope, self.body, self.path, self.prefix, self.params, self.statement, self.repeats
        self.path = self._numbered(block.name)
        self.scope, self.body, self.params, self.prefix = scope, block.body, block.params, f"{self.path}."
        self.repeats = True
        self.carried += 1
        self.run(block.body, depth + 1)
        self.statement = None
        value = self.again(block.result, depth + 1)
        self.scope, self.body, self.path, self.prefix, self.params, self.statement, self.repeats = outer
        return value

    def _numbered(self, name: str) -> str:
        """layer1, layer2 ...: counted in the block around it."""
        start = f"{self.path}.{name}" if self.path else name
        while True:
            n = self.calls[start] = self.calls.get(start, 0) + 1
            if f"{start}{n}" not in self.groups:
                return f"{start}{n}"

    def _arguments(self, block: Def, node: ast.Call, depth: int) -> dict[str, Value]:
        """The arguments of a call by the names of the parameters."""
        params = block.params
        if len(node.args) == len(params) and not node.keywords:
            return {param: self.expr(arg, depth + 1) for param, arg in zip(params, node.args, strict=True)}
        name = shown(block.name)
        hint = f"write {name}({', '.join(params)})"
        if len(node.args) > len(params):
            message = f"{name} takes {len(params)} arguments, and {len(node.args)} are given"
            raise InputError(message, code="E_ATTR", hint=hint)
        scope = {param: self.expr(arg, depth + 1) for param, arg in zip(params, node.args, strict=False)}
        for keyword in node.keywords:
            if keyword.arg not in params:
                message = f"{name} has no parameter '{shown(keyword.arg)}'"
                raise InputError(message, code="E_ATTR", hint=suggest(str(keyword.arg), params, hint))
            if keyword.arg in scope:
                raise InputError(f"{name}: {shown(keyword.arg)} is given twice", code="E_ATTR", hint=hint)
            scope[str(keyword.arg)] = self.expr(keyword.value, depth + 1)
        missing = [param for param in params if param not in scope]
        if missing:
            raise InputError(f"{name} needs {shown(', '.join(missing))}", code="E_ATTR", hint=hint)
        return scope
