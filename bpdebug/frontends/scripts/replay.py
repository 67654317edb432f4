"""Running a script: its lines one by one, each with its answers, until one fails."""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from bpdebug.debugger import State, open_session, parse
from bpdebug.debugger.commands.expecting import when_words
from bpdebug.debugger.comparing import ExpectationError
from bpdebug.errors import EXIT_FAILED, EXIT_GOOD, BpdebugError, CommandError
from bpdebug.errors import line as one_line
from bpdebug.frontends.files import write
from bpdebug.frontends.loop import PROMPT, Answer, replies
from bpdebug.frontends.options import budget_of, warned
from bpdebug.frontends.output import print_lines
from bpdebug.frontends.scripts.requests import FileRequests, Handler, said
from bpdebug.frontends.scripts.script import (
    Script,
    difference,
    parse_script,
    read_script,
    require,
    snapshot_path,
    speech,
    stored,
    unpacked,
)
from bpdebug.importers import open_any
from bpdebug.limits import Limits
from bpdebug.scenario import meant
from bpdebug.translation import _, english
from bpdebug.views import view

MOST_DEEP = 10
"""Scripts within scripts."""


class ScriptError(CommandError):
    """A line of a script that failed: `line` is its text, `event` where the cursor stood; the code is the inner one."""

    def __init__(self, inner: BpdebugError, script: str, number: int, line: str, event: str) -> None:
        where = f"{script}:{number}: {inner.where}" if inner.where else f"{script}:{number}"
        super().__init__(inner.message, code=inner.code, hint=inner.hint, where=where, column=inner.column)
        self.script, self.number, self.line, self.event = script, number, one_line(line.split("\n")[0]), event

    def __str__(self) -> str:
        head, mark, hint = super().__str__().partition("\n  help: ")
        event = f"\n  at:   {self.event}" if self.event else ""
        return f"{head}\n  line: {self.line}{event}{mark}{hint}"


class Settings(Struct, frozen=True):
    """What a run is given: limits, tensors to replace, whether snapshots are accepted and failures passed over.

    `opens` has files opened, checked and not run.
    """

    limits: Limits = field(default_factory=Limits)
    tensors: Mapping[str, str] = {}
    accept: bool = False
    keep_going: bool = False
    opens: bool = False
    folders: tuple[Path, ...] = ()
    running: tuple[str, ...] = ()
    spent: list[int] = field(default_factory=lambda: [0])

    def deeper(self, script: Script, folders: tuple[Path, ...]) -> Settings:
        """For a script within a script: it finds what lies beside the outer one, and shares its count of lines.

        E_LIMIT where it runs itself, or is more than MOST_DEEP scripts deep.
        """
        name = script.key
        if name in self.running or len(self.running) >= MOST_DEEP:
            why = "runs itself" if name in self.running else f"is more than {MOST_DEEP} scripts deep"
            raise CommandError(f"the script {script.name} {why}", code="E_LIMIT", hint="take its `source` away")
        return replace(self, folders=folders, running=(*self.running, name))

    def spend(self) -> None:
        """Count a line; scripts that run each other do not do so for ever (E_LIMIT)."""
        self.spent[0] += 1
        self.limits.check("calls", self.spent[0], "the lines of the script, and of those it runs")


class CarriedOut(Struct, frozen=True, eq=False):
    """A line that was carried out: its number and text, the answers, and the error where it failed."""

    number: int
    text: str
    answers: tuple[Answer, ...]
    error: ScriptError | None = None


