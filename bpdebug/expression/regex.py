"""Regular expressions that cannot run away: a pattern becomes an automaton that reads a name once, letter by letter.

Python's own take exponential time on patterns such as `(a+)+b`. Known here: letters, `.`, `[a-z]`, `[^a]`, `\\d`,
`\\w`, `\\s` and their capitals, `* + ? {2,3}`, `|`, brackets, `^` and `$`. As in `re.search`, a pattern matches
anywhere in a name.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from bpdebug.expression.regex_syntax import Edge, Either, Item, One, Reader, Row, Test, Times
from bpdebug.expression.tokens import refuse

LONGEST = 200
"""Characters of one pattern."""

_STATES = 4_000
_REMEMBERED = 10_000


class _State(Struct, eq=False):
    """A state of the automaton: where a character leads if it passes the test, and where it goes without one."""

    test: Test | None = None
    edge: str = ""
    then: list[int] = field(default_factory=list)


class Pattern:
    """A compiled pattern; `matches` takes time in proportion to the name's length."""

    def __init__(self, item: Item, column: int) -> None:
        self.column = column
        self.states: list[_State] = []
        self.built = 0
        self.accept = self.add(_State())
        self.start = self.build(item, self.accept)
        self.begin = self.close([self.start], at_start=True)
        self.again = self.close([self.start], at_start=False)
        self.moves: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def add(self, state: _State) -> int:
        self.states.append(state)
        return len(self.states) - 1

    def build(self, item: Item, after: int) -> int:
        """The state from which `item` leads to `after`."""
        self.built += 1
        if self.built > _STATES:
            raise refuse("the pattern repeats too much", self.column, "write smaller numbers in {...}")
        if isinstance(item, One):
            return self.add(_State(test=item.test, then=[after]))
        if isinstance(item, Edge):
            return self.add(_State(edge=item.sign, then=[after]))
        if isinstance(item, Row):
            for part in reversed(item.items):
                after = self.build(part, after)
            return after
        if isinstance(item, Either):
            return self.add(_State(then=[self.build(part, after) for part in item.items]))
        if item.most is None:
            loop = self.add(_State(then=[after]))
            self.states[loop].then.append(self.build(item.item, loop))
            after = loop
        else:
            end = after
            for _ in range(item.most - item.least):
                after = self.add(_State(then=[self.build(item.item, after), end]))
        for _ in range(item.least):
            after = self.build(item.item, after)
        return after

    def close(self, states: Iterable[int], *, at_start: bool, at_end: bool = False) -> frozenset[int]:
        """All states that are reached without a character."""
        found: set[int] = set()
        stack = list(states)
        while stack:
            number = stack.pop()
            if number in found:
                continue
            found.add(number)
            state = self.states[number]
            if state.test is None and (not state.edge or (at_start if state.edge == "^" else at_end)):
                stack.extend(state.then)
        return frozenset(found)

    def matches(self, name: str) -> bool:
        """Whether the pattern stands anywhere in `name`."""
        now = self.begin
        for char in name:
            if self.accept in now:
                return True
            key = (now, char)
            found = self.moves.get(key)
            if found is None:
                if len(self.moves) >= _REMEMBERED:
                    self.moves.clear()
                found = self.moves[key] = self.move(now, char)
            now = found
        return self.accept in self.close(now, at_start=not name, at_end=True)

    def move(self, now: frozenset[int], char: str) -> frozenset[int]:
        states = self.states
        reached = [t for n in now if (test := states[n].test) is not None and test(char) for t in states[n].then]
        return self.close(reached, at_start=False) | self.again


def compile_regex(pattern: str, column: int = 1) -> Pattern:
    """A pattern ready to match; E_EXPR with the column for what is not known."""
    if not pattern:
        raise refuse("the pattern is empty", column, "/attn.*q/")
    if len(pattern) > LONGEST:
        raise refuse(f"a pattern of {len(pattern):,} characters", column, f"at most {LONGEST} are read")
    reader = Reader(pattern, column)
    item = reader.either()
    if reader.at < len(pattern):
        raise reader.error("this ')' was not opened")
    return Pattern(item, column)


def compile_glob(glob: str, column: int = 1) -> Pattern:
    """A glob over whole names: `*` any characters, `?` one, `[ab]` or `[!ab]` one of a set."""
    if len(glob) > LONGEST:
        raise refuse(f"a glob of {len(glob):,} characters", column, f"at most {LONGEST} are read")
    items: list[Item] = [Edge("^")]
    reader = Reader(glob.replace("[!", "[^"), column)
    while reader.at < len(glob):
        char = reader.text[reader.at]
        if char == "[":
            items.append(reader.letters())
            continue
        reader.at += 1
        anything = One(lambda c: True)
        same = One(lambda c, char=char: c == char)  # type: ignore[misc]
        items.append(Times(anything, 0, None) if char == "*" else anything if char == "?" else same)
    return Pattern(Row((*items, Edge("$"))), column)
