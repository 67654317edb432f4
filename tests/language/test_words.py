"""Everything that is not in the language is refused with its line, what it is, and what to write instead."""

from __future__ import annotations

import ast

import pytest

from bpdebug.language import Place
from bpdebug.language.reserved import RESERVED
from bpdebug.language.words import described, forbidden
from bpdebug.ops import OPS
from tests.language.writing import refused, steps

FIRST = "A = relu(X)\n"
EXPRESSIONS = [
    # (program's second line, code, in the message, in the hint)
    ("Y = lambda a: a", "E_SYNTAX", "lambda", "def"),
    ("Y = X if k else W", "E_SYNTAX", "if ... else", "where("),
    ("Y = {'a': X}", "E_SYNTAX", "a dict", ""),
    ("Y = {X}", "E_SYNTAX", "a set", ""),
    ("Y = [X, W]", "E_SYNTAX", "a list", "stack"),
    ("Y = [X for t in range(3)]", "E_SYNTAX", "a list comprehension", "for t in range"),
    ("Y = {X for t in range(3)}", "E_SYNTAX", "a set comprehension", "for t in range"),
    ("Y = {t: X for t in range(3)}", "E_SYNTAX", "a dict comprehension", "for t in range"),
    ("Y = sum(a for a in X)", "E_SYNTAX", "a generator", "sum(x)"),
    ("Y = await X", "E_SYNTAX", "await", ""),
    ("Y = yield X", "E_SYNTAX", "yield", "return"),
    ("Y = yield from X", "E_SYNTAX", "yield from", "return"),
    ("Y = f'{X}'", "E_SYNTAX", "an f-string", ""),
    ("Y = 'X'", "E_SYNTAX", "a string", ""),
    ("Y = b'X'", "E_SYNTAX", "a bytes string", ""),
    ("Y = 2j * X", "E_SYNTAX", "a complex number", ""),
    ("Y = None", "E_SYNTAX", "None", ""),
    ("Y = ...", "E_SYNTAX", "...", ""),
    ("Y = (a := X)", "E_SYNTAX", ":=", "line of its own"),
    ("Y = X // 2", "E_SYNTAX", "//", "/"),
    ("Y = X % 2", "E_SYNTAX", "%", ""),
    ("Y = X << 2", "E_SYNTAX", "<<", ""),
    ("Y = X >> 2", "E_SYNTAX", ">>", ""),
    ("Y = X & W", "E_SYNTAX", "&", ""),
    ("Y = X | W", "E_SYNTAX", "|", ""),
    ("Y = X ^ W", "E_SYNTAX", "^", "**"),
    ("Y = 7 // 2 * X", "E_SYNTAX", "//", ""),
    ("Y = 1 and 2", "E_SYNTAX", "and of numbers", "masks"),
    ("Y = True or k0 == 1", "E_NAME", "k0", ""),
    ("Y = not 1", "E_SYNTAX", "not of numbers", "masks"),
    ("Y = ~X", "E_SYNTAX", "~", ""),
    ("Y = +X", "E_SYNTAX", "+", "leave it out"),
    ("Y = X in W", "E_SYNTAX", "in", ""),
    ("Y = X not in W", "E_SYNTAX", "not in", ""),
    ("Y = X is W", "E_SYNTAX", "is", "=="),
    ("Y = X is not W", "E_SYNTAX", "is not", "!="),
    ("Y = 0 < X < 1", "E_SYNTAX", "chained comparison", ""),
    ("Y = X.shape", "E_SYNTAX", ".shape", ".T"),
    ("Y = X.__class__", "E_SYNTAX", ".__class__", ".T"),
    ("Y = ().__class__.__bases__[0].__subclasses__()", "E_SYNTAX", "__bases__", ""),
    ("Y = X[X > 0]", "E_SYNTAX", "comparison", "where("),
    ("Y = X[None]", "E_SYNTAX", "None", "expand_dims"),
    ("Y = X[1.5]", "E_SYNTAX", "1.5", "integers"),
    ("Y = X[True]", "E_SYNTAX", "True", ""),
    ("Y = X['a']", "E_SYNTAX", "a string", ""),
    ("Y = X[()]", "E_SYNTAX", "empty", ""),
    ("Y = (2, 3)[0:1]", "E_SYNTAX", "no cells", ""),
    ("Y = (2, 3) + X", "E_ATTR", "tuple", "unpack"),
    ("Y = (2, 3) * 2", "E_SYNTAX", "tuple", ""),
    ("Y = (2, 3) < 2", "E_SYNTAX", "tuple", ""),
    ("Y = True + 1", "E_SYNTAX", "True", ""),
    ("Y = relu(*X)", "E_SYNTAX", "*", "one by one"),
    ("Y = relu(X, **W)", "E_SYNTAX", "**", ""),
    ("Y = 1 / 0 * X", "E_SYNTAX", "0", ""),
    ("Y = (-8) ** 0.5 * X", "E_SYNTAX", "negative", ""),
    ("Y = 2 @ 3", "E_ATTR", "matmul", ""),
    ("Y = relu(2)", "E_ATTR", "tensor", ""),
    ("Y = 2 .T", "E_ATTR", "tensor", ""),
    ("Y = relu((X, W))", "E_ATTR", "tensor", ""),
    ("Y = 1e400 * X", "E_LIMIT", "double", ""),
    ("Y = 1e300 * 1e300 * X", "E_LIMIT", "double", ""),
    ("Y = X * 9223372036854775808", "E_LIMIT", "64 bits", "float"),
    ("Y = nothing", "E_NAME", "nothing", ""),
    ("Y = __builtins__", "E_NAME", "__builtins__", ""),
    ("Y = relu", "E_NAME", "relu", "relu(x)"),
    ("Y = X(2)", "E_OP", "X", ""),
    ("Y = A(2)", "E_OP", "A", ""),
    ("Y = relux(X)", "E_OP", "relux", "relu"),
    ("Y = ReLU(X)", "E_OP", "ReLU", "relu"),
    ("Y = np.exp(X)", "E_OP", "np.exp", "exp("),
    ("Y = os.system('id')", "E_OP", "os.system", ""),
    ("Y = X.sum()", "E_OP", "sum", "sum(X"),
    ("Y = '{}'.format(X)", "E_OP", "format", ""),
    ("Y = relu(X)(X)", "E_OP", "called", ""),
    ("Y = X[0](X)", "E_OP", "called", ""),
    ("Y = 3(X)", "E_OP", "called", ""),
    ("Y = eval('X')", "E_OP", "eval", ""),
    ("Y = __import__('os').system('id')", "E_OP", "__import__", ""),
    ("Y = slice(X, 1)", "E_OP", "slice", "x[1"),
    ("Y = range(3)", "E_OP", "range", ""),
    ("Y = block('a')", "E_OP", "block", ""),
]  # fmt: skip
STATEMENTS = [
    ("if k: Y = X", "E_SYNTAX", "if", "where("),
    ("while k: Y = X", "E_SYNTAX", "while", "for t"),
    ("try: Y = X\nfinally: Z = X", "E_SYNTAX", "try", ""),
    ("import os", "E_SYNTAX", "import", "ops"),
    ("from os import system", "E_SYNTAX", "import", "ops"),
    ("class Layer: pass", "E_SYNTAX", "class", "def"),
    ("async def f(x): return x", "E_SYNTAX", "async def", "def"),
    ("Y: float = X", "E_SYNTAX", "annotation", "leave it out"),
    ("Y += X", "E_SYNTAX", "+=", "Y = Y + ..."),
    ("Y **= 10 ** 10 ** 10", "E_SYNTAX", "**=", "Y = Y ** ..."),
    ("del X", "E_SYNTAX", "del", ""),
    ("raise SystemExit", "E_SYNTAX", "raise", ""),
    ("assert X", "E_SYNTAX", "assert", "[expect]"),
    ("global X", "E_SYNTAX", "global", ""),
    ("pass", "E_SYNTAX", "pass", ""),
    ("return X", "E_SYNTAX", "return", ""),
    ("match X:\n  case _: Y = X", "E_SYNTAX", "match", "where("),
    ("X + W", "E_SYNTAX", "not assigned", "Y = "),
    ("relu(X)", "E_SYNTAX", "not assigned", "Y = "),
    ("print(X)", "E_OP", "print", ""),
    ("X[0] = W", "E_SYNTAX", "index", ""),
    ("X.T = W", "E_SYNTAX", "attribute", ""),
    ("(a, b), c = X", "E_SYNTAX", "tuple in a tuple", ""),
    ("a, *b = X", "E_SYNTAX", "*", ""),
    ("[a, b] = X, W", "E_SYNTAX", "list", ""),
    ("a, c = X, W, X", "E_SHAPE", "2 names", ""),
    ("a, c = relu(X)", "E_SHAPE", "2 names", "split"),
    ("a, c = split(X, 3)", "E_SHAPE", "2 names", ""),
    ("a, c = 1", "E_SHAPE", "one number", ""),
    ("for t in X: Y = X", "E_SYNTAX", "range", "range"),
    ("for t in [1, 2]: Y = X", "E_SYNTAX", "range", "range"),
    ("for a, b in range(3): Y = X", "E_SYNTAX", "one variable", ""),
    ("for t in range(3): Y = X\nelse: Z = X", "E_SYNTAX", "else", ""),
    ("for t in range(X): Y = X", "E_SYNTAX", "range", ""),
    ("for t in range(2.0): Y = X", "E_SYNTAX", "range", ""),
    ("for t in range(True): Y = X", "E_SYNTAX", "range", ""),
    ("for t in range(): Y = X", "E_SYNTAX", "range", ""),
    ("for t in range(0, 1, 0): Y = X", "E_SYNTAX", "range", ""),
    ("for t in range(stop=3): Y = X", "E_SYNTAX", "range", ""),
    ("for X in range(3): Y = W", "E_NAME", "X", ""),
    ("with open('x'): Y = X", "E_SYNTAX", "with", "block("),
    ("with block('a') as c: Y = X", "E_SYNTAX", "block", 'block("head")'),
    ("with block('a'), block('c'): Y = X", "E_SYNTAX", "block", ""),
    ("with block(): Y = X", "E_SYNTAX", "block", ""),
    ("with block(X): Y = X", "E_SYNTAX", "block", ""),
    ("with block(name='a'): Y = X", "E_SYNTAX", "block", ""),
    ("with block('a.b'): Y = X", "E_NAME", "a.b", ""),
    ("with block(''): Y = X", "E_NAME", "", ""),
    ("with block('a\\d'): Y = X", "E_NAME", "", ""),
    ("def f(x): return x\nf = relu(X)", "E_NAME", "f", ""),
]  # fmt: skip
DEFS = [
    ("def f(x=1): return x", "default", 2),
    ("def f(*x): return x", "*", 2),
    ("def f(**x): return x", "*", 2),
    ("def f(*, x): return x", "*", 2),
    ("def f(x, /): return x", "/", 2),
    ("def f(x: int): return x", "annotation", 2),
    ("def f(x) -> int: return x", "annotation", 2),
    ("def f(x, x): return x", "'x'", 2),
    ("@cache\ndef f(x): return x", "decorator", 2),
    ("def f(x): y = x", "no return", 2),
    ("def f(x):\n return", "without a value", 3),
    ("def f(x):\n return x\n y = x", "before the end", 3),
    ("def f(x):\n for t in range(2):\n  return x\n return x", "before the end", 4),
    ("def f(x):\n def g(x): return x\n return x", "def", 3),
    ("def f(x):\n y = [x]\n return x", "list", 3),
    ("def f(x):\n y = x\n return lambda: x", "lambda", 4),
    ("for t in range(2):\n def f(x): return x", "def", 3),
]


