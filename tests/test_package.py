"""The package as it is installed: what travels in the wheel, what it starts, what it needs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

import bpdebug
from bpdebug.scenario import shipped
from tests.lessons import NAMES

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SCENARIOS = "bpdebug/_scenarios/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as pip builds it; that takes some seconds, and an index for hatchling."""
    folder = tmp_path_factory.mktemp("wheel")
    made = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--quiet", "--wheel-dir", str(folder)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if made.returncode and re.search(r"No matching distribution|[Cc]onnection|No module named pip", made.stderr):
        pytest.skip("building a wheel needs pip and an index that has hatchling")
    assert made.returncode == 0, made.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_lessons_travel_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {n.removeprefix(SCENARIOS): archive.read(n) for n in archive.namelist() if n.startswith(SCENARIOS)}
    folder = ROOT / "scenarios"
    beside = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert inside == beside
    assert {f"{name}.toml" for name in NAMES} <= set(inside) | {Path(n).name for n in inside}


def test_the_wheel_has_every_module_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {n for n in archive.namelist() if not n.startswith(SCENARIOS) and ".dist-info/" not in n}
    beside = {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT / "bpdebug").rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    assert inside == beside
    assert {n.split("/")[0] for n in inside} == {"bpdebug"}


def test_the_wheel_says_what_it_is(unpacked: Path) -> None:
    (info,) = unpacked.glob("*.dist-info")
    metadata = Parser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
    assert metadata["Name"] == "bpdebug"
    assert metadata["Version"] == bpdebug.__version__ == PROJECT["project"]["version"]
    assert metadata["Requires-Python"] == ">=3.11"
    starts = ConfigParser()
    starts.read_string((info / "entry_points.txt").read_text(encoding="utf-8"))
    assert starts["console_scripts"]["bpdebug"] == "bpdebug.cli:main"


def test_the_installed_package_runs_from_any_folder(unpacked: Path, tmp_path: Path) -> None:
    def run(*argv: str) -> str:
        made = subprocess.run(
            [sys.executable, "-c", "import sys, bpdebug.cli as c; print(c.__file__); sys.exit(c.main())", *argv],
            capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(unpacked), "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        return made.stdout

    first, *lines = run("list").splitlines()
    assert Path(first).is_relative_to(unpacked)
    assert [line.split()[0] for line in lines[1:]] == [s.name for s in shipped()]
    assert '"ok":true' in run("run", "transpose", "--json")


def test_the_entry_point_leads_to_a_function() -> None:
    module, _, name = PROJECT["project"]["scripts"]["bpdebug"].partition(":")
    assert module == "bpdebug.cli"
    from bpdebug import cli

    assert callable(getattr(cli, name))


def test_what_the_build_includes_is_there() -> None:
    build = PROJECT["tool"]["hatch"]["build"]["targets"]
    for source, target in build["wheel"]["force-include"].items():
        assert (ROOT / source).is_dir()
        assert target + "/" == SCENARIOS
    for path in build["sdist"]["include"]:
        assert (ROOT / path).exists()
    for path in PROJECT["project"]["license-files"]:
        assert (ROOT / path).exists()


def test_everything_that_is_imported_at_the_top_of_a_module_is_declared() -> None:
    """Imports inside functions are for what is installed on demand, and so are folders that an extra is for."""
    declared = {re.split(r"[<>=~! ]", name)[0] for name in PROJECT["project"]["dependencies"]}
    comes_along = {"rich": "textual"}
    extras = {
        "importers/aten": {"torch"}, "importers/live": {"torch"}, "importers/jaxpr": {"jax"},
        "importers/onnx_graph": {"onnx", "google"}, "backends/planned": {"dask", "distributed"},
        "scenario/zarr_arrays": {"zarr"},
        "frontends/notebook": {"anywidget", "traitlets"},
        "frontends/browser": {"aiohttp", "aiohttp_jinja2", "jinja2", "textual_serve"},
    }  # fmt: skip
    for path in (ROOT / "bpdebug").rglob("*.py"):
        folder = path.parent.relative_to(ROOT / "bpdebug").as_posix()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                if top not in sys.stdlib_module_names and top not in ("bpdebug", "", "pytest"):
                    allowed = declared | extras.get(folder, set())
                    assert comes_along.get(top, top) in allowed, f"{path.name} imports {top}"
