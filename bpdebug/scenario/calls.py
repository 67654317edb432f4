"""A call taken apart: which arguments are operands, which are attributes, and the words where they do not fit."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from bpdebug.errors import InputError
from bpdebug.ops import OPS, Attr, Op
from bpdebug.scenario.attributes import (
    arity,
    defaults,
    fit,
    misfit,
    open_attrs,
    positional,
    required,
    signature,
    unknown,
)
from bpdebug.scenario.constants import Constants, NotConstant
from bpdebug.scenario.elsewhere import op_hint
from bpdebug.scenario.names import shown
from bpdebug.scenario.words import described, refusal

Arguments = tuple[list[ast.expr], Mapping[str, Any]]


def function_name(node: ast.Call, known: Callable[[], list[str]]) -> str:
    """The plain name that a call begins with; E_OP where it begins with anything else."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    if isinstance(node.func, ast.Attribute):
        name, start = node.func.attr, dotted(node.func.value)
        if name in OPS:
            hint = (
                f"write {name}({start}, ...)"
                if start and start not in ("np", "numpy", "torch", "jnp")
                else f"write {name}(...)"
            )
        else:
            hint = op_hint(name, known())
        whole = f"{start}.{name}" if start else f".{name}"
        raise InputError(f"'{shown(whole)}' is no op; ops have plain names", code="E_OP", hint=hint)
    plain = isinstance(node.func, ast.Call | ast.Subscript | ast.Constant | ast.BinOp)
    words = "a value" if plain else described(node.func)[0]
    hint = "a call begins with the name of an op or of a def: relu(x)"
    raise InputError(f"{words} is called like an op", code="E_OP", hint=hint)


def dotted(node: ast.expr) -> str:
    """'np.linalg' for a chain of names, '' for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < 8:
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def no_stars(node: ast.Call) -> None:
    """E_SYNTAX for f(*xs) and f(**attrs)."""
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            raise refusal(arg)
    if any(k.arg is None for k in node.keywords):
        raise InputError(
            "** before a value is not in the language of programs",
            code="E_SYNTAX",
            hint="write axis=0 and so on",
        )


def take_apart(op: Op, node: ast.Call, constants: Constants) -> Arguments:
    """The operands of a call of an op as expressions, in order, and its attributes with the defaults filled in."""
    if (
        not node.keywords
        and not op.attrs
        and len(node.args) == len(op.operands)
        and not op.operands[-1].startswith("*")
    ):
        return node.args, defaults(op)  # by far the most calls
    allowed = open_attrs(op)
    most = arity(op)[1]
    operands: dict[int, ast.expr] = dict(enumerate(node.args if most is None else node.args[:most]))
    given: dict[str, ast.expr] = {}
    rest = [] if most is None else node.args[most:]
    for arg, name in zip(rest, positional(op), strict=False):
        given[name] = arg
    if len(rest) > len(given):
        raise _too_many(op, node, rest[len(given) :], constants)
    for keyword in node.keywords:
        _put_keyword(op, keyword, allowed, operands, given)
    _check_count(op, operands, node)
    for name in required(op):
        if name not in given:
            raise InputError(
                f"{op.name} needs {name}, and it is not given", code="E_ATTR", hint=f"write {signature(op)}"
            )
    if not given:
        return [operands[i] for i in range(len(operands))], defaults(op)
    attrs = dict(defaults(op))
    for name, expression in given.items():
        attrs[name] = _attribute(op, name, allowed[name], expression, constants)
    return [operands[i] for i in range(len(operands))], {name: attrs[name] for name in op.attrs if name in attrs}


def _put_keyword(
    op: Op,
    keyword: ast.keyword,
    allowed: Mapping[str, Attr],
    operands: dict[int, ast.expr],
    given: dict[str, ast.expr],
) -> None:
    name = keyword.arg or ""
    places = {o.strip("?"): i for i, o in enumerate(op.operands) if not o.startswith("*")}
    if name in allowed and name not in given:
        given[name] = keyword.value
    elif name in places and places[name] not in operands:
        operands[places[name]] = keyword.value
    elif name in allowed or name in places:
        raise misfit(op, name, "is given twice", f"write {signature(op)}")
    else:
        raise unknown(op, name)


def _check_count(op: Op, operands: Mapping[int, ast.expr], node: ast.Call) -> None:
    least, most = arity(op)
    names = [o.strip("?*") for o in op.operands]
    for i in range(max(least, max(operands, default=-1))):
        if i not in operands:
            takes = f"at least {least}" if most is None else str(least) if least == most else f"{least} to {most}"
            plural = "" if takes.endswith(" 1") or takes == "1" else "s"
            raise InputError(
                f"{op.name} takes {takes} operand{plural}, and {names[min(i, len(names) - 1)]} is missing",
                code="E_ATTR",
                hint=f"write {signature(op)}",
            )


def _too_many(op: Op, node: ast.Call, extra: list[ast.expr], constants: Constants) -> InputError:
    """What to say of an argument too many: most likely an attribute without its keyword."""
    most = arity(op)[1] or 0
    taken = f"{most} operand{'' if most == 1 else 's'}"
    hint = f"write {signature(op)}"
    try:
        value = constants.value(extra[0])
    except (NotConstant, InputError):
        value = NotConstant
    for name, attr in open_attrs(op).items():
        if value is not NotConstant and name not in positional(op):
            try:
                fit(op, name, attr, value)
            except InputError:
                continue
            spelt = f'"{shown(value)}"' if isinstance(value, str) else shown(value)
            hint = f"attributes are keywords; did you mean {name}={spelt}?"
            break
    return InputError(f"{op.name} takes {taken}, and {len(node.args)} arguments are given", code="E_ATTR", hint=hint)


def _attribute(op: Op, name: str, attr: Attr, expression: ast.expr, constants: Constants) -> Any:
    try:
        value = constants.value(expression)
    except NotConstant as error:
        raise misfit(op, name, f"must be a constant, and {error.args[0]} stands there") from None
    return fit(op, name, attr, value)
