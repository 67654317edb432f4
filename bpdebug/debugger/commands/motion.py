"""Motions: the cursor through events, blocks and parts, in both directions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from bpdebug.debugger.commands.table import COMMANDS, command, count, find
from bpdebug.debugger.running import BACK, FORTH, block_at, encloses, move, run
from bpdebug.debugger.state import State, View
from bpdebug.errors import CommandError
from bpdebug.expression import parse_location, resolve
from bpdebug.translation import N_

Motion = Callable[[State, int], State]


def step(state: State, way: int) -> State:
    """One event on or back."""
    return move(state, state.cursor + way, "step")


def stepi(state: State, way: int) -> State:
    """One part on or back: the event as a whole, its parts 1..m, then the neighbour event."""
    event = state.event
    if way == FORTH:
        if event is not None and state.part < len(event.parts):
            return replace(state, part=state.part + 1, stopped="step", view=View())
        return step(state, FORTH)
    if state.part > 0:
        return replace(state, part=state.part - 1, stopped="step", view=View())
    if state.cursor == 0:
        return move(state, 0, "begin")
    before = state.timeline.event(state.cursor - 1)
    return move(state, state.cursor - 1, "step", part=len(before.parts))


def next_(state: State, way: int) -> State:
    """The next event of this block or outside it: what lies in deeper blocks is passed over."""
    timeline, here = state.timeline, block_at(state.timeline, state.cursor)
    to = state.cursor + way
    while 0 <= to < len(timeline) and (there := block_at(timeline, to)) != here and encloses(here, there):
        to += way
    if to < 0 and state.cursor > 0:  # a deeper block at the very beginning: its first event is where it ends
        return move(state, 0, "step")
    return move(state, to, "step")


def finish(state: State, way: int) -> State:
    """To the end of this block (back: to its beginning); from there, of the block around it, at last of the pass."""
    timeline, block = state.timeline, block_at(state.timeline, state.cursor)
    if state.cursor >= len(timeline):
        return move(state, state.cursor + way, "step")
    place = timeline.schedule.place(state.cursor)
    while True:
        to = state.cursor
        while 0 <= to + way < len(timeline):
            there = timeline.schedule.place(to + way)
            if (there.iteration, there.phase) != (place.iteration, place.phase):
                break
            if not encloses(block, block_at(timeline, to + way)):
                break
            to += way
        if to != state.cursor:
            return move(state, to, "step")
        if not block:
            return move(state, state.cursor + way, "step")
        block = block.rpartition(".")[0]


def repeated(motion: Motion, way: int) -> Callable[[State, str], State]:
    """A motion with a count; it stops early where it can go no further."""

    def run(state: State, argument: str) -> State:
        state = replace(state, view=View())
        for _ in range(count(argument)):
            before = (state.cursor, state.part)
            state = motion(state, way)
            if state.stopped in ("begin", "end") and before == (state.cursor, state.part):
                break
        return state

    return run


def stepping(way: int) -> Callable[[State, str], State]:
    """`step N` in one go."""
    return lambda state, argument: move(state, state.cursor + way * count(argument), "step")


_PAIRS = (
    ("step", "s", ("s",), step, N_("the next event, entering blocks"), N_("one event back")),
    (
        "next", "n", ("n",), next_,
        N_("the next event of this block or outside it: a whole block at once"), N_("the same, back"),
    ),
    ("stepi", "i", ("si",), stepi, N_("the next part inside a rule"), N_("one part back")),
    ("finish", "f", ("fin",), finish, N_("to the end of this block"), N_("to the beginning of this block")),
    # fingers know `cont`, and without it that could be `contributions`
    ("continue", "c", ("c", "cont"), run, N_("to the next stop"), N_("to the stop before")),
)  # fmt: skip
for _name, _key, _short, _motion, _says, _back in _PAIRS:
    _repeated = stepping if _motion is step else partial(repeated, _motion)
    _row = {"args": "[N]", "family": "motion", "repeats": True}
    command(_name, _says, _name, aliases=_short, key=_key, **_row)(_repeated(FORTH))
    _reverse, _aliases = f"reverse-{_name}", ("rsi" if _name == "stepi" else f"r{_key}",)
    command(_reverse, _back, _reverse, aliases=_aliases, key=_key.upper(), **_row)(_repeated(BACK))


@command("rev", "a motion, back in time", "rev step", args="MOTION", family="motion", repeats=True)
def reverse(state: State, argument: str) -> State:
    """Any motion, back in time; E_COMMAND for another command."""
    word, _, rest = argument.partition(" ")
    if not word:
        raise CommandError("rev takes a motion", hint="rev step, rev continue")
    name = find(word).name
    if name == "until":
        return until(state, rest.strip(), BACK)
    backwards = COMMANDS.get(f"reverse-{name}")
    if backwards is None:
        raise CommandError(f"{name} has no reverse", hint="motions do: rev step")
    return backwards.run(state, rest.strip())


@command("until", "run to a location", "until #1", aliases=("u",), key="t", args="LOC", family="motion")
def until(state: State, argument: str, way: int = FORTH) -> State:
    """To the next event there in this direction, or a breakpoint on the way; E_COMMAND where none lies there."""
    if not argument:
        raise CommandError("until takes a location", hint="until Y@bwd")
    stops = resolve(parse_location(argument), state.timeline)
    to = stops.next_after(state.cursor) if way == FORTH else stops.last_before(state.cursor)
    if to is None:
        where = "ahead" if way == FORTH else "behind"
        raise CommandError(f"'{argument}' does not lie {where}", hint=f"seek {argument} goes there")
    return run(state, way, limit=to)


@command("seek", "anywhere, at once", "seek 50%", key="L", args="LOC | N | 50% | begin | end", family="motion")
def seek(state: State, argument: str) -> State:
    """Anywhere, at once: a location, an event's number, a percentage, begin or end; else E_COMMAND."""
    timeline = state.timeline
    if argument in ("begin", "end"):
        return move(state, 0 if argument == "begin" else len(timeline), argument)
    number = argument.removeprefix("#").removesuffix("%")
    if number.isascii() and number.isdigit() and len(number) < 12:
        share = argument.endswith("%")
        to = int(number) * len(timeline) // 100 if share else int(number)
        if to > len(timeline) or (share and int(number) > 100) or (argument.startswith("#") and to == len(timeline)):
            raise CommandError(f"no event {argument}", hint=f"events run from 0 to {len(timeline)}, the end")
        return move(state, to, "step")
    if not argument:
        raise CommandError("seek takes a place", hint="seek Y@bwd, seek 7, seek 50%, seek end")
    return move(state, resolve(parse_location(argument), timeline).first(), "step")


command("restart", "to the beginning", "restart", key="R", family="motion")(lambda state: move(state, 0, "begin"))
