"""The schema for editors: it takes what the reader takes, refuses what that refuses, and says where."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec import Struct

from bpdebug.engine import OPTIMIZERS
from bpdebug.scenario import shipped
from bpdebug.scenario.json_schema import LIKE, SAYS, json_schema, taplo_settings
from bpdebug.scenario.lessons import shipped_paths
from bpdebug.scenario.schema import File, LanguageFile
from tests.language.writing import text
from tests.scenario.test_schema import FAULTS

TAPLO = shutil.which("taplo", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
needs_taplo = pytest.mark.skipif(TAPLO is None, reason="taplo, which editors check TOML with, is not installed")
SCHEMA = json_schema()
WORDS = json_schema(LanguageFile)
FILES = sorted({path for lesson in shipped_paths().values() for path in lesson.parent.glob(f"{lesson.stem}*.toml")})


def found(content: str, schema: dict[str, Any] = SCHEMA) -> list[Any]:
    return list(jsonschema.Draft202012Validator(schema).iter_errors(tomllib.loads(content)))


@pytest.mark.parametrize("schema", [SCHEMA, WORDS])
def test_it_is_a_schema_with_an_address_of_its_own_whose_tables_are_all_in_use(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"].startswith("urn:bpdebug:scenario:1")
    references = {r for r in json.dumps(schema).replace('"', " ").split() if r.startswith("#/$defs/")}
    assert references == {f"#/$defs/{name}" for name in schema["$defs"]}


def test_every_key_has_a_sentence() -> None:
    tables = {**WORDS["$defs"], **SCHEMA["$defs"]}
    assert {struct.__name__ for struct in SAYS} == tables.keys()
    for struct, says in SAYS.items():
        assert list(says) == list(_fields(struct))
        for key in says:
            assert re.fullmatch(r"[A-Z.].*", tables[struct.__name__]["properties"][key]["description"], re.DOTALL)


def _fields(struct: type[Struct]) -> tuple[str, ...]:
    return struct.__struct_fields__


def test_nothing_is_one_of_several_forms() -> None:
    """An editor calls what fits no form wrong at every word of it."""
    assert "anyOf" not in json.dumps(SCHEMA)
    assert "oneOf" not in json.dumps(SCHEMA)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_lesson_and_translation_fits(file: Path) -> None:
    assert len(FILES) >= len(shipped())
    assert found(file.read_text(encoding="utf-8"), WORDS if "." in file.stem else SCHEMA) == []


INSIDE = ("'∂Y' holds the text", "'parameters.W.shape' must be an integer")
"""What is wrong inside data, of which a schema says only that they are an array; and 2.0, an integer to JSON Schema."""


@pytest.mark.parametrize(("parts", "line", "says", "hint"), FAULTS)
def test_what_the_reader_refuses_the_schema_refuses(parts: dict[str, str], line: int, says: str, hint: str) -> None:
    assert bool(found(text(**parts))) != (says in INSIDE)


def test_settings_belong_to_optimizers_as_their_rows_say() -> None:
    assert LIKE.keys() == OPTIMIZERS.keys()
    every = {name for row in OPTIMIZERS.values() for name in row.settings_of({})}
    values = {"nesterov": "true", "centered": "true", "clip_norm": "1.0", "clip_value": "1.0"}
    for name, row in OPTIMIZERS.items():
        for key in every - {"lr"}:
            said = f'[train]\noptimizer = "{name}"\nlr = 0.1\nsteps = 1\n{key} = {values.get(key, "0.5")}\n'
            assert bool(found(text(more=said))) == (key not in row.settings_of({})), (name, key)
    assert found(text(more="[train]\nlr = 0.1\nsteps = 1\nbeta1 = 0.5"))  # without a word it is sgd


# --- what an editor shows: taplo, which VS Code's TOML extension has inside

BASE = """format = 1
title = "x"

[inputs]
X = [[1, 2], [3, 4]]

[parameters]
W = { shape = [2, 2], init = "normal" }

[graph]
loss = "L"
program = "L = sum(X @ W)"

[train]
optimizer = "adam"
lr = 0.1
steps = 2
"""
PLANTED = {
    "unknown key": ('title = "x"', 'tittle = "x"', "tittle", 2, '"x"'),
    "unknown key in a table": ('init = "normal" }', 'init = "normal", scal = 2 }', "scal", 8, "2 }"),
    "wrong type": ('title = "x"', "title = 5", "string", 2, "5"),
    "unknown init": ('"normal"', '"norml"', "xavier", 8, '"norml"'),
    "two kinds": ('init = "normal" }', 'init = "normal", value = 1 }', "init beside value", 8, '"normal"'),
    "no graph": (
        BASE[BASE.index("[graph]") : BASE.index("[train]")],
        "",
        '"graph" is a required property',
        1,
        "format",
    ),
    "wrong optimizer": ('"adam"', '"adma"', "adamw", 15, '"adma"'),
    "another's setting": ("steps = 2", "steps = 2\nalpha = 0.9", "alpha beside adam", 18, "0.9"),
}
"""A fault: what stands in its place, what is said, and the line and the word at which."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all lessons, bound to the schemas as `bpdebug schema --taplo` says."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(FILES[0].parent, folder / "scenarios", ignore=shutil.ignore_patterns("*.bpd"))
    (folder / ".taplo.toml").write_text(taplo_settings(), encoding="utf-8")
    (folder / "bpdebug.schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    (folder / "bpdebug.translation.schema.json").write_text(json.dumps(WORDS), encoding="utf-8")
    return folder


def lint(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    assert TAPLO is not None
    words = [TAPLO, "lint", "--colors", "never", *files]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)


@needs_taplo
def test_an_editor_takes_every_lesson_and_every_translation(project: Path) -> None:
    done = lint(project)
    assert done.returncode == 0, done.stderr
    assert f"found files total={len(FILES) + 1} excluded=0" in done.stderr  # its own settings, too


@needs_taplo
@pytest.mark.parametrize("what", PLANTED)
def test_an_editor_names_a_fault_at_its_place(what: str, project: Path) -> None:
    old, new, says, line, word = PLANTED[what]
    assert BASE.count(old) == 1
    content = BASE.replace(old, new)
    (project / "scenarios" / "planted.toml").write_text(content, encoding="utf-8")
    done = lint(project, "scenarios/planted.toml")
    (project / "scenarios" / "planted.toml").unlink()
    assert done.returncode == 1
    places = re.findall(r"planted\.toml:(\d+):(\d+)", done.stderr)
    at, column = map(int, places[0])
    assert at == line
    assert content.splitlines()[at - 1][column - 1 :].startswith(word)
    assert says in done.stderr
    if what != "no graph":  # which is wrong of the file as a whole
        assert set(places) == {places[0]}


@needs_taplo
def test_a_translation_has_a_schema_of_its_own(project: Path) -> None:
    file = project / "scenarios" / "planted.zh.toml"
    file.write_text('title = "x"\nformat = 1\n', encoding="utf-8")
    done = lint(project, "scenarios/planted.zh.toml")
    file.unlink()
    assert "planted.zh.toml:2:10" in done.stderr
    assert File.__name__ in SCHEMA["$defs"]
