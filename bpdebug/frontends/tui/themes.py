"""Themes: the house's colours, which widgets draw with, turned into those of another theme as lines leave the screen.

A colour with a meaning keeps its hue in every theme; what changes is how light it is, until it can be read there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

from bpdebug.frontends.ascii import pieces_in_ascii
from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.preferences import OWN_THEME

PROJECTOR, COLOUR_BLIND = "projector", "colour-blind"


def _dark(name: str) -> Theme:
    """What Textual's own widgets are drawn with beside ours."""
    return Theme(
        name, primary=palette.ACCENT, accent=palette.ACCENT, warning=palette.ALARM, background=palette.INK,
        foreground=palette.PAPER, surface="#1b2028", panel="#232935",
    )  # fmt: skip


OWN_THEMES = (
    _dark(OWN_THEME),
    _dark(COLOUR_BLIND),
    Theme(
        PROJECTOR, primary="#00439c", accent="#00439c", background="#ffffff", foreground="#000000", surface="#f2f2f2",
        panel="#e4e4e4", dark=False,
    ),
)  # fmt: skip
READABLE, BORDER = 4.5, 3.0
LEAST = {PROJECTOR: 7.0}
"""The contrast that text has with what is behind it (WCAG 2, AA; of the projector AAA), and that a border has."""
SAFE = {palette.RIGHT: "#56b4e9", palette.WRONG: "#e69f00", palette.TURN: "#cc79a7", palette.ACCENT: "#f0e442"}
"""Of Okabe and Ito's palette, which those see apart who do not see red or green, what the house's own are not."""


def luminance(color: Color) -> float:
    """The relative luminance of WCAG 2: 0 of black, 1 of white."""
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of WCAG 2: 1 of a colour with itself, 21 of black with white."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(color: Color, ground: Color, least: float) -> Color:
    """The colour, lighter or darker in small steps until its contrast with the ground is `least`, as far as one can."""
    end = max((Color(255, 255, 255), Color(0, 0, 0)), key=partial(contrast, ground))
    steps = (color.blend(end, n / 64) for n in range(65))
    return next((c for c in steps if contrast(Color(*c.rgb), ground) >= least), end)


def inks(theme: Theme) -> dict[str, str]:
    """Each colour of the house with what stands for it in a theme, as #rrggbb."""
    said = theme.to_color_system().generate()
    ground, text, accent = (Color.parse(said[name]) for name in ("background", "foreground", "accent"))
    own = {palette.INK: ground, palette.PAPER: text, palette.ACCENT: accent, palette.FOCUS: accent}
    if theme.name == COLOUR_BLIND:
        own |= {house: Color.parse(color) for house, color in SAFE.items()}
    least, found = LEAST.get(theme.name, READABLE), {palette.INK: ground.hex}
    for house in palette.COLOURS:
        color = own.get(house) or Color.parse(house)
        if house not in own and not theme.dark:
            hue, saturation, light = color.hsl
            color = Color.from_hsl(hue, saturation, 1 - light)
        strength = 1 + palette.STRENGTH.get(house, 0) / 8
        found[house] = readable(color, ground, BORDER if house in palette.BORDERS else least * strength).hex
    return {house: color.lower() for house, color in found.items()}


ANSI = {
    palette.RIGHT: "green", palette.WRONG: "bright_red", palette.ALARM: "bright_yellow", palette.TURN: "magenta",
    palette.ACCENT: "cyan", palette.FOCUS: "cyan",
    **dict.fromkeys(palette.BELOW, "blue"), **dict.fromkeys(palette.ABOVE, "yellow"),
}  # fmt: skip
"""The same for a terminal's own colours, of which nobody knows what they look like; the rest is as text is there."""


SIGNAL = {
    palette.RIGHT: "bright_green", palette.WRONG: "bright_red", palette.ALARM: "bright_yellow",
    **dict.fromkeys((palette.BRIGHT, palette.TURN), "bright_white"),
    **dict.fromkeys((palette.ACCENT, palette.FOCUS, *palette.BELOW), "bright_cyan"),
    **dict.fromkeys(palette.ABOVE, "bright_yellow"),
}  # fmt: skip
LIT = dict.fromkeys((palette.ACCENT, palette.FOCUS, palette.TURN, *palette.BELOW), "blue")
"""Of sixteen colours, those that can be read on black, and on white, in the palettes that terminals come with."""


def sixteen(theme: Theme) -> dict[str, str]:
    """Each colour of the house with what stands for it where a terminal has sixteen colours: its ground, too."""
    ground, text, signal = ("black", "white", SIGNAL) if theme.dark else ("bright_white", "black", LIT)
    return {palette.INK: ground} | {c: signal.get(c, text) for c in palette.COLOURS}


class Inks(LineFilter):
    """Lines in a theme's colours; in those of sixteen, where there are only so `few`."""

    def __init__(self, theme: Theme, *, few: bool = False) -> None:
        super().__init__()
        terminals = {c: ANSI.get(c, "default") for c in (palette.INK, *palette.COLOURS)}
        found = terminals if theme.ansi else sixteen(theme) if few else inks(theme)
        self.styles: Mapping[str, Style] = {c: Style(color=ink) for c, ink in found.items()}
        self.grounds: Mapping[str, Style] = {c: Style(bgcolor=ink) for c, ink in found.items()}
        self.plain = (found[palette.PAPER], found[palette.INK]) if few and not theme.ansi else None
        self.turned = lru_cache(4096)(self._turned)

    def _turned(self, style: Style) -> Style:
        for color, there in ((style.color, self.styles), (style.bgcolor, self.grounds)):
            if color is not None and color.triplet is not None and (new := there.get(color.triplet.hex)):
                style += new
        return style if self.plain is None else self._limited(style, *self.plain)

    def _limited(self, style: Style, text: str, ground: str) -> Style:
        """What Textual's own widgets are drawn with, in the two colours that everything is written in."""
        if style.bgcolor is None or style.bgcolor.triplet is not None:
            style += Style(bgcolor=ground)
        if style.color is not None and style.color.triplet is not None:
            style += Style(color=text if style.bgcolor == RichColor.parse(ground) else ground)
        return style

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with each style's colours turned."""
        turned = self.turned
        return [Segment(text, style and turned(style), control) for text, style, control in segments]


class Colourless(LineFilter):
    """Lines without a colour (no-color.org): bold, underlined and reversed text stays.

    Textual reverses text by exchanging its colours: what is brighter behind the text than in it, in a dark theme.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.dark = theme.dark
        self.plain = lru_cache(4096)(self._plain)

    def _plain(self, style: Style) -> Style:
        behind, text = style.bgcolor, style.color
        if behind is None or text is None or behind.triplet is None or text.triplet is None:
            return style.without_color
        bright, other = (luminance(Color.from_rich_color(c)) for c in (behind, text))
        exchanged = bright > other if self.dark else other > bright
        return style.without_color + Style(reverse=bool(style.reverse) != exchanged)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with each style's colours taken away."""
        plain = self.plain
        return [Segment(text, style and plain(style), control) for text, style, control in segments]


class InAscii(LineFilter):
    """Lines in ASCII, as wide as they were."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with each sign spelled."""
        texts = pieces_in_ascii([text for text, _, _ in segments])
        return [Segment(text, style, control) for text, (_, style, control) in zip(texts, segments, strict=True)]
