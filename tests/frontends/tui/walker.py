"""What presses the keys of a random walk: every key of the table wherever one is, lines, sizes, the mouse; and what it
looks at after each."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.geometry import Size
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.screen import Screen

from bpdebug.debugger import COMMANDS, State, parse
from bpdebug.errors import BpdebugError
from bpdebug.frontends.bar import STOPPED
from bpdebug.frontends.loop import replies
from bpdebug.frontends.tui import app as app_module
from bpdebug.frontends.tui import lessons, working
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.keys import DEBUGGER, EVERYWHERE, TABLE, TYPING, place_of
from bpdebug.frontends.tui.layout import MainScreen
from bpdebug.frontends.tui.working import Outcome
from bpdebug.views import OF_EVENTS

from .judge import Known, faults_of
from .screen import lines_of

MOVES = ("s", "s", "n", "i", "i", "f", "S", "N", "I", "end", "home", "enter")
CELLS = (
    "right", "right", "left", "down", "up", "comma", "full_stop", "pagedown", "pageup", "tab",
    *(name for row in TABLE.values() if row.purpose == "matrices" for name in row.names), ")", "(",
)  # fmt: skip
KEYS = sorted({name for row in TABLE.values() for name in row.names})
"""Every key that does something somewhere."""
PALETTE: tuple[str, ...] = ("down", "down", "up", "enter", "escape", "pagedown", "backspace", *"aeinorst")
"""Textual's own list, and what is typed to search it."""
WORDS = "nabckx@W [é漢z"
"""Characters that are typed where one types."""
LINES = """\
print {t} | print d{t} | print/s {t} | display norm({t}) | display d{t} | undisplay | seek {t}@bwd | seek {t}
set {t} = 0 | set d{t} = 1 | switch 0 | info gradients | info tensors | contributions d{t} | check {t}
why d{t} | origin d{t} | highlight {t} > 0.1 | stats {t} | whatis {t} | break {t}@bwd | watch norm({t})
catch nan | continue | forks | list | where | practice | answer 2x3 | print nope | print (( | seek 50%
trace {t} "norm {{norm({t})}}" | compare 0 | paths d{t} | display {t} + nope | help seek | apropos nan
find {t} max | find > 0.1 | find | find d{t} min | find {t} at 0,0 | find {t} * 2 < 0"""
SIZES = ((120, 30), (80, 24), (119, 24), (100, 24), (70, 20), (60, 24), (140, 40), (40, 12), (20, 5), (1, 1))
Action = str | tuple[int, int]
"""A key; a line, behind a colon; a size; "click 3,4", "drag 3,4 9,4", "wheel 3,4", "right 3,4"; "soon " before a key:
what comes next does not wait for it."""


def typed_lines(names: Sequence[str], rng: random.Random) -> str:
    """A line of the language: one of LINES, or what the table of commands has as an example."""
    lines = [line.strip() for line in re.split(r"[|\n]", LINES) if line.strip()]
    lines += [c.example for c in COMMANDS.values()]
    line = rng.choice(lines)
    return line.format(t=rng.choice(names)) if "{t}" in line else line


WHEEL: dict[str, type[events.MouseEvent]] = {
    "wheel": events.MouseScrollDown, "wheel-up": events.MouseScrollUp,
    "wheel-left": events.MouseScrollLeft, "wheel-right": events.MouseScrollRight,
}  # fmt: skip


def places(app: BpdebugApp) -> list[str]:
    """Where one is: the places whose keys hold."""
    screen: Screen[Any] = app.screen
    own = [place for node in (app.focused, screen) if (place := place_of(node)) != DEBUGGER]
    return [*own[:1], *([DEBUGGER] if isinstance(screen, MainScreen) and own[:1] != ["tour"] else []), EVERYWHERE]


