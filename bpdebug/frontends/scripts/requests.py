"""What commands ask of a front end because it touches files: transcript, save breakpoints, and what is added."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from bpdebug.debugger import State
from bpdebug.debugger.commands.files import saved
from bpdebug.debugger.commands.whatif import made_again
from bpdebug.errors import CommandError, shown
from bpdebug.frontends.files import HEADER, write
from bpdebug.frontends.loop import Answer, as_typed, refuse
from bpdebug.frontends.recorder import record
from bpdebug.frontends.served import refuse_files
from bpdebug.limits import Limits
from bpdebug.scenario.lessons import shipped_paths
from bpdebug.scenario.paths import parts_of
from bpdebug.translation import _
from bpdebug.views import Report

MOST_NOTED = 8 * 2**20
"""Characters of answers that are kept for a transcript."""
LEFT_OUT = "# (the rest of the answer is left out: the transcript is too long)"

Handler = Callable[[State, str], Iterator[Answer]]


class FileRequests:
    """Carries out requests; paths are relative to `folder`, and `confined` ones may not leave it."""

    def __init__(self, folder: Path = Path(), *, limits: Limits | None = None, confined: bool = False) -> None:
        self.folder, self.limits, self.confined = folder, limits or Limits(), confined
        self.noted: list[str] = []
        self.said: list[str] = []
        self.size = 0
        self.inside: Path | None = None
        self.handlers: dict[str, Handler] = {
            "transcript": self.transcript, "save": self.save, "record": self.record,
        }  # fmt: skip

    def handle(self, state: State, word: str, argument: str) -> Iterator[Answer]:
        """The answers to a request; E_COMMAND for one that this front end does not know, or from a browser."""
        if word != "restore":
            refuse_files(word)
        state, handler = replace(state, request=None), self.handlers.get(word)
        yield from refuse(state, word, argument) if handler is None else handler(state, argument)

    def heard(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines of an answer on their way out, remembered for the transcript as far as there is room."""
        for part in lines:
            self.size += len(part)
            if self.size <= MOST_NOTED:
                self.said += [f"# {one}".rstrip() for one in part.split("\n")]
            elif self.said[-1:] != [LEFT_OUT]:
                self.said.append(LEFT_OUT)
            yield part

    def note(self, line: str, *, failed: bool = False) -> None:
        """A line that was typed, for the transcript, and below it what was heard since."""
        line = as_typed(line)
        self.noted.append(f"! {line}" if failed and not line.startswith(("!", "#")) else line)
        self.noted += self.said
        self.said = []

    def transcript(self, state: State, argument: str) -> Iterator[Answer]:
        """What was typed so far, as a script that can be replayed."""
        path = self.writable(argument)
        name, inside = self.scenario(state, path)
        write(path, "\n".join([f"{HEADER}transcript", f"load {name}", *self.noted, *inside]) + "\n")
        yield said(
            state, "transcript", _("{n} lines written to {file}").format(n=len(self.noted), file=shown(argument))
        )

    def scenario(self, state: State, script: Path) -> tuple[str, list[str]]:
        """What a script loads to come here, and the lines inside it where the scenario has no file that stays."""
        found = state.scenario.path
        if found is not None and found.parent != self.inside:
            shipped = shipped_paths().get(found.stem)
            if shipped is not None and shipped.resolve() == found.resolve():
                return found.stem, []
            return _as_seen_from(script.parent, found), []
        name = found.name if found is not None else "scenario.toml"
        return name, [f"-- {name} --", *state.scenario.lines]

    def save(self, state: State, argument: str) -> Iterator[Answer]:
        """The stops, or the forks, as a script that makes them again."""
        what, _blank, path = argument.partition(" ")
        lines, count, told = saved(state.breakpoints), len(state.breakpoints), _("{n} stops written to {file}")
        if what == "forks":
            lines, count = list(made_again(state.forks)), len(state.forks[1:])
            told = _("{n} forks written to {file}")
        write(self.writable(path), "\n".join([f"{HEADER}{what}", *lines]) + "\n")
        yield said(state, "save", told.format(n=count, file=shown(path)))

    def record(self, state: State, argument: str) -> Iterator[Answer]:
        """All events of the timeline, into a recording that was not there before."""
        events = record(self.writable(argument), state.scenario, state.timeline)
        yield said(
            state, "record", _("{n} events recorded; bpdebug {file} opens them").format(n=events, file=shown(argument))
        )

    def place(self, argument: str) -> Path:
        return self.folder / argument.strip('"')

    def writable(self, argument: str) -> Path:
        """Where something may be written: a script's files lie beside or below it; E_FILE elsewhere."""
        if self.confined:
            parts_of(argument.strip('"'))
        path = self.place(argument)
        if self.confined and not path.parent.resolve().is_relative_to(self.folder.resolve()):
            raise CommandError(
                f"'{shown(argument)}' leads outside", code="E_FILE", hint="scripts write beside or below"
            )
        if not os.path.isdir(path.parent):
            raise CommandError(f"no folder '{shown(path.parent, 200)}'", code="E_FILE", hint="make it first")
        return path


def said(state: State, command: str, text: str) -> Answer:
    """An answer of one sentence."""
    return Answer(command, state, Report("said", text, (), {"text": text}))


def _as_seen_from(folder: Path, path: Path) -> str:
    """A path as it is written in a file of another folder."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return str(path.resolve())