class Run:
    """One run of a script; `state` is where it stands, `errors` are the lines that failed."""

    def __init__(self, script: Script, settings: Settings | None = None, state: State | None = None) -> None:
        settings = settings or Settings()
        if not settings.running:  # the outermost script is the first that runs
            settings = replace(settings, running=(script.key,), spent=[0])
        self.script, self.settings, self.state = script, settings, state
        self.errors: list[ScriptError] = []
        self.last = Answer("", state, view(state)) if state is not None else None
        self.failed: BpdebugError | None = None
        self.folders = (script.path.parent if script.path else Path(), *settings.folders)[: MOST_DEEP + 1]
        self.requests = FileRequests(self.folders[0], limits=settings.limits, confined=True)
        self.requests.handlers |= {"snapshot": self.snapshot, "source": self.source}
        self.words: dict[str, Callable[[str], Iterator[Answer]]] = {"require": self.require, "load": self.load}

    def steps(self) -> Iterator[CarriedOut]:
        """The lines, each carried out when it is asked for; the files inside the script are there until the end."""
        noting = any("trans" in text for _, text in self.script.lines)
        with unpacked(self.script) as self.requests.inside:
            for number, text in self.script.lines:
                step = self.step(number, text)
                if noting and text.split()[0] not in self.words:
                    for answer in step.answers:
                        deque(self.requests.heard(answer.lines()), maxlen=0)
                    self.requests.note(text, failed=step.error is not None)
                yield step
                if (step.error and not self.settings.keep_going) or (self.state is not None and self.state.done):
                    return

    def failing(self) -> list[ScriptError]:
        """The errors of the lines, all of which are carried out."""
        deque(self.steps(), maxlen=0)
        return self.errors

    def misspelt(self) -> list[ScriptError]:
        """The errors of lines that are no commands; nothing is carried out."""
        for number, text in self.script.lines:
            try:
                if text.partition(" ")[0] not in self.words:
                    parse(text)
            except BpdebugError as inner:
                self.errors.append(ScriptError(inner, self.script.name, number, text, ""))
        return self.errors

    def step(self, number: int, text: str) -> CarriedOut:
        """One line carried out."""
        answers: list[Answer] = []
        try:
            self.settings.spend()
            with speech(self.script):
                for answer in self.answers(text):
                    answers.append(answer)
                    self.seen(answer)
        except BpdebugError as inner:
            event = when_words(self.state) if self.state is not None else ""
            if not isinstance(inner, ScriptError):  # one from a script within has its line
                inner = ScriptError(inner, self.script.name, number, text, event)
            self.errors.append(inner)
            return CarriedOut(number, text, tuple(answers), inner)
        return CarriedOut(number, text, tuple(answers))

    def seen(self, answer: Answer) -> None:
        """What an answer leaves behind: the state, the last report, the last error that had to be."""
        self.state = answer.state
        if answer.report.kind == "failed":
            data = answer.report.to_data()
            self.failed = CommandError(data["message"], code=data["code"])
        elif answer.report.kind != "said":
            self.last = answer

    # --- lines ----------------------------------------------------------------------------------------------------

    def answers(self, text: str) -> Iterator[Answer]:
        """One line: a word of scripts, or the debugger's language. Raises BpdebugError where it fails."""
        word, _blank, rest = text.partition(" ")
        refused = re.fullmatch(r"(?:!\s*|expect\s+error\s+(E_[A-Z]+)\s+)(load|require)\s+(.*)", text)
        earlier = re.fullmatch(r"expect\s+error\s+(E_[A-Z]+)", text)
        if word in self.words:
            yield from self.words[word](rest.strip())
        elif refused:
            yield from self.refused(*refused.groups())
        elif self.state is None:
            raise CommandError("no scenario is loaded yet", code="E_SCRIPT", hint="begin with: load two_layer.toml")
        elif earlier:
            found = self.failed.code if self.failed is not None else "no error so far"
            if found != earlier[1]:
                raise ExpectationError("error", earlier[1], found)
            yield said(self.state, text, _("holds: {what}").format(what=f"error {found}"))
        else:
            yield from replies(self.state, text, self.requests.handle)

    def refused(self, code: str | None, word: str, rest: str) -> Iterator[Answer]:
        """A `load` or `require` that must fail, where a code is given with that code; E_SCRIPT where it does not."""
        try:
            list(self.words[word](rest))
        except BpdebugError as error:
            if code not in (None, error.code):
                raise ExpectationError(f"error of {word}", str(code), f"{error.code}: {error.message}") from None
            self.failed = error
            if self.state is not None:
                yield said(self.state, word, _("fails as it must: {reason}").format(reason=error.message))
            return
        raise CommandError(f"'{word} {rest}' was to fail, and it did not", code="E_SCRIPT", hint="take the ! away")

    def load(self, rest: str) -> Iterator[Answer]:
        """A scenario, and a session at its beginning; E_SCRIPT without a file, else what refuses it."""
        if not rest:
            raise CommandError("load takes a scenario file", code="E_SCRIPT", hint="load two_layer.toml")
        limits = self.settings.limits
        scenario = open_any(self.find(rest.strip('"')), limits=limits, replace=self.settings.tensors)
        state = open_session(scenario, budget=budget_of(limits, warned))
        self.requests.noted.clear()
        yield Answer(f"load {rest}", state, view(state))

    def require(self, rest: str) -> Iterator[Answer]:
        """The version of bpdebug that a script is written for; it says nothing."""
        require(rest)
        yield from ()

    def find(self, name: str) -> Path:
        """The file a script names: inside it, beside it, beside the script that runs it, or shipped."""
        if self.requests.inside is not None and name in self.script.files:
            return self.requests.inside / name
        there = [folder / name for folder in self.folders if os.path.lexists(folder / name)]
        return there[0] if there else meant(name) or self.folders[0] / name

    # --- requests -------------------------------------------------------------------------------------------------

    def source(self, state: State, argument: str) -> Iterator[Answer]:
        """Another script's lines, run here."""
        name = argument.strip('"')
        if name in self.script.files:
            script = parse_script(name, self.script.files[name])
        else:
            script = read_script(self.find(name), self.settings.limits)
        folders = ((self.requests.inside,) if self.requests.inside else ()) + self.folders
        yield from run_inside(script, self.settings.deeper(script, folders), state)

    def snapshot(self, state: State, argument: str) -> Iterator[Answer]:
        """The last report against the one that is stored; E_SCRIPT where it is another, or none is stored."""
        name = argument.strip('"')
        path = snapshot_path(self.script, name)
        kept, now = stored(path, self.settings.limits), (self.last.to_text() if self.last else "") + "\n"
        if kept == now:
            yield said(state, "snapshot", _("holds: {what}").format(what=f"snapshot {name}"))
        elif self.settings.accept:
            write(path, now, over=True)
            yield said(state, "snapshot", _("snapshot {name} is stored").format(name=name))
        elif kept is None:
            raise CommandError(
                f"no snapshot '{name}' is stored for this script", code="E_SCRIPT",
                hint="look at what it would hold with bpdebug replay, then store it: bpdebug test --update",
            )  # fmt: skip
        else:
            raise CommandError(
                f"the report is not the snapshot '{name}':\n{difference(kept, now)}", code="E_SCRIPT",
                hint="if the new one is right, accept it: bpdebug test --update",
            )  # fmt: skip


def run_inside(script: Script, settings: Settings, state: State) -> Iterator[Answer]:
    """The answers of a script that is run from elsewhere; its first failing line is raised as ScriptError."""
    run = Run(script, settings, state)
    for step in run.steps():
        yield from step.answers
    if run.errors:
        raise run.errors[0]


def sourcing(requests: FileRequests) -> Handler:
    """`source FILE` for a front end that is no script."""

    def source(state: State, argument: str) -> Iterator[Answer]:
        script = read_script(requests.place(argument), requests.limits)
        yield from run_inside(script, Settings(requests.limits, folders=(requests.folder,)), state)

    return source


# --- the command line


def replay(path: str, settings: Settings) -> int:
    """A script's transcript on standard output, and what failed on standard error; 1 where a line did."""
    run = Run(read_script(path, settings.limits), settings)
    with english() if run.script.keeps else nullcontext():
        for step in run.steps():
            print(PROMPT + "\n".join(map(one_line, step.text.split("\n"))))
            for answer in step.answers:
                print_lines(answer.lines())
            if step.error is not None:
                sys.stdout.flush()
                print(step.error, file=sys.stderr)
    return EXIT_FAILED if run.errors else EXIT_GOOD
