"""The manual on paper: every page whole, no line too wide, nothing of Markdown's own signs; and who finds it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpdebug import manual
from bpdebug.cli import main
from bpdebug.debugger import COMMANDS, open_session, update
from bpdebug.errors import BpdebugError
from bpdebug.translation import speaking
from bpdebug.views import view
from bpdebug.views.blocks import Listing, Section, Table
from bpdebug.views.manual import page
from bpdebug.views.text import lines
from bpdebug.wrapping import display_width
from tests.lessons import scenario
from tests.translations import head

FOLDER = Path(manual.FOLDER)


def words(text: str) -> list[str]:
    """Letters and digits, in order: what a page says, however it is laid out."""
    return re.findall(r"\w+", text)


@pytest.fixture(params=["en", "zh"])
def lang(request: pytest.FixtureRequest) -> Iterator[str]:
    """A language that is spoken meanwhile."""
    with speaking(request.param):
        yield request.param


@pytest.mark.parametrize("topic", manual.TOPICS)
def test_a_page_is_shown_whole(topic: str, lang: str) -> None:
    report = page(topic)
    source = re.sub(r"^(!\[.*|```.*|\|[-|]+)$", "", manual.text(topic, lang), flags=re.MULTILINE)
    tables = [block for block in report.blocks if isinstance(block, Table)]
    said = words(report.title + report.to_text(10_000))
    missing = [word for word in words(source) if word not in said]
    assert missing == []
    assert sum(len(table.rows) for table in tables) == len(re.findall(r"^\|(?!-)", source, re.M)) - len(tables)
    assert all(len({*map(len, (table.headers, *table.rows))}) == 1 for table in tables)


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("topic", manual.TOPICS)
def test_no_line_is_too_wide_but_those_of_examples(topic: str, width: int, lang: str) -> None:
    for block in page(topic).blocks:
        assert not isinstance(block, Section)
        if not isinstance(block, Listing) and not _many_columns(block):
            for line in lines("", [block], width):
                assert display_width(line) <= width or len(line.split()) == 1, line
                assert lang == "en" or not line.lstrip().startswith(tuple("，。：；、？！）”")), line
        for line in lines("", [block], width):
            assert "](" not in line
            assert r"\|" not in line


def _many_columns(block: object) -> bool:
    """A table that cannot be so narrow: its columns have their least."""
    return isinstance(block, Table) and len(block.headers) > 4


def test_no_topic_hides_a_command() -> None:
    named = [*COMMANDS, *(alias for row in COMMANDS.values() for alias in row.aliases)]
    assert [(topic, name) for topic in manual.TOPICS for name in named if name.startswith(topic)] == []


@pytest.mark.parametrize(
    ("word", "topic"), [("keys", "keys"), ("first steps", "first-steps"), ("Keys", "keys"), ("conv", "conventions")]
)
def test_help_shows_a_page(word: str, topic: str) -> None:
    report = view(update(open_session(scenario("transpose")), f"help {word}"))
    assert report.to_data() == {
        "kind": "manual", "topic": topic, "title": manual.title(topic, "en"), "text": manual.text(topic, "en"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "hint"),
    [("convetions", "conventions"), ("scenario file", "scenarios"), ("softmax", "bpdebug ops softmax"), ("xyz", "")],
)
def test_what_is_neither_has_a_hint(word: str, hint: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        update(open_session(scenario("transpose")), f"help {word}")
    assert caught.value.code == "E_COMMAND"
    assert hint in caught.value.hint


def test_the_program_tells_topics_commands_and_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines() if line.startswith("  ")] == list(manual.TOPICS)
    for asked, begins in (("keys", "Keys: "), ("step", "step: "), ("run", "usage: bpdebug run"), ("ops", "Ops: ")):
        assert main(["help", asked]) == 0
        assert capsys.readouterr().out.startswith(begins)
    assert main(["help", "first", "steps"]) == 0
    assert main(["help", "convetions"]) == 2
    assert "did you mean conventions?" in capsys.readouterr().err


@pytest.mark.parametrize("file", sorted(path.name for path in FOLDER.glob("*.md")))
def test_every_page_is_a_topic_and_every_translation_is_of_the_page_as_it_is(file: str) -> None:
    topic, _, spoken = file.removesuffix(".md").partition(".")
    assert topic in manual.TOPICS
    if spoken:
        first = (FOLDER / file).read_text(encoding="utf-8").partition("\n")[0]
        assert first == head(topic), f"{topic}.md has changed: translate it, then tests.translations stamp {topic}"


TRANSLATED = [tuple(file.name.split(".")[:2]) for file in sorted(FOLDER.glob("*.*.md"))]


def code(text: str) -> list[str]:
    """What is typed or read by a machine: examples without their comments, and without what is printed."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    blocks = [block.partition("\n")[0] if kind == "console" else block for kind, block in found]
    return [re.sub(r"[ ]*#.*|\"Said when[^\"]*\"|--[^\n]*", "", block) for block in blocks]


@pytest.mark.parametrize(("topic", "spoken"), TRANSLATED)
def test_a_translation_has_the_same_parts_and_examples(topic: str, spoken: str) -> None:
    ours, theirs = manual.text(topic, "en"), manual.text(topic, spoken)
    marks = [re.findall(r"^(#+|```\w+|\|)(?= |$)", text, re.MULTILINE) for text in (ours, theirs)]
    assert marks[0] == marks[1]
    if topic not in ("command-line", "scenarios"):  # whose examples are told in words
        assert code(theirs) == code(ours)
