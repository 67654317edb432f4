"""The syntax of patterns: what a regular expression is read to, before it becomes an automaton."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from bpdebug.errors import CommandError
from bpdebug.expression.tokens import refuse

_NESTING = 50
Test = Callable[[str], bool]
_CLASSES: dict[str, Test] = {
    "d": str.isdecimal, "w": lambda c: c.isalnum() or c == "_", "s": str.isspace,
    "D": lambda c: not c.isdecimal(), "W": lambda c: not (c.isalnum() or c == "_"), "S": lambda c: not c.isspace(),
}  # fmt: skip


class One(Struct, frozen=True, eq=False):
    """One character that passes a test."""

    test: Test


class Edge(Struct, frozen=True, eq=False):
    """The beginning (`^`) or the end (`$`) of the name."""

    sign: str


class Row(Struct, frozen=True, eq=False):
    """One after the other."""

    items: tuple[Item, ...]


class Either(Struct, frozen=True, eq=False):
    items: tuple[Item, ...]


class Times(Struct, frozen=True, eq=False):
    item: Item
    least: int
    most: int | None


Item = One | Edge | Row | Either | Times


class Reader:
    """Recursive descent over a pattern; columns count from `column`."""

    def __init__(self, pattern: str, column: int) -> None:
        self.text, self.at, self.column, self.depth = pattern, 0, column, 0

    def error(self, message: str, hint: str = "") -> CommandError:
        return refuse(message, self.column + min(self.at, len(self.text)), hint)

    def sees(self, char: str) -> bool:
        return self.text.startswith(char, self.at)

    def takes(self, char: str) -> bool:
        found = self.sees(char)
        self.at += len(char) if found else 0
        return found

    def either(self) -> Item:
        rows = [self.row()]
        while self.takes("|"):
            rows.append(self.row())
        return rows[0] if len(rows) == 1 else Either(tuple(rows))

    def row(self) -> Item:
        items: list[Item] = []
        while self.at < len(self.text) and not self.sees("|") and not self.sees(")"):
            items.append(self.times(self.one()))
        return Row(tuple(items))

    def times(self, item: Item) -> Item:
        """What follows an item: how often it may stand. Lazy marks are read; whether a name matches is the same."""
        bounds = self.bounds()
        if bounds is None:
            return item
        if isinstance(item, Edge):
            raise self.error(f"nothing to repeat before '{item.sign}'")
        if self.takes("?"):
            pass
        elif self.sees("*") or self.sees("+"):
            raise self.error("a repeat of a repeat", "put brackets around the first")
        return Times(item, *bounds)

    def bounds(self) -> tuple[int, int | None] | None:
        for sign, least, most in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self.takes(sign):
                return least, most
        if not self.sees("{"):
            return None
        close = self.text.find("}", self.at)
        least_text, comma, most_text = self.text[self.at + 1 : max(close, self.at)].partition(",")
        texts = [t for t in (least_text, most_text) if t]
        if close < 0 or not least_text or not all(t.isascii() and t.isdigit() and len(t) < 4 for t in texts):
            raise self.error("a repeat is written {2}, {2,} or {2,3}", "a brace itself is \\{")
        least = int(least_text)
        most = int(most_text) if most_text else None if comma else least
        if most is not None and most < least:
            raise self.error(f"{least} to {most} times is never")
        self.at = close + 1
        return least, most

    def one(self) -> Item:
        char = self.text[self.at]
        if char == "(":
            return self.group()
        if char == "[":
            return self.letters()
        if char in "*+?{":
            raise self.error(f"nothing to repeat before '{char}'", f"the sign itself is \\{char}")
        self.at += 1
        if char in "^$":
            return Edge(char)
        if char == ".":
            return One(lambda c: True)
        if char == "\\":
            return One(self.escape()[1])
        return One(lambda c: c == char)

    def group(self) -> Item:
        start = self.at
        self.at += 1
        if self.sees("?") and not self.takes("?:"):
            raise self.error("no lookaround, names or flags in brackets", "(...) and (?:...) are known")
        self.depth += 1
        if self.depth > _NESTING:
            raise self.error(f"brackets nested more than {_NESTING} levels deep")
        item = self.either()
        self.depth -= 1
        if not self.takes(")"):
            self.at = start
            raise self.error("this '(' is not closed")
        return item

    def escape(self) -> tuple[str, Test]:
        """What stands after a backslash: a sign itself, or a class of characters, which has no sign."""
        if self.at >= len(self.text):
            raise self.error("the pattern ends with a backslash")
        char = self.text[self.at]
        if char.isalnum() and char not in _CLASSES:
            raise self.error(f"'\\{char}' is not known", "\\d, \\w, \\s and their capitals are")
        self.at += 1
        return ("", _CLASSES[char]) if char in _CLASSES else (char, lambda c: c == char)

    def letters(self) -> Item:
        start = self.at
        self.at += 1
        inverted, tests = self.takes("^"), []
        first = True
        while first or not self.sees("]"):
            if self.at >= len(self.text):
                self.at = start
                raise self.error("this '[' is not closed")
            tests.append(self.span())
            first = False
        self.at += 1
        return One(lambda c: any(test(c) for test in tests) != inverted)

    def span(self) -> Test:
        """One letter or class of a set, or a span of letters: `a-z`."""
        start = self.at
        low, test = self.letter()
        if not self.sees("-") or self.at + 1 >= len(self.text) or self.text[self.at + 1] == "]":
            return test
        self.at += 1
        high, _ = self.letter()
        if not low or not high or high < low:
            found = self.text[start : self.at]
            self.at = start
            raise self.error(f"the span {found} is empty", "a - itself is \\-")
        return lambda c: low <= c <= high

    def letter(self) -> tuple[str, Test]:
        char = self.text[self.at]
        self.at += 1
        return self.escape() if char == "\\" else (char, lambda c: c == char)
