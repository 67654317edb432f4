"""The one loop of the front ends: a line of the language becomes answers, a stop's own commands among them.

A line is carried out as a whole or not at all: nothing is said, and the state stays, where one of its commands is
refused. The commands of a stop run after that, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import Any

from msgspec import Struct

from bpdebug.debugger import Call, State, find, parse, quiet, run
from bpdebug.debugger.commands.table import split
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.progress import part
from bpdebug.translation import N_, _
from bpdebug.views import Report, displayed, reply, view
from bpdebug.views.blocks import Block, flat
from bpdebug.views.place import stopped_text
from bpdebug.views.text import lines

PROMPT = "(bpdebug) "
MOST_PENDING = 100_000
"""Commands of stops that run after one line; more than that chase each other in a circle."""
QUIET = ("", "step", "begin", "end")
"""Reasons to stop that the place itself says."""


Draw = Callable[[str, Iterable[Block], int], Iterator[str]]
"""Makes lines of a title and blocks, at a width."""


class Answer(Struct, frozen=True, eq=False):
    """What one command said: the state after it, its report, and at a stop the displays.

    `pending` marks a command of a stop. What tracepoints printed, and why it stopped, is in the state.
    """

    command: str
    state: State
    report: Report
    displays: Report | None = None
    pending: bool = False

    @property
    def heading(self) -> str:
        """What tracepoints printed, and why it stopped; '' where neither is said."""
        state = self.state
        stop = [] if state.stopped in QUIET else [f"{stopped_text(state)}  {state.detail}"]
        return "\n".join([*state.printed, *stop])

    def to_text(self, width: int = 100) -> str:
        """All of it as text."""
        return "\n".join(self.lines(width))

    def lines(self, width: int = 100, draw: Draw = lines) -> Iterator[str]:
        """All of it line by line: tracepoints first, then the stop, the report and the displays."""
        yield from draw(self.heading, (), width)
        for report in (self.report, self.displays):
            if report is not None:
                yield from draw(report.title, flat(report.blocks), width)


Handle = Callable[[State, str, str], Iterator[Answer]]
"""Carries out what a state requests of its front end (a file to read or to write): a word and its argument."""


def refuse(state: State, word: str, argument: str) -> Iterator[Answer]:
    """The front end that touches no files: E_COMMAND."""
    hint = "write it into a script: bpdebug replay walk.bpd" if word == "snapshot" else "the prompt does: bpdebug debug"
    raise CommandError(f"{word} is not possible here", hint=hint)


def replies(state: State, line: str, handle: Handle = refuse) -> Iterator[Answer]:
    """The answers to a line, in order; the last one's state is where the session stands.

    Raises BpdebugError: before the first answer where the line is refused, after it where a stop's command is.
    """
    held: list[Answer] = []
    calls = list(parse(line))
    for n, call in enumerate(calls):
        with part(n, len(calls), N_("commands")) if len(calls) > 1 else nullcontext():
            made = _one(state, call, handle)
        held.append(made)
        state = made.state
        if state.request is None and not state.pending:
            continue
        # What follows cannot be taken back (a file is touched), or does not belong to the line (a stop's commands).
        yield from held if state.request is None else held[:-1]
        held = []
        for made in handle(state, *state.request) if state.request is not None else _after_stop(state, handle):
            yield made
            state = made.state
    yield from held


def _after_stop(state: State, handle: Handle) -> Iterator[Answer]:
    """The commands of the stop that was hit; those of a stop that they run into take over, as in gdb."""
    waiting, met = list(state.pending), {_situation(state)}
    count = 0
    while waiting and not state.done:
        calls = list(parse(waiting.pop(0)))
        while calls and not state.done:
            count += 1
            made = _one(state, calls.pop(0), handle, pending=True)
            for answer in [made] if made.state.request is None else handle(made.state, *made.state.request):
                yield answer
                state = answer.state
            if state.pending:
                waiting, calls = list(state.pending), []
                here = _situation(state)
                if here in met or count > MOST_PENDING:
                    raise CommandError(
                        "the commands of these breakpoints send each other back and forth for ever", code="E_LIMIT",
                        hint="`commands N`, then `end`, takes a breakpoint's commands away",
                    )  # fmt: skip
                met.add(here)


def _situation(state: State) -> tuple[object, ...]:
    """All that decides what a stop's commands will do: met twice, they go round in a circle."""
    stops = tuple((b.number, b.ignore, b.enabled, b.condition_text, b.commands) for b in state.breakpoints)
    return state.cursor, state.part, state.fork, len(state.forks), stops


