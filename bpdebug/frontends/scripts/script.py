"""Scripts (.bpd) as files: read and taken apart, their snapshots, and what a front end writes."""

from __future__ import annotations

import contextlib
import difflib
import operator
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from bpdebug import __version__
from bpdebug.errors import AtLine, BpdebugError, CommandError, InputError, shown
from bpdebug.frontends.loop import gathered, opens
from bpdebug.limits import Limits
from bpdebug.scenario import meant
from bpdebug.scenario.text import read_bytes, read_source
from bpdebug.translation import ENGLISH, speaking

MOST_FILES = 100
"""Files inside one script."""
_MARKER = re.compile(r"-- (.*) --\s*")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")


class Script(Struct, frozen=True):
    """A script: its lines with their numbers (comments and empty ones are gone), and the files inside it.

    `path` is None for one that has no file of its own: it is inside another, or came from standard input.
    """

    name: str
    lines: tuple[tuple[int, str], ...]
    files: Mapping[str, str] = {}
    path: Path | None = None

    @property
    def keeps(self) -> bool:
        """Whether it compares reports with what is stored of them: they are in English, whatever is spoken."""
        return any(line.lstrip().startswith("snapshot") for _, line in self.lines)

    @property
    def key(self) -> str:
        """What tells it from other scripts that run at the same time."""
        return str(self.path.resolve()) if self.path else f"{self.name}:{hash(self.lines)}"


def read_script(path: str | os.PathLike[str], limits: Limits | None = None) -> Script:
    """A script from a path, from "-" (standard input), or from the name of a shipped scenario that has one.

    Raises InputError: E_FILE, E_LIMIT, E_SYNTAX, or E_SCRIPT with the line where it is no script.
    """
    limits = limits or Limits()
    if path != "-":
        path = _shipped(Path(path))
    try:
        source = read_source(path, limits)
    except BpdebugError as error:
        if error.code == "E_FILE":
            error.hint = "name a script: bpdebug replay walk.bpd"
        raise
    return parse_script(source.name, source.text, path=Path(source.path) if source.path else None)


def _shipped(path: Path) -> Path:
    """The path as it is, or that of a shipped scenario's script where a plain name names no file."""
    with contextlib.suppress(BpdebugError):
        found = None if os.path.lexists(path) else meant(str(path))
        if found is not None and (beside := found.with_suffix(".bpd")).exists():
            return beside
    return path


def parse_script(name: str, text: str, *, path: Path | None = None) -> Script:
    """A script's text taken apart; E_SCRIPT for a block that is not closed or a file inside that cannot be."""
    lines = text.replace("\r\n", "\n").split("\n")
    first = next((n for n, line in enumerate(lines) if _MARKER.fullmatch(line)), len(lines))
    steps = []
    for number, line in gathered(lines[:first]):
        if opens(line.partition("\n")[0]) and not line.endswith("\nend"):
            raise InputError(
                "`commands` is not closed", code="E_SCRIPT", where=AtLine(name, number),
                hint="a command a line, and `end` on a line of its own",
            )  # fmt: skip
        if line and not line.startswith("#"):
            steps.append((number, line))
    return Script(name, tuple(steps), _files(name, lines, first), path)


def _files(name: str, lines: list[str], first: int) -> dict[str, str]:
    """The files inside a script: each follows a line `-- name --`, up to the next one."""
    found: dict[str, list[str]] = {}
    inside: list[str] = []
    for number in range(first, len(lines)):
        match = _MARKER.fullmatch(lines[number])
        if match is None:
            inside.append(lines[number])
            continue
        file = match[1].strip()
        why = (
            "is not a plain file name" if not is_plain(file)
            else "stands there twice" if file in found
            else f"is one of more than {MOST_FILES}" if len(found) >= MOST_FILES
            else ""
        )  # fmt: skip
        if why:
            raise InputError(
                f"the file '{shown(file)}' inside the script {why}", code="E_SCRIPT", where=f"{name}:{number + 1}",
                hint="-- two_layer.toml --: letters, digits, _ and -, no folders",
            )  # fmt: skip
        inside = found[file] = []
    return {file: "\n".join(content) for file, content in found.items()}


def is_plain(name: str) -> bool:
    """Whether a name is that of a file in the same folder, on every system."""
    return len(name) <= 100 and _PLAIN.fullmatch(name) is not None


@contextlib.contextmanager
def unpacked(script: Script) -> Iterator[Path | None]:
    """A folder with the files inside a script, which goes with the script's end; None where it has none."""
    if not script.files:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="bpdebug-") as folder:
        for name, text in script.files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", newline="\n")
        yield Path(folder)


_COMPARED = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_VERSION = re.compile(rf"bpdebug\s*({'|'.join(_COMPARED)})\s*(\d{{1,6}}(?:\.\d{{1,6}}){{0,4}})")


def require(rest: str) -> None:
    """The version of bpdebug that a script is written for; E_SCRIPT where this is another."""
    match = _VERSION.fullmatch(rest)
    if match is None:
        raise CommandError(f"require {rest[:40]}", code="E_SCRIPT", hint="require bpdebug >= 0.1")
    if not _COMPARED[match[1]](_release(__version__), _release(match[2])):
        raise CommandError(
            f"the script requires {rest}, and this is {__version__}", code="E_SCRIPT", hint="pip install -U bpdebug"
        )


def _release(text: str) -> tuple[int, ...]:
    return tuple(map(int, [*re.findall(r"\d+", text), *["0"] * 5][:5]))


# --- snapshots


def speech(script: Script) -> contextlib.AbstractContextManager[None]:
    """English for a script with snapshots, which are files, and the same in every language; else what is spoken."""
    kept = any(text.split()[0] == "snapshot" for _number, text in script.lines)
    return speaking(ENGLISH) if kept else contextlib.nullcontext()


def snapshot_path(script: Script, name: str) -> Path:
    """Where a snapshot is stored: beside the script, in a folder of its own; E_SCRIPT for what is no name."""
    if script.path is None:
        raise CommandError("a script without a file has no snapshots", code="E_SCRIPT", hint="save the script first")
    if not is_plain(name):
        message = f"'{shown(name)}' is no name for a snapshot"
        raise CommandError(message, code="E_SCRIPT", hint="letters, digits, _ and -: snapshot first")
    return script.path.with_name(f"{script.path.name}.snapshots") / f"{name}.txt"


def stored(path: Path, limits: Limits) -> str | None:
    """The text of a stored snapshot, None where there is none; E_FILE where it is no text."""
    if not os.path.lexists(path):
        return None
    try:
        return read_bytes(str(path), limits).decode("utf-8")
    except UnicodeDecodeError:
        raise CommandError(f"the snapshot {path.name} is no text", code="E_FILE", hint="remove it") from None


def difference(kept: str, now: str, most: int = 20) -> str:
    """The lines of a snapshot that are others now, the first ones of many."""
    lines = list(difflib.unified_diff(kept.splitlines(), now.splitlines(), "stored", "now", n=1, lineterm=""))
    more = [f"({len(lines) - most} lines more)"] if len(lines) > most else []
    return "\n".join(f"  {line}" for line in [*lines[:most], *more])
