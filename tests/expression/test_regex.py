"""Patterns match what Python's match, and never run away."""

from __future__ import annotations

import fnmatch
import re

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
        assert bool(ours(name)) == bool(wanted.search(name)), (pattern, name)


@pytest.mark.parametrize("pattern", [
    "a", "attn.*q", "^enc", "q$", "(a|b)+c", "x{2,3}", "[^.]+\\.h", "^$", "a??b", "é", "\\w+\\.\\d",
])  # fmt: skip
def test_usual_patterns_are_known(pattern: str) -> None:
    ours = compile_regex(pattern)
    for name in ["", "a", "attn1.q", "enc.attn.q", "xx", "layer1.h", "h.1", "acbc", "é", "b"]:
        assert bool(ours(name)) == bool(re.search(pattern, name)), name


@pytest.mark.parametrize(
    ("pattern", "column"),
    [
        ("", 1), ("(", 1), ("a(b", 1), (")", 1), ("a)", 1), ("*", 1), ("a**", 2), ("[a", 1), ("a\\", 3),
        ("(?=a)", 1), ("\\1", 1), ("x\\x4", 2), ("a{3,2}", 2), ("a{1001}", 2), ("x[b-a]", 3), ("(a{99}){99}", 3),
        ("a" * 201, 1), ("|*", 2),
    ],
)  # fmt: skip
def test_what_is_refused(pattern: str, column: int, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BpdebugError) as caught:
        compile_regex(pattern)
    assert caught.value.code == "E_EXPR"
    assert caught.value.column == column
    assert capfd.readouterr().err == ""  # RE2 would write to it by itself


def test_letters_and_digits_are_those_of_all_alphabets() -> None:
    assert compile_regex(r"^\w+$")("schön_2")
    assert compile_regex(r"^[\w.]+$")("größe.1")
    assert not compile_regex(r"\W")("größe")
    assert compile_regex(r"^\d$")("٣")
    assert not compile_regex(r"\D")("٣")


@pytest.mark.filterwarnings("ignore::FutureWarning")
@given(st.text(alphabet="ab.*+?{}[]()|^$\\12,-:d", max_size=20), TEXTS)
def test_any_text_is_a_pattern_or_refused(pattern: str, name: str) -> None:
    if error_of(lambda: compile_regex(pattern)) is None:
        compile_regex(pattern)(name)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a|a)*b", "a*a*a*a*a*a*a*a*b", "(.*)*c", "(a?){40}a{40}b", "((a*)*)*b", ".*.*.*.*.*x"],
)
def test_patterns_that_run_away_elsewhere_end_here(pattern: str) -> None:
    """Python's engine would take longer than the universe has for the longest of these names."""
    ours = compile_regex(pattern)
    assert not any(ours("a" * n + "!") for n in range(1, 200))


def test_a_glob_of_many_stars_ends() -> None:
    assert not compile_glob("a*" * 99 + "b")("a" * 50_000 + "!")


GLOBS = st.lists(st.sampled_from([
    "a", "b", ".", "*", "?", "[ab]", "[!a]", "1", "+", "(", "$", "[a-c]",
]), max_size=8).map("".join)  # fmt: skip


@given(GLOBS, st.lists(TEXTS, min_size=1, max_size=8))
def test_globs_match_whole_names(glob: str, names: list[str]) -> None:
    ours = compile_glob(glob)
    for name in names:
        assert bool(ours(name)) == fnmatch.fnmatchcase(name, glob), (glob, name)


def test_globs_that_are_refused() -> None:
    for glob in ["[a", "a" * (LONGEST + 1)]:
        with pytest.raises(BpdebugError):
            compile_glob(glob)
