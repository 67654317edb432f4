"""Every example of README and of the manual does what stands beside it; those of models have a file of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug import BpdebugError, manual
from bpdebug.cli import VERBS
from bpdebug.debugger import COMMANDS
from bpdebug.frontends.tui.preferences import read_preferences
from bpdebug.ops import OPS
from bpdebug.scenario import shipped
from tests.examples import EXAMPLES, LAYER, MADE, PAGES, README, Example, anew, examples, lay_out, of_page, run
from tests.frontends.scripts.test_pytest_plugin import run as pytest_in

KINDS = {"sh", "python", "toml", "console", "bpd", "lua", "text"}
EXITS = {"bpdebug compare run.bptrace transpose": 1}
"""Lines that do not end with 0: what they compare differs."""
INSTALLS = "python3 -m venv"


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_example_says_what_it_is() -> None:
    assert {example.kind for example in EXAMPLES} == KINDS
    assert all(text.count("```") == 2 * len(of_page(page, text)) for page, text in PAGES.items())


@pytest.mark.parametrize("example", examples("sh"))
def test_commands(example: Example) -> None:
    for line in example.commands:
        if line.startswith(INSTALLS):
            assert line in README  # CI runs them
            continue
        code, said = run(line)
        command = line.partition("#")[0].split()
        if command[0] == "bpdebug" and command[1:] in ([], ["transpose"]):  # for the screen
            assert (code, said.splitlines()[-1][:7]) == (2, "  help:"), said
            assert "the screen needs a terminal" in said
        else:
            assert code == EXITS.get(" ".join(command), 0), said
            assert said


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("example", examples("console"))
def test_what_is_printed_is_what_stands_there(example: Example, lang: str) -> None:
    """`...` stands for any lines."""
    if lang != "en" and example.page in manual.TOPICS:
        example = of_page(example.page, manual.text(example.page, lang))[example.number - 1]
    command, _, expected = example.text.partition("\n")
    said = run(f"{command.removeprefix('$ ')} --lang {lang}")[1]
    pattern = "".join(".*" if line == "...\n" else re.escape(line) for line in expected.splitlines(keepends=True))
    assert re.fullmatch(pattern, said, re.DOTALL), said


@pytest.mark.parametrize("example", examples("python"))
def test_programs(example: Example) -> None:
    names: dict[str, Any] = {}
    exec(compile(example.text, f"{example.page}.md", "exec"), names)
    if "test_the_layer" in names:  # the others have a model's library
        names["test_the_layer"]()
        Path("layer.toml").write_text(f'{LAYER}[rules]\nY = {{ X = "dY @ W" }}\n', encoding="utf-8")
        with pytest.raises(AssertionError, match="is wrong at Y"):
            names["test_the_layer"]()


@pytest.mark.parametrize("example", examples("bpd"))
def test_scripts(example: Example) -> None:
    assert run("bpdebug replay walk.bpd")[0] == 0
    Path("walk.bpd").write_text(example.text.replace("5.5", "5.4"), encoding="utf-8")
    assert run("bpdebug replay walk.bpd")[0] == 1


def _weights(text: str) -> str:
    """A scenario that reads what the example names, from files that are made here."""
    from tests.scenario.test_files import safetensors  # what writes one byte by byte

    cells = np.array([0x3F80, 0x4000, 0x4040, 0x4080, 0x40A0, 0x40C0], "<u2")  # 1 to 6 as bfloat16
    Path("a.safetensors").write_bytes(safetensors({"model.layers.0.weight": ("BF16", (2, 3), cells.tobytes())}))
    Path("model.safetensors.index.json").write_text('{"weight_map": {"model.layers.0.weight": "a.safetensors"}}')
    np.save("embedding.npy", cells.reshape(2, 3).view("V2"))
    return f"format = 1\n{text}[graph]\nloss = 'L'\nprogram = 'L = sum(W * E)'\n[expect]\nloss = 91.0\n"


AROUND: dict[str, Callable[[str], str]] = {
    "format = 1": lambda text: text,
    "[parameters]": _weights,
    "[rules]": lambda text: f"{LAYER}[derivation]\nprogram = 'dX = dY @ W'\n{text}",
    "[train]": lambda text: f"{LAYER}{text}[expect]\ngradcheck = true\n",
    'conventions = "torch"': lambda text: f"{text}{LAYER}[expect]\ngradcheck = true\n",
    "[expect]": lambda text: Path("two_layer.toml").read_text(encoding="utf-8").partition("[expect]")[0] + text,
}
"""How an example of a scenario begins, and the whole scenario that it is a part of."""


@pytest.mark.parametrize("example", examples("toml"))
def test_scenarios_and_settings(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    first = re.sub(r"\s*#.*", "", example.text.partition("\n")[0])
    if first == "[tool.pytest.ini_options]":
        Path("pyproject.toml").write_text(example.text)
        assert "two_layer.toml::" in pytest_in(Path(), "--collect-only", ".")[1]
    elif first.startswith("preset"):
        monkeypatch.setenv("BPDEBUG_CONFIG_DIR", ".")
        Path("config.toml").write_text(example.text)
        assert read_preferences().keys["step"].startswith("space,s")
    else:
        Path("example.toml").write_text(AROUND[first](example.text), encoding="utf-8")
        assert run("bpdebug test example.toml") == (0, "1 passed\n")


@pytest.mark.parametrize("example", examples("lua"))
def test_the_settings_of_an_editor(example: Example) -> None:
    nvim = shutil.which("nvim", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if nvim is None:
        pytest.skip("Lua runs in Neovim, which is not here")
    Path("example.lua").write_text(
        f'package.loaded.dap = {{ adapters = {{}}, configurations = {{}} }}\n{example.text}\n'
        'print(dap.adapters.bpdebug.command, dap.configurations.toml[1].type)', encoding="utf-8",
    )  # fmt: skip
    done = subprocess.run(
        [nvim, "--headless", "-u", "NONE", "-c", "luafile example.lua", "-c", "q"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr.split() == ["bpdebug", "bpdebug"]


# --- lines in tables

EVERYTHING = """format = 1
[inputs]
X = [[1, 2, -1], [0.5, -2, 3], [2, 1, 0]]
[parameters]
W = [[1, 0.5, 2], [0.25, -1, 1], [-0.5, 1, 1]]
w = [1, 2, 0.5]