def here(app: BpdebugApp, rng: random.Random) -> str:
    """A key of those that do something where one is, or a character where one types."""
    there = places(app)
    if app.screen.id == "--command-palette":
        return rng.choice(PALETTE)
    if there[0] in TYPING and rng.random() < 0.4:
        return rng.choice(WORDS)
    own = [name for row in TABLE.values() if row.place == there[0] for name in row.names]
    more = [name for row in TABLE.values() if row.place in there for name in row.names]
    return rng.choice(own if rng.random() < 0.7 else more)


def action(app: BpdebugApp, rng: random.Random, names: Sequence[str]) -> Action:
    """What is done next."""
    kind, (width, height) = rng.random(), app.size
    at = f"{rng.randrange(max(width, 1))},{rng.randrange(max(height, 1))}"
    if kind < 0.25:
        return rng.choice(MOVES)
    if kind < 0.37:
        return rng.choice(CELLS)
    if kind < 0.58:
        return here(app, rng)
    if kind < 0.70:
        return rng.choice(KEYS)
    if kind < 0.86:
        return ":" + typed_lines(names, rng)
    if kind < 0.88:
        return f"soon {rng.choice(KEYS)}"
    if kind < 0.94:
        to = f"{rng.randrange(max(width, 1))},{rng.randrange(max(height, 1))}"
        return rng.choice((*(f"{what} {at}" for what in ("click", "click", "right", *WHEEL)), f"drag {at} {to}"))
    if kind < 0.96:
        return rng.choice(("?", "ctrl+p", "f2", "O"))
    return rng.choice(SIZES)


