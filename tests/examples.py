"""The examples in README and in the manual, and a desk on which they are tried: the files that they name.

`python -m tests.examples` writes those tables of the manual anew that are the program's own.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bpdebug import manual
from bpdebug.cli import main
from bpdebug.debugger import COMMANDS
from bpdebug.limits import TABLE, spell_bytes, spell_count
from bpdebug.scenario import find

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {"README": README, **{topic: manual.text(topic, "en") for topic in manual.TOPICS}}
MODELS = ("models", "watching")
"""Pages whose examples need what the extras bring."""
LAYER = """format = 1
[inputs]
X = [[1, 2], [3, -4]]
[parameters]
W = [[0.5, -1], [0.25, 2]]
[graph]
loss = "L"
program = '''
Y = X @ W
L = mean(Y ** 2)
'''
"""
BROKEN = """format = 1
title = "Shapes that do not fit"

[inputs]
X = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 1, 1]]

[parameters]
W = [[1, 2], [3, 4]]

[graph]
loss = "L"
program = '''
H = tanh(X)
Z = H @ W
L = mean(Z)
'''
"""


class Example(NamedTuple):
    """A block of a page: what follows the three backquotes, and its text."""

    page: str
    number: int
    kind: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines of a shell, without comments and what goes on below."""
        return [line for line in self.text.splitlines() if line.strip() and not line.lstrip().startswith("#")]

    def __str__(self) -> str:
        return f"{self.page}-{self.number}"


def of_page(page: str, text: str) -> list[Example]:
    """The examples of a page, in order."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Example(page, n, kind, body) for n, (kind, body) in enumerate(found, 1)]


EXAMPLES = [example for page, text in PAGES.items() for example in of_page(page, text)]


def examples(*kinds: str, models: bool = False) -> list[Any]:
    """Those of some kinds, of the pages that need extras or of the others, as parameters of a test."""
    return [
        pytest.param(example, id=str(example))
        for example in EXAMPLES
        if example.kind in kinds and (example.page in MODELS) == models
    ]


def lay_out(folder: Path) -> None:
    """The files that examples name."""
    (folder / "scenarios").mkdir()
    for place in (folder, folder / "scenarios"):
        shutil.copy(find("two_layer"), place / "two_layer.toml")
    (folder / "layer.toml").write_text(LAYER, encoding="utf-8")
    (folder / "broken.toml").write_text(BROKEN, encoding="utf-8")
    (walk,) = (example.text for example in EXAMPLES if example.kind == "bpd")
    (folder / "walk.bpd").write_text(walk, encoding="utf-8")


def run(line: str) -> tuple[int, str]:
    """A line of a shell that starts bpdebug: its exit code and what it printed.

    In this process: `NAME=value` before it, `echo '...' |`, `< /dev/null`, `> FILE` and a comment are understood.
    """
    words = shlex.split(line, comments=True)
    typed = ""
    if words[0] == "echo":
        assert words[2] == "|", line
        typed, words = words[1], words[3:]
    if words[-2:] == ["<", "/dev/null"]:
        words = words[:-2]
    if ">" in words:
        *words, _, file = words
        code, said = run(shlex.join(words))
        Path(file).write_text(said, encoding="utf-8")
        return code, said
    out, before, stdin = io.StringIO(), dict(os.environ), sys.stdin
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        os.environ[name] = value
    assert words[0] == "bpdebug", line
    try:
        sys.stdin = io.StringIO(typed + "\n")
        with redirect_stdout(out), redirect_stderr(out):
            code = main(words[1:])
    finally:
        sys.stdin = stdin
        os.environ.clear()
        os.environ.update(before)
    return code, out.getvalue()


def _commands() -> str:
    usages = (f"{c.name} {c.args}".strip().replace("|", r"\|") for c in COMMANDS.values())
    rows = zip(usages, COMMANDS.values(), strict=True)
    return "\n".join(f"| `{usage}` | {f'`{c.key}`' if c.key else ''} | {c.says} |" for usage, c in rows)


def _limits() -> str:
    spelt = ((name, (spell_bytes if row.bytes else spell_count)(row.default), row.says) for name, row in TABLE.items())
    return "\n".join(f"| `{name}` | {default} | {says} |" for name, default, says in spelt)


MADE = {"all-commands": _commands, "limits": _limits}
"""The rows of the first table of a page."""


def anew(topic: str) -> str:
    """A page with its first table made again."""
    before, rule, rest = re.split(r"^(\|[-|]+\|\n)", PAGES[topic], maxsplit=1, flags=re.MULTILINE)
    after = re.sub(r"\A(\|.*\n)*", "", rest)
    return f"{before}{rule}{MADE[topic]()}\n{after}"


if __name__ == "__main__":
    for name in MADE:
        (Path(manual.FOLDER) / f"{name}.md").write_text(anew(name), encoding="utf-8")
