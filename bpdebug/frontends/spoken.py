"""Reports in lines that are read aloud, or searched in a log: no columns and no drawing, every number with its row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat, zip_longest

from msgspec.structs import replace

from bpdebug.debugger import COMMANDS, State
from bpdebug.errors import printable
from bpdebug.far import as_array
from bpdebug.frontends.loop import Answer
from bpdebug.frontends.onward import onward
from bpdebug.translation import N_, _, clauses, listed
from bpdebug.views import view
from bpdebug.views.blocks import Block, Formula, Listing, Matrix, Row, Table, Text
from bpdebug.views.numbers import number_format, short
from bpdebug.views.text import MOST_ROWS, cells_lines, corners, ends, row_label

SIGNS = {"=": N_("gives"), "→": N_("turned is"), ",": N_("and")}
"""Words for what stands between matrices; of other signs they are those that are typed."""
KEYS = {c.key: c.name for c in COMMANDS.values() if c.key}
"""What the screen's keys are for; here they are typed as lines."""
FIRST = ("step", "reverse-step", "stepi", "lens", "help", "quit")
"""Commands that are told at the beginning."""


def spoken(title: str, blocks: Iterable[Block], width: int = 0) -> Iterator[str]:
    """A title and blocks, line by line; none is wrapped, whatever the width."""
    if title:
        yield printable(title).rstrip()
    heard: set[Heard] = set()
    for block in blocks:
        for line in _lines(block, heard):
            yield printable(line).rstrip()


Heard = tuple[str, int, frozenset[tuple[int, int]]]
"""A matrix that was read out: its name, its array, and what is marked in it."""


def _lines(block: Block, heard: set[Heard]) -> Iterable[str]:
    if isinstance(block, Text):
        return [" ".join(part.split()) for part in block.text.split("\n") if part.strip()]
    if isinstance(block, Formula):
        return [block.text + (f", {block.note}" if block.note else "")]
    if isinstance(block, Row):
        return (line for item in block.items for line in _item(item, heard))
    if isinstance(block, Table):
        return _table(block)
    return _listing(block) if isinstance(block, Listing) else cells_lines(block.array)


def _item(item: Matrix | str, heard: set[Heard]) -> Iterable[str]:
    if isinstance(item, str):
        return [_(SIGNS.get(item, item))]
    this = item.name, id(item.array), item.marked
    if this in heard and item.shape:
        return [_("{name}, as above").format(name=short(item.name))]
    heard.add(this)
    return _matrix(item)


def _size(shape: Sequence[int]) -> str:
    return _(" by ").join(map(str, shape)) if len(shape) != 1 else _("{n} numbers").format(n=shape[0])


def _matrix(matrix: Matrix) -> Iterator[str]:
    """Its name and size, then a line a row: 'row 0: 1, 0, 2'; of a large one the ends, and how many are left out."""
    size = _size(matrix.shape) if matrix.shape else ""
    head = listed(filter(None, (short(matrix.name), size, matrix.note)))
    if matrix.array is None:
        yield f"{head}: {_('not computed yet')}"
        return
    array = as_array(matrix.array)
    if not array.size:
        yield f"{head}: {_('no cells')}"
        return
    flat, text = array.reshape(-1, array.shape[-1] if array.ndim else 1), number_format(array).text
    rows, columns = (ends(size, MOST_ROWS) for size in flat.shape)
    known, more = corners(flat, rows, columns), _("{n} more").format(n=flat.shape[1] - MOST_ROWS)

    def cell(r: int, c: int) -> str:
        return (_("{cell} marked") if (r, c) in matrix.marked else "{cell}").format(cell=text(known[r, c]).strip())

    def said_row(r: int) -> str:
        return ", ".join(more if c is None else cell(r, c) for c in columns)

    if array.ndim < 2:
        yield f"{head}: {said_row(0)}"
        return
    yield f"{head}:"
    for r in rows:
        if r is None:
            yield _("{n} more rows").format(n=len(flat) - MOST_ROWS)
        else:
            said = _("row {label}: {cells}")
            yield said.format(label=row_label(r, array.shape[:-1]), cells=said_row(r))


def _table(table: Table) -> Iterator[str]:
    """A line a row; each cell with its header."""
    heads = table.headers if any(table.headers) else ()
    for row, share in zip(table.rows, table.bars or repeat(None), strict=False):
        named = zip_longest(heads, row, fillvalue="") if heads else (("", cell) for cell in row)
        said = [
            f"{head.strip()}: {cell.strip()}" if head.strip() else cell.strip() for head, cell in named if cell.strip()
        ]
        yield "; ".join(said + ([f"{share:.0%}"] if share is not None else []))
    if not table.rows:
        yield _("none")


def _listing(listing: Listing) -> Iterator[str]:
    if not listing.numbered:
        yield from (text for _number, text in listing.lines)
        return
    for number, text in listing.lines:
        here, stop = _("here") * (number == listing.current), _("breakpoint") * (number in listing.marked)
        place = listed(filter(None, (_("line {n}").format(n=number), here, stop)))
        yield f"{place}: {text}"


def meant(line: str) -> str:
    """A line in which a key stands for its command: alone, or, where it is a sign, before what belongs to it."""
    word, _blank, rest = line.partition(" ")
    return f"{KEYS[word]} {rest}".strip() if word in KEYS and not (rest and word.isalpha()) else line


def said(answer: Answer) -> Iterator[str]:
    """An answer, and at a stop what to type next: where a note has been read, which is once, and at the end."""
    report = answer.report
    if answer.state.part:
        blocks = tuple(b for b in report.blocks if not (isinstance(b, Text) and b.folds))
        answer = replace(answer, report=replace(report, blocks=blocks))
    yield from answer.lines(draw=spoken)
    if report.kind == "event":
        yield from _hint(answer.state)


def _hint(state: State) -> Iterator[str]:
    keys = {name: key for key, name in KEYS.items()}
    if state.event is None:
        said = _("{restart} begins again, {practice} asks before it shows, {quit} leaves")
        yield said.format(restart=keys["restart"], practice=keys["practice"], quit=keys["quit"])
    elif any(note.stops.contains(state.cursor) for note in state.notes):
        name, word = onward(state)
        yield _("type {key} to {what}").format(key=keys[name], what=_(word))


def greeting(state: State) -> Iterator[str]:
    """What the scenario is about, which lines to begin with, and the first stop."""
    keys = {name: key for key, name in KEYS.items()}
    yield from filter(None, (state.scenario.title, " ".join(state.scenario.about.split())))
    first = [f"{keys[name]}, {_(COMMANDS[name].says)}" for name in FIRST]
    yield _("type a key and Enter: {keys}").format(keys=clauses(*first))
    yield from said(Answer("", state, view(state)))
