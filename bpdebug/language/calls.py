"""A call taken apart: which arguments are operands, which are attributes, and the words where they do not fit."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol

from bpdebug.arrays import Key
from bpdebug.errors import InputError, shown
from bpdebug.graph.dtypes import MASKED
from bpdebug.language.constants import NotConstant
from bpdebug.language.elsewhere import op_hint
from bpdebug.language.words import described, refusal
from bpdebug.ops import OPS, Attr, Op
from bpdebug.ops.attributes import fit, misfit, spelt

Arguments = tuple[list[ast.expr], Mapping[str, Any]]


class ConstantReader(Protocol):
    """What evaluates attributes and indices: a number, a text, None or a tuple, or NotConstant with words."""

    def value(self, node: ast.expr, /) -> Any: ...
    def at(self, node: ast.AST, /) -> AbstractContextManager[None]:
        """What is refused inside is about this piece of the text."""


def no_op(called: ast.expr, known: Collection[str], values: Collection[str]) -> InputError:
    """E_OP for a call that begins with no plain name, but with a value's method, a module's, or any expression."""
    if isinstance(called, ast.Attribute):
        name, start = called.attr, dotted(called.value)
        if name in OPS:
            hint = f"write {name}({start}, ...)" if start.partition(".")[0] in values else f"write {name}(...)"
        else:
            hint = op_hint(name, known)
        whole = f"{start}.{name}" if start else f".{name}"
        return InputError(f"'{shown(whole)}' is no op; ops have plain names", code="E_OP", hint=hint)
    plain = isinstance(called, ast.Call | ast.Subscript | ast.Constant | ast.BinOp)
    words = "a value" if plain else described(called)[0]
    hint = "a call begins with the name of an op or of a def: relu(x)"
    return InputError(f"{words} is called like an op", code="E_OP", hint=hint)


def dotted(node: ast.expr) -> str:
    """'np.linalg' for a chain of names, '' for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < 8:
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def no_stars(node: ast.Call) -> None:
    """E_SYNTAX for f(*xs), f(x for x in xs) and f(**attrs)."""
    for arg in node.args:
        if type(arg) is ast.Starred or type(arg) is ast.GeneratorExp:
            raise refusal(arg)
    for keyword in node.keywords:
        if keyword.arg is None:
            message = "** before a value is not in the language of programs"
            raise InputError(message, code="E_SYNTAX", hint="write axis=0 and so on")


