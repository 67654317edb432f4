"""The lessons in Chinese: all of them, the same figures and names as in English, and no sentence left in it."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator

import pytest

from bpdebug.debugger import open_session, update
from bpdebug.scenario import load
from bpdebug.scenario.lessons import shipped_paths
from bpdebug.translation import speaking
from bpdebug.views import view
from bpdebug.wrapping import CLOSES, display_width
from tests.chinese import faults
from tests.lessons import NAMES

LESSONS = shipped_paths()
ORDINAL = re.compile(r"(?:第|特征|样本|词元) (\d+)")
"""Rows and columns are counted from 0 throughout, where English also says 'the first row' and means row 0."""


def texts(name: str) -> Iterator[tuple[str, str, str]]:
    """Each text of a lesson: where it stands, what it says, and what it says in Chinese."""
    own, other = (tomllib.loads(p.read_text("utf-8")) for p in (LESSONS[name], LESSONS[name].with_suffix(".zh.toml")))
    for key in ("title", "about"):
        yield f"{name} {key}", own[key], other[key]
    for key, note in own.get("notes", {}).items():
        yield f"{name} {key}", note, other["notes"][key]


ALL = [text for name in LESSONS for text in texts(name)]


def figures(text: str) -> Counter[str]:
    return Counter(re.findall(r"\d+(?:\.\d+)?", text))


def test_every_figure_of_a_text_is_in_its_translation_and_no_other() -> None:
    lost = {where: found for where, own, other in ALL if (found := figures(own) - figures(other))}
    more = {w: f for w, own, other in ALL if (f := figures(other) - figures(own) - Counter(ORDINAL.findall(other)))}
    assert lost == {}
    assert set(more) <= {"transpose Y@fwd"}  # where it is said once that rows are counted from 0


@pytest.mark.parametrize("pattern", ["`[^`]*`", r"∂\w+", r"\w+@\w+", r"\([\d, ]+\)"])
def test_code_gradients_and_shapes_are_those_of_the_english_text(pattern: str) -> None:
    said = {w: [sorted(set(re.findall(pattern, text, re.ASCII))) for text in (a, b)] for w, a, b in ALL}
    assert {where: both for where, both in said.items() if both[0] != both[1]} == {}


def test_it_is_set_as_chinese_is_and_no_english_sentence_is_left() -> None:
    assert [where for where, own, other in ALL if other == own] == []
    assert {where: found for where, _, other in ALL if (found := faults(other))} == {}


def test_a_rule_is_a_rule_of_derivatives() -> None:
    assert [where for where, _, other in ALL if "规则" in other] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_note_is_said_where_it_belongs_on_lines_that_fit(name: str) -> None:
    with speaking("zh"):
        opened = load(LESSONS[name])
        state = open_session(opened)
        for key, note in opened.notes.items():
            state = update(state, f"seek {key}")
            shown = view(state).to_text(80)
            assert "".join(note.split()) in "".join(shown.split()), key
            lines = [line for line in shown.split("\n") if line.strip() and line.strip() in note]
            assert [line for line in lines if display_width(line) > 80 or line[0] in CLOSES] == []
