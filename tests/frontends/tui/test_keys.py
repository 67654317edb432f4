"""Keys: generated from the table of commands; through both passes and back, and the command line."""

from __future__ import annotations

import re

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from bpdebug.debugger import COMMANDS
from bpdebug.frontends.tui import keys
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.help import HelpScreen
from bpdebug.frontends.tui.inspector import InspectorPane
from bpdebug.frontends.tui.keyed import KeyedApp
from bpdebug.frontends.tui.menu import Choices, Filter
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.frontends.tui.program import ProgramPane
from bpdebug.frontends.tui.prompt import Prompt, complete
from bpdebug.frontends.tui.screens import DebuggerScreen, SmallScreen
from bpdebug.frontends.tui.stage import Stage
from bpdebug.frontends.tui.tour import TourBox
from bpdebug.scenario import shipped

from .screen import TRAINED, app_of, lines_of, state_of, text_of


@pytest.mark.parametrize("scenario", ["two_layer", "bias", "attention", TRAINED])
async def test_through_both_passes_and_back(scenario: str) -> None:
    app = app_of(scenario)
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.state is not None
        count = len(app.state.timeline)
        for position in range(count):
            assert app.state.cursor == position
            await pilot.press("s")
        assert app.state.event is None
        for position in reversed(range(count)):
            await pilot.press("S")
            assert app.state.cursor == position


async def test_every_key_of_the_table_does_its_command_or_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    for command in COMMANDS.values():
        if command.key and command.name not in ("quit", "help"):
            app = app_of("two_layer")
            async with app.run_test(size=(100, 30)) as pilot:
                await pilot.press("s", "s")
                typed: list[str] = []
                monkeypatch.setattr(app, "run_text", typed.append)
                await pilot.press(command.key)
                await pilot.pause()
                if isinstance(app.focused, Prompt):
                    typed.append(app.focused.value)
                await pilot.press("escape", "escape")
                assert [line.split()[0] for line in typed] == [command.name]
                assert app.is_running


def subclasses(of: type[DOMNode]) -> set[type[DOMNode]]:
    """All classes below one, of whatever depth."""
    below = set(of.__subclasses__())
    return below.union(*map(subclasses, below))


KEYS = [*(c.key for c in COMMANDS.values() if c.key), "colon", "end", "home", "enter"]


async def test_the_help_takes_no_key_of_the_debugger() -> None:
    app = app_of("mlp")
    async with app.run_test(size=(100, 30)) as pilot:
        before = app.state
        await pilot.press("f1")
        helped = app.screen
        await pilot.press(*KEYS)
        assert app.screen is helped
        assert app.state is before
        await pilot.press("escape", "?", "escape", "escape", "colon")
        assert isinstance(app.focused, Prompt)


async def test_the_palette_takes_no_key_of_the_debugger() -> None:
    app = app_of("mlp")
    async with app.run_test(size=(100, 30)) as pilot:
        before = app.state
        await pilot.press("ctrl+p")
        opened = app.screen
        await pilot.press(*(key for key in KEYS if key not in ("enter", "escape")))
        assert app.screen is opened
        assert app.state is before
        await pilot.press("escape", "s")
        assert app.state is not None
        assert app.state.cursor == 1


async def test_the_menu_takes_no_key_of_the_debugger() -> None:
    app = BpdebugApp(None, shipped(), state_of)
    async with app.run_test(size=(100, 30)) as pilot:
        menu = app.screen
        await pilot.press(*(key for key in KEYS if key not in ("q", "enter", "/", "?")))
        await pilot.press("/", *(key for key in KEYS if key not in ("enter", "escape")), "escape")
        await pilot.pause()
        assert app.state is None
        assert app.screen is menu
        assert not app.screen.query(Prompt)
        await pilot.press("enter", "colon", *"step", "enter")
        await pilot.pause()
        assert app.state is not None
        assert app.state.cursor == 1


async def test_home_end_and_enter() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.state is not None
        await pilot.press("end")
        assert app.state.event is None
        await pilot.press("home")
        assert app.state.cursor == 0
        await pilot.press("s", "enter", "enter")
        assert app.state.cursor == 3