@pytest.mark.parametrize(("line", "code", "says", "hint"), EXPRESSIONS + STATEMENTS)
def test_it_is_refused_with_words(line: str, code: str, says: str, hint: str) -> None:
    error = refused(FIRST + line, place=Place("x.toml", 10))
    assert error.code == code, str(error)
    assert says in error.message, str(error)
    assert hint in error.hint, str(error)
    last = 1 if line.startswith("def f(x): return x\n") else 0
    assert error.where == f"x.toml:{11 + last}", str(error)


@pytest.mark.parametrize(("line", "says", "at"), DEFS)
def test_of_defs_it_is_refused_called_or_not(line: str, says: str, at: int) -> None:
    error = refused(f"A = relu(X)\n{line}")
    assert error.code == "E_SYNTAX"
    assert says in error.message, str(error)
    assert error.where == f"<program>:{at}", str(error)


@pytest.mark.parametrize(
    ("program", "code", "line", "says"),
    [
        ("def f(x): return x\ndef f(x): return x", "E_NAME", 2, "'f'"),
        ("def X(x): return x", "E_NAME", 1, "'X'"),
        ("def relu(x): return x", "E_NAME", 1, "an op"),
        ("def range(x): return x", "E_NAME", 1, "range"),
        ("def f(x): return x\nY = f()", "E_ATTR", 2, "x"),
        ("def f(x): return x\nY = f(X, X)", "E_ATTR", 2, "2 are given"),
        ("def f(x): return x\nY = f(X, x=X)", "E_ATTR", 2, "twice"),
        ("def f(x): return x\nY = f(z=X)", "E_ATTR", 2, "'z'"),
        ("def f(x): return x\nY = f(*X)", "E_SYNTAX", 2, "*"),
        ("def f(x): return f(x)", "E_CYCLE", 1, "'f' calls 'f'"),
        ("def f(x):\n return g(x)\ndef g(x):\n return f(x)\nY = f(X)", "E_CYCLE", 4, "'f' calls 'g' calls 'f'"),
        ("Y = f + X\ndef f(x): return x", "E_NAME", 1, "a block"),
        ("def f(x):\n h = x\n return h\nY = h", "E_NAME", 4, "'h'"),
        ("Y = tanh(Y)", "E_CYCLE", 1, "itself"),
        ("for t in range(3):\n h = tanh(h @ W)", "E_CYCLE", 2, "itself"),
        ("A = relu(C)\nB = exp(A)\nC = exp(B)", "E_CYCLE", 1, "'C' is computed from 'A'"),
        ("A = relu(C)\nC = exp(X)", "E_NAME", 1, "before it is assigned"),
        ("Hidden = relu(X)\nY = Hiden", "E_NAME", 2, "Hiden"),
        ("def f(x):\n y = z\n z = x\n return y\nY = f(X)", "E_NAME", 2, "before it is assigned"),
    ],
)  # fmt: skip
def test_names_and_blocks_that_do_not_fit(program: str, code: str, line: int, says: str) -> None:
    error = refused(program)
    assert (error.code, error.where) == (code, f"<program>:{line}"), str(error)
    assert says in error.message, str(error)


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("Y = X +", 1), ("Y = (X\nZ = W\n", 1), ("A = X\n  Z = W", 2), ("multiply X by W", 1), ("Y = 'abc", 1),
        ("Y = X\n\nZ = X \u202e@ W", 3), ("Y = X\nZ\u200b = W", 2), ("A = h.1", 1), ("A = X\0", 1), ("A = X)", 1),
        ("Y = X\nZ = W \ud800", 2),
    ],
)  # fmt: skip
def test_what_is_no_python_is_refused_with_its_line(program: str, line: int) -> None:
    error = refused(program)
    assert (error.code, error.where) == ("E_SYNTAX", f"<program>:{line}"), str(error)


