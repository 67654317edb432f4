"""What reports are made of: blocks of plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar, overload

from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.graph import Subject
from bpdebug.symbolic.notation import Dialect, Notation
from bpdebug.views.sums import MatrixProduct


class Text(Struct, frozen=True):
    """A paragraph. `style` is one of: '', 'title', 'note', 'dim', 'good', 'bad'.

    Of what `folds`, a screen with little room shows the first sentence. `link` is the command that leads on from here.
    """

    text: str
    style: str = ""
    folds: bool = False
    link: str = ""


class Formula(Struct, frozen=True):
    """One line of mathematics, and what it says: `∂X = ∂Y @ Wᵀ`; and the command that leads on from it."""

    text: Notation
    note: str = ""
    link: str = ""

    def in_dialect(self, dialect: Dialect) -> str:
        """The mathematics on a line of its own, as MATHML, TEX, TYPST or MARKDOWN has it; its note is not in it."""
        return dialect.display(self.text.in_dialect(dialect))


class Matrix(Struct, frozen=True, eq=False):
    """A tensor with its name, shown with row and column indices; `array` None is not computed yet.

    `subject` says what it is, where that is a tensor or made of some: its name is for readers, and which cells belong
    together is asked by subjects (`Report.links`). `note` stands below ('transposed'); `mark` names what it is in the
    row: '', 'operand', 'transpose', 'result', 'gradient'. `shape` is given where the array is not there. `marked` are
    the cells, (row, column), that stand out (leading axes count as rows, one below the other). `product` is what it is
    made of, of a matrix product.
    """

    name: str
    array: Array | None
    shape: tuple[int, ...]
    note: str = ""
    mark: str = ""
    marked: frozenset[tuple[int, int]] = frozenset()
    subject: Subject | None = None
    product: MatrixProduct | None = None


class Cells(Struct, frozen=True, eq=False):
    """A tensor in full, every digit of every cell: front ends write it in pieces."""

    array: Array


class Row(Struct, frozen=True, eq=False):
    """Matrices side by side with signs (`@`, `=`, `→`) between them."""

    items: tuple[Matrix | str, ...]


Item = TypeVar("Item", covariant=True)


class OnDemand(Sequence[Item]):
    """A sequence whose items are made each time that they are asked for: of a long list few are looked at."""

    def __init__(self, count: int, make: Callable[[int], Item]) -> None:
        self._numbers, self._make = range(count), make

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, at: int | slice) -> Item | tuple[Item, ...]:
        numbers = self._numbers[at]
        return self._make(numbers) if isinstance(numbers, int) else tuple(map(self._make, numbers))

    def __iter__(self) -> Iterator[Item]:
        return map(self._make, self._numbers)


class Table(Struct, frozen=True):
    """Rows of texts under headers; `bars` are shares of 1, one a row, drawn in a last column (None: no bar).

    `links` are the commands that lead on from the rows ('': nowhere); none, where no row leads anywhere. `sheds` are
    the headers of the columns that a screen without room for all sets aside, the least important first.
    Cells of `prose` are sentences: where they are too long for a page, they are wrapped there, too.
    """

    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    bars: tuple[float | None, ...] = ()
    links: Sequence[str] = ()
    sheds: tuple[str, ...] = ()
    prose: bool = False


class Listing(Struct, frozen=True):
    """Lines of a file with their numbers; `current` and `marked` (breakpoints) are line numbers.

    Those of an example stand there without them.
    """

    lines: tuple[tuple[int, str], ...]
    current: int | None = None
    marked: frozenset[int] = frozenset()
    numbered: bool = True


Block = Text | Formula | Row | Cells | Table | Listing


class Section(Struct, frozen=True, eq=False):
    """What is seen together, as all that is said of one operand's gradient: a small screen shows one at a time."""

    blocks: tuple[Block, ...]


Blocks = Iterable[Block | Section]


def flat(blocks: Blocks) -> Iterator[Block]:
    """The blocks one after the other, those of sections too."""
    for block in blocks:
        yield from block.blocks if isinstance(block, Section) else (block,)


def signed(operands: Sequence[Matrix | str], sign: str) -> list[Matrix | str]:
    """Operands with the sign between them, or a function's name before them."""
    if len(operands) == 2 and not sign[0].isalpha():
        return between(sign, operands)
    return [sign, *between(",", operands)]


def between(sign: str, items: Iterable[Matrix | str]) -> list[Matrix | str]:
    """Items with a sign between each two."""
    return [piece for item in items for piece in (sign, item)][1:]
