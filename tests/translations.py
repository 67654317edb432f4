"""What is marked to be translated, and the catalogues of translations: `python -m tests.translations` renews them.

`python -m tests.translations stamp NAME ...` says that what a lesson says in another language is a translation of what
it says now: it puts a digest of that into NAME.zh.toml, which the tests compare. A page of the manual is stamped by
its TOPIC.

A catalogue a package: `locale/zh/views.po` has what `bpdebug/views` says. New texts get an empty translation, which the
tests refuse until it is written; texts that are gone go.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from bpdebug import manual
from bpdebug.catalogue import entries, languages
from bpdebug.ops import OPS
from bpdebug.ops.conventions import table
from bpdebug.scenario.languages import beside
from bpdebug.scenario.lessons import shipped_paths
from bpdebug.translation import ENGLISH
from tests.chinese import english

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bpdebug"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAD = """# What bpdebug/{area} says. `python -m tests.translations` adds what is new and takes away what is gone.
msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"""
MARKS = {"_": slice(1), "N_": slice(1), "ngettext": slice(2), "command": slice(1, 2), "Stop": slice(2, 3)}
"""Functions whose arguments are marked: the forms of a text, and what a row of a table says."""
ROWS = "_rows"
"""A function whose arguments are rows of a table: their last columns are marked."""


class Message(NamedTuple):
    """A marked text, its plural ('' without one), and the file that says it."""

    text: str
    many: str
    file: str


class Unreadable(NamedTuple):
    """A mark on what is no text as it stands."""

    file: str
    line: int


def area(path: Path) -> str:
    """The package, or the module, at the top that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def marked(path: Path) -> Iterator[Message | Unreadable]:
    """The texts that a file marks, in order; a text that comes from a table is marked there."""
    file = path.relative_to(ROOT).as_posix()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id == ROWS:
            for row in node.args:
                if isinstance(row, ast.Tuple) and isinstance(last := row.elts[-1], ast.Constant):
                    yield Message(str(last.value), "", file)
        elif node.func.id in MARKS:
            forms = node.args[MARKS[node.func.id]]
            texts = [form.value for form in forms if isinstance(form, ast.Constant) and isinstance(form.value, str)]
            if len(texts) == len(forms) > 0:
                yield Message(texts[0], texts[1] if len(texts) > 1 else "", file)
            elif node.func.id in ("N_", "ngettext") or _is_made(forms[0]):
                yield Unreadable(file, node.lineno)


def _is_made(form: ast.expr) -> bool:
    """Whether a text is put together where it is looked up: it would never be found."""
    called = isinstance(form, ast.Call) and isinstance(form.func, ast.Attribute) and form.func.attr
    return isinstance(form, ast.JoinedStr | ast.BinOp) or called in ("format", "join")


def extracted() -> dict[str, dict[str, Message]]:
    """The marked texts of every package, in the order of its files."""
    found: dict[str, dict[str, Message]] = {}
    for path in MODULES:
        for message in marked(path):
            if isinstance(message, Message):
                found.setdefault(area(path), {}).setdefault(message.text, message)
    found["ops"] = {message.text: message for message in of_ops()} | found.get("ops", {})
    return found


def of_ops() -> Iterator[Message]:
    """What the records of ops say in whole sentences, and where libraries were asked, if that has a word: no marks."""
    for op in OPS.values():
        yield from (Message(text, "", "bpdebug/ops/op.py") for text in (op.says, op.back, op.kink) if text)
    for point in table().points:
        if re.search("[a-z]{3}", point.at):
            yield Message(point.at, "", "bpdebug/ops/conventions.json")


def catalogue_file(language: str, name: str) -> Path:
    return PACKAGE / "locale" / language / f"{name}.po"


def translated(language: str, name: str) -> dict[str, tuple[str, str]]:
    """A catalogue's entries: texts with their plurals and translations."""
    path = catalogue_file(language, name)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return {one: (many, said) for one, many, said in entries(text) if one}


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def written(language: str, name: str, messages: dict[str, Message]) -> str:
    """A catalogue as it should be, with the translations that there are: of what another package says, too, its own."""
    files = (PACKAGE / "locale" / language).glob("*.po")
    known = {text: row for path in files for text, row in translated(language, path.stem).items() if row[1]}
    known |= {text: row for text, row in translated(language, name).items() if row[1]}
    parts = [HEAD.format(area=name, language=language)]
    for text, message in messages.items():
        said = quoted(known.get(text, ("", ""))[1])
        many = f"msgid_plural {quoted(message.many)}\nmsgstr[0] {said}" if message.many else f"msgstr {said}"
        parts.append(f"#: {message.file}\nmsgid {quoted(text)}\n{many}\n")
    return "\n".join(parts)


def unmarked(path: Path) -> Iterator[str]:
    """Texts of three English words in a row that nothing marks; errors and their hints stay English."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            passed.add(id(node.value))  # a docstring
        if _is_passed(node):
            passed |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.Call):
            passed |= {id(n) for k in node.keywords if k.arg == "hint" for n in ast.walk(k.value)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            yield from english(node.value)


def _is_passed(node: ast.AST) -> bool:
    """Whether what stands below is marked, or is said where something is refused."""
    if isinstance(node, ast.Assign):
        return {ast.unparse(target) for target in node.targets} & {"hint", "message"} != set()
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return isinstance(node, ast.Raise) or name in (*MARKS, ROWS, "refuse", "refused", "bad") or name.endswith("Error")


# --- lessons


def digest(lesson: dict[str, Any]) -> str:
    """Of what a lesson says: its title, what it is about, its notes."""
    said = [lesson.get("title", ""), lesson.get("about", ""), lesson.get("notes", {})]
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def stamp(path: Path, language: str) -> None:
    """Puts the digest of a lesson into its translation."""
    file = Path(beside(str(path), language))
    line = f'of = "{digest(tomllib.loads(path.read_text(encoding="utf-8")))}"\n'
    text = re.sub(r'\Aof = ".*"\n', "", file.read_text(encoding="utf-8"))
    file.write_text(line + text, encoding="utf-8")


def head(topic: str) -> str:
    """The line with which a translation of a page of the manual begins: of which English text it was made."""
    return f"<!-- {topic}.md {sha256(manual.text(topic, ENGLISH).encode()).hexdigest()[:16]} -->"


def stamp_page(topic: str, language: str) -> None:
    """Puts the digest of a page of the manual into its translation."""
    file = Path(manual.FOLDER, f"{topic}.{language}.md")
    file.write_text(f"{head(topic)}\n{manual.text(topic, language)}", encoding="utf-8")


def main() -> None:
    """Stamps lessons and pages; else writes every catalogue anew and says what is still to be translated."""
    if sys.argv[1:2] == ["stamp"]:
        for name in sys.argv[2:]:
            for language in languages():
                if name in manual.TOPICS:
                    stamp_page(name, language)
                else:
                    stamp(shipped_paths()[name], language)
        return
    messages = extracted()
    for language in languages():
        for name in {*messages, *(path.stem for path in (PACKAGE / "locale" / language).glob("*.po"))}:
            path = catalogue_file(language, name)
            if name not in messages:
                path.unlink()
                continue
            path.write_text(written(language, name, messages[name]), encoding="utf-8")
            for text, (_, said) in translated(language, name).items():
                if not said:
                    print(f"{path.relative_to(ROOT)}: {text!r}")


if __name__ == "__main__":
    main()
