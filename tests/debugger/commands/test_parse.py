"""How a line becomes calls: names, aliases, prefixes, `;;`, counts, and what is said of words that mean nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.debugger import COMMANDS, find, parse, update
from bpdebug.debugger.commands.table import command, count, split
from bpdebug.errors import BpdebugError, CommandError
from tests.graphs import examples
from tests.lessons import WALK, session


def calls(line: str) -> list[tuple[str, str]]:
    return [(call.command.name, call.argument) for call in parse(line)]


def refusal(line: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        parse(line)
    assert caught.value.code == "E_COMMAND"
    assert caught.value.exit_code == 1
    return caught.value


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("step", [("step", "")]),
        ("  step   5  ", [("step", "5")]),
        ("s 5", [("step", "5")]),
        ("print dW[1, 2]", [("print", "dW[1, 2]")]),
        ("print/x dW", [("print", "/x dW")]),
        ("p/s X @ W", [("print", "/s X @ W")]),
        ("p -1", [("print", "-1")]),
        ("p ∂W", [("print", "∂W")]),
        ("?", [("help", "")]),
        ("? step", [("help", "step")]),
        ("break Y@bwd", [("break", "Y@bwd")]),
        ("break #17", [("break", "#17")]),
        ("break /attn.*q/", [("break", "/attn.*q/")]),
        ("seek 50%", [("seek", "50%")]),
        ("reverse-step 3", [("reverse-step", "3")]),
        ("rsi", [("reverse-stepi", "")]),
        ("", []),
        ("   ", []),
        (";;", []),
        ("step ;; next", [("step", ""), ("next", "")]),
        ("\n step 2 ;; next\n", [("step", "2"), ("next", "")]),
        ("step;;next 2 ;; ;; p 1", [("step", ""), ("next", "2"), ("print", "1")]),
        ('print ";;" ;; step', [("print", '";;"'), ("step", "")]),
        ("print 1;step", [("print", "1;step")]),
    ],
)
def test_a_line_is_cut_into_commands_and_what_follows_them(line: str, wanted: list[tuple[str, str]]) -> None:
    assert calls(line) == wanted


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("cont", "continue"),
        ("fini", "finish"),
        ("unt", "until"),
        ("see", "seek"),
        ("resta", "restart"),
        ("pr", "print"),
    ],
)
def test_an_unambiguous_prefix_is_enough(word: str, name: str) -> None:
    assert find(word).name == name


def test_a_name_that_is_a_prefix_of_another_means_itself() -> None:
    assert find("step").name == "step"
    assert find("reverse-step").name == "reverse-step"
    assert find("break").name == "break"


def test_an_alias_wins_over_a_prefix() -> None:
    for row in COMMANDS.values():
        for alias in row.aliases:
            assert find(alias) is row


@pytest.mark.parametrize(
    ("word", "among"), [("re", ["reverse-step", "restart"]), ("reverse-", ["reverse-step", "reverse-next"])]
)
def test_an_ambiguous_prefix_is_refused_and_names_the_candidates(word: str, among: list[str]) -> None:
    error = refusal(word)
    assert f"'{word}' could be " in error.message
    for name in among:
        assert name in error.message
    assert error.hint


@pytest.mark.parametrize("word", COMMANDS)
def test_every_prefix_means_its_command_or_is_refused_with_it_among_the_candidates(word: str) -> None:
    aliases = {alias for command in COMMANDS.values() for alias in command.aliases}
    for end in range(1, len(word)):
        prefix = word[:end]
        if prefix in aliases or prefix in COMMANDS or prefix.endswith("-"):
            continue
        starts = [name for name in COMMANDS if name.startswith(prefix)]
        starts = [name for name in starts if not any(name.startswith(f"{other}-") for other in starts)]
        if starts == [word]:
            assert find(prefix).name == word
        elif word not in starts:  # next-difference: what begins like both is next
            assert find(prefix).name in starts if len(starts) == 1 else refusal(prefix)
        else:
            error = refusal(prefix)
            assert all(name in error.message for name in starts)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("stpe", "did you mean step?"), ("contineu", "did you mean continue?"), ("brake Y", "did you mean break?"),
        ("prnt dW", "did you mean print?"), ("finsih", "did you mean finish?"), ("xyzzy", "help lists the commands"),
        ("reverse-stp", "did you mean reverse-step?"),
    ],
)  # fmt: skip
def test_an_unknown_word_is_refused_with_the_nearest_command(line: str, hint: str) -> None:
    error = refusal(line)
    assert error.message == f"no command '{line.split()[0]}'"
    assert error.hint == hint


@pytest.mark.parametrize("line", ["5", "#3", "[0]", "= 1", "; ;", "-step", '"step"', "(step)", "\x1b[2J", "∂W"])
def test_what_does_not_begin_with_a_word_is_no_command(line: str) -> None:
    error = refusal(line)
    assert "is no command" in error.message
    assert error.message.isprintable()


def test_half_a_character_is_refused_in_words() -> None:
    """No reply in JSON could hold it."""
    assert refusal("\udc80").message == "half a character: '\\udc80'"


def test_a_long_line_that_is_no_command_is_not_repeated_in_full() -> None:
    assert len(str(refusal("%" * 100_000))) < 200
    assert len(str(refusal("x" * 100_000))) < 300


def test_a_line_is_refused_before_any_of_it_is_carried_out() -> None:
    state = session(WALK)
    with pytest.raises(CommandError):
        update(state, "step ;; break H ;; nosuch")
    assert (state.cursor, state.breakpoints) == (0, ())


def test_names_are_case_sensitive_as_keys_are() -> None:
    assert refusal("STEP").hint


@pytest.mark.parametrize(("text", "number"), [("", 1), ("0", 0), ("7", 7), ("007", 7), ("999999999999", 999999999999)])
def test_a_count_is_a_whole_number(text: str, number: int) -> None:
    assert count(text) == number


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "1e3", "1 2", "٣", "²", "0x10", "1" * 13, "+1", "1_000"])
def test_what_is_no_count_is_refused(text: str) -> None:
    for motion in ("step", "next", "stepi", "finish", "continue", "reverse-step", "reverse-continue"):
        with pytest.raises(CommandError, match="is no count") as caught:
            update(session(WALK), f"{motion} {text}")
        assert caught.value.code == "E_COMMAND"


@pytest.mark.parametrize("line", ["restart now", "when x", "where 1", "quit now"])
def test_commands_that_take_nothing_refuse_something(line: str) -> None:
    with pytest.raises(CommandError, match="takes nothing"):
        update(session(WALK), line)


@examples(300)
@given(st.text(st.sampled_from(list('ab;" /s')), max_size=20))
def test_cutting_keeps_every_letter_and_never_cuts_in_quotes(line: str) -> None:
    pieces = split(line)
    assert all(piece.strip() for piece in pieces)
    assert "".join(line.split()).replace(";", "") == "".join("".join(pieces).split()).replace(";", "")
    for piece in pieces[:-1]:
        assert piece.count('"') % 2 == 0


@examples(300)
@given(
    st.text(max_size=30)
    | st.sampled_from(list(COMMANDS)).flatmap(lambda n: st.text(max_size=20).map(lambda t: f"{n} {t}"))
)
def test_any_line_works_or_is_refused_in_words(line: str) -> None:
    """Whatever is typed: a new state, or an error with a code; and the old state stays as it was."""
    state = session(WALK, "seek 13")
    error = None
    try:
        update(state, line)
    except BpdebugError as refused:
        error = refused
    assert error is None or (error.code.startswith("E_") and error.message)
    assert (state.cursor, state.part, state.breakpoints) == (13, 0, ())


def test_a_name_stands_in_the_table_once() -> None:
    for again in (
        command("step", "", ""), command("other", "", "", aliases=("s",)), command("other", "", "", key="s"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="that of 'step'"):
            again(COMMANDS["step"].run)
    assert "other" not in COMMANDS
