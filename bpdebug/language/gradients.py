"""A call of grad: which tensor's gradient, with respect to which, and what comes in."""

from __future__ import annotations

import ast
from collections.abc import Callable

from bpdebug.errors import InputError, shown, suggest
from bpdebug.graph import NewNode
from bpdebug.graph.backward import GRAD, SIGNATURE
from bpdebug.language.calls import no_stars
from bpdebug.language.nodes import Value, is_tensor

_OPERANDS = ("y", "x", "incoming")


def gradients(
    node: ast.Call, expr: Callable[[ast.expr], Value], add: Callable[[tuple[Value, ...]], NewNode]
) -> NewNode | tuple[NewNode, ...]:
    """The nodes of a call, one for each tensor that the gradient is with respect to; E_ATTR where it is no such call.

    `expr` gives the value of an argument, and `add` makes a node of y, x, and what comes in.
    """
    no_stars(node)
    hint = f"write {SIGNATURE}"
    given = dict(zip(_OPERANDS, node.args, strict=False))
    if len(node.args) > len(_OPERANDS):
        raise InputError(f"{GRAD} takes 2 or 3 tensors, and {len(node.args)} are given", code="E_ATTR", hint=hint)
    for keyword in node.keywords:
        name = str(keyword.arg)
        if name not in _OPERANDS or name in given:
            words = "is given twice" if name in given else "is no attribute of it"
            raise InputError(f"{GRAD}: {shown(name)} {words}", code="E_ATTR", hint=suggest(name, _OPERANDS, hint))
        given[name] = keyword.value
    missing = next((name for name in _OPERANDS[:2] if name not in given), "")
    if missing:
        raise InputError(f"{GRAD} needs {missing}, and it is not given", code="E_ATTR", hint=hint)
    values = {name: expr(argument) for name, argument in given.items()}
    several = type(values["x"]) is tuple
    xs = values["x"] if several else (values["x"],)
    for name, value in [(n, v) for n, v in values.items() if n != "x"] + [("x", x) for x in xs]:
        if not is_tensor(value):
            words = "a tuple" if type(value) is tuple else shown(value)
            raise InputError(f"{GRAD}: {name} is a tensor, and {words} stands there", code="E_ATTR", hint=hint)
    rest = (values["incoming"],) if "incoming" in values else ()
    made = tuple([add((values["y"], x, *rest)) for x in xs])
    return made if several else made[0]
