"""An expression as a backward rule: written on the symbolic leaves of a plan, so that it is traced like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bpdebug.expression.syntax import (
    Attribute,
    Binary,
    Call,
    Expression,
    Index,
    Name,
    Number,
    Slice,
    Tree,
    Unary,
    children,
)
from bpdebug.expression.tokens import refuse
from bpdebug.symbolic import Expr, Plan

_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "@": lambda a, b: a @ b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def as_rule(expression: Expression, operands: Sequence[str], output: str) -> Callable[[Plan], Any]:
    """The expression as a function of a plan: names are the node's operands, its output, and its gradient.

    Raises E_EXPR at once where it is too long, and when it is called for any other name and for what is no rule.
    """

    _check_length(expression.root)

    def rule(plan: Plan) -> Any:
        names: dict[str, Any] = {f"d{output}": plan.g, f"∂{output}": plan.g, output: plan.y}
        names.update(zip(operands, plan.operands, strict=True))
        return _build(expression.root, names, plan)

    return rule


MOST_TERMS = 200
"""Terms of a rule: a longer one is nothing to read, and nesting as deep as it would take."""


def _check_length(root: Tree) -> None:
    count, stack = 0, [root]
    while stack:
        tree = stack.pop()
        count += 1
        if count > MOST_TERMS:
            raise refuse(f"a rule has at most {MOST_TERMS} terms", tree.column, "write it shorter")
        stack.extend(children(tree))


def _fold(op: str, a: Any, b: Any, column: int) -> Any:
    """The arithmetic of two numbers: powers in doubles, so that none takes for ever."""
    try:
        found = _SIGNS[op](float(a), float(b)) if op == "**" else _SIGNS[op](a, b)
        exact = type(found) is float or -(2**63) <= found < 2**63
        found = found if exact else float(found)
    except (ArithmeticError, TypeError, ValueError):
        found = None
    if found is None or isinstance(found, complex):
        raise refuse(f"these numbers have no {op}", column, "write the number itself")
    return found


def _build(tree: Tree, names: Mapping[str, Any], plan: Plan) -> Any:
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Name):
        return _named(tree, names, plan)
    if isinstance(tree, Binary) and tree.op in _SIGNS:
        left, right = _build(tree.left, names, plan), _build(tree.right, names, plan)
        numbers = not isinstance(left, Expr) and not isinstance(right, Expr)
        return _fold(tree.op, left, right, tree.column) if numbers else _SIGNS[tree.op](left, right)
    if isinstance(tree, Unary) and tree.op in ("-", "+"):
        operand = _build(tree.operand, names, plan)
        return -operand if tree.op == "-" else operand
    if isinstance(tree, Attribute) and tree.name == "T":
        return plan.xp.matrix_transpose(_build(tree.of, names, plan))
    if isinstance(tree, Call):
        return _call(tree, names, plan)
    if isinstance(tree, Index):
        return _build(tree.of, names, plan)[tuple(map(_place, tree.items))]
    raise refuse(
        "this is not part of a rule", tree.column, "a rule is made of operands, + - * / ** @, .T, sum and mean"
    )


def _named(name: Name, names: Mapping[str, Any], plan: Plan) -> Any:
    text = f"∂{name.text}" if name.gradient else name.text
    if text in names:
        return names[text]
    if text.endswith(".T") and text[:-2] in names:
        return plan.xp.matrix_transpose(names[text[:-2]])
    raise refuse(
        f"'{text}' is nothing this rule can use",
        name.column,
        "it may use: " + ", ".join(n for n in names if n[0] != "∂"),
    )


def _call(call: Call, names: Mapping[str, Any], plan: Plan) -> Any:
    operand = _build(call.operand, names, plan)
    axis = None if call.axis is None else _constant(call.axis)
    keepdims = call.keepdims is not None and bool(_constant(call.keepdims))
    if call.function in ("sum", "max", "min"):
        return getattr(plan.xp, call.function)(operand, axis=axis, keepdims=keepdims)
    if call.function == "mean":
        total = plan.xp.sum(operand, axis=axis, keepdims=keepdims)
        cells, kept = 1, 1
        for n in operand.shape:
            cells *= n
        for n in total.shape:
            kept *= n
        return total / max(cells // max(kept, 1), 1)
    if call.function == "abs":
        return plan.xp.abs(operand)
    raise refuse(f"{call.function} is not part of a rule", call.column, "sum, mean, max, min and abs are")


def _constant(tree: Tree) -> Any:
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Unary) and tree.op == "-" and isinstance(tree.operand, Number):
        return -tree.operand.value
    if isinstance(tree, Name) and tree.text in ("True", "False"):
        return tree.text == "True"
    raise refuse("a number must stand here", tree.column, "axis=0")


def _place(item: Any) -> Any:
    if isinstance(item, Slice):
        start, stop, step = (None if p is None else _constant(p) for p in (item.start, item.stop, item.step))
        if step == 0:
            raise refuse("a slice does not step by 0", item.column, "leave the step out")
        return slice(start, stop, step)
    return _constant(item)
