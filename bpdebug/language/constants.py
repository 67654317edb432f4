"""Numbers of a program: literals, loop variables and the arithmetic on them, folded while the program is read."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from math import inf, isfinite
from typing import Any

from bpdebug.errors import InputError, shown
from bpdebug.language.words import SYMBOLS, described, refusal
from bpdebug.limits import Limits

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow,
}  # fmt: skip
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip

MASK = "it stands for what a softmax is to pass over: where(mask, x, -inf)"
_ANYWHERE = nullcontext()


class NotConstant(Exception):
    """A constant was needed and something else stands there; `args[0]` says what."""


def check_number(value: Any, limits: Limits) -> Any:
    """The number, or E_LIMIT where it is too long or too large for a double."""
    if isinstance(value, int):
        bits = value.bit_length()
        if bits > 1000 and bits > limits["digits"] * 10 // 3:
            limits.check("digits", bits * 3 // 10 + 1, "the digits of a number")
    elif not isfinite(value):
        raise _too_large()
    return value


def _too_large() -> InputError:
    return InputError("a number is too large for a double", code="E_LIMIT", hint="the largest is about 1.8e308")


def fold(kind: type[ast.AST], a: Any, b: Any, limits: Limits) -> Any:
    """The arithmetic of two numbers, guarded against results that would take for ever (10**10**10).

    Raises E_SYNTAX for what is no number or has no result, E_LIMIT for results that are too long or too large.
    """
    _check_operand(a)
    _check_operand(b)
    if SYMBOLS.get(kind) not in ARITHMETIC:
        raise refusal(kind()) if kind is not ast.MatMult else InputError(
            "matmul needs tensors, and both sides of @ are numbers", code="E_ATTR", hint="write * for numbers"
        )  # fmt: skip
    if kind is ast.Pow and isinstance(a, int) and isinstance(b, int) and b > 0 and abs(a) > 1:
        limits.check("digits", b * (a.bit_length() - 1) * 3 // 10, "the digits of a power")
    try:
        result = ARITHMETIC[SYMBOLS[kind]](a, b)
    except ZeroDivisionError:
        raise InputError(f"{shown(a)} is divided by 0", code="E_SYNTAX", hint="write another number") from None
    except OverflowError:
        raise _too_large() from None
    if isinstance(result, complex):
        message = "the power of a negative number is no real number"
        raise InputError(message, code="E_SYNTAX", hint="write another number")
    return check_number(result, limits)


def negative(value: Any) -> Any:
    """-value; E_SYNTAX for what is no finite number."""
    _check_operand(value)
    return -value


def _check_operand(value: Any) -> None:
    if type(value) not in (int, float):
        words = "a tuple" if isinstance(value, tuple) else shown(value)
        raise InputError(f"{words} is no number to calculate with", code="E_SYNTAX", hint="write a number or a tensor")
    if isinstance(value, float) and not isfinite(value):
        raise InputError("-inf is no number to calculate with", code="E_SYNTAX", hint=MASK)


class ProgramConstants:
    """Evaluates expressions that must be constants: attributes, indices, the arguments of range."""

    def __init__(self, lookup: Callable[[str], Any], chains: Mapping[str, ast.expr], limits: Limits) -> None:
        self.lookup, self.chains, self.limits = lookup, chains, limits

    def at(self, node: ast.AST) -> nullcontext[None]:
        """Errors get the line of their statement, and no column."""
        return _ANYWHERE

    def value(self, node: ast.expr, depth: int = 0) -> Any:
        """A number, a bool, a text, None or a tuple of them; NotConstant with words where it is none.

        Raises as `fold` does.
        """
        self.limits.check("nesting", depth, "the depth of a constant")
        kind = type(node)
        if isinstance(node, ast.Constant):
            if type(node.value) in (int, float):
                return check_number(node.value, self.limits)
            if type(node.value) in (bool, str, type(None)):
                return node.value
        elif isinstance(node, ast.Tuple):
            self.limits.check("terms", len(node.elts), "the values of a tuple")
            return check_tuple(tuple(self.value(item, depth + 1) for item in node.elts), self.limits)
        elif isinstance(node, ast.UnaryOp) and type(node.op) is ast.USub:
            if isinstance(node.operand, ast.Name) and node.operand.id == "inf":
                return -inf
            return negative(self.value(node.operand, depth + 1))
        elif isinstance(node, ast.BinOp) and SYMBOLS[type(node.op)] in ARITHMETIC:
            left, right = self.value(node.left, depth + 1), self.value(node.right, depth + 1)
            return fold(type(node.op), left, right, self.limits)
        elif isinstance(node, ast.Name):
            if node.id == "inf":
                return inf
            if node.id in self.chains:
                return self.value(self.chains[node.id], depth)
            return self._named(node)
        raise NotConstant({ast.Call: "a call", ast.Compare: "a comparison"}.get(kind, described(node)[0]))

    def _named(self, node: ast.Name) -> Any:
        value = self.lookup(node.id)
        if is_constant(value):
            return value
        raise NotConstant(f"'{shown(node.id)}'")


def check_tuple(made: tuple[Any, ...], limits: Limits) -> tuple[Any, ...]:
    """The tuple; E_LIMIT where it holds too many values, those of tuples inside it counted each time they stand there.

    `n = (n, n)` doubles at every step, and what walks such a tuple takes for ever; the count stops at the limit.
    """
    count, most, stack = 0, limits["terms"], [made]
    while stack:
        for item in stack.pop():
            count += 1
            if count > most:
                limits.check("terms", count, "the values of a tuple")
            if type(item) is tuple:
                stack.append(item)
    return made


def is_constant(value: Any) -> bool:
    """Whether a value is a number, or a tuple that holds numbers only."""
    return all(map(is_constant, value)) if type(value) is tuple else type(value) in (int, float, bool)
