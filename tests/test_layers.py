"""The layers of the design, read from the imports: arrows to the left only, no circles, and the screen at the edge."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "bpdebug"
ORDER = (
    "errors limits ops symbolic graph engine scenario importers expression explain debugger views frontends cli"
).split()
FILES = {
    ".".join(p.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): p for p in ROOT.rglob("*.py")
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
FACE = "bpdebug"


def imports(name: str, tree: ast.AST, *, typing: bool = False) -> Iterator[tuple[str, ast.stmt]]:
    """Every module that a module imports, and the statement; what only type checkers see is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not typing:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in FILES else node.module or "", node
        else:
            yield from imports(name, node, typing=typing)


def layer(name: str) -> str:
    return name.split(".")[1]


OURS = [name for name in FILES if name != FACE]


@pytest.mark.parametrize("name", OURS)
def test_a_module_imports_only_from_its_left(name: str) -> None:
    assert layer(name) in ORDER
    for target, _ in imports(name, TREES[name]):
        if target.split(".")[0] == FACE:
            assert target != FACE, f"{name} imports the public face"
            assert ORDER.index(layer(target)) <= ORDER.index(layer(name)), f"{name} -> {target}"


@pytest.mark.parametrize("name", OURS)
def test_types_come_from_the_left_as_well(name: str) -> None:
    """Even for type checkers a module looks to its own layer and to the left."""
    for target, _ in imports(name, TREES[name], typing=True):
        if target.split(".")[0] == FACE:
            assert ORDER.index(layer(target)) <= ORDER.index(layer(name)), f"{name} -> {target}"


def test_there_are_no_circles() -> None:
    arrows = {n: {t for t, _ in imports(n, TREES[n]) if t in FILES and t != n} for n in OURS}
    while arrows:
        free = [n for n, targets in arrows.items() if not targets & arrows.keys()]
        assert free, f"a circle among {sorted(arrows)}"
        for n in free:
            del arrows[n]


@pytest.mark.parametrize("name", FILES)
def test_textual_and_rich_stay_on_the_screen(name: str) -> None:
    if not name.startswith("bpdebug.frontends.tui"):
        for target, _ in imports(name, TREES[name], typing=True):
            assert target.split(".")[0] not in ("textual", "rich"), f"{name} imports {target}"


def _called(tree: ast.AST) -> set[str]:
    return {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}


@pytest.mark.parametrize("name", [n for n in OURS if layer(n) not in ("frontends", "cli")])
def test_only_front_ends_print_exit_and_read_arguments(name: str) -> None:
    modules = {target.split(".")[0] for target, _ in imports(name, TREES[name])}
    assert not modules & {"argparse", "click", "optparse", "getopt"}
    assert not _called(TREES[name]) & {"print", "input", "exit", "quit", "sys.exit", "os._exit"}
    attributes = {ast.unparse(n) for n in ast.walk(TREES[name]) if isinstance(n, ast.Attribute)}
    assert not attributes & {"sys.argv", "sys.stdout", "sys.stderr", "sys.stdin"}


@pytest.mark.parametrize("name", FILES)
def test_an_import_inside_a_function_says_why(name: str) -> None:
    """On its line, or on the line above: `# here, so that ...`."""
    lines = FILES[name].read_text().splitlines()
    functions = [n for n in ast.walk(TREES[name]) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        for _, node in imports(name, function, typing=True):
            near = lines[node.lineno - 2 : node.end_lineno]
            assert any(re.search(r"#\s*\w+", line) for line in near), f"{name}:{node.lineno}"
