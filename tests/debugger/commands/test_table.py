"""The table of commands, walked: every row is complete, its example runs, its help is whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bpdebug.debugger import COMMANDS, Command, State, find, open_session, parse, update
from bpdebug.debugger.commands.table import subject
from bpdebug.errors import BpdebugError
from bpdebug.frontends.loop import Answer, replies
from bpdebug.views import view
from tests.lessons import NAMES, scenario

ROWS = list(COMMANDS.values())
PROMISED = {
    "step": ("s", "s"), "next": ("n", "n"), "stepi": ("si", "i"), "finish": ("fin", "f"), "continue": ("c", "c"),
    "until": ("u", "t"), "reverse-step": ("rs", "S"), "reverse-next": ("rn", "N"), "reverse-stepi": ("rsi", "I"),
    "reverse-finish": ("rf", "F"), "reverse-continue": ("rc", "C"), "rev": ("", ""), "seek": ("", "L"),
    "restart": ("", "R"), "when": ("", ""), "break": ("b", "b"), "print": ("p", ""), "info": ("i", ""),
    "list": ("l", ""), "where": ("bt", ""), "help": ("h", "?"), "quit": ("q", "q"),
}  # fmt: skip
"""What the language promises of names, aliases and keys."""


@pytest.mark.parametrize("row", ROWS, ids=list(COMMANDS))
def test_a_row_is_complete(row: Command) -> None:
    assert COMMANDS[row.name] is row
    assert row.name == row.name.lower()
    assert row.says
    assert row.example
    assert row.family
    assert not row.says.endswith(".")
    assert len(row.says) <= 140


@pytest.mark.parametrize("row", ROWS, ids=list(COMMANDS))
def test_an_example_shows_its_command(row: Command) -> None:
    assert row.name in [call.command.name for call in parse(row.example.split("\n")[0])]


def untouched(state: State, word: str, argument: str) -> Iterator[Answer]:
    """A front end that is asked for files, and touches none."""
    assert state.request == (word, argument)
    return iter(())


@pytest.mark.parametrize("row", ROWS, ids=list(COMMANDS))
def test_an_example_runs_on_the_lessons_and_has_a_report(row: Command) -> None:
    refused = []
    for name in ("transpose", "residual", "mazur"):
        try:
            answers = list(replies(open_session(scenario(name)), row.example, handle=untouched))
        except BpdebugError as error:
            refused.append(error)
            continue
        for answer in answers:
            assert answer.report.to_data()["kind"]
            assert isinstance(answer.report.to_text(), str)
    assert len(refused) < 3, refused


@pytest.mark.parametrize("row", ROWS, ids=list(COMMANDS))
def test_help_tells_everything_that_the_row_holds(row: Command) -> None:
    report = view(update(open_session(scenario("transpose")), f"help {row.name}"))
    text = report.to_text()
    for part in (row.name, row.says, row.args, row.key, *row.aliases, *row.example.split("\n")):
        assert part in text
    data = report.to_data()
    assert {k: data[k] for k in ("kind", "name", "aliases", "key", "args", "says", "example")} == {
        "kind": "help", "name": row.name, "aliases": list(row.aliases), "key": row.key, "args": row.args,
        "says": row.says, "example": row.example,
    }  # fmt: skip


def test_help_finds_a_command_by_alias_and_prefix() -> None:
    state = open_session(scenario("transpose"))
    for word in ("reverse-stepi", "rsi", "reverse-stepi"):
        assert view(update(state, f"help {word}")).title.startswith("reverse-stepi:")


def test_help_alone_lists_every_command_once() -> None:
    report = view(update(open_session(scenario("transpose")), "help"))
    text = report.to_text()
    flat = " ".join(text.split())  # sentences are wrapped
    for row in ROWS:
        assert any(line.split()[:1] == [row.name] for line in text.splitlines())
        assert " ".join(row.says.split()) in flat
    assert [c["name"] for c in report.to_data()["commands"]] == list(COMMANDS)


def test_names_and_aliases_are_there_once() -> None:
    words = [word for row in ROWS for word in (row.name, *row.aliases)]
    assert len(words) == len(set(words))


def test_keys_are_there_once() -> None:
    keys = [row.key for row in ROWS if row.key]
    assert len(keys) == len(set(keys))


def test_back_in_time_is_the_capital_of_the_key_and_the_alias_with_an_r() -> None:
    forth = [row for row in ROWS if f"reverse-{row.name}" in COMMANDS]
    assert {row.name for row in forth} == {"step", "next", "stepi", "finish", "continue"}
    for row in forth:
        back = COMMANDS[f"reverse-{row.name}"]
        assert back.key == row.key.upper()
        assert len(row.key) == 1
        assert back.args == row.args
        assert back.repeats
        assert row.repeats


@pytest.mark.parametrize("name", PROMISED)
def test_names_aliases_and_keys_are_those_that_were_promised(name: str) -> None:
    alias, key = PROMISED[name]
    row = COMMANDS[name]
    assert row.key == key
    if alias:
        assert find(alias) is row


@pytest.mark.parametrize("name", NAMES)
def test_every_list_is_there_for_every_lesson(name: str) -> None:
    state = open_session(scenario(name))
    for what in ("tensors", "breakpoints", "blocks", "parameters", "gradients"):
        report = view(update(state, f"info {what}"))
        assert report.to_data()["what"] == what
        assert report.to_text()


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("spill", "see help large-models"), ("scheduler", "see help "),
        ("brek", "did you mean break?"), ("a.*", "help lists the commands"),
    ],
)  # fmt: skip
def test_help_on_a_word_of_the_manual_names_its_pages(word: str, hint: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        subject(word)
    assert caught.value.hint.startswith(hint)
