"""What libraries answer where there is no derivative, in words and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bpdebug.arrays import cell_text
from bpdebug.explain.answers import OURS, Answers
from bpdebug.ops import Op
from bpdebug.ops.attributes import spelt
from bpdebug.ops.conventions import Point, table
from bpdebug.translation import _, clauses, listed, ngettext
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.numbers import number


def who_answers(found: Answers, gradient: str) -> str:
    """A sentence about a cell of a gradient: who answers what, and which of it stands here."""
    cell, by = cell_text(gradient, found.cell), dict[str, list[str]]()
    for name, value in found.by.items():
        by.setdefault(number(value), []).append(name)
    start, here = _start(found, cell), number(found.here)
    if len(by) == 1 and here in by:
        words = _("{start} there is no derivative; {here} is what all answer who were asked: {names}.")
        return words.format(start=start, here=here, names=listed(found.by))
    group, ours = _("{value} {names}"), _("{value} (here) {names}")
    groups = [
        (ours if value == here else group).format(value=value, names=listed(names)) for value, names in by.items()
    ]
    words = _("{start} there is no derivative, and libraries differ: {answers}.")
    here = "" if here in by else _("here {value}").format(value=here)
    return words.format(start=start, answers=clauses(*groups, here))


def _start(found: Answers, cell: str) -> str:
    """'At ∂X[0]', or where that is asked about has a derivative, the cell that has none."""
    if found.asked:
        return _("At {cell}").format(cell=cell)
    if found.count == 1:
        return _("Not here, but at {cell}").format(cell=cell)
    words = ngettext(
        "Not here, but at {cell} and {count} other cell",
        "Not here, but at {cell} and {count} other cells",
        found.count - 1,
    )
    return words.format(cell=cell, count=found.count - 1)


def choices(op: Op) -> Iterator[str]:
    """The attributes that choose, with what they may be; the first is what holds where none is chosen."""
    for name, attr in op.conventions.items():
        if not attr.hidden:
            values = [attr.default, *(c for c in attr.choices or (0.0, 0.5, 1.0) if c != attr.default)]
            yield f"{name}={' | '.join(map(spelt, values))}"


def measured(op: Op) -> Iterator[Block]:
    """The data about an op: of each point what is answered there, and by whom; nothing where there is none."""
    points = [p for p in table().points if p.op == op.name]
    if points:
        yield Table(
            (_("where"), _("gradient"), _("who answers so")), tuple(row for point in points for row in _rows(point))
        )
        asked = {name for point in points for answer in point.answers for name in answer.of}
        yield Text(listed(f"{n} {version}" for n, version in table().versions.items() if n in asked), "dim")


def _rows(point: Point) -> Iterator[tuple[str, str, str]]:
    """A row for each answer, ours first."""
    by: dict[str, list[str]] = {_text(point.ours): [OURS]}
    for answer in point.answers:
        by.setdefault(_text(answer.value), []).extend(answer.of)
    place = _(point.at)
    if point.smooth:
        place = _("{point}, where it has a derivative").format(point=place)
    for value, names in by.items():
        yield place, value, listed(names)
        place = ""


def _text(value: Iterable[float | None]) -> str:
    return ", ".join("nan" if n is None else number(n) for n in value)


def data(op: Op) -> Mapping[str, object] | None:
    """The same as plain data; None of an op that was not asked about and has no choice."""
    points = [p for p in table().points if p.op == op.name]
    attributes = {
        n: {"default": a.default, "choices": list(a.choices)} for n, a in op.conventions.items() if not a.hidden
    }
    if not (points or attributes):
        return None
    answers = (
        {"at": p.at, "bpdebug": list(p.ours), **{n: list(a.value) for a in p.answers for n in a.of}} for p in points
    )
    return {"attributes": attributes, "answers": list(answers)}