class Apart(dict[int, Arguments]):
    """Calls of ops taken apart, by their nodes: what is carried out again and again is taken apart once."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def take(self, op: Op, node: ast.Call, constants: ConstantReader, *, keep: bool) -> Arguments:
        """The operands of a call and its attributes, kept where nothing can change them; raises as `take_apart`."""
        no_stars(node)
        operands, attrs = take_apart(op, node, constants)
        if "dtype" in op.attrs and op.attrs["dtype"].hidden:
            attrs = {**attrs, "dtype": self.dtype}
        plain = len(operands) == len(node.args) and all(type(k.value) is ast.Constant for k in node.keywords)
        if keep and plain:
            self[id(node)] = operands, attrs
        return operands, attrs


def take_apart(op: Op, node: ast.Call, constants: ConstantReader) -> Arguments:
    """The operands of a call of an op as expressions, in order, and its attributes with the defaults filled in.

    Raises E_ATTR and what `constants` refuses, at the piece of the call that does not fit.
    """
    least, most = op.arity
    if not node.keywords and not op.attrs and len(node.args) == least == most:
        return node.args, op.defaults  # by far the most calls
    allowed = op.keywords
    leading = node.args[:1] if op.leads and all(k.arg != op.leads for k in node.keywords) else []
    plain = most - 1 if op.draws and most is not None else most
    operands: dict[int, ast.expr] = dict(enumerate(node.args[len(leading) :][:plain]))
    rest = node.args[len(leading) + len(operands) :]
    given: dict[str, ast.expr] = dict(zip([op.leads] if leading else op.positional, leading or rest, strict=False))
    if len(rest) > len(given):
        with constants.at(rest[len(given)]):
            raise _too_many(op, len(node.args), rest[len(given)], constants)
    for keyword in node.keywords:
        with constants.at(keyword):
            _put_keyword(op, keyword, operands, given)
    _check_count(op, operands)
    values = {name: _constant(op, name, allowed[name], expression, constants) for name, expression in given.items()}
    return [operands[i] for i in range(len(operands))], op.bind(values)


def _put_keyword(op: Op, keyword: ast.keyword, operands: dict[int, ast.expr], given: dict[str, ast.expr]) -> None:
    """Put a keyword where it belongs: among the operands, or the attributes."""
    name, allowed = keyword.arg or "", op.keywords
    places = {o.strip("?"): i for i, o in enumerate(op.operands) if not o.startswith("*")}
    if name in allowed and name not in given:
        given[name] = keyword.value
    elif name in places and places[name] not in operands:
        operands[places[name]] = keyword.value
    elif name in allowed or name in places:
        raise misfit(op.name, name, "is given twice", f"write {op.signature}")
    else:
        raise op.unknown(name)


def _check_count(op: Op, operands: dict[int, ast.expr]) -> None:
    """Numbers put where an operand is left out that one stands for; E_ATTR for another."""
    for i, name in enumerate(o.strip("?") for o in op.operands):
        if name in op.instead and i not in operands and any(j > i for j in operands):
            operands[i] = ast.Constant(op.instead[name], lineno=1, col_offset=0)
    missing = next((i for i in range(max(op.arity[0], *operands, 0)) if i not in operands), None)
    if missing is not None:
        raise op.miscounted(missing)


def _too_many(op: Op, given: int, extra: ast.expr, constants: ConstantReader) -> InputError:
    """What to say of an argument too many: most likely an attribute without its keyword."""
    hint = ""
    for name, attr in op.open_attrs.items():
        if name not in op.positional:
            with suppress(NotConstant, InputError):
                value = fit(op.name, name, attr, constants.value(extra))
                hint = f"attributes are keywords; did you mean {name}={shown(spelt(value))}?"
                break
    return op.miscounted(given, hint)


def _constant(op: Op, name: str, attr: Attr, expression: ast.expr, constants: ConstantReader) -> Any:
    with constants.at(expression):
        try:
            return fit(op.name, name, attr, constants.value(expression))
        except NotConstant as error:
            words = f"must be a constant, and {error.args[0]} stands there"
            raise misfit(op.name, name, words, attr.example(name)) from None


def index_of(node: ast.expr, constants: ConstantReader) -> tuple[Any, ...]:
    """An index in plain data: of integers, '...', and (start, stop, step) for slices."""
    return tuple(_place(item, constants) for item in (node.elts if isinstance(node, ast.Tuple) else [node]))


def indices_of(node: ast.expr, constants: ConstantReader) -> tuple[Key, list[ast.expr]]:
    """An index in plain data that may hold lists, and arrays of integers: the expressions that None stands for."""
    key: list[Any] = []
    arrays: list[ast.expr] = []
    for item in node.elts if isinstance(node, ast.Tuple) else [node]:
        if isinstance(item, ast.List):
            key.append((_listed(item, constants),))
        elif isinstance(item, ast.Slice | ast.Constant | ast.Compare) or _is_known(item, constants):
            key.append(_place(item, constants))
        else:
            key.append(None)
            arrays.append(item)
    return tuple(key), arrays


def _is_known(node: ast.expr, constants: ConstantReader) -> bool:
    """Whether an expression is a constant, as loop variables are."""
    with constants.at(node), suppress(NotConstant):
        constants.value(node)
        return True
    return False


def _listed(node: ast.expr, constants: ConstantReader) -> Any:
    """A list of integers, and of lists of them, as tuples."""
    if isinstance(node, ast.List):
        return tuple(_listed(item, constants) for item in node.elts)
    return _whole(node, constants)


def _place(node: ast.expr, constants: ConstantReader) -> Any:
    if isinstance(node, ast.Slice):
        ends = (node.lower, node.upper, node.step)
        return tuple(None if end is None else _whole(end, constants) for end in ends)
    if isinstance(node, ast.Constant) and node.value is ...:
        return "..."
    return _whole(node, constants)


def _whole(node: ast.expr, constants: ConstantReader) -> Any:
    hint = "an index is made of integers, loop variables and slices: x[1, :, 0:2]"
    with constants.at(node):
        try:
            value = constants.value(node)
        except NotConstant as error:
            if isinstance(node, ast.Compare):
                hint = MASKED
            elif isinstance(node, ast.Name):
                hint = "to pick rows by a tensor of integers: gather(x, ids)"
            words = f"the tensor {error.args[0]}" if isinstance(node, ast.Name) else error.args[0]
            raise InputError(f"{words} stands in an index", code="E_SYNTAX", hint=hint) from None
        if value is None and isinstance(node, ast.Constant):
            raise InputError("None stands in an index", code="E_SYNTAX", hint="for a new axis: expand_dims(x, axis=0)")
        if type(value) is not int:
            text = f"a string ('{shown(value)}')" if isinstance(value, str) else shown(value)
            raise InputError(f"{text} stands in an index", code="E_SYNTAX", hint=hint)
        return value
