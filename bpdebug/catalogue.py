"""The translations of a language, from the text files that translators edit: `locale/LANG/*.po`, as gettext has them.

They are read as they are when the first text is asked for: nothing is compiled, neither by a build nor by hand, so that
the wheel, an editable install and a checkout say the same, and a translation is seen as soon as it is saved.
"""

from __future__ import annotations

import os
import re

FOLDER = os.path.join(os.path.dirname(__file__), "locale")

_LINES = r'((?:"(?:[^"\\\n]|\\.)*"\s*)+)'
_ENTRY = re.compile(rf"^msgid {_LINES}(?:msgid_plural {_LINES})?msgstr(?:\[0\])? {_LINES}", re.MULTILINE)
_SIGNS = {"n": "\n", "t": "\t"}


def languages() -> list[str]:
    """The languages that there are catalogues of."""
    return sorted(entry for entry in os.listdir(FOLDER) if os.path.isdir(os.path.join(FOLDER, entry)))


def files(language: str) -> list[str]:
    """A language's catalogues, one for each package that says something."""
    folder = os.path.join(FOLDER, language)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".po")]


def entries(text: str) -> list[tuple[str, str, str]]:
    """The entries of a catalogue: a text, its plural ('' without), its translation ('' where there is none yet).

    A language that has one form for all numbers, as Chinese does, says it as the first.
    """
    return [(_text(one), _text(many), _text(said)) for one, many, said in _ENTRY.findall(text)]


def _text(lines: str) -> str:
    """What quoted lines say together."""
    text = "".join(line.strip()[1:-1] for line in lines.splitlines())
    return re.sub(r"\\(.)", lambda found: _SIGNS.get(found[1], found[1]), text) if "\\" in text else text


def catalogue(language: str) -> dict[str, str]:
    """The translations of a language by what they translate."""
    found: dict[str, str] = {}
    for file in files(language):
        with open(file, encoding="utf-8") as opened:
            found.update((one, said) for one, _, said in entries(opened.read()) if one and said)
    return found
