"""Inputs by chance, from a seed: text of the debugger's language, and good files with something done to them."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import unicodedata
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from bpdebug.errors import BpdebugError
from bpdebug.expression.functions import ATTRIBUTES, FUNCTIONS
from bpdebug.ops import OPS

T = TypeVar("T")
INPUTS = int(os.environ.get("BPDEBUG_FUZZ", "4000"))
SEED = int(os.environ.get("BPDEBUG_FUZZ_SEED", "0"))
LONGEST = 1000
"""Characters of a message, of its hint and of its place."""


def fuzz(name: str, make: Callable[[Random], T], put: Callable[[T], object]) -> int:
    """Put so many inputs; anything but BpdebugError is a failure that says which input, of which seed.

    Each input has a chance of its own, so that one of them can be put again alone. Returns how many were refused.
    """
    refused = 0
    for n in range(INPUTS):
        if n % 100 == 0 and sys.platform != "win32":
            signal.alarm(300)  # a hang ends the run, and says where
        given = make(Random(f"{name} {SEED} {n}"))
        try:
            put(given)
        except BpdebugError as error:
            refused += 1
            check(error)
        except Exception as error:
            raise AssertionError(f"{name}: input {n} of BPDEBUG_FUZZ_SEED={SEED}: {given!r:.2000}") from error
    if sys.platform != "win32":
        signal.alarm(0)
    print(f"{name}: {INPUTS:,} inputs of BPDEBUG_FUZZ_SEED={SEED}, {refused:,} refused")
    return refused


def check(error: BpdebugError) -> None:
    """A refusal has a code of the contract and an exit code, and says what it says on a short line."""
    assert error.code in CODES, error
    assert error.exit_code in (1, 2, 3)
    assert error.message
    for said in (error.message, error.hint, error.where):
        assert len(said) <= LONGEST, said
        assert said.isprintable() or all(unicodedata.category(c) == "Zs" for c in said if not c.isprintable()), said


CODES = {
    "E_SYNTAX", "E_SCHEMA", "E_NAME", "E_OP", "E_ATTR", "E_SHAPE", "E_DTYPE", "E_CYCLE", "E_LOSS", "E_FILE",
    "E_LIMIT", "E_SCRIPT", "E_COMMAND", "E_EXPR", "E_TRACE", "E_USAGE",
}  # fmt: skip

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def reworded(chance: Random, text: str, odd: Sequence[str]) -> str:
    """A text with one or two of its words taken out, doubled, swapped, or replaced by another or an odd one."""
    words = _TOKEN.findall(text)
    for _ in range(chance.randrange(1, 3)):
        i, j = chance.randrange(len(words)), chance.randrange(len(words))
        one, other = words[i], words[j]
        changes = (("", other), (one * 2, other), (other, one), (other, other), (chance.choice(odd), other))
        words[i], words[j] = chance.choice(changes)
    return "".join(words)


# --- the debugger's language

NAMES = ("X", "W", "H", "Y", "L", "ids", "on", "none", "bad", "s", "h", "h.1", "f1.add1", "E", "drop.mask")
NUMBERS = (
    "0", "1", "2", "-1", "7", "0.5", "1e308", "1e-320", "1e400", "nan", "inf", "99999999999999999999", "1" * 500, "1_0",
    "0x10", "1.", ".5", "1j", "10**400", "2**99999", "−1", "٣", "True", "None",
)  # fmt: skip
SIGNS = ("+", "-", "*", "/", "@", "**", "//", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or", "−", "×", "·")
WORDS = ("node", "op", "phase", "event", "iteration", "grad", "out")
ODD = (
    "", " ", "(", ")", "[", "]", "{", "}", ",", ":", ";", ";;", "=", ":=", "~", "!", "#", "#1", "@bwd", "@fwd", "%2",
    ":1", "*", "?", "/a/", "/(a+)+$/", "\\", "'", '"', '"x"', "'x'", '"{X}"', "∂", "ᵀ", "ᵀᵀ", "²", "\0", "\x1b[1m",
    "\n", "\r", "\t", "\u202e", "\ud800", "\u2028", "ﬁ", "é", "𝑋", "lambda", "__import__('os')", ".__class__", "().x",
    "f(x)", "if", "x" * 300, "-- a --", "...", "None",
)  # fmt: skip


def expression(chance: Random, depth: int = 3) -> str:
    """An expression that is often one: tensors, numbers, calls, slices, attributes and signs."""
    way = chance.random()
    if depth == 0 or way < 0.3:
        name = chance.choice(NAMES)
        return chance.choice((name, name, f"d{name}", f"∂{name}", chance.choice(NUMBERS), chance.choice(WORDS)))
    inner = expression(chance, depth - 1)
    if way < 0.5:
        return f"{inner} {chance.choice(SIGNS)} {expression(chance, depth - 1)}"
    if way < 0.6:
        return f"{inner}.{chance.choice((*ATTRIBUTES, 'T', 'T'))}"
    if way < 0.75:
        return f"{inner}[{', '.join(index(chance) for _ in range(chance.randrange(1, 4)))}]"
    if way < 0.85:
        more = chance.choice(("", "", f", {inner}", f", axis={chance.choice(NUMBERS)}", ", axis=(0, 1)"))
        return f"{chance.choice((*FUNCTIONS, *OPS))}({inner}{more})"
    return chance.choice((f"({inner})", f"-{inner}", f"not {inner}", f"{inner}ᵀ", f"[{inner}, {inner}]"))


def index(chance: Random) -> str:
    part = chance.choice(("0", "1", "-1", "2", "9", "", "99999999999999999999", "X", "0.5"))
    return chance.choice((part, part, f"{part}:", f":{part}", f"{part}::{part}", "..."))


def spoilt(chance: Random, text: str, odd: Sequence[str] = ODD) -> str:
    """A text with up to three of its places changed."""
    for _ in range(chance.randrange(4)):
        at, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        end = min(end, at + 8)
        put = chance.choice(
            (chance.choice((*odd,)), text[at:end] * chance.choice((0, 2, 40)), chr(chance.randrange(0x250)))
        )
        text = text[:at] + put + text[end:]
    return text


LOCATIONS = (
    "Y", "Y@bwd", "Y@fwd", "W@upd", "Y@bwd%1", "matmul@bwd", ":12", "f1.", "h*", "#3", "#999", "/^h/", "/(/", "L@seed",
    "begin", "end", "50%", "*", "Y@bwd%99999999999999999999", "#99999999999999999999", ":99999999999999999999",
)  # fmt: skip
COMMANDS = (
    "step <n>", "next <n>", "stepi <n>", "finish", "continue <n>", "until <l>", "rs <n>", "rn", "rsi", "rf", "rc",
    "rev step", "seek <l>", "seek <n>%", "restart", "back", "forward", "when", "mark <o>", "marks", "break <l> if <e>",
    "b <l>", "tbreak <l>", 'trace <l> "<o> {<e>}"', "condition <n> <e>", "ignore <n> <n>", "delete <n>", "enable <n>",
    "commands <n>\nprint <e>\nend", "disable <n>", "catch nan", "catch vanish <n>", "watch <e>", "print <e>", "p/x <e>",
    "print/s <e>", "print/f <e>", "print/<o> <e>", "display <e>", "undisplay <n>", "stats <e>", "whatis <e>", "! step",
    "highlight <e> > <n>", "find <e>", "find > <n>", "info <o>", "info tensors <o>", "inputs -r <t>", "outputs <t>",
    "list <l>", "where", "up <n>", "down <n>", "lens", "origin <t>[<n>,<n>]", "origin -p d<t>[0,0]", "candidates",
    "adjoint <t>", "contributions d<t>", "why d<t>", "why <e>", "check <l>", "flow", "derivation d<t> = <e>", "forks",
    "set <t>[<n>,<n>] = <e>", "set d<t> = <e>", "set rule <l> <t> = <e>", "set <t> = <e>", "switch <n>", "compare <n>",
    "expect <e> ~ <e>", "expect <e> ~ [[<n>, <n>]] rtol=<n>", "expect <e>", "expect shape <t> (<n>, <n>)", "practice",
    "expect where <l>", 'expect when "event <n>"', "expect fault <o>", "expect error E_EXPR", "expect check <t>",
    'expect formula <t> "<e>"', "expect why d<t> masked", "expect derivation d<t>", "expect candidates <o>", "! <c>",
    "<c> ;; <c>", "answer <n>x<n>", "answer <e>", "help <o>", "apropos <o>", "<o>", "<o> <e>", "restore", "quit <o>",
)  # fmt: skip
_BLANK = re.compile("<([nltoec])>")


def command(chance: Random, depth: int = 2) -> str:
    """A line of the debugger's language; `depth` bounds the commands within commands."""
    fill: dict[str, Callable[[], str]] = {
        "n": lambda: chance.choice(("0", "1", "2", "5", "", *NUMBERS)),
        "l": lambda: chance.choice(LOCATIONS),
        "t": lambda: chance.choice(NAMES),
        "o": lambda: chance.choice(ODD),
        "e": lambda: expression(chance, 2),
        "c": lambda: command(chance, depth - 1) if depth else "step",
    }
    made = _BLANK.sub(lambda blank: fill[blank[1]](), chance.choice(COMMANDS))
    return made if chance.random() < 0.8 else spoilt(chance, made)


