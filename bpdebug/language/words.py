"""What of Python is not in the little language: its name in words, and what to write instead."""

from __future__ import annotations

import ast

from bpdebug.errors import InputError
from bpdebug.ops import OPS

LANGUAGE = 'a program has assignments, def, for ... in range(...), with block("name"), and calls of ops'
_INSTEAD: dict[str, dict[str, str]] = {
    # statements
    "to choose between tensors cell by cell: where(condition, a, b)":
        {"If": "if", "IfExp": "if ... else", "Match": "match"},
    "write for t in range(10):": {"While": "while", "AsyncFor": "async for"},
    "leave it out; a fault is shown where it happens": {"Try": "try", "TryStar": "try"},
    "the ops are all there: bpdebug ops lists them": {"Import": "import", "ImportFrom": "import"},
    "write a block: def layer(x, W): ...": {"ClassDef": "class"},
    "write def": {"AsyncFunctionDef": "async def"},
    'write with block("name"):': {"AsyncWith": "async with"},
    "leave it out: Y = X @ W": {"AnnAssign": "an annotation"},
    "leave it out": {"TypeAlias": "a type alias", "Raise": "raise", "Pass": "pass", "UAdd": "+ before a value"},
    "leave it out; nothing has to be freed": {"Delete": "del"},
    "what is expected stands in the table [expect]": {"Assert": "assert"},
    "leave it out; a block can read every name of the program, and returns what it makes":
        {"Global": "global", "Nonlocal": "nonlocal"},
    "range(...) says how often; write a smaller number": {"Break": "break", "Continue": "continue"},
    "leave it out; every tensor can be looked at": {"Return": "return outside of a def"},
    # expressions
    "write a block: def f(x): return ...": {"Lambda": "lambda"},
    "write the expression itself":
        {"Dict": "a dict", "Set": "a set", "Await": "await", "JoinedStr": "an f-string",
         "FormattedValue": "an f-string", "TemplateStr": "a t-string"},
    "write numbers in round brackets, (2, 3); tensors are joined with stack or concat": {"List": "a list"},
    "write for t in range(10): with an assignment in it":
        {"ListComp": "a list comprehension", "SetComp": "a set comprehension", "DictComp": "a dict comprehension"},
    "write sum(x), or for t in range(10): with an assignment in it": {"GeneratorExp": "a generator expression"},
    "write return, as the last line of the def": {"Yield": "yield", "YieldFrom": "yield from"},
    "write the values one by one": {"Starred": "* before a value"},
    "give the assignment a line of its own": {"NamedExpr": ":="},
    "write it in an index: x[0:2]": {"Slice": "a slice"},
    # operators
    "write /, or the number it gives": {"FloorDiv": "//"},
    "write the number it gives": {"Mod": "%"},
    "multiply by a power of 2": {"LShift": "<<"},
    "divide by a power of 2": {"RShift": ">>"},
    "write a and b": {"BitAnd": "&"},
    "write a or b": {"BitOr": "|"},
    "join masks, such as comparisons of tensors: a > 0 and b > 0": {"And": "and", "Or": "or"},
    "write not a": {"Invert": "~"},
    "write a ** b for a power": {"BitXor": "^"},
    "turn a mask round: not x > 0": {"Not": "not"},
    "compare with == and multiply or add the conditions": {"In": "in", "NotIn": "not in"},
    "write ==": {"Is": "is"},
    "write !=": {"IsNot": "is not"},
}  # fmt: skip
"""What to write instead, of which pieces of Python, and what these are called."""
_FORBIDDEN = {piece: (words, hint) for hint, pieces in _INSTEAD.items() for piece, words in pieces.items()}
SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**", ast.FloorDiv: "//",
    ast.Mod: "%", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
    ast.USub: "-", ast.UAdd: "+", ast.Not: "not", ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=",
    ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
BY_SIGN = {op.infix: op for op in OPS.values() if op.infix and len(op.operands) == 2}
"""The ops that are written between two operands."""
_CONSTANTS = {
    str: "a string", bytes: "a bytes string", complex: "a complex number", type(None): "None", type(...): "...",
}  # fmt: skip


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
        return f"the attribute .{node.attr[:60]}", "only .T may follow a tensor; shapes are written out as numbers"
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
    named = type(node).__name__ in _FORBIDDEN or isinstance(node, ast.AugAssign)
    return named and not isinstance(node, ast.Slice | ast.List | ast.Return | ast.And | ast.Or | ast.Not)
