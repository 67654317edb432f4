"""What a scenario says in another language: in its file, in one beside it, and never to machines."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from bpdebug.catalogue import languages
from bpdebug.cli import main
from bpdebug.errors import BpdebugError
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario, load, shipped
from bpdebug.scenario.lessons import shipped_paths
from bpdebug.translation import Translated, speaking
from bpdebug.views import to_json
from tests.language.writing import text
from tests.lessons import NAMES
from tests.translations import digest

NOTES = '[notes]\n"Y@fwd" = "a note"\n"Y@bwd" = "another"\n'
ABLE = '[lang.zh]\ntitle = "标题"\n[lang.zh.notes]\n"Y@bwd" = "注释"\n'


def words(made: Scenario) -> tuple[str, str, dict[str, str]]:
    return made.title, made.about, dict(made.notes)


def test_what_is_missing_in_a_language_is_said_in_the_files_own() -> None:
    content = text(top='title = "a title"\nabout = "about"\n', more=NOTES + ABLE)
    own = ("a title", "about", {"Y@fwd": "a note", "Y@bwd": "another"})
    assert words(load(content)) == own
    with speaking("zh"):
        assert words(load(content)) == ("标题", "about", {"Y@fwd": "a note", "Y@bwd": "注释"})


def test_a_file_beside_says_what_the_file_itself_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text(top='title = "a title"\nabout = "about"\n', more=NOTES + ABLE))
    (tmp_path / "a.zh.toml").write_text('of = "0"\ntitle = "不用"\nabout = "关于"\n[notes]\n"Y@fwd" = "第一"\n')
    assert load(path).title == "a title"
    with speaking("zh_CN.UTF-8"):
        assert words(load(path)) == ("标题", "关于", {"Y@fwd": "第一", "Y@bwd": "注释"})


def test_a_file_that_is_written_in_the_language_that_is_spoken_is_read_as_it_is() -> None:
    content = text(top='title = "标题"\nlanguage = "zh-Hans"', more='[lang.en]\ntitle = "a title"\n')
    with speaking("zh"):
        assert load(content).title == "标题"
    made = load(content)
    assert made.title == "a title"
    assert to_json({"title": made.title}) == '{"title":"标题"}'  # machines are given what the file says itself


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_note_that_there_is_not_cannot_be_translated(lang: str) -> None:
    with speaking(lang), pytest.raises(BpdebugError) as caught:
        load(text(more=NOTES + '[lang.zh.notes]\n"Y@bvd" = "注释"\n'))
    assert (caught.value.code, caught.value.message) == ("E_NAME", "there is no note 'Y@bvd' to translate")
    assert "Y@bwd" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "code", "where", "says"),
    [
        ('title = "x"\n[notes]\n"Y@up" = ""\n', "E_NAME", "a.zh.toml:3", "'Y@up'"),
        ('title = "x"\nnote = 1\n', "E_SCHEMA", "a.zh.toml:2", "a translation has no key 'note'"),
        ("title = 1\n", "E_SCHEMA", "a.zh.toml:1", "'title' must be text in quotes, not 1"),
        ("title =\n", "E_SYNTAX", "a.zh.toml:1", "not TOML"),
        (f'title = "{"x" * 3000}"\n', "E_LIMIT", "a.zh.toml", "the size of the file"),
    ],
)
def test_a_translation_that_is_wrong_is_refused_at_its_place(
    content: str, code: str, where: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text(more=NOTES))
    (tmp_path / "a.zh.toml").write_text(content)
    load(path)
    with speaking("zh"), pytest.raises(BpdebugError) as caught:
        load(path, limits=Limits({"file": 2000}))
    assert (caught.value.code, caught.value.where) == (code, where)
    assert says in caught.value.message


def test_the_list_in_chinese_names_the_same_lessons(capsys: pytest.CaptureFixture[str]) -> None:
    names = [s.name for s in shipped()]
    assert not [name for name in names if "." in name]
    with speaking("zh"):
        assert [s.name for s in shipped()] == names
    said = {lang: (main(["list", "--json", "--lang", lang]), capsys.readouterr().out) for lang in ("en", "zh")}
    assert said["en"] == said["zh"]
    main(["list", "--lang", "en"])


# --- the lessons

LESSONS = shipped_paths()
BOTH = [(name, lang) for name in LESSONS for lang in languages()]
TRANSLATED = [(name, lang) for name, lang in BOTH if LESSONS[name].with_suffix(f".{lang}.toml").exists()]


def test_a_lesson_is_translated_whole_and_as_it_is_now() -> None:
    for name, lang in TRANSLATED:
        path = LESSONS[name]
        own, other = (tomllib.loads(p.read_text(encoding="utf-8")) for p in (path, path.with_suffix(f".{lang}.toml")))
        assert other["of"] == digest(own), f"{name} says other things: translate them, then tests.translations stamp"
        assert [*other.get("notes", {})] == [*own.get("notes", {})], name
        assert all([other["title"], other["about"], *other.get("notes", {}).values()]), name


def test_machines_read_a_lesson_in_its_own_language() -> None:
    for name, lang in TRANSLATED:
        if name in NAMES:
            said = [load(name).title]
            with speaking(lang):
                made = load(name)
                assert isinstance(made.title, Translated), name
                said.append(to_json(made.title))
            assert json.loads(said[1]) == said[0]