[graph]
loss = "L"
program = '''
def layer(x, W):
    return tanh(x @ W)
h = X * w
h = h + X
Y = X @ W
H = layer(Y, W)
L = mean((H * w + h) ** 2)
'''
[train]
optimizer = "adam"
lr = 0.1
steps = 3
"""
ELSEWHERE = {
    "derivation dX = dY @ W; dW = ...": "dots",
    "differences": "a step that was watched", "next-difference": "as above",
    "answer 2x3": "after practice", "commands": "a word of the language", "save forks a.bpd": "a file",
    "model.py:12": "an imported model",
}  # fmt: skip
"""Lines of tables that one scenario cannot carry out; each has a test of its own elsewhere, or is a mere name."""


def _column(page: str, head: str) -> list[str]:
    """What stands as code in a column of the tables of a page."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", PAGES[page], re.MULTILINE):
        rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table.splitlines()]
        if head in rows[0]:
            found += [code for row in rows[2:] for code in re.findall("`([^`]+)`", row[rows[0].index(head)])]
    assert found, page
    return found


def _carried_out(line: str, before: str = "seek Y@bwd") -> None:
    session = bpdebug.Session(bpdebug.load(EVERYTHING))
    session.do(before)
    assert session.do(re.sub(r"\s*\[.*for 30s\]", "", line)).to_text() is not None


@pytest.mark.parametrize("line", [line for page in ("explanations", "stops") for line in _column(page, "line")])
def test_lines_of_tables(line: str) -> None:
    if line not in ELSEWHERE:
        _carried_out(line.replace(" [OPERAND]", ""), "seek end" if "@upd" in line else "seek Y@bwd")


def test_expressions_and_places() -> None:
    for text in set(_column("expressions", "written")) - ELSEWHERE.keys():
        try:
            _carried_out(f"print {text}", "seek end")
        except BpdebugError:
            _carried_out(f"seek {text}")


# --- tables that are made from the program's own


@pytest.mark.parametrize("topic", MADE)
def test_a_table_of_the_program_s_own_is_as_it_is_now(topic: str) -> None:
    assert PAGES[topic] == anew(topic), "python -m tests.examples writes it"


def test_all_ops_and_lessons_are_there_once() -> None:
    table = PAGES["ops"].partition("|---|")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(OPS)
    assert _column("lessons", "lessons") == [lesson.name for lesson in shipped()]
    assert f"[{len(shipped())} lessons]" in README


def test_all_commands_of_the_shell_are_there() -> None:
    (text,) = (e.text for e in EXAMPLES if e.page == "command-line" and e.kind == "text")
    named = set(re.findall(r"(?:^bpdebug|\|) ([a-z]+)(?= |$)", text, re.MULTILINE))
    assert named == set(VERBS)


def test_readme_is_a_first_page_that_leads_to_every_other() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert all((Path(__file__).parents[1] / link).exists() for link in links)
    assert set(manual.TOPICS) <= {Path(link).stem for link in links}
    assert len(README.splitlines()) <= 150


def test_pages_lead_to_pages() -> None:
    for page, text in PAGES.items():
        for word in re.findall(r"`help ([a-z-]+)`", text):
            assert word in (*manual.TOPICS, *COMMANDS), page