class Walker:
    """Hands keys to an app without waiting for the clock, and looks at the screen after each."""

    def __init__(self, app: BpdebugApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot
        self.known: list[Known] = []
        self.typed = ""

    async def settle(self) -> None:
        for _ in range(3):  # a key is handed to a widget, whose message to the screen, and that to the app
            await self.pilot._wait_for_screen()
            await self.pilot.pause(0)
        while self.app.work is not None:
            await self.pilot.pause(0.02)

    async def press(self, key: str) -> None:
        name = _character_to_key(key) if len(key) == 1 else key
        assert self.app._driver is not None
        self.app._driver.send_message(events.Key(name, key if len(key) == 1 else None))

    def mouse(self, kind: type[events.MouseEvent], at: str, button: int) -> None:
        """What a terminal says of the mouse."""
        x, y = map(int, at.split(","))
        assert self.app._driver is not None
        self.app._driver.process_message(kind(None, x, y, 0, 0, button, False, False, False, x, y))

    async def point(self, what: str, *places: str) -> None:
        """A click, a wheel's notch, or a way with the button held."""
        if what in WHEEL:
            self.mouse(WHEEL[what], places[0], 0)
            return
        button = 3 if what == "right" else 1
        self.mouse(events.MouseDown, places[0], button)
        for place in places:
            self.mouse(events.MouseMove, place, button)
            await self.pilot.pause(0)
        self.mouse(events.MouseUp, places[-1], button)

    async def act(self, action: Action) -> None:
        """Does it; nothing is going on any more when this returns."""
        if isinstance(action, tuple):
            self.app._driver._size = Size(*action)  # type: ignore[union-attr]
            self.app.post_message(events.Resize(Size(*action), Size(*action)))
        elif action[0] == ":" and len(action) > 1:
            self.typed += f"{action} "
            await self.press(":")
            await self.settle()
            self.app.post_message(events.Paste(action[1:]))
            await self.settle()
            await self.press("enter")
        elif action.startswith("soon "):
            await self.press(action[5:])
            return
        elif " " in action.strip():
            await self.point(*action.split())
        else:
            await self.press(action)
        await self.settle()

    async def escape(self) -> None:
        """Esc until it has nothing to close any more: what lies over the debugger, then twice more."""
        await self.act((120, 30))
        for _ in range(6):
            if isinstance(self.app.screen, MainScreen) and self.app.tour is None:
                break
            await self.act("escape")
        await self.act("escape")
        await self.act("escape")

    def of(self, state: State) -> Known:
        """What there is in a state's timeline."""
        found = next((k for k in self.known if k.timeline is state.timeline), None)
        if found is None:
            found = Known(state.timeline)
            self.known.append(found)
        return found

    async def faults(self) -> list[str]:
        """What the screen says that is not so, and still says when nothing is left to be painted."""
        for _ in range(3):
            if not (wrong := self.judged()):
                break
            await self.pilot.pause()
        return wrong

    def judged(self) -> list[str]:
        """What the screen says now that is not so, and what no terminal could draw."""
        state, size, lines = self.app.state, self.app.size, lines_of(self.app)
        odd = [line for line in lines if cell_len(line) != size.width or not line.isprintable()]
        if odd:
            return [f"not {size.width} cells wide, or with what controls terminals: {odd[0]!r}"]
        if state is None or size.width < 40 or size.height < 12 or len(self.app.screen_stack) > 1:
            return []
        if self.app.tour is not None:
            return []  # a box lies over what is judged
        return faults_of(lines, state, self.of(state), self.typed)


class Typed:
    """The lines that an app has carried out, and the state from which on."""

    def __init__(self, patch: Callable[[Any, str, Any], None]) -> None:
        """`patch` replaces an attribute of a module or a class."""
        self.begins: State | None = None
        self.lines: list[str] = []
        self.of_files = False
        begin = BpdebugApp.begin

        def begun(app: BpdebugApp) -> None:
            self.begins, self.lines, self.of_files = app.state, [], False
            begin(app)

        def carried_out(before: State, line: str, *given: Any) -> Outcome:
            outcome = working.carried_out(before, line, *given)
            if outcome.said != STOPPED:
                self.lines.append(line)
                words = [call.name for call in _calls(line)]
                self.of_files = self.of_files or bool({"source", "restore"} & {*words})
            return outcome

        patch(BpdebugApp, "begin", begun)
        for module in (app_module, lessons):
            patch(module, "carried_out", carried_out)

    def again(self) -> State | None:
        """The state that they come to, one after the other, without a screen."""
        state = self.begins
        for line in self.lines:
            assert state is not None
            state = working.carried_out(state, line, replies).state
        return state


def _calls(line: str) -> Sequence[Any]:
    try:
        return parse(line)
    except BpdebugError:
        return ()


def plain(state: State | None) -> Any:
    """All that a state says, to be compared: what has no meaning beside its session is left out."""
    if state is None:
        return None
    return {
        "cursor": state.cursor, "part": state.part, "fork": state.fork, "frame": state.frame, "found": state.found,
        "forks": [(f.number, f.parent, f.cursor, f.line) for f in state.forks],
        "edits": [e.line for e in state.timeline.edits],
        "stops": [(b.number, b.line, b.condition_text, b.hits, b.ignore, b.enabled) for b in state.breakpoints],
        "displays": [(d.number, d.text) for d in state.displays], "marks": state.marks,
        "behind": state.behind, "ahead": state.ahead, "practice": state.practice, "done": state.done,
        "view": state.view.name,
    }  # fmt: skip


def at_rest(app: BpdebugApp, typed: Typed) -> list[str]:
    """After Esc Esc: what is not as it would be after the commands alone."""
    if app.state is None:
        return []
    wrong = []
    if not typed.of_files:
        again = typed.again()
        found, right = plain(app.state), plain(None if again is None else again.show("event"))
        wrong += [
            f"{key} is {found[key]}, and after the commands {right[key]}" for key in right if found[key] != right[key]
        ]
    if app.reports.open or app.stage.report.kind not in OF_EVENTS:
        wrong.append(f"the stage shows {app.stage.report.title!r}")
    if app.work is not None or app.focused is None:
        wrong.append(f"work is {app.work}, the focus is {app.focused}")
    return wrong
