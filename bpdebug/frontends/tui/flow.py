"""The lines of the stage: words, and rows of matrices, as much of them as there is room for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace
from textual.strip import Strip

from bpdebug.frontends.tui import palette
from bpdebug.frontends.tui.lines import BLANK, Light, fit, strip, wrap
from bpdebug.frontends.tui.matrix import Boxes, MatrixBox
from bpdebug.frontends.tui.paragraphs import block_lines
from bpdebug.frontends.tui.rows import Item, items, visible
from bpdebug.views.blocks import Block, Blocks, Formula, Row, Section, Text

READABLE = 88
"""No line of words is longer."""


class Band(Struct, eq=False):
    """A section by its number, or what stands outside of all: words, and the rows of matrices below them, in turn.

    `rows` are for what belongs together: they have the matrices too that are not drawn a second time.
    """

    number: int | None
    groups: list[tuple[list[Block], list[list[Item]]]]
    rows: list[list[MatrixBox]]

    @property
    def folds(self) -> bool:
        return any(isinstance(block, Text) and block.folds for blocks, _ in self.groups for block in blocks)


def parts(blocks: Blocks, make: Boxes = MatrixBox) -> list[Band]:
    """A report as what can be laid out, its matrices drawn by what makes their boxes."""
    found: list[Band] = []
    outside: list[Block] = []
    for block in blocks:
        if isinstance(block, Section):
            found += [_part(outside, None, make)] if outside else []
            found.append(_part(block.blocks, sum(part.number is not None for part in found), make))
            outside = []
        else:
            outside.append(block)
    return [*found, _part(outside, None, make)] if outside else found


def _part(blocks: Iterable[Block], number: int | None, make: Boxes) -> Band:
    part, drawn = Band(number, [], []), set[object]()
    for block in blocks:
        if isinstance(block, Row):
            row = list(items(block, drawn, make))
            part.rows.append([item.box for item in row if item.box is not None])
            part.groups = part.groups or [([], [])]
            part.groups[-1][1].append(list(visible(row)))
            if number is not None:  # a transpose, and a product that something is added to, are drawn once
                made = (box.matrix for box in part.rows[-1])
                drawn |= {(m.subject, m.shape) for m in made if m.mark == "transpose" or m.product is not None}
        elif part.groups and not part.groups[-1][1]:
            part.groups[-1][0].append(block)
        else:
            part.groups.append(([block], []))
    return part


class Tall(Struct, frozen=True):
    """How many lines words take: whole `notes`, or their first sentences, or in one line; all `sections`, or one.

    At last they are `bare` formulas: what is dim or folds is left out.
    """

    notes: bool = False
    sections: bool = False
    blanks: bool = False
    brief: bool = False
    bare: bool = False


BRIEF = ("dim", "note")
"""What is said in one line where there is little room."""


def words(blocks: Sequence[Block], width: int, fits: Tall, across: int = 0) -> list[Strip]:
    """The lines of blocks without matrices; notes and titles are set apart by blank lines where there is room.

    Of tables so many columns have gone by, `across`.
    """
    found: list[Strip] = []
    was_note = folded = False
    for block in blocks:
        if fits.bare and isinstance(block, Text) and (block.folds or block.style == "dim"):
            continue
        is_note = isinstance(block, Text) and block.style == "note"
        whole = isinstance(block, Text) and block.folds and fits.notes
        if isinstance(block, Text) and block.folds and not whole:
            if folded:
                continue
            folded, block = True, replace(block, text=first_sentence(block.text))
        is_title = isinstance(block, Text) and block.style == "title"
        apart, empty = bool(found) and found[-1].cell_length > 0, isinstance(block, Text) and not block.text
        if apart and not empty and (is_note or was_note or is_title) and fits.blanks:
            found.append(BLANK)
        room = min(width, READABLE) if isinstance(block, Text) else width
        lines = block_lines(block, room, across)
        brief = isinstance(block, Formula) or (isinstance(block, Text) and block.style in BRIEF and not whole)
        found += [_in_one(lines, room)] if fits.brief and brief and lines else lines
        was_note = is_note
    return found


def _in_one(lines: Sequence[Strip], width: int) -> Strip:
    """Lines as one, as far as there is room."""
    space = strip((" ", palette.PLAIN))
    return fit(Light.join([piece for line in lines for piece in (space, line)][1:]), width)


def first_sentence(text: str) -> str:
    """The first sentence of a note, and a sign where there is more."""
    text = " ".join(text.split())
    found = re.match(r".*?(?:[.!?](?= )|[。！？](?=.))", text)
    return f"{found[0]} …" if found else text


def sum_of(box: MatrixBox, width: int, height: int) -> list[str]:
    """The sum that the marked cell of a product is, in so many lines; nothing where no single cell is marked."""
    product, cell, matrix = box.matrix.product, box.mark.single, box.matrix
    if product is None or cell is None or matrix.array is None:
        return []
    at = box.index(*cell)
    name = matrix.name if matrix.subject is not None and not isinstance(matrix.subject.tensor, str) else ""
    return wrap(product.line(name, at, float(matrix.array[at]), height * width - 12 * (height - 1)), width)[:height]
