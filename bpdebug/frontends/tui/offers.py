"""What the command palette offers: every command, every key that holds here, and every theme."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct
from textual.await_complete import AwaitComplete
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from bpdebug.debugger import COMMANDS
from bpdebug.frontends.tui.keys import COPIES, DEBUGGER, EVERYWHERE, Key, action_of, place_of
from bpdebug.frontends.tui.layout import MainScreen
from bpdebug.translation import _


class Palette(CommandPalette):
    """Textual's, closed once: a second Enter that was pressed before it was gone would end the program."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Closes it where it is the screen that is seen: Textual takes away whichever that is."""
        return super().dismiss(result) if self.is_active else AwaitComplete()


class Offer(Struct, frozen=True):
    """A line of the palette: its words, the key that does the same, what it does, and the action."""

    title: str
    key: str
    says: str
    action: str


def offers(table: Mapping[str, Key], themes: Iterable[str], place: str, debugging: bool) -> Iterator[Offer]:
    """All of them, the commands first; those of the debugger only where one is, those of a pane where the focus is."""
    for c in COMMANDS.values() if debugging else ():
        key = table[c.name].caps if c.name in table else ""
        yield Offer(f"{c.name} {c.args}".strip(), key, _(c.says), action_of(c))
    places = {EVERYWHERE, DEBUGGER if debugging else "", place}
    for row in table.values():
        if row.place in places and row.id not in COMMANDS and row.id != "palette":
            yield Offer(row.id.replace(".", ": "), row.caps, _(row.says), row.action)
    for what, says in COPIES.items() if debugging else ():
        yield Offer(_("copy {what}").format(what=what), "", _(says), f"app.copy({what!r})")
        yield Offer(_("copy {what} into a file").format(what=what), "", _(says), f"app.copy({what!r}, True)")
    yield Offer("screenshot", "", _("this screen as an SVG file, among the downloads"), "app.screenshot")
    for name in themes:
        yield Offer(
            _("theme {name}").format(name=name), "", _("other colours, which are kept"), f"app.choose_theme({name!r})"
        )


class Offers(Provider):
    """Hands them to Textual's command palette."""

    def _offers(self) -> Iterator[tuple[Offer, Callable[[], Any]]]:
        app: Any = self.app  # it has a table of keys
        node = self.focused or self.screen
        debugging = isinstance(self.screen, MainScreen)
        for offer in offers(app.keys, app.available_themes, place_of(self.focused), debugging):
            yield offer, partial(app.run_action, offer.action, node)

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for offer, call in self._offers():
            yield DiscoveryHit(_shown(Content(offer.title), offer), call, text=offer.title)

    async def search(self, query: str) -> Hits:
        """Those whose title, or what they do, has what was typed."""
        matcher = self.matcher(query)
        for offer, call in self._offers():
            score = matcher.match(offer.title) or matcher.match(offer.says) / 2
            if score > 0:
                yield Hit(score, _shown(matcher.highlight(offer.title), offer), call, text=offer.title)


def _shown(title: Content, offer: Offer) -> Content:
    return Content.assemble(title, (f"  {offer.key}", "bold"), "\n", (offer.says, "not bold"))
