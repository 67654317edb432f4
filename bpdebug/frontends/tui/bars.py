"""One-line widgets: the header, what is watched, and the message line."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from bpdebug.errors import BpdebugError
from bpdebug.frontends.terminal import apart
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.framed import Framed
from bpdebug.frontends.tui.lines import BLANK, Light, clean, fit, strip, wrap
from bpdebug.scenario import Scenario

Pieces = tuple[tuple[str, Style], ...]


class Bar(Framed):
    """Pieces of text at the left and at the right of one line: whole ones, as many as have room."""

    ALLOW_SELECT = False

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.left: Pieces = ()
        self.right: Pieces = ()

    def show(self, left: Pieces, right: Pieces = ()) -> None:
        """Other texts."""
        left = tuple((clean(text), style) for text, style in left)
        right = tuple((clean(text), style) for text, style in right)
        if (left, right) != (self.left, self.right):
            self.left, self.right = left, right
            self.refresh()

    def fitted(self, width: int) -> tuple[Pieces, Pieces]:
        """What of them is said at a width."""
        return self.left, self.right

    def render_line(self, y: int) -> Strip:
        if y:
            return BLANK
        left, right = self.fitted(self.size.width - 2)
        gap = self.size.width - 2 - _length(left) - _length(right)
        pad = (" ", palette.PLAIN)
        return fit(strip(pad, *left, (" " * gap, palette.PLAIN), *right), self.size.width)


class StatusBar(Bar):
    """Where one is: the file, its title, and the status; what says least gives way first, and what is left is cut.

    A fork is cut first of what is left beside it, but is still seen by its number and what was set.
    """

    SHED = ("title", "bpdebug", "call", "iteration", "name", "loss", "part")
    FORK, LEAST = 44, 24
    """Columns that a fork keeps as long as something else can give way, and at least."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.said: dict[str, str] = {}

    def stand(self, scenario: Scenario, status: dict[str, str]) -> None:
        """Another place."""
        said = {"bpdebug": "bpdebug", "name": scenario.name, "title": scenario.title, **status}
        if said != self.said:
            self.said = said
            self.refresh()

    def fitted(self, width: int) -> tuple[Pieces, Pieces]:
        said = {name: clean(text) for name, text in self.said.items()}
        for name in ("", *self.SHED):
            said.pop(name, None)
            styles = (("bpdebug", palette.HERE), ("name", palette.TITLE), ("title", palette.DIM))
            own = {key: (f"{said[key]}  ", style) for key, style in styles if said.get(key)}
            place = apart(*(text for key, text in said.items() if key not in own))
            title = own.pop("title", ("", palette.DIM))
            left, right = tuple(own.values()), (title, (place, palette.PLAIN))
            over = _length(left) + _length(right) - width
            fork = said.get("fork", "")
            least = self.LEAST if name == self.SHED[-1] else self.FORK
            if name in self.SHED[3:] and 0 < over <= cell_len(fork) - least:
                cut = set_cell_size(fork, cell_len(fork) - over - 1).rstrip() + "…"
                right = (title, (place.replace(fork, cut, 1), palette.PLAIN))
                break
            if over <= 0:
                break
        return left, right


class WatchedBar(Bar):
    """What is watched and displayed, one piece each; of what has no room it says how many there are."""

    def fitted(self, width: int) -> tuple[Pieces, Pieces]:
        left, more = self.left, self.right
        for count in range(len(left), 0, -1):
            more = ((f"+{len(self.left) - count}", palette.DIM),) if count < len(self.left) else ()
            left = tuple((f"{text}   ", style) for text, style in self.left[:count])
            if _length(left) + _length(more) <= width:
                break
        return left, more


class Message(Bar):
    """One line; what does not fit is wrapped, as far as the screen has room for it, and the first piece begins it."""

    def show(self, left: Pieces, right: Pieces = ()) -> None:
        before = len(self.lines(self.size.width))
        super().show(left, right)
        if len(self.lines(self.size.width)) != before:
            self.refresh(layout=True)

    def lines(self, width: int) -> list[Strip]:
        """The lines at a width."""
        pieces = [piece for piece in self.left if piece[0]]
        if width < 3 or _length(pieces) <= width - 2:
            return [strip((" ", palette.PLAIN), *pieces)]
        head = pieces.pop(0) if len(pieces) > 1 else ("", palette.PLAIN)
        indent = cell_len(head[0])
        texts = [(line, style) for text, style in pieces for line in wrap(text.strip(), width - 2 - indent)]
        pads = [head, *((" " * indent, palette.PLAIN) for _ in texts[1:])]
        return [strip((" ", palette.PLAIN), pad, text) for pad, text in zip(pads, texts, strict=True)]

    def render_line(self, y: int) -> Strip:
        found, (width, high) = self.lines(self.size.width), self.size
        if y >= len(found):
            return BLANK
        return found[y] if y < high - 1 or len(found) <= high else Light.join([fit(found[y], width - 2), MORE])

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.lines(width))


MORE = strip(("…", palette.DIM))


def refused(error: BpdebugError) -> Pieces:
    """An error as a message: its code, what was found, and what to do."""
    hint = f"  help: {error.hint}" if error.hint else ""
    return (f"{error.code} ", palette.BAD), (error.message, palette.PLAIN), (hint, palette.GOOD)


def _length(pieces: Iterable[tuple[str, Style]]) -> int:
    return sum(cell_len(text) for text, _ in pieces)
