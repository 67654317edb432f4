"""What a command is, the table of them, and how a line of the language becomes calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from msgspec import Struct, structs

from bpdebug.debugger.state import Breakpoint, Display, State
from bpdebug.errors import CommandError, did_you_mean
from bpdebug.manual import TOPICS, text
from bpdebug.ops import OPS
from bpdebug.translation import ENGLISH


class Command(Struct, frozen=True, eq=False):
    """One row: everything about a command, so that parsing, help, completion, keys and documents read it here.

    `run(state, argument)` gives the new state; `argument` is the rest of the line. `key` is the key on the screen,
    `says` one sentence, `example` a line that works on any graph. `repeats` marks motions, which Enter repeats;
    `slow` what may take long, and reports how far it is. `verdicts` are the words that the record which an explanation
    shows may come to, for scripts that expect one of them; None where nothing is to be expected.
    """

    name: str
    run: Callable[[State, str], State]
    says: str
    example: str
    aliases: tuple[str, ...] = ()
    key: str = ""
    args: str = ""
    family: str = ""
    repeats: bool = False
    slow: bool = False
    verdicts: Callable[[Any], list[str]] | None = None


COMMANDS: dict[str, Command] = {}


Run = TypeVar("Run", bound=Callable[..., State])


def command(name: str, says: str, example: str, **row: Any) -> Callable[[Run], Run]:
    """Put a function into the table as a command; one whose row has no `args` is given the state alone.

    ValueError where the name, an alias or the key stands there already.
    """

    def put(run: Run) -> Run:
        made = Command(name, run if "args" in row else _alone(name, run), says, example, **row)
        for c in COMMANDS.values():
            if {name, *made.aliases} & {c.name, *c.aliases} or (made.key and made.key == c.key):
                raise ValueError(f"command {name!r}: a name, alias or key is that of {c.name!r}")
        COMMANDS[name] = made
        return run

    return put


def _alone(name: str, run: Callable[[State], State]) -> Callable[[State, str], State]:
    """A command that takes nothing, and refuses what follows it."""

    def alone(state: State, argument: str) -> State:
        if argument:
            raise CommandError(f"{name} takes nothing: '{argument[:40]}'", hint=f"write {name} alone")
        return run(state)

    return alone


def find(word: str) -> Command:
    """The command of a name, an alias or an unambiguous prefix; CommandError says what is near."""
    for command in COMMANDS.values():
        if word == command.name or word in command.aliases:
            return command
    starts = [c for c in COMMANDS.values() if word and c.name.startswith(word)]
    starts = [c for c in starts if not any(c.name.startswith(f"{other.name}-") for other in starts)]
    if len(starts) == 1:
        return starts[0]
    if starts:
        names = ", ".join(c.name for c in starts)
        raise CommandError(f"'{word}' could be {names}", hint="write one letter more")
    hint = did_you_mean(word[:40], [w for c in COMMANDS.values() for w in (c.name, *c.aliases)])
    raise CommandError(f"no command '{word[:40]}'", hint=hint or "help lists the commands")


def subject(word: str) -> str:
    """The command, or the page of the manual, that help is asked about; CommandError says what is near."""
    topic = "-".join(word.lower().split())
    if not word or word in COMMANDS or topic in TOPICS:
        return word if word in COMMANDS else topic
    starts = [name for name in TOPICS if name.startswith(topic)]
    try:
        return find(word).name
    except CommandError:
        if any(name.startswith(word) for name in COMMANDS):
            raise  # it could be several
    if len(starts) == 1:
        return starts[0]
    if word not in OPS and " " not in word and (pages := _pages(word)):
        raise CommandError(f"no command and no topic '{word[:40]}'", hint=f"see {pages}")
    known = [*(w for c in COMMANDS.values() for w in (c.name, *c.aliases)), *TOPICS]
    hint = did_you_mean(topic[:40], known) or "help lists the commands and the topics"
    hint = f"bpdebug ops {word} tells of the op" if word in OPS else hint
    raise CommandError(f"no command and no topic '{word[:40]}'", hint=hint)


def _pages(word: str) -> str:
    """The pages of the manual that hold a word, those first that hold it most: 'help limits, help python'."""
    whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    counted = {topic: len(whole.findall(text(topic, ENGLISH))) for topic in TOPICS}
    return ", ".join(f"help {topic}" for topic in sorted(filter(counted.get, TOPICS), key=lambda t: -counted[t])[:3])


class Call(Struct, frozen=True, eq=False):
    """A command with its argument, as it was typed: `text`; `column` is where the argument begins, from 1.

    Behind a `!` stands a command that must fail, be it that there is none of this name.
    """

    name: str
    argument: str
    column: int
    text: str
    must_fail: bool = False

    @property
    def command(self) -> Command:
        """The row as it stands in the table now."""
        return COMMANDS.get(self.name, _NO_COMMAND)


_WORD = r"(?s)\s*([A-Za-z][A-Za-z-]*|\?)(.*)"


@lru_cache(maxsize=8)
def parse(line: str) -> tuple[Call, ...]:
    """The calls of a line: `;;` separates them, quoted text and /regular expressions/ keep theirs.

    Remembered, since a line is asked about (is it slow, does Enter repeat it) before it is carried out.
    Raises CommandError (E_COMMAND) where a word is no command.
    """
    calls, end = [], 0
    for piece in split(line):
        start = line.index(piece, end)
        end = start + len(piece)
        calls.append(_call(piece, start))
    return tuple(calls)


def _call(piece: str, start: int) -> Call:
    text = piece.strip()
    if text.startswith("!"):
        return _failing(text, start)
    match = re.match(_WORD, piece)
    if match is None:
        raise CommandError(f"'{text[:40]}' is no command", hint="help lists the commands")
    lead = len(match[2]) - len(match[2].lstrip())
    command = find(match[1])
    if "\n" in text and command.name != "commands":
        raise CommandError(f"{command.name} stands on one line", hint="a command a line")
    return Call(command.name, match[2].strip(), start + match.start(2) + lead + 1, text)


def _failing(text: str, start: int) -> Call:
    plain = text.lstrip("! \t")
    if not plain:
        raise CommandError("! takes a command that must fail", hint="! expect dW ~ 0")
    try:
        call = _call(plain, start)
    except CommandError:
        call = Call(_NO_COMMAND.name, plain, 1, "")
    return structs.replace(call, text=text, must_fail=True)


def _refused(state: State, argument: str) -> State:
    return _call(argument, 0).command.run(state, "")  # raises again what it raised when it was parsed


_NO_COMMAND = Command("!", _refused, "", "")


def split(line: str) -> list[str]:
    """A line cut at `;;`, but not inside double quotes; empty pieces are dropped.

    What follows a line feed belongs to the last piece: it is the block of `commands N ... end`.
    Raises CommandError (E_COMMAND) for half a character: no file and no reply could hold it.
    """
    try:
        line.encode()
    except UnicodeEncodeError:
        raise CommandError(f"half a character: {line[:40]!a}", hint="type it as UTF-8") from None
    line, feed, block = line.lstrip().partition("\n")
    pieces = cut(line, ";;")
    return [p for p in (*pieces[:-1], pieces[-1] + feed + block) if p.strip()]


def cut(text: str, mark: str) -> list[str]:
    """A text cut at a mark, but not inside double quotes."""
    pieces = [""]
    for token in re.findall(rf'"[^"]*"?|{mark}|[^"{mark}]+|.', text, re.DOTALL):
        if token == mark:
            pieces.append("")
        else:
            pieces[-1] += token
    return pieces


def count(argument: str) -> int:
    """The count behind a motion, 1 where none is given; E_COMMAND for what is none."""
    if not argument:
        return 1
    if not argument.isascii() or not argument.isdigit() or len(argument) > 12:
        raise CommandError(f"'{argument[:40]}' is no count", hint="a whole number follows: step 5")
    return int(argument)


def chosen(argument: str, there: Sequence[Breakpoint | Display], what: str = "breakpoint") -> list[int]:
    """The numbers that a command names, of those there are; without one, all of them. Raises CommandError."""
    known = [one.number for one in there]
    words = argument.split()
    for word in words:
        if not (word.isascii() and word.isdigit()) or len(word) > 9 or int(word) not in known:
            raise CommandError(f"no {what} {word[:40]}", hint=f"there are: {', '.join(map(str, known)) or 'none'}")
    return [int(w) for w in words] or known
