"""What a scenario says in the language that is spoken: in a table of its file, in a file beside it, or in its own."""

from __future__ import annotations

import os
from collections.abc import Mapping

from bpdebug.errors import InputError, shown, suggest
from bpdebug.limits import Limits
from bpdebug.scenario.schema import File, LanguageFile, LanguageTable, Unfit, convert
from bpdebug.scenario.text import FileText, Outline, parse_toml, read_source
from bpdebug.translation import Translated, known, language


def beside(path: str, lang: str) -> str:
    """The file that says what a scenario's file says in another language: transpose.zh.toml beside transpose.toml."""
    head, ending = os.path.splitext(path)
    return f"{head}.{lang}{ending}"


def told(file: File, source: FileText, where: Outline, limits: Limits) -> tuple[str, str, Mapping[str, str]]:
    """The title, what it is about and the notes, in the language that is spoken as far as they are there in it.

    Raises E_NAME for a translation of a note that there is not, and as reading a file does.
    """
    for lang, table in file.lang.items():
        _check(table, file, source.name, where, ("lang", lang, "notes"))
    title, about, notes = file.title, file.about.strip(), file.notes
    tables = [] if known(file.language) == language() else _tables(file, source, limits)
    for table in tables:
        title, about = _said(table.title, title), _said(table.about.strip(), about)
        notes = {key: _said(table.notes.get(key, ""), text) for key, text in notes.items()}
    return title, about, notes


def _said(other: str, own: str) -> str:
    return Translated(other, own) if other and not isinstance(own, Translated) else own


def _tables(file: File, source: FileText, limits: Limits) -> list[LanguageTable]:
    """What there is in the language that is spoken, the file's own table first."""
    lang = language()
    found = [table for name, table in file.lang.items() if known(name) == lang]
    path = beside(source.path, lang) if source.path and source.path.endswith(".toml") else ""
    if path and os.path.lexists(path):
        other = read_source(path, limits)
        tables, where = parse_toml(other, limits)
        try:
            table = convert(tables, LanguageFile)
        except Unfit as error:
            raise error.at(where.place(other.name, error.path)) from None
        _check(table, file, other.name, where, ("notes",))
        found.append(table)
    return found


def _check(table: LanguageTable, file: File, name: str, where: Outline, path: tuple[str, ...]) -> None:
    """E_NAME for a note that is not in [notes]: nothing would ever say it."""
    for key in table.notes:
        if key not in file.notes:
            place, hint = where.place(name, (*path, key)), "its keys are those of [notes]"
            message = f"there is no note '{shown(key)}' to translate"
            raise InputError(message, code="E_NAME", where=place, hint=suggest(key, file.notes, hint))
