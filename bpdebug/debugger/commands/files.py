"""Commands that touch files: the debugger only says what is asked for, and the front end carries it out."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from bpdebug.debugger.commands.table import command
from bpdebug.debugger.state import Breakpoint, State
from bpdebug.errors import CommandError


def requesting(word: str, what: str) -> Callable[[State, str], State]:
    """A command that asks its front end for something, and changes nothing else; E_COMMAND without it."""

    def run(state: State, argument: str) -> State:
        if not argument:
            raise CommandError(f"{word} takes {what}", hint=f"{word} {what.split()[-1].upper()}")
        return replace(state, request=(word, argument))

    return run


def saved(stops: tuple[Breakpoint, ...]) -> list[str]:
    """The lines of a script that makes stops again; they are numbered anew from 1, in their order."""
    lines = []
    for number, b in enumerate(stops, 1):
        made = {"break": f"{'t' * b.temporary}break {b.location}", "trace": f'trace {b.location} "{b.says}"'}
        lines.append(made.get(b.kind, b.line))
        more = [f"condition {number} {b.condition_text}"] if b.condition_text else []
        more += [f"ignore {number} {b.ignore}"] if b.ignore else []
        more += [f"commands {number}", *(f"  {line}" for line in b.commands), "end"] if b.commands else []
        more += [] if b.enabled else [f"disable {number}"]
        lines += more
    return lines


command(
    "snapshot", "in scripts: the last report must be the one that is stored under this name", "snapshot first",
    args="NAME", family="scripts",
)(requesting("snapshot", "a name"))  # fmt: skip
command("source", "run a script here", "source a.bpd", args="FILE", family="scripts")(requesting("source", "a file"))
command(
    "transcript", "what was typed so far as a script, with the answers as comments", "transcript a.bpd",
    args="FILE", family="scripts",
)(requesting("transcript", "a file"))  # fmt: skip


@command(
    "save", "the stops, or the forks, as a script that makes them again", "save breakpoints a.bpd",
    args="breakpoints | forks FILE", family="scripts",
)  # fmt: skip
def save(state: State, argument: str) -> State:
    """The stops, or the forks, as a script that makes them again; E_COMMAND without a file."""
    what, _, path = argument.partition(" ")
    word = next((w for w in ("breakpoints", "forks") if what and w.startswith(what)), "")
    if not word or not path.strip():
        hint = "save breakpoints FILE, save forks FILE"
        raise CommandError(f"save {argument[:40]}".strip(), hint=hint)
    return replace(state, request=("save", f"{word} {path.strip()}"))
