"""Text in lines as wide as there is room, counted in the cells of a terminal; Chinese breaks by its own rules.

Chinese has no blanks: a line may end between any two characters, but none begins with what closes or ends with what
opens (the rules that typesetters call kinsoku; UAX #14 has them for every script).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

_NARROW = re.compile("[ -\u02ff\u1d40\u2190-\u22ff\u2500-\u259f…]*")
"""Latin, and the signs of mathematics and of drawing: one terminal cell each."""
_OPENS, _CLOSES = "（「『《〈【〔", "。，、；：？！）」』》〉】〕"
_BLANKS = re.compile(f"(?<![{_OPENS} ])( ++)(?![{_CLOSES}])")
OPENS, CLOSES = _OPENS + "“‘([{", _CLOSES + "”’…—～％,.;:!?)]}%"
"""What no line ends with, and what none begins with, beside Chinese."""


def display_width(text: str) -> int:
    """How many terminal cells a text takes; combining characters take none, wide ones two.

    Signs that are as wide as the text around them (East Asian ambiguous: ∂ × Σ “) are counted as one, as most terminals
    draw them; `--ascii` spells them for those that do not.
    """
    if _NARROW.fullmatch(text):
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(bool(unicodedata.combining(c)) for c in text)


def pad(text: str, width: int) -> str:
    """A text with blanks behind it, up to a width in terminal cells."""
    return text + " " * (width - display_width(text))


def wrap(text: str, width: int, *, cut: bool = True, measure: Callable[[str], int] = display_width) -> list[str]:
    """A text in lines no wider than `width`; its line feeds stay, and the indentation of its paragraphs.

    A word that is longer than a line is cut, unless it is to stay whole. `measure` counts cells as the screen does.
    """
    width, lines = max(width, 1), []
    for paragraph in text.split("\n"):
        words = paragraph.lstrip(" ")
        indent = " " * min(len(paragraph) - len(words), width // 2)
        narrow = _NARROW.fullmatch(words) is not None
        if narrow and (found := _at_blanks(words.rstrip(), width - len(indent))) is not None:
            lines.extend([indent + part if part else "" for part in found])
            continue
        line, used = "", len(indent)
        for gap, word in _pieces(words.rstrip(), narrow):
            size = len(word) if narrow else measure(word)
            if line and used + len(gap) + size > width:
                lines.append(indent + line)
                line, used = "", len(indent)
            elif line:
                line, used = line + gap, used + len(gap)
            if cut and used + size > width:
                *full, word = _chopped(word, width - used, measure)
                lines.extend(indent + part for part in full)
                size = measure(word)
            line, used = line + word, used + size
        lines.append(indent + line if line else "")
    return lines


def _at_blanks(text: str, width: int) -> list[str] | None:
    """Words of one cell a character in lines, which is what most texts are; None where one is longer than a line."""
    lines = []
    while len(text) > width:
        end = text.rfind(" ", 0, width + 1)
        if end <= 0:
            return None
        lines.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*lines, text]


def _pieces(text: str, narrow: bool) -> Iterator[tuple[str, str]]:
    """What stays together, with the blanks before it: words, and of Chinese a character with its punctuation."""
    gap = ""
    for part in re.split("( +)", text) if narrow else _BLANKS.split(text):
        if part.isspace():
            gap = part
        elif part:
            for piece in [part] if narrow or part.isascii() else _broken(part):
                yield gap, piece
                gap = ""


def _broken(word: str) -> Iterator[str]:
    start = 0
    for at in range(1, len(word)):
        if _may_break(word[at - 1], word[at]):
            yield word[start:at]
            start = at
    yield word[start:]


def _may_break(before: str, after: str) -> bool:
    """Whether a line may end between two characters that no blank parts."""
    if not (_is_wide(before) or _is_wide(after)) or unicodedata.category(after) in ("Mn", "Me", "Cf"):
        return False
    return before not in OPENS and after not in CLOSES and before != "\u200d"


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


def _chopped(word: str, width: int, measure: Callable[[str], int]) -> list[str]:
    """A word in parts no wider than `width`; a wide character is whole where there is no room for it."""
    parts, used = [""], 0
    for char in word:
        size = measure(char)
        if used + size > width and parts[-1]:
            parts.append("")
            used = 0
        parts[-1] += char
        used += size
    return parts
