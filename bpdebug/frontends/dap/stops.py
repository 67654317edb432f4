"""Breakpoints as an editor has them: whole lists by file or kind, made into stops of the session."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from bpdebug.debugger import State
from bpdebug.debugger.commands.stops import add, conditioned, located
from bpdebug.debugger.commands.watching import catch, watch
from bpdebug.debugger.running import fill
from bpdebug.debugger.state import Breakpoint
from bpdebug.engine import BACKWARD, SEED
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.expression import Stops
from bpdebug.frontends.dap.arguments import StopAsked

LINES, FUNCTIONS, DATA, EXCEPTIONS = "line", "function", "data", "exception"
_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "": operator.eq, "==": operator.eq, ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt,
    "%": lambda hits, n: n > 0 and hits % n == 0,
}  # fmt: skip
_HITS = re.compile(r"\s*(==|>=|<=|>|<|%|)\s*([0-9]{1,9})\s*")

Hits = Callable[[int], bool]
"""Whether to stop at the so-manieth hit."""


class Kept(Struct, eq=False):
    """A stop that the client wants: how to make it, its number in the session (None: it cannot be), and its hits.

    `file` is the file of the user's that its line is of; '' the program.
    """

    ident: int
    kind: str
    file: str
    wanted: StopAsked
    number: int | None = None
    hits: Hits | None = None
    problem: str = ""


class Stopping:
    """All that the client has asked for, by kind and file; its identities stay while the client keeps a stop."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], list[Kept]] = {}
        self._next = 1

    def wanted(self, state: State, kind: str, wanted: Iterable[StopAsked], file: str = "") -> State:
        """The state with the stops of a kind as they should be from here on; one that is as it was is left alone."""
        before, made = list(self.kept.get((kind, file), [])), []
        for one in wanted:
            known = next((k for k in before if k.wanted == one), None)
            if known is not None:
                before.remove(known)
            else:
                known = Kept(self._next, kind, file, one)
                self._next += 1
                state = _made(state, known)
            made.append(known)
        self.kept[kind, file] = made
        gone = {one.number for one in before}
        return replace(state, breakpoints=tuple(b for b in state.breakpoints if b.number not in gone))

    def again(self, state: State) -> State:
        """A state that has just begun with all of them."""
        for one in self.all():
            state = _made(state, one)
        return state

    def all(self) -> list[Kept]:
        return [one for some in self.kept.values() for one in some]

    def met(self, before: State, after: State) -> tuple[list[Kept], bool]:
        """Those that were hit on the way to a stop, and whether one of them, or one of the console's, counts."""
        hits = {b.number: b.hits for b in before.breakpoints}
        there = {b.number: b for b in after.breakpoints}
        known = {one.number: one for one in self.all()}
        hit = [n for n, b in there.items() if b.hits > hits.get(n, 0) and b.stops.contains(after.cursor)]
        mine = [known[n] for n in hit if n in known]
        counts = [one for one in mine if one.hits is None or one.hits(there[one.number or 0].hits)]
        gone = any(n not in there for n in hits)  # a temporary one, which goes with its hit
        return counts, bool(counts) or gone or any(n not in known for n in hit)


def _hits(text: str | None) -> Hits | None:
    """`3`, `>= 3`, `% 3`; E_COMMAND for anything else."""
    if text is None or not text.strip():
        return None
    match = _HITS.fullmatch(text)
    if match is None:
        raise CommandError(f"'{text[:40]}' is no count of hits", hint="3, >= 3, % 3")
    compared, number = _COMPARED[match[1]], int(match[2])
    return lambda hits: compared(hits, number)


def _made(state: State, one: Kept) -> State:
    """The state with a stop more; where it cannot be, what is wrong with it is kept."""
    try:
        one.hits = _hits(one.wanted.hit_condition)
        made = _MAKE[one.kind](state, one)
    except BpdebugError as error:
        one.number, one.problem = None, error.message
        return state
    one.number, one.problem = state.next_number, ""
    return made


# --- how each kind is made


def _at(state: State, wanted: StopAsked, place: str, entered: Callable[[Stops], Stops] | None = None) -> State:
    """A breakpoint at a location, or a tracepoint where there is a message."""
    said = wanted.log_message
    kind = "break" if said is None else "trace"
    made = located(state, place, kind, says=said or "")
    if entered is not None:
        made = replace(made, stops=entered(made.stops))
    if said is not None:
        made = replace(made, line=f'trace {place} "{said}"')
        fill(said, state.timeline, made.stops.first())
    return add(state, _if(state, made, wanted.condition), "")


def _if(state: State, made: Breakpoint, condition: str | None) -> Breakpoint:
    text = (condition or "").strip()
    if not text:
        return made
    return replace(conditioned(state, made, text), line=f"{made.line} if {text}")


def entered(stops: Stops) -> Stops:
    """Of a line's events those at which a pass enters it: a line is several nodes, and an editor stops there once."""
    place, there = stops.schedule.place, set(stops.offsets)

    def goes_on(o: int) -> bool:
        phases = (place(o - 1).phase, place(o).phase)
        return phases[0] == phases[1] or phases == (SEED, BACKWARD)

    return replace(stops, offsets=[o for o in stops.offsets if o - 1 not in there or not goes_on(o)])


def _line(state: State, one: Kept) -> State:
    return _at(state, one.wanted, f"{one.file}:{one.wanted.line}", entered)


def _function(state: State, one: Kept) -> State:
    return _at(state, one.wanted, one.wanted.name)


def _conditioned(state: State, wanted: StopAsked) -> State:
    """The newest stop with the client's condition."""
    *others, newest = state.breakpoints
    return replace(state, breakpoints=(*others, _if(state, newest, wanted.condition)))


def _data(state: State, one: Kept) -> State:
    return _conditioned(watch(state, one.wanted.data_id), one.wanted)


def _exception(state: State, one: Kept) -> State:
    return catch(state, one.wanted.name)


_MAKE: dict[str, Callable[[State, Kept], State]] = {
    LINES: _line, FUNCTIONS: _function, DATA: _data, EXCEPTIONS: _exception,
}  # fmt: skip
