"""The manual in Chinese: every page, the same examples, tables and figures, and no sentence of English left."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from bpdebug import manual
from bpdebug.debugger import COMMANDS
from bpdebug.translation import _, speaking
from bpdebug.views.blocks import Table
from bpdebug.views.manual import contents, page
from tests.chinese import faults

EXAMPLE = re.compile(r"^```.*?^```$", re.M | re.S)
WORDS = re.compile(r'\s*#.*|^(title|"\w+@\w+") = .*')
"""What is for people in an example: comments, a title, a note."""
SAID = {"```text": 1, "```console": 2}
"""How many lines of an example are the same in every language; all of them in the others."""


def both(topic: str) -> list[str]:
    return [manual.text(topic, lang) for lang in ("en", "zh")]


def examples(text: str) -> list[list[str]]:
    """Their lines, without what is for people; of what is said or printed in words, the command alone."""
    found = [match[0].split("\n") for match in EXAMPLE.finditer(text)]
    return [[WORDS.sub("", line) for line in lines[: SAID.get(lines[0])]] for lines in found]


def code(text: str) -> Counter[str]:
    return Counter(re.findall("`[^`]+`", " ".join(EXAMPLE.sub("", text).split())))


def figures(text: str) -> Counter[str]:
    return Counter(re.findall(r"\d+(?:[.,]\d+)*", EXAMPLE.sub("", text)))


@pytest.mark.parametrize("topic", manual.TOPICS)
def test_it_says_the_same_in_chinese(topic: str) -> None:
    own, other = both(topic)
    assert own != other
    assert examples(own) == examples(other)
    assert code(own) == code(other)
    assert figures(own) == figures(other)
    for sign in (r"^#+ ", r"^\| ?\S"):
        assert len(re.findall(sign, own, re.M)) == len(re.findall(sign, other, re.M))


@pytest.mark.parametrize("topic", manual.TOPICS)
def test_it_is_set_as_chinese_is_and_no_english_sentence_is_left(topic: str) -> None:
    prose = EXAMPLE.sub("", manual.text(topic, "zh"))
    assert [found for line in prose.split("\n") if (found := faults(line))] == []


@pytest.mark.parametrize("topic", manual.TOPICS)
def test_lines_are_joined_without_a_space(topic: str) -> None:
    with speaking("zh"):
        shown = page(topic).to_text(100_000)
    paragraphs = [line for line in shown.split("\n") if not line.startswith((" ", "|"))]
    assert [line for line in paragraphs if re.search("[，。：；、？！（“] | [（”，。]|[一-鿿] [一-鿿]", line)] == []


def test_the_page_of_commands_is_their_table() -> None:
    with speaking("zh"):
        (found,) = (block for block in page("all-commands").blocks if isinstance(block, Table))
        for said, row in zip(found.rows, COMMANDS.values(), strict=True):
            assert said == (f"`{row.name} {row.args}".rstrip() + "`", f"`{row.key}`" if row.key else "", _(row.says))


def test_the_topics_are_listed_in_chinese() -> None:
    with speaking("zh"):
        assert all(re.search("[一-鿿]", about) and ":" not in about for _, about in contents().rows)
