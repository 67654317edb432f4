"""The layers of the design, read from the imports: arrows to the left only, no circles, and the screen at the edge."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent / "bpdebug"
ORDER = [
    "catalogue",
    "translation",
    "wrapping",
    "errors",
    "manual",
    "arrays",
    "far",
    "progress",
    "workers",
    "limits",
    "ops",
    "symbolic",
    "backends",
    "graph",
    "language",
    "engine",
    "checks",
    "cells",
    "scenario",
    "expression",
    "importers",
    "explain",
    "debugger",
    "views",
    "frontends",
    "testing",
    "widget",
    "cli",
]
FILES = {
    ".".join(p.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): p for p in ROOT.rglob("*.py")
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items() if name != "bpdebug"}  # the face sees all


class Arrow(NamedTuple):
    name: str
    target: str
    line: int
    inside: bool  # of a function
    typing: bool  # for type checkers alone


def arrows(name: str, tree: ast.AST, inside: bool = False, typing: bool = False) -> list[Arrow]:
    """Every import of a module."""
    found: list[Arrow] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            found += [Arrow(name, alias.name, node.lineno, inside, typing) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [Arrow(name, w if w in FILES else str(node.module), node.lineno, inside, typing) for w in whole]
        else:
            types = typing or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
            found += arrows(name, node, inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef), types)
    return found


ARROWS = [arrow for name, tree in TREES.items() for arrow in arrows(name, tree)]


def layer(name: str) -> str:
    return name.split(".")[1]


def test_the_order_is_told_as_it_is() -> None:
    told = (ROOT.parent / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"a test holds the order: `{' < '.join(ORDER)}`" in " ".join(told.split())


def test_imports_point_to_the_left() -> None:
    ours = [a for a in ARROWS if a.target.startswith("bpdebug.")]
    assert len(ours) > 100
    assert [a for a in ours if ORDER.index(layer(a.target)) > ORDER.index(layer(a.name))] == []


def test_of_the_public_face_only_the_version_is_used() -> None:
    froms = [
        n for tree in TREES.values() for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "bpdebug"
    ]
    assert {alias.name for n in froms for alias in n.names} <= {"__version__", *ORDER}


def circle(counts: Callable[[Arrow], bool]) -> set[str]:
    """The modules that need each other, and those between such: what stays when both ends are taken off."""
    needs = {n: {a.target for a in ARROWS if a.name == n and counts(a)} & TREES.keys() - {n} for n in TREES}
    while free := [n for n, targets in needs.items() if not targets or all(n not in t for t in needs.values())]:
        needs = {n: targets - set(free) for n, targets in needs.items() if n not in free}
    return set(needs)


def test_there_are_no_circles() -> None:
    assert circle(lambda a: not a.inside and not a.typing) == set()


def test_nor_are_there_circles_for_type_checkers() -> None:
    """Nor, among the front ends, by what is imported when it is asked for."""
    found = circle(lambda a: not a.inside or layer(a.name) == layer(f"{a.target}.") == "frontends")
    assert found == set()


def test_the_packages_of_the_front_ends_lie_one_above_the_other() -> None:
    order = ["scripts", "session", "tui"]
    inner = [
        (a.name.split(".")[2], a.target.split(".")[2])
        for a in ARROWS
        if a.target.startswith("bpdebug.frontends.") and a.name.startswith("bpdebug.frontends.")
    ]
    pairs = [pair for pair in inner if set(pair) <= set(order)]
    assert {own for own, _ in pairs} == set(order)
    assert [(own, other) for own, other in pairs if order.index(own) < order.index(other)] == []


def test_the_screen_is_at_the_edge() -> None:
    screen = [a.name for a in ARROWS if a.target.split(".")[0] in ("textual", "rich")]
    assert [name for name in screen if not name.startswith("bpdebug.frontends.tui")] == []


def test_only_front_ends_print_exit_and_read_arguments() -> None:
    banned = {"print", "input", "exit", "quit", "sys.exit", "os._exit", "sys.argv", "sys.stdout", "sys.stderr"}
    for name, tree in TREES.items():
        if layer(name) not in ("frontends", "cli"):
            words = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
            words |= {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
            assert not words & banned, name
    assert [a for a in ARROWS if a.target in ("argparse", "getopt") and layer(a.name) not in ("frontends", "cli")] == []


def test_an_import_inside_a_function_says_why() -> None:
    """On its line, on the line above or beside the next import; or once for a module, `# ... are imported when ...`."""
    silent: list[Arrow] = []
    for name, path in FILES.items():
        lines = ["", *path.read_text().splitlines()]
        said: set[int] = set()
        mine = sorted((a for a in ARROWS if a.name == name and a.inside), key=lambda a: a.line)
        for arrow in [*mine, *reversed(mine)]:  # twice, since the reason may stand beside the last of several
            if "# " in lines[arrow.line - 1] + lines[arrow.line] or said & {arrow.line - 1, arrow.line + 1}:
                said.add(arrow.line)
        if not any("# " in line and "are imported when" in line for line in lines):
            silent += [a for a in mine if a.line not in said]
    assert silent == []


def test_stepping_loads_no_explanation() -> None:
    """What explains is imported when it is asked for: whoever steps through both passes never pays for it."""
    code = """
import sys, bpdebug, bpdebug.frontends.tui.app
from bpdebug.views import inspector, here
session = bpdebug.Session(bpdebug.load("transformer_block"))
while session.state.event is not None:
    session.do("step").to_text()
    here(session.state), inspector(session.state)
late = ("bpdebug.explain", "bpdebug.checks", "bpdebug.cells", "bpdebug.views.lens")
print([name for name in sys.modules if name.startswith(late)])
session.do("seek matmul@bwd ;; lens")
print("bpdebug.explain.lens" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]


def test_no_test_reads_a_clock() -> None:
    """A busy machine changes a time: work is counted (tests/counting.py), and speed is for tests/benchmarks."""
    clocks = {"time", "timeit", "datetime", "cProfile", "profile"}
    for path in Path(__file__).parent.rglob("*.py"):
        if "benchmarks" not in path.parts:
            asked = {a.target.split(".")[0] for a in arrows(path.name, ast.parse(path.read_text(encoding="utf-8")))}
            assert not asked & clocks, path


def test_what_an_array_is_called_is_said_once() -> None:
    said = [
        p.name for p in FILES.values() if "np.ndarray[Any, Any]" in p.read_text() or "np.dtype[Any]" in p.read_text()
    ]
    assert said == ["arrays.py"]
