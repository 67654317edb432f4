"""Which language is spoken, that machines are spared it, and that the catalogues say what the code says."""

from __future__ import annotations

import ast
from string import Formatter
from threading import Thread

import pytest

from bpdebug import translation
from bpdebug.translation import N_, Translated, _, chosen, english, known, language, ngettext, speak, speaking
from bpdebug.views import to_json
from tests import translations

ZERO = "there is no path from it to an output"


@pytest.fixture(autouse=True)
def _little_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of three texts, so that this does not hang on any that the program says."""
    texts = {"{name} is zero": "{name} 为零", "one step": "{n} 步", "zero": "零"}
    monkeypatch.setattr(translation, "_learnt", {"zh": translation._Speech("zh", texts)})
    monkeypatch.setattr(translation, "_spoken", translation._Speech())


def test_english_is_spoken_until_another_language_is_asked_for() -> None:
    assert (language(), _("{name} is zero"), N_("zero"), ngettext("one step", "{n} steps", 2)) == (
        "en", "{name} is zero", "zero", "{n} steps",
    )  # fmt: skip
    speak("zh_CN.UTF-8")
    assert (language(), _("{name} is zero").format(name="dW"), N_("zero")) == ("zh", "dW 为零", "zero")
    assert [ngettext("one step", "{n} steps", n).format(n=n) for n in (1, 2)] == ["1 步", "2 步"]
    assert _("nobody translated this") == "nobody translated this"
    assert _("") == ""


def test_machines_are_given_english_what_was_made_in_another_language_too() -> None:
    speak("zh")
    said = _("{name} is zero").format(name=_("zero"))
    assert (said, to_json({"said": [said]})) == ("零 为零", '{"said":["zero is zero"]}')
    assert isinstance(said, Translated)
    with english():
        assert (_("zero"), translation.said_here(said), language()) == ("zero", "zero is zero", "en")
    assert (_("zero"), translation.said_here(said)) == ("零", "零 为零")


def test_a_name_that_ends_with_a_full_width_sign_has_no_blank_behind_it() -> None:
    inside = Translated("在 {node} 的法则内部", "inside the rule of {node}")
    assert inside.format(node="Y") == "在 Y 的法则内部"
    assert inside.format(node=Translated("Y（事件 7）", "Y (event 7)")) == "在 Y（事件 7）的法则内部"


def test_a_language_that_is_spoken_here_is_not_spoken_elsewhere() -> None:
    heard: list[str] = []
    with speaking("zh"):
        other = Thread(target=lambda: heard.append(_("zero")))
        other.start()
        other.join()
        assert (_("zero"), heard) == ("零", ["zero"])
    assert _("zero") == "zero"


@pytest.mark.parametrize("name", ["zh", "zh_CN.UTF-8", "zh-Hans-CN", "zh_Hans", "zh_TW.Big5", "ZH", "zh@pinyin"])
def test_names_of_chinese(name: str) -> None:
    assert known(name) == "zh"


@pytest.mark.parametrize("name", ["", "C", "C.UTF-8", "POSIX", "xx", "..", "../zh", "zhuang", "/etc"])
def test_names_of_nothing_that_is_spoken(name: str) -> None:
    assert known(name) == ""
    with pytest.raises(LookupError, match="there are en, zh"):
        speak(name)


def test_the_environment_is_asked_in_gettexts_order_after_our_own_word() -> None:
    names = ["BPDEBUG_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"]
    for n, name in enumerate(names):
        later = dict.fromkeys(names[n + 1 :], "en_US.UTF-8")
        assert chosen({**dict.fromkeys(names[:n], ""), name: "zh_CN.UTF-8", **later}) == "zh"
        assert chosen({name: "C.UTF-8", **dict.fromkeys(later, "zh")}) == "en"
    assert [chosen({"LANGUAGE": value}) for value in ("de:zh:en", "en:zh", "de", "")] == ["zh", "en", "en", "en"]


# --- the catalogues


MESSAGES = translations.extracted()
LANGUAGES = [name for name in translation.languages() if name != "en"]


def fields(text: str) -> list[str]:
    """What a text is filled with."""
    return sorted({f"{name}!{how}" for _, name, _, how in Formatter().parse(text) if name is not None})


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_text_is_translated_and_no_other(lang: str) -> None:
    for name in {*MESSAGES, *(p.stem for p in translations.catalogue_file(lang, "").parent.glob("*.po"))}:
        path = translations.catalogue_file(lang, name)
        now = path.read_text(encoding="utf-8") if path.exists() else ""
        assert now == translations.written(lang, name, MESSAGES.get(name, {})), f"{path}: python -m tests.translations"
        assert [text for text, (_, said) in translations.translated(lang, name).items() if not said] == []
        assert "#, fuzzy" not in now


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_translation_is_filled_with_what_its_text_is(lang: str) -> None:
    seen: dict[str, str] = {}
    for name in MESSAGES:
        for text, (many, said) in translations.translated(lang, name).items():
            assert not said or fields(said) == fields(many or text), text
            assert not said or seen.setdefault(text, said) == said, f"{text!r} is translated in two ways"


def test_marks_stand_on_texts_as_they_are() -> None:
    """No f-string, no sum and no `format` inside: what is looked up must be what was extracted."""
    found = [mark for path in translations.MODULES for mark in translations.marked(path)]
    assert [mark for mark in found if isinstance(mark, translations.Unreadable)] == []


def test_no_function_that_says_something_calls_another_thing_by_that_name() -> None:
    """`for _ in ...` makes `_` a variable of the whole function, and its texts fail."""
    for path in translations.MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == "_"]
                called = {id(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
                stored = any(isinstance(n.ctx, ast.Store) for n in names)
                assert not (stored and any(id(n) in called for n in names)), f"{path}:{node.lineno}"


ERRORS, MACHINES = "what is refused, or not as it should be", "what machines and those who write tests read"
IN_ENGLISH = {
    "views/as_numpy.py": "a program",
    "frontends/tui/tab.py": "a key of a table whose words are marked",
    "frontends/notebook/drawn.py": "a style sheet",
    "frontends/dap/vscode.py": "files that are published as they are",
    "checks/kinks.py": "a reason that its view words", "explain/expect.py": ERRORS, "frontends/files.py": ERRORS,
    "debugger/comparing.py": ERRORS, "debugger/commands/expecting.py": ERRORS, "frontends/tui/preferences.py": ERRORS,
    "frontends/asserting.py": MACHINES, "frontends/python.py": MACHINES,
    **dict.fromkeys((f"frontends/scripts/{name}.py" for name in (
        "checks", "keeping", "pytest_plugin", "replay", "requests", "script", "testing")), MACHINES),
}  # fmt: skip
"""Modules that say sentences in English, and why."""


def test_no_other_sentence_is_left_unmarked() -> None:
    said = {
        path.relative_to(translations.PACKAGE).as_posix(): found
        for path in translations.MODULES
        if translations.area(path) in ("views", "explain", "cells", "checks", "debugger", "frontends")
        or path.name == "lessons.py"
        if (found := [*translations.unmarked(path)])
    }
    assert {name: found for name, found in said.items() if name not in IN_ENGLISH} == {}
    assert IN_ENGLISH.keys() - said.keys() == set()
