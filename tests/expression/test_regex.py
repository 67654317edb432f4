"""Patterns match what Python's match, and never run away."""

from __future__ import annotations

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.errors import BpdebugError
from bpdebug.expression.regex import LONGEST, compile_glob, compile_regex
from tests.expression.common import error_of

ATOMS = [
    r"a", r"b", r".", r"\.", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"[ab]", r"[^a]", r"[a-c]", r"[]a]",
    r"[^]a]", r"[a-]", r"[\d.]", r"[+-\.]", r"[\.-c]", r"1",
]  # fmt: skip
PIECES = st.recursive(
    st.sampled_from([*ATOMS, "^", "$", ""]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        inner.map(lambda p: f"({p})"),
        st.tuples(
            inner.map(lambda p: f"(?:{p})") | st.sampled_from(ATOMS),
            st.sampled_from(["*", "+", "?", "*?", "+?", "{2}", "{1,2}", "{0,}"])
        ).map("".join),
    ),
    max_leaves=8,
)  # fmt: skip
TEXTS = st.text(alphabet="ab1.c-] ", max_size=8)


@given(PIECES, st.lists(TEXTS, min_size=1, max_size=8))
def test_patterns_match_what_pythons_match(pattern: str, names: list[str]) -> None:
    try:
        wanted = re.compile(pattern)
        ours = compile_regex(pattern)
    except (re.error, BpdebugError):
        return
    for name in names:
        assert ours.matches(name) == bool(wanted.search(name)), (pattern, name)


@pytest.mark.parametrize("pattern", [
    "a", "attn.*q", "^enc", "q$", "(a|b)+c", "x{2,3}", "[^.]+\\.h", "^$", "a??b", "é", "\\w+\\.\\d",
])  # fmt: skip
def test_usual_patterns_are_known(pattern: str) -> None:
    ours = compile_regex(pattern)
    for name in ["", "a", "attn1.q", "enc.attn.q", "xx", "layer1.h", "h.1", "acbc", "é", "b"]:
        assert ours.matches(name) == bool(re.search(pattern, name)), name


@pytest.mark.parametrize(
    ("pattern", "column"),
    [
        ("", 1), ("(", 1), ("a(b", 2), (")", 1), ("a)", 2), ("*", 1), ("a**", 3), ("a+*", 3), ("[a", 1), ("[", 1),
        ("a\\", 3),
        ("(?=a)", 2), ("(?P<n>a)", 2), ("(?i)a", 2), ("\\1", 2), ("\\b", 2), ("\\x41", 2), ("a{", 2), ("a{x}", 2),
        ("a{3,2}", 2),
        ("a{1000}", 2), ("^*", 3), ("[b-a]", 2), ("[\\d-a]", 2), ("[a-\\d]", 2), ("(a{99}){99}", 1),
        ("(((a{99}){99}){99}){99}", 1),
        ("(" * 51 + ")" * 51, 52),
        ("(((((){999}){999}){999}){999})", 1), ("a{,3}", 2), ("a" * 201, 1), ("[\\", 3), ("{", 1), ("|*", 2),
    ],
)  # fmt: skip
def test_what_is_refused(pattern: str, column: int) -> None:
    with pytest.raises(BpdebugError) as caught:
        compile_regex(pattern)
    assert caught.value.code == "E_EXPR"
    assert caught.value.column == column


@pytest.mark.filterwarnings("ignore::FutureWarning")
@given(st.text(alphabet="ab.*+?{}[]()|^$\\12,-:d", max_size=20), TEXTS)
def test_any_text_is_a_pattern_or_refused(pattern: str, name: str) -> None:
    if error_of(lambda: compile_regex(pattern)) is None:
        assert compile_regex(pattern).matches(name) == bool(re.search(pattern, name))


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a|a)*b", "(a|aa)+$", "a*a*a*a*a*a*a*a*b", "(.*)*c", "(a?){40}a{40}b", "((a*)*)*b", ".*.*.*.*.*x"],
)
def test_patterns_that_run_away_elsewhere(pattern: str) -> None:
    start = time.perf_counter()
    ours = compile_regex(pattern)
    names = ["a" * n + "!" for n in range(1, 200)]
    assert not any(ours.matches(n) for n in names) or pattern == "(a|aa)+$"
    assert time.perf_counter() - start < 3


def test_many_names_are_quick() -> None:
    names = [f"enc{i % 7}.layer{i}.attn.q" for i in range(100_000)]
    ours = compile_regex("attn.*q$")
    start = time.perf_counter()
    assert all(map(ours.matches, names))
    assert time.perf_counter() - start < 5


GLOBS = st.lists(st.sampled_from([
    "a", "b", ".", "*", "?", "[ab]", "[!a]", "1", "+", "(", "$", "[a-c]",
]), max_size=8).map("".join)  # fmt: skip


@given(GLOBS, st.lists(TEXTS, min_size=1, max_size=8))
def test_globs_match_whole_names(glob: str, names: list[str]) -> None:
    ours = compile_glob(glob)
    for name in names:
        assert ours.matches(name) == fnmatch.fnmatchcase(name, glob), (glob, name)


def test_globs_that_are_refused() -> None:
    for glob in ["[a", "a" * (LONGEST + 1)]:
        with pytest.raises(BpdebugError):
            compile_glob(glob)
