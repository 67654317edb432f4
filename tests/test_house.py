"""The house reads itself: how long things are, what each name means, and what a stranger is told beside it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 40

Functions = ast.FunctionDef | ast.AsyncFunctionDef
Owner = ast.ClassDef | None
Found = Iterator[tuple[int, str]]


class File(NamedTuple):
    lines: list[str]
    tree: ast.Module
    nodes: list[ast.AST]


def read(text: str) -> File:
    tree = ast.parse(text)
    return File(text.splitlines(), tree, list(ast.walk(tree)))


FILES = {str(p.relative_to(ROOT)): read(p.read_text(encoding="utf-8")) for p in sorted(ROOT.glob("bpdebug/**/*.py"))}


def public(body: Iterable[ast.stmt], owner: ast.ClassDef | None = None) -> Iterator[tuple[Functions, Owner]]:
    """The functions, and the methods of classes, whose names do not begin with `_`; methods with their class."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public(node.body, node)
        elif isinstance(node, Functions) and not node.name.startswith("_"):
            yield node, owner


CLASSES = {node.name: node for file in FILES.values() for node in file.nodes if isinstance(node, ast.ClassDef)}


def told(node: Functions | ast.ClassDef | None) -> str:
    """A docstring; of a class with those of its bases."""
    if node is None:
        return ""
    bases = [CLASSES.get(ast.unparse(base)) for base in node.bases] if isinstance(node, ast.ClassDef) else []
    return " ".join([ast.get_docstring(node) or "", *map(told, bases)])


# --- what may not stand there: each gives lines, and what stands there


def long_files(file: File) -> Found:
    if len(file.lines) > MOST_LINES:
        yield MOST_LINES + 1, f"{len(file.lines)} lines"


def long_functions(file: File) -> Found:
    for node in file.nodes:
        if isinstance(node, Functions) and (node.end_lineno or 0) - node.lineno >= MOST_LINES_OF_A_FUNCTION:
            yield node.lineno, node.name


def dataclasses(file: File) -> Found:
    """Records are Structs: of one kind, and made at a twelfth of the time when the program starts."""
    for node in file.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom) and "dataclasses" in ast.unparse(node):
            yield node.lineno, ast.unparse(node)


def silent_ignores(file: File) -> Found:
    """An ignore says why, behind it or on the line above."""
    for number, line in enumerate(file.lines, 1):
        ignore = re.search(r"# (?:type: ignore|noqa)(?:\[[^\]]*\]|: ?[A-Z0-9, ]+)?(.*)$", line)
        if ignore and not re.search(r"\w{2}", ignore[1]) and not file.lines[number - 2].lstrip().startswith("#"):
            yield number, line.strip()


def silent_raises(file: File) -> Found:
    """What a public function raises is named in its docstring, by the error's class or by its code."""
    mute = ("NotImplementedError", "AssertionError", "AttributeError", "StopIteration")
    for node, _ in public(file.tree.body):
        if not re.search(r"E_[A-Z]+|\b[A-Z]\w*Error\b|\b[Rr]aises\b|refuse", told(node)):
            raised = [n.exc for n in ast.walk(node) if isinstance(n, ast.Raise) and n.exc is not None]
            if not all(ast.unparse(exc).startswith(mute) for exc in raised):
                yield node.lineno, node.name


_OF_ARRAYS = re.compile(
    r"""shape|dtype|ax[ei]s|dimension|[0-3]-d\b|matri|float|double|integer|bool|broadcast|scalar|elementwise|cell|row
    |\blike\b|\([a-zA-Z0-9_]+,[^)]*\)""",
    re.IGNORECASE | re.VERBOSE,
)


def shapeless_arrays(file: File) -> Found:
    """A public function that takes or gives an array says something of its shape, its axes or its dtype.

    So may its class, for all methods; of functions that are called alike it is enough that one says it.
    """
    alike: dict[str, list[tuple[Functions, bool]]] = defaultdict(list)
    for node, owner in public(file.tree.body):
        hints = [a.annotation for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        names = {n.id for hint in (*hints, node.returns) if hint for n in ast.walk(hint) if isinstance(n, ast.Name)}
        if "Array" in names:
            key = ast.unparse(node.args) if owner is None else f"{owner.name}.{node.name}"
            alike[key].append((node, bool(_OF_ARRAYS.search(f"{told(node)} {told(owner)}"))))
    for functions in alike.values():
        if not any(says for _, says in functions):
            yield from ((node.lineno, node.name) for node, _ in functions)


def bare_numbers(file: File) -> Found:
    """A number that a module names has its reason beside it, behind `#` or as a text below; or is in limits.py."""
    for node, after in pairwise([*file.tree.body, ast.Pass()]):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and target.id.isupper() and isinstance(value, ast.Constant | ast.BinOp):
            numbers = [n for n in ast.walk(value) if isinstance(n, ast.Constant) and type(n.value) in (int, float)]
            text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            near = file.lines[max(node.lineno - 2, 0)].startswith("#") or "#" in file.lines[node.lineno - 1]
            if numbers and not text and not near:
                yield node.lineno, ast.unparse(node)


RULES: dict[Callable[[File], Found], tuple[str, str]] = {
    long_files: ("x = 1\n" * 301, "x = 1\n" * 300),
    long_functions: ("def f():\n" + "    g()\n" * 40, "def f():\n" + "    g()\n" * 39),
    dataclasses: ("from dataclasses import dataclass", "from msgspec import Struct"),
    silent_ignores: ("x = f()  # type: ignore[arg-type]", "x = f()  # type: ignore[arg-type] - NumPy says Any"),
    silent_raises: (
        '''def f(x):
            """The half of x."""
            raise InputError(x)''',
        '''def f(x):
            """The half of x; E_ATTR where it is odd."""
            raise InputError(x)''',
    ),
    shapeless_arrays: (
        '''class C:
            def f(self, x: Array | None) -> int:
                """What x comes to."""''',
        '''def f(x: Array) -> int:
            """What x, of shape (n, m), comes to."""''',
    ),
    bare_numbers: ("MOST = 1 << 20\nNEXT = f()", 'MOST = 1 << 20\n"""What a page holds."""'),
}
"""What is looked for -> a text in which it is, and one in which it is not."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_has_none(rule: Callable[[File], Found]) -> None:
    files = {name: file for name, file in FILES.items() if rule is not bare_numbers or name != "bpdebug/limits.py"}
    assert [f"{name}:{line} {what}" for name, file in files.items() for line, what in rule(file)] == []


@pytest.mark.parametrize(("rule", "texts"), RULES.items(), ids=[rule.__name__ for rule in RULES])
def test_where_it_is_it_is_found(rule: Callable[[File], Found], texts: tuple[str, str]) -> None:
    assert [len(list(rule(read(dedent(text))))) for text in texts] == [1, 0]


def meanings(files: Mapping[str, File]) -> dict[str, list[str]]:
    """The classes, and where each is; those inside of functions too."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, file in files.items():
        for node in file.nodes:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(f"{name}:{node.lineno}")
    return found


def test_a_class_name_has_one_meaning() -> None:
    assert {name: where for name, where in meanings(FILES).items() if len(where) > 1} == {}
    assert len(meanings({"a.py": read("class A: ..."), "b.py": read("class A: ...")})["A"]) == 2
