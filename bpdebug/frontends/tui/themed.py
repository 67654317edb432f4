"""An app in the colours that its user chose, or in none."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from textual.app import App
from textual.filter import LineFilter
from textual.reactive import Initialize, Reactive
from textual.theme import BUILTIN_THEMES

from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.preferences import OWN_THEME, Preferences
from bpdebug.frontends.tui.themes import OWN_THEMES, PROJECTOR, Colourless, InAscii, Inks
from bpdebug.scenario.paths import reason
from bpdebug.translation import _

BUILTIN_THEMES.update({own.name: own for own in OWN_THEMES})  # before an app works out what a theme means


class ThemedApp(App[int]):
    """Widgets draw in the house's colours; a filter over the lines makes another theme of them."""

    CSS = palette.CSS
    theme: Reactive[str] = Reactive(Initialize(attrgetter("chosen")))

    def __init__(self, preferences: Preferences) -> None:
        """Begins in a theme that there is, else in the house's own."""
        self.chosen = preferences.theme if preferences.theme in BUILTIN_THEMES else OWN_THEME
        self.keep = preferences.keep
        self.signs: list[LineFilter] = [InAscii()] if preferences.ascii else []
        self.inks: list[LineFilter] = []
        self.few = False
        super().__init__()
        self.watch_theme(self.chosen)

    def on_mount(self) -> None:
        """A terminal of sixteen colours has others than those nearest to the theme's: those that can be read."""
        if not self.is_headless and self.console.color_system == "standard":
            self.few = True
            self.watch_theme(self.theme)

    def watch_theme(self, name: str) -> None:
        """Other colours, from the next line that is painted on; larger spaces, where it is for a projector."""
        theme = self.available_themes[name]
        self.set_class(name == PROJECTOR, "-spacious")
        self.inks = [*self.signs] if name == OWN_THEME and not self.few else [*self.signs, Inks(theme, few=self.few)]
        self.inks += [Colourless(theme)] if self.no_color else []

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line goes through."""
        return self.inks if self.no_color else [*super().get_line_filters(), *self.inks]

    def action_choose_theme(self, name: str) -> None:
        """Another theme, which the next session begins with."""
        self.theme = name
        try:
            if self.keep is not None:
                self.keep(name)
        except OSError as error:
            self.say(_("the theme is not kept: {reason}").format(reason=reason(error)))

    def say(self, text: str) -> None:
        """Tells the user."""
        raise NotImplementedError
