"""Colours and text styles of the screen; every meaning a colour has is also in the characters."""

from __future__ import annotations

from math import ceil, log10

from rich.style import Style

INK, EDGE, FOCUS, PAPER, BRIGHT = "#14171c", "#333a46", "#4f8a7d", "#c9cfd9", "#eceff4"
ACCENT, QUIET, FAINT, SOFT, NOTED = "#7fd1b9", "#7d8697", "#6a7280", "#a3b1c6", "#b4c3dc"
RIGHT, WRONG, ALARM, TURN = "#93cf83", "#ff7b72", "#ffb454", "#c9a2f2"
BELOW, ABOVE = ("#5f7d9c", "#5b8fc2", "#5aa2e6", "#74b9ff"), ("#96795c", "#bf8b55", "#e6a050", "#ffb863")
"""Below zero and above it, from small to large; the smallest are still readable on INK."""
BORDERS = (EDGE, FOCUS)
COLOURS = (
    *BORDERS, PAPER, BRIGHT, ACCENT, QUIET, FAINT, SOFT, NOTED, RIGHT, WRONG, ALARM, TURN, *BELOW, *ABOVE,
)  # fmt: skip
"""All that is drawn with on INK; a theme says what stands for each (themes.py)."""
STRENGTH = {color: n for ramp in (BELOW, ABOVE) for n, color in enumerate(ramp)}
"""How much one colour has to stand out more than another."""


def _ink(color: str, *, bold: bool = False, italic: bool = False) -> Style:
    return Style(color=color, bgcolor=INK, bold=bold or None, italic=italic or None)


PLAIN = _ink(PAPER)
TITLE = _ink(BRIGHT, bold=True)
DIM = _ink(QUIET)
LABEL = _ink(SOFT)
NOTE = _ink(NOTED, italic=True)
GOOD = _ink(RIGHT)
BAD = _ink(WRONG, bold=True)
WARNING = Style(color=INK, bgcolor=ALARM, bold=True)
HERE = _ink(ACCENT, bold=True)
SIGN = _ink(BRIGHT, bold=True)
TURNED = _ink(TURN, bold=True)
STOP = _ink(WRONG, bold=True)
MARKED = Style(reverse=True, bold=True)
TURNS = Style(underline=True)
TEXT_STYLES = {"": PLAIN, "title": TITLE, "note": NOTE, "dim": DIM, "good": GOOD, "bad": BAD}
NAME_STYLES = {"transpose": TURNED, "result": HERE, "gradient": HERE}

NEGATIVE, POSITIVE = tuple(map(_ink, BELOW)), tuple(map(_ink, ABOVE))
ZERO = _ink(FAINT)

CSS = f"""
Screen {{ background: {INK}; color: {PAPER}; }}
ScrollView, Stage {{
    background: {INK}; scrollbar-size: 1 1; scrollbar-background: {INK}; scrollbar-color: {EDGE};
    scrollbar-background-hover: {INK}; scrollbar-background-active: {INK};
    scrollbar-color-hover: {QUIET}; scrollbar-color-active: {ACCENT}; scrollbar-corner-color: {INK};
}}
#inspector, HelpScreen ReportPane, Choices {{ padding: 0 1; }}
#stage {{ padding: 0 0 0 1; }}
.panel {{
    border: round {EDGE}; border-title-color: {BRIGHT}; border-title-style: bold;
    border-subtitle-color: {QUIET}; background: {INK};
}}
.panel:focus {{ border: round {FOCUS}; }}
.-spacious #stage {{ padding: 0 1 0 2; }}
.-spacious #inspector, .-spacious HelpScreen ReportPane, .-spacious Choices {{ padding: 1 2; }}
.pointed.panel {{ border: heavy {ACCENT}; }}
TourBox {{
    border: double {ACCENT}; border-title-style: bold; border-title-color: {BRIGHT}; border-subtitle-color: {SOFT};
    background: {INK}; padding: 0 1;
}}
Prompt, Prompt:focus {{ border: none; padding: 0; height: 1; background: {INK}; color: {BRIGHT}; }}
CommandList > .option-list--option-highlighted {{
    background: $block-cursor-background; color: $block-cursor-foreground;
}}
Bar, KeyBar, TimelineBar {{ background: {INK}; }}
"""


def value_style(value: float, top: float, *, log: bool = False) -> Style:
    """Blue below zero, orange above, brighter the nearer to the largest: a shade a quarter of it, or a decade (`log`).

    Warning where the value is not finite.
    """
    if value != value or value in (float("inf"), float("-inf")):
        return WARNING
    if value == 0:
        return ZERO
    share = abs(value) / top if top > 0 else 1.0
    level = max(3 + ceil(log10(share)) if share else 0, 0) if log else int(4 * share)
    return (POSITIVE if value > 0 else NEGATIVE)[min(level, 3)]