async def test_stepi_walks_over_the_parts() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.state is not None
        app.run_text("seek Y@bwd")
        await pilot.press("i")
        assert app.state.part == 1
        await pilot.press("I")
        assert app.state.part == 0


async def test_the_newest_part_is_in_view() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(100, 24)) as pilot:
        app.run_text("seek Y@bwd")
        await pilot.press("i", "i", "i", "i")
        await pilot.pause()
        box = app.stage.boxes()[-1]
        assert box.matrix.name == "∂W"
        assert app.stage.top <= box.y
        assert box.y + box.height <= app.stage.top + app.stage.size.height
        await pilot.press("n")
        await pilot.pause()
        assert app.stage.top == 0


async def test_q_leaves_with_exit_code_0() -> None:
    app = app_of("two_layer")
    async with app.run_test() as pilot:
        await pilot.press("q")
    assert app.return_value == 0


# --- the table


PLACED: dict[str, type[DOMNode]] = {
    keys.EVERYWHERE: KeyedApp, keys.DEBUGGER: DebuggerScreen, keys.STAGE: Stage, keys.PROGRAM: ProgramPane,
    keys.INSPECTOR: InspectorPane, keys.LINE: Prompt, keys.HELP: HelpScreen, keys.MENU: Choices, keys.FILTER: Filter,
    keys.SMALL: SmallScreen, keys.TOUR: TourBox,
}  # fmt: skip
"""The class whose bindings are those of a place."""


def test_every_binding_of_ours_is_a_row_of_the_table_with_id_and_help() -> None:
    classes = [c for c in subclasses(DOMNode) if c.__module__.startswith("bpdebug.")]
    bound = [b for c in classes for b in Binding.make_bindings(vars(c).get("BINDINGS", ()))]
    assert {b.id for b in bound} == keys.TABLE.keys()
    assert [b for b in bound if not b.description] == []
    for place, owner in PLACED.items():
        own = {b.id for b in Binding.make_bindings(owner.BINDINGS)}
        assert own == {row.id for row in keys.TABLE.values() if row.place == place}


def test_every_command_with_a_key_is_a_row() -> None:
    for command in COMMANDS.values():
        row = keys.TABLE.get(command.name)
        assert bool(command.key) == (row is not None)
        assert row is None or (row.says == command.says and command.key in row.keys.split(","))


def test_no_command_has_only_a_bracket_for_a_key() -> None:
    for row in keys.TABLE.values():
        assert [key for key in row.keys.split(",") if key not in tuple("[]{}")], row.id


@pytest.mark.parametrize("preset", ["", *keys.PRESETS])
def test_no_two_rows_clash(preset: str) -> None:
    assert keys.clash(keys.rows(keys.PRESETS.get(preset, {})).values()) is None


@pytest.mark.parametrize(
    ("id", "key"),
    [("step", "i"), ("step", "up"), ("stage.up", "s"), ("text.up", "ctrl+p"), ("menu.up", "j"), ("begin", "end")],
)
def test_a_clash_is_seen(id: str, key: str) -> None:
    assert keys.clash(keys.rows({id: key}).values()) is not None


@pytest.mark.parametrize("preset", ["vim", "arrows", "fkeys"])
async def test_the_keys_of_a_preset_do_what_the_row_says(preset: str) -> None:
    moved = keys.PRESETS[preset]
    app = BpdebugApp(state_of("two_layer"), preferences=Preferences(moved))
    async with app.run_test(size=(100, 30)) as pilot:
        for id, row in keys.rows(moved).items():
            if id in moved and row.place in (keys.DEBUGGER, keys.STAGE):
                for name in row.names:
                    await pilot.press("end", "home")  # so that there is a place to go back to
                    active = app.screen.active_bindings
                    assert active[name].binding.id == id, (id, name)
                    await pilot.press(name, "escape", "escape")


