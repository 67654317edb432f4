"""Text to trees: precedence, columns, and nothing but BpdebugError for everything else."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.expression import evaluate, holds, names_in, parse, parse_location, resolve
from bpdebug.expression.evaluate import Scope
from bpdebug.expression.functions import FUNCTIONS
from bpdebug.language.tokens import tokenize
from tests.expression.common import END, TIMELINE, array, ask, error_of, refused


def test_tokens_keep_their_columns() -> None:
    found = [(t.kind, t.text, t.column) for t in tokenize("  ∂enc1.h @ Wᵀ[0:-1] >= 1.5e-3 'a b'")]
    assert found == [
        ("name", "enc1.h", 3), ("op", "@", 11), ("name", "W", 13), ("op", "ᵀ", 14), ("op", "[", 15),
        ("number", "0", 16), ("op", ":", 17), ("op", "-", 18), ("number", "1", 19), ("op", "]", 20), ("op", ">=", 22),
        ("number", "1.5e-3", 25), ("text", "a b", 32), ("end", "", 37),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["h.1", "layer1.h.12", "größe", "x̂", "_a1", "层1.值", "a·b", "X.T"])
def test_a_dotted_name_is_one_token(name: str) -> None:
    assert [(t.kind, t.text) for t in tokenize(name)][:-1] == [("name", name)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("2 - 3 - 4", -5), ("2 ** 3 ** 2", 512), ("-2 ** 2", -4),
        ("2 ** -1", 0.5),
        ("- - 2", 2), ("7 // 2", 3), ("-7 // 2", -4), ("7 % 4", 3), ("-7 % 4", 1), ("1 / 4", 0.25), ("+3", 3),
        (".5", 0.5),
        ("1_000", 1000), ("1e3", 1000.0), ("0x10", 16), ("0x1.8p1", 3.0), ("0x1p-2", 0.25), ("5.", 5.0),
        ("not 1 == 2", True), ("not 0 and 0", False), ("1 or 0 and 0", True), ("1 < 2 < 3", True), ("1 < 3 < 2", False),
        ("3 > 2 >= 2 != 1", True), ("True", True), ("True + True", 2), ("not not 0", False), ("1 == 1.0", True),
        ("2 × 3 − 1", 5), ("2 · 3", 6), ("1 ≤ 1", True), ("1 ≠ 1", False), ("inf", np.inf), ("-inf", -np.inf),
        ("(2)", 2), ("abs(-3)", 3), ("10 ** 20", 1e20), ("007", 7),
    ],
)  # fmt: skip
def test_numbers_and_precedence(text: str, value: Any) -> None:
    found = array(text)
    assert found.shape == ()
    assert found == value
    assert found.dtype == np.asarray(value).dtype


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("", 1, "ends too early", "missing"), ("1 +", 4, "ends too early", ""), ("(1", 1, "'(' is not closed", ")"),
        ("X[0", 2, "'[' is not closed", "]"), ("X[]", 3, "index is missing", ""), ("1 2", 3, "'2' is not expected", ""),
        (")", 1, "')' is not expected", ""), ("X = 1", 3, "'=' is not expected", "=="),
        ("1 $ 2", 3, "'$' means nothing", ""),
        ("X && Y", 3, "'&' means nothing", "and"), ("X & Y", 3, "'&'", "and"), ("X || Y", 3, "'|'", "or"),
        ("!X", 1, "'!'", "not"), ("~X", 1, "'~'", "not"), ("X ^ 2", 3, "'^'", "**"),
        ("2x", 1, "'2x' is neither", "2 * x"),
        ("1j", 1, "'1j' is neither", ""), ("1.5x", 1, "'1.5x' is neither", ""), ("'abc", 1, "does not end", "'"),
        ("quux(X)", 1, "no function 'quux'", "bpdebug ops"), ("mm(X, Y)", 1, "no function", "a @ b"),
        ("nrom(X)", 1, "no function 'nrom'", "norm"), ("X.sum()", 1, "no function 'X.sum'", "sum(X)"),
        ("X.sum", 1, "'sum' is a function", "sum(X)"), ("norm", 1, "'norm' is a function", "norm(...)"),
        ("(X).foo", 5, "no attribute 'foo'", ".T"), ("(X).norm", 5, "no attribute 'norm'", "norm(...)"),
        ("lambda: 1", 1, "'lambda' is not part", ""), ("X if 1 else 2", 3, "'if' is not expected", ""),
        ("op in 'a'", 4, "'in' is not expected", "=="), ("1 + not 2", 5, "'not' cannot stand", "brackets"),
        ("∂", 1, "∂ stands before", "∂Y"), ("∂∂Y", 1, "∂ stands before", ""), ("∂(Y)", 1, "∂ stands before", ""),
        ("∂not", 1, "∂ stands before", ""), ("abs(X, axis=0)", 8, "abs has no attribute 'axis'", ""),
        ("sum(X, foo=0)", 8, "sum has no attribute 'foo'", "axis"), ("sum(X, 0, 1)", 11, "sum takes", ""),
        ("sum()", 1, "x is missing", "sum(x"),
        ("X(1)", 1, "no function 'X'", ""), ("X[0](1)", 5, "'(' is not expected", "functions"),
        ("1e400", 1, "too large", "inf"),
        ("0x1p99999", 1, "too large", ""), ("1" * 401, 1, "401 characters", ""),
        ("[1, 2]", 1, "'[' is not expected", ""),
        ("{1}", 1, "'{' means nothing", ""), ("x := 1", 3, "':' is not expected", ""), ("1;2", 2, "';' means", ""),
        ("a\x1b[31m", 2, "means nothing", ""), ("X[0:1:2:3]", 8, "':' is not expected", ""),
        ("X..T", 3, "'.' is not", ""),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, column: int, message: str, hint: str) -> None:
    error = refused(text)
    assert error.column == column
    assert message in error.message
    assert hint in error.hint


BAD = [
    "__import__('os').system('true')", "().__class__.__bases__", "X.__class__", "X.dtype.__init__", "eval('1')",
    "[x for x in X]", "f'{X}'", "(lambda: 1)()", "X; Y", "print(X)", "open('x')", "X.tobytes()", "exec", "globals()",
    "(x := 1)", "*X", "**X", "X[0]()", "norm(norm)", "'a' + 'b'", "'a' * 1000000000", "(1,) * 9", "(1, 2) + (3,)",
    "-'a'", "not 'a'", "norm('a')", "'a'.T", "'a'[0]", "'a' < 'b'", "(1, 'a')", "(X, 1)", "X[X]", "X['a']", "X[1.0]",
    "X[True]", "X[None]", "X[0, ..., 0, ...]", "node == 'Y'", "-(X > 0)", "(X > 0) - (X < 0)", "ids ** -1", "sum(X, X)",
    "sum(X, 0.0)", "sum(X, 5)", "sum(X, (0, 0))", "sum(X, -3)", "sum(k, 0)", "max(X[0:0])", "mean(X[0:0])", "k @ X",
    "3 @ X",
    "k.T", "3[0]", "X[9]", "X[-5]", "X[0, 0, 0]", "X[::0]", "X[10**30]", "X @ X", "X + W2", "1 // 0", "1 % 0", "1 / 0",
    "0 ** -1", "0.0 / 0", "(-8) ** 0.5", "10 ** 10 ** 10", "9 ** 9 ** 9 ** 9", "2.0 ** 10000", "X ** 10 ** 399",
    "ids + 10 ** 30", "X.shape[5]", "X.shape[0, 0]", "X.shape[::0]", "X.shape < (1, 2)", "X.shape + 1", "keepdims",
    "().T",
    "X[0:'a']", "X < 1 < 2", "X and Y", "not X", "W2 or 1", "(1, 2) and 1", "k[0]", "True.T", "1.5 // 0",
    "2 ** 0.5 % 0",
    "10 ** 399 * 10 ** 399", "-10 ** 399 * 10.5", "10 ** 399 / 3", "X * (10 ** 399)", "∂", "d", "∂d",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_bad_input_is_an_error_of_ours(text: str) -> None:
    refused(text)


@pytest.mark.parametrize(
    "unit", ["+1", "*1", "-1", " and 1", " or 1", " < 1", "/1", "%1", "@X", "**1"]
)  # fmt: skip
def test_long_chains_need_no_recursion(unit: str) -> None:
    text = "1" + unit * (9_990 // len(unit))
    error_of(lambda: ask(text))


def test_a_long_sum_of_tensors_is_the_sum() -> None:
    count = 2_400
    found = array("k" + " + k" * count)
    assert found == 0.5 * (count + 1)


@pytest.mark.parametrize("chain", ["X" + ".T" * 2000, "X" + "ᵀ" * 2000, "X" + "[0:4]" * 1500])
def test_long_chains_of_attributes(chain: str) -> None:
    np.testing.assert_array_equal(array(chain), array("X"))


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("(", ")"), ("-", ""), ("+", ""), ("not ", ""), ("X[", "]"), ("sum(", ")"), ("2**", ""),
        ("1 or 1 and 1 == 1 + 1 * (", ")"),
        ("1 < (2 < ", ") < 3"), ("(1 or 0 and ", ")"), ("not (1 or 0 and 1 < 2 + 3 * -2 ** (", "))"), ("(((", ")))"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("depth", [20, 63, 64, 65, 100, 1000, 9000])
def test_deep_nesting_ends_in_words(opens: str, closes: str, depth: int) -> None:
    text = opens * depth + "1" + closes * depth
    limit = sys.getrecursionlimit()
    error_of(lambda: ask(text))
    assert sys.getrecursionlimit() == limit


def test_sixty_four_brackets_are_fine_and_one_more_is_not() -> None:
    assert array("(" * 64 + "1" + ")" * 64) == 1
    assert refused("(" * 65 + "1" + ")" * 65).column == 65


def test_the_length_is_limited() -> None:
    assert "10,001" in refused("1" + " " * 10_000).message


def test_names_stay_whole_until_they_meet_a_graph() -> None:
    found = parse("enc1.h.T @ ∂W.T")
    assert [(n.text, n.gradient, n.column) for n in found.names.values()] == [("enc1.h.T", False, 1), ("W.T", True, 12)]
    assert found.column(found.root) == 10


NAMES = [
    "X", "W1", "W2", "dW1", "∂W2", "h.1", "enc1.matmul1", "ids", "k", "late", "dY", "Y.T", "Hᵀ", "D.mask", "dX",
    "nope",
]  # fmt: skip
WORDS = [
    *NAMES, "1", "0", "2.5", "-1", "nan", "inf", "10**9", "'a'", '"Y"', "+", "-", "*", "/", "//", "%", "**", "@", "==",
    "!=", "<", "<=", ">", ">=", "and", "or", "not", "(", ")", "[", "]", ",", ":", "...", ".T", ".shape", ".dtype", "ᵀ",
    "∂", "=", "axis=0", "keepdims=True", "node", "op", "phase", "event", "iteration", "grad", "out", "lambda", "True",
    *(f"{name}(" for name in FUNCTIONS), "#", "$", "\x00", "\u202e", "é", "²", "·", "", " ",
]  # fmt: skip
SCOPES = [Scope(TIMELINE, k, TIMELINE.event(k)) for k in range(0, END, 5)] + [Scope(TIMELINE, END)]


def put(text: str, scope: Scope) -> None:
    """Everything that takes text, and BpdebugError or an answer."""
    for function in (
        lambda: evaluate(parse(text), scope), lambda: holds(parse(text), scope),
        lambda: names_in(parse(text), TIMELINE.graph), lambda: resolve(parse_location(text), TIMELINE),
    ):  # fmt: skip
        error = error_of(function)
        assert error is None or error.column is None or 1 <= error.column <= len(text) + 1


@given(st.lists(st.sampled_from(WORDS), max_size=25), st.sampled_from(SCOPES))
def test_token_soup_gives_answers_or_errors_of_ours(words: list[str], scope: Scope) -> None:
    put(" ".join(words), scope)
    put("".join(words), scope)


@given(st.text(max_size=40), st.sampled_from(SCOPES))
def test_any_text_gives_answers_or_errors_of_ours(text: str, scope: Scope) -> None:
    put(text, scope)


GRAMMAR = st.recursive(
    st.sampled_from([*NAMES, "1", "2", "0.5", "grad", "out", "iteration", "'Y'", "op"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "@", "*", "**", "/", "==", "<", "and", "or", "%"]), inner).map(" ".join),
        st.tuples(st.sampled_from(["-", "not ", "", "(", *(f"{f}(" for f in FUNCTIONS)]), inner).map(
            lambda pair: pair[0] + pair[1] + (")" if "(" in pair[0] else "")
        ),
        st.tuples(inner, st.sampled_from([".T", ".shape", "[0]", "[..., 0:1]", "[-1, 1]", "ᵀ", ".shape[0]"])),
    ).map(lambda parts: parts if isinstance(parts, str) else "".join(parts)),
    max_leaves=12,
)  # fmt: skip


@given(GRAMMAR, st.sampled_from(SCOPES))
def test_sentences_of_the_language_give_answers_or_errors_of_ours(text: str, scope: Scope) -> None:
    put(text, scope)
