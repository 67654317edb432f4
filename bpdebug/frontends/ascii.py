"""Every sign in ASCII, for terminals that know no other: one table, applied to lines as they leave the program."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from bpdebug.translation import ENGLISH, language
from bpdebug.wrapping import display_width

_SPELLED = {
    "∂": "d", "ᵀ": ".T", "−": "-", "–": "-", "·": "*", "⋅": "*", "×": "x", "⟨": "<", "⟩": ">", "…": "~", "⋯": "~",
    "⋮": ":", "⏎": "\\n", "≠": "!=", "≤": "<=", "≥": ">=", "≈": "~", "∞": "inf", "√": "sqrt ", "Σ": "sum_", "ε": "e",
    "δ": "delta", "π": "pi", "φ": "phi", "Φ": "Phi", "½": "1/2", "⁻": "^-", "²": "^2", "³": "^3",
    "●": "@", "○": "o", "◉": "*", "▶": ">", "▸": ">", "▾": "v", "▲": "^", "▼": "v", "◀": "<",
    "✓": "v", "✗": "x", "→": ">", "←": "<", "↑": "^", "↓": "v", "°": "o",
    "▁": "_", "▂": ".", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "%", "░": ".", "▒": ":", "▓": "%", "🔎": "? ",
    "━": "=", "┄": ".", **dict.fromkeys("▏▎▍", "-"), "»": ">", **dict.fromkeys("■□▪▫◆◇▣", "#"),
    **dict.fromkeys("“”", '"'), **dict.fromkeys("‘’", "'"), "—": "-",
}  # fmt: skip
"""What the house draws and writes with; letters and numbers that are set lower or higher are those themselves."""


_ACROSS, _DOWN = ("HORIZONTAL", "LEFT", "RIGHT"), ("VERTICAL", "UP", "DOWN")


def spelled(char: str) -> str:
    """A character in ASCII; one that has no spelling here stands in a name, and is an escape.

    The letters of the language that is spoken stay: they are as wide as they are counted wherever they can be shown.
    """
    if char.isascii() or (unicodedata.east_asian_width(char) in "WF" and language() != ENGLISH):
        return char
    return _spelled(char)


@lru_cache(4096)
def _spelled(char: str) -> str:
    if char in _SPELLED:
        return _SPELLED[char]
    name = unicodedata.name(char, "")
    if name.startswith("BOX DRAWINGS"):
        across, down = any(w in name for w in _ACROSS), any(w in name for w in _DOWN)
        return "+" if across == down else "-" if across else "|"
    if "BLOCK" in name:
        return "#"
    plain = unicodedata.normalize("NFKC", char)
    lowered = "SUBSCRIPT" in name or "SUPERSCRIPT" in name or "MODIFIER LETTER" in name
    return plain if lowered and plain.isascii() else char.encode("ascii", "backslashreplace").decode()


def _narrow(char: str) -> str:
    """A character in as many characters as it takes cells, where there is no room for its spelling."""
    width, text = display_width(char), spelled(char)
    return text if len(text) == width else "T" if char == "ᵀ" else "?" * width


BLANKS = " -"
"""What fills a line, and can be less of it."""


def _laid(chars: Iterable[tuple[str, int]], spell: Callable[[str], str]) -> Iterator[tuple[str, int]]:
    """The characters spelled; what they have become longer is taken from the next places that are filled up."""
    over, last = 0, ""
    for char, key in chars:
        text = spell(char)
        if over > 0 and text == last and text in BLANKS:
            over -= 1
            continue
        over += len(text) - display_width(char)
        last = text
        yield text, key
    if over > 0:
        yield "", -1  # there was no room


def in_ascii(text: str) -> str:
    """A text in ASCII; columns stay where they are, as far as there are blanks between them."""
    if text.isascii():
        return text
    return "\n".join("".join(c for c, _ in _laid(((c, 0) for c in line), spelled)) for line in text.split("\n"))


def pieces_in_ascii(pieces: list[str]) -> list[str]:
    """The pieces of a line of the screen in ASCII, together as wide as they were."""
    if all(map(str.isascii, pieces)):
        return pieces
    chars = [(char, n) for n, piece in enumerate(pieces) for char in piece]
    laid = list(_laid(chars, spelled))
    if laid and laid[-1][1] < 0:
        laid = list(_laid(chars, _narrow))
    found = [""] * len(pieces)
    for text, n in laid:
        found[n] += text
    return found


def json_in_ascii(text: str) -> str:
    """A piece of JSON in ASCII that reads back to the same."""
    if text.isascii():
        return text
    units = text.encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)
