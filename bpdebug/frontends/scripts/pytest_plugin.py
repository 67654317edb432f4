"""pytest collects `test_*.bpd`, and scenario files with a table [expect] where it is asked to.

Every pytest run imports this module: nothing heavy is imported before a file is collected.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bpdebug.errors import line, printable
from bpdebug.frontends.scripts.checks import SCENARIO, SCRIPT, expects, failures

MOST = 8 * 2**20
"""Bytes of a file that are looked at for [expect]."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("bpdebug")
    group.addoption("--bpdebug-scenarios", action="store_true", help="collect scenario files with a table [expect]")
    group.addoption("--bpdebug-update", action="store_true", help="store the snapshots of scripts as they are now")
    group.addoption("--bpdebug-recordings", metavar="DIR", help="keep a recording (.bptrace) of each failure there")
    parser.addini("bpdebug_scenarios", "collect scenario files with a table [expect]", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """The marker of what is collected here: `-m bpdebug`, `-m "not bpdebug"`."""
    config.addinivalue_line("markers", "bpdebug: scripts and scenarios of bpdebug")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.File | None:
    """A script by its name; a scenario by its table, where that is asked for."""
    if file_path.suffix == SCRIPT and file_path.name.startswith("test_"):
        return BpdebugFile.from_parent(parent, path=file_path)
    asked = parent.config.getoption("--bpdebug-scenarios") or parent.config.getini("bpdebug_scenarios")
    wanted = file_path.suffix == SCENARIO and asked
    return BpdebugFile.from_parent(parent, path=file_path) if wanted and expects(file_path, MOST) else None


class BpdebugFile(pytest.File):
    """A script or a scenario: one test. pytest prints names as they are: here they are printable."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.name, self._nodeid = line(self.name), line(self.nodeid)

    def collect(self) -> Iterator[pytest.Item]:
        """The one test of a file."""
        item = BpdebugItem.from_parent(self, name="script" if self.path.suffix == SCRIPT else "expect")
        item.add_marker("bpdebug")
        yield item


class Failed(Exception):
    """What a test found, as it is to be shown."""


class BpdebugItem(pytest.Item):
    """A script that is run, or the expectations of a scenario."""

    def runtest(self) -> None:
        """Raises Failed with the lines, the events and the cells that are off."""
        from bpdebug.frontends.scripts.replay import Settings  # start-up: NumPy comes with the first test

        path = self.path.relative_to(Path.cwd()) if self.path.is_relative_to(Path.cwd()) else self.path
        found = failures(path, Settings(accept=bool(self.config.getoption("--bpdebug-update"))))
        if found is None:
            pytest.skip("nothing is expected")
        if found:
            raise Failed("\n".join([*(failure.text for failure in found), *self._kept()]))

    def _kept(self) -> list[str]:
        """A word about the recording of a failure, where one is asked for."""
        folder = self.config.getoption("--bpdebug-recordings")
        if not folder:
            return []
        from bpdebug.frontends.scripts.keeping import keep  # start-up, as above

        return [keep(self.path, Path(folder))]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What failed, without a traceback through bpdebug; a bug of bpdebug keeps its own."""
        if isinstance(excinfo.value, Failed):
            return printable(str(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the test stands."""
        return Path(line(str(self.path))), None, f"{line(self.path.name)}: {self.name}"