async def test_a_key_that_is_moved_works_and_the_old_one_does_not() -> None:
    app = BpdebugApp(state_of("two_layer"), preferences=Preferences({"step": "f8", "line": "semicolon"}))
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.state is not None
        await pilot.press("f8", "s")
        assert app.state.cursor == 1
        await pilot.pause()
        assert lines_of(app)[-1].startswith(" F8 step")
        await pilot.press("colon")
        assert not isinstance(app.focused, Prompt)
        await pilot.press("semicolon", *"step", "enter")
        assert app.state.cursor == 2
        await pilot.press("f1", *"next")
        await pilot.pause()
        assert re.search(r"F8 +any pane +the next event", text_of(app))


async def test_alt_left_and_right_are_back_and_forward() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        assert app.state is not None
        await pilot.press("end", "alt+left")
        assert app.state.cursor == 0
        await pilot.press("alt+right")
        assert app.state.event is None


@pytest.mark.parametrize(
    ("name", "said"),
    [("alt+left", "Alt+←"), ("question_mark", "?"), ("f5", "F5"), ("shift+f11", "Shift+F11"), ("comma", ","),
     ("s", "s"), ("S", "S"), ("ctrl+p", "Ctrl+P"), ("slash", "/"), ("full_stop", "."), ("tab", "Tab"), ("plus", "+")],
)  # fmt: skip
def test_a_key_as_it_is_printed(name: str, said: str) -> None:
    assert keys.keycap(name) == said


# --- the command line -------------------------------------------------------------------------------------------------


async def typed(line: str, *, size: tuple[int, int] = (100, 30)) -> tuple[str, str]:
    app = app_of("two_layer")
    async with app.run_test(size=size) as pilot:
        await pilot.press("colon")
        assert isinstance(app.focused, Prompt)
        app.focused.value = line
        await pilot.press("enter")
        await pilot.pause()
        return text_of(app), lines_of(app)[-2]


async def test_an_error_is_one_line_with_code_and_hint() -> None:
    _, message = await typed("stepp")
    assert "E_COMMAND" in message
    assert "did you mean" in message


async def test_a_command_that_fails_changes_nothing() -> None:
    screen, message = await typed("print/x nope")
    assert "E_" in message
    assert "event 0/" in screen


async def test_a_report_is_shown_until_esc() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        app.run_text("info tensors")
        await pilot.pause()
        assert "Esc closes" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        assert "Esc closes" not in text_of(app)
        assert app.stage.report.kind == "event"


async def test_several_commands_and_quit() -> None:
    app = app_of("two_layer")
    async with app.run_test() as pilot:
        await pilot.press("colon", *"step", "semicolon", "semicolon", *"step", "enter")
        assert app.state is not None
        assert app.state.cursor == 2
        await pilot.press("colon", *"quit", "enter")
    assert app.return_value == 0


async def test_history_and_completion() -> None:
    app = app_of("two_layer")
    async with app.run_test() as pilot:
        await pilot.press("colon", *"seek end", "enter")
        await pilot.press("colon", "up")
        assert isinstance(app.focused, Prompt)
        assert app.focused.value == "seek end"
        await pilot.press("down")
        assert app.focused.value == ""
        await pilot.press(*"brea", "tab")
        assert app.focused.value == "break "
        await pilot.press(*"W", "tab")
        assert app.focused.value == "break W"
        await pilot.pause()
        assert "W1" in lines_of(app)[-2]
        await pilot.press("escape")
        assert app.stage.has_focus
        await pilot.press("s")
        assert app.state is not None
        assert app.state.cursor == len(app.state.timeline)


def test_completion() -> None:
    words = ["step", "stepi", "seek"]
    assert complete("st", words) == ("step", ["step", "stepi"])
    assert complete("see", words) == ("seek ", ["seek"])
    assert complete("x", words) == ("x", [])
    assert complete("break W", ["W1", "W2"]) == ("break W", ["W1", "W2"])


async def test_no_tick_stands_at_what_is_not_finite() -> None:
    app = app_of("nan_where")
    async with app.run_test(size=(120, 45)) as pilot:
        app.run_text("seek end")
        await pilot.pause()
        lines = [line[1:33] for line in lines_of(app)]
    odd = {line.split()[0] for line in lines if line.rstrip(" │").endswith("✗")}
    assert odd == {"∂s", "∂X", "∂w"}
    assert all("NaN" in line for line in lines if "✗" in line)
    assert sum("✓" in line for line in lines) == 12 + 7
