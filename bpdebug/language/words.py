"""What of Python is not in the little language: its name in words, and what to write instead."""

from __future__ import annotations

import ast

from bpdebug.errors import InputError
from bpdebug.ops import OPS

LANGUAGE = 'a program has assignments, def, for ... in range(...), with block("name"), and calls of ops'
_WHERE = "to choose between tensors cell by cell: where(condition, a, b)"
_PLAIN = "write the expression itself"
_MASK = "nest them: where(a, where(b, x, y), y)"

_FORBIDDEN: dict[str, tuple[str, str]] = {
    # statements
    "If": ("if", _WHERE),
    "While": ("while", "write for t in range(10):"),
    "Try": ("try", "leave it out; a fault is shown where it happens"),
    "TryStar": ("try", "leave it out; a fault is shown where it happens"),
    "Import": ("import", "the ops are all there: bpdebug ops lists them"),
    "ImportFrom": ("import", "the ops are all there: bpdebug ops lists them"),
    "ClassDef": ("class", "write a block: def layer(x, W): ..."),
    "AsyncFunctionDef": ("async def", "write def"),
    "AsyncFor": ("async for", "write for t in range(10):"),
    "AsyncWith": ("async with", 'write with block("name"):'),
    "AnnAssign": ("an annotation", "leave it out: Y = X @ W"),
    "TypeAlias": ("a type alias", "leave it out"),
    "Delete": ("del", "leave it out; nothing has to be freed"),
    "Raise": ("raise", "leave it out"),
    "Assert": ("assert", "what is expected stands in the table [expect]"),
    "Global": (
        "global",
        "leave it out; a block can read every name of the program, and returns what it makes",
    ),
    "Nonlocal": (
        "nonlocal",
        "leave it out; a block can read every name of the program, and returns what it makes",
    ),
    "Pass": ("pass", "leave it out"),
    "Break": ("break", "range(...) says how often; write a smaller number"),
    "Continue": ("continue", "range(...) says how often; write a smaller number"),
    "Match": ("match", _WHERE),
    "Return": ("return outside of a def", "leave it out; every tensor can be looked at"),
    # expressions
    "Lambda": ("lambda", "write a block: def f(x): return ..."),
    "IfExp": ("if ... else", _WHERE),
    "Dict": ("a dict", _PLAIN),
    "Set": ("a set", _PLAIN),
    "List": ("a list", "write numbers in round brackets, (2, 3); tensors are joined with stack or concat"),
    "ListComp": ("a list comprehension", "write for t in range(10): with an assignment in it"),
    "SetComp": ("a set comprehension", "write for t in range(10): with an assignment in it"),
    "DictComp": ("a dict comprehension", "write for t in range(10): with an assignment in it"),
    "GeneratorExp": (
        "a generator expression",
        "write sum(x), or for t in range(10): with an assignment in it",
    ),
    "Await": ("await", _PLAIN),
    "Yield": ("yield", "write return, as the last line of the def"),
    "YieldFrom": ("yield from", "write return, as the last line of the def"),
    "JoinedStr": ("an f-string", _PLAIN),
    "FormattedValue": ("an f-string", _PLAIN),
    "TemplateStr": ("a t-string", _PLAIN),
    "Starred": ("* before a value", "write the values one by one"),
    "NamedExpr": (":=", "give the assignment a line of its own"),
    "Slice": ("a slice", "write it in an index: x[0:2]"),
    "AugAssign": ("", ""),
    # operators
    "FloorDiv": ("//", "write /, or the number it gives"),
    "Mod": ("%", "write the number it gives"),
    "LShift": ("<<", "multiply by a power of 2"),
    "RShift": (">>", "divide by a power of 2"),
    "BitAnd": ("&", _MASK),
    "BitOr": ("|", _MASK),
    "BitXor": ("^", "write a ** b for a power"),
    "And": ("and", _MASK),
    "Or": ("or", _MASK),
    "Not": ("not", "turn the comparison round: x <= 0 for not x > 0"),
    "Invert": ("~", "turn the comparison round: x <= 0 for not x > 0"),
    "UAdd": ("+ before a value", "leave it out"),
    "In": ("in", "compare with == and multiply or add the conditions"),
    "NotIn": ("not in", "compare with == and multiply or add the conditions"),
    "Is": ("is", "write =="),
    "IsNot": ("is not", "write !="),
}
SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**", ast.FloorDiv: "//",
    ast.Mod: "%", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
    ast.USub: "-", ast.UAdd: "+", ast.Not: "not", ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=",
    ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
BY_SIGN = {op.infix: op for op in OPS.values() if op.infix and len(op.operands) == 2}
"""The ops that are written between two operands."""
_CONSTANTS = {
    str: "a string",
    bytes: "a bytes string",
    complex: "a complex number",
    type(None): "None",
    type(...): "...",
}


def described(node: ast.AST) -> tuple[str, str]:
    """What a piece of Python is called, and what to write instead."""
    if isinstance(node, ast.Constant) and type(node.value) in _CONSTANTS:
        return _CONSTANTS[type(node.value)], "write a tensor or a number"
    if isinstance(node, ast.AugAssign):
        symbol = SYMBOLS[type(node.op)]
        name = node.target.id[:40] if isinstance(node.target, ast.Name) else "x"
        return f"{symbol}=", f"write {name} = {name} {symbol} ..."
    if isinstance(node, ast.BoolOp):
        node = node.op
    if isinstance(node, ast.Attribute):
        return (
            f"the attribute .{node.attr[:60]}",
            "only .T may follow a tensor; shapes are written out as numbers",
        )
    if isinstance(node, ast.FunctionDef):
        return "a def inside of something", "put every def at the left margin; blocks may call each other"
    known = _FORBIDDEN.get(type(node).__name__)
    return known or (f"this ({type(node).__name__})", LANGUAGE)


def refusal(node: ast.AST) -> InputError:
    """E_SYNTAX for a piece of Python that is not in the language."""
    words, hint = described(node)
    return InputError(f"{words} is not in the language of programs", code="E_SYNTAX", hint=hint)


def forbidden(node: ast.AST) -> bool:
    """Whether a piece of Python is nowhere in the language, whatever stands around it."""
    return type(node).__name__ in _FORBIDDEN and not isinstance(node, ast.Slice | ast.Return)