# --- JSON lines


def request(chance: Random) -> str:
    """A line for `debug --json`: a command, or an object, or nearly one."""
    line = command(chance).replace("\n", " ") if chance.random() < 0.7 else command(chance)
    if chance.random() < 0.4:
        return line.split("\n")[0]
    ident: Any = chance.choice((7, -1, 1.5, "a", None, True, [1], {}, 10**30))
    keys = {"id": ident, "command": chance.choice((line, line, line, line, 7, None, [line], ""))}
    if chance.random() < 0.2:
        del keys[chance.choice(("id", "command"))]
    text = json.dumps(keys, ensure_ascii=chance.random() < 0.5)
    return spoilt(chance, text).replace("\n", " ") if chance.random() < 0.3 else text


# --- bytes


def damaged(chance: Random, raw: bytes) -> bytes:
    """Bytes with up to three places changed: flipped, cut out, doubled, replaced by numbers that matter, cut off."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(raw) + 1)
        end = min(len(raw), at + chance.choice((1, 1, 2, 4, 8, 40)))
        way = chance.randrange(6)
        put = (
            bytes([chance.randrange(256)]), b"", raw[at:end] * 2, chance.randbytes(end - at),
            chance.choice((b"\xff" * 8, b"\0" * 8, b"9" * 20, b"-1", b"null", b"{}", b"\x80", b"\n", b"1e999", b'"')),
            b"",
        )[way]  # fmt: skip
        raw = raw[:at] if way == 5 and chance.random() < 0.3 else raw[:at] + put + raw[end:]
    return raw
