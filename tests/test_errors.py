"""One tree of errors: what they say, where, and that nothing in them can harm a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.errors import (
    EXIT_FAILED,
    EXIT_REFUSED,
    EXIT_USAGE,
    AtLine,
    BpdebugError,
    CommandError,
    InputError,
    ShapeError,
    UsageError,
    did_you_mean,
    printable,
)
from tests.graphs import examples


def test_code_place_message_and_help() -> None:
    error = InputError("two things", code="E_SCHEMA", hint="do one", where="a.toml:3")
    assert str(error) == "error[E_SCHEMA] a.toml:3: two things\n  help: do one"
    assert str(InputError("two things", code="E_SCHEMA")) == "error[E_SCHEMA]: two things"


def test_a_place_is_filled_in_once() -> None:
    error = ShapeError("no", hint="yes")
    assert error.at("a:1") is error
    assert error.at("b:2").where == "a:1"
    assert (error.code, str(error)) == ("E_SHAPE", "error[E_SHAPE] a:1: no\n  help: yes")


def test_exit_codes() -> None:
    assert InputError("", code="E_FILE").exit_code == EXIT_REFUSED == 3
    assert ShapeError("").exit_code == EXIT_REFUSED
    assert CommandError("", code="E_EXPR", column=4).exit_code == EXIT_FAILED == 1
    assert UsageError("").exit_code == EXIT_USAGE == 2


def test_one_tree() -> None:
    for kind in (InputError, ShapeError, CommandError, UsageError):
        assert issubclass(kind, BpdebugError)
    with pytest.raises(BpdebugError, match="what was found"):
        raise CommandError("what was found", code="E_COMMAND")


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("relo", ["relu", "elu"], "did you mean relu?"),
        ("Dz", ["dZ", "x"], "did you mean dZ?"),
        ("quite else", ["relu"], ""),
        ("", ["relu"], ""),
        ("relu", [], ""),
    ],
)
def test_the_nearest_word(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) in (hint, "")
    if "else" not in hint and word == "relo":
        assert did_you_mean(word, known) == hint


# --- what is printed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ∂X @ Wᵀ × 2, naïve, 行列", "plain, ∂X @ Wᵀ × 2, naïve, 行列"),
        ("two\nlines", "two\nlines"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\rb\tc\x00", "a\\x0db\\x09c\\x00"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        ("safe\u202etxt.exe", "safe\\u202etxt.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\ud800", "\\ud800"),
        ("line\u2028para\u2029", "line\\u2028para\\u2029"),
        ("\ue000", "\\ue000"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("\U0001f600", "\U0001f600"),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert printable(text) == shown
    shown = shown.replace("\n", "\\n")  # one line, so that a name cannot forge another message
    error = InputError(text, code="E_NAME", hint=text, where=text)
    assert (error.message, error.hint, error.where) == (shown, shown, shown)
    assert InputError("", code="E_NAME").at(text).where == shown


def test_a_message_is_not_a_flood() -> None:
    error = InputError("x" * 10**6, code="E_NAME")
    assert len(error.message) < 1000
    assert error.message.endswith("… (1,000,000 characters)")


@examples(300)
@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Cn"])))
def test_nothing_harmful_is_left(text: str) -> None:
    shown = printable(text)
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or c == "\n" for c in shown)
    assert printable(shown) == shown
    shown.encode()


def test_what_is_escaped_can_be_told_apart() -> None:
    """Each escape has the length its letter says, so that what follows is not read as part of it."""
    assert printable("\U000e00411") == "\\U000e00411"
    assert printable("\u20281") == "\\u20281"
    assert printable("\x1b1") == "\\x1b1"


def test_a_place_remembers_its_line_and_is_as_safe_as_any() -> None:
    error = InputError("no", code="E_NAME", where=AtLine("a.toml", 7))
    assert (error.where, error.at_line) == ("a.toml:7", 7)
    assert InputError("no", code="E_NAME").at(AtLine("a.toml", 8)).at_line == 8
    assert InputError("no", code="E_NAME", where="a.toml:7").at_line == 0
    assert InputError("no", code="E_NAME", where=AtLine("a\n\x1b", 7)).where == "a\\n\\x1b:7"
