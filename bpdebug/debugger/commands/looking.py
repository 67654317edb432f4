"""Commands that look: at numbers, tensors, the program, the place."""

from __future__ import annotations

from msgspec.structs import replace

from bpdebug.debugger.commands.table import command, subject
from bpdebug.debugger.commands.within import within
from bpdebug.debugger.state import State
from bpdebug.errors import CommandError, did_you_mean
from bpdebug.expression import parse_location, resolve

FORMATS = ("", "x", "s", "f")
LISTS = (
    "tensors",
    "breakpoints",
    "blocks",
    "parameters",
    "gradients",
    "marks",
    "displays",
    "forks",
    "optimizer",
    "memory",
)


@command(
    "print", "the value of an expression, here and now", "print 1 + 1", aliases=("p", "pr"), args="[/FMT] EXPR",
    family="looking",
)  # fmt: skip
def print_(state: State, argument: str) -> State:
    """An expression's value at the cursor: `/x` exact hex floats, `/s` summary, `/f` in full; else E_COMMAND."""
    style = ""
    if argument.startswith("/"):
        word, _, argument = argument[1:].partition(" ")
        style = word
    if style not in FORMATS:
        raise CommandError(f"no format '/{style}'", hint="/x hex, /s summary, /f in full")
    text = argument.strip()
    if not text:
        raise CommandError("print takes an expression", hint="print dW, print/s X @ W")
    value = state.value(text)
    return state.show("print", text, value, style)


@command(
    "info", "lists: tensors, breakpoints, blocks, parameters, gradients, marks, displays, forks, optimizer, memory",
    "info tensors", aliases=("i",), args="WHAT [FILTER ...] [for 30s]", family="looking",
)  # fmt: skip
def info(state: State, argument: str) -> State:
    """One of LISTS; a word after it filters by name; of gradients within a time; E_COMMAND for no list, or no time."""
    what, _, pattern = argument.partition(" ")
    matches = [name for name in LISTS if what and name.startswith(what)]
    if len(matches) > 1:
        raise CommandError(f"'{what}' could be {', '.join(matches)}", hint="write one letter more")
    if not matches:
        raise CommandError(
            f"no list '{what[:40]}'" if what else "info takes a word",
            hint=did_you_mean(what[:40], LISTS) or "one of: " + ", ".join(LISTS),
        )  # fmt: skip
    if matches != ["gradients"]:
        return state.show("info", matches[0], pattern.strip())
    from bpdebug.explain.norms import gradient_norms  # start-up: worked out when asked for

    pattern, seconds, over = within("info gradients", pattern)
    norms = gradient_norms(state.timeline, state.cursor, over)
    return state.show("info", "gradients", pattern, norms, seconds)


@command("list", "the program around here", "list", aliases=("l",), args="[LOC]", family="looking")
def list_(state: State, argument: str) -> State:
    """The program around the cursor, or around a location."""
    if not argument:
        return state.show("list", None)
    event = state.timeline.event(resolve(parse_location(argument), state.timeline).first())
    return state.show("list", event.line)


command("when", "where in time the cursor stands", "when", family="looking")(lambda state: state.show("when"))
command("where", "the stack of blocks", "where", aliases=("bt",), family="looking")(lambda state: state.show("where"))


@command("apropos", "the commands that speak of a word", "apropos block", args="WORD", family="session")
def apropos(state: State, argument: str) -> State:
    """The commands that speak of a word; E_COMMAND without one."""
    if not argument:
        raise CommandError("apropos takes a word", hint="apropos gradient")
    return state.show("apropos", argument)


@command(
    "help", "all commands and pages of the manual, or one of them", "help step", aliases=("h", "?"), key="?",
    args="[COMMAND | TOPIC]", family="session",
)  # fmt: skip
def help_(state: State, argument: str) -> State:
    """All commands and topics, or one; E_COMMAND for what is neither."""
    return state.show("help", subject(argument))


@command("quit", "leave", "quit", aliases=("q",), key="q", family="session")
def quit_(state: State) -> State:
    """The end of the session, which the front end carries out."""
    return replace(state, done=True).show("said", "")
