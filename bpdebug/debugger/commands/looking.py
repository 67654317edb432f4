"""Commands that look: at numbers, tensors, the program, the place."""

from __future__ import annotations

from msgspec.structs import replace

from bpdebug.debugger.commands.table import COMMANDS, Command, find, nothing, register
from bpdebug.debugger.state import State
from bpdebug.errors import CommandError, did_you_mean
from bpdebug.expression import Scope, evaluate, parse, parse_location, resolve

FORMATS = ("", "x", "s", "f")
LISTS = ("tensors", "breakpoints", "blocks", "parameters", "gradients", "marks", "displays", "forks", "optimizer")


def print_(state: State, argument: str) -> State:
    """An expression's value at the cursor: `/x` exact hex floats, `/s` summary, `/f` in full."""
    style = ""
    if argument.startswith("/"):
        word, _, argument = argument[1:].partition(" ")
        style = word
    if style not in FORMATS:
        raise CommandError(f"no format '/{style}'", code="E_COMMAND", hint="/x hex, /s summary, /f in full")
    text = argument.strip()
    if not text:
        raise CommandError("print takes an expression", code="E_COMMAND", hint="print dW, print/s X @ W")
    value = evaluate(parse(text), Scope(state.timeline, state.cursor))
    return state.show("print", text, value, style)


def info(state: State, argument: str) -> State:
    """A list: tensors, breakpoints, blocks, parameters or gradients; a word after it filters by name."""
    what, _, pattern = argument.partition(" ")
    matches = [name for name in LISTS if what and name.startswith(what)]
    if len(matches) > 1:
        raise CommandError(f"'{what}' could be {', '.join(matches)}", code="E_COMMAND", hint="write one letter more")
    if not matches:
        raise CommandError(
            f"no list '{what[:40]}'" if what else "info takes a word", code="E_COMMAND",
            hint=did_you_mean(what[:40], LISTS) or "one of: " + ", ".join(LISTS),
        )  # fmt: skip
    return state.show("info", matches[0], pattern.strip())


def list_(state: State, argument: str) -> State:
    """The program around the cursor, or around a location."""
    if not argument:
        return state.show("list", None)
    event = state.timeline.event(resolve(parse_location(argument), state.timeline).first())
    return state.show("list", event.line)


def when(state: State, argument: str) -> State:
    nothing(argument, "when")
    return state.show("when")


def where(state: State, argument: str) -> State:
    nothing(argument, "where")
    return state.show("where")


def help_(state: State, argument: str) -> State:
    """All commands, or one."""
    if argument and argument not in COMMANDS:
        argument = find(argument).name
    return state.show("help", argument)


def apropos(state: State, argument: str) -> State:
    """The commands that speak of a word."""
    if not argument:
        raise CommandError("apropos takes a word", code="E_COMMAND", hint="apropos gradient")
    return state.show("apropos", argument)


def quit_(state: State, argument: str) -> State:
    nothing(argument, "quit")
    return replace(state, done=True).show("said", "")


register(
    Command(
        "print",
        print_,
        "the value of an expression, here and now",
        "print 1 + 1",
        ("p", "pr"),
        args="[/FMT] EXPR",
        family="looking",
    ),
    Command(
        "info", info, "lists: " + ", ".join(LISTS), "info tensors", ("i",), args="WHAT [FILTER ...]", family="looking"
    ),
    Command("list", list_, "the program around here", "list", ("l",), args="[LOC]", family="looking"),
    Command("when", when, "where in time the cursor stands", "when", family="looking"),
    Command("where", where, "the stack of blocks", "where", ("bt",), family="looking"),
    Command("apropos", apropos, "the commands that speak of a word", "apropos block", args="WORD", family="session"),
    Command("help", help_, "all commands, or one of them", "help step", ("h", "?"), "?", "[COMMAND]", "session"),
    Command("quit", quit_, "leave", "quit", ("q",), "q", family="session"),
)
