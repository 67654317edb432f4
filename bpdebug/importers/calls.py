"""The calls of a model's program one after the other: their steps, their blocks, and those that no rule covers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from bpdebug.errors import BpdebugError
from bpdebug.importers.lowering import Draft, NoRule

Source = tuple[str, str]
"""A line of the user's own source: "model.py:12", and its text; both empty where it is not known."""


class Calls:
    """The calls so far as steps of a draft; how many of each no rule covers, and where the first of these stands."""

    def __init__(self) -> None:
        self.program = Draft()
        self.counted: Counter[str] = Counter()
        self.lacking: Counter[str] = Counter()
        self.places: dict[str, str] = {}

    def within(self, block: str, name: str) -> str:
        """A block inside of another, numbered from the second call on: encoder, encoder@2."""
        plain = f"{block}." * bool(block) + re.sub(r"[^\w.]", "_", name)
        self.counted[plain] += 1
        return plain if self.counted[plain] == 1 else f"{plain}@{self.counted[plain]}"

    def call(
        self, what: str, name: str, block: str, source: Source, apply: Callable[[str], Any], *, alone: bool = False
    ) -> Any:
        """What the rule of a call (`what`) gives, applied in a block; None where it does not cover the call.

        Of several steps it is a block of its own, with a name, unless it stands `alone` in its block.
        """
        program, last = self.program, self.program.source
        mark = len(program.leaves), len(program.steps), len(program.lines)
        try:
            self._say(source)
            found = apply(block)
            outputs = len(found) if isinstance(found, list) else 1
            if len(program.steps) - mark[1] > outputs and not alone:
                program.undo(*mark)
                program.source = last
                self._say(source)
                found = apply(self.within(block, name))
        except (NoRule, BpdebugError) as error:
            program.undo(*mark)
            program.source = last
            said = what + (f": {error}" if str(error) else "")
            self.lacking[said] += 1
            self.places.setdefault(said, source[0])
            return None
        return found

    def _say(self, source: Source) -> None:
        """The place in the user's source, and its text, as a comment where another line of it begins."""
        place, text = source
        if place and place != self.program.source[0]:
            self.program.lines.append(f"# {place}: {text}")
        self.program.source = source
