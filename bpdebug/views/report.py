"""A report: plain data that a screen, a page of text or JSON can show. No view knows which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from bpdebug.arrays import Cell, Shape
from bpdebug.graph import Subject
from bpdebug.translation import english
from bpdebug.views.blocks import Block, Section, flat
from bpdebug.views.encode import made, to_json
from bpdebug.views.text import lines

if TYPE_CHECKING:
    from bpdebug.cells.marks import Marks

Link = Callable[[Subject, Sequence[Cell], Shape], Iterator["Marks"]]
"""Of each of some cells of an array of this shape, the cells of every array that belong to it."""


class Report(Struct, frozen=True, eq=False):
    """What a view says: `kind` names it, `blocks` are for eyes, `data` (made when asked for) is for programs.

    `links` says which cells of its matrices belong together; `spare` is what a screen adds where there is room.
    """

    kind: str
    title: str
    blocks: tuple[Block | Section, ...] = ()
    data: Mapping[str, Any] | Callable[[], Mapping[str, Any]] = field(default_factory=dict)
    links: Link | None = None
    spare: Callable[[], tuple[Block, ...]] | None = None

    def to_text(self, width: int = 100) -> str:
        """The report as plain text; matrices side by side where they fit the width."""
        return "\n".join(self.lines(width))

    def lines(self, width: int = 100) -> Iterator[str]:
        """The report as plain text, line by line: one that is long need not be there as a whole."""
        return lines(self.title, flat(self.blocks), width)

    def to_json(self) -> str:
        """The report's data as one line of JSON, its kind first; in English, whatever is spoken."""
        with english():
            return to_json(self.to_parts())

    def to_data(self) -> dict[str, Any]:
        """The report for programs: its kind, and the keys that go with it."""
        return {key: made(value) for key, value in self.to_parts().items()}

    def to_parts(self) -> dict[str, Any]:
        """The same where what is long is still to be made, for those who write it in pieces."""
        return {"kind": self.kind, **(self.data() if callable(self.data) else self.data)}