@pytest.mark.parametrize(
    "program", ["ﬁ = relu(X)", "fi = X\nY = relu(ﬁ)", "Y = X  # \"\n\u212a = relu(X)  # it's", "Y² = X"]
)
def test_names_that_only_look_like_others_are_refused(program: str) -> None:
    error = refused(program)
    assert error.code in ("E_NAME", "E_SYNTAX")
    if error.code == "E_NAME":
        assert "NFKC" in error.hint


def test_every_kind_of_python_has_a_name() -> None:
    in_the_language = {
        "Assign", "For", "With", "Expr", "FunctionDef", "Name", "Constant", "BinOp", "UnaryOp", "Compare", "Call",
        "Subscript", "Tuple", "Add", "Sub", "Mult", "Div", "MatMult", "Pow", "USub", "Lt", "LtE", "Gt", "GtE",
        "Eq", "NotEq", "Load", "Store", "Del", "Slice", "BoolOp", "Attribute", "AugAssign",
    }  # fmt: skip
    for name in ("stmt", "expr", "operator", "unaryop", "cmpop", "boolop"):
        for kind in getattr(ast, name).__subclasses__():
            if kind.__module__ in ("_ast", "ast") and kind.__name__ not in in_the_language:
                node = kind.__new__(kind)
                words = described(node)[0]
                assert "(" not in words, kind
                assert forbidden(node) or kind.__name__ in ("Return", "Slice", "List", "And", "Or", "Not")


def test_a_def_hides_an_op_that_came_later() -> None:
    """Files are older than ops: what they call norm stays what they mean by it."""
    later = sorted(set(OPS) - RESERVED)
    assert {"norm", "outer", "mish"} <= set(later)
    for name in later:
        made = steps(f"def {name}(x):\n    return x * 2\nY = {name}(X)", ("X",))
        assert [step.op for step in made] == ["mul"], name
    assert set(OPS) >= RESERVED