def _one(state: State, call: Call, handle: Handle, *, pending: bool = False) -> Answer:
    """One command carried out; behind a `!` it must fail."""
    if not call.must_fail:
        return _answer(run(state, call), call, pending)
    try:
        made = _answer(run(state, call), call, pending)
        if made.state.request is not None:
            list(handle(made.state, *made.state.request))
    except BpdebugError as error:
        data = {"code": error.code, "message": error.message}
        report = Report("failed", _("fails as it must: {reason}").format(reason=error.message), (), data)
        return Answer(call.text, quiet(state), report, pending=pending)
    command = call.text.lstrip("! \t")
    raise CommandError(f"'{command}' was to fail, and it did not", code="E_SCRIPT", hint="take the ! away")


def _answer(state: State, call: Call, pending: bool) -> Answer:
    if state.request is not None:
        return Answer(call.text, state, Report("said", ""), pending=pending)
    shown = displayed(state) if state.displays and state.stopped else None
    return Answer(call.text, state, view(state), shown, pending)


def answer_object(answers: list[Answer], ident: Any = None) -> dict[str, Any]:
    """One JSON reply for a line: that of its last command, and what a stop's commands said after it.

    `at` and `stopped` are where the session stands when all is done.
    """
    own = [a for a in answers if not a.pending] or answers
    last, state = own[-1], answers[-1].state
    stops = [a.state for a in answers if a.state.stopped and (a is last or a.pending)]
    made = reply(state, last.report, ident)
    made["stopped"] = stops[-1].stopped if stops else None
    shown = [a.displays for a in answers if a.displays]
    extra = {
        "detail": (stops[-1].detail if stops else "") or None,
        "printed": [text for a in answers for text in a.state.printed],
        "displays": shown[-1].to_data()["rows"] if shown else [],
        "commands": [
            {"command": a.command, "stopped": a.state.stopped or None, "report": a.report.to_parts()}
            for a in answers
            if a is not last
        ],
    }
    return {**extra, **made} if "detail" in made else {**made, **extra}


# --- lines that belong together


def gathered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Lines with their numbers from 1; those of `commands N ... end` are joined to one."""
    first = 0
    block: list[str] = []
    for number, line in enumerate(lines, 1):
        if block:
            block.append(line.strip())
            if line.strip() == "end":
                yield first, "\n".join(block)
                block = []
        elif opens(line):
            first, block = number, [line.strip()]
        else:
            yield number, line.strip()
    if block:
        yield first, "\n".join(block)


def as_typed(line: str) -> str:
    """A line as it stands in a script: `commands` with its block and `end`; of any other no part becomes a line.

    What is no command would mean something in a script (a comment, the beginning of a file): it becomes a comment.
    """
    head, *body = line.strip().split("\n")
    if opens(head):
        return "\n".join([head, *(word for part in body if (word := part.strip()) not in ("", "end")), "end"])
    text = "\\n".join([head, *body])
    return f"# {text}" if text.lstrip().startswith(("#", "--")) else text


def opens(line: str) -> bool:
    """Whether a line begins a block: its last command is `commands N`."""
    if "com" not in line or line.lstrip().startswith("#"):
        return False
    try:
        words = (split(line) or [""])[-1].lstrip("! \t").split()
        return len(words) == 2 and find(words[0]).name == "commands"
    except BpdebugError:
        return False
