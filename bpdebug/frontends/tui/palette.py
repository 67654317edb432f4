"""Colours and text styles of the screen; every meaning a colour has is also in the characters."""

from __future__ import annotations

from rich.style import Style

INK, EDGE, PAPER = "#14171c", "#333a46", "#c9cfd9"
ACCENT, QUIET = "#7fd1b9", "#7d8697"


def _ink(color: str, *, bold: bool = False, italic: bool = False) -> Style:
    return Style(color=color, bgcolor=INK, bold=bold or None, italic=italic or None)


PLAIN = _ink(PAPER)
TITLE = _ink("#eceff4", bold=True)
DIM = _ink(QUIET)
LABEL = _ink("#a3b1c6")
NOTE = _ink("#b4c3dc", italic=True)
GOOD = _ink("#93cf83")
BAD = _ink("#ff7b72", bold=True)
WARNING = Style(color=INK, bgcolor="#ffb454", bold=True)
HERE = _ink(ACCENT, bold=True)
SIGN = _ink("#eceff4", bold=True)
TURNED = _ink("#c9a2f2", bold=True)
STOP = _ink("#ff7b72", bold=True)
MARKED = Style(reverse=True, bold=True)
TEXT_STYLES = {"": PLAIN, "title": TITLE, "note": NOTE, "dim": DIM, "good": GOOD, "bad": BAD}
NAME_STYLES = {"transpose": TURNED, "result": HERE, "gradient": HERE}

# From small to large; the smallest are still readable on INK.
NEGATIVE = tuple(_ink(c) for c in ("#5f7d9c", "#5b8fc2", "#5aa2e6", "#74b9ff"))
POSITIVE = tuple(_ink(c) for c in ("#96795c", "#bf8b55", "#e6a050", "#ffb863"))
ZERO = _ink("#6a7280")

CSS = f"""
Screen {{ background: {INK}; color: {PAPER}; }}
ScrollView, Stage {{
    background: {INK}; scrollbar-size: 1 1; scrollbar-background: {INK}; scrollbar-color: {EDGE};
    scrollbar-background-hover: {INK}; scrollbar-background-active: {INK};
    scrollbar-color-hover: {QUIET}; scrollbar-color-active: {ACCENT}; scrollbar-corner-color: {INK};
}}
#stage, #inspector, HelpScreen ReportPane, Choices {{ padding: 0 1; }}
.panel {{
    border: round {EDGE}; border-title-color: #eceff4; border-title-style: bold;
    border-subtitle-color: {QUIET}; background: {INK};
}}
.panel:focus {{ border: round #4f8a7d; }}
Prompt, Prompt:focus {{ border: none; padding: 0; height: 1; background: {INK}; color: #eceff4; }}
Bar, TimelineBar {{ background: {INK}; }}
"""


def value_style(value: float, top: float) -> Style:
    """Blue below zero, orange above, brighter the nearer to the matrix's largest; warning where not finite."""
    if value != value or value in (float("inf"), float("-inf")):
        return WARNING
    if value == 0:
        return ZERO
    level = min(3, int(4 * (abs(value) / top))) if top > 0 else 3
    return POSITIVE[level] if value > 0 else NEGATIVE[level]
