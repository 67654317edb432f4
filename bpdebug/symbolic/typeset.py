"""What dialects have in common that set mathematics in type: names, numbers and attributes, taken apart one by one."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from bpdebug.errors import printable
from bpdebug.symbolic.notation import Dialect, Notation

_LETTER = re.compile(r"([^\W\d_])(\d*)")
"""A name that is one letter, with a number as its subscript where it has one: `W`, `W1`, `θ`."""
_SIZE = re.compile(r"([-−]?)(\d[\d.]*)(?:e([-+−]?)0*(\d+))?")
"""A number as it is shown, or as Python writes it."""


class Typeset(Dialect):
    """Two dimensions: fractions, raised transposes, roots. With `bar` the gradient of X is X̄."""

    flat = False
    signs: dict[str, str]
    """How signs are written; of those that are not there, see `sign`."""

    def __init__(self, *, bar: bool = False) -> None:
        self.bar = bar

    # --- what a dialect has to say

    @abstractmethod
    def letter(self, letter: str, number: str) -> str:
        """A name of one letter, with its subscript."""

    @abstractmethod
    def word(self, text: str) -> str:
        """A name of more letters: upright."""

    @abstractmethod
    def overlined(self, x: str, *, wide: bool) -> str:
        """What has a bar above it."""

    @abstractmethod
    def partial(self, x: str) -> str:
        """The gradient of what is written."""

    @abstractmethod
    def raised(self, x: str, to: str) -> str:
        """A power, a transpose."""

    @abstractmethod
    def fraction(self, above: str, below: str) -> str: ...

    @abstractmethod
    def root(self, x: str) -> str: ...

    @abstractmethod
    def size(self, x: str) -> str:
        """The absolute value."""

    @abstractmethod
    def squared(self, items: Sequence[str]) -> str:
        """Items in square brackets."""

    # --- what follows from that

    def name(self, text: str) -> str:
        text = printable(self.said(text))
        found = _LETTER.fullmatch(text)
        return self.letter(found[1], found[2]) if found and text[1:].isascii() else self.word(text)

    def gradient(self, name: str) -> str:
        x = self.of(name)
        wide = isinstance(name, Notation) or len(name) > 1
        return self.overlined(x, wide=wide) if self.bar else self.partial(x)

    def number(self, text: str) -> str:
        found = _SIZE.fullmatch(text)
        if found is None:
            sign, rest = ("-", text[1:]) if text[:1] in ("-", "−") else ("", text)
            written = self.signs["∞"] if rest == "inf" else self.word(rest)
            return self.prefix("-", written) if sign else written
        digits, power = self.digits(found[2]), found[4]
        if power:
            ten = self.raised(self.digits("10"), self._signed(found[3], power))
            digits = ten if found[2] == "1" else self.infix("×", digits, ten)
        return self.prefix("-", digits) if found[1] else digits

    def _signed(self, sign: str, digits: str) -> str:
        return self.prefix("-", self.digits(digits)) if sign in ("-", "−") else self.digits(digits)

    def digits(self, text: str) -> str:
        return text

    def literal(self, value: Any) -> str:
        if type(value) in (int, float):
            return self.number(repr(value))
        if type(value) is tuple:
            items = [*map(self.literal, value)]
            return self.brackets(self.listed(items) if len(items) != 1 else self.line([*items, self.sign(",")], gap=""))
        return self.word(super().literal(value))

    def value(self, value: Any) -> str:
        if isinstance(value, str):
            return self.quoted(value)
        if isinstance(value, tuple | list):
            return self.brackets(self.listed([*map(self.value, value)]))
        return self.literal(value)

    def sign(self, sign: str) -> str:
        return self.signs[sign] if sign in self.signs else self.words(sign)

    def listed(self, items: Sequence[str]) -> str:
        """Items with commas between them."""
        return ", ".join(items)

    def infix(self, sign: str, left: str, right: str) -> str:
        if sign == "/":
            return self.fraction(left, right)
        return self.raised(left, right) if sign == "**" else self.line([left, self.sign(sign), right])

    def prefix(self, sign: str, x: str) -> str:
        return f"-{x}" if sign in ("-", "−") else self.line([self.sign(sign), x])

    def transpose(self, x: str) -> str:
        return self.raised(x, self.signs["ᵀ"])

    def index(self, x: str, items: Sequence[str]) -> str:
        return self.line([x, self.squared(items or [self.brackets("")])], gap="")

    def cell(self, x: str, items: Sequence[str]) -> str:
        return self.index(x, items)

    def sequence(self, items: Sequence[str]) -> str:
        return self.squared(items)

    def keyword(self, key: str, value: str) -> str:
        return self.line([self.word(key), self.sign("="), value])

    def call(self, word: str, words: Sequence[str]) -> str:
        if len(words) == 1 and word == "sqrt":
            return self.root(words[0])
        if len(words) == 1 and word == "abs":
            return self.size(words[0])
        return self.function(word, self.brackets(self.listed(words)))

    @abstractmethod
    def function(self, word: str, arguments: str) -> str:
        """A function's name before what stands in brackets."""
