"""What is asked of every text in Chinese: how it is set, its words, and that no English sentence is left in it."""

from __future__ import annotations

import re

HAN = "[一-鿿]"
WRONG = {
    "a half-width sign in a sentence": rf"{HAN}[,;:!?()]|[,;:!?]{HAN}|{HAN}\.(?:\s|$)",
    "no space between Chinese and what is not": rf"{HAN}[\w∂√`−]|[\w)`]{HAN}",
    "a space beside a full-width sign": r"[，。：；、？！（）“”] (?!\|)|(?<!\|) [，。：；、？！（）”]",
    "another word for 运算, 元素": "算子|单元格",
}


def faults(text: str) -> list[str]:
    """What is not as it should be, with where it stands; code between backticks is a name."""
    bare = re.sub("`[^`]*`", "`x`", text)
    found = [(why, match) for why, wrong in WRONG.items() for match in re.finditer(wrong, bare, re.ASCII)]
    return [f"{why}: {bare[max(0, m.start() - 9) : m.end() + 9]}" for why, m in found] + english(bare)


def english(bare: str) -> list[str]:
    """Three words in a row, which no name or formula is."""
    return re.findall(r"[A-Za-z]{2,}(?: [a-z]{2,}){2,}", re.sub("`[^`]*`", "", bare))
