"""What stands where on the stage: as much as there is room for, worked out as far down as somebody looks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product, takewhile
from typing import cast

from msgspec import Struct
from msgspec.structs import replace
from textual.strip import Strip

from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.flow import Band, Tall, sum_of, words
from bpdebug.frontends.tui.lines import BLANK, strip
from bpdebug.frontends.tui.matrix import MatrixBox
from bpdebug.frontends.tui.rows import MADE, Line, Wide, lines_of, shorten
from bpdebug.frontends.tui.tables import Heading
from bpdebug.translation import _, ngettext
from bpdebug.views.blocks import Block

LOWEST = 8
"""Lines that what is cut has, however much else there is."""
MOST_SUM = 3
"""Lines of a sum, at most."""
LOOSE = Wide(gap=2, folded=True, cut=True)
"""A report without sections is as long as it is; it is cut to the width alone."""
TALL = (
    Tall(notes=True, sections=True, blanks=True), Tall(sections=True, blanks=True), Tall(notes=True, blanks=True),
    Tall(blanks=True), Tall(), Tall(brief=True),
)  # fmt: skip
BRIEF = Tall(brief=True), Tall(brief=True, bare=True)
WIDE = (
    Wide(gap=2), Wide(), Wide(digits=3), Wide(digits=2), Wide(gap=2, folded=True), Wide(digits=2, folded=True),
)  # fmt: skip
CUT = (
    Wide(digits=2, cut=True), Wide(digits=2, cut=True, nameless=True), Wide(digits=1, cut=True),
    Wide(digits=1, cut=True, nameless=True),
)  # fmt: skip
"""What is tried until a section is in view: notes shrink first, then blanks, digits, at last columns and rows."""
FULL = Wide(gap=2), Wide(), Wide(gap=2, folded=True), Wide(folded=True)
"""What is tried before that, to have all sections in view, without fewer digits."""
HIGH, CLOSE = 48, ((*FULL, Wide(digits=3, folded=True)), (Tall(sections=True), Tall(sections=True, brief=True)))
"""On a stage of so many lines they stand close together rather than one at a time."""


class Stretch(Struct, eq=False):
    """Some lines of the stage, and what draws one of them: `words`, a line of matrices, or the sum under a product.

    With one that `begins` a section does.
    """

    height: int
    draw: Callable[[int], Strip]
    line: Line | None = None
    words: Sequence[Strip] = ()
    apart: bool = False
    sum: bool = False
    begins: bool = False
    y: int = 0


class Laid(Struct, eq=False):
    """A part with its matrices on lines: words, and the lines below them, in turn."""

    part: Band
    groups: list[tuple[list[Block], list[Line]]]

    def lines(self, *, made: bool = False) -> list[Line]:
        """Its lines of matrices; or those that lead to what a product made, without what becomes of that."""
        every = [line for _, lines in self.groups for line in lines]
        products = [n for n, line in enumerate(every) if line.products()]
        return every[: products[-1] + 1] if made and products else every


class LinePlan:
    """The lines of a report on a stage of a width and a height.

    An event's with sections is made to fit: of all of them, or of the one with the number `section`, all that leads to
    its result is in view. A report that is `long` is as long as it is, its sections one below the other; where notes
    are `unfolded`, so is every one. Of tables so many columns have gone by, `across`.
    """

    def __init__(
        self, parts: Sequence[Band], width: int, height: int, section: int, *, unfolded: bool, long: bool = False,
        across: int = 0,
    ) -> None:  # fmt: skip
        self.parts, self.width, self.height, self.section, self.across = parts, width, height, section, across
        self.sections, self.fits = sum(part.number is not None for part in parts), not long
        self.starts: list[int] = []
        self.tall, self.wide = TALL[0], LOOSE
        self._words: dict[tuple[int, Tall], list[Strip]] = {}
        self._sums: dict[tuple[int, int], int] = {}
        self.laid = [self._lay(part, LOOSE) for part in parts] if self._loose else self._fitted()
        if unfolded:
            self.tall = replace(self.tall, notes=True)
        elif any(part.folds for part in parts) and self._loose and self._height(self.laid, TALL[0]) > height:
            self.tall = TALL[1]
        self.pieces: list[Stretch] = []
        self.length = 0
        self._rest = self._pieces(self.laid, self.tall)
        self.reach(height)

    def fill(self, spare: Callable[[], Sequence[Block]]) -> None:
        """What else is said below, where there is room for all of it."""
        if self.tall.sections and self.length < self.height:
            lines = words(spare(), self.width, TALL[0])
            if self.length + 1 + len(lines) <= self.height:
                self.pieces.append(Stretch(len(lines), lines.__getitem__, y=self.length + 1))
                self.length += 1 + len(lines)

    # --- what there is room for -----------------------------------------------------------------------------------

    @property
    def _loose(self) -> bool:
        return not (self.sections and self.fits)

    def shows(self, part: Band) -> bool:
        """Whether a part is there to be seen."""
        return self.tall.sections or part.number in (None, self.section)

    def _fitted(self) -> list[Laid]:
        """The parts that are shown, with as little shrunk as does to bring them into view."""
        boxes = [box for part in self.parts if part.number == self.section for row in part.rows for box in row]
        large = [box for box in boxes if box.columns > self.width or box.rows > self.height]
        for wides, talls, made in self._tried() if not large else ():
            for self.wide in wides:
                here = {id(part): self._lay(part, self.wide) for part in self.parts if part.number == self.section}
                if any(line.width > self.width for one in here.values() for line in one.lines()):
                    continue
                laid = [here.get(id(part)) or self._lay(part, self.wide) for part in self.parts]
                for self.tall in talls:
                    shown = [one for one in laid if self.shows(one.part)]
                    narrow = all(line.width <= self.width for one in shown for line in one.lines())
                    if narrow and self._height(shown, self.tall, made=made) <= self.height:
                        return shown
        whole = not any(box.matrix.mark in MADE for box in large)
        for self.tall, self.wide, made in product(BRIEF, CUT, (False, True)) if whole else ():
            shown = self._cut(made)
            lines = [line for one in shown for line in one.lines(made=made)]
            if all(line.whole() for line in lines) and self._height(shown, self.tall, made=made) <= self.height:
                return shown
        self.tall, self.wide = BRIEF[0], CUT[0]
        shown = self._cut(made=True)
        if (
            any(line.products() for one in shown for line in one.lines())
            and self._height(shown, self.tall, made=True) > self.height
        ):
            self.tall = BRIEF[1]  # a sum's cell is worth more than words
            shown = self._cut(made=True)
        return shown

    def _tried(self) -> Iterator[tuple[tuple[Wide, ...], tuple[Tall, ...], bool]]:
        """What is tried in which order; and whether what leads to the result is enough."""
        if self.sections > 1:
            # no line is lower where cells are wider, or lines are folded
            if self._height([self._lay(part, Wide()) for part in self.parts], TALL[1]) <= self.height:
                yield FULL, TALL[:2], False
            if self.height >= HIGH:
                yield *CLOSE, False
        yield from ((WIDE, TALL, made) for made in (False, True))

    def _cut(self, made: bool) -> list[Laid]:
        """The parts that are shown, cut to the width, and what leads to a result to the lines that are left."""
        shown = [self._lay(part, self.wide) for part in self.parts if self.shows(part)]
        lines = [line for one in shown if one.part.number is not None for line in one.lines(made=made)]
        others = self._height(shown, self.tall, made=made) - sum(line.height for line in lines)
        shorten(lines, max(self.height - others, LOWEST))
        return shown

    def _lay(self, part: Band, wide: Wide) -> Laid:
        return Laid(part, [(blocks, lines_of(rows, self.width, wide)) for blocks, rows in part.groups])

    def _height(self, shown: Iterable[Laid], tall: Tall, *, made: bool = False) -> int:
        """How many lines these are; or, of what is `made`, as far as the sum below it."""
        length, at = 0, 0
        for piece in self._pieces(shown, tall):
            length += piece.height + (piece.apart and tall.blanks and length > 0)
            at = length if piece.sum else at
        return at if made and at else length

    @property
    def turns(self) -> bool:
        """Whether there is another section that is not seen."""
        one = not self.tall.sections if self.fits else self.length > self.height
        return self.sections > 1 and one

    # --- the lines ------------------------------------------------------------------------------------------------

    def _pieces(self, shown: Iterable[Laid], tall: Tall) -> Iterator[Stretch]:
        for one in shown:
            begins = one.part.number is not None
            apart = bool(one.part.number) and self.fits
            for blocks, lines in one.groups:
                if blocks:
                    said = self._said(blocks, tall)
                    yield Stretch(len(said), said.__getitem__, words=said, apart=apart, begins=begins)
                apart, begins = True, False
                for line in lines:
                    yield Stretch(line.height, line.line, line, apart=True)
                    yield from (self._sum(box, 1 if tall.brief else MOST_SUM) for box in line.products())

    def _said(self, blocks: list[Block], tall: Tall) -> list[Strip]:
        found = self._words.get((id(blocks), tall))
        if found is None:
            found = self._words[id(blocks), tall] = words(blocks, self.width, tall, self.across)
        return found

    def _sum(self, box: MatrixBox, most: int) -> Stretch:
        height = self._sums.get((id(box), most))
        if height is None:
            height = self._sums[id(box), most] = max(len(sum_of(box, self.width, most)), 1)

        def draw(y: int) -> Strip:
            lines = sum_of(box, self.width, height)
            return strip((lines[y], palette.PLAIN)) if y < len(lines) else BLANK

        return Stretch(height, draw, sum=True)

    def reach(self, y: int) -> None:
        """Works it out as far as a line."""
        while self.length <= y and (piece := next(self._rest, None)) is not None:
            if piece.line is not None and self._loose and piece.height > self.height:
                piece.height = piece.line.shorten(max(LOWEST, self.height * 3 // 5))
            piece.y = self.length + (piece.apart and bool(self.pieces) and self.tall.blanks)
            if piece.line is not None:
                piece.line.put(piece.y)
            self.pieces.append(piece)
            self.starts += [piece.y] if piece.begins else []
            self.length = piece.y + piece.height

    def line(self, y: int) -> Strip:
        """A line of it; blank below the last one."""
        piece = self._piece(y)
        return BLANK if piece is None else piece.draw(y - piece.y)

    def _piece(self, y: int) -> Stretch | None:
        self.reach(y)
        at = bisect_right(self.pieces, y, key=lambda piece: piece.y) - 1
        return self.pieces[at] if at >= 0 and y < self.pieces[at].y + self.pieces[at].height else None

    def headers(self, y: int) -> Sequence[Strip]:
        """The headers of the table that a line is in, where they are above it, and enough of the table is below."""
        if (piece := self._piece(y)) is None or not piece.words:
            return ()
        lines, at = piece.words, y - piece.y
        first = next((n for n in range(at - 1, -1, -1) if isinstance(lines[n], Heading)), None)
        if first is None:
            return ()
        while first > 0 and isinstance(lines[first - 1], Heading):
            first -= 1
        found = [*takewhile(lambda line: isinstance(line, Heading), lines[first:])]
        return found if at + len(found) <= first + cast("Heading", found[0]).below else ()

    def start(self, section: int) -> int:
        """The line with which the stage begins so that a section of a long report is seen, by its number.

        What stands before the first one is seen with it.
        """
        if self.fits or not section:
            return 0
        self.reach(2**31)
        return min(self.starts[section], max(self.length - self.height, 0))

    def boxes(self) -> Iterator[MatrixBox]:
        """The matrices that are drawn, as far as it is worked out."""
        for piece in self.pieces:
            if piece.line is not None:
                yield from (item.box for item in piece.line.items if item.box is not None)

    def aside(self, way: int) -> list[str]:
        """The headers of columns of tables that have gone by at the left (-1), or are still to come (1)."""
        heads = (line for piece in self.pieces for line in piece.words if isinstance(line, Heading))
        return [*dict.fromkeys(name for head in heads for name in (head.left if way < 0 else head.behind))]

    def said(self) -> Iterator[str]:
        """What is not seen, and which key shows it."""
        for sign, way in (("←", -1), ("→", 1)):
            if names := self.aside(way):
                yield f"{sign} {', '.join(names)}"
        if self.turns:
            yield _("{n} of {total}: Tab").format(n=self.section + 1, total=self.sections)
        if not self.tall.notes and any(part.folds for part in self.parts):
            yield _("the whole note: z")
        if digits := min((box.digits for box in self.boxes() if box.rounded or box.look.more), default=0):
            yield ngettext("{n} digit", "{n} digits", digits).format(n=digits)
