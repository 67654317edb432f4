"""An app with the keys that its user chose, each of which can be clicked or looked up, too."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.events import Key
from textual.geometry import Size

from bpdebug.errors import CommandError
from bpdebug.frontends.tui import keys
from bpdebug.frontends.tui.keybar import KeyBar
from bpdebug.frontends.tui.layout import MainScreen
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.frontends.tui.screens import LEAST, SmallScreen
from bpdebug.frontends.tui.themed import ThemedApp
from bpdebug.translation import _

if TYPE_CHECKING:
    from textual.command import Provider


def _offers() -> type[Provider]:
    from bpdebug.frontends.tui.offers import Offers  # start-up: the palette is opened later, if at all

    return Offers


class KeyedApp(ThemedApp):
    """What a key does is the action of its row, whoever asks for it."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.EVERYWHERE)
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_offers}

    def __init__(self, preferences: Preferences) -> None:
        super().__init__(preferences)
        self.preferences = preferences
        self.keys = keys.rows(preferences.keys)
        self.set_keymap(preferences.keys)
        self.roomy: bool | None = None

    @cached_property
    def rows(self) -> dict[tuple[str, str], keys.Key]:
        """The table by place and key."""
        return {(row.place, name): row for row in self.keys.values() for name in row.names}

    async def pressed(self, event: Key) -> bool:
        """Does what a key does where the focus is, before the next one is handed on; False for one that is typed."""
        here, place = self.focused, keys.place_of(self.focused or self.screen)
        if keys.place_of(self.screen) == keys.HELP and event.key in self.keys["help.close"].names:
            self.pop_screen()  # now, not soon: the next key is for what lies below
            return True
        if place in keys.TYPING or (here and here.check_consume_key(event.key, event.character)):
            return False
        if here and place == keys.DEBUGGER:  # a pane of Textual's
            return False
        for where in (place, keys.DEBUGGER) if place in keys.PANES else (place,):
            row = self.rows.get((where, event.key))
            if row is not None and await self.press(row.id):
                return True
        return False

    async def press(self, id: str) -> bool:
        """What the key of a row does, where the focus is; False where it does nothing."""
        return await self.run_action(self.keys[id].action, self.focused or self.screen)

    async def on_key_bar_pressed(self, event: KeyBar.Pressed) -> None:
        await self.press(event.id)

    def action_help(self) -> None:
        """The help screen."""
        from bpdebug.frontends.tui.help import HelpScreen  # start-up: not needed before

        self.push_screen(HelpScreen(self.keys, keys.place_of(self.focused)))

    def action_maximise(self) -> None:
        """The pane that has the focus alone, or all of them."""
        self.screen.maximized = None if self.screen.maximized else self.focused

    def action_command_palette(self) -> None:
        """All commands, where there is room for them."""
        from bpdebug.frontends.tui.offers import Palette  # start-up: as above

        if not isinstance(self.screen, SmallScreen | Palette):
            self.push_screen(Palette(id="--command-palette", placeholder=_("Search for commands…")))

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """The screen as an SVG file, once what asked for it is gone; it is said where."""
        self.set_timer(0.1, lambda: self.take(filename, path))

    def take(self, filename: str | None, path: str | None) -> None:
        """Writes what is seen, as a whole or not at all, over nothing, into a folder: the downloads, or this one."""
        from bpdebug.frontends.files import write  # start-up: pictures are taken later, if at all
        from bpdebug.frontends.folders import downloads_folder  # start-up: as above

        name = filename or f"bpdebug-{strftime('%Y-%m-%d-%H%M%S')}.svg"
        file = (Path(path) if path else downloads_folder()) / name
        try:
            write(file, self.export_screenshot())
            said = _("the screen is in {file}").format(file=file)
        except CommandError as error:
            said = _("there is no picture: {reason}").format(reason=error.message)
        self.tell(said)

    def tell(self, said: str) -> None:
        """A sentence where the one is seen who asks for it: below the timeline, or over another screen."""
        if isinstance(self.screen, MainScreen):
            self.say(said)
        else:
            self.notify(said, markup=False)

    def has_room(self, size: Size) -> bool:
        """Whether there is room for the screen."""
        return size.width >= LEAST.width and size.height >= LEAST.height

    def fit(self, size: Size) -> None:
        """Where there is no room for the screen it says so, once the screen is there."""
        roomy = self.has_room(size)
        if not roomy and self.roomy is not False:
            self.push_screen(SmallScreen())
        elif roomy and isinstance(self.screen, SmallScreen):
            self.pop_screen()
        self.roomy = roomy
